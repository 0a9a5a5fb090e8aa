"""The simulation box as a LAMMPS dump writes it, to and from cell vectors.

https://docs.lammps.org/Howto_triclinic.html
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError

LARGEST = 1e100
"""Bound of what a box has, whose square is a number, too."""
BOUNDARY_LETTERS = frozenset("pfsm")


@dataclass(frozen=True, eq=False)
class Box:
    """A parallelepiped.

    Attributes
    ----------
    cell
        (3, 3) float64, rows are the vectors, in the file's own orientation.
    origin
        (3,) float64, its lower corner.
    pbc
        (3,) bool.
    boundary
        The boundary flags as the file gives them (``"pp pp ff"``), empty where it does not.
    """

    cell: NDArray[np.float64]
    origin: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    boundary: str

    @classmethod
    def parse(cls, words: list[str], lines: list[str]) -> Box:
        """The box of ``ITEM: BOX BOUNDS`` (its words after BOUNDS) and the three lines after it.

        Three forms exist: orthogonal ``lo hi``; triclinic ``xy xz yz`` with
        ``lo_bound hi_bound tilt``, where the bounds enclose the whole tilted box; general
        triclinic ``abc origin`` with one cell vector and one component of the origin a line.

        Raises
        ------
        InputError
            ``line`` is the number (1 … 3) of the offending line, 0 for the words.
        """
        flags = [word for word in words if len(word) == 2 and set(word) <= BOUNDARY_LETTERS]
        form = [word for word in words if word not in flags]
        if len(flags) not in (0, 3) or form not in ([], ["xy", "xz", "yz"], ["abc", "origin"]):
            raise InputError(
                f"box header {' '.join(words)!r} is not understood",
                line=0,
                hint="expected boundary flags such as pp pp pp, before them xy xz yz or abc origin",
            )
        columns = {"": (2,), "xy": (3,), "abc": (4,)}[form[0] if form else ""]
        if not form and all(len(line.split()) == 3 for line in lines):
            columns = (3,)  # old files give tilts without saying so
            form = ["xy", "xz", "yz"]
        values = np.array([_numbers(line, columns[0], i + 1) for i, line in enumerate(lines)])
        if form and form[0] == "abc":
            cell, origin = values[:, :3].copy(), values[:, 3].copy()
            with np.errstate(all="ignore"):  # of vectors that are as good as zero
                volume = abs(np.linalg.det(_unit(cell)))
            if not volume > 1e-10:
                raise InputError(f"the box has no volume: vectors {cell.tolist()}", line=1)
        else:
            tilts = values[:, 2] if form else np.zeros(3)
            cell, origin = _from_bounds(values[:, 0], values[:, 1], tilts)
        return cls(cell, origin, _periodic(flags), " ".join(flags))

    @classmethod
    def upright(cls, low: list[float], high: list[float], flags: list[str]) -> Box:
        """A box parallel to the axes, of its corners and three boundary flags."""
        cell = np.diag(np.subtract(high, low))
        return cls(cell, np.array(low), _periodic(flags), " ".join(flags))

    def scaled(self, factor: float) -> Box:
        """The same box in units ``factor`` times smaller."""
        if factor == 1.0:
            return self
        return Box(self.cell * factor, self.origin * factor, self.pbc, self.boundary)


def _periodic(flags: list[str]) -> NDArray[np.bool_]:
    """(3,) A direction is periodic only if both of its faces are, or nothing is said."""
    return np.array([flag == "pp" for flag in flags] or [True] * 3)


def _unit(cell: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(cell, axis=1)
    unit: NDArray[np.float64] = cell / np.where(lengths > 0.0, lengths, 1.0)[:, None]
    return unit


def _numbers(line: str, n: int, number: int) -> list[float]:
    words = line.split()
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(words) != n or len(values) != n or not np.all(np.abs(values) < LARGEST):
        raise InputError(
            f"box line has {line.strip()[:80]!r}, expected {n} finite numbers", line=number
        )
    return values


def _from_bounds(
    low: NDArray[np.float64], high: NDArray[np.float64], tilts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    xy, xz, yz = tilts
    low = low - np.array([min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0])
    high = high - np.array([max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0])
    for i, axis in enumerate("xyz"):
        if not high[i] > low[i]:
            raise InputError(
                f"the box has no positive length along {axis}: "
                f"{axis}lo = {low[i]:.17g}, {axis}hi = {high[i]:.17g}",
                line=i + 1,
            )
    a, b, c = high - low
    return np.array([[a, 0.0, 0.0], [xy, b, 0.0], [xz, yz, c]]), low


def restricted(cell: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cell turned so that it is lower triangular with positive diagonal, and the rotation.

    Returns ``triangular`` and ``turn``, both (3, 3), with ``cell @ turn == triangular``. For a
    left-handed cell ``turn`` includes a reflection: no rotation alone can do it.
    """
    q, r = np.linalg.qr(cell.T)
    signs = np.where(np.diag(r) < 0.0, -1.0, 1.0)
    turn: NDArray[np.float64] = q * signs
    triangular = np.tril(cell @ turn)
    return triangular, turn


def bounds_text(cell: NDArray[np.float64], origin: NDArray[np.float64], boundary: str) -> str:
    """``ITEM: BOX BOUNDS`` and its three lines for a lower-triangular cell."""
    (a, _, _), (xy, b, _), (xz, yz, c) = cell.tolist()
    tilted = any(abs(tilt) > 1e-12 for tilt in (xy, xz, yz))
    if not tilted:
        xy = xz = yz = 0.0
    low = origin + np.array([min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0])
    high = origin + np.array([a, b, c]) + np.array([max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0])
    head = "ITEM: BOX BOUNDS " + ("xy xz yz " if tilted else "") + boundary + "\n"
    lines = []
    for lo, hi, tilt in zip(low, high, (xy, xz, yz), strict=True):
        lines.append(f"{lo:.16e} {hi:.16e}" + (f" {tilt:.16e}" if tilted else "") + "\n")
    return head + "".join(lines)
