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
from iceclass.descriptors.threads import over_rows
from iceclass.frame import Frame


def neighbour_average(
    frame: Frame, features: NDArray[Any], radius: float, passes: int = 1
) -> NDArray[Any]:
    """(N, F) averaged features, of the same dtype.

    One pass is x̄_i = (x_i + Σ_{j: r_ij < R} x_j) / (1 + n_i), with n_i neighbours of molecule i
    within R; each periodic image is a neighbour of its own, with its molecule's features.

    Parameters
    ----------
    frame
        The N molecules.
    features
        (N, F).
    radius
        R, Å.
    passes
        How often to repeat it.
    """
    bins = make_bins(frame, radius)
    for _ in range(passes):
        averaged = np.empty_like(features)

        def work(
            start: int,
            stop: int,
            source: NDArray[Any] = features,
            target: NDArray[Any] = averaged,
        ) -> None:
            check_gathered(_average(bins, source, target, start, stop), frame, radius)

        over_rows(work, len(features))
        features = averaged
    return features


@njit(cache=True, nogil=True)
def _average(
    bins: Bins, features: NDArray[Any], averaged: NDArray[Any], start: int, stop: int
) -> int:  # pragma: no cover
    """Average the rows from ``start`` to ``stop``; a row with too many neighbours, or −1."""
    indices, vectors = np.empty(64, dtype=np.int64), np.empty((64, 3))
    total = np.empty(features.shape[1])
    for i in range(start, stop):
        count, indices, vectors = gather_all(bins, i, indices, vectors)
        if count < 0:
            return i
        total[:] = features[i]
        for k in range(count):
            for f in range(len(total)):
                total[f] += features[indices[k], f]
        for f in range(len(total)):
            averaged[i, f] = total[f] / (1 + count)
    return -1
