"""Crystals cut open beside a vacuum, and crystals fitted and put onto each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.generation.lattices import Size, Structure, build
from iceclass.neighbours.cell_list import neighbour_list
from iceclass.neighbours.lattice import heights

BONDED = 2.6
"""Å; no two bonded oxygens of an ice at low pressure are nearer."""

MOST_STRAIN = 0.03
"""Of a crystal that is fitted to another: more than thermal expansion, less than would break it."""


def fractional_oxygens(structure: Structure) -> NDArray[np.float64]:
    """(N, 3) oxygens in units of the cell vectors, from 0 to 1."""
    fractional = structure.molecules[:, 0] @ np.linalg.inv(structure.cell)
    return np.asarray(fractional - np.floor(fractional))


def check_right_angles(structure: Structure) -> None:
    """Raise InputError where the cell, which is lower triangular, is tilted."""
    if not np.allclose(structure.cell[np.tril_indices(3, -1)], 0.0, atol=1e-6):
        raise InputError(f"{structure.lattice}: expected a crystal with right angles")


def fitted(name: str, structure: Structure) -> Structure:
    """Another crystal on top of one: the face and repetition of the least strain."""
    across, thick = np.diag(structure.cell)[:2], structure.cell[2, 2]
    small = replace(structure.model, r_cut=0.0)
    one = build(name, small, seed=1, size=Size(repetition=(1, 1, 1)))
    check_right_angles(one)
    edges = np.diag(one.cell)
    choices = []
    for up in range(3):
        x, y = (up + 1) % 3, (up + 2) % 3
        cells = np.maximum(1, np.round(across / edges[[x, y]]))
        strain = float(np.abs(across / (cells * edges[[x, y]]) - 1.0).max())
        layers = max(1, round(thick / edges[up]))
        choices.append((strain, up, (*cells.astype(int), layers)))
    strain, up, counts = min(choices)
    if strain > MOST_STRAIN:
        raise InputError(
            f"{name} on {structure.lattice} ×{structure.repetition}: strained by "
            f"{100 * strain:.1f} % sideways, expected at most {100 * MOST_STRAIN:g} %",
            hint="take another repetition of a crystal with right angles",
        )
    order = [(up + 1) % 3, (up + 2) % 3, up]
    repetition = [0, 0, 0]
    for axis, count in zip(order, counts, strict=True):
        repetition[axis] = int(count)
    made = build(name, small, seed=structure.seed, size=Size(tuple(repetition)))  # type: ignore[arg-type]
    turned = made.molecules[:, :, order]
    cell = np.diag([*across, np.diag(made.cell)[up]])
    oxygens = turned[:, :1] * np.diag(cell) / np.diag(made.cell)[order]
    return replace(made, cell=cell, molecules=turned - turned[:, :1] + oxygens)


def stacked(first: Structure, second: Structure, gap: float) -> tuple[Structure, NDArray[np.bool_]]:
    """Two crystals in one box, the second on top, Å between their cells; which is the second."""
    cell = first.cell.copy()
    cell[2, 2] += second.cell[2, 2] + 2 * gap
    moved = second.molecules + np.array([0.0, 0.0, first.cell[2, 2] + gap])
    both = replace(first, cell=cell, molecules=np.concatenate([first.molecules, moved]))
    return both, np.arange(both.n_molecules) >= first.n_molecules


def squeezed(structure: Structure, second: NDArray[np.bool_]) -> bool:
    """Whether an oxygen of one crystal is nearer to one of the other than bonded ones are."""
    offsets, neighbour = neighbour_list(structure.frame(), BONDED)[:2]
    centre = np.repeat(np.arange(len(second)), np.diff(offsets))
    return bool((second[centre] != second[neighbour]).any())


def cut_open(
    structure: Structure, axis: int, vacuum: float
) -> tuple[Structure, NDArray[np.float64]]:
    """The crystal cut across ``axis`` at its widest gap, with vacuum there; and (N,) depths, Å.

    The depth of a molecule is its distance from the plane of the outermost ones.
    """
    fractional = fractional_oxygens(structure)
    along = fractional[:, axis]
    order = np.sort(along)
    gaps = np.diff(np.append(order, order[0] + 1.0))
    cut = (order[int(np.argmax(gaps))] + gaps.max() / 2) % 1.0
    fractional[:, axis] = (along - cut) % 1.0
    height = heights(structure.cell)[axis]
    cell = structure.cell.copy()
    cell[axis] *= 1.0 + vacuum / height
    oxygens = fractional @ structure.cell + cell[axis] * (0.5 * vacuum / (height + vacuum))
    molecules = structure.molecules - structure.molecules[:, :1] + oxygens[:, None]
    place = fractional[:, axis] * height
    depth = np.minimum(place - place.min(), place.max() - place)
    return replace(structure, cell=cell, molecules=molecules), depth
