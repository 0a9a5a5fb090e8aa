"""A model's answer, compiled: from features to probabilities and novelty in one pass a molecule.

What NumPy would do in many passes over a block of molecules, each of which asks for the
interpreter's lock. :mod:`iceclass.model.network` and :mod:`iceclass.model.novelty` say the same in
NumPy, which takes over where vectors do not compile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numpy.typing import NDArray

from iceclass.kernels.simd import (
    I64,
    Value,
    Vectors,
    emitter,
    has_avx512,
    load,
    splat,
    store,
    vector_code,
    zeros,
)

COLUMNS = 16
"""Numbers of float32 in a vector: what rows of matrices are filled up to a multiple of."""

ROWS = 6
"""Molecules that pass through the network at a time: as many as registers have room for sums."""


MOST_ODDS = np.float32(60.0)
"""Largest logarithm of odds, so that they stay finite in float32."""


class Layers(NamedTuple):
    """What :func:`answer` needs of a model; K components, C classes, all float32 but ``begin``.

    Rows of matrices and vectors are filled up with zeros to a multiple of COLUMNS, here written +.

    Attributes
    ----------
    mean, inverse
        (F,) of the features, and one over their scale.
    first
        (F, (100 + K)+) weights of the first layer, then the components of the novelty.
    second, third
        (100, 100+) and (100, C+).
    first_bias, second_bias, third_bias
        (100+,), (100+,) and (C+,).
    temperature
        (1,).
    means, residual
        (C, K) and (C,) of the novelty; C is 0 where there is none.
    whitening
        (C, K+, K+).
    begin
        (C, K+/COLUMNS) int64. In the columns from COLUMNS g on, all rows before the multiple of
        four ``begin[c, g]`` are zero.
    other
        (101,) of the novelty; (0,) where there is none.
    threshold
        (1,) of the novelty.
    """

    mean: NDArray[np.float32]
    inverse: NDArray[np.float32]
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    third: NDArray[np.float32]
    first_bias: NDArray[np.float32]
    second_bias: NDArray[np.float32]
    third_bias: NDArray[np.float32]
    temperature: NDArray[np.float32]
    means: NDArray[np.float32]
    residual: NDArray[np.float32]
    whitening: NDArray[np.float32]
    begin: NDArray[np.int64]
    other: NDArray[np.float32]
    threshold: NDArray[np.float32]


def filled(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matrix or vector with zeros behind its last columns, to a multiple of COLUMNS."""
    more = [(0, 0)] * (matrix.ndim - 1) + [(0, -matrix.shape[-1] % COLUMNS)]
    return np.ascontiguousarray(np.pad(matrix, more))


