"""Neighbour averaging: a molecule's vector replaced by the mean over itself and its neighbours.

Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi:10.1063/1.2977970, there for bond-order
vectors. The mean jumps when a neighbour crosses the averaging radius, by definition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.candidates import gather_bin
from iceclass.descriptors.neighbours import MAX_NEIGHBOURS, Bins, check_gathered, make_bins
from iceclass.descriptors.rows import Rows
from iceclass.descriptors.threads import over_rows
from iceclass.frame import Frame


def neighbour_average(frame: Frame, rows: Rows, radius: float, passes: int = 1) -> Rows:
    """What computes the averages of the features that ``rows`` computes; holds all of the latter.

    One pass is x̄_i = (x_i + Σ_{j: r_ij < R} x_j) / (1 + n_i), with n_i neighbours of molecule i
    within R; each periodic image is a neighbour of its own, with its molecule's features.

    Parameters
    ----------
    frame
        The N molecules.
    rows
        Of their (N, F) features.
    radius
        R, Å.
    passes
        How often to repeat it.
    """
    bins = make_bins(frame, radius)
    for _ in range(passes):
        rows = _pass(frame, bins, rows)
    return rows


def _pass(frame: Frame, bins: Bins, rows: Rows) -> Rows:
    """One pass; the features are kept in their own order, which neighbours share."""
    source = np.empty((rows.n_molecules, rows.n_features), rows.dtype)
    place = np.empty(rows.n_molecules, dtype=np.int64)
    place[rows.order] = np.arange(rows.n_molecules)
    place = place[bins.order]

    def work(start: int, stop: int) -> None:
        rows.fill(source[start:stop], np.arange(stop - start), start, stop)

    over_rows(work, rows.n_molecules)

    def fill(features: NDArray[Any], into: NDArray[np.int64], start: int, stop: int) -> None:
        culprit = _average(bins, source, place, features, into, start, stop)
        check_gathered(culprit, frame, bins.r_cut)

    return Rows(bins.order, rows.n_features, rows.dtype, fill)


@njit(cache=True, nogil=True)
def _average(
    bins: Bins,
    source: NDArray[Any],
    place: NDArray[np.int64],
    features: NDArray[Any],
    rows: NDArray[np.int64],
    start: int,
    stop: int,
) -> int:  # pragma: no cover
    """Write the averages of ``order[start:stop]`` of the bins to ``features[rows]``.

    The features of the molecule ``order[k]`` are ``source[place[k]]``. Returns a molecule with too
    many neighbours, or −1.
    """
    near, x, y, z = np.empty(1024, np.int64), np.empty(1024), np.empty(1024), np.empty(1024)
    total, share = np.empty_like(source[0]), np.empty_like(source[0, :1])
    r_square = bins.r_cut * bins.r_cut
    b, k = int(np.searchsorted(bins.start, start, side="right")) - 1, start
    while k < stop:
        while bins.start[b + 1] <= k:
            b += 1
        found, near, x, y, z, ox, oy, oz = gather_bin(bins, b, near, x, y, z)
        if found < 0:
            return bins.order[k]
        end = min(stop, bins.start[b + 1])
        for i in range(k, end):
            x0 = bins.positions[i, 0] - ox
            y0 = bins.positions[i, 1] - oy
            z0 = bins.positions[i, 2] - oz
            total[:] = 0.0
            count = 0
            for j in range(found):
                dx, dy, dz = x[j] - x0, y[j] - y0, z[j] - z0
                if dx * dx + dy * dy + dz * dz < r_square:  # the molecule itself among them
                    count += 1
                    other = source[place[near[j]]]
                    for f in range(len(total)):
                        total[f] += other[f]
            if count > MAX_NEIGHBOURS:
                return bins.order[i]
            share[0] = 1.0 / count
            row = features[rows[i - start]]
            for f in range(len(total)):
                row[f] = total[f] * share[0]
        k = end
    return -1
