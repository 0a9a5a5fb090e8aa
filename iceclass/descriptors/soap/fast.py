"""The SOAP power spectrum, fast: bins of molecules, neighbours in blocks, vectors throughout.

The same sums as :mod:`.plain`, which is the one to read. Here the candidates for neighbours
are gathered once for all molecules of a bin, and no list of neighbours is kept; the radial
functions come from a table (:mod:`.tables`) and the inner loops are :mod:`.vectors`, or their twins
in :mod:`.loops`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.soap import loops, vectors
from iceclass.descriptors.soap.tables import SoapTable
from iceclass.descriptors.soap.vectors import BLOCK
from iceclass.kernels.memory import LINE
from iceclass.kernels.simd import twins
from iceclass.neighbours.bins import Bins
from iceclass.neighbours.candidates import bin_candidates, bin_of, select_close
from iceclass.neighbours.cell_list import MAX_NEIGHBOURS

_harmonics = twins(vectors.harmonics, loops.harmonics)
_accumulate = twins(vectors.accumulate, loops.accumulate)
_contract = twins(vectors.contract, loops.contract)


@njit(cache=True, nogil=True, error_model="numpy")
def fast_power_spectra(
    simd: bool | None,
    bins: Bins,
    table: SoapTable,
    n_max_static: tuple[int, ...],
    n_static: tuple[int, ...],
    l_static: tuple[int, ...],
    normalise: bool,
    features: NDArray[Any],
    rows: NDArray[np.int64],
    start: int,
    stop: int,
) -> int:  # pragma: no cover
    """Write the features of the molecules ``order[start:stop]`` of the bins to ``features[rows]``.

    The static sizes are tuples of n_max, W and L zeros. With ``normalise`` the spectrum is
    divided by its norm and the norm appended. A molecule with too many neighbours, or −1.
    """
    size, width, n_max = len(l_static), len(n_static), len(n_max_static)
    kind = table.cubics
    length = n_max * (n_max + 1) // 2 * size
    place, x, y, z = np.empty(1024, np.int64), np.empty(1024), np.empty(1024), np.empty(1024)
    dx, dy, dz = empty_line(0, kind), empty_line(0, kind), empty_line(0, kind)
    values = empty_line(size * size * BLOCK, kind)
    t = empty_line(BLOCK, kind)
    where = np.empty(BLOCK, dtype=np.int32)
    c = empty_line(size * size * width, kind)
    spectrum = empty_line(length + width, kind)
    b, k = bin_of(bins, start), start
    r_square = bins.r_cut * bins.r_cut
    while k < stop:
        while bins.start[b + 1] <= k:
            b += 1
        count, place, x, y, z, ox, oy, oz = bin_candidates(bins, b, place, x, y, z)
        if count < 0:
            return bins.order[k]
        if len(dx) < len(x) + LINE:
            dx, dy, dz = (
                empty_line(len(x) + LINE, kind),
                empty_line(len(x) + LINE, kind),
                empty_line(len(x) + LINE, kind),
            )
        end = min(stop, bins.start[b + 1])
        for i in range(k, end):
            x0 = bins.positions[i, 0] - ox
            y0 = bins.positions[i, 1] - oy
            z0 = bins.positions[i, 2] - oz
            close = select_close(simd, x, y, z, count, x0, y0, z0, r_square, dx, dy, dz)
            if close - 1 > MAX_NEIGHBOURS:
                return bins.order[i]
            for j in range(close, close + 16):
                dx[j] = dy[j] = dz[j] = 0.0
            c[:] = 0.0
            for first in range(0, close, BLOCK):
                part = min(BLOCK, close - first)
                _harmonics(
                    simd, l_static, dx, dy, dz, first, part, table.per_length, values, where, t
                )
                _accumulate(simd, n_static, l_static, values, where, t, table.cubics, part, c)
            _contract(simd, n_max_static, n_static, l_static, c, table.weights, spectrum)
            row = features[rows[i - start]]
            if normalise:
                norm = np.sqrt(sum_of_squares(spectrum, length))
                factor = 1 / norm
                for f in range(length):
                    row[f] = spectrum[f] * factor
                row[length] = norm
            else:
                for f in range(length):
                    row[f] = spectrum[f]
        k = end
    return -1


@njit(cache=True, nogil=True)
def empty_line(count: int, like: NDArray[Any]) -> NDArray[Any]:  # pragma: no cover
    """An array of the dtype of ``like`` that starts on a cache line."""
    room = np.empty(count + LINE // like.itemsize, dtype=like.dtype)
    first = (-room.ctypes.data) % LINE // like.itemsize
    return room[first : first + count]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def sum_of_squares(values: NDArray[Any], count: int) -> Any:  # pragma: no cover
    """Σ values² over the first ``count``, in an order the compiler chooses, always the same."""
    total = values[0] * values[0]
    for f in range(1, count):
        total += values[f] * values[f]
    return total
