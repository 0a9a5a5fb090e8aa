"""Symmetry functions of many molecules, in loops over batches that run in vector registers."""

from __future__ import annotations

from math import atan2, cos, log, pi, sin, sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.acsf.plan import (
    BAND,
    FERMI,
    GAUSSIAN,
    MEAN,
    MOST_MULTIPLE,
    POWER,
    SINE,
    THREE,
    TWO,
    AcsfPlan,
)
from iceclass.kernels.elementary import exponential, sine_cosine
from iceclass.kernels.simd import load, store, width
from iceclass.neighbours.bins import Bins
from iceclass.neighbours.cell_list import neighbours_of_resized

BATCH = 512
"""Pairs of neighbours worked on at a time; a multiple of PAD."""

PAD = 32
"""Batches are filled up to a multiple of it, with pairs without weight: whole registers only."""

R, INVERSE, X, Y, Z, SCRATCH, FADED = 0, 1, 2, 3, 4, 5, 6
"""Rows of the table of neighbours: R_ij, its inverse, vector, scratch, cut-off functions."""

COSINE, MULTIPLE, APART, SQUARE, SUM, BASE, PRODUCT = 0, 1, 2, 3, 4, 5, 6
"""Rows of the table of pairs: cos θ, scratch, R_jk, R_ij² + R_ik², R_ij + R_ik, scratch, then
the products of the cut-offs of R_ij and R_ik, and of all three, for each cut-off."""


