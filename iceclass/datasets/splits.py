"""Which rows train, validate and test a model: by preparation, never by frame.

Molecules of one trajectory are correlated, and so are the state points of one preparation (they
share proton disorder, melt or glass). A split that divides them reports how well a model
remembers, not how well it recognises. :func:`split_randomly` does it all the same, under that
name, because published figures were obtained so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.table import SPLITS, Table, TrajectoryInfo
from iceclass.errors import InputError

FRACTIONS = (0.6, 0.2, 0.2)
"""Default shares of train, validation and test."""


@dataclass(frozen=True, eq=False)
class Split:
    """A division of a table's rows.

    Attributes
    ----------
    by
        "preparation" or "molecule".
    rows
        (R,) array of "train", "validation" and "test".
    without_validation
        Phases that have rows for training, none for validation.
    without_test
        Phases that have none for the test.
    """

    by: str
    rows: NDArray[np.str_]
    without_validation: tuple[str, ...]
    without_test: tuple[str, ...]

    def index(self, name: str) -> NDArray[np.int64]:
        """Indices of the rows of one side."""
        return np.flatnonzero(self.rows == name).astype(np.int64)


def split_table(
    table: Table, by: str = "preparation", fractions: Sequence[float] = FRACTIONS, seed: int = 0
) -> Split:
    """The split of a table's rows, by "preparation" or, for comparison only, by "molecule"."""
    if by == "preparation":
        per_trajectory = split_by_preparation(table.trajectories, fractions, seed)
        rows = per_trajectory[table.trajectory]
    elif by == "molecule":
        rows = split_randomly(len(table), fractions, seed)
    else:
        raise ValueError(f"split by {by!r}, expected 'preparation' or 'molecule'")
    phase = table.phase
    sides = {name: set(np.unique(phase[rows == name]).tolist()) for name in SPLITS}
    return Split(
        by=by,
        rows=rows,
        without_validation=tuple(c for c in table.classes if c not in sides["validation"]),
        without_test=tuple(c for c in table.classes if c not in sides["test"]),
    )


def split_by_preparation(
    trajectories: Sequence[TrajectoryInfo] | Table,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
) -> NDArray[np.str_]:
    """The side of every trajectory, all of one preparation on the same one.

    Within each phase the preparations are drawn with ``seed`` and shared out as evenly as their
    number allows: with three or more, at least one to each side. With two, one trains and one
    tests: that phase then has no validation, since taking it by frame or by state point would
    validate on what was trained on; the training says so in its record. Splits given in the
    trajectory table stand as they are.

    Returns
    -------
    ndarray
        (K,) strings "train", "validation", "test".

    Raises
    ------
    InputError
        A phase has a single preparation and no explicit split, or a preparation has two.
    """
    if isinstance(trajectories, Table):
        trajectories = trajectories.trajectories
    shares = _fractions(fractions)
    preparations: dict[str, dict[str, str]] = defaultdict(dict)
    for t in trajectories:
        told = preparations[t.phase].setdefault(t.preparation, t.split)
        if told != t.split:
            raise InputError(
                f"preparation {t.preparation!r} of {t.phase} is given to both "
                f"{told or 'no side'!r} and {t.split or 'no side'!r}",
                hint="give all trajectories of a preparation the same split",
            )
    side = {
        (phase, preparation): split
        for phase, told in preparations.items()
        for preparation, split in _share_out(phase, told, shares, seed).items()
    }
    return np.array([side[t.group] for t in trajectories], dtype="U10")


def _share_out(
    phase: str, told: dict[str, str], shares: NDArray[np.float64], seed: int
) -> dict[str, str]:
    """The side of every preparation of one phase."""
    free = sorted(name for name, split in told.items() if not split)
    if not free:
        return told
    total = len(told)
    if total == 1:
        raise _single_preparation(phase, free[0])
    wanted = _counts(total, shares)
    given = [sum(split == name for split in told.values()) for name in SPLITS]
    left = {name: max(0, wanted[i] - given[i]) for i, name in enumerate(SPLITS)}
    # Explicit splits beyond their share take places from the others: training first gives way.
    while sum(left.values()) > len(free):
        largest = max(left, key=lambda name: left[name])
        left[largest] -= 1
    left["train"] += len(free) - sum(left.values())
    rng = np.random.default_rng([seed, *phase.encode()])
    drawn = [free[i] for i in rng.permutation(len(free))]
    sides = [name for name in ("test", "validation", "train") for _ in range(left[name])]
    return told | dict(zip(drawn, sides, strict=True))


