"""Which contractions of moment tensors are scalars of a level, and as what polynomials.

A contraction is a graph: its nodes are moments M_{μ,ν}, an edge stands for one index that two of
them share, and every node has ν edge ends. A scalar is the product of the connected parts of its
graph. Graphs that differ only in how the nodes are numbered are the same scalar; a moment is
not contracted with itself, since r·r is a function of the distance alone.

Shapeev, Multiscale Model. Simul. 14, 1153 (2016), doi:10.1137/15M1054183. The number of moments in
a product is limited to four, as in the potential files of the MLIP package: with that limit, and
without another, the scalars of level 6, 8, 10, 12, 14 and 16 are 5, 9, 16, 29, 52 and 92, the
published numbers; without it they would be 5, 9, 17, 32, 61 and 116.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations, product
from math import factorial, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_MOMENTS = 4
"""Moments in a product at most; see the module's docstring."""


@dataclass(frozen=True, order=True)
class Contraction:
    """A connected graph of moments.

    Attributes
    ----------
    mus
        μ of each node.
    edges
        How many indices the nodes 0–1, 0–2, …, 1–2, … share: the upper triangle, row by row.
    """

    mus: tuple[int, ...]
    edges: tuple[int, ...]

    @property
    def pairs(self) -> dict[tuple[int, int], int]:
        """Pair of nodes → number of indices they share; pairs that share none are left out."""
        nodes = combinations(range(len(self.mus)), 2)
        return {pair: times for pair, times in zip(nodes, self.edges, strict=True) if times}

    @property
    def nus(self) -> tuple[int, ...]:
        """ν of each node."""
        ends = Counter(dict.fromkeys(range(len(self.mus)), 0))
        for pair, times in self.pairs.items():
            ends.update(dict.fromkeys(pair, times))
        return tuple(ends[node] for node in range(len(self.mus)))

    @property
    def level(self) -> int:
        """Σ (2 + 4μ + ν)."""
        return sum(2 + 4 * mu + nu for mu, nu in zip(self.mus, self.nus, strict=True))

    @property
    def name(self) -> str:
        """``M(0,1)·M(0,2)·M(0,1) {12,23}``: moments (μ,ν), and which of them share an index."""
        moments = "·".join(f"M({mu},{nu})" for mu, nu in zip(self.mus, self.nus, strict=True))
        shared = ",".join(
            f"{i + 1}{j + 1}" + (f"^{times}" if times > 1 else "")
            for (i, j), times in self.pairs.items()
        )
        return f"{moments} {{{shared}}}" if shared else moments