@njit(cache=True, nogil=True, error_model="numpy")
def symmetry_functions(
    simd: bool | None,
    bins: Bins,
    plan: AcsfPlan,
    features: NDArray[np.float64],
    start: int,
    stop: int,
) -> int:  # pragma: no cover
    """Write the features of the molecules ``order[start:stop]`` of the bins to ``features``.

    ``features`` is (stop − start, F). Returns a molecule with too many neighbours, or −1.
    """
    indices, vectors = np.empty(128, dtype=np.int64), np.empty((128, 3))
    capacity, n_cut = 128, len(plan.cut_offs)
    near = np.empty((FADED + n_cut, 2 * capacity))
    pairs = np.empty((PRODUCT + 2 * n_cut, BATCH + PAD))
    turns = np.empty((2 * plan.highest, BATCH + PAD))
    angles = np.empty((len(plan.angles), BATCH + PAD))
    distances = np.empty((len(plan.distances), BATCH + PAD))
    total = np.empty(len(plan.pairs))
    for row in range(stop - start):
        molecule = bins.order[start + row]
        count, indices, vectors = neighbours_of_resized(bins, molecule, indices, vectors)
        if count < 0:
            return molecule
        if count + 2 * PAD > capacity:
            capacity = 2 * count + 2 * PAD
            near = np.empty((FADED + n_cut, 2 * capacity))
        for k in range(count):
            x, y, z = vectors[k, 0], vectors[k, 1], vectors[k, 2]
            near[R, k] = sqrt(x * x + y * y + z * z)
        for cut in range(n_cut):
            fade(plan.cut_offs[cut], near[R], near[FADED + cut], count)
        for f in range(len(plan.radial)):
            feature = int(plan.radial[f, 4])
            features[row, feature] = _radial(plan.radial[f], near, count)
        if len(plan.pairs) > 0:
            count = _select(plan.r_angular, vectors, near, count)
            for line in range(len(near)):  # once more behind themselves, see _all_pairs
                for k in range(count // 2 + 2 * PAD):
                    near[line, count + k] = near[line, k % count] if count > 0 else 0.0
            for f in range(len(total)):
                total[f] = 0.0
            _all_pairs(simd, plan, near, count, pairs, turns, angles, distances, total)
            for f in range(len(total)):
                features[row, plan.pairs[f, 2]] = plan.prefactors[f] * total[f]
    return -1


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def fade(
    cut_off: NDArray[np.float64],
    distances: NDArray[np.float64],
    values: NDArray[np.float64],
    count: int,
) -> None:  # pragma: no cover
    """Write the cut-off function of ``count`` distances, Å."""
    kind, reach, first, second, third = (
        cut_off[0],
        cut_off[1],
        cut_off[2],
        cut_off[3],
        cut_off[4],
    )
    if kind == FERMI:
        for k in range(count):
            value = 1.0 / (1.0 + exponential(first * (distances[k] - reach + second)))
            values[k] = value if distances[k] < reach else 0.0
    elif kind == BAND:
        for k in range(count):
            beyond = third * max(first - distances[k], distances[k] - second, 0.0)
            _, value = sine_cosine(min(beyond, 0.5 * pi))
            values[k] = value * value if beyond < 0.5 * pi else 0.0
    else:
        half = 0.5 * pi / reach
        for k in range(count):
            _, value = sine_cosine(half * min(distances[k], reach))
            values[k] = value * value if distances[k] < reach else 0.0


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _radial(
    function: NDArray[np.float64], near: NDArray[np.float64], count: int
) -> float:  # pragma: no cover
    """G2 or G3 of one molecule."""
    distances, terms = near[R], near[SCRATCH]
    if function[0] == GAUSSIAN:
        for k in range(count):
            away = distances[k] - function[2]
            terms[k] = exponential(-function[1] * away * away)
    else:
        for k in range(count):
            _, terms[k] = sine_cosine(function[1] * distances[k])
    return dot(terms, near[FADED + int(function[3])], count)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def dot(
    first: NDArray[np.float64], second: NDArray[np.float64], count: int
) -> float:  # pragma: no cover
    """Σ of the first ``count`` products."""
    total = 0.0
    for k in range(count):
        total += first[k] * second[k]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _select(
    reach: float, vectors: NDArray[np.float64], near: NDArray[np.float64], count: int
) -> int:  # pragma: no cover
    """Keep the neighbours within reach, and add their vectors; how many they are."""
    kept = 0
    for k in range(count):
        r = near[R, k]
        near[R, kept] = r
        near[INVERSE, kept] = 1.0 / r
        for axis in range(3):
            near[X + axis, kept] = vectors[k, axis]
        for row in range(FADED, len(near)):
            near[row, kept] = near[row, k]
        kept += r < reach
    return kept


@njit(cache=True, nogil=True, error_model="numpy")
def _all_pairs(
    simd: bool | None,
    plan: AcsfPlan,
    near: NDArray[np.float64],
    count: int,
    pairs: NDArray[np.float64],
    turns: NDArray[np.float64],
    angles: NDArray[np.float64],
    distances: NDArray[np.float64],
    total: NDArray[np.float64],
) -> None:  # pragma: no cover
    """Add the sums over all pairs of one molecule's ``count`` neighbours to ``total``.

    Neighbour j is paired with j + 1, then each with j + 2, and so on half way round, so that
    pairs follow each other in long rows.
    """
    filled: Any = np.int64(0)  # a plain 0 would be compiled for separately
    last = count // 2
    for distance in range(1, last + 1):
        stop = count if 2 * distance < count else last
        begin: Any = np.int64(0)
        while begin < stop:
            size = min(stop - begin, BATCH - filled)
            _append(simd, plan, near, begin, distance, size, pairs, filled)
            begin += size
            filled += size
            if filled == BATCH or (distance == last and begin == stop):
                filled = _complete(plan, pairs, turns, filled)
                for a in range(len(plan.angles)):
                    _angle_part(plan.angles[a], pairs, turns, angles[a], filled)
                for d in range(len(plan.distances)):
                    _distance_part(plan, plan.distances[d], pairs, distances[d], filled)
                for f in range(len(plan.pairs)):
                    a, d = plan.pairs[f, 0], plan.pairs[f, 1]
                    total[f] += dot(angles[a], distances[d], filled)
                filled = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _append(
    simd: bool | None,
    plan: AcsfPlan,
    near: NDArray[np.float64],
    begin: int,
    distance: int,
    size: int,
    pairs: NDArray[np.float64],
    filled: int,
) -> None:  # pragma: no cover
    """Append the pairs of ``size`` neighbours, from ``begin`` on, with those ``distance`` further.

    Works in whole vectors: what is written beyond the last pair is overwritten by the next ones.
    APART and MULTIPLE are left squared, R_jk² and sin² θ.
    """
    table, out = near.reshape(near.size), pairs.reshape(pairs.size)
    room, width_out = near.shape[1], pairs.shape[1]
    for k in range(begin, begin + size, width(simd, table)):
        j, at = k + distance, filled + k - begin
        x, y, z = (
            load(simd, table, X * room + k),
            load(simd, table, Y * room + k),
            load(simd, table, Z * room + k),
        )
        u, v, w = (
            load(simd, table, X * room + j),
            load(simd, table, Y * room + j),
            load(simd, table, Z * room + j),
        )
        inverse = load(simd, table, INVERSE * room + k) * load(simd, table, INVERSE * room + j)
        r, s = load(simd, table, R * room + k), load(simd, table, R * room + j)
        projected, square = x * u + y * v + z * w, r * r + s * s
        store(simd, out, COSINE * width_out + at, projected * inverse)
        store(simd, out, SQUARE * width_out + at, square)
        store(simd, out, APART * width_out + at, square - (projected + projected))
        store(simd, out, SUM * width_out + at, r + s)
        if plan.highest > 0:  # from the cross product: exact near 0 and π
            a, b, c = y * w - z * v, z * u - x * w, x * v - y * u
            across = (a * a + b * b + c * c) * inverse * inverse
            store(simd, out, MULTIPLE * width_out + at, across)
        for cut in range(plan.n_radial, len(plan.cut_offs)):
            row = (FADED + cut) * room
            product = load(simd, table, row + k) * load(simd, table, row + j)
            store(simd, out, (PRODUCT + cut) * width_out + at, product)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _complete(
    plan: AcsfPlan, pairs: NDArray[np.float64], turns: NDArray[np.float64], filled: int
) -> int:  # pragma: no cover
    """Fill the batch up, take roots, tabulate multiples of θ; the number of pairs with those added.

    ``turns`` becomes sin θ, cos θ, sin 2θ, cos 2θ …
    """
    padded = (filled + PAD - 1) // PAD * PAD
    n_cut = len(plan.cut_offs)
    for row in range(PRODUCT + n_cut):
        for p in range(filled, padded):
            pairs[row, p] = 0.0
    apart, square, cosine = pairs[APART], pairs[MULTIPLE], pairs[COSINE]
    for p in range(padded):
        apart[p] = sqrt(max(apart[p], 0.0))
        cosine[p] = min(max(cosine[p], -1.0), 1.0)
    done = -1
    for d in range(len(plan.distances)):
        cut = int(plan.distances[d, 3])
        if plan.distances[d, 0] == THREE and cut != done:
            done = cut
            both, all_three = pairs[PRODUCT + cut], pairs[PRODUCT + n_cut + cut]
            fade(plan.cut_offs[cut], apart, all_three, padded)
            for p in range(padded):
                all_three[p] *= both[p]
    if plan.highest > 0:
        sine, same = turns[0], turns[1]
        for p in range(padded):
            sine[p] = sqrt(square[p])
            same[p] = cosine[p]
    for multiple in range(1, plan.highest):
        s, c = turns[2 * multiple - 2], turns[2 * multiple - 1]
        next_s, next_c = turns[2 * multiple], turns[2 * multiple + 1]
        for p in range(padded):
            next_s[p] = s[p] * cosine[p] + c[p] * turns[0, p]
            next_c[p] = c[p] * cosine[p] - s[p] * turns[0, p]
    return padded


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _angle_part(
    part: NDArray[np.float64],
    pairs: NDArray[np.float64],
    turns: NDArray[np.float64],
    values: NDArray[np.float64],
    count: int,
) -> None:  # pragma: no cover
    """Write one part of the angle for a batch of pairs."""
    kind, first, second, third = part[0], part[1], part[2], part[3]
    cosine = pairs[COSINE]
    if kind == POWER:
        for p in range(count):
            values[p] = max(1.0 + first * cosine[p], 0.0)
        _raise(second, values, pairs[BASE], count)
        return
    sine = turns[0]
    along, across = cos(first * second), sin(first * second)
    if kind == SINE and 1.0 <= first <= MOST_MULTIPLE and first == int(first):
        s, c = turns[2 * int(first) - 2], turns[2 * int(first) - 1]
        for p in range(count):
            values[p] = s[p] * along - c[p] * across
    elif kind == SINE:
        for p in range(count):
            sn, cn = sine_cosine(first * atan2(sine[p], cosine[p]))
            values[p] = sn * along - cn * across
    else:
        along, across = first * cos(third), first * sin(third)
        for p in range(count):
            values[p] = max(1.0 + cosine[p] * along + sine[p] * across, 0.0)
        _raise(second, values, pairs[BASE], count)


@njit(cache=True, nogil=True, error_model="numpy")
def _raise(
    zeta: float, values: NDArray[np.float64], base: NDArray[np.float64], count: int
) -> None:  # pragma: no cover
    """Raise values ≥ 0 to the power ``zeta``; whole powers by multiplication."""
    power = int(zeta)
    if power != zeta:
        for p in range(count):
            values[p] = exponential(zeta * log(values[p])) if values[p] > 1e-300 else 0.0
        return
    while power % 2 == 0:
        power //= 2
        for p in range(count):
            values[p] *= values[p]
    if power > 1:
        for p in range(count):
            base[p] = values[p]
        for _ in range(power - 1):
            for p in range(count):
                values[p] *= base[p]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _distance_part(
    plan: AcsfPlan,
    part: NDArray[np.float64],
    pairs: NDArray[np.float64],
    values: NDArray[np.float64],
    count: int,
) -> None:  # pragma: no cover
    """Write one part of the distances for a batch of pairs."""
    kind, eta, r_s, cut = part[0], part[1], part[2], int(part[3])
    apart, square, both, product = pairs[APART], pairs[SQUARE], pairs[SUM], pairs[PRODUCT + cut]
    if kind == THREE:
        product = pairs[PRODUCT + len(plan.cut_offs) + cut]
        for p in range(count):
            values[p] = square[p] + apart[p] * apart[p]
    elif kind == TWO:
        for p in range(count):
            values[p] = square[p]
    elif kind == MEAN:
        for p in range(count):
            away = 0.5 * both[p] - r_s
            values[p] = away * away
    else:
        for p in range(count):
            values[p] = product[p]
        return
    for p in range(count):
        values[p] = exponential(-eta * values[p]) * product[p]
