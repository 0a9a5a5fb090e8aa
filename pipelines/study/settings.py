"""What a comparison of descriptors is told, and where its files are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.datasets.table import TrajectoryInfo, order_classes
from iceclass.errors import InputError, unknown_name
from iceclass.files import write_text
from iceclass.phases import GLASSES, PHASES
from iceclass.training.config import TrainingConfig
from pipelines.study.rows import read_trajectories

STEINHARDT = "steinhardt"
"""Name of the feature set that is not in a store but made here."""


@dataclass(frozen=True)
class Settings:
    """What results depend on.

    Attributes
    ----------
    train_rows
        Environments of each trajectory to train on, and as many to validate on.
    test_rows
        Environments of each trajectory that are looked at at all; None: all.
    epochs, patience, batch_size, learning_rate, schedule
        As in :class:`iceclass.training.config.TrainingConfig`.
    weight_decay
        Feature set → weight decay of its networks, as in
        :class:`iceclass.training.config.TrainingConfig`; of the others 0.
    explained
        Rows of each class for Integrated Gradients, permutation and deletion.
    random_orders
        Orders of deletion drawn at random, of each fold.
    boosting_rounds
        Trees of each class in gradient boosting.
    template_deviations
        Largest deviations (RMSD) from a template at which PTM recognises it.
    timed
        Repeats of the timing.
    """

    train_rows: int = 400
    test_rows: int | None = None
    epochs: int = 60
    patience: int = 15
    batch_size: int = 512
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    weight_decay: Mapping[str, float] = field(default_factory=dict)
    explained: int = 200
    random_orders: int = 5
    boosting_rounds: int = 100
    template_deviations: tuple[float, ...] = (0.1, 0.15, 0.2)
    timed: int = 7

    def __post_init__(self) -> None:
        for what in ("train_rows", "explained", "random_orders", "boosting_rounds", "timed"):
            if getattr(self, what) < 1:
                raise InputError(f"{what} is {getattr(self, what)}, expected 1 or more")
        for features in ("", *self.weight_decay):
            self.training(0, features)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Defaults, but for the given ones; names may have dashes.

        Raises
        ------
        InputError
            A name that is none of the settings, or a value that cannot be.
        """
        known = [one.name for one in fields(cls)]
        given: dict[str, Any] = {}
        for key, value in values.items():
            name = key.replace("-", "_")
            if name not in known:
                raise unknown_name("setting of the comparison", key, known)
            given[name] = tuple(value) if isinstance(value, list) else value
        return cls(**given)

    def training(self, seed: int, features: str, epochs: int | None = None) -> TrainingConfig:
        """Of one network; with ``epochs`` it is trained for so many and not stopped before."""
        return TrainingConfig(
            seed=seed,
            epochs=self.epochs if epochs is None else epochs,
            patience=self.patience if epochs is None else epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            weight_decay=self.weight_decay.get(features, 0.0),
            calibrate=False,
        )


@dataclass(frozen=True)
class Study:
    """A comparison: its directory and settings.

    Attributes
    ----------
    directory
        Has ``rows/`` with one file a feature set (:mod:`pipelines.study.rows`), and ``results/``
        with one a job.
    settings
        See :class:`Settings`.
    """

    directory: Path
    settings: Settings

    def rows_path(self, features: str) -> Path:
        """The rows of a feature set."""
        return self.directory / "rows" / f"{features}.npz"

    @cached_property
    def trajectories(self) -> tuple[TrajectoryInfo, ...]:
        """Of all feature sets: those of any."""
        paths = sorted((self.directory / "rows").glob("[!.]*.npz"))
        if not paths:
            raise InputError("no rows of any feature set", path=self.directory)
        return read_trajectories(paths[0])

    @property
    def classes(self) -> tuple[str, ...]:
        """All phases."""
        return order_classes(t.phase for t in self.trajectories)

    @property
    def amorphous(self) -> tuple[str, ...]:
        """The phases that are amorphous ices."""
        return amorphous(self.classes)

    @property
    def n_folds(self) -> int:
        """Folds of the cross-validation: the most preparations that a phase has."""
        groups = {t.group for t in self.trajectories}
        return max(sum(phase == name for phase, _ in groups) for name in self.classes)

    def result(self, name: str) -> dict[str, Any]:
        """What the job of that name found.

        Raises
        ------
        InputError
            It has not been done.
        """
        path = self.directory / "results" / f"{name}.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"no result: {error}", path=path, hint="run the study again") from None
        return found


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """What :meth:`Study.result` reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(plain(result)) + "\n", force=True)


def plain(value: Any) -> Any:
    """What JSON can hold: dataclasses as objects, six digits of a float, None where it is none."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value


def amorphous(phases: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the phases that are amorphous ices."""
    return tuple(c for c in phases if c in PHASES and PHASES[c].recipe in GLASSES)
