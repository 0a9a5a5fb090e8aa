"""The parts of a prediction that NumPy would do in many passes, compiled; each in one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def standardise(
    features: NDArray[Any],
    mean: NDArray[np.float32],
    inverse: NDArray[np.float32],
    z: NDArray[np.float32],
    squares: NDArray[np.float32],
) -> None:  # pragma: no cover
    """Write z = (features − mean) · inverse, (N, F), and the (N,) sums of its squares."""
    n_features = len(mean)
    for i in range(len(features)):
        row, out, total = features[i], z[i], np.float32(0.0)
        for f in range(n_features):
            value = (np.float32(row[f]) - mean[f]) * inverse[f]
            out[f] = value
            total += value * value
        squares[i] = total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def nearest_class(
    white: NDArray[np.float32],
    origin: NDArray[np.float32],
    rest: NDArray[np.float32],
    residual: NDArray[np.float32],
    score: NDArray[np.float32],
) -> None:  # pragma: no cover
    """Write the (N,) smallest of max(Σ_k (white − origin)²_ck, rest / residual_c) over classes c.

    ``white`` is (N, C·K), ``origin`` (C·K,), ``rest`` (N,) and ``residual`` (C,). Infinite where
    a number is undefined or overflows.
    """
    n_classes = len(residual)
    size = len(origin) // n_classes
    for i in range(len(white)):
        best, row = np.float32(np.inf), white[i]
        for c in range(n_classes):
            total = np.float32(0.0)
            for k in range(c * size, (c + 1) * size):
                apart = row[k] - origin[k]
                total += apart * apart
            outside = rest[i] / residual[c]
            if total < best and outside < best:  # neither is where it is NaN
                best = max(total, outside)
        score[i] = best


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
