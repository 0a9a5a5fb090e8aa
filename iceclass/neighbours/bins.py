"""Sites put into bins, in fractional coordinates, for any cell and any boundaries.

The space is divided into bins that are parallelepipeds of the cell's own shape. Each site is put
into one bin, its position wrapped along periodic directions. :mod:`.cell_list` and compiled code of
other modules search them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.frame import Frame
from iceclass.neighbours.lattice import check_thickness, complete_cell

_BINS_PER_SITE, _BINS = 4, 64
"""Most bins for N sites, 4 N + 64: memory stays linear in N, and only sites that are four times
sparser than one a bin (a vapour) get larger bins than the cut-off."""

_MOST_BINS = 2.0**20
"""Along one direction: what is beyond does not fit into an integer."""

_COARSER = 0.8
"""Factor by which the number of bins along each direction is lowered until they are so few."""


class Bins(NamedTuple):
    """Molecules sorted into bins; all that the compiled search needs.

    Attributes
    ----------
    cell, inverse
        (3, 3) float64, Å and Å⁻¹. Rows span the binned space: the shortest equivalent cell vectors
        along periodic directions, vectors orthogonal to them across the molecules along open
        ones; and the inverse of that matrix.
    origin
        (3,) float64, Å. Where the binned space begins; 0 along periodic directions.
    periodic
        (3,) bool, of the rows of ``cell``.
    shape
        (3,) int64. Bins along each row.
    reach
        (3,) int64. Bins to search to either side.
    start
        (bins + 1,) int64. Where each bin's molecules start in ``order``.
    order
        (N,) int64. Molecules by bin.
    bin_index
        (N,) int64. The bin of each molecule, by molecule.
    positions
        (N, 3) float64, Å. Positions inside ``cell``, in the order of ``order``.
    rank
        (N,) int64. Where each molecule is in ``order``.
    r_cut
        Å.
    """

    cell: NDArray[np.float64]
    inverse: NDArray[np.float64]
    origin: NDArray[np.float64]
    periodic: NDArray[np.bool_]
    shape: NDArray[np.int64]
    reach: NDArray[np.int64]
    start: NDArray[np.int64]
    order: NDArray[np.int64]
    bin_index: NDArray[np.int64]
    positions: NDArray[np.float64]
    rank: NDArray[np.int64]
    r_cut: float


_Grid = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]
_Ordered = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
]
"""``start``, ``order``, ``bin_index``, ``positions`` and ``rank`` of :class:`Bins`."""


def make_bins(frame: Frame, r_cut: float) -> Bins:
    """Sort the frame's molecules into bins of about ``r_cut`` (Å).

    Raises
    ------
    InputError
        A cell too thin for the cut-off (see :func:`neighbour_list`).
    """
    return bin_sites(frame.positions, frame.cell, frame.pbc, r_cut)


def bin_sites(
    sites: NDArray[np.float64], cell: NDArray[Any], pbc: NDArray[np.bool_], r_cut: float
) -> Bins:
    """Sort (N, 3) sites (Å) into bins of about ``r_cut`` (Å); arguments of :func:`pairs`.

    Raises
    ------
    InputError
        A cell without volume, or one too thin for the cut-off.
    """
    cell, periodic = complete_cell(cell, pbc)
    positions, n = np.array(sites, dtype=np.float64), len(sites)  # a copy: of one type to compile
    origin = np.zeros(3)
    for axis in np.flatnonzero(~periodic):  # open: as long as the sites spread, from the lowest on
        direction = cell[axis].copy()
        along = positions @ direction
        low, high = (along.min(), along.max()) if n else (0.0, 0.0)
        positions = positions - low * direction
        origin += low * direction
        cell[axis] = max((high - low) * (1.0 + 1e-9), r_cut) * direction
    inverse = np.asarray(np.linalg.inv(cell), dtype=np.float64)
    r_cut = float(r_cut)
    grid, ordered = _sort(positions, cell, inverse, periodic, r_cut)
    height, shape, reach = grid
    check_thickness(reach, height[periodic], r_cut)
    whole = reach.astype(np.int64)
    return Bins(cell, inverse, origin, periodic, shape, whole, *ordered, r_cut)


@njit(cache=True, nogil=True, error_model="numpy")
def _grid(inverse: NDArray[np.float64], r_cut: float, n: int) -> _Grid:  # pragma: no cover
    """(3,) Å between opposite faces of the cell, bins and reach along each of its vectors."""
    slack = r_cut * (1.0 + 1e-9)  # rounding must not move a neighbour out of reach
    height, shape, reach = np.empty(3), np.empty(3, dtype=np.int64), np.empty(3)
    for axis in range(3):
        x, y, z = inverse[0, axis], inverse[1, axis], inverse[2, axis]
        height[axis] = 1.0 / np.sqrt(x * x + y * y + z * z)
        shape[axis] = max(int(min(height[axis] / slack, _MOST_BINS)), 1)
    while shape.prod() > _BINS_PER_SITE * n + _BINS:  # a few sites in a large space
        for axis in range(3):
            shape[axis] = max(int(shape[axis] * _COARSER), 1)
    for axis in range(3):
        reach[axis] = np.ceil(slack * shape[axis] / height[axis])
    return height, shape, reach


@njit(cache=True, nogil=True)
def _sort(
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    r_cut: float,
) -> tuple[_Grid, _Ordered]:  # pragma: no cover
    """What :func:`_grid` gives, and the molecules put into its bins.

    A counting sort: the molecules of a bin keep the order they have in the frame.
    """
    n = len(positions)
    grid = _grid(inverse, r_cut, n)
    shape = grid[1]
    bin_index = np.empty(n, dtype=np.int64)
    wrapped = np.empty((n, 3))
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, dtype=np.int64)
    for i in range(n):
        b = 0
        for axis in range(3):
            value = 0.0
            for k in range(3):
                value += positions[i, k] * inverse[k, axis]
            if periodic[axis]:
                value -= np.floor(value)
                if value >= 1.0:  # −1e-17 wraps to exactly 1.0 in the line above
                    value = 0.0
            wrapped[i, axis] = value
            b = b * shape[axis] + min(max(int(value * shape[axis]), 0), shape[axis] - 1)
        bin_index[i] = b
        start[b + 1] += 1
    for b in range(len(start) - 1):
        start[b + 1] += start[b]
    following = start[:-1].copy()
    order, rank = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    inside = np.empty((n, 3))
    for i in range(n):
        k = following[bin_index[i]]
        following[bin_index[i]] += 1
        order[k], rank[i] = i, k
        for axis in range(3):
            inside[k, axis] = (
                wrapped[i, 0] * cell[0, axis]
                + wrapped[i, 1] * cell[1, axis]
                + wrapped[i, 2] * cell[2, axis]
            )
    return grid, (start, order, bin_index, inside, rank)
