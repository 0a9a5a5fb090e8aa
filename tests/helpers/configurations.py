"""Oxygen configurations to compute descriptors of: crystals, liquid-like, sheared, open, tiny."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
from numpy.typing import NDArray

from iceclass.frame import Frame


@cache
def unit_cell(lattice: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fractional oxygen positions and cell (Å) of a GenIce2 lattice."""
    from genice2.genice import GenIce
    from genice2.plugin import Lattice

    logging.disable(logging.WARNING)
    try:
        ice = GenIce(Lattice(lattice), reshape=np.eye(3, dtype=int))
    finally:
        logging.disable(logging.NOTSET)
    return np.array(ice.waters1), np.array(ice.cell1.mat) * 10.0


def crystal(lattice: str, reps: tuple[int, int, int] = (1, 1, 1), noise: float = 0.0) -> Frame:
    """A crystal with Gaussian displacements of ``noise`` Å."""
    fractional, cell = unit_cell(lattice)
    shifts = np.stack(np.meshgrid(*map(np.arange, reps), indexing="ij"), axis=-1).reshape(-1, 3)
    positions = (shifts[:, None, :] + fractional).reshape(-1, 3) @ cell
    positions = positions + noise * np.random.default_rng(7).normal(size=positions.shape)
    return Frame(positions, cell * np.array(reps)[:, None])


def liquid_like(n: int = 60, seed: int = 1) -> Frame:
    """Random molecules at the density of water, none closer than 2.4 Å."""
    rng = np.random.default_rng(seed)
    box = (n / 0.0334) ** (1 / 3)
    placed: list[NDArray[np.float64]] = []
    while len(placed) < n:
        trial = rng.uniform(0, box, 3)
        apart = np.array(placed).reshape(-1, 3) - trial
        apart -= box * np.round(apart / box)
        if (np.linalg.norm(apart, axis=1) > 2.4).all():
            placed.append(trial)
    return Frame(np.array(placed), np.eye(3) * box)


def sheared(strain: float = 2.3) -> Frame:
    """Displaced ice Ih after a simple shear in two planes, in the cell it was sheared with."""
    frame = crystal("1h", (2, 2, 2), noise=0.1)
    shear = np.array([[1, 0, 0], [strain, 1, 0], [0.4, -0.7, 1]])
    return Frame(frame.positions @ shear, frame.cell @ shear)


def random_triclinic(
    n: int, seed: int, pbc: tuple[bool, bool, bool] = (True, True, True), size: float = 8.0
) -> Frame:
    """Uniform molecules in a random skewed cell of either hand; half of them outside it."""
    rng = np.random.default_rng(seed)
    while True:
        cell = rng.uniform(-size, size, (3, 3))
        lengths = np.linalg.norm(cell, axis=1)
        if abs(np.linalg.det(cell / lengths[:, None])) > 0.2 and lengths.min() > 0.3 * size:
            break
    return Frame(rng.uniform(-1.0, 2.0, (n, 3)) @ cell, cell, pbc=np.array(pbc))


def cluster() -> Frame:
    """A liquid-like droplet in vacuum: no cell."""
    return Frame(liquid_like(50, seed=3).positions - 40.0, np.zeros((3, 3)))


def slab() -> Frame:
    """Displaced ice Ih, open along the third cell vector."""
    frame = crystal("1h", (2, 2, 1), noise=0.15)
    return Frame(frame.positions, frame.cell, pbc=np.array([True, True, False]))


def isolated() -> Frame:
    """One molecule in vacuum."""
    return Frame(np.array([[1.0, 2.0, 3.0]]), np.zeros((3, 3)))


def one_periodic() -> Frame:
    """One molecule in a skewed cell much smaller than any cut-off: all neighbours are itself."""
    return Frame(
        np.array([[9.0, -4.0, 0.3]]), np.array([[3.1, 0, 0], [1.2, 2.9, 0], [-1, 0.8, 3.4]])
    )


CONFIGURATIONS = {
    "ice Ih": lambda: crystal("1h", (2, 2, 2)),
    "ice II": lambda: crystal("2", (2, 2, 2)),
    "ice V": lambda: crystal("5", (1, 2, 1)),
    "ice Ih displaced": lambda: crystal("1h", (2, 2, 1), noise=0.15),
    "ice V displaced, one cell": lambda: crystal("5", noise=0.2),
    "liquid-like": liquid_like,
    "sheared": sheared,
    "random triclinic": lambda: random_triclinic(40, seed=5),
    "random small": lambda: random_triclinic(4, seed=6, size=4.0),
    "droplet": cluster,
    "slab": slab,
    "wire": lambda: random_triclinic(20, seed=8, pbc=(False, True, False)),
    "isolated": isolated,
    "one molecule, periodic": one_periodic,
}
"""Name → a function that makes the frame."""


def relative_error(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Largest difference of a row, divided by the norm of the expected row."""
    difference = np.linalg.norm(np.float64(found) - np.float64(expected), axis=1)
    return float((difference / np.linalg.norm(np.float64(expected), axis=1)).max())
