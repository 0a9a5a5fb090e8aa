"""Vector code of the SOAP kernel: three loops written in LLVM's vector instructions.

Everything else about SOAP is ordinary code; these three, and the search for neighbours in
:mod:`iceclass.neighbours.candidates`, are where its time goes, and where a compiler left to itself
is three times slower. Each is a Numba intrinsic that works on plain arrays. Its docstring says in
NumPy terms what it computes, and tests/unit/descriptors/test_soap_vectors.py holds it to that, and
to its twin in plain loops in :mod:`.loops`. :mod:`.plain` is the descriptor straight from the
formula.

A static size, such as n_max, is passed as a tuple of that many zeros: the type of the argument
then tells it to the compiler, and compiled code is cached by type.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from iceclass.kernels.memory import LINE
from iceclass.kernels.simd import I32, I64, Value, Vectors, emitter, has_avx512, vector_code

BLOCK = 32
"""Neighbours whose harmonics are held at a time: they stay in the fastest cache."""


@vector_code
def harmonics(
    typing: Value,
    l_static: Value,
    dx: Value,
    dy: Value,
    dz: Value,
    first: Value,
    count: Value,
    per_length: Value,
    y: Value,
    where: Value,
    t: Value,
) -> Any:
    """Harmonics and table places of the neighbours from ``first`` on, ``count`` of them.

    For neighbour j of the block, with u = (dx, dy, dz)/r (0 at r = 0):

    - ``y[l² + l ± m, j]`` = Q_lm(u_z) Re, Im (u_x + i u_y)^m, where Q_mm = 1,
      Q_lm = u_z Q_(l−1)m − b Q_(l−2)m, b = ((l−1)² − m²)/(4(l−1)² − 1): Y_lm but for a factor;
    - ``where[j]`` = ⌊r/h⌋ and ``t[j]`` = r/h − ⌊r/h⌋.

    ``l_static`` has L zeros, ``y`` BLOCK columns. Whole vectors are written, beyond ``count`` too.
    """

    def emit(context: Value, builder: Value, *values: Value) -> None:
        size, dx, dy, dz, first, count, per_length, y, where, t = values
        width = LINE // (8 if dx_type.dtype == types.float64 else 4)
        v = Vectors(builder, context, dx_type, width)
        zero, one = v.constant(0.0), v.constant(1.0)
        scale = v.splat_at(per_length, 0)
        with v.loop(I64(0), count, width, []) as loop:
            j = loop.index
            ux, uy, uz = (v.load(pointer, builder.add(first, j)) for pointer in (dx, dy, dz))
            square = v.fma(uz, uz, v.fma(uy, uy, builder.fmul(ux, ux)))
            r = v.call("llvm.sqrt", square)
            apart = builder.fcmp_ordered(">", r, zero)
            inverse = builder.fdiv(one, builder.select(apart, r, one))
            ux, uy, uz = (builder.fmul(u, inverse) for u in (ux, uy, uz))
            place = builder.fmul(r, scale)
            whole = builder.fptosi(place, ir.VectorType(I32, width))
            v.store(whole, where, j)
            v.store(builder.fsub(place, builder.sitofp(whole, v.type)), t, j)
            real, imaginary = one, zero
            for m in range(size):
                before, last = zero, one
                for ell in range(m, size):
                    if ell == m + 1:
                        before, last = last, uz
                    elif ell > m + 1:
                        factor = ((ell - 1) ** 2 - m**2) / (4 * (ell - 1) ** 2 - 1)
                        lower = builder.fmul(before, v.constant(-factor))
                        before, last = last, v.fma(uz, last, lower)
                    for sign, part in ((1, real), (-1, imaginary))[: 1 + (m > 0)]:
                        row = ell * ell + ell + sign * m
                        value = part if ell == m else last if m == 0 else builder.fmul(last, part)
                        v.store(value, y, builder.add(j, I64(row * BLOCK)))
                if m == 0:
                    real, imaginary = ux, uy
                else:
                    real, imaginary = (
                        v.fma(ux, real, builder.fneg(builder.fmul(uy, imaginary))),
                        v.fma(ux, imaginary, builder.fmul(uy, real)),
                    )

    dx_type = dx
    arguments = (l_static, dx, dy, dz, types.intp, types.intp, per_length, y, where, t)
    return types.void(*arguments), emitter(arguments, emit)


def _groups(size: int, room: int) -> list[list[tuple[int, list[int]]]]:
    """Rows l² … (l+1)² − 1 of all l in groups of at most ``room`` rows.

    A group is a list of (l, rows). The rows of one l are together, or where they are more than
    ``room`` evenly divided.
    """
    groups: list[list[tuple[int, list[int]]]] = [[]]
    free = room
    for ell in range(size):
        first, count = ell * ell, 2 * ell + 1
        parts = -(-count // room)
        for part in range(parts):
            rows = list(range(first + part * count // parts, first + (part + 1) * count // parts))
            if len(rows) > free:
                groups.append([])
                free = room
            groups[-1].append((ell, rows))
            free -= len(rows)
    return groups


@vector_code
def accumulate(
    typing: Value,
    n_static: Value,
    l_static: Value,
    y: Value,
    where: Value,
    t: Value,
    cubics: Value,
    count: Value,
    c: Value,
) -> Any:
    """Add the block's neighbours to the coefficients.

    ``c[lm] += Σ_j y[lm, j] g(j, l)`` over the first ``count`` neighbours, with the W lanes
    g(j, l) = ((d t + c) t + b) t + a, where a, b, c, d = ``cubics[where[j], l]``.

    ``n_static`` has W zeros; ``c`` is (L², W). The lanes are the radial functions; as many rows
    of ``c`` as there are registers are summed at a time.
    """

    def emit(context: Value, builder: Value, *values: Value) -> None:
        width, size, y, where, t, cubics, count, c = values
        v = Vectors(builder, context, y_type, width)
        registers, register = (32, 64) if has_avx512() else (16, 32)
        room = (registers - 4) // max(1, -(-width * v.bytes // register))
        for group in _groups(size, max(1, room)):
            rows = [row for _, part in group for row in part]
            start = [v.load(c, row * width) for row in rows]
            with v.loop(I64(0), count, 1, start) as loop:
                j = loop.index
                step = builder.sext(v.load(where, j, I32), I64)
                table = v.address(cubics, builder.mul(step, I64(size * 4 * width)))
                fraction = v.splat_at(t, j)
                sums: list[Value] = []
                for ell, part in group:
                    g = v.load(table, (ell * 4 + 3) * width)
                    for power in (2, 1, 0):
                        g = v.fma(g, fraction, v.load(table, (ell * 4 + power) * width))
                    for row in part:
                        value = v.splat_at(y, builder.add(j, I64(row * BLOCK)))
                        sums.append(v.fma(g, value, loop.values[len(sums)]))
                loop.following = sums
            for row, total in zip(rows, loop.values, strict=True):
                v.store(total, c, row * width)

    y_type = y
    arguments = (n_static, l_static, y, where, t, cubics, types.intp, c)
    return types.void(*arguments), emitter(arguments, emit)


@vector_code
def contract(
    typing: Value,
    n_max_static: Value,
    n_static: Value,
    l_static: Value,
    c: Value,
    weights: Value,
    spectrum: Value,
) -> Any:
    """The power spectrum of the coefficients.

    ``spectrum[f] = Σ_m weights[lm] c[lm, n] c[lm, n']`` in the order l, n, n' ≥ n.

    ``n_max_static`` and ``n_static`` have n_max and W zeros. ``spectrum`` is W longer than the
    result, and what lies behind is overwritten.
    """

    def emit(context: Value, builder: Value, *values: Value) -> None:
        n_max, width, size, c, weights, spectrum = values
        v = Vectors(builder, context, c_type, width)
        undefined = ir.Constant(v.type, ir.Undefined)
        feature = I64(0)
        with v.loop(I64(0), I64(size), 1, [feature]) as outer:
            ell, feature = outer.index, outer.values[0]
            first = builder.mul(ell, ell)
            stop = builder.add(first, builder.add(builder.mul(ell, I64(2)), I64(1)))
            with v.loop(first, stop, 1, [v.constant(0.0)] * n_max) as loop:
                row = builder.mul(loop.index, I64(width))
                weighted = builder.fmul(v.load(c, row), v.splat_at(weights, loop.index))
                loop.following = [
                    v.fma(weighted, v.splat_at(c, builder.add(row, I64(n))), loop.values[n])
                    for n in range(n_max)
                ]
            for n in range(n_max):
                order = [min(n + lane, width - 1) for lane in range(width)]
                order = ir.Constant(ir.VectorType(I32, width), [I32(k) for k in order])
                tail = builder.shuffle_vector(loop.values[n], undefined, order)
                v.store(tail, spectrum, feature)
                feature = builder.add(feature, I64(n_max - n))
            outer.following = [feature]

    c_type = c
    arguments = (n_max_static, n_static, l_static, c, weights, spectrum)
    return types.void(*arguments), emitter(arguments, emit)
