"""The bispectrum of eight (float64) or sixteen (float32) molecules at a time, one in each lane.

In plain loops, of one molecule at a time.
Definitions are in :mod:`.descriptor` and :mod:`.plan`. ``np.int64(0)`` where 0 would do
keeps Numba from compiling a second version for the constant.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.bispectrum.plan import BispectrumPlan
from iceclass.kernels.elementary import sine_cosine
from iceclass.kernels.simd import load, splat, store, width, zeros
from iceclass.neighbours.bins import Bins
from iceclass.neighbours.cell_list import neighbours_of_resized


@njit(cache=True, nogil=True, error_model="numpy")
def bispectra(
    simd: bool | None,
    bins: Bins,
    plan: BispectrumPlan,
    mapping: NDArray[np.float64],
    features: NDArray[Any],
    start: int,
    stop: int,
) -> int:  # pragma: no cover
    """Write the features of the molecules ``order[start:stop]`` of the bins to ``features``.

    ``features`` is (stop − start, F). Returns a molecule with too many neighbours, or −1.

    ``mapping`` holds r_cut, rfac0, rmin0, whether to switch (1 or 0) and the neighbours' weight.
    """
    lanes, kind = width(simd, plan.jacobi), plan.jacobi.dtype
    indices, vectors = np.empty(128, dtype=np.int64), np.empty((128, 3))
    capacity = 64
    points = np.empty(capacity * 6 * lanes, dtype=kind)
    sums = np.empty(len(plan.start) * lanes, dtype=kind)
    matrices = np.empty(len(plan.factor) * lanes, dtype=kind)
    powers = np.empty(4 * (plan.two_j_max + 1) * lanes, dtype=kind)
    found = np.empty(plan.n_features * lanes, dtype=kind)
    for group in range(start, stop, lanes):
        most: Any = np.int64(0)
        for lane in range(lanes):
            count = 0
            if group + lane < stop:
                molecule = bins.order[group + lane]
                count, indices, vectors = neighbours_of_resized(bins, molecule, indices, vectors)
                if count < 0:
                    return molecule
            if count > capacity:
                grown = np.empty(2 * count * 6 * lanes, dtype=kind)
                for place in range(most * 6 * lanes):
                    grown[place] = points[place]
                points, capacity = grown, 2 * count
            for k in range(most, count):  # the lanes before this one have no neighbour there
                for other in range(lane):
                    _put(simd, points, k, other, mapping[0], 0.0, 0.0, 0.0)
            for k in range(count):
                _put(simd, points, k, lane, vectors[k, 0], vectors[k, 1], vectors[k, 2], mapping[4])
            for k in range(count, most):  # a point without weight
                _put(simd, points, k, lane, mapping[0], 0.0, 0.0, 0.0)
            most = max(most, count)
        _map_to_sphere(simd, mapping, points, most)
        _sum_over_neighbours(simd, plan, points, most, powers, sums)
        _assemble(simd, plan, sums, matrices)
        _contract(simd, plan, matrices, found)
        for lane in range(min(lanes, stop - group)):
            for f in range(plan.n_features):
                features[group + lane - start, f] = found[f * lanes + lane]
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _put(
    simd: bool | None,
    points: NDArray[Any],
    k: int,
    lane: int,
    x: float,
    y: float,
    z: float,
    weight: float,
) -> None:  # pragma: no cover
    """Write the ``k``-th point of a lane, its position and weight."""
    lanes = width(simd, points)
    at = k * 6 * lanes + lane
    points[at] = x
    points[at + lanes] = y
    points[at + 2 * lanes] = z
    points[at + 5 * lanes] = weight


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _map_to_sphere(
    simd: bool | None, mapping: NDArray[np.float64], points: NDArray[Any], count: int
) -> None:  # pragma: no cover
    """Turn x, y, z, –, –, weight into a, b (real, imaginary), t = |a|² − |b|² and faded weight.

    Each of the ``count`` points is six vectors. θ₀ = rfac0 π (r − rmin0)/(r_cut − rmin0),
    a = cos θ₀ − i (z/r) sin θ₀ and b = (y − i x)/r sin θ₀; the signs for r < rmin0 are LAMMPS's.
    """
    lanes = width(simd, points)
    r_cut, rfac0, rmin0, switch = mapping[0], mapping[1], mapping[2], mapping[3]
    scale = 0.5 * pi / (r_cut - rmin0)
    for k in range(count):
        for at in range(k * 6 * lanes, k * 6 * lanes + lanes):
            x, y, z = points[at], points[at + lanes], points[at + 2 * lanes]
            r = sqrt(x * x + y * y + z * z)
            half = scale * (r - rmin0)
            sine, cosine = sine_cosine(rfac0 * half)
            sign = 1.0 if half >= 0.0 else -1.0
            real = sign * (cosine * cosine - sine * sine)
            imaginary = sign * 2.0 * sine * cosine / r
            _, fading = sine_cosine(max(half, 0.0))
            across = (x * x + y * y) * imaginary * imaginary
            points[at] = real
            points[at + lanes] = -z * imaginary
            points[at + 2 * lanes] = y * imaginary
            points[at + 3 * lanes] = -x * imaginary
            points[at + 4 * lanes] = 1.0 - 2.0 * across
            points[at + 5 * lanes] *= fading * fading * switch + (1.0 - switch)


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_over_neighbours(
    simd: bool | None,
    plan: BispectrumPlan,
    points: NDArray[Any],
    count: int,
    powers: NDArray[Any],
    sums: NDArray[Any],
) -> None:  # pragma: no cover
    """Write Σ w a^p b^q P_n and, where it is another, Σ w a^p b*^q P_n, as in ``plan.start``."""
    lanes, size = width(simd, points), plan.two_j_max
    none, one = zeros(simd, points), splat(simd, plan.start, 0)
    step = 2 * lanes
    conjugate = (size + 1) * step  # where the powers of b begin
    for place in range(len(plan.start)):
        store(simd, sums, place * lanes, splat(simd, plan.start, place))
    for k in range(count):
        at = k * 6 * lanes
        ar, ai = load(simd, points, at), load(simd, points, at + lanes)
        br, bi = load(simd, points, at + 2 * lanes), load(simd, points, at + 3 * lanes)
        t, pr = load(simd, points, at + 4 * lanes), load(simd, points, at + 5 * lanes)
        pi_ = none
        for p in range(size + 1):  # w a^p
            store(simd, powers, p * step, pr)
            store(simd, powers, p * step + lanes, pi_)
            pr, pi_ = pr * ar - pi_ * ai, pr * ai + pi_ * ar
        qr, qi = br, bi
        for q in range(1, size + 1):  # b^q
            store(simd, powers, conjugate + q * step, qr)
            store(simd, powers, conjugate + q * step + lanes, qi)
            qr, qi = qr * br - qi * bi, qr * bi + qi * br
        e: Any = np.int64(0)
        c: Any = np.int64(0)
        for p in range(size + 1):
            ur, ui = load(simd, powers, p * step), load(simd, powers, p * step + lanes)
            for q in range(size + 1 - p):
                both = p > 0 and q > 0
                fr, fi, gr, gi = ur, ui, ur, ui
                if q > 0:
                    vr = load(simd, powers, conjugate + q * step)
                    vi = load(simd, powers, conjugate + q * step + lanes)
                    fr, fi = ur * vr - ui * vi, ur * vi + ui * vr
                    gr, gi = ur * vr + ui * vi, ui * vr - ur * vi
                e = _add(simd, sums, e, fr, fi)
                if both:
                    e = _add(simd, sums, e, gr, gi)
                before, jacobi = none, one
                for _ in range((size - p - q) // 2):
                    slope = splat(simd, plan.jacobi, c) * t + splat(simd, plan.jacobi, c + 1)
                    before, jacobi = (
                        jacobi,
                        slope * jacobi - splat(simd, plan.jacobi, c + 2) * before,
                    )
                    c += 3
                    e = _add(simd, sums, e, fr * jacobi, fi * jacobi)
                    if both:
                        e = _add(simd, sums, e, gr * jacobi, gi * jacobi)


@njit(cache=True, nogil=True, error_model="numpy")
def _add(
    simd: bool | None, sums: NDArray[Any], e: int, real: Any, imaginary: Any
) -> int:  # pragma: no cover
    """Add to the sums ``e`` and ``e + 1``; the number of the next one."""
    lanes = width(simd, sums)
    store(simd, sums, e * lanes, load(simd, sums, e * lanes) + real)
    store(simd, sums, (e + 1) * lanes, load(simd, sums, (e + 1) * lanes) + imaginary)
    return e + 2


@njit(cache=True, nogil=True, error_model="numpy")
def _assemble(
    simd: bool | None, plan: BispectrumPlan, sums: NDArray[Any], matrices: NDArray[Any]
) -> None:  # pragma: no cover
    """Write all elements of all U^j, real and imaginary part in turn, from the sums."""
    lanes = width(simd, sums)
    for e in range(len(plan.source)):
        real, imaginary = plan.source[e, 0], plan.source[e, 1]
        at = 2 * e * lanes
        store(simd, matrices, at, load(simd, sums, real * lanes) * splat(simd, plan.factor, 2 * e))
        store(
            simd,
            matrices,
            at + lanes,
            load(simd, sums, imaginary * lanes) * splat(simd, plan.factor, 2 * e + 1),
        )


@njit(cache=True, nogil=True, error_model="numpy")
def _contract(
    simd: bool | None, plan: BispectrumPlan, matrices: NDArray[Any], found: NDArray[Any]
) -> None:  # pragma: no cover
    """Write the components, from the terms of ``plan.tasks``."""
    lanes = width(simd, matrices)
    none = zeros(simd, matrices)
    w: Any = np.int64(0)
    for f in range(plan.n_features):
        store(simd, found, f * lanes, none)
    for task in range(len(plan.tasks)):
        outputs, begin, end = plan.tasks[task, 0], plan.tasks[task, 1], plan.tasks[task, 2]
        r0, i0, r1, i1, r2, i2, r3, i3 = none, none, none, none, none, none, none, none
        if outputs == 1:
            for term in range(begin, end):
                real, imaginary = _product(simd, plan, matrices, term)
                r0, i0 = _weigh(simd, plan, w, real, imaginary, r0, i0)
                w += 1
        elif outputs == 2:
            for term in range(begin, end):
                real, imaginary = _product(simd, plan, matrices, term)
                r0, i0 = _weigh(simd, plan, w, real, imaginary, r0, i0)
                r1, i1 = _weigh(simd, plan, w + 1, real, imaginary, r1, i1)
                w += 2
        elif outputs == 3:
            for term in range(begin, end):
                real, imaginary = _product(simd, plan, matrices, term)
                r0, i0 = _weigh(simd, plan, w, real, imaginary, r0, i0)
                r1, i1 = _weigh(simd, plan, w + 1, real, imaginary, r1, i1)
                r2, i2 = _weigh(simd, plan, w + 2, real, imaginary, r2, i2)
                w += 3
        else:
            for term in range(begin, end):
                real, imaginary = _product(simd, plan, matrices, term)
                r0, i0 = _weigh(simd, plan, w, real, imaginary, r0, i0)
                r1, i1 = _weigh(simd, plan, w + 1, real, imaginary, r1, i1)
                r2, i2 = _weigh(simd, plan, w + 2, real, imaginary, r2, i2)
                r3, i3 = _weigh(simd, plan, w + 3, real, imaginary, r3, i3)
                w += 4
        _project(simd, matrices, found, plan.tasks[task, 3], plan.tasks[task, 7], r0, i0)
        if outputs > 1:
            _project(simd, matrices, found, plan.tasks[task, 4], plan.tasks[task, 8], r1, i1)
        if outputs > 2:
            _project(simd, matrices, found, plan.tasks[task, 5], plan.tasks[task, 9], r2, i2)
        if outputs > 3:
            _project(simd, matrices, found, plan.tasks[task, 6], plan.tasks[task, 10], r3, i3)


@njit(cache=True, nogil=True, error_model="numpy")
def _product(
    simd: bool | None, plan: BispectrumPlan, matrices: NDArray[Any], term: int
) -> tuple[Any, Any]:  # pragma: no cover
    """The product of the two elements of a term."""
    lanes = width(simd, matrices)
    one, other = plan.first[term] * (2 * lanes), plan.second[term] * (2 * lanes)
    ar, ai = load(simd, matrices, one), load(simd, matrices, one + lanes)
    br, bi = load(simd, matrices, other), load(simd, matrices, other + lanes)
    return ar * br - ai * bi, ar * bi + ai * br


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(
    simd: bool | None, plan: BispectrumPlan, place: int, real: Any, imaginary: Any, re: Any, im: Any
) -> tuple[Any, Any]:  # pragma: no cover
    """(re, im) + weight · (real, imaginary)."""
    weight = splat(simd, plan.weights, place)
    return re + weight * real, im + weight * imaginary


@njit(cache=True, nogil=True, error_model="numpy")
def _project(
    simd: bool | None,
    matrices: NDArray[Any],
    found: NDArray[Any],
    element: int,
    feature: int,
    re: Any,
    im: Any,
) -> None:  # pragma: no cover
    """Add Re[(re + i im) conj(U)] for an element U to a component."""
    lanes = width(simd, matrices)
    at, f = element * (2 * lanes), feature * lanes
    real = load(simd, matrices, at) * re + load(simd, matrices, at + lanes) * im
    store(simd, found, f, load(simd, found, f) + real)
