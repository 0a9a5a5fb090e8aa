"""Candidates for neighbours, gathered once for all molecules of a bin of :mod:`.neighbours`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.neighbours import Bins

MAX_CANDIDATES = 8_000_000
"""Molecules and images near one bin beyond which a frame is refused as too dense."""


@njit(cache=True, nogil=True)
def gather_bin(
    bins: Bins,
    b: int,
    place: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
) -> tuple[
    int,
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    float,
    float,
    float,
]:  # pragma: no cover
    """Candidates for neighbours of the molecules of bin ``b``, those molecules included.

    They are all molecules and images closer than the cut-off to the smallest upright box around
    the bin's molecules. Coordinates are relative to the box's centre.

    Returns
    -------
    count
        Number of candidates, filled up to a multiple of 8 with points out of reach; −1 if there
        are more than MAX_CANDIDATES.
    place, x, y, z
        The given buffers, or larger ones. (count,) int64, where in ``bins.order`` the candidate's
        molecule is; (count,) float64, Å.
    ox, oy, oz
        Centre of the box, Å.
    """
    n0, n1, n2 = bins.shape
    r0, r1, r2 = bins.reach
    cell, positions = bins.cell, bins.positions
    half, origin = np.zeros(3), np.zeros(3)
    for axis in range(3):
        low, high = np.inf, -np.inf
        for k in range(bins.start[b], bins.start[b + 1]):
            low = min(low, positions[k, axis])
            high = max(high, positions[k, axis])
        origin[axis] = 0.5 * (low + high)
        half[axis] = 0.5 * (high - low)
    h0, h1, h2 = half
    o0, o1, o2 = origin
    limit = bins.r_cut * bins.r_cut * (1.0 + 1e-9)  # rounding must not lose a neighbour
    p0, p1, p2 = b // (n1 * n2), b // n2 % n1, b % n2
    count = 0
    for b0 in range(p0 - r0, p0 + r0 + 1):
        s0 = b0 // n0
        if s0 != 0 and not bins.periodic[0]:
            continue
        for b1 in range(p1 - r1, p1 + r1 + 1):
            s1 = b1 // n1
            if s1 != 0 and not bins.periodic[1]:
                continue
            for b2 in range(p2 - r2, p2 + r2 + 1):
                s2 = b2 // n2
                if s2 != 0 and not bins.periodic[2]:
                    continue
                dx = s0 * cell[0, 0] + s1 * cell[1, 0] + s2 * cell[2, 0] - o0
                dy = s0 * cell[0, 1] + s1 * cell[1, 1] + s2 * cell[2, 1] - o1
                dz = s0 * cell[0, 2] + s1 * cell[1, 2] + s2 * cell[2, 2] - o2
                other = ((b0 - s0 * n0) * n1 + b1 - s1 * n1) * n2 + b2 - s2 * n2
                first, last = bins.start[other], bins.start[other + 1]
                if count > MAX_CANDIDATES:
                    return -1, place, x, y, z, o0, o1, o2
                more = last - first + 8
                if count + more > len(x):
                    place = _longer(place, more)
                    x, y, z = _longer(x, more), _longer(y, more), _longer(z, more)
                for k in range(first, last):
                    vx, vy, vz = positions[k, 0] + dx, positions[k, 1] + dy, positions[k, 2] + dz
                    place[count], x[count], y[count], z[count] = k, vx, vy, vz
                    gap_x = max(abs(vx) - h0, 0.0)
                    gap_y = max(abs(vy) - h1, 0.0)
                    gap_z = max(abs(vz) - h2, 0.0)
                    count += gap_x * gap_x + gap_y * gap_y + gap_z * gap_z < limit
    while count % 8 != 0:
        place[count] = 0
        x[count] = y[count] = z[count] = 1e30
        count += 1
    return count, place, x, y, z, o0, o1, o2


@njit(cache=True, nogil=True)
def _longer(values: NDArray[Any], by: int) -> NDArray[Any]:  # pragma: no cover
    """The values at the start of an array of twice the length and ``by`` more."""
    longer = np.empty(2 * len(values) + by, dtype=values.dtype)
    for k in range(len(values)):  # not by a slice, which takes seconds to compile
        longer[k] = values[k]
    return longer
