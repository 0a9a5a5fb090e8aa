"""The jobs of a study: each gives one small file, and most need nothing of each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pipelines.study.settings import STEINHARDT, Settings, Study

MODELS = ("network", "logistic", "boosting")

ROWS = ("train_rows", "test_rows")
OPTIMISATION = ("epochs", "patience", "batch_size", "learning_rate", "schedule")
REST = ("explained", "random_orders", "boosting_rounds")


class Job:
    """Base of the jobs.

    Attributes
    ----------
    depends
        Names of the settings that its result depends on.
    """

    depends: ClassVar[tuple[str, ...]] = ()

    def used(self, settings: Settings) -> dict[str, Any]:
        """The settings that the result depends on."""
        return {name: getattr(settings, name) for name in self.depends}

    def uses(self, features: str) -> bool:
        """Whether the result depends on what that feature set is."""
        return features == getattr(self, "features", None)


@dataclass(frozen=True)
class Training(Job):
    """Train a model and test it.

    Attributes
    ----------
    features
        Name of the feature set.
    protocol
        "molecule" (random split of molecules), "whole" (the same of all that the store holds),
        "preparation" (the fixed split) or "fold" (of the cross-validation that leaves one
        preparation out).
    number
        Seed, or number of the fold, from 0; also the seed of the initial weights.
    model
        One of :data:`MODELS`.
    amorphous
        Only the amorphous ices.
    preparations
        How many of each phase train; 0: as many as there are.
    validated
        False: what would validate trains as well, for as many epochs as the folds' networks took.
    kept, at_random
        Only so many features (0: all): those of largest mean |IG| in the fold's network, or any.
    """

    features: str
    protocol: str
    number: int
    model: str = "network"
    amorphous: bool = False
    preparations: int = 0
    validated: bool = True
    kept: int = 0
    at_random: bool = False

    depends: ClassVar = (*ROWS, *OPTIMISATION, *REST)

    def used(self, settings: Settings) -> dict[str, Any]:
        found = super().used(settings)
        decay = settings.weight_decay.get(self.features, 0.0)
        if self.model == "network" and decay:
            found["weight_decay"] = decay
        return found

    @property
    def name(self) -> str:
        words = [self.features, self.model, self.protocol, str(self.number)]
        words += ["amorphous"] * self.amorphous + ["all"] * (not self.validated)
        words += [f"of{self.preparations}"] * bool(self.preparations)
        words += [f"top{self.kept}"] * bool(self.kept) + ["random"] * self.at_random
        return "_".join(words).replace("/", "")

    @property
    def whole(self) -> bool:
        """Whether every molecule trains, validates or tests."""
        return self.protocol == "whole"

    @property
    def explained(self) -> bool:
        """Whether importances and deletion curves are wanted of it."""
        return self == Training(self.features, "fold", self.number) and self.features != STEINHARDT

    def run(self, study: Study) -> dict[str, Any]:
        from pipelines.study.training import train_and_test

        return train_and_test(study, self)


@dataclass(frozen=True)
class Separation(Job):
    """What each feature can do alone, in one fold."""

    features: str
    fold: int

    depends: ClassVar = ROWS

    @property
    def name(self) -> str:
        return f"{self.features}_separation_{self.fold}"

    def run(self, study: Study) -> dict[str, Any]:
        from pipelines.study.claims import separation

        return separation(study, self.features, self.fold)


@dataclass(frozen=True)
class Classical(Job):
    """CHILL+ and template matching of one trajectory, and its Steinhardt features."""

    trajectory: str

    depends: ClassVar = ("template_deviations",)

    @property
    def name(self) -> str:
        return f"classical_{self.trajectory}".replace("/", "")

    def run(self, study: Study) -> dict[str, Any]:
        from pipelines.study.classical import classify

        return classify(study, self.trajectory)


@dataclass(frozen=True)
class Timing(Job):
    """Processor time of the descriptors, CHILL+ and template matching."""

    name: str = "timing"

    depends: ClassVar = ("timed",)

    def uses(self, features: str) -> bool:
        return True

    def run(self, study: Study) -> dict[str, Any]:
        from pipelines.study.classical import time_all

        return time_all(study)


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    Attributes
    ----------
    seeds
        Of the two splits side by side.
    kept
        Feature set → how many of its components are kept, and trained again.
    whole
        Whether the random split is also made of everything that the data hold.
    """

    seeds: int
    kept: dict[str, tuple[int, ...]]
    whole: bool = True

    def waves(self, study: Study) -> Iterator[list[Any]]:
        """Lists of jobs; a list needs results of those before it only."""
        yield [Timing()]
        yield [Classical(t.name) for t in study.trajectories]
        folds = range(study.n_folds)
        yield [job for name in study.features for job in self._independent(study, name)]
        last = [
            Training(name, "fold", k, validated=False)
            for name in study.features
            for k in folds
            if study.n_folds > 2
        ]
        few = [
            Training(name, "fold", k, kept=kept, at_random=at_random)
            for name, counts in self.kept.items()
            for kept in counts
            for k in folds
            for at_random in (False, True)
        ]
        if self.whole:
            last += [
                Training(name, "whole", seed) for name in study.stores for seed in range(self.seeds)
            ]
        yield sorted([*last, *few], key=lambda job: study.features.index(job.features))

    def _independent(self, study: Study, name: str) -> Iterator[Any]:
        """Everything of one feature set that needs none of its other results."""
        folds = range(study.n_folds)
        for protocol in ("molecule", "preparation"):
            for seed in range(self.seeds):
                yield Training(name, protocol, seed)
        for k in folds:
            yield Training(name, "fold", k)
            for n in range(1, study.preparations):
                yield Training(name, "fold", k, preparations=n)
            for model in MODELS[1:]:
                yield Training(name, "fold", k, model=model)
            if len(study.amorphous) > 1:
                yield Training(name, "fold", k, amorphous=True)
            if name != STEINHARDT:
                yield Separation(name, k)
        for model in MODELS[1:]:
            yield Training(name, "preparation", 0, model=model)


def fold_median(study: Study, features: str) -> int:
    """Median number of epochs after which the folds' networks were best."""
    best = [study.result(Training(features, "fold", k))["best_epoch"] for k in range(study.n_folds)]
    return max(1, round(float(np.median(best))))