def _counts(total: int, shares: NDArray[np.float64]) -> list[int]:
    """Preparations for train, validation and test; see :func:`split_by_preparation`."""
    if total == 2:
        return [1, 0, 1]
    held_out = [max(1, round(total * share)) if share > 0 else 0 for share in shares[1:]]
    while total - sum(held_out) < 1:
        held_out[int(np.argmax(held_out))] -= 1
    return [total - sum(held_out), *held_out]


def preparation_folds(
    trajectories: Sequence[TrajectoryInfo] | Table,
    *,
    train: int | None = None,
    validation: bool = True,
    seed: int = 0,
) -> tuple[NDArray[np.str_], ...]:
    """Cross-validation that leaves one preparation of every phase out, each in its turn.

    Fold k tests the k-th preparation of each phase, by name; the next one validates where the
    phase has three or more, and the others train. There are as many folds as the phase of most
    preparations has; a phase of fewer begins again, so that some are tested twice. Splits given
    in the trajectory table do not matter here.

    Parameters
    ----------
    train
        At most so many preparations of each phase train, drawn with ``seed``; the others are on
        no side. None: all that are left.
    validation
        Whether one validates; otherwise it trains as well.

    Returns
    -------
    tuple of ndarray
        For each fold (K,) strings "train", "validation", "test", or "" for trajectories left out.

    Raises
    ------
    InputError
        A phase has a single preparation.
    """
    if isinstance(trajectories, Table):
        trajectories = trajectories.trajectories
    if train is not None and train < 1:
        raise InputError(f"{train} preparations to train on, expected one or more")
    named: dict[str, list[str]] = defaultdict(list)
    for phase, preparation in sorted({t.group for t in trajectories}):
        named[phase].append(preparation)
    for phase, names in named.items():
        if len(names) < 2:
            raise _single_preparation(phase, names[0])
    folds = []
    for k in range(max(len(names) for names in named.values())):
        side: dict[tuple[str, str], str] = {}
        for phase, names in named.items():
            turned = names[k % len(names) :] + names[: k % len(names)]
            test, *rest = turned
            side[phase, test] = "test"
            if validation and len(rest) > 1:
                side[phase, rest.pop(0)] = "validation"
            rng = np.random.default_rng([seed, k, *phase.encode()])
            drawn = rng.permutation(len(rest))[:train]
            side |= {(phase, rest[i]): "train" for i in drawn}
        folds.append(np.array([side.get(t.group, "") for t in trajectories], dtype="U10"))
    return tuple(folds)


def _single_preparation(phase: str, name: str) -> InputError:
    return InputError(
        f"phase {phase} has one preparation, {name!r}: it cannot both train and test",
        hint="prepare it at least twice, independently (three times to validate as well)",
    )


def split_randomly(
    n_rows: int, fractions: Sequence[float] = FRACTIONS, seed: int = 0
) -> NDArray[np.str_]:
    """(R,) sides drawn for every molecule by itself.

    Rows of one trajectory fall on all sides, so that the test is not independent of the training.
    For comparison with figures obtained this way only.
    """
    shares = _fractions(fractions)
    ends = np.round(np.cumsum(shares) * n_rows).astype(int)
    rows = np.empty(n_rows, dtype="U10")
    drawn = np.random.default_rng(seed).permutation(n_rows)
    for name, chosen in zip(SPLITS, np.split(drawn, ends[:-1]), strict=True):
        rows[chosen] = name
    return rows


def _fractions(fractions: Sequence[float]) -> NDArray[np.float64]:
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or (shares < 0).any() or shares[0] == 0 or abs(shares.sum() - 1) > 1e-6:
        raise InputError(
            f"fractions {tuple(fractions)} are not three shares that add up to 1, "
            "the first above zero"
        )
    return shares


def class_weights(target: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """(C,) weights inverse to the number of rows, of mean 1 over the rows; 0 without any."""
    counts = np.bincount(target, minlength=n_classes).astype(np.float64)
    present = counts > 0
    weights = np.zeros(n_classes)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights


def balanced_rows(
    target: NDArray[Any], per_class: int | None = None, seed: int = 0
) -> NDArray[np.int64]:
    """Sorted indices of equally many rows of each class, drawn without replacement.

    ``per_class`` defaults to the size of the smallest class; classes smaller than it give all
    they have. Rows with a negative target are left out.
    """
    rng = np.random.default_rng(seed)
    classes, counts = np.unique(target[target >= 0], return_counts=True)
    limit = int(counts.min()) if per_class is None and len(counts) else (per_class or 0)
    drawn = [rng.permutation(np.flatnonzero(target == c))[:limit] for c in classes]
    return np.sort(np.concatenate(drawn)).astype(np.int64) if drawn else np.empty(0, np.int64)
