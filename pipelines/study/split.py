"""Which rows of a table train, validate and test in one training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.splits import (
    FRACTIONS,
    balanced_rows,
    preparation_folds,
    split_by_preparation,
    split_randomly,
)
from iceclass.datasets.table import Table
from iceclass.evaluation.scores import confusion_matrix
from pipelines.study.jobs import Training


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


def sides_of(job: Training, table: Table, train_rows: int) -> Sides:
    """The rows of one training; ``table`` may have lost rows, not trajectories.

    ``train_rows`` is how many of each trajectory train, and validate, at most.
    """
    limit, seed = train_rows, job.number
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
        side = split_by_preparation(table.trajectories)
    else:
        side = preparation_folds(
            table.trajectories, train=job.preparations or None, validation=job.validated
        )[job.number]
    rows = side[table.trajectory]
    chosen = {name: np.flatnonzero(rows == name) for name in ("train", "validation", "test")}
    train = np.sort(np.concatenate(list(_train_rows(job, table, side, chosen["train"], limit))))
    validation = chosen["validation"]
    validation = validation[balanced_rows(table.trajectory[validation], limit, seed)]
    seen = np.setdiff1d(chosen["train"], train, assume_unique=True)
    return Sides(train, validation, chosen["test"], seen)


def _train_rows(
    job: Training, table: Table, side: NDArray[np.str_], rows: NDArray[np.int64], most: int
) -> Iterator[NDArray[np.int64]]:
    """Rows to train on, phase by phase: as many as in a whole fold, however many preparations."""
    usual = side
    if job.protocol == "fold":
        usual = preparation_folds(table.trajectories)[job.number]
    for phase in table.classes:
        own = np.array([t.phase == phase for t in table.trajectories])
        trajectories = own & (side == "train")
        share = (own & (usual == "train")).sum() / trajectories.sum()
        limit = max(1, round(most * float(share)))
        found = rows[trajectories[table.trajectory[rows]]]
        yield found[balanced_rows(table.trajectory[found], limit, job.number)]


def counts_by_trajectory(
    table: Table, rows: NDArray[np.int64], labels: NDArray[np.int64], n_classes: int
) -> dict[str, list[int]]:
    """Name of every trajectory that has rows → how many of them have each label."""
    own = table.trajectory[rows].astype(np.int64)
    counts = confusion_matrix(own, labels, (len(table.trajectories), n_classes))
    return {table.trajectories[i].name: counts[i].tolist() for i in np.unique(own)}
