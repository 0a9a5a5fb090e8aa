"""Symmetry functions of atoms of several elements, with their derivatives.

Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007), doi:10.1103/PhysRevLett.98.146401; Behler,
J. Chem. Phys. 134, 074106 (2011), doi:10.1063/1.3553717. Lengths here are in bohr, as in the files
of RuNNer and n2p2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

COSINE, TANH = 1, 2
"""Cut-off types, numbered as in RuNNer's ``cutoff_type``."""


@dataclass(frozen=True)
class Radial:
    """G2 = Σ_j exp(−η (R_ij − R_s)²) f_c(R_ij) over the neighbours of one element.

    Attributes
    ----------
    element, neighbour
        Symbols of the atom and of the neighbours.
    eta, r_shift, r_cut
        bohr⁻², bohr, bohr.
    """

    kind: ClassVar[int] = 2
    element: str
    neighbour: str
    eta: float
    r_shift: float
    r_cut: float

    @property
    def order(self) -> tuple[float | int, ...]:
        """What n2p2 and RuNNer sort the functions of an element by."""
        return (self.kind, self.r_cut, self.eta, self.r_shift, _number(self.neighbour))

    @property
    def name(self) -> str:
        """``G2 H–O η=0.03 R_s=0.9``."""
        return f"G2 {self.element}–{self.neighbour} η={self.eta:g} R_s={self.r_shift:g}"


@dataclass(frozen=True)
class Angular:
    """G3 = 2^(1−ζ) Σ_{j<k} (1 + λ cos θ)^ζ exp(−η (R_ij² + R_ik² + R_jk²)) f_c f_c f_c.

    Over the pairs of neighbours of two elements; called G4 where RuNNer's files are not meant.

    Attributes
    ----------
    element, neighbours
        Symbols of the atom and of the two neighbours, the lighter one first.
    eta, lam, zeta, r_cut
        η in bohr⁻², λ = ±1, ζ a whole number from 1, bohr.
    """

    kind: ClassVar[int] = 3
    element: str
    neighbours: tuple[str, str]
    eta: float
    lam: float
    zeta: int
    r_cut: float

    @property
    def order(self) -> tuple[float | int, ...]:
        """What n2p2 and RuNNer sort the functions of an element by."""
        numbers = (_number(e) for e in self.neighbours)
        return (self.kind, self.r_cut, self.eta, self.zeta, self.lam, *numbers)

    @property
    def name(self) -> str:
        """``G3 H–O–H η=0.03 λ=1 ζ=4``: the neighbours on both sides of the atom."""
        a, b = self.neighbours
        return f"G3 {a}–{self.element}–{b} η={self.eta:g} λ={self.lam:g} ζ={self.zeta}"


def in_order(functions: Sequence[Radial | Angular]) -> tuple[Radial | Angular, ...]:
    """The functions of one element in the order of RuNNer's and n2p2's files."""
    return tuple(sorted(functions, key=lambda f: f.order))


def _number(element: str) -> int:
    from ase.data import atomic_numbers

    return int(atomic_numbers[element])


class Plan(NamedTuple):
    """The functions of all E elements as arrays; those of element e are ``first[e]:first[e + 1]``.

    Attributes
    ----------
    first
        (E + 1,) int64.
    radial
        (E + 1,) int64. Where the radial ones of each element end.
    neighbours
        (F, 2) int64. Elements of the neighbours; the same twice in radial ones.
    eta, shift, lam, zeta
        (F,) float64; zeta int64.
    r_cut, cutoff
        bohr; :data:`COSINE` or :data:`TANH`.
    """

    first: NDArray[np.int64]
    radial: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    eta: NDArray[np.float64]
    shift: NDArray[np.float64]
    lam: NDArray[np.float64]
    zeta: NDArray[np.int64]
    r_cut: float
    cutoff: int


