"""The output of a study: numbers, figures, the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.datasets.splits import FRACTIONS
from iceclass.descriptors import from_dict
from iceclass.evaluation.bootstrap import LEVEL, Interval
from iceclass.evaluation.metrics import DIGITS
from iceclass.files import write_json, write_text
from iceclass.io.output.csv_tables import write_csv
from iceclass.phases import label_of
from iceclass.reports.distributions import distributions_figure
from pipelines.study import figures, page
from pipelines.study.jobs import Training
from pipelines.study.results import Results, Spread
from pipelines.study.rows import read_rows
from pipelines.study.settings import Study, plain
from pipelines.study.single_feature import best_single_features, mean_over_folds

PANELS = 3
"""Features whose distributions are drawn."""


def gather(results: Results) -> dict[str, Any]:
    """All numbers, by feature set and by question."""
    study, plan = results.study, results.plan
    found = {}
    for name in plan.features:
        first = study.result(Training(name, "fold", 0).name)
        found[name] = {
            "features": first["features"],
            "descriptor": _descriptor_name(study, name) if name in plan.stores else "",
            "molecule": results.spread(name, "molecule"),
            "whole": (
                results.spread(name, "whole") if plan.whole and name in plan.stores else None
            ),
            "preparation": results.spread(name, "preparation"),
            "folds": results.over_folds(results.groups(results.folds(name)), len(study.classes)),
            "memory": results.memory(name),
            "learning": results.learning(name),
            "baselines": results.baselines(name),
            "preparations": _preparations(results, name),
        }
    return {
        "classes": study.classes,
        "features": found,
        "ices": results.ices(),
        "amorphous": results.amorphous(),
        "components": {name: results.components(name) for name in (plan.kept or {})},
        "deletion": {name: results.deletion(name) for name in plan.stores},
        "single_features": {
            name: {
                kind: best_single_features(study, name, kind) for kind in ("threshold", "interval")
            }
            for name in plan.stores
        },
        "alone": {name: _alone(study, name) for name in plan.stores},
        "importance": {name: _importance(results, name) for name in plan.stores},
        "timing": results.timing(),
    }


def write_report(results: Results, published: Mapping[str, Any], output: Path) -> None:
    """Fill the directory: ``study.md``, ``study.json``, ``accuracy.csv`` and figures; existing ones
    are replaced."""
    output.mkdir(parents=True, exist_ok=True)
    numbers = gather(results)
    head = ("features", "protocol", "metric", "value", "deviation", "low", "high")
    rows = accuracy_rows(numbers)
    write_csv(output / "accuracy.csv", head, rows, force=True, digits=DIGITS)
    claim = _claim(results, published)
    _figures(results, numbers, published["descriptors"], claim, output)
    text = page_text(results, numbers, published["descriptors"], claim)
    write_text(output / "study.md", text, force=True)
    write_json(output / "study.json", plain(numbers), force=True)


def _claim(results: Results, published: Mapping[str, Any]) -> tuple[str, str | None]:
    """The feature set, and the phase that one of its features is said to single out."""
    claim, stores = published["claims"]["single_function"], results.plan.stores
    features = claim["features"] if claim["features"] in stores else stores[0]
    return features, claim["phase"] if claim["phase"] in results.study.classes else None


def page_text(
    results: Results,
    numbers: Mapping[str, Any],
    published: Mapping[str, Any],
    claim: tuple[str, str | None],
) -> str:
    study = results.study
    settings, found = study.settings, numbers["features"]
    groups = {t.group for t in study.trajectories}
    counts = [sum(phase == c for phase, _ in groups) for c in study.classes]
    fixed = all(t.split for t in study.trajectories)
    head = page.HEAD.format(
        trajectories=len(study.trajectories),
        phases=", ".join(label_of(c) for c in study.classes),
        preparations="–".join(map(str, sorted({min(counts), max(counts)}))),
        test_rows="all" if settings.test_rows is None else f"{settings.test_rows} of each",
        fixed="the one of the data set" if fixed else "drawn once, since the data set has none",
        folds=study.n_folds,
        seeds=results.plan.seeds,
        level=100 * LEVEL,
        resamples=results.resamples,
        decay="".join(f"weight decay {v:g} on {k}; " for k, v in settings.weight_decay.items()),
        **{
            key: getattr(settings, key)
            for key in (
                "batch_size",
                "learning_rate",
                "schedule",
                "epochs",
                "patience",
                "train_rows",
            )
        },
    )
    features, phase = claim
    largest = {
        phase: (name, told["area_under_roc"])
        for phase, own in numbers["alone"][features].items()
        for name, told in [next(iter(own.items()))]
    }
    networks = results.plan.features
    parts = [
        head,
        *page.accuracy_text({n: found[n] for n in results.plan.stores}, published),
        *page.recall_text(found, study.classes),
        *page.memory_text(found, *_copies(study), settings.train_rows),
        *page.learning_text(found),
        *page.baselines_text(found, settings.boosting_rounds),
        *page.ices_text(numbers["ices"], networks),
        *page.amorphous_text(numbers["amorphous"], study.amorphous, networks),
        *page.single_features_text(features, phase, numbers["single_features"][features], largest),
    ]
    for name, one in numbers["components"].items():
        parts += page.components_text(name, one)
    parts += page.deletion_text(numbers["deletion"])
    rows = sum(t.n_rows for t in study.trajectories)
    parts += page.cost_text(numbers["timing"], rows, settings.timed)
    return "\n".join(parts).rstrip() + "\n"


def _descriptor_name(study: Study, features: str) -> str:
    return from_dict(dict(read_rows(study.rows_path(features)).descriptor)).name


def _copies(study: Study) -> tuple[float, float]:
    """Frames of a molecule that train in the random split, on average; the same of all rows."""
    settings, share = study.settings, FRACTIONS[0]
    most = [
        min(t.n_rows, settings.train_rows, settings.test_rows or t.n_rows) / t.n_molecules
        for t in study.trajectories
    ]
    every = [t.n_rows / t.n_molecules for t in study.trajectories]
    return share * float(np.mean(most)), share * float(np.mean(every))


def _figures(
    results: Results,
    numbers: Mapping[str, Any],
    published: Mapping[str, Any],
    claim: tuple[str, str | None],
    output: Path,
) -> None:
    study, found = results.study, numbers["features"]
    rows = {
        name: (
            found[name]["molecule"]["accuracy"].mean,
            found[name]["folds"]["accuracy"],
            published.get(name, {}).get("published"),
        )
        for name in results.plan.features
    }
    figures.protocols_figure(rows, output / "protocols.png", LEVEL)
    curves = {name: found[name]["learning"]["curve"] for name in results.plan.features}
    figures.learning_figure(curves, output / "learning.png")
    figures.deletion_figure(numbers["deletion"], output / "deletion.png")
    for name, one in numbers["components"].items():
        figures.components_figure(one, name, output / "components.png")
    features, phase = claim
    kinds = numbers["single_features"][features]
    shown = study.classes[0] if phase is None else phase
    table = read_rows(study.rows_path(features))
    means = mean_over_folds(study, features, "interval", "train")[study.classes.index(shown)]
    names = table.feature_names
    best = [kinds[kind][shown].feature for kind in ("interval", "threshold")]
    best += [names[i] for i in np.argsort(-means, kind="stable")]
    phases = table.phase
    values = {
        name: {c: table.features[phases == c, names.index(name)] for c in study.classes}
        for name in list(dict.fromkeys(best))[:PANELS]
    }
    distributions_figure(values, output / "single.png")


def accuracy_rows(numbers: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Feature set, protocol, metric and its figures: the numbers that are looked at most."""
    words = {f"recall {c}": f"recall {name}" for c, name in enumerate(numbers["classes"])}
    for name, one in numbers["features"].items():
        for protocol in ("molecule", "whole", "preparation", "folds"):
            for m, value in (one[protocol] or {}).items():
                yield [name, protocol, words.get(m, m), *_cells(value)]


