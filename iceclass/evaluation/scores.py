"""Figures of merit from confusion counts, with scikit-learn's names and definitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    target: NDArray[np.int64], labels: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """(C, K) counts of rows by true class (0 to C − 1) and label (0 to K − 1)."""
    flat = np.ravel_multi_index((target, labels), shape)
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)


@dataclass(frozen=True, eq=False)
class Scores:
    """Figures of merit of one or many confusion matrices; NaN where nothing defines them.

    Attributes
    ----------
    accuracy, balanced_accuracy, macro_f1
        (…) float64. Over the rows; the mean recall and the mean F1 of classes that have rows.
    precision, recall, f1
        (…, C) float64. NaN for classes that are never predicted (precision), or without rows
        (recall, F1).
    support
        (…, C) float64. Rows of each class.
    """

    accuracy: NDArray[np.float64]
    balanced_accuracy: NDArray[np.float64]
    macro_f1: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.float64]


def confusion_scores(confusion: NDArray[Any]) -> Scores:
    """Figures of merit of (…, C, K) counts: true class, then label; the first C labels are classes.

    Labels beyond the classes ("unknown") are mistakes wherever they are given. As scikit-learn's
    ``accuracy_score``, ``balanced_accuracy_score`` and ``precision_recall_fscore_support`` with
    ``zero_division=nan``.

    Raises
    ------
    ValueError
        Fewer labels than classes.
    """
    counts = np.asarray(confusion, np.float64)
    n_classes = counts.shape[-2]
    if counts.shape[-1] < n_classes:
        raise ValueError(f"confusion of shape {counts.shape} has fewer labels than classes")
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    support = counts.sum(axis=-1)
    labelled = counts.sum(axis=-2)[..., :n_classes]
    recall = _ratio(right, support)
    f1 = np.where(support > 0, _ratio(2 * right, support + labelled), np.nan)
    return Scores(
        accuracy=_ratio(right.sum(axis=-1), support.sum(axis=-1)),
        balanced_accuracy=_mean_known(recall),
        macro_f1=_mean_known(f1),
        precision=_ratio(right, labelled),
        recall=recall,
        f1=f1,
        support=support,
    )


def _ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """a / b, NaN where b is 0."""
    return np.divide(a, b, out=np.full(np.broadcast(a, b).shape, np.nan), where=b > 0)


def _mean_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(…) mean over the last axis of what is not NaN; NaN without any."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
