"""Part of space: which molecules of a frame lie between planes at right angles to the axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame


@dataclass(frozen=True)
class Region:
    """Positions with ``low`` ≤ coordinate ≤ ``high``.

    Attributes
    ----------
    axis
        ``"x"``, ``"y"`` or ``"z"``.
    low, high
        Å, as the coordinates in the file; infinite: no limit. Molecules outside the cell are
        taken to their periodic image inside it.
    """

    axis: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.axis not in ("x", "y", "z") or not self.low <= self.high:
            raise InputError(
                f"region {self}: expected x, y or z and two numbers in Å, the lower one first"
            )

    def __str__(self) -> str:
        return f"{self.axis}:{self.low:g}:{self.high:g}"

    @classmethod
    def parse(cls, text: str) -> Region:
        """``z:10:25``; ``INF`` or nothing for no limit.

        Raises
        ------
        InputError
            It is not of that form.
        """
        axis, *limits = text.lower().split(":")
        try:
            low, high = (
                float(limit) if limit not in ("", "inf", "-inf") else side * np.inf
                for limit, side in zip(limits, (-1, 1), strict=True)
            )
        except ValueError:
            raise InputError(
                f"region {text!r}: expected AXIS:LOW:HIGH in Å, as in z:10:25"
            ) from None
        return cls(axis, low, high)


def inside(frame: Frame, regions: Iterable[Region]) -> NDArray[np.bool_]:
    """(N,) Whether each molecule lies in all of the regions."""
    periodic = frame.pbc
    positions = frame.positions - frame.origin
    if periodic.any():
        cell = frame.cell[periodic]
        fractional = positions @ np.linalg.pinv(cell)
        positions = positions - np.floor(fractional) @ cell
    positions = positions + frame.origin
    selected = np.ones(frame.n_molecules, dtype=bool)
    for region in regions:
        along = positions[:, "xyz".index(region.axis)]
        selected &= (along >= region.low) & (along <= region.high)
    return selected