def _preparations(results: Results, features: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Phase → preparation → its accuracy: what the bootstrap draws from.

    Where it is unseen, in the random split, and on the rest of the molecules where it trains.
    """
    folds = results.folds(features)
    seeds = [Training(features, "molecule", seed) for seed in range(results.plan.seeds)]
    groups = {
        "unseen": results.groups(folds),
        "random_split": results.groups(seeds),
        "seen": results.groups(folds, "seen"),
    }
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for phase, preparation in groups["unseen"]:
        c = results.study.classes.index(phase)
        counts = {kind: own.get((phase, preparation)) for kind, own in groups.items()}
        found.setdefault(phase, {})[preparation] = {
            kind: None if x is None or not x.sum() else float(x[c, c] / x.sum())
            for kind, x in counts.items()
        }
    return found


def _importance(results: Results, features: str) -> dict[str, float]:
    """Feature → mean |IG|, the largest first."""
    values = results.importance(features)
    names = read_rows(results.study.rows_path(features)).feature_names
    return {names[i]: values[i] for i in np.argsort(-values, kind="stable")}


def _alone(study: Study, features: str) -> dict[str, dict[str, dict[str, float]]]:
    """Phase → feature → what it tells of the phase alone, means over the folds."""
    names = read_rows(study.rows_path(features)).feature_names
    tables = {
        "area_under_roc": mean_over_folds(study, features, "area"),
        "threshold": mean_over_folds(study, features, "threshold", "test"),
        "interval": mean_over_folds(study, features, "interval", "test"),
    }
    return {
        phase: {names[f]: {kind: own[c, f] for kind, own in tables.items()} for f in order}
        for c, phase in enumerate(study.classes)
        for order in [np.argsort(-tables["area_under_roc"][c], kind="stable")]
    }


def _cells(value: Spread | Interval) -> tuple[float, float, float, float]:
    """value, deviation, low, high."""
    nan = float("nan")
    if isinstance(value, Spread):
        return value.mean, value.deviation, nan, nan
    return value.value, nan, value.low, value.high
