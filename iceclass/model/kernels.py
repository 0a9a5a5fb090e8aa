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
