"""How a trajectory is read: one value for what every reader and command has to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from iceclass.errors import InputError, unknown_name
from iceclass.io.lammps.units import UNITS, scale_of

UNIT_NAMES = {name: name for name in UNITS} | {"bohr": "electron", "nm": "nano"}
"""Names of units, and the unit style of LAMMPS that has their lengths."""

OnError = Literal["raise", "skip"]


@dataclass(frozen=True)
class ReadOptions:
    """How a trajectory is read.

    Attributes
    ----------
    types
        Type (number or label), atom name or element → element, where the file does not tell or
        tells wrong: ``{1: "O", 2: "H"}``. Types that are not named are hydrogens only if the file
        shows so.
    topology
        A file that tells what the atoms are, for formats that do not: XTC, TRR, DCD.
    cell
        ``"a,b,c"`` or ``"a,b,c,α,β,γ"`` (Å, degrees; text or numbers), or (3, 3) vectors as rows in
        Å, periodic along all three, where the file has no cell. Kept as (3, 3).
    force_cell
        Take ``cell`` in place of another one that the file has.
    units
        ``"metal"``, ``"real"`` (Å), ``"bohr"``, ``"nm"``, or another of LAMMPS's unit styles: what
        the lengths in the file are in, where it does not tell.
    start, stop, every
        Which frames of the file: as in ``range(start, stop, every)``, none of them negative.
        To start where the file ends gives no frames, to start beyond is an error.
    on_error
        ``"raise"``, or ``"skip"`` to go on without damaged frames.

    Raises
    ------
    InputError
        A value that is none of these.
    """

    types: Mapping[Any, str] | None = None
    topology: str | Path | None = None
    cell: Any = None
    force_cell: bool = False
    units: str | None = None
    start: int = 0
    stop: int | None = None
    every: int = 1
    on_error: OnError = "raise"

    def __post_init__(self) -> None:
        if self.start < 0 or self.every < 1 or (self.stop is not None and self.stop < 0):
            raise InputError(
                f"frames from {self.start} to {self.stop} in steps of {self.every} cannot be read",
                hint="start and stop count from 0, every from 1",
            )
        if self.on_error not in ("raise", "skip"):
            raise InputError(f"on_error is {self.on_error!r}", hint="known: raise, skip")
        if self.units is not None and self.units not in UNIT_NAMES:
            raise unknown_name("units", self.units, UNIT_NAMES)
        if self.cell is not None:
            object.__setattr__(self, "cell", cell_vectors(self.cell))
        elif self.force_cell:
            raise InputError("a cell is to be forced, but none is given", hint="give the cell, too")

    @classmethod
    def of(cls, options: Self | None, changes: Mapping[str, Any]) -> Self:
        """The options, or the default ones, with some of them changed.

        Raises
        ------
        TypeError
            There is no option of that name, or ``options`` are none.
        """
        if options is not None and not isinstance(options, cls):
            raise TypeError(
                f"options are a {type(options).__name__}, expected ReadOptions: "
                "write types=… to tell the types"
            )
        return replace(cls() if options is None else options, **changes)

    @property
    def frames(self) -> tuple[int, int | None, int]:
        """``start, stop, every``."""
        return self.start, self.stop, self.every

    @property
    def length(self) -> float:
        """Å per unit of length that was given; 1 where none was."""
        return 1.0 if self.units is None else scale_of(UNIT_NAMES[self.units])[0]


def cell_vectors(value: Any) -> tuple[tuple[float, ...], ...]:
    """(3, 3) cell vectors (Å) of what :attr:`ReadOptions.cell` may be.

    ``a`` lies along x and ``b`` in the xy plane, as in all MD formats.

    Raises
    ------
    InputError
        It is not of one of these forms, or has no volume.
    """
    from ase.geometry import cellpar_to_cell

    try:
        words = value.replace(",", " ").split() if isinstance(value, str) else value
        numbers = np.array(words, np.float64)
        if numbers.shape in ((3,), (6,)):
            numbers = np.where(numbers > 0.0, numbers, np.nan)
            numbers = cellpar_to_cell(numbers.tolist())
        if numbers.shape != (3, 3):
            raise ValueError
    except (ValueError, TypeError, AssertionError):
        numbers = np.full((3, 3), np.nan)
    if not (np.isfinite(numbers).all() and abs(np.linalg.det(numbers)) > 0.0):
        raise InputError(
            f"the cell {value!r} is none",
            hint="write a,b,c or a,b,c,alpha,beta,gamma in Å and degrees, as in 23.5,22.1,27.1",
        )
    return tuple(tuple(row) for row in numbers.tolist())
