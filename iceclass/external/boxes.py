"""A frame in a box as other programs take it: lower triangular, the molecules inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.frame import Frame
from iceclass.neighbours import make_bins


def boxed(
    frame: Frame, r_cut: float, room: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3, 3) lower triangular cell vectors as rows, and the (N, 3) positions in it, in Å.

    The cell is the compact equivalent of the frame's, turned or mirrored, its periodic directions
    first. Along open ones it ends ``room`` Å beyond the molecules.
    """
    bins = make_bins(frame, r_cut)
    rows, positions = bins.cell.copy(), bins.positions[bins.rank]
    for k in np.flatnonzero(~bins.periodic):
        direction = rows[k] / np.linalg.norm(rows[k])
        rows[k] += 2.0 * room * direction
        positions = positions + room * direction
    triangle = np.linalg.qr(rows.T)[1].T
    triangle = triangle * np.sign(np.diag(triangle))
    return triangle, positions @ np.linalg.inv(rows) @ triangle
