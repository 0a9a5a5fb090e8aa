"""What single features tell, chosen on training preparations and tested on others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.splits import balanced_rows
from iceclass.datasets.table import Table
from iceclass.evaluation.explain import single_feature_separation
from iceclass.evaluation.single_feature import best_intervals
from pipelines.study.jobs import Training, separation_name
from pipelines.study.settings import Study
from pipelines.study.split import sides_of

SINGLES_OUT = 0.95
"""Balanced accuracy on unseen preparations from which on a feature is said to single out."""


def separation(table: Table, features: str, fold: int, train_rows: int) -> dict[str, Any]:
    """Per class and feature: area under the ROC curve, best threshold and best interval, one
    against the rest; the bounds from the training rows, all figures from the test's."""
    classes = table.classes
    target = table.target(classes)
    sides = sides_of(Training(features, "fold", fold), table, train_rows)
    limited = balanced_rows(table.trajectory[sides.test], train_rows, fold)
    train, test = sides.train, sides.test[limited]
    areas = single_feature_separation(table.features[test], target[test], len(classes))
    result: dict[str, Any] = {
        "feature_names": table.feature_names,
        "area": areas,
    }
    for name, one_sided in (("threshold", True), ("interval", False)):
        rule = best_intervals(
            table.features[train], target[train], len(classes), one_sided=one_sided
        )
        result[name] = {
            "train": rule.balanced_accuracy,
            "test": rule.test(table.features[test], target[test]),
            "low": rule.low,
            "high": rule.high,
            "inside": rule.inside,
        }
    return result


@dataclass(frozen=True)
class SingleFeature:
    """The best feature for one class, by one kind of rule.

    Attributes
    ----------
    feature, chosen
        The one that most folds chose on their training rows, and how many did.
    mean, lowest, highest
        Balanced accuracy on the test rows of the folds, each by its own choice.
    rule
        In words, of the first fold that chose the feature; "" for thresholds.
    """

    phase: str
    feature: str
    chosen: int
    mean: float
    lowest: float
    highest: float
    rule: str

    @property
    def singles_out(self) -> bool:
        """Whether it tells the class from all others on unseen preparations."""
        return self.mean >= SINGLES_OUT


def separations(study: Study, features: str) -> list[dict[str, Any]]:
    """The results of all folds."""
    return [study.result(separation_name(features, k)) for k in range(study.n_folds)]


def best_single_features(study: Study, features: str, kind: str) -> dict[str, SingleFeature]:
    """Class → its best feature by "threshold" or "interval"."""
    folds = separations(study, features)
    found = {}
    for c, phase in enumerate(study.classes):
        choices = [int(np.argmax(one[kind]["train"][c])) for one in folds]
        tests = [one[kind]["test"][c][f] for one, f in zip(folds, choices, strict=True)]
        (feature, times), *_ = Counter(choices).most_common(1)
        first = folds[choices.index(feature)]
        found[phase] = SingleFeature(
            phase=phase,
            feature=first["feature_names"][feature],
            chosen=times,
            mean=float(np.mean(tests)),
            lowest=min(tests),
            highest=max(tests),
            rule=_rule(first["interval"], c, feature) if kind == "interval" else "",
        )
    return found


def _rule(interval: dict[str, Any], c: int, feature: int) -> str:
    low, high = interval["low"][c][feature], interval["high"][c][feature]
    if low is None or high is None:
        bound = high if low is None else low
        above = (low is not None) == interval["inside"][c][feature]
        return f"{'above' if above else 'up to'} {bound:.4g}"
    return f"{'in' if interval['inside'][c][feature] else 'outside'} {low:.4g} … {high:.4g}"


def mean_over_folds(study: Study, features: str, *keys: str) -> NDArray[np.float64]:
    """(C, F) mean of one of the tables of :func:`separation`, over the folds."""
    tables = []
    for found in separations(study, features):
        values: Any = found
        for key in keys:
            values = values[key]
        tables.append(np.array(values, dtype=float))
    return np.asarray(np.mean(tables, axis=0))
