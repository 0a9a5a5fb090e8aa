"""Clebsch–Gordan coefficients, from Racah's formula in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import copysign, factorial, prod, sqrt


@cache
def clebsch_gordan(j1: int, j2: int, j: int, k1: int, k2: int) -> float:
    """⟨j1 m1 j2 m2 | j m1+m2⟩ for doubled angular momenta ``j1``, ``j2``, ``j`` (whole numbers).

    The projections are counted down from the top: m1 = (j1 − 2 k1)/2 with k1 from 0 to j1, and
    so on. 0 where the coefficient vanishes by its selection rules. Varshalovich, Moskalev,
    Khersonskii, Quantum Theory of Angular Momentum (1988), section 8.2.
    """
    excess, odd = divmod(j1 + j2 - j, 2)
    k = k1 + k2 - excess
    if odd or not (abs(j1 - j2) <= j <= j1 + j2):
        return 0.0
    if not (0 <= k1 <= j1 and 0 <= k2 <= j2 and 0 <= k <= j):
        return 0.0
    first, second = j1 - excess, j2 - excess  # (j + j1 − j2)/2 and (j − j1 + j2)/2
    total = Fraction(0)
    for z in range(max(0, k1 - first, excess - k2), min(excess, k1, j2 - k2) + 1):
        parts = (z, excess - z, k1 - z, j2 - k2 - z, first - k1 + z, k2 - excess + z)
        total += Fraction((-1) ** z, prod(map(factorial, parts)))
    norm = Fraction((j + 1) * _factorials(first, second, excess), factorial(j1 + second + 1))
    square = total * total * norm * _factorials(k, j - k, k1, j1 - k1, k2, j2 - k2)
    return copysign(sqrt(square), total)


def _factorials(*numbers: int) -> int:
    """Product of the factorials."""
    return prod(map(factorial, numbers))
