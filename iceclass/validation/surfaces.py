"""Free surfaces, walls and guests: what is called what by the depth below the surface.

Depth is the distance to the nearest point that is empty of molecules: points of a grid further
than :data:`PROBE` from every molecule, so that slabs, films, droplets and walls need no direction.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from iceclass.frame import Frame
from iceclass.neighbours.lattice import heights
from iceclass.phases import UNKNOWN
from iceclass.validation.environments import head, scenes, trained, unseen_trajectories
from iceclass.validation.inputs import Inputs

KINDS = ("surface", "film", "droplet", "wall", "solution")
EDGES = (-np.inf, 2.5, 5.0, 8.0, np.inf)
"""Å, of the layers: outermost, first bilayer below it, what a cut-off still sees, the inside."""
PROBE = 4.5
"""Å from every molecule that an empty point is: no cage in ice, liquid or hydrate is so wide."""
GRID = 1.5
"""Å between the points."""


def measure(inputs: Inputs) -> dict[str, Any]:
    """Rows of every trajectory by depth; the row of depth "all" is of all its molecules."""
    rows = []
    for t in unseen_trajectories(inputs, *KINDS):
        every = list(scenes(inputs, t))
        deep = np.concatenate([depths(s.frame) for s in every])
        named = np.concatenate([s.named for s in every])
        right = np.concatenate([s.right for s in every])
        with_truth = np.concatenate([s.sure for s in every])
        layers = {"all": np.ones(len(deep), dtype=bool)}
        for low, high in pairwise(EDGES):
            layers[_layer_name(low, high)] = (deep >= low) & (deep < high)
        for layer, chosen in layers.items():
            if not chosen.any():
                continue
            sure = chosen & with_truth
            rows.append(
                {
                    **head(inputs, t),
                    "depth": layer,
                    "molecules": int(chosen.sum()),
                    "with_truth": int(sure.sum()),
                    "accuracy": float(np.mean(named[sure] == right[sure])) if sure.any() else None,
                    "liquid_or_ice": float(
                        np.mean(np.isin(named[chosen], ("water", "ih", "ic", "ii", "iii", "v")))
                    ),
                    "unknown": float(np.mean(named[chosen] == UNKNOWN)),
                    "trained": trained(inputs, t),
                }
            )
    return {"rows": rows}


def _layer_name(low: float, high: float) -> str:
    if np.isinf(low):
        return f"< {high:g} Å"
    return f"> {low:g} Å" if np.isinf(high) else f"{low:g}–{high:g} Å"


def depths(frame: Frame) -> NDArray[np.float64]:
    """(N,) Å below the surface; infinite where there is none.

    Zero is a molecule that just touches emptiness.
    """
    inverse = np.linalg.inv(frame.cell)
    shape = np.maximum(4, np.ceil(np.linalg.norm(frame.cell, axis=1) / GRID)).astype(int)
    axes = [np.arange(n) / n for n in shape]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = (frame.positions - frame.origin) @ inverse
    inside -= np.floor(inside)
    molecules = _with_images(inside, frame, PROBE)
    empty = ~np.isfinite(cKDTree(molecules).query(grid @ frame.cell, distance_upper_bound=PROBE)[0])
    if not empty.any():
        return np.full(frame.n_molecules, np.inf)
    reach = float(np.max(np.linalg.norm(frame.cell, axis=1))) / 2.0
    points = _with_images(grid[empty], frame, reach)
    return np.asarray(cKDTree(points).query(inside @ frame.cell)[0] - PROBE)


def _with_images(inside: NDArray[np.float64], frame: Frame, reach: float) -> NDArray[np.float64]:
    """(M, 3) Å: points given by fractions from 0 to 1, and images within reach of the cell."""
    margin = reach / heights(frame.cell)
    shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    every = (inside + shifts).reshape(-1, 3)
    near = ((every > -margin) & (every < 1.0 + margin)).all(axis=1)
    return np.asarray(every[near] @ frame.cell)
