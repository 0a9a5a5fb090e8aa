"""What single features tell, chosen on training preparations and tested on others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.splits import balanced_rows
from iceclass.evaluation.explain import single_feature_separation
from iceclass.evaluation.single_feature import best_intervals
from pipelines.study.data import sides_of, table_of
from pipelines.study.jobs import Training
from pipelines.study.settings import Study


def separation(study: Study, features: str, fold: int) -> dict[str, Any]:
    """Per class and feature: area under the ROC curve, best threshold and best window, one against
    the rest; the bounds from the training rows, all figures from the test's."""
    table, classes = table_of(study, features), study.classes
    target = table.target(classes)
    sides = sides_of(study, Training(features, "fold", fold), table)
    limited = balanced_rows(table.trajectory[sides.test], study.settings.train_rows, fold)
    train, test = sides.train, sides.test[limited]
    result: dict[str, Any] = {
        "classes": list(classes),
        "feature_names": list(table.feature_names),
        "area": _table(single_feature_separation(table.features[test], target[test], len(classes))),
    }
    for name, one_sided in (("threshold", True), ("window", False)):
        rule = best_intervals(
            table.features[train], target[train], len(classes), one_sided=one_sided
        )
        result[name] = {
            "train": _table(rule.balanced_accuracy),
            "test": _table(rule.test(table.features[test], target[test])),
        }
        if not one_sided:
            result[name] |= {
                "low": _bounds(rule.low),
                "high": _bounds(rule.high),
                "inside": rule.inside.tolist(),
            }
    return result


def _table(values: NDArray[np.float64]) -> list[list[float]]:
    return [[round(float(v), 5) for v in row] for row in values]


def _bounds(values: NDArray[np.float64]) -> list[list[float | None]]:
    """None where there is no bound."""
    return [[float(f"{v:.6g}") if np.isfinite(v) else None for v in row] for row in values]
