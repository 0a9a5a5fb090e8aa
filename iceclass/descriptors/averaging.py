"""Neighbour averaging: a molecule's vector replaced by the mean over itself and its neighbours.

Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi:10.1063/1.2977970, there for bond-order
vectors. The mean jumps when a neighbour crosses the averaging radius, by definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.frame import Frame
from iceclass.kernels.choice import run
from iceclass.kernels.memory import LINE, aligned_rows
from iceclass.kernels.simd import I64, Value, Vectors, emitter, twins, vector_code
from iceclass.kernels.threads import over_rows
from iceclass.neighbours.bins import Bins, make_bins
from iceclass.neighbours.candidates import CANDIDATES, bin_candidates, bin_of, select_places
from iceclass.neighbours.cell_list import MAX_NEIGHBOURS, check_crowded

_REGISTERS = 12
"""Vectors of one row that are summed at a time: AVX-512 has 32 registers, 8 of them suffice to hide
the latency of an addition, and few passes over the rows are better than many."""


def neighbour_average(
    frame: Frame,
    features: Features,
    radius: float,
    passes: int = 1,
    concatenate_self: bool = False,
    inner_radius: float = 0.0,
) -> FeatureBlocks:
    """What computes the averages of features.

    One pass is x̄_i = (x_i + Σ_{j: r_ij < R} x_j) / (1 + n_i), with n_i neighbours of molecule i
    within R; each periodic image is a neighbour of its own, with its molecule's features.

    Parameters
    ----------
    frame
        The N molecules.
    features
        Their (N, F) features.
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
    first = features
    for _ in range(passes - 1):
        features = Features.of(_averages(frame, bins, features, (radius,)))
    radii = (inner_radius, radius) if inner_radius > 0.0 else (radius,)
    return _averages(frame, bins, features, radii, first if concatenate_self else None)


@dataclass(frozen=True, eq=False)
class Features:
    """The features of all molecules, kept in the order they were computed in.

    Attributes
    ----------
    source
        (N, at least F). Rows are whole cache lines, filled up with zeros.
    n_features
        F.
    place
        (N,) int64. The features of molecule ``i`` are the first of ``source[place[i]]``.
    """

    source: NDArray[Any]
    n_features: int
    place: NDArray[np.int64]

    @classmethod
    def of(cls, blocks: FeatureBlocks) -> Self:
        """What ``blocks`` computes."""
        source = aligned_rows(blocks.n_molecules, blocks.n_features, blocks.dtype)
        source[:, blocks.n_features :] = 0.0
        place = np.empty(blocks.n_molecules, dtype=np.int64)
        place[blocks.order] = np.arange(blocks.n_molecules)

        def work(start: int, stop: int) -> None:
            blocks.fill(source[start:stop], np.arange(stop - start), start, stop)

        over_rows(work, blocks.n_molecules)
        return cls(source, blocks.n_features, place)


