"""Constants and index lists of the bispectrum of one 2J_max.

Symbols: the matrix U^j of SU(2) in the monomials x^(j−k) y^k /√(k!(j−k)!), with doubled angular
momentum j (a whole number) and k from 0 to j. A rotation with the Cayley–Klein parameters a, b
(|a|² + |b|² = 1) takes x to ax + by and y to −b*x + a*y, so that, with n = min(k, k'),
q = |k' − k|, p = j − k − k' ≥ 0 and t = |a|² − |b|²,

    U^j_k'k = √[n! (n+p+q)! / ((n+p)! (n+q)!)] a^p b^q P_n^(q,p)(t)        for k' ≥ k,
    U^j_k'k = (−1)^q √[…] a^p b*^q P_n^(q,p)(t)                             for k' < k,
    U^j_(j−k')(j−k) = (−1)^(k'−k) conj(U^j_k'k)                             for p < 0,

P being Jacobi polynomials (Varshalovich, Moskalev, Khersonskii (1988), sections 4.3 and 4.8). The
products a^p b^q P_n, of which there are few, are what the kernel sums over neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from math import factorial, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.bispectrum.clebsch_gordan import clebsch_gordan

MOST_OUTPUTS = 4
"""Most components that one pass over the terms of a task adds to."""


class BispectrumPlan(NamedTuple):
    """What the kernel works with; the float arrays are of the precision of the calculation.

    Attributes
    ----------
    two_j_max
        2J_max.
    n_features
        Number of components B.
    jacobi
        Flat (A, B, C) of P_n = (A t + B) P_(n−1) − C P_(n−2), n = 1, 2 …, for each (p, q) in the
        order in which the kernel walks them.
    start
        Flat. The sums a^p b^q P_n (real, imaginary) for the molecule itself, the identity.
    source
        (U elements, 2) int64. Where the real and imaginary parts of each element of all U^j are
        among the sums,
    factor
        flat, two an element: and what they are to be multiplied with.
    tasks
        (tasks, 3 + 2·MOST_OUTPUTS) int64. Number of outputs, first and last + 1 of its terms, the
        U element and the feature of each output.
    first, second
        (terms,) int64. The U elements whose product a term is.
    weights
        Flat. For each task's terms, its outputs' coefficients.
    isolated
        (n_features,) float64. B of a molecule without neighbours.
    """

    two_j_max: int
    n_features: int
    jacobi: NDArray[Any]
    start: NDArray[Any]
    source: NDArray[np.int64]
    factor: NDArray[Any]
    tasks: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weights: NDArray[Any]
    isolated: NDArray[np.float64]


def triples(two_j_max: int) -> list[tuple[int, int, int]]:
    """(2j1, 2j2, 2j) of the distinct components, j2 ≤ j1 ≤ j, in LAMMPS's order."""
    return [
        (j1, j2, j)
        for j1 in range(two_j_max + 1)
        for j2 in range(j1 + 1)
        for j in range(j1 - j2, min(two_j_max, j1 + j2) + 1, 2)
        if j >= j1
    ]


@lru_cache(maxsize=8)
def bispectrum_plan(two_j_max: int, dtype: str) -> BispectrumPlan:
    """The plan of one 2J_max in ``float64`` or ``float32``; the arrays are read-only."""
    places, jacobi, start = _sums(two_j_max)
    source, factor = _elements(two_j_max, places)
    tasks, first, second, weights = _contraction(two_j_max)
    features = triples(two_j_max)
    plan = BispectrumPlan(
        two_j_max,
        len(features),
        np.array(jacobi, dtype=dtype),
        np.array(start, dtype=dtype),
        np.array(source, dtype=np.int64),
        np.array(factor, dtype=dtype),
        np.array(tasks, dtype=np.int64),
        np.array(first, dtype=np.int64),
        np.array(second, dtype=np.int64),
        np.array(weights, dtype=dtype),
        np.array([j + 1.0 for _, _, j in features]),
    )
    for array in plan:
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return plan


