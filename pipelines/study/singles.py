"""Which single feature tells a class from all others, gathered from the folds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.study.jobs import Separation
from pipelines.study.settings import Study

SINGLES_OUT = 0.95
"""Balanced accuracy on unseen preparations from which on a feature is said to single out."""


@dataclass(frozen=True)
class Single:
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
        return self.mean >= SINGLES_OUT


def separations(study: Study, features: str) -> list[dict[str, Any]]:
    """The results of all folds."""
    return [study.result(Separation(features, k)) for k in range(study.n_folds)]


def singles(study: Study, features: str, kind: str) -> dict[str, Single]:
    """Class → its best feature by "threshold" or "window"."""
    folds = separations(study, features)
    found = {}
    for c, phase in enumerate(study.classes):
        choices = [int(np.argmax(one[kind]["train"][c])) for one in folds]
        tests = [one[kind]["test"][c][f] for one, f in zip(folds, choices, strict=True)]
        (feature, times), *_ = Counter(choices).most_common(1)
        first = folds[choices.index(feature)]
        found[phase] = Single(
            phase=phase,
            feature=first["feature_names"][feature],
            chosen=times,
            mean=float(np.mean(tests)),
            lowest=min(tests),
            highest=max(tests),
            rule=_rule(first["window"], c, feature) if kind == "window" else "",
        )
    return found


def _rule(window: dict[str, Any], c: int, feature: int) -> str:
    low, high = window["low"][c][feature], window["high"][c][feature]
    if low is None or high is None:
        bound = high if low is None else low
        above = (low is not None) == window["inside"][c][feature]
        return f"{'above' if above else 'up to'} {bound:.4g}"
    return f"{'in' if window['inside'][c][feature] else 'outside'} {low:.4g} … {high:.4g}"


def mean_over_folds(study: Study, features: str, *keys: str) -> NDArray[np.float64]:
    """(C, F) mean of one of the tables of :class:`pipelines.study.jobs.Separation`."""
    tables = []
    for one in separations(study, features):
        for key in keys:
            one = one[key]
        tables.append(one)
    return np.mean(tables, axis=0)
