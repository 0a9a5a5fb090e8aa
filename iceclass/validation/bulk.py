"""Bulk phases beyond the reference: liquids by temperature, crystals by pressure, glasses.

Each of many water models, from deep supercooling to boiling, stretched and compressed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from iceclass.phases import HYDRATES, UNKNOWN
from iceclass.validation.environments import head, scenes, trained, unseen_trajectories
from iceclass.validation.inputs import Inputs


def measure_liquids(inputs: Inputs) -> dict[str, Any]:
    """Rows of the liquids."""
    return {"rows": bulk_rows(inputs, "liquid")}


def measure_crystals(inputs: Inputs) -> dict[str, Any]:
    """Rows of the crystals; a compressed ice is that ice."""
    return {"rows": bulk_rows(inputs, "crystal")}


def measure_glasses(inputs: Inputs) -> dict[str, Any]:
    """Rows of the amorphous ices of other models, rates and roads."""
    return {"rows": bulk_rows(inputs, "glass")}


def bulk_rows(inputs: Inputs, kind: str) -> list[dict[str, Any]]:
    """One row a trajectory: density, g/cm³, share named right, unknown, hydrate; what else."""
    rows = []
    for t in unseen_trajectories(inputs, kind):
        every = list(scenes(inputs, t))
        named = np.concatenate([s.named for s in every])
        right = np.concatenate([s.right for s in every])
        wrong = Counter(named[named != right].tolist()).most_common(1)
        rows.append(
            {
                **head(inputs, t),
                "phase": t.phase,
                "density": float(np.mean([s.frame.density for s in every])),
                "molecules": len(named),
                "accuracy": float(np.mean(named == right)),
                "unknown": float(np.mean(named == UNKNOWN)),
                "hydrate": float(np.mean(np.isin(named, HYDRATES))),
                "else": wrong[0][0] if wrong else "",
                "trained": trained(inputs, t),
            }
        )
    return rows
