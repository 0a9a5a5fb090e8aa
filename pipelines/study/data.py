"""The tables of a study, in memory, and which rows of them train, validate and test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.reference import ReferenceTrajectory, load_reference
from iceclass.datasets.splits import (
    FRACTIONS,
    balanced_rows,
    preparation_folds,
    split_by_preparation,
    split_randomly,
)
from iceclass.datasets.store import FeatureStore
from iceclass.datasets.table import Table
from iceclass.errors import InputError
from pipelines.study.jobs import Classical, Training
from pipelines.study.settings import STEINHARDT, Study


@dataclass(frozen=True, eq=False)
class Sides:
    """Rows of a table: indices that train, validate and test.

    ``seen`` are rows of the preparations that train, but not those that do: a model that knows
    them better than the test's has learnt the preparation.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    seen: NDArray[np.int64]


@lru_cache(maxsize=1)
def _load(path: Path, rows: int | None) -> Table:
    return FeatureStore.open(path).load(max_rows=rows)


@lru_cache(maxsize=1)
def _steinhardt(path: Path, rows: int | None, files: tuple[Path, ...]) -> Table:
    """The rows of the store at ``path`` with Steinhardt features, a file for each trajectory."""
    table = _load(path, rows)
    parts, names = [], ()
    for index, file in enumerate(files):
        with np.load(file, allow_pickle=False) as found:
            ids, features, names = found["ids"], found["features"], tuple(found["names"].tolist())
        own = table.trajectory == index
        info = table.trajectories[index]
        if len(features) != info.n_rows:
            raise InputError(
                f"{info.name} has {info.n_rows} rows in the store and {len(features)} in the data",
                path=path,
                hint="make the store from the whole data set",
            )
        place = table.frame[own].astype(np.int64) * len(ids)
        parts.append(features[place + np.searchsorted(ids, table.molecule[own])])
    return replace(
        table,
        features=np.concatenate(parts),
        descriptor={"family": STEINHARDT},
        feature_names=names,
    )


def table_of(study: Study, features: str, *, whole: bool = False) -> Table:
    """Rows of a feature set, all if ``whole``; those of the last one asked for stay in memory."""
    if whole:
        return _load(study.stores[features], None)
    if features == STEINHARDT:
        files = tuple(study.path(Classical(t.name)).with_suffix(".npz") for t in study.trajectories)
        return _steinhardt(next(iter(study.stores.values())), study.settings.test_rows, files)
    return _load(study.stores[features], study.settings.test_rows)


def sides_of(study: Study, job: Training, table: Table) -> Sides:
    """The rows of one training; ``table`` may have lost rows, not trajectories."""
    limit, seed = study.settings.train_rows, job.number
    if job.whole:
        limit = len(table)
    if job.whole or job.protocol == "molecule":
        rows = split_randomly(len(table), FRACTIONS, seed)
        sides = {name: np.flatnonzero(rows == name) for name in ("train", "validation", "test")}
        for name, share in zip(("train", "validation"), FRACTIONS[:2], strict=True):
            most = max(1, round(limit * share))
            sides[name] = sides[name][balanced_rows(table.trajectory[sides[name]], most, seed)]
        return Sides(**sides, seen=np.empty(0, np.int64))
    if job.protocol == "preparation":
        side = split_by_preparation(study.trajectories)
    else:
        side = preparation_folds(
            study.trajectories, train=job.preparations or None, validation=job.validated
        )[job.number]
    rows = side[table.trajectory]
    chosen = {name: np.flatnonzero(rows == name) for name in ("train", "validation", "test")}
    train = np.sort(np.concatenate(list(_train_rows(study, job, table, side, chosen["train"]))))
    validation = chosen["validation"]
    validation = validation[balanced_rows(table.trajectory[validation], limit, seed)]
    seen = np.setdiff1d(chosen["train"], train, assume_unique=True)
    return Sides(train, validation, chosen["test"], seen)


def _train_rows(
    study: Study, job: Training, table: Table, side: NDArray[np.str_], rows: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """Rows to train on, phase by phase: as many as in a whole fold, however many preparations."""
    usual = side
    if job.protocol == "fold":
        usual = preparation_folds(study.trajectories)[job.number]
    for phase in study.classes:
        own = np.array([t.phase == phase for t in study.trajectories])
        trajectories = own & (side == "train")
        share = (own & (usual == "train")).sum() / trajectories.sum()
        limit = max(1, round(study.settings.train_rows * float(share)))
        found = rows[trajectories[table.trajectory[rows]]]
        yield found[balanced_rows(table.trajectory[found], limit, job.number)]


def counts_by_trajectory(
    table: Table, rows: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int
) -> dict[str, list[int]]:
    """Name of every trajectory that has rows → how many of them have each label."""
    own = table.trajectory[rows].astype(np.int64)
    shape = (len(table.trajectories), n_classes)
    counts = np.bincount(own * n_classes + labels, minlength=shape[0] * shape[1]).reshape(shape)
    return {table.trajectories[i].name: counts[i].tolist() for i in np.unique(own)}


def find(data: Sequence[Path], name: str) -> ReferenceTrajectory:
    """The trajectory of that name in one of the compact data sets.

    Raises
    ------
    InputError
        It is in none of them.
    """
    for path in data:
        for trajectory in _data(path):
            if trajectory.name == name:
                return trajectory
    raise InputError(
        f"trajectory {name!r} is in none of {', '.join(map(str, data))}",
        hint="give the data sets that the feature stores were made from",
    )


@lru_cache(maxsize=4)
def _data(path: Path) -> tuple[ReferenceTrajectory, ...]:
    return tuple(load_reference(path))
