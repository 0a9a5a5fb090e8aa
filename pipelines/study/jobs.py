"""The trainings of a comparison, by name, and which of them there are: the rules' outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iceclass.errors import InputError
from pipelines.study.settings import STEINHARDT, Settings

MODELS = ("network", "logistic", "boosting")


@dataclass(frozen=True)
class Training:
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

    @property
    def name(self) -> str:
        """Of its result."""
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

    def needs(self, folds: int) -> list[Training]:
        """The trainings whose results it starts from."""
        if self.kept and not self.at_random:
            return [Training(self.features, "fold", self.number)]
        if not self.validated:
            return [Training(self.features, "fold", k) for k in range(folds)]
        return []

    def settings(self, every: Settings) -> dict[str, Any]:
        """The settings that its result depends on, as :meth:`Settings.of` takes them."""
        names = ["train_rows"]
        if self.model == "network":
            names += ["epochs", "patience", "batch_size", "learning_rate", "schedule"]
        if self.model == "boosting":
            names += ["boosting_rounds"]
        if self.explained:
            names += ["explained", "random_orders"]
        found = {name: getattr(every, name) for name in names}
        if self.model == "network" and self.features in every.weight_decay:
            found["weight_decay"] = {self.features: every.weight_decay[self.features]}
        return found


def separation_name(features: str, fold: int) -> str:
    """Of the result of :func:`pipelines.study.single_feature.separation`."""
    return f"{features}_separation_{fold}"


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    Attributes
    ----------
    stores
        Names of the feature sets that are in stores.
    folds
        Of the cross-validation: the most preparations that a phase has.
    seeds
        Of the two splits side by side.
    kept
        Feature set → how many of its components are kept, and trained again.
    amorphous
        Whether there are amorphous ices to tell apart.
    whole
        Whether the random split is also made of everything that the data hold.
    """

    stores: tuple[str, ...]
    folds: int
    seeds: int = 5
    kept: Mapping[str, Sequence[int]] | None = None
    amorphous: bool = True
    whole: bool = True

    def __post_init__(self) -> None:
        for name in self.stores:
            if name == STEINHARDT:
                raise InputError(f"a descriptor may not be called {STEINHARDT!r}")
        if self.folds < 2:
            raise InputError(f"{self.folds} preparations, expected two or more to compare with")

    @property
    def features(self) -> tuple[str, ...]:
        """The descriptors, then Steinhardt's."""
        return (*self.stores, STEINHARDT)

    @property
    def preparations(self) -> int:
        """The most that train in a fold: one tests, one validates where there are three."""
        return self.folds - (2 if self.folds > 2 else 1)

    def trainings(self) -> Iterator[Training]:
        """All of them."""
        for name in self.features:
            yield from self._of(name)
        for name, counts in (self.kept or {}).items():
            for kept in counts:
                for k in range(self.folds):
                    yield Training(name, "fold", k, kept=kept)
                    yield Training(name, "fold", k, kept=kept, at_random=True)

    def _of(self, name: str) -> Iterator[Training]:
        for seed in range(self.seeds):
            yield Training(name, "molecule", seed)
            yield Training(name, "preparation", seed)
            if self.whole and name != STEINHARDT:
                yield Training(name, "whole", seed)
        for model in MODELS[1:]:
            yield Training(name, "preparation", 0, model=model)
        for k in range(self.folds):
            for model in MODELS:
                yield Training(name, "fold", k, model=model)
            for n in range(1, self.preparations):
                yield Training(name, "fold", k, preparations=n)
            if self.folds > 2:
                yield Training(name, "fold", k, validated=False)
            if self.amorphous:
                yield Training(name, "fold", k, amorphous=True)

    def separations(self) -> list[str]:
        """Names of the results of single features."""
        return [separation_name(name, k) for name in self.stores for k in range(self.folds)]
