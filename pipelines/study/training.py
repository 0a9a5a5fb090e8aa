"""One training of a study: a network or a baseline, its test, and what explains it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from iceclass.datasets.splits import balanced_rows
from iceclass.datasets.table import Table
from iceclass.descriptors import Descriptor, from_dict
from iceclass.errors import InputError
from iceclass.evaluation.deletion import (
    area_under,
    deletion_counts,
    deletion_curve,
    permutation_importance,
)
from iceclass.evaluation.explain import explain
from iceclass.model.network import Model
from iceclass.model.scaler import Scaler
from iceclass.training.optimise import Fit
from pipelines.study.jobs import Training
from pipelines.study.settings import Study
from pipelines.study.split import Sides, counts_by_trajectory, sides_of

Labels = Callable[[NDArray[np.float32]], NDArray[np.int64]]

BLOCK = 32768
LOGISTIC_STEPS = 500


@dataclass(frozen=True)
class FeatureSet:
    """What a network has to know of features that are no descriptor's, or some of one's only."""

    name: str
    n_features: int


def train_and_test(
    study: Study, job: Training, table: Table, classes: tuple[str, ...]
) -> dict[str, Any]:
    """Labels of the test's rows by trajectory, and what else is wanted of the training."""
    started = time.process_time()
    if job.amorphous:
        table = table.rows(table.target(classes) >= 0)
    sides, target = sides_of(job, table, study.settings.train_rows), table.target(classes)
    for c, name in enumerate(classes):
        if not (target[sides.train] == c).any():
            raise InputError(f"{job.name}: phase {name} has no rows to train on")
    columns = _columns(study, job, len(table.feature_names))
    x = table.features if columns is None else table.features[:, columns]
    result: dict[str, Any] = {"classes": classes, "features": x.shape[1]}
    with threadpool_limits(1):
        if job.model == "network":
            epochs = None if job.validated else fold_median(study, job)
            model, more = fit_network(study, job, x, target, sides, classes, epochs)
            labels: Labels = lambda part: model.logits(part).argmax(axis=1)  # noqa: E731
        else:
            labels, more = fit_baseline(study, job, x[sides.train], target[sides.train])
        result |= more
        for name in ("test", "seen"):
            rows = getattr(sides, name)
            found = [labels(x[part]) for part in np.split(rows, range(BLOCK, len(rows), BLOCK))]
            result[name] = counts_by_trajectory(table, rows, np.concatenate(found), len(classes))
        result["rows"] = {
            name: len(getattr(sides, name)) for name in ("train", "validation", "test", "seen")
        }
        if job.explained:
            result |= explained(study, job, table, sides, model)
    return {**result, "processor_seconds": round(time.process_time() - started, 2)}


def fold_median(study: Study, job: Training) -> int:
    """Median number of epochs after which the folds' networks were best."""
    needed = job.needs(study.n_folds)
    best = [study.result(one.name)["best_epoch"] for one in needed]
    return max(1, round(float(np.median(best))))


def _columns(study: Study, job: Training, n_features: int) -> NDArray[np.int64] | None:
    """The features that are kept; None: all."""
    if not job.kept:
        return None
    if job.at_random:
        rng = np.random.default_rng([job.number, job.kept])
        return np.sort(rng.permutation(n_features)[: job.kept])
    (whole,) = job.needs(study.n_folds)
    order = np.argsort(-np.array(study.result(whole.name)["importance"]["ig"]), kind="stable")
    return np.sort(order[: job.kept])


def fit_network(
    study: Study,
    job: Training,
    x: NDArray[np.float32],
    target: NDArray[np.int64],
    sides: Sides,
    classes: tuple[str, ...],
    epochs: int | None,
) -> tuple[Model, dict[str, Any]]:
    """The trained network; epochs, and the one that was kept."""
    import torch

    scaler = Scaler.fit(x, sides.train)
    rows = {"train": sides.train, "validation": sides.validation}
    z = {name: scaler.standardise(x[own]) for name, own in rows.items()}
    y = {name: target[own] for name, own in rows.items()}
    torch.set_num_threads(1)
    fit = Fit(z, y, len(classes), study.settings.training(job.number, job.features, epochs))
    history, best = fit.run(None)
    weights, biases = fit.arrays()
    known = cast(Descriptor, FeatureSet(job.features, x.shape[1]))
    model = Model(known, classes, scaler.mean, scaler.scale, weights, biases)
    return model, {"epochs": len(history), "best_epoch": best}


def fit_baseline(
    study: Study, job: Training, x: NDArray[np.float32], target: NDArray[np.int64]
) -> tuple[Labels, dict[str, Any]]:
    """Logistic regression or gradient boosting by scikit-learn, classes weighing the same."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if job.model == "logistic":
        estimator = make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=LOGISTIC_STEPS, class_weight="balanced")
        )
    else:
        estimator = HistGradientBoostingClassifier(
            max_iter=study.settings.boosting_rounds,
            early_stopping=False,
            class_weight="balanced",
            random_state=job.number,
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        estimator.fit(x, target)
    converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)

    def labels(part: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.asarray(estimator.predict(part), np.int64) if len(part) else np.empty(0, np.int64)

    return labels, {"converged": converged}


def explained(
    study: Study, job: Training, table: Table, sides: Sides, network: Model
) -> dict[str, Any]:
    """Importances, and how accuracy on the test falls as features are deleted in their orders."""
    settings, target = study.settings, table.target(network.classes)

    def drawn(rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        some = rows[balanced_rows(target[rows], settings.explained, job.number)]
        return network.standardise(table.features[some]), target[some]

    # of features that are standardised already, in which 0 is the training mean
    nothing = np.zeros_like(network.mean)
    standardised = replace(network, mean=nothing, scale=nothing + 1)

    def labels(z: NDArray[np.float32]) -> NDArray[np.int64]:
        return standardised.logits(z).argmax(axis=1)

    model = replace(network, descriptor=from_dict(dict(table.descriptor)))
    found = explain(model, table.rows(sides.train), per_class=settings.explained, seed=job.number)
    other = sides.validation if len(sides.validation) else sides.train
    permuted = permutation_importance(labels, *drawn(other), seed=job.number)
    z, true = drawn(sides.test)
    rng = np.random.default_rng([job.number, 1])
    counts = deletion_counts(z.shape[1])
    orders = {
        "ig": [np.argsort(-found.overall, kind="stable")],
        "permutation": [np.argsort(-permuted, kind="stable")],
        "random": [rng.permutation(z.shape[1]) for _ in range(settings.random_orders)],
    }
    curves = {
        name: [deletion_curve(labels, z, true, order, counts) for order in each]
        for name, each in orders.items()
    }
    return {
        "importance": {
            "ig": found.overall,
            "permutation": permuted,
            "ig_by_class": found.mean_absolute,
            "completeness": found.completeness.worst_relative,
        },
        "deletion": {
            "counts": counts,
            "curves": curves,
            "area": {name: [area_under(counts, c) for c in each] for name, each in curves.items()},
        },
    }
