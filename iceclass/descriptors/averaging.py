"""Neighbour averaging: a molecule's vector replaced by the mean over itself and its neighbours.

Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi:10.1063/1.2977970, there for bond-order
vectors. The mean jumps when a neighbour crosses the averaging radius, by definition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.neighbours import (
    Bins,
    check_gathered,
    gather_all,
    make_bins,
)
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

    The features of molecule i are ``source[place[i]]``. Returns a molecule with too many
    neighbours, or −1.
    """
    indices, vectors = np.empty(64, dtype=np.int64), np.empty((64, 3))
    total, share = np.empty_like(source[0]), np.empty_like(source[0, :1])
    for k in range(start, stop):
        i = bins.order[k]
        count, indices, vectors = gather_all(bins, i, indices, vectors)
        if count < 0:
            return i
        total[:] = source[place[i]]
        for j in range(count):
            near = source[place[indices[j]]]
            for f in range(len(total)):
                total[f] += near[f]
        row, share[0] = features[rows[k - start]], 1.0 / (1 + count)
        for f in range(len(total)):
            row[f] = total[f] * share[0]
    return -1
