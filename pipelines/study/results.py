"""From the results of the jobs to the numbers of the study: means, spreads, intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.evaluation.bootstrap import RESAMPLES, Interval, bootstrap
from iceclass.evaluation.scores import confusion_scores
from pipelines.study.jobs import MODELS, Plan, Training
from pipelines.study.settings import Study

Groups = Mapping[tuple[str, str], NDArray[np.float64]]
"""Phase and preparation → (C, K) counts: true class, label."""

METRICS = ("accuracy", "balanced_accuracy", "macro_f1")
ICES = ("ih", "ic")
"""The phases that CHILL+ and template matching tell apart, from each other and all else."""


@dataclass(frozen=True)
class Spread:
    """A figure over trainings: mean and standard deviation (0 for a single one)."""

    mean: float
    deviation: float
    number: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return cls(float(np.mean(values)), deviation, len(values))


def metric(name: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """(B, C, K) counts → (B,) of one of :data:`METRICS`, or of "recall 3" (of class 3)."""
    word, _, number = name.partition(" ")

    def of(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = getattr(confusion_scores(counts), word)
        return found[..., int(number)] if number else found

    return of


@dataclass(frozen=True)
class Results:
    """The finished jobs of a study.

    Attributes
    ----------
    resamples
        Of the bootstrap.
    """

    study: Study
    plan: Plan
    resamples: int = RESAMPLES

    def __post_init__(self) -> None:
        if self.study.n_folds != self.plan.folds:
            raise InputError(
                f"a phase has {self.study.n_folds} preparations in the data, the configuration "
                f"says {self.plan.folds}"
            )

    @cached_property
    def _group(self) -> dict[str, tuple[str, str]]:
        return {t.name: t.group for t in self.study.trajectories}

    def groups(self, jobs: Iterable[Training], side: str = "test") -> dict[Any, Any]:
        """Counts of each preparation, summed over the jobs."""
        found: dict[tuple[str, str], NDArray[np.float64]] = {}
        for job in jobs:
            result = self.study.result(job.name)
            classes = result["classes"]
            for name, counts in result[side].items():
                group = self._group[name]
                empty = np.zeros((len(classes), len(classes)))
                found.setdefault(group, empty)[classes.index(group[0])] += counts
        return dict(sorted(found.items()))

    def folds(self, features: str, **more: Any) -> list[Training]:
        """The trainings of the cross-validation."""
        return [Training(features, "fold", k, **more) for k in range(self.study.n_folds)]

    def interval(self, groups: Groups, name: str) -> Interval:
        """A metric over preparations, with its interval."""
        strata = [phase for phase, _ in groups]
        return bootstrap(
            np.array(list(groups.values())), strata, metric(name), resamples=self.resamples
        )

    def difference(self, a: Groups, b: Groups, name: str = "accuracy") -> Interval:
        """Metric of ``a`` minus that of ``b``, over the preparations that both have."""
        common = [group for group in a if group in b]
        both = np.array([[a[group], b[group]] for group in common])
        of = metric(name)
        return bootstrap(
            both,
            [phase for phase, _ in common],
            lambda counts: of(counts[:, 0]) - of(counts[:, 1]),
            resamples=self.resamples,
        )

    def spread(self, features: str, protocol: str) -> dict[str, Spread]:
        """The metrics of a split over the seeds; also of each class ("recall 3")."""
        wanted = [*METRICS, *(f"recall {c}" for c in range(len(self.study.classes)))]
        sums = [
            sum(self.groups([Training(features, protocol, seed)]).values())
            for seed in range(self.plan.seeds)
        ]
        return {name: Spread.of([float(metric(name)(s)) for s in sums]) for name in wanted}

    def over_folds(self, groups: Groups, n_classes: int) -> dict[str, Interval]:
        """The metrics of the cross-validation, also of each class."""
        names = [*METRICS, *(f"recall {c}" for c in range(n_classes))]
        return {name: self.interval(groups, name) for name in names}

    def memory(self, features: str) -> dict[str, Interval | None]:
        """How much better preparations are known that were trained on, two ways.

        "protocols": random split minus cross-validation. "rows": the cross-validation's own
        networks on molecules they were not trained on, of preparations they were, minus their
        test; None where all rows train.
        """
        seeds = [Training(features, "molecule", seed) for seed in range(self.plan.seeds)]
        unseen = self.groups(self.folds(features))
        seen = self.groups(self.folds(features), "seen")
        complete = set(seen) == set(unseen)
        return {
            "protocols": self.difference(self.groups(seeds), unseen),
            "rows": self.difference(seen, unseen) if complete else None,
        }

    def learning(self, features: str) -> dict[str, Any]:
        """Accuracy by the number of training preparations, and what the last one gained."""
        steps = [
            (n, self.folds(features, preparations=n)) for n in range(1, self.plan.preparations)
        ]
        steps.append((self.plan.preparations, self.folds(features)))
        if self.study.n_folds > 2:
            steps.append((self.plan.preparations + 1, self.folds(features, validated=False)))
        groups = {n: self.groups(jobs) for n, jobs in steps}
        numbers = list(groups)
        gain = None
        if len(numbers) > 1:
            gain = self.difference(groups[numbers[-1]], groups[numbers[-2]])
        curve = {n: self.interval(found, "accuracy") for n, found in groups.items()}
        return {"curve": curve, "gain": gain}

    def baselines(self, features: str) -> dict[str, dict[str, Any]]:
        """Model → the metrics of the cross-validation, the fixed split, the gain over the network.

        Of the network the fixed split is of the first seed, as of the others.
        """
        network = self.groups(self.folds(features))
        found = {}
        for model in MODELS:
            folds = self.folds(features, model=model)
            groups = self.groups(folds)
            fixed = sum(self.groups([Training(features, "preparation", 0, model=model)]).values())
            results = [self.study.result(job.name) for job in folds]
            found[model] = {
                "folds": {name: self.interval(groups, name) for name in METRICS},
                "preparation": {name: float(metric(name)(fixed)) for name in METRICS},
                "gain": None if model == "network" else self.difference(groups, network),
                "unconverged": sum(not r.get("converged", True) for r in results),
            }
        return found

    def ices(self) -> dict[str, dict[str, Any]]:
        """Ice Ih, Ic and everything else: CHILL+, template matching, every network.

        Empty where neither ice is among the phases.
        """
        if not set(ICES) & set(self.study.classes):
            return {}
        methods: dict[str, dict[Any, Any]] = {}
        for phase in self.study.classes:
            for name, one in self.study.result(f"classical_{phase}").items():
                for method, (hexagonal, cubic) in one["counts"].items():
                    counts = [hexagonal, cubic, one["molecules"] - hexagonal - cubic]
                    groups = methods.setdefault(method, {})
                    groups.setdefault(self._group[name], np.zeros((3, 3)))[_ice(phase)] += counts
        merged = np.eye(3)[[_ice(phase) for phase in self.study.classes]]
        for features in self.plan.features:
            nine = self.groups(self.folds(features))
            methods[features] = {
                group: merged.T @ counts @ merged for group, counts in nine.items()
            }
        return self._ranked({name: dict(sorted(own.items())) for name, own in methods.items()}, 3)

    def _ranked(self, methods: Mapping[str, Groups], n_classes: int) -> dict[str, dict[str, Any]]:
        """Method → its metrics, and how far it is behind the best."""

        def whole(name: str) -> float:
            return float(metric("balanced_accuracy")(np.sum([*methods[name].values()], axis=0)))

        best = max(methods, key=whole)
        return {
            name: {
                "folds": self.over_folds(groups, n_classes),
                "behind": None
                if name == best
                else self.difference(methods[best], groups, "balanced_accuracy"),
            }
            for name, groups in methods.items()
        }

    def amorphous(self) -> dict[str, dict[str, Any]]:
        """The networks of the amorphous ices alone; empty with fewer than two of them."""
        if len(self.study.amorphous) < 2:
            return {}
        found = {f: self.groups(self.folds(f, amorphous=True)) for f in self.plan.features}
        return self._ranked(found, len(self.study.amorphous))

    def components(self, features: str) -> dict[int, dict[str, Any]]:
        """Number of features kept → accuracy with the most important ones, and with any."""
        whole = self.groups(self.folds(features))
        n_features = self.study.result(Training(features, "fold", 0).name)["features"]
        found: dict[int, dict[str, Any]] = {}
        for kept in (self.plan.kept or {})[features]:
            chosen = self.groups(self.folds(features, kept=kept))
            any_ = self.groups(self.folds(features, kept=kept, at_random=True))
            found[kept] = {
                "ig": self.interval(chosen, "accuracy"),
                "random": self.interval(any_, "accuracy"),
                "lost": self.difference(whole, chosen),
            }
        found[n_features] = {"ig": self.interval(whole, "accuracy"), "random": None, "lost": None}
        return found

    def deletion(self, features: str) -> dict[str, Any]:
        """Curves of all folds, mean accuracy under them, and in how many folds IG was better."""
        each = [self.study.result(job.name)["deletion"] for job in self.folds(features)]
        orders = ("ig", "permutation", "random")
        area = {name: [float(np.mean(one["area"][name])) for one in each] for name in orders}
        return {
            "counts": each[0]["counts"],
            "curves": {
                name: np.array([c for one in each for c in one["curves"][name]]) for name in orders
            },
            "area": {name: Spread.of(values) for name, values in area.items()},
            "better": {
                name: sum(a < b for a, b in zip(area["ig"], area[name], strict=True))
                for name in orders[1:]
            },
            "folds": len(each),
        }

    def importance(self, features: str) -> NDArray[np.float64]:
        """(F,) mean |IG|, over the folds."""
        results = [self.study.result(job.name) for job in self.folds(features)]
        return np.mean([r["importance"]["ig"] for r in results], axis=0)

    def timing(self) -> dict[str, Any]:
        """What :func:`pipelines.study.classical.time_all` found."""
        return self.study.result("timing")


def _ice(phase: str) -> int:
    """Place among ih, ic and all else."""
    return ICES.index(phase) if phase in ICES else len(ICES)
