"""What the symmetry-function kernel works with: the functions of a set taken apart.

Every angular function is Σ over pairs of (a part of the angle) × (a part of the distances), and
few different parts make up many functions. The kernel computes each part once for a batch of
pairs; a function is then the dot product of two of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.acsf.functions import (
    G2,
    G3,
    G4,
    G5,
    G8,
    Ani,
    Band,
    CutOff,
    Fermi,
    SymmetryFunction,
)

FERMI, COSINE, BAND = 0, 1, 2
"""Kinds of cut-offs, in ``cut_offs[:, 0]``."""

GAUSSIAN, WAVE = 0, 1
"""Kinds of radial functions, in ``radial[:, 0]``: G2, G3."""

POWER, SHIFTED, SINE = 0, 1, 2
"""Kinds of parts of the angle: (1 + λ cos θ)^ζ, [1 + λ cos(θ − θ_s)]^ζ, sin[η(θ − α)]."""

THREE, TWO, MEAN, FLAT = 0, 1, 2, 3
"""Kinds of parts of the distances: those of G4, G5, ANI, G8."""

MOST_MULTIPLE = 8
"""Largest η of G8 whose sines come from the addition theorem, if it is whole."""


class AcsfPlan(NamedTuple):
    """Flat tables, float64 unless said otherwise. Cut-offs are given by their row in ``cut_offs``.

    Attributes
    ----------
    cut_offs
        (cut-offs, 5). Kind, R_c or reach, and up to three parameters.
    n_radial
        How many of the cut-offs, the first ones, belong to radial functions.
    r_angular
        Å. Neighbours beyond have no part in angular functions.
    radial
        (radial functions, 5). Kind, η or κ, R_s, cut-off, feature.
    angles
        (parts, 4). Kind; λ, ζ, θ_s or η, α.
    distances
        (parts, 4). Kind, η, R_s, cut-off.
    pairs
        (angular functions, 3) int64. Part of the angle, part of the distances, feature.
    prefactors
        (angular functions,).
    highest
        Largest whole η for which sin ηθ and cos ηθ are tabulated; 0: sin θ is not needed.
    """

    cut_offs: NDArray[np.float64]
    n_radial: int
    r_angular: float
    radial: NDArray[np.float64]
    angles: NDArray[np.float64]
    distances: NDArray[np.float64]
    pairs: NDArray[np.int64]
    prefactors: NDArray[np.float64]
    highest: int


@lru_cache(maxsize=16)
def acsf_plan(functions: tuple[SymmetryFunction, ...], r_cut: float, r_angular: float) -> AcsfPlan:
    """The plan of a set of functions; their features are in the order of the set."""
    radial: list[list[float]] = []
    angles: dict[tuple[float, ...], int] = {}
    distances: dict[tuple[float, ...], int] = {}
    pairs: list[list[int]] = []
    prefactors: list[float] = []
    cut_offs: dict[tuple[CutOff, float], int] = {}
    ordered = sorted(enumerate(functions), key=lambda item: item[1].angular)
    for feature, function in ordered:
        radius = r_angular if function.angular else r_cut
        key = (function.cut_off, radius) if not function.angular else (function.cut_off, -radius)
        cut = cut_offs.setdefault(key, len(cut_offs))
        if isinstance(function, G2):
            radial.append([GAUSSIAN, function.eta, function.r_s, cut, feature])
        elif isinstance(function, G3):
            radial.append([WAVE, function.kappa, 0.0, cut, feature])
        else:
            angle, distance, prefactor = _angular(function, cut)
            row = angles.setdefault(angle, len(angles))
            column = distances.setdefault(distance, len(distances))
            pairs.append([row, column, feature])
            prefactors.append(prefactor)
    table = [_cut_off(cut, abs(radius)) for cut, radius in cut_offs]
    angular_reach = [row[1] for row, (_, r) in zip(table, cut_offs, strict=True) if r < 0]
    plan = AcsfPlan(
        np.array(table).reshape(-1, 5),
        sum(radius > 0 for _, radius in cut_offs),
        max(angular_reach, default=0.0),
        np.array(radial, dtype=np.float64).reshape(-1, 5),
        np.array(list(angles), dtype=np.float64).reshape(-1, 4),
        np.array(list(distances), dtype=np.float64).reshape(-1, 4),
        np.array(pairs, dtype=np.int64).reshape(-1, 3),
        np.array(prefactors, dtype=np.float64),
        _highest(angles),
    )
    for array in plan:
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return plan


def _highest(angles: Iterable[tuple[float, ...]]) -> int:
    """See :class:`AcsfPlan`."""
    whole = [int(a[1]) for a in angles if a[0] == SINE and a[1] in range(1, MOST_MULTIPLE + 1)]
    return max(whole, default=int(any(a[0] != POWER for a in angles)))


def _cut_off(cut: CutOff, radius: float) -> list[float]:
    """Its row in the table."""
    if isinstance(cut, Fermi):
        return [FERMI, radius, cut.alpha, cut.epsilon_c, 0.0]
    if isinstance(cut, Band):
        return [BAND, cut.reach, cut.a_l, cut.a_r, cut.nu]
    return [COSINE, radius, 0.0, 0.0, 0.0]


def _angular(
    function: SymmetryFunction, cut: int
) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Part of the angle, part of the distances, prefactor."""
    if isinstance(function, G4 | G5):
        kind = THREE if isinstance(function, G4) else TWO
        return (
            (POWER, function.lambda_, function.zeta, 0.0),
            (kind, function.eta, 0.0, cut),
            2.0 ** (1.0 - function.zeta),
        )
    if isinstance(function, Ani):
        return (
            (SHIFTED, function.lambda_, function.zeta, function.theta_s),
            (MEAN, function.eta, function.r_s, cut),
            2.0 ** (1.0 - function.zeta),
        )
    assert isinstance(function, G8)
    return (SINE, function.eta, function.alpha, 0.0), (FLAT, 0.0, 0.0, cut), 1.0
