"""The parts of a prediction that NumPy would do in many passes, compiled; each in one."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.kernels.simd import load, splat, store, zeros

COLUMNS = 16
"""Numbers of float32 in a vector."""


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def standardise(
    z: NDArray[np.float32],
    mean: NDArray[np.float32],
    inverse: NDArray[np.float32],
    squares: NDArray[np.float32],
) -> None:  # pragma: no cover
    """Make (N, F) features z into (z − mean) · inverse, and write the (N,) sums of its squares."""
    n_features = len(mean)
    for i in range(len(z)):
        row, total = z[i], np.float32(0.0)
        for f in range(n_features):
            value = (row[f] - mean[f]) * inverse[f]
            row[f] = value
            total += value * value
        squares[i] = total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def distances(
    simd: bool | None,
    products: NDArray[np.float32],
    before: int,
    squares: NDArray[np.float32],
    likely: NDArray[np.int64],
    means: NDArray[np.float32],
    whitening: NDArray[np.float32],
    begin: NDArray[np.int64],
    residual: NDArray[np.float32],
    score: NDArray[np.float32],
) -> None:  # pragma: no cover
    """Write the smallest s_c of each molecule's likely classes, :mod:`iceclass.model.novelty`.

    Its K projections are ``products[i, before:]``. ``whitening`` is (C, K', K'), filled up with
    zeros to a multiple of COLUMNS; of the columns from COLUMNS g on, all rows before the multiple
    of four ``begin[c, g]`` are zero.
    """
    n_components, size = means.shape[1], whitening.shape[1]
    apart, white = np.zeros(size, dtype=np.float32), np.empty(size, dtype=np.float32)
    for i in range(len(products)):
        inside = np.float32(0.0)
        for k in range(n_components):
            inside += products[i, before + k] * products[i, before + k]
        rest = squares[i] - inside
        if rest < np.float32(0.0):
            rest = np.float32(0.0)
        for place in range(likely.shape[1]):
            c = likely[i, place]
            for k in range(n_components):
                apart[k] = products[i, before + k] - means[c, k]
            _times_columns(simd, apart, whitening[c], begin[c], white)
            distance = np.float32(0.0)
            for column in range(size):
                distance += white[column] * white[column]
            outside = rest / residual[c]
            if outside > distance or outside != outside:
                distance = outside
            if distance < score[i]:  # passes over NaN
                score[i] = distance


@njit(cache=True, nogil=True, fastmath={"contract"})
def _times_columns(
    simd: bool | None,
    apart: NDArray[np.float32],
    matrix: NDArray[np.float32],
    begin: NDArray[np.int64],
    product: NDArray[np.float32],
) -> None:  # pragma: no cover
    """Write ``apart @ matrix``; ``begin`` as of one class in :func:`distances`."""
    size = len(apart)
    if simd is None:
        product[:] = 0.0
        for k in range(size):
            row, factor = matrix[k], apart[k]
            for column in range(size):
                product[column] += factor * row[column]
        return
    values = matrix.reshape(size * size)
    for g in range(size // COLUMNS):
        at = g * COLUMNS
        a, b, c, d = zeros(simd, apart), zeros(simd, apart), zeros(simd, apart), zeros(simd, apart)
        for k in range(begin[g], size, 4):
            place = k * size + at
            a = a + splat(simd, apart, k) * load(simd, values, place)
            b = b + splat(simd, apart, k + 1) * load(simd, values, place + size)
            c = c + splat(simd, apart, k + 2) * load(simd, values, place + 2 * size)
            d = d + splat(simd, apart, k + 3) * load(simd, values, place + 3 * size)
        store(simd, product, at, (a + b) + (c + d))


@njit(cache=True, nogil=True)
def softmax(
    logits: NDArray[np.float32], temperature: float, probabilities: NDArray[np.float32]
) -> None:  # pragma: no cover
    """Write the (N, C) probabilities of (N, C) logits divided by the temperature."""
    n_classes = logits.shape[1]
    for i in range(len(logits)):
        row, out = logits[i], probabilities[i]
        highest = row[0]
        for c in range(1, n_classes):
            highest = max(highest, row[c])
        total = np.float32(0.0)
        for c in range(n_classes):
            out[c] = np.exp(np.float32((row[c] - highest) / np.float32(temperature)))
            total += out[c]
        for c in range(n_classes):
            out[c] /= total
