"""What a study is told, and the names under which its results are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from iceclass.datasets.store import FeatureStore
from iceclass.datasets.table import TrajectoryInfo, order_classes
from iceclass.descriptors import Descriptor
from iceclass.errors import InputError
from iceclass.files import replacing
from iceclass.phases import GLASSES, PHASES
from iceclass.training.config import TrainingConfig

STEINHARDT = "steinhardt"
"""Name of the feature set that is not in a store but made here."""


@dataclass(frozen=True)
class Settings:
    """What every result depends on; a result made with others is not used.

    Attributes
    ----------
    train_rows
        Environments of each trajectory to train on, and as many to validate on.
    test_rows
        Environments of each trajectory that are looked at at all; None: all.
    epochs, patience, batch_size, learning_rate, schedule
        As in :class:`iceclass.training.optimise.TrainingConfig`.
    weight_decay
        Feature set → weight decay of its networks, as in
        :class:`iceclass.training.optimise.TrainingConfig`; of the others 0.
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
    """A study: where it is, what it is of.

    Attributes
    ----------
    directory
        Results go to ``results/``.
    stores
        Name → feature store; the name is the file's without its ending.
    descriptors
        Name → descriptor of that store.
    data
        Compact data sets with the trajectories of the stores.
    settings
        See :class:`Settings`.
    trajectories
        Of the stores, the same in all of them.
    """

    directory: Path
    stores: Mapping[str, Path]
    descriptors: Mapping[str, Descriptor]
    data: tuple[Path, ...]
    settings: Settings
    trajectories: tuple[TrajectoryInfo, ...] = field(repr=False)

    @classmethod
    def of(
        cls, directory: Path, stores: tuple[Path, ...], data: tuple[Path, ...], settings: Settings
    ) -> Study:
        """A study of these stores and data sets.

        Raises
        ------
        InputError
            Two stores of one name or descriptor, or stores of different trajectories.
        """
        named: dict[str, Path] = {}
        descriptors: dict[str, Descriptor] = {}
        trajectories: tuple[TrajectoryInfo, ...] = ()
        for path in stores:
            store = FeatureStore.open(path)
            name = path.stem
            twice = [k for k, d in descriptors.items() if k == name or d == store.descriptor]
            if twice or name == STEINHARDT:
                raise InputError(
                    f"a second store of {twice[0] if twice else STEINHARDT}",
                    path=path,
                    hint="give one of each descriptor, each with a name of its own",
                )
            if named and [identity(t) for t in store.trajectories] != [
                identity(t) for t in trajectories
            ]:
                raise InputError(
                    f"does not hold the same trajectories, in the same order, as "
                    f"{next(iter(named.values()))}",
                    path=path,
                    hint="make all stores from the same data",
                )
            named[name] = path.resolve()
            descriptors[name] = store.descriptor
            trajectories = store.trajectories
        if not named:
            raise InputError("no feature store was given")
        for name in settings.weight_decay:
            if name not in (*named, STEINHARDT):
                raise InputError(
                    f"weight decay of {name!r}, which is none of {', '.join(named)}, {STEINHARDT}"
                )
        return cls(
            directory.resolve(),
            named,
            descriptors,
            tuple(p.resolve() for p in data),
            settings,
            trajectories,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """All phases."""
        return order_classes(t.phase for t in self.trajectories)

    @property
    def amorphous(self) -> tuple[str, ...]:
        """The phases that are amorphous ices."""
        return tuple(c for c in self.classes if c in PHASES and PHASES[c].recipe in GLASSES)

    @property
    def features(self) -> tuple[str, ...]:
        """The descriptors, then Steinhardt's."""
        return (*self.stores, STEINHARDT)

    @property
    def n_folds(self) -> int:
        """Folds of the cross-validation: the most preparations that a phase has."""
        groups = {t.group for t in self.trajectories}
        return max(sum(phase == name for phase, _ in groups) for name in self.classes)

    @property
    def preparations(self) -> int:
        """The most that train in a fold: one tests, one validates where there are three."""
        return self.n_folds - (2 if self.n_folds > 2 else 1)

    def path(self, job: Any) -> Path:
        """Where a job's result is kept: its name, and a digest of all that it depends on."""
        used = job.used(self.settings)
        made = [d.to_dict() for name, d in self.descriptors.items() if job.uses(name)]
        parts = [type(job).__name__, asdict(job), used, made, self.digest]
        text = json.dumps(parts, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return self.directory / "results" / f"{job.name}-{digest}.json"

    @property
    def digest(self) -> str:
        """Of the trajectories and their sides."""
        return _digest(tuple(identity(t) for t in self.trajectories))

    def result(self, job: Any) -> dict[str, Any]:
        """What a job found.

        Raises
        ------
        InputError
            It has not been done.
        """
        path = self.path(job)
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"no result: {error}", path=path, hint="run the study again") from None
        return found

    def keep(self, job: Any, result: Mapping[str, Any]) -> None:
        """Write a job's result, whole or not at all."""
        content = {"job": {"kind": type(job).__name__, **asdict(job)}, **result}
        with replacing(self.path(job), force=True) as temporary:
            temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")


def identity(info: TrajectoryInfo) -> tuple[Any, ...]:
    """What makes a trajectory of a store the same one as in another store."""
    return info.name, info.phase, info.preparation, info.split, info.source_sha256, info.n_rows


@lru_cache(maxsize=8)
def _digest(identities: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(identities).encode()).hexdigest()
