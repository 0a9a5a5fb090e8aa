"""Moment tensors of one molecule after the other, and the scalars made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.mtp.plan import MtpPlan
from iceclass.neighbours.bins import Bins
from iceclass.neighbours.cell_list import neighbours_of_resized


@njit(cache=True, nogil=True)
def moment_scalars(
    bins: Bins,
    plan: MtpPlan,
    r_min: float,
    features: NDArray[Any],
    rows: NDArray[np.int64],
    start: int,
    stop: int,
) -> int:  # pragma: no cover
    """Write the scalars of the molecules ``order[start:stop]`` of the bins to ``features[rows]``.

    A molecule with too many neighbours, or −1.
    """
    n_mu, n_monomials = len(plan.start) - 1, len(plan.parent)
    indices, vectors = np.empty(256, np.int64), np.empty((256, 3))
    components = np.empty(plan.start[-1] + 1)
    monomials, radial = np.empty(n_monomials), np.empty(n_mu)
    values = np.empty(len(plan.terms) - 1)
    for k in range(start, stop):
        count, indices, vectors = neighbours_of_resized(bins, bins.order[k], indices, vectors)
        if count < 0:
            return bins.order[k]
        components[:-1] = 0.0
        components[-1] = 1.0
        for j in range(count):
            vector = vectors[j]
            r = np.sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
            chebyshev(r, r_min, bins.r_cut, radial)
            monomials[0] = 1.0
            for q in range(1, n_monomials):
                monomials[q] = monomials[plan.parent[q]] * vector[plan.axis[q]]
            for mu in range(n_mu):
                first = plan.start[mu]
                for q in range(plan.start[mu + 1] - first):
                    components[first + q] += radial[mu] * monomials[q]
        for c in range(len(values)):
            total = 0.0
            for t in range(plan.terms[c], plan.terms[c + 1]):
                term = plan.coefficients[t]
                for place in plan.components[t]:
                    term *= components[place]
                total += term
            values[c] = total
        row = features[rows[k - start]]
        for f in range(len(plan.factors)):
            scalar = 1.0
            for c in plan.factors[f]:
                if c >= 0:
                    scalar *= values[c]
            row[f] = scalar
    return -1


@njit(cache=True, nogil=True)
def chebyshev(
    r: float, r_min: float, r_cut: float, radial: NDArray[np.float64]
) -> None:  # pragma: no cover
    """Write f_μ(r) = T_μ(x) (r_cut − r)², x from −1 at r_min to 1 at r_cut, to the array."""
    x = (2.0 * r - r_min - r_cut) / (r_cut - r_min)
    fading = (r_cut - r) * (r_cut - r)
    before, here = x, 1.0  # T_{−1} = T_1 = x
    for mu in range(len(radial)):
        radial[mu] = here * fading
        before, here = here, 2.0 * x * here - before