@cache
def contractions(level: int) -> tuple[Contraction, ...]:
    """The connected graphs up to a level, in the order of level, number of nodes, μ and edges."""
    found = {
        _canonical(mus, edges)
        for nodes in range(1, min(MAX_MOMENTS, level // 2) + 1)
        for mus, edges in _graphs(nodes, level)
    }
    return tuple(sorted(found, key=lambda c: (c.level, len(c.mus), c)))


@cache
def scalars(level: int) -> tuple[tuple[int, ...], ...]:
    """The scalars up to a level, each as the places of its factors in :func:`contractions`."""
    parts = contractions(level)

    def products(first: int, left: int, moments: int) -> Iterator[tuple[int, ...]]:
        for k in range(first, len(parts)):
            rest, fewer = left - parts[k].level, moments - len(parts[k].mus)
            if rest >= 0 and fewer >= 0:
                yield (k,)
                yield from ((k, *more) for more in products(k, rest, fewer))

    def order(factors: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
        return sum(parts[k].level for k in factors), len(factors), factors

    return tuple(sorted(products(0, level, MAX_MOMENTS), key=order))


def scalar_names(level: int) -> tuple[str, ...]:
    """Names of the :func:`scalars`, the factors' with × between them."""
    parts = contractions(level)
    return tuple(" × ".join(parts[k].name for k in factors) for factors in scalars(level))


class MtpPlan(NamedTuple):
    """What the compiled kernel works with; Q monomials x^a y^b z^c, ordered by their degree.

    The moments of one molecule lie in one line of components: the monomials of μ = 0, those of
    μ = 1, …, and a 1 at the end.

    Attributes
    ----------
    parent, axis
        (Q,) int64. Monomial q is monomial ``parent[q]`` times the coordinate ``axis[q]``; 1 is
        the monomial 0.
    start
        (μ + 2,) int64. Where the components of each μ start, and the number of all.
    coefficients, components
        (P,) float64 and (P, 4) int64. The terms of the contractions: a coefficient times four
        components.
    terms
        (contractions + 1,) int64. Where the terms of each contraction start.
    factors
        (F, 4) int64. The contractions that each scalar is the product of; −1 for none.
    """

    parent: NDArray[np.int64]
    axis: NDArray[np.int64]
    start: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    components: NDArray[np.int64]
    terms: NDArray[np.int64]
    factors: NDArray[np.int64]


@cache
def mtp_plan(level: int) -> MtpPlan:
    """The plan of all scalars up to a level."""
    parts = contractions(level)
    highest: dict[int, int] = {}
    for part in parts:
        for mu, nu in zip(part.mus, part.nus, strict=True):
            highest[mu] = max(nu, highest.get(mu, 0))
    monomials = [(0, 0, 0)]
    parent, axis = [0], [0]
    for degree in range(1, max(highest.values()) + 1):
        for a in range(degree, -1, -1):
            for b in range(degree - a, -1, -1):
                powers = [a, b, degree - a - b]
                along = next(k for k in range(3) if powers[k])
                monomials.append((a, b, degree - a - b))
                powers[along] -= 1
                parent.append(monomials.index((powers[0], powers[1], powers[2])))
                axis.append(along)
    sizes = [(nu + 1) * (nu + 2) * (nu + 3) // 6 for _, nu in sorted(highest.items())]
    start = np.concatenate([[0], np.cumsum(sizes)])
    where = {powers: place for place, powers in enumerate(monomials)}
    coefficients: list[float] = []
    components: list[list[int]] = []
    terms = [0]
    for part in parts:
        for powers_of, coefficient in polynomial(part).items():
            places = [
                int(start[mu]) + where[powers]
                for mu, powers in zip(part.mus, powers_of, strict=True)
            ]
            coefficients.append(float(coefficient))
            components.append(places + [int(start[-1])] * (MAX_MOMENTS - len(places)))
        terms.append(len(coefficients))
    factors = [[*each, *[-1] * (MAX_MOMENTS - len(each))] for each in scalars(level)]
    return MtpPlan(
        np.array(parent),
        np.array(axis),
        start.astype(np.int64),
        np.array(coefficients),
        np.array(components),
        np.array(terms),
        np.array(factors),
    )


def polynomial(part: Contraction) -> dict[tuple[tuple[int, int, int], ...], int]:
    """Powers of x, y, z in each node's moment → how often that product of components occurs.

    An edge of q indices is a sum over how many of them are x, y and z, each such choice occurring
    q!/(a! b! c!) times.
    """
    choices = [
        [
            (a, b, q - a - b, factorial(q) // (factorial(a) * factorial(b) * factorial(q - a - b)))
            for a in range(q + 1)
            for b in range(q - a + 1)
        ]
        for q in part.pairs.values()
    ]
    found: Counter[tuple[tuple[int, int, int], ...]] = Counter()
    for chosen in product(*choices):
        powers = np.zeros((len(part.mus), 3), dtype=int)
        for pair, (*abc, _) in zip(part.pairs, chosen, strict=True):
            powers[list(pair)] += abc
        key = tuple((int(a), int(b), int(c)) for a, b, c in powers)
        found[key] += prod(times for *_, times in chosen)
    return dict(found)


def _graphs(nodes: int, level: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """μ of the nodes and edges of all connected graphs up to a level, in every numbering."""
    pairs = list(combinations(range(nodes), 2))
    for edges in _at_most((level - 2 * nodes) // 2, len(pairs)):
        joined = {0}
        for _ in range(nodes):
            for (i, j), times in zip(pairs, edges, strict=True):
                if times and (i in joined or j in joined):
                    joined |= {i, j}
        if len(joined) == nodes:
            left = level - 2 * nodes - 2 * sum(edges)
            yield from ((mus, edges) for mus in _at_most(left // 4, nodes))


def _at_most(total: int, count: int) -> Iterator[tuple[int, ...]]:
    """All tuples of ``count`` numbers from 0 whose sum is at most ``total``."""
    if count == 0:
        yield ()
        return
    for first in range(total + 1):
        yield from ((first, *rest) for rest in _at_most(total - first, count - 1))


def _canonical(mus: tuple[int, ...], edges: tuple[int, ...]) -> Contraction:
    """The same graph with its nodes in the order in which it compares least."""
    nodes = range(len(mus))
    shared = dict(zip(combinations(nodes, 2), edges, strict=True))
    return min(
        Contraction(
            tuple(mus[i] for i in order),
            tuple(shared[min(i, j), max(i, j)] for i, j in combinations(order, 2)),
        )
        for order in permutations(nodes)
    )