def first_rows(whitening: NDArray[np.float32]) -> NDArray[np.int64]:
    """``begin`` of :class:`Layers` for (C, K+, K+) matrices."""
    n_classes, size, _ = whitening.shape
    used = (whitening.reshape(n_classes, size, size // COLUMNS, COLUMNS) != 0.0).any(axis=3)
    return np.where(used.any(axis=1), used.argmax(axis=1), size) // 4 * 4


@njit(cache=True, nogil=True, error_model="numpy")
def answer(
    layers: Layers,
    first_static: tuple[int, ...],
    hidden_static: tuple[int, ...],
    last_static: tuple[int, ...],
    n_classes: int,
    features: NDArray[np.float32],
    rows: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    novelty: NDArray[np.float32],
) -> bool:  # pragma: no cover
    """Write what a model says of ``len(rows)`` molecules to the ``rows`` of (N, C) and (N,).

    ``features`` has at least so many rows, a multiple of ROWS; they are standardised where they
    are. The static sizes are as many zeros as multiples of COLUMNS of the three layers. Returns
    whether all features are finite and not too large to be squared.
    """
    n_features, width, hidden = features.shape[1], layers.first.shape[1], layers.second.shape[1]
    n_hidden, outputs = layers.second.shape[0], layers.third.shape[1]
    given = features.reshape(features.size)
    # loops over rows are vectors only where the row is an array, and no other than the result
    products = np.empty((ROWS, width), dtype=np.float32)
    sums = np.empty((ROWS, hidden), dtype=np.float32)
    h1, h2 = np.empty((ROWS, hidden), dtype=np.float32), np.empty((ROWS, hidden), dtype=np.float32)
    logits = np.empty((ROWS, outputs), dtype=np.float32)
    squares = np.empty(ROWS, dtype=np.float32)
    size = layers.whitening.shape[1]
    apart, white = np.zeros(size, dtype=np.float32), np.empty(size, dtype=np.float32)
    first, second = layers.first.reshape(-1), layers.second.reshape(-1)
    third, whitening = layers.third.reshape(-1), layers.whitening.reshape(-1)
    mean, inverse, begin = layers.mean, layers.inverse, layers.begin
    first_bias, second_bias, third_bias = layers.first_bias, layers.second_bias, layers.third_bias
    means, residual, none = layers.means, layers.residual, layers.other
    temperature, threshold = layers.temperature[0], layers.threshold[0]
    finite = True
    for start in range(0, len(rows), ROWS):
        for r in range(ROWS):
            squares[r] = _standardise(features[start + r], mean, inverse)
        at = start * n_features
        _multiply(first_static, given, at, n_features, n_features, first, products)
        for r in range(ROWS):
            _activate(products[r], first_bias, h1[r])
        _multiply(hidden_static, h1, 0, hidden, n_hidden, second, sums)
        for r in range(ROWS):
            _activate(sums[r], second_bias, h2[r])
        _multiply(last_static, h2, 0, hidden, n_hidden, third, logits)
        for r in range(min(ROWS, len(rows) - start)):
            row, voted = rows[start + r], logits[r]
            finite = finite and np.isfinite(squares[r])
            for c in range(n_classes):
                voted[c] += third_bias[c]
            best, other = _softmax(voted, temperature, probabilities[row])
            if len(means) > 0:
                projected = products[r, n_hidden : n_hidden + means.shape[1]]
                rest = squares[r] - _sum_of_squares(projected)
                if rest < np.float32(0.0):
                    rest = np.float32(0.0)
                score = np.float32(np.inf)
                for c in (best, other):
                    mean_c = means[c]
                    for f in range(len(projected)):
                        apart[f] = projected[f] - mean_c[f]
                    _times_columns(apart, whitening, begin, c, white)
                    distance, outside = _sum_of_squares(white), rest / residual[c]
                    if outside > distance or outside != outside:
                        distance = outside
                    if distance < score:  # passes over NaN
                        score = distance
                if len(none) > 0:
                    score = max(score, threshold * np.exp(_log_odds(none, h2[r], voted, n_classes)))
                novelty[row] = score
    return finite


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _standardise(
    row: NDArray[np.float32], mean: NDArray[np.float32], inverse: NDArray[np.float32]
) -> Any:  # pragma: no cover
    """Make the (F,) features into (x − mean) · inverse; the sum of their squares."""
    total = np.float32(0.0)
    for f in range(len(mean)):
        value = (row[f] - mean[f]) * inverse[f]
        row[f] = value
        total += value * value
    return total


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _activate(
    sums: NDArray[np.float32], bias: NDArray[np.float32], out: NDArray[np.float32]
) -> None:  # pragma: no cover
    """Write tanh(sums + bias), to three units in the last place.

    A rational function of which the coefficients are those of Eigen's ``ptanh`` for float32;
    beyond ±7.99881172 the result is ±1 in float32.
    """
    limit = np.float32(7.99881172180175781)
    for f in range(len(bias)):
        x = sums[f] + bias[f]
        x = min(max(x, -limit), limit) if x == x else x
        s = x * x
        p = np.float32(-2.76076847742355e-16)
        p = p * s + np.float32(2.00018790482477e-13)
        p = p * s + np.float32(-8.60467152213735e-11)
        p = p * s + np.float32(5.12229709037114e-08)
        p = p * s + np.float32(1.48572235717979e-05)
        p = p * s + np.float32(6.37261928875436e-04)
        p = p * s + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * s + np.float32(1.18534705686654e-04)
        q = q * s + np.float32(2.26843463243900e-03)
        q = q * s + np.float32(4.89352518554385e-03)
        out[f] = x * p / q


@njit(cache=True, nogil=True, error_model="numpy")
def _softmax(
    logits: NDArray[np.float32], temperature: float, out: NDArray[np.float32]
) -> tuple[int, int]:  # pragma: no cover
    """Write the (C,) probabilities of the first C logits; the two most probable."""
    n_classes = len(out)
    best, other = 0, 1
    if logits[1] > logits[0]:
        best, other = 1, 0
    for c in range(2, n_classes):
        if logits[c] > logits[best]:
            best, other = c, best
        elif logits[c] > logits[other]:
            other = c
    highest, total = logits[best], np.float32(0.0)
    for c in range(n_classes):
        out[c] = np.exp(np.float32((logits[c] - highest) / np.float32(temperature)))
        total += out[c]
    for c in range(n_classes):
        out[c] /= total
    return best, other


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _sum_of_squares(
    values: NDArray[np.float32],
) -> Any:  # pragma: no cover
    """Σ values²."""
    total = np.float32(0.0)
    for k in range(len(values)):
        total += values[k] * values[k]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _log_odds(
    other: NDArray[np.float32],
    hidden: NDArray[np.float32],
    logits: NDArray[np.float32],
    n_classes: int,
) -> Any:  # pragma: no cover
    """As :func:`iceclass.model.novelty.log_odds`, of one molecule."""
    n_hidden = len(other) - 1
    odds = other[n_hidden]
    for k in range(n_hidden):
        odds += hidden[k] * other[k]
    highest = logits[0]
    for c in range(1, n_classes):
        highest = max(highest, logits[c])
    total = np.float32(0.0)
    for c in range(n_classes):
        total += np.exp(logits[c] - highest)
    return min(odds - highest - np.log(total), MOST_ODDS)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _times_columns(
    row: NDArray[np.float32],
    matrices: NDArray[np.float32],
    begin: NDArray[np.int64],
    c: int,
    product: NDArray[np.float32],
) -> None:  # pragma: no cover
    """Write ``row @ matrices[c]``, flat; ``begin`` as in :class:`Layers`."""
    size = len(row)
    for g in range(size // COLUMNS):
        at = g * COLUMNS
        s0, s1, s2, s3 = zeros(True, row), zeros(True, row), zeros(True, row), zeros(True, row)
        for k in range(begin[c, g], size, 4):
            place = (c * size + k) * size + at
            s0 = s0 + splat(True, row, k) * load(True, matrices, place)
            s1 = s1 + splat(True, row, k + 1) * load(True, matrices, place + size)
            s2 = s2 + splat(True, row, k + 2) * load(True, matrices, place + 2 * size)
            s3 = s3 + splat(True, row, k + 3) * load(True, matrices, place + 3 * size)
        store(True, product, at, (s0 + s1) + (s2 + s3))


@vector_code
def _multiply(
    typing: Value,
    static: Value,
    a: Value,
    first: Value,
    stride: Value,
    length: Value,
    b: Value,
    c: Value,
) -> Any:
    """``c[r] = Σ_k a[first + r · stride + k] b[k]`` over k < ``length``, for ROWS rows r.

    Rows of ``b`` and ``c`` have COLUMNS times as many numbers as ``static`` has zeros. The sums of
    all rows and of some columns are in registers at a time.
    """

    def emit(context: Value, builder: Value, *arguments: Value) -> None:
        held, a, first, stride, length, b, c = arguments
        lanes, most = (COLUMNS, 4) if has_avx512() else (COLUMNS // 2, 2)
        v = Vectors(builder, context, kind, lanes)
        vectors = held * COLUMNS // lanes
        width = vectors * lanes
        starts = [builder.add(first, builder.mul(stride, I64(r))) for r in range(ROWS)]
        panels = -(-vectors // most)
        for panel in range(panels):
            columns = range(panel * vectors // panels, (panel + 1) * vectors // panels)
            sums = [v.constant(0.0)] * (ROWS * len(columns))
            with v.loop(I64(0), length, 1, sums) as loop:
                k = loop.index
                line = builder.mul(k, I64(width))
                right = [v.load(b, builder.add(line, I64(j * lanes))) for j in columns]
                following: list[ir.Value] = []
                for r in range(ROWS):
                    left = v.splat_at(a, builder.add(starts[r], k))
                    for value in right:
                        following.append(v.fma(left, value, loop.values[len(following)]))
                loop.following = following
            for place, total in enumerate(loop.values):
                r, j = divmod(place, len(columns))
                v.store(total, c, r * width + columns[j] * lanes)

    kind = b
    arguments = (static, a, types.intp, types.intp, types.intp, b, c)
    return types.void(*arguments), emitter(arguments, emit)


@njit(cache=True, nogil=True)
def softmax(
    logits: NDArray[np.float32], temperature: float, probabilities: NDArray[np.float32]
) -> None:  # pragma: no cover
    """Write the (N, C) probabilities of (N, C) logits divided by the temperature."""
    for i in range(len(logits)):
        _softmax(logits[i], temperature, probabilities[i])