def make_plan(
    functions: dict[str, tuple[Radial | Angular, ...]], elements: Sequence[str], cutoff: int
) -> Plan:
    """The plan of the functions of each element; radial ones before angular ones, one cut-off."""
    place = {element: k for k, element in enumerate(elements)}
    every = [f for element in elements for f in functions[element]]
    counts = [len(functions[element]) for element in elements]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    angular = [sum(isinstance(f, Angular) for f in functions[element]) for element in elements]
    (r_cut,) = {f.r_cut for f in every}
    pairs = [
        sorted(place[e] for e in f.neighbours)
        if isinstance(f, Angular)
        else [place[f.neighbour]] * 2
        for f in every
    ]
    return Plan(
        first,
        first[1:] - np.array(angular, dtype=np.int64),
        np.array(pairs, dtype=np.int64),
        np.array([f.eta for f in every]),
        np.array([f.r_shift if isinstance(f, Radial) else 0.0 for f in every]),
        np.array([f.lam if isinstance(f, Angular) else 0.0 for f in every]),
        np.array([f.zeta if isinstance(f, Angular) else 0 for f in every], dtype=np.int64),
        float(r_cut),
        cutoff,
    )


@njit(cache=True, nogil=True)
def values(
    plan: Plan,
    elements: NDArray[np.int64],
    offsets: NDArray[np.int64],
    indices: NDArray[np.int64],
    vectors: NDArray[np.float64],
    distances: NDArray[np.float64],
    features: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:  # pragma: no cover
    """Write the functions of the atoms ``start:stop`` to the (N, F_max) ``features``.

    ``elements`` are (N,) places of the elements, the other arrays those of a neighbour list.
    """
    fading = np.empty(0)
    for i in range(start, stop):
        e = elements[i]
        first, radial, last = plan.first[e], plan.radial[e], plan.first[e + 1]
        features[i, :] = 0.0
        begin, end = offsets[i], offsets[i + 1]
        if len(fading) < end - begin:
            fading = np.empty(end - begin)
        for p in range(begin, end):
            r, other = distances[p], elements[indices[p]]
            fading[p - begin] = fade(r, plan.r_cut, plan.cutoff)[0]
            for f in range(first, radial):
                if plan.neighbours[f, 0] == other:
                    apart = r - plan.shift[f]
                    weight = np.exp(-plan.eta[f] * apart * apart)
                    features[i, f - first] += weight * fading[p - begin]
        for p in range(begin, end):
            for q in range(p + 1, end):
                square = 0.0
                for a in range(3):
                    square += (vectors[q, a] - vectors[p, a]) ** 2
                if square >= plan.r_cut * plan.r_cut:
                    continue
                r, s = distances[p], distances[q]
                u, w = elements[indices[p]], elements[indices[q]]
                low, high = min(u, w), max(u, w)
                cosine = 0.5 * (r * r + s * s - square) / (r * s)
                faded = fading[p - begin] * fading[q - begin]
                faded *= fade(np.sqrt(square), plan.r_cut, plan.cutoff)[0]
                total = r * r + s * s + square
                eta, gauss = -1.0, 0.0
                for f in range(radial, last):
                    if plan.neighbours[f, 0] == low and plan.neighbours[f, 1] == high:
                        if plan.eta[f] != eta:
                            eta = plan.eta[f]
                            gauss = np.exp(-eta * total) * faded
                        base = 0.5 * (1.0 + plan.lam[f] * cosine)
                        features[i, f - first] += 2.0 * power(base, plan.zeta[f]) * gauss


@njit(cache=True, nogil=True)
def slopes(
    plan: Plan,
    elements: NDArray[np.int64],
    offsets: NDArray[np.int64],
    indices: NDArray[np.int64],
    vectors: NDArray[np.float64],
    distances: NDArray[np.float64],
    weights: NDArray[np.float64],
    gradient: NDArray[np.float64],
    strain: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:  # pragma: no cover
    """Add the derivatives of Σ_i Σ_f ``weights[i, f]`` G_f(i) over the atoms ``start:stop``.

    ``gradient`` is (N, 3), by the positions; ``strain`` (3, 3), by a homogeneous strain. Every
    function depends on distances alone, so both follow from its slopes by R_ij, R_ik and R_jk.
    """
    fading, fall = np.empty(0), np.empty(0)
    line = np.empty(3)
    for i in range(start, stop):
        e = elements[i]
        first, radial, last = plan.first[e], plan.radial[e], plan.first[e + 1]
        begin, end = offsets[i], offsets[i + 1]
        if len(fading) < end - begin:
            fading, fall = np.empty(end - begin), np.empty(end - begin)
        own = np.zeros(end - begin)  # slopes by the distances to the neighbours
        for p in range(begin, end):
            r, other = distances[p], elements[indices[p]]
            fading[p - begin], fall[p - begin] = fade(r, plan.r_cut, plan.cutoff)
            for f in range(first, radial):
                if plan.neighbours[f, 0] == other:
                    apart = r - plan.shift[f]
                    gauss = weights[i, f - first] * np.exp(-plan.eta[f] * apart * apart)
                    own[p - begin] += gauss * (
                        fall[p - begin] - 2.0 * plan.eta[f] * apart * fading[p - begin]
                    )
        for p in range(begin, end):
            for q in range(p + 1, end):
                square = 0.0
                for a in range(3):
                    line[a] = vectors[q, a] - vectors[p, a]
                    square += line[a] * line[a]
                if square >= plan.r_cut * plan.r_cut:
                    continue
                r, s, t = distances[p], distances[q], np.sqrt(square)
                u, w = elements[indices[p]], elements[indices[q]]
                low, high = min(u, w), max(u, w)
                cosine = 0.5 * (r * r + s * s - square) / (r * s)
                by_r, by_s, by_t = 1.0 / s - cosine / r, 1.0 / r - cosine / s, -t / (r * s)
                third, third_fall = fade(t, plan.r_cut, plan.cutoff)
                one, two = fading[p - begin], fading[q - begin]
                faded = one * two * third
                total = r * r + s * s + square
                eta, gauss = -1.0, 0.0
                # E = Σ_f w_f P_f(cos θ) exp(−η_f total) · faded, summed over the functions
                value, by_cosine, by_total = 0.0, 0.0, 0.0
                for f in range(radial, last):
                    if plan.neighbours[f, 0] == low and plan.neighbours[f, 1] == high:
                        if plan.eta[f] != eta:
                            eta = plan.eta[f]
                            gauss = np.exp(-eta * total)
                        base = 0.5 * (1.0 + plan.lam[f] * cosine)
                        below = power(base, plan.zeta[f] - 1)
                        weight = weights[i, f - first] * gauss
                        value += weight * 2.0 * below * base
                        by_cosine += weight * plan.lam[f] * plan.zeta[f] * below
                        by_total -= weight * eta * 2.0 * below * base
                by_cosine *= faded
                by_total *= faded
                d_r = by_cosine * by_r + 2.0 * r * by_total + value * fall[p - begin] * two * third
                d_s = by_cosine * by_s + 2.0 * s * by_total + value * fall[q - begin] * one * third
                d_t = by_cosine * by_t + 2.0 * t * by_total + value * third_fall * one * two
                own[p - begin] += d_r
                own[q - begin] += d_s
                for a in range(3):
                    along = d_t * line[a] / t
                    gradient[indices[q], a] += along
                    gradient[indices[p], a] -= along
                    for b in range(3):
                        strain[a, b] += along * line[b]
        for p in range(begin, end):
            for a in range(3):
                along = own[p - begin] * vectors[p, a] / distances[p]
                gradient[indices[p], a] += along
                gradient[i, a] -= along
                for b in range(3):
                    strain[a, b] += along * vectors[p, b]


@njit(cache=True, nogil=True)
def fade(r: float, r_cut: float, cutoff: int) -> tuple[float, float]:  # pragma: no cover
    """f_c and its slope: tanh³(1 − r/r_cut) or ½[cos(π r/r_cut) + 1]; 0 from r_cut on."""
    if r >= r_cut:
        return 0.0, 0.0
    if cutoff == TANH:
        t = np.tanh(1.0 - r / r_cut)
        return t * t * t, -3.0 * t * t * (1.0 - t * t) / r_cut
    angle = np.pi * r / r_cut
    return 0.5 * (np.cos(angle) + 1.0), -0.5 * np.pi / r_cut * np.sin(angle)


@njit(cache=True, nogil=True)
def power(base: float, exponent: int) -> float:  # pragma: no cover
    """base^exponent for a whole exponent from 0."""
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


@njit(cache=True, nogil=True)
def jacobian(
    plan: Plan,
    elements: NDArray[np.int64],
    offsets: NDArray[np.int64],
    indices: NDArray[np.int64],
    vectors: NDArray[np.float64],
    distances: NDArray[np.float64],
    derivatives: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:  # pragma: no cover
    """Add ∂G_f(i)/∂r_k of the atoms ``start:stop`` to the (N, F_max, N, 3) ``derivatives``.

    What :func:`slopes` sums up, function by function, for training on forces.
    """
    for i in range(start, stop):
        e, own = elements[i], derivatives[i]
        first, radial, last = plan.first[e], plan.radial[e], plan.first[e + 1]
        for p in range(offsets[i], offsets[i + 1]):
            r, j = distances[p], indices[p]
            one, fall = fade(r, plan.r_cut, plan.cutoff)
            for f in range(first, radial):
                if plan.neighbours[f, 0] == elements[j]:
                    apart = r - plan.shift[f]
                    gauss = np.exp(-plan.eta[f] * apart * apart)
                    slope = gauss * (fall - 2.0 * plan.eta[f] * apart * one) / r
                    _pull(own[f - first], j, i, vectors[p], slope)
            for q in range(p + 1, offsets[i + 1]):
                line = vectors[q] - vectors[p]
                t = np.sqrt(line[0] ** 2 + line[1] ** 2 + line[2] ** 2)
                if t >= plan.r_cut:
                    continue
                s, k = distances[q], indices[q]
                low, high = min(elements[j], elements[k]), max(elements[j], elements[k])
                cosine = 0.5 * (r * r + s * s - t * t) / (r * s)
                two, two_fall = fade(s, plan.r_cut, plan.cutoff)
                three, three_fall = fade(t, plan.r_cut, plan.cutoff)
                faded = one * two * three
                for f in range(radial, last):
                    if plan.neighbours[f, 0] == low and plan.neighbours[f, 1] == high:
                        eta, zeta = plan.eta[f], plan.zeta[f]
                        base = 0.5 * (1.0 + plan.lam[f] * cosine)
                        gauss = np.exp(-eta * (r * r + s * s + t * t))
                        value = 2.0 * power(base, zeta) * gauss
                        by_cosine = plan.lam[f] * zeta * power(base, zeta - 1) * gauss * faded
                        by_square = -2.0 * eta * value * faded
                        d_r = by_cosine * (1.0 / s - cosine / r) + by_square * r
                        d_s = by_cosine * (1.0 / r - cosine / s) + by_square * s
                        d_t = -by_cosine * t / (r * s) + by_square * t
                        _pull(
                            own[f - first], j, i, vectors[p], (d_r + value * fall * two * three) / r
                        )
                        _pull(
                            own[f - first],
                            k,
                            i,
                            vectors[q],
                            (d_s + value * two_fall * one * three) / s,
                        )
                        _pull(
                            own[f - first], k, j, line, (d_t + value * three_fall * one * two) / t
                        )


@njit(cache=True, nogil=True)
def _pull(
    derivatives: NDArray[np.float64],
    to: int,
    origin: int,
    vector: NDArray[np.float64],
    slope: float,
) -> None:  # pragma: no cover
    """Add what a distance contributes, its slope over its length being ``slope``."""
    for a in range(3):
        derivatives[to, a] += slope * vector[a]
        derivatives[origin, a] -= slope * vector[a]
