"""What one feature can tell by itself: the best threshold, and the best interval, for every class.

A phase between others (medium density between low and high) lies in a interval of a feature's
values, not on one side of a threshold; the area under the ROC curve
(:func:`iceclass.evaluation.explain.single_feature_separation`) sees thresholds only. Both are
chosen on some rows and must be tested on others, since the best of many is the luckiest too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class IntervalRule:
    """A rule for every class and feature: of the class where low < x ≤ high (or outside of it).

    Attributes
    ----------
    low, high
        (C, F) float64; −∞ and ∞ where there is no bound.
    inside
        (C, F) bool. Whether the class is inside or outside.
    balanced_accuracy
        (C, F) float64. Mean of the shares recognised of the class and of all others, on the rows
        the intervals were chosen on; NaN for classes without rows, or without others.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    inside: NDArray[np.bool_]
    balanced_accuracy: NDArray[np.float64]

    def test(self, features: NDArray[Any], target: NDArray[np.int64]) -> NDArray[np.float64]:
        """(C, F) balanced accuracy on (R, F) other rows with (R,) class indices."""
        out = np.full(self.low.shape, np.nan)
        for c in range(len(out)):
            own = target == c
            if own.any() and not own.all():
                called = ((features > self.low[c]) & (features <= self.high[c])) == self.inside[c]
                out[c] = (called[own].mean(axis=0) + 1.0 - called[~own].mean(axis=0)) / 2
        return out


def best_intervals(
    features: NDArray[Any],
    target: NDArray[np.int64],
    n_classes: int,
    *,
    one_sided: bool = False,
) -> IntervalRule:
    """The interval of largest balanced accuracy for each class against all others, by each feature.

    With D the distribution function of the class minus that of the others, a interval from a to b
    has the balanced accuracy ½ + ½ |D(b) − D(a)|: its best bounds are found in one pass over the
    sorted values.

    Parameters
    ----------
    features, target
        (R, F) and (R,) class indices.
    one_sided
        Thresholds only: one bound is infinite.
    """
    shape = (n_classes, features.shape[1])
    low, high = np.full(shape, -np.inf), np.full(shape, np.inf)
    inside, best = np.ones(shape, bool), np.full(shape, np.nan)
    weight = np.zeros((len(target), n_classes))
    for c in range(n_classes):
        own = target == c
        if own.any() and not own.all():
            weight[:, c] = np.where(own, 1.0 / own.sum(), -1.0 / (~own).sum())
    chosen = np.flatnonzero(np.abs(weight).sum(axis=0) > 0)
    for f in range(features.shape[1]):
        order = np.argsort(features[:, f], kind="stable")
        x = features[order, f].astype(np.float64)
        ends = np.flatnonzero(np.append(x[1:] > x[:-1], True))  # last row of every value
        bounds = np.concatenate([[-np.inf], (x[ends[:-1]] + x[ends[:-1] + 1]) / 2, [np.inf]])
        rise = np.zeros((len(ends) + 1, n_classes))
        rise[1:] = np.cumsum(weight[order], axis=0)[ends]
        for c in chosen.tolist():
            start, stop, within, gain = _steepest(rise[:, c], one_sided)
            low[c, f], high[c, f], inside[c, f] = bounds[start], bounds[stop], within
            best[c, f] = 0.5 + 0.5 * min(gain, 1.0)  # sums of shares may round above 1
    return IntervalRule(low, high, inside, best)


def _steepest(d: NDArray[np.float64], one_sided: bool) -> tuple[int, int, bool, float]:
    """a ≤ b of largest |D(b) − D(a)|; whether it rises; how much."""
    if one_sided:
        at = int(np.argmax(np.abs(d)))
        return 0, at, bool(d[at] >= 0), float(abs(d[at]))
    up = d - np.minimum.accumulate(d)
    down = np.maximum.accumulate(d) - d
    rises = bool(up.max() >= down.max())
    stop = int(np.argmax(up if rises else down))
    start = int(np.argmin(d[: stop + 1]) if rises else np.argmax(d[: stop + 1]))
    return start, stop, rises, float(max(up.max(), down.max()))