def _averages(
    frame: Frame,
    bins: Bins,
    held: Features,
    radii: tuple[float, ...],
    own: Features | None = None,
) -> FeatureBlocks:
    """The averages within each of the radii, after the features ``own`` if there are any."""
    before = 0 if own is None else own.n_features
    alone = held if own is None else own
    squares = np.square(radii)
    source, own_source, length = held.source, alone.source, held.n_features
    place = held.place[bins.order]
    own_place = place if alone is held else alone.place[bins.order]
    vectors = source.shape[1] * source.itemsize // LINE
    static = (0,) * -(-vectors // -(-vectors // _REGISTERS))

    def fill(features: NDArray[Any], into: NDArray[np.int64], start: int, stop: int) -> None:
        crowded_molecule = run(
            _average,
            bins,
            squares,
            source,
            place,
            length,
            static,
            own_source,
            own_place,
            before,
            features,
            into,
            start,
            stop,
        )
        check_crowded(crowded_molecule, frame, bins.r_cut)

    n_features = before + len(radii) * length
    return FeatureBlocks(bins.order, n_features, source.dtype, fill)


@njit(cache=True, nogil=True)
def _add_rows_plainly(
    static: tuple[int, ...],
    values: NDArray[Any],
    first: NDArray[np.int64],
    count: int,
    length: int,
    total: NDArray[Any],
) -> None:  # pragma: no cover
    """As :func:`_add_rows`, to the bit."""
    total[:] = 0.0
    for k in range(count):
        place = first[k]
        for f in range(length):
            total[f] += values[place + f]


@vector_code
def _add_rows(
    typing: Value,
    static: Value,
    values: Value,
    first: Value,
    count: Value,
    length: Value,
    total: Value,
) -> Any:
    """``total[:] = Σ_k values[first[k] : first[k] + length]`` over the ``count`` first ones.

    ``static`` has as many zeros as there are vectors of a row in registers at a time, at most all.
    The last ones of a row may overlap those before them.
    """

    def emit(context: Value, builder: Value, *arguments: Value) -> None:
        held, values, first, count, length, total = arguments
        v = Vectors(builder, context, kind, LINE // (kind.dtype.bitwidth // 8))
        step = held * v.width
        latest = builder.sub(length, I64(step))
        with v.loop(I64(0), length, step, []) as columns:
            beyond = builder.icmp_signed(">", columns.index, latest)
            begin = builder.select(beyond, latest, columns.index)
            with v.loop(I64(0), count, 1, [v.constant(0.0)] * held) as rows:
                row = builder.add(v.load(first, rows.index, I64), begin)
                address = v.address(values, row)
                rows.following = [
                    builder.fadd(value, v.load(address, j * v.width))
                    for j, value in enumerate(rows.values)
                ]
            for j, value in enumerate(rows.values):
                v.store(value, total, builder.add(begin, I64(j * v.width)))

    kind = values
    arguments = (static, values, first, types.intp, types.intp, total)
    return types.void(*arguments), emitter(arguments, emit)


_sum_rows = twins(_add_rows, _add_rows_plainly)


@njit(cache=True, nogil=True)
def _average(
    simd: bool | None,
    bins: Bins,
    squares: NDArray[np.float64],
    source: NDArray[Any],
    place: NDArray[np.int64],
    n_features: int,
    static: tuple[int, ...],
    own_source: NDArray[Any],
    own_place: NDArray[np.int64],
    before: int,
    features: NDArray[Any],
    rows: NDArray[np.int64],
    start: int,
    stop: int,
) -> int:  # pragma: no cover
    """Write the averages of ``order[start:stop]`` of the bins to ``features[rows, before:]``.

    One after the other for each of the squared radii. The features of the molecule ``order[k]``
    are the first of ``source[place[k]]``. To the columns before go those of ``own_source``, found
    in the same way. ``static`` has as many zeros as vectors are summed at a
    time. Returns a molecule with too many neighbours, or −1.
    """
    near, x, y, z = np.empty(1024, np.int64), np.empty(1024), np.empty(1024), np.empty(1024)
    first, inside = np.empty(0, np.int64), np.empty(0, np.int64)
    length = source.shape[1]
    values, total = source.reshape(source.size), np.empty_like(source[0])
    share = np.empty_like(source[0, :1])
    b, k = bin_of(bins, start), start
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
            first[j] = place[near[j]] * length
        end = min(stop, bins.start[b + 1])
        for i in range(k, end):
            x0 = bins.positions[i, 0] - ox
            y0 = bins.positions[i, 1] - oy
            z0 = bins.positions[i, 2] - oz
            row = features[rows[i - start]]
            if before > 0:
                own = own_source[own_place[i]]
                for f in range(before):
                    row[f] = own[f]
            for m in range(len(squares)):
                # the molecule itself among them
                count = select_places(simd, x, y, z, found, x0, y0, z0, squares[m], first, inside)
                if count > MAX_NEIGHBOURS:
                    return bins.order[i]
                _sum_rows(simd, static, values, inside, count, length, total)
                share[0] = 1.0 / count
                offset = before + m * n_features
                for f in range(n_features):
                    row[offset + f] = total[f] * share[0]
        k = end
    return -1
