"""A frame in a box of the form that other programs take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.frame import Frame
from iceclass.io.lammps.box import restricted
from iceclass.neighbours.lattice import complete_cell


def triangular_box(
    frame: Frame, room: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """The frame turned (or mirrored) so that its compact cell is lower triangular.

    Parameters
    ----------
    room
        Å. Left free around the molecules along open directions.

    Returns
    -------
    cell
        (3, 3) float64, Å. Rows from the origin, with a positive diagonal.
    positions
        (N, 3) float64, Å. Inside the box, in the frame's order.
    periodic
        (3,) bool, of the rows of the cell.
    """
    cell, periodic = complete_cell(frame.cell, frame.pbc)
    positions = frame.positions
    for axis in np.flatnonzero(~periodic):
        direction = cell[axis].copy()
        along = positions @ direction
        low, high = (along.min(), along.max()) if len(along) else (0.0, 0.0)
        positions = positions - (low - room) * direction
        cell[axis] = (high - low + 2.0 * room) * direction
    triangle, _ = restricted(cell)
    fraction = positions @ np.linalg.inv(cell)
    fraction -= np.where(periodic, np.floor(fraction), 0.0)
    return triangle, np.ascontiguousarray(fraction @ triangle), periodic