def _sums(size: int) -> tuple[dict[tuple[int, int, int, bool], int], list[float], list[float]]:
    """Place of each sum by (p, q, n, conjugate b), recurrence of P_n, value for the identity."""
    places: dict[tuple[int, int, int, bool], int] = {}
    jacobi: list[float] = []
    start: list[float] = []
    for p in range(size + 1):
        for q in range(size + 1 - p):
            for n in range((size - p - q) // 2 + 1):
                for conjugate in (False, True)[: 1 + (p > 0 and q > 0)]:
                    places[p, q, n, conjugate] = len(start)
                    start += [float(q == 0), 0.0]
                if n > 0:
                    jacobi += _jacobi(n, q, p)
    return places, jacobi, start


def _jacobi(n: int, alpha: int, beta: int) -> tuple[float, float, float]:
    """(A, B, C) of P_n = (A t + B) P_(n−1) − C P_(n−2); DLMF 18.9.2."""
    both = alpha + beta
    if n == 1:
        return (both + 2) / 2, (alpha - beta) / 2, 0.0
    below = 2 * n * (n + both) * (2 * n + both - 2)
    return (
        (2 * n + both - 1) * (2 * n + both) * (2 * n + both - 2) / below,
        (2 * n + both - 1) * (alpha**2 - beta**2) / below,
        2 * (n + alpha - 1) * (n + beta - 1) * (2 * n + both) / below,
    )


def _element(j: int, row: int, column: int) -> int:
    """Number of U^j_k'k among the elements of all U^j, k' the row."""
    return j * (j + 1) * (2 * j + 1) // 6 + row * (j + 1) + column


def _elements(
    size: int, places: dict[tuple[int, int, int, bool], int]
) -> tuple[list[tuple[int, int]], list[float]]:
    """Sources and factors of every element of U^0 to U^size (see :class:`BispectrumPlan`)."""
    source, factor = [], []
    for j in range(size + 1):
        for row in range(j + 1):
            for column in range(j + 1):
                mirrored = row + column > j
                k1, k = (j - row, j - column) if mirrored else (row, column)
                n, p, q = min(k1, k), j - k - k1, abs(k1 - k)
                norm = sqrt(
                    factorial(n) * factorial(n + p + q) / (factorial(n + p) * factorial(n + q))
                )
                conjugate = k1 < k
                sign = (-1.0) ** q if conjugate else 1.0
                turned = mirrored
                if conjugate and p == 0:  # a^0 b*^q is the conjugate of what was summed
                    conjugate, turned = False, not turned
                if q == 0:
                    conjugate = False
                if mirrored:
                    sign *= (-1.0) ** q
                place = places[p, q, n, conjugate]
                source.append((place, place + 1))
                factor += [sign * norm, -sign * norm if turned else sign * norm]
    return source, factor


def _pair(triple: tuple[int, int, int]) -> tuple[tuple[int, int], int]:
    """Which two of a triple are multiplied, and which one the product is projected on.

    B/(2j + 1) is symmetric in the three, up to the order of its arguments. Products of a matrix
    with itself have every term twice, and products of large ones are projected on many others.
    """
    low, middle, high = sorted(triple)
    return ((low, middle), high) if low == middle else ((high, middle), low)


def _contraction(
    size: int,
) -> tuple[list[list[int]], list[int], list[int], list[float]]:
    """Tasks, terms and weights (see :class:`BispectrumPlan`).

    B_j1j2j = Σ_{k'k} conj(U^j_k'k) Σ C^{jk'}_{k1'k2'} C^{jk}_{k1k2} U^j1_k1'k1 U^j2_k2'k2. A task
    is one row K' = k1' + k2' and column K = k1 + k2 of the product for one pair of matrices; half
    of them are left out, since U^j_(j−k')(j−k) = ±conj(U^j_k'k) makes the others conjugates.
    """
    outputs = defaultdict(list)
    for feature, triple in enumerate(triples(size)):
        pair, j = _pair(triple)
        outputs[pair].append((j, feature, (triple[2] + 1) / (j + 1)))
    tasks: list[list[int]] = []
    first: list[int] = []
    second: list[int] = []
    weights: list[float] = []
    for (ja, jb), projected in outputs.items():
        whole = ja + jb
        for row, column in np.ndindex(whole // 2 + 1, whole + 1):
            centre = 2 * row == whole
            if centre and 2 * column > whole:
                continue
            twice = 1.0 if centre and 2 * column == whole else 2.0
            near = min(row, column, whole - column)
            seen = [output for output in projected if (whole - output[0]) // 2 <= near]
            for chunk in range(0, len(seen), MOST_OUTPUTS):
                part = seen[chunk : chunk + MOST_OUTPUTS]
                begin = len(first)
                for (one, other), coefficients in _terms(ja, jb, row, column, part).items():
                    first.append(one)
                    second.append(other)
                    weights += [twice * c for c in coefficients]
                elements = [
                    _element(j, row - (whole - j) // 2, column - (whole - j) // 2)
                    for j, _, _ in part
                ]
                fill = [0] * (MOST_OUTPUTS - len(part))
                features = [feature for _, feature, _ in part]
                tasks.append([len(part), begin, len(first), *elements, *fill, *features, *fill])
    return tasks, first, second, weights


def _terms(
    ja: int, jb: int, row: int, column: int, part: list[tuple[int, int, float]]
) -> dict[tuple[int, int], list[float]]:
    """Products of two elements → their coefficient for each output of a task."""
    terms: dict[tuple[int, int], list[float]] = {}
    for k1 in range(max(0, row - jb), min(ja, row) + 1):
        for l1 in range(max(0, column - jb), min(ja, column) + 1):
            one, other = _element(ja, k1, l1), _element(jb, row - k1, column - l1)
            key = (min(one, other), max(one, other)) if ja == jb else (one, other)
            found = terms.setdefault(key, [0.0] * len(part))
            for o, (j, _, scale) in enumerate(part):
                rows = clebsch_gordan(ja, jb, j, k1, row - k1)
                found[o] += scale * rows * clebsch_gordan(ja, jb, j, l1, column - l1)
    return terms
