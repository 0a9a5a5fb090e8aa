"""Neighbour averaging: a molecule's vector replaced by the mean over itself and its neighbours.

Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi:10.1063/1.2977970, there for bond-order
vectors. The mean jumps when a neighbour crosses the averaging radius, by definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.frame import Frame
from iceclass.kernels.choice import run
from iceclass.kernels.simd import load, store, width, zeros
from iceclass.kernels.threads import over_rows
from iceclass.neighbours.candidates import CANDIDATES, bin_candidates, select_places
from iceclass.neighbours.cell_list import MAX_NEIGHBOURS, Bins, check_crowded, make_bins


def neighbour_average(
    frame: Frame,
    blocks: FeatureBlocks,
    radius: float,
    passes: int = 1,
    concatenate_self: bool = False,
    inner_radius: float = 0.0,
) -> FeatureBlocks:
    """What computes the averages of the features that ``blocks`` computes; holds all of the latter.

    One pass is x̄_i = (x_i + Σ_{j: r_ij < R} x_j) / (1 + n_i), with n_i neighbours of molecule i
    within R; each periodic image is a neighbour of its own, with its molecule's features.

    Parameters
    ----------
    frame
        The N molecules.
    blocks
        Of their (N, F) features.
    radius
        R, Å.
    passes
        How often to repeat it.
    concatenate_self
        Put x_i before the average: (N, 2 F) features.
    inner_radius
        Å. Of another average, in one pass, that comes before the one within R; 0: none.
    """
    bins = make_bins(frame, radius)
    held = _Features.of(blocks, bins)
    first = held
    for _ in range(passes - 1):
        held = _Features.of(_averages(frame, bins, held, (radius,)), bins)
    radii = (inner_radius, radius) if inner_radius > 0.0 else (radius,)
    return _averages(frame, bins, held, radii, first if concatenate_self else None)


@dataclass(frozen=True, eq=False)
class _Features:
    """The features of all molecules, kept in the order they were computed in.

    Attributes
    ----------
    source
        (N, F).
    place
        (N,) int64. The features of the molecule ``order[k]`` of the bins are ``source[place[k]]``.
    """

    source: NDArray[Any]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, blocks: FeatureBlocks, bins: Bins) -> Self:
        """What ``blocks`` computes."""
        source = np.empty((blocks.n_molecules, blocks.n_features), blocks.dtype)
        place = np.empty(blocks.n_molecules, dtype=np.int64)
        place[blocks.order] = np.arange(blocks.n_molecules)

        def work(start: int, stop: int) -> None:
            blocks.fill(source[start:stop], np.arange(stop - start), start, stop)

        over_rows(work, blocks.n_molecules)
        return cls(source, place[bins.order])


def _averages(
    frame: Frame,
    bins: Bins,
    held: _Features,
    radii: tuple[float, ...],
    own: _Features | None = None,
) -> FeatureBlocks:
    """The averages within each of the radii, after the features ``own`` if there are any."""
    before = 0 if own is None else own.source.shape[1]
    squares = np.square(radii)

    def fill(features: NDArray[Any], into: NDArray[np.int64], start: int, stop: int) -> None:
        if own is not None:
            features[into, :before] = own.source[own.place[start:stop]]
        crowded_molecule = run(
            _average, bins, squares, held.source, held.place, features, before, into, start, stop
        )
        check_crowded(crowded_molecule, frame, bins.r_cut)

    n_features = before + len(radii) * held.source.shape[1]
    return FeatureBlocks(bins.order, n_features, held.source.dtype, fill)


@njit(cache=True, nogil=True)
def _average(
    simd: bool | None,
    bins: Bins,
    squares: NDArray[np.float64],
    source: NDArray[Any],
    place: NDArray[np.int64],
    features: NDArray[Any],
    before: int,
    rows: NDArray[np.int64],
    start: int,
    stop: int,
) -> int:  # pragma: no cover
    """Write the averages of ``order[start:stop]`` of the bins to ``features[rows, before:]``.

    One after the other for each of the squared radii. The features of the molecule ``order[k]``
    are ``source[place[k]]``. Returns a molecule with too many neighbours, or −1.
    """
    near, x, y, z = np.empty(1024, np.int64), np.empty(1024), np.empty(1024), np.empty(1024)
    first, inside = np.empty(0, np.int64), np.empty(0, np.int64)
    n_features = source.shape[1]
    values, total = source.reshape(source.size), np.empty_like(source[0])
    share = np.empty_like(source[0, :1])
    b, k = int(np.searchsorted(bins.start, start, side="right")) - 1, start
    while k < stop:
        while bins.start[b + 1] <= k:
            b += 1
        found, near, x, y, z, ox, oy, oz = bin_candidates(bins, b, near, x, y, z)
        if found < 0:
            return bins.order[k]
        if len(first) < len(near):
            first, inside = (
                np.empty(len(near), np.int64),
                np.empty(len(near) + CANDIDATES, np.int64),
            )
        for j in range(found):
            first[j] = place[near[j]] * n_features
        end = min(stop, bins.start[b + 1])
        for i in range(k, end):
            x0 = bins.positions[i, 0] - ox
            y0 = bins.positions[i, 1] - oy
            z0 = bins.positions[i, 2] - oz
            row = features[rows[i - start]]
            for m in range(len(squares)):
                # the molecule itself among them
                count = select_places(simd, x, y, z, found, x0, y0, z0, squares[m], first, inside)
                if count > MAX_NEIGHBOURS:
                    return bins.order[i]
                _add_rows(simd, values, inside, count, total)
                share[0] = 1.0 / count
                offset = before + m * n_features
                for f in range(n_features):
                    row[offset + f] = total[f] * share[0]
        k = end
    return -1


@njit(cache=True, nogil=True)
def _add_rows(
    simd: bool | None,
    values: NDArray[Any],
    first: NDArray[np.int64],
    count: int,
    total: NDArray[Any],
) -> None:  # pragma: no cover
    """Write Σ_k values[first[k] : first[k] + F] over the ``count`` first ones to the (F,) total.

    Some vectors at a time, the last ones overlapping those before them.
    """
    n_features, lanes = len(total), width(simd, total)
    f: Any = np.int64(0)
    if n_features < lanes:
        while f < n_features:
            total[f] = 0.0
            for k in range(count):
                total[f] += values[first[k] + f]
            f += 1
        return
    while f + 4 * lanes <= n_features:
        a, b, c, d = zeros(simd, total), zeros(simd, total), zeros(simd, total), zeros(simd, total)
        for k in range(count):
            place = first[k] + f
            a = a + load(simd, values, place)
            b = b + load(simd, values, place + lanes)
            c = c + load(simd, values, place + 2 * lanes)
            d = d + load(simd, values, place + 3 * lanes)
        store(simd, total, f, a)
        store(simd, total, f + lanes, b)
        store(simd, total, f + 2 * lanes, c)
        store(simd, total, f + 3 * lanes, d)
        f += 4 * lanes
    while f < n_features:
        f = min(f, n_features - lanes)
        a = zeros(simd, total)
        for k in range(count):
            a = a + load(simd, values, first[k] + f)
        store(simd, total, f, a)
        f += lanes
