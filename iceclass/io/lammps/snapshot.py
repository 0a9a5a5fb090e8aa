"""From the header and the rows of a LAMMPS dump of any style to a raw frame, in Å and ps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.lammps.binary_columns import BinaryColumns
from iceclass.io.lammps.header import Header
from iceclass.io.lammps.kinds import KindReader
from iceclass.io.lammps.units import scale_of
from iceclass.io.text.columns import COORDINATES, TextColumns
from iceclass.io.water.assembly import RawFrame


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a frame: all columns, and (M, 3) numbers of the ``coordinates`` columns."""

    columns: TextColumns | BinaryColumns
    coordinates: tuple[str, str, str]
    floats: NDArray[np.float64]


def coordinates_in(names: tuple[str, ...]) -> tuple[str, str, str]:
    """The columns that hold the positions.

    Raises
    ------
    InputError
        There are none.
    """
    for triple in COORDINATES:
        if set(triple) <= set(names):
            return triple
    for triple in COORDINATES:
        missing = [name for name in triple if name not in names]
        if len(missing) < 3:
            found = " ".join(name for name in triple if name in names)
            raise InputError(
                f"the columns have {found} but no {' '.join(missing)}",
                hint="write x y z with the dump command",
            )
    raise InputError(
        f"no positions among the columns {' '.join(names)[:200]}",
        hint="expected x y z, xs ys zs, xu yu zu or xsu ysu zsu",
    )


def raw_frame(header: Header, table: Table, kinds: KindReader) -> RawFrame:
    """The frame; ``kinds`` tells its atoms apart.

    Raises
    ------
    InputError
        Units without a length, or a time that is no number.
    """
    length, duration = 1.0, None
    if units := header.kept.get("units"):
        length, duration = scale_of(units)
    assert header.box is not None
    box = header.box.scaled(length)
    xyz = table.floats
    if table.coordinates[0] in ("xs", "xsu"):
        with np.errstate(over="ignore", invalid="ignore"):
            positions = xyz @ box.cell + box.origin
    else:
        with np.errstate(over="ignore"):  # what is infinite then is told of later
            positions = xyz if length == 1.0 else xyz * length
    time = None
    if duration is not None and "time" in header.kept:
        try:
            time = float(header.kept["time"]) * duration
        except ValueError:
            raise InputError(f"ITEM: TIME is {header.kept['time']!r}, expected a number") from None
    columns = table.columns
    return RawFrame(
        positions=positions,
        cell=box.cell,
        pbc=box.pbc,
        origin=box.origin,
        columns=columns,
        kinds=lambda full: kinds.read(columns, full),
        ids=columns.get("id"),
        timestep=header.timestep,
        time=time,
        header=header.kept,
    )
