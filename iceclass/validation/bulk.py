"""Bulk phases beyond the reference: liquids by temperature, crystals by pressure, glasses.

Each of many water models, from deep supercooling to boiling, stretched and compressed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from iceclass.phases import GLASSES, HYDRATES, UNKNOWN
from iceclass.validation.environments import head, scenes, trained, unseen_trajectories
from iceclass.validation.inputs import Inputs
from iceclass.validation.leaning import LEANINGS, leaned

COLD = 230.0
"""K. Liquids below are compared with glasses: of all models tried, those that may be called one."""


def measure_liquids(inputs: Inputs) -> dict[str, Any]:
    """Rows of the liquids."""
    return {"rows": bulk_rows(inputs, "liquid")}


def measure_crystals(inputs: Inputs) -> dict[str, Any]:
    """Rows of the crystals; a compressed ice is that ice."""
    return {"rows": bulk_rows(inputs, "crystal")}


def measure_glasses(inputs: Inputs) -> dict[str, Any]:
    """Rows of the amorphous ices of other models, rates and roads."""
    return {"rows": bulk_rows(inputs, "glass"), "trade_off": trade_off(inputs)}


def trade_off(inputs: Inputs) -> list[dict[str, float]]:
    """Shares right of the coldest liquids and of the glasses, if glasses were likelier.

    Of each the mean over the trajectories and the least of them; nothing without both.
    """
    classes = inputs.model.classes
    glassy = np.isin(classes, GLASSES)
    cold = [t for t in unseen_trajectories(inputs, "liquid") if t.temperature < COLD]
    glasses = [t for t in unseen_trajectories(inputs, "glass") if t.phase in classes]
    kinds = {"liquid": cold, "glass": glasses}
    if not all(kinds.values()) or "water" not in classes:
        return []
    found: list[dict[str, float]] = [{"leaning": shift} for shift in LEANINGS]
    for kind, trajectories in kinds.items():
        shares = []
        for t in trajectories:
            right = classes.index(t.phase)
            each = [leaned(s.probabilities, glassy) for s in scenes(inputs, t)]
            said = np.concatenate(each, axis=1)
            shares.append((said == right).mean(axis=1))
        for point, mean, least in zip(
            found, np.mean(shares, axis=0), np.min(shares, axis=0), strict=True
        ):
            point |= {kind: float(mean), f"least_{kind}": float(least)}
    return found


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
