"""Two phases beside each other: ghosts between them, and the boundary against its construction."""

from __future__ import annotations

from typing import Any

import numpy as np

from iceclass.analysis.interfaces import find_interfaces
from iceclass.analysis.nuclei import ICE_I
from iceclass.phases import GLASSES, UNKNOWN
from iceclass.validation.environments import (
    Scene,
    head,
    scenes,
    trained,
    unseen_trajectories,
)
from iceclass.validation.inputs import Inputs


def measure(inputs: Inputs) -> dict[str, Any]:
    """Rows of the boxes with two phases, one a trajectory."""
    rows = []
    for t in unseen_trajectories(inputs, "interface"):
        every = list(scenes(inputs, t))
        named = np.concatenate([s.named for s in every])
        right = _as_one(np.concatenate([s.right for s in every]))
        sure = np.concatenate([s.sure for s in every])
        axis = str(t.metadata["definition"]["recipe"].get("axis", "z"))
        widths = [width for s in every for width in boundary_widths(s, axis)]
        rows.append(
            {
                **head(inputs, t),
                "phases": " beside ".join(t.metadata["phases"]),
                "molecules": len(named),
                "with_truth": int(sure.sum()),
                "accuracy": float(np.mean(_as_one(named)[sure] == right[sure])),
                "ghosts": float(np.mean(np.concatenate([s.ghosts for s in every]))),
                "unknown": float(np.mean(named == UNKNOWN)),
                "amorphous": float(np.mean(np.isin(named, GLASSES))),
                "boundaries": len(widths) / len(every),
                "width": float(np.median(widths)) if widths else None,
                "trained": trained(inputs, t),
            }
        )
    return {"rows": rows}


def _as_one(names: Any) -> Any:
    """Ih and Ic as ice I."""
    return np.where(np.isin(names, ICE_I), "ice I", names)


def boundary_widths(scene: Scene, axis: str) -> list[float]:
    """Å, from 10 to 90 %: of the boundaries of what was made first, by the model's labels.

    Each is looked for along the direction in which the box was put together.
    """
    first = [name for name in dict.fromkeys(scene.made.tolist()) if name and name != "water"]
    if not first:
        return []
    ordered = ICE_I if first[0] in ICE_I else (first[0],)
    found = find_interfaces(scene.frame, np.isin(scene.named, ordered), axis)
    return [one.width for one in found.interfaces]
