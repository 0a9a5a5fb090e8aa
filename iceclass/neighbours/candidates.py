"""Candidates for neighbours, gathered once for all molecules of a bin of :mod:`.bins`.

Vector code (:mod:`iceclass.kernels.simd`) selects those close to a molecule, or plain loops without
a branch, which for each candidate would be predicted wrong too often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.errors import TypingError
from numpy.typing import NDArray

from iceclass.kernels.simd import I32, I64, Value, Vectors, emitter, has_avx512, vector_code
from iceclass.neighbours.bins import Bins

MAX_CANDIDATES = 8_000_000
"""Molecules and images near one bin beyond which a frame is refused as too dense."""

CANDIDATES = 8
"""Candidates tested at a time; their arrays must have a length divisible by it."""


@njit(cache=True, nogil=True)
def bin_of(bins: Bins, k: int) -> int:  # pragma: no cover
    """The bin that holds the molecule ``order[k]``."""
    low, high = 0, len(bins.start) - 1  # np.searchsorted takes longer to compile
    while high - low > 1:
        middle = (low + high) // 2
        if bins.start[middle] <= k:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def bin_candidates(
    bins: Bins,
    b: int,
    place: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
) -> tuple[
    int,
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    float,
    float,
    float,
]:  # pragma: no cover
    """Candidates for neighbours of the molecules of bin ``b``, those molecules included.

    They are all molecules and images closer than the cut-off to the smallest upright box around
    the bin's molecules. Coordinates are relative to the box's centre.

    Returns
    -------
    count
        Number of candidates, filled up to a multiple of CANDIDATES with points out of reach; −1 if
        there are more than MAX_CANDIDATES.
    place, x, y, z
        The given buffers, or larger ones. (count,) int64, where in ``bins.order`` the candidate's
        molecule is; (count,) float64, Å.
    ox, oy, oz
        Centre of the box, Å.
    """
    n0, n1, n2 = bins.shape
    r0, r1, r2 = bins.reach
    cell, positions = bins.cell, bins.positions
    half, origin = np.zeros(3), np.zeros(3)
    for axis in range(3):
        low, high = np.inf, -np.inf
        for k in range(bins.start[b], bins.start[b + 1]):
            low = min(low, positions[k, axis])
            high = max(high, positions[k, axis])
        origin[axis] = 0.5 * (low + high)
        half[axis] = 0.5 * (high - low)
    h0, h1, h2 = half
    o0, o1, o2 = origin
    limit = bins.r_cut * bins.r_cut * (1.0 + 1e-9)  # rounding must not lose a neighbour
    p0, p1, p2 = b // (n1 * n2), b // n2 % n1, b % n2
    count = 0
    for b0 in range(p0 - r0, p0 + r0 + 1):
        s0 = b0 // n0
        if s0 != 0 and not bins.periodic[0]:
            continue
        for b1 in range(p1 - r1, p1 + r1 + 1):
            s1 = b1 // n1
            if s1 != 0 and not bins.periodic[1]:
                continue
            for b2 in range(p2 - r2, p2 + r2 + 1):
                s2 = b2 // n2
                if s2 != 0 and not bins.periodic[2]:
                    continue
                dx = s0 * cell[0, 0] + s1 * cell[1, 0] + s2 * cell[2, 0] - o0
                dy = s0 * cell[0, 1] + s1 * cell[1, 1] + s2 * cell[2, 1] - o1
                dz = s0 * cell[0, 2] + s1 * cell[1, 2] + s2 * cell[2, 2] - o2
                other = ((b0 - s0 * n0) * n1 + b1 - s1 * n1) * n2 + b2 - s2 * n2
                first, last = bins.start[other], bins.start[other + 1]
                if count > MAX_CANDIDATES:
                    return -1, place, x, y, z, o0, o1, o2
                more = last - first + CANDIDATES
                if count + more > len(x):
                    place = _longer(place, more)
                    x, y, z = _longer(x, more), _longer(y, more), _longer(z, more)
                for k in range(first, last):
                    vx, vy, vz = positions[k, 0] + dx, positions[k, 1] + dy, positions[k, 2] + dz
                    place[count], x[count], y[count], z[count] = k, vx, vy, vz
                    gap_x = max(abs(vx) - h0, 0.0)
                    gap_y = max(abs(vy) - h1, 0.0)
                    gap_z = max(abs(vz) - h2, 0.0)
                    count += gap_x * gap_x + gap_y * gap_y + gap_z * gap_z < limit
    while count % CANDIDATES != 0:
        place[count] = 0
        x[count] = y[count] = z[count] = 1e30
        count += 1
    return count, place, x, y, z, o0, o1, o2


@njit(cache=True, nogil=True)
def _longer(values: NDArray[Any], by: int) -> NDArray[Any]:  # pragma: no cover
    """The values at the start of an array of twice the length and ``by`` more."""
    longer = np.empty(2 * len(values) + by, dtype=values.dtype)
    for k in range(len(values)):  # not by a slice, which takes seconds to compile
        longer[k] = values[k]
    return longer


@njit(cache=True, nogil=True)
def select_close(
    simd: bool | None,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    count: int,
    x0: float,
    y0: float,
    z0: float,
    r_square: float,
    dx: NDArray[Any],
    dy: NDArray[Any],
    dz: NDArray[Any],
) -> int:  # pragma: no cover
    """Write the candidates closer than r to (x0, y0, z0) to ``dx, dy, dz``; their number.

    ``close = (x − x0)² + … < r_square; dx[:n] = (x − x0)[close]``, in the candidates' order.
    The differences and the test are in float64, dx, dy, dz of any float type. ``count`` is
    divisible by :data:`CANDIDATES`; dx, dy, dz are CANDIDATES longer than the result.
    """
    if simd is None:
        close = 0
        for k in range(count):
            vx, vy, vz = x[k] - x0, y[k] - y0, z[k] - z0
            dx[close], dy[close], dz[close] = vx, vy, vz
            close += vx * vx + vy * vy + vz * vz < r_square
        return close
    return _select_close(x, y, z, count, x0, y0, z0, r_square, dx, dy, dz)


@njit(cache=True, nogil=True)
def select_places(
    simd: bool | None,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    count: int,
    x0: float,
    y0: float,
    z0: float,
    r_square: float,
    place: NDArray[np.int64],
    near: NDArray[np.int64],
) -> int:  # pragma: no cover
    """Write ``place[close]`` to ``near``, both int64; otherwise as :func:`select_close`."""
    if simd is None:
        close = 0
        for k in range(count):
            vx, vy, vz = x[k] - x0, y[k] - y0, z[k] - z0
            near[close] = place[k]
            close += vx * vx + vy * vy + vz * vz < r_square
        return close
    return _select_places(x, y, z, count, x0, y0, z0, r_square, place, near)


@vector_code
def _select_close(
    typing: Value,
    x: Value,
    y: Value,
    z: Value,
    count: Value,
    x0: Value,
    y0: Value,
    z0: Value,
    r_square: Value,
    dx: Value,
    dy: Value,
    dz: Value,
) -> Any:
    """The vector twin of :func:`select_close`, without its first argument."""

    def emit(context: Value, builder: Value, *values: Value) -> Value:
        *candidates, dx, dy, dz = values
        target = Vectors(builder, context, dx_type, CANDIDATES)
        return _emit_selection(builder, context, x_type, candidates, target, [dx, dy, dz])

    x_type, dx_type = x, dx
    arguments = (x, y, z, types.intp, *[types.float64] * 4, dx, dy, dz)
    return types.intp(*arguments), emitter(arguments, emit)


@vector_code
def _select_places(
    typing: Value,
    x: Value,
    y: Value,
    z: Value,
    count: Value,
    x0: Value,
    y0: Value,
    z0: Value,
    r_square: Value,
    place: Value,
    near: Value,
) -> Any:
    """The vector twin of :func:`select_places`, without its first argument."""
    if not place.dtype == near.dtype == types.int64:
        raise TypingError(f"places are {place.dtype} and {near.dtype}, expected int64")

    def emit(context: Value, builder: Value, *values: Value) -> Value:
        *candidates, place, near = values
        target = Vectors(builder, context, x_type, CANDIDATES)  # moves eight bytes as they are
        return _emit_selection(builder, context, x_type, candidates, target, [near], place)

    x_type = x
    arguments = (x, y, z, types.intp, *[types.float64] * 4, place, near)
    return types.intp(*arguments), emitter(arguments, emit)


def _emit_selection(
    builder: Value,
    context: Value,
    x_type: Value,
    candidates: Sequence[Value],
    target: Vectors,
    outputs: Sequence[Value],
    place: Value = None,
) -> Value:
    """Emit the loop over all candidates; the differences, or places if given, go to ``outputs``."""
    x, y, z, count, x0, y0, z0, r_square = candidates
    source = Vectors(builder, context, x_type, CANDIDATES)
    centre = [source.splat(value) for value in (x0, y0, z0)]
    limit = source.splat(r_square)
    with source.loop(I64(0), count, CANDIDATES, [I64(0)]) as loop:
        vector = [
            builder.fsub(source.load(pointer, loop.index), origin)
            for pointer, origin in zip((x, y, z), centre, strict=True)
        ]
        square = source.fma(vector[0], vector[0], builder.fmul(vector[1], vector[1]))
        square = source.fma(vector[2], vector[2], square)
        close = builder.fcmp_ordered("<", square, limit)
        kept = vector if place is None else [source.load(place, loop.index)]
        filled = loop.values[0]
        if has_avx512():
            blank = ir.Constant(source.type, None)
            for value, pointer in zip(kept, outputs, strict=True):
                packed = source.call("llvm.x86.avx512.mask.compress", value, blank, close)
                if target.bytes == 4:
                    packed = builder.fptrunc(packed, target.type)
                target.store(packed, pointer, filled)
            mask = builder.bitcast(close, ir.IntType(CANDIDATES))
            found = builder.zext(builder.ctpop(mask), I64)
            loop.following = [builder.add(filled, found)]
        else:
            for lane in map(I32, range(CANDIDATES)):
                for value, pointer in zip(kept, outputs, strict=True):
                    single = builder.extract_element(value, lane)
                    if target.bytes == 4:
                        single = builder.fptrunc(single, target.float)
                    target.store(single, pointer, filled)
                one = builder.zext(builder.extract_element(close, lane), I64)
                filled = builder.add(filled, one)
            loop.following = [filled]
    return loop.values[0]
