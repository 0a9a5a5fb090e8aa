"""Do the features that are called important matter? Deletion curves and permutation importance.

Features are replaced by the baseline (the training mean: 0 after standardisation) one after the
other, in the order of an importance; the faster the accuracy falls, the better the importance
tells what the model goes by (Samek et al., IEEE Trans. Neural Netw. Learn. Syst. 28, 2660 (2017),
doi:10.1109/TNNLS.2016.2599820). Replaced rows are unlike any real environment, so that the curves
compare orders with one another, and tell little by their height alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Predict = Callable[[NDArray[np.float32]], NDArray[np.int64]]
"""(R, F) standardised features → (R,) labels."""


def deletion_counts(n_features: int, points: int = 16) -> NDArray[np.int64]:
    """Numbers of features to delete: none, all, and between them ever larger steps."""
    steps = np.geomspace(1, n_features, max(2, points - 1)).round().astype(np.int64)
    return np.unique([0, *steps])


def deletion_curve(
    predict: Predict,
    z: NDArray[np.float32],
    target: NDArray[np.int64],
    order: NDArray[np.int64],
    counts: Sequence[int] | NDArray[np.int64],
) -> NDArray[np.float64]:
    """Accuracy after the first ``counts`` features of ``order`` are replaced by 0.

    Parameters
    ----------
    z, target
        (R, F) standardised features and (R,) their true labels.
    order
        (F,) indices, the first to be deleted first.
    counts
        Ascending numbers of features.
    """
    assert sorted(order.tolist()) == list(range(z.shape[1]))
    assert (np.diff(counts) > 0).all()
    left, done, found = z.copy(), 0, []
    for count in counts:
        left[:, order[done:count]] = 0.0
        done = int(count)
        found.append(float((predict(left) == target).mean()))
    return np.array(found)


def area_under(counts: NDArray[Any], accuracy: NDArray[np.float64]) -> float:
    """Mean accuracy over the number of features deleted: small for a good order."""
    from scipy.integrate import trapezoid

    return float(trapezoid(accuracy, counts) / (counts[-1] - counts[0]))


def permutation_importance(
    predict: Predict,
    z: NDArray[np.float32],
    target: NDArray[np.int64],
    *,
    repeats: int = 2,
    seed: int = 0,
) -> NDArray[np.float64]:
    """(F,) accuracy lost when a feature's values are shuffled among the rows (Breiman 2001)."""
    rng = np.random.default_rng(seed)
    whole = float((predict(z) == target).mean())
    shuffled, lost = z.copy(), np.zeros(z.shape[1])
    for feature in range(z.shape[1]):
        for _ in range(repeats):
            shuffled[:, feature] = z[rng.permutation(len(z)), feature]
            lost[feature] += (whole - float((predict(shuffled) == target).mean())) / repeats
        shuffled[:, feature] = z[:, feature]
    return lost
