"""The configurations that are timed: displaced ice Ih of any size, and a real liquid."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.reference import load_reference
from iceclass.errors import InputError
from iceclass.frame import Frame

O_O = 2.76
"""Å. Distance of neighbouring oxygens in the perfect lattice."""

DISPLACEMENT = 0.12
"""Å. Standard deviation of every coordinate of the displaced ice; about that at 200 K."""

LIQUID_STATE = (300.0, 0.0)
"""K and GPa. The liquid is the shipped trajectory of water that was simulated nearest to it."""

KELVIN_PER_GPA = 500.0
"""Distance of states: pressure decides first, temperature among the states of one pressure."""

_IH_CELL = O_O * np.array([np.sqrt(8.0), np.sqrt(8.0), 8.0]) / np.sqrt([3.0, 1.0, 9.0])
_IH_SITES = np.array(
    [
        [x, (y + up / 6.0) % 1.0, z]
        for x, y in ((0.0, 0.0), (0.5, 0.5))
        for up, z in ((0, 1 / 16), (2, 15 / 16), (0, 7 / 16), (2, 9 / 16))
    ]
)
"""The 8 oxygens of hexagonal diamond in its orthogonal cell, fractional."""


def ice(molecules: int, frame: int = 0) -> Frame:
    """Ice Ih with Gaussian displacements, seeded by size and ``frame``.

    Exactly ``molecules`` where that is a multiple of 8, else the nearest that is; the box is the
    most cube-like of that number of cells.
    """
    repeats = _most_cubic(_IH_CELL, max(1, round(molecules / 8)))
    fractional = (_shifts(repeats)[:, None, :] + _IH_SITES).reshape(-1, 3)
    positions = fractional * _IH_CELL
    noise = np.random.default_rng([len(positions), frame]).normal(size=positions.shape)
    return Frame(positions + DISPLACEMENT * noise, np.diag(_IH_CELL * repeats), timestep=frame)


def liquid(molecules: int, frame: int = 0) -> tuple[Frame, str]:
    """Liquid water, and the name of the trajectory of the shipped data it comes from.

    A frame, counted from the last, of the trajectory nearest to :data:`LIQUID_STATE`, repeated
    to the number of copies nearest to ``molecules`` in the most cube-like box.

    Raises
    ------
    InputError
        The data set that comes with iceclass is not there or holds no water.
    """
    temperature, pressure = LIQUID_STATE
    found = sorted(
        (abs(t.temperature - temperature) + KELVIN_PER_GPA * abs(t.pressure - pressure), t.name, t)
        for t in load_reference()
        if t.phase == "water"
    )
    if not found:
        raise InputError("the data set that comes with iceclass holds no water")
    trajectory = found[0][2]
    one = trajectory.frames[-1 - frame % len(trajectory.frames)]
    lengths = np.linalg.norm(one.cell, axis=1)
    repeats = _most_cubic(lengths, max(1, round(molecules / one.n_molecules)))
    shifts = _shifts(repeats) @ one.cell
    positions = (shifts[:, None, :] + one.positions).reshape(-1, 3)
    cell = one.cell * np.array(repeats)[:, None]
    return Frame(positions, cell, timestep=frame), trajectory.name


def configurations(molecules: int, frame: int = 0) -> dict[str, Frame]:
    """Name → frame of everything that is timed at one size."""
    return {"ice Ih": ice(molecules, frame), "liquid": liquid(molecules, frame)[0]}


def _shifts(repeats: tuple[int, int, int]) -> NDArray[np.float64]:
    """(K, 3) whole multiples of the cell vectors, one row a copy."""
    return np.array(list(product(*map(range, repeats))), dtype=np.float64)


def _most_cubic(lengths: NDArray[np.float64], count: int) -> tuple[int, int, int]:
    """``count`` cells of these lengths as i × j × k, the longest edge as short as possible."""
    divisors = [i for i in range(1, count + 1) if count % i == 0]
    choices = [(i, j, count // (i * j)) for i in divisors for j in divisors if count % (i * j) == 0]
    return min(choices, key=lambda repeats: (max(lengths * repeats), repeats))
