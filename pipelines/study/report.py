"""The output of a study: numbers as JSON and CSV, figures, the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.datasets.splits import FRACTIONS
from iceclass.descriptors import from_dict
from iceclass.evaluation.bootstrap import LEVEL
from iceclass.evaluation.metrics import DIGITS
from iceclass.files import write_json, write_text
from iceclass.io.output.csv_tables import write_csv
from iceclass.phases import label_of
from iceclass.reports.distributions import distributions_figure
from pipelines.study import figures, page
from pipelines.study.jobs import Training
from pipelines.study.results import METRICS, Results
from pipelines.study.rows import read_rows
from pipelines.study.settings import Study
from pipelines.study.single_feature import best_single_features, mean_over_folds

PANELS = 3
"""Features whose distributions are drawn."""

CsvTable = tuple[tuple[str, ...], list[list[Any]]]


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
        }
    return {
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
        "timing": results.timing(),
    }


def write_report(results: Results, published: Mapping[str, Any], output: Path) -> None:
    """Fill the directory: ``study.md``, ``study.json``, tables and figures; existing ones are
    replaced."""
    output.mkdir(parents=True, exist_ok=True)
    numbers = gather(results)
    for name, (head, rows) in tables(results, numbers).items():
        write_csv(output / f"{name}.csv", head, rows, force=True, digits=DIGITS, may_be_empty=True)
    claim = _claim(results, published)
    _figures(results, numbers, published["descriptors"], claim, output)
    text = page_text(results, numbers, published["descriptors"], claim)
    write_text(output / "study.md", text, force=True)
    write_json(output / "study.json", _plain(numbers), force=True)


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
    area = mean_over_folds(study, features, "area")
    names = read_rows(study.rows_path(features)).feature_names
    largest = {
        c: (names[int(np.argmax(area[i]))], float(area[i].max()))
        for i, c in enumerate(study.classes)
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


def tables(results: Results, numbers: Mapping[str, Any]) -> dict[str, CsvTable]:
    """Name of a CSV file → its head and rows."""
    study, found = results.study, numbers["features"]
    words = {f"recall {c}": f"recall {name}" for c, name in enumerate(study.classes)}
    figures_ = ("value", "deviation", "low", "high")
    accuracy = [
        [name, protocol, words.get(m, m), *_cells(value)]
        for name, one in found.items()
        for protocol in ("molecule", "whole", "preparation", "folds")
        for m, value in (one[protocol] or {}).items()
    ]
    baselines = [
        [name, model, m, of["preparation"][m], *_cells(of["folds"][m])]
        for name, one in found.items()
        for model, of in one["baselines"].items()
        for m in METRICS
    ]
    memory = [
        [name, kind, *_cells(value)]
        for name, one in found.items()
        for kind, value in one["memory"].items()
    ]
    learning = [
        [name, n, *_cells(value)]
        for name, one in found.items()
        for n, value in one["learning"]["curve"].items()
    ]
    ranked = [
        [task, name, m, *_cells(value)]
        for task in ("ices", "amorphous")
        for name, one in numbers[task].items()
        for m, value in one["folds"].items()
    ]
    components = [
        [name, kept, which, *_cells(one[which])]
        for name, each in numbers["components"].items()
        for kept, one in each.items()
        for which in ("ig", "random")
        if one[which] is not None
    ]
    deletion = [
        [name, order, count, value]
        for name, one in numbers["deletion"].items()
        for order, curves in one["curves"].items()
        for count, value in zip(one["counts"], curves.mean(axis=0), strict=True)
    ]
    return {
        "accuracy": (("features", "protocol", "metric", *figures_), accuracy),
        "baselines": (("features", "model", "metric", "fixed_split", *figures_), baselines),
        "memory": (("features", "measure", *figures_), memory),
        "learning_curve": (("features", "preparations", *figures_), learning),
        "few_classes": (("task", "method", "metric", *figures_), ranked),
        "components": (("features", "kept", "which", *figures_), components),
        "deletion": (("features", "order", "deleted", "accuracy"), deletion),
        "per_preparation": _per_preparation(results),
        "importance": _importance(results),
        "single_features": _single_features(results),
    }


def _per_preparation(results: Results) -> CsvTable:
    """What the bootstrap draws from: the accuracy of each preparation."""
    rows = []
    for name in results.plan.features:
        seeds = [Training(name, "molecule", seed) for seed in range(results.plan.seeds)]
        random = results.groups(seeds)
        seen = results.groups(results.folds(name), "seen")
        for group, counts in results.groups(results.folds(name)).items():
            others = (random[group], seen.get(group))
            c = results.study.classes.index(group[0])
            shares = [
                float("nan") if x is None or not x.sum() else x[c, c] / x.sum()
                for x in (counts, *others)
            ]
            rows.append([name, *group, *shares])
    head = ("features", "phase", "preparation", "unseen", "random_split", "seen")
    return head, rows


def _importance(results: Results) -> CsvTable:
    study = results.study
    rows = []
    for name in results.plan.stores:
        values = results.importance(name)
        names = read_rows(study.rows_path(name)).feature_names
        rows += [[name, names[i], values[i]] for i in np.argsort(-values, kind="stable")]
    return ("descriptor", "feature", "mean_absolute_ig"), rows


def _single_features(results: Results) -> CsvTable:
    """Every feature of every store, one class against the rest, means over the folds."""
    study, rows = results.study, []
    for name in results.plan.stores:
        parts = [
            mean_over_folds(study, name, *keys)
            for keys in (("area",), ("threshold", "test"), ("interval", "test"))
        ]
        names = read_rows(study.rows_path(name)).feature_names
        rows += [
            [name, phase, names[f], *(part[c, f] for part in parts)]
            for c, phase in enumerate(study.classes)
            for f in np.argsort(-parts[0][c], kind="stable")
        ]
    head = ("descriptor", "phase", "feature", "area_under_roc", "threshold", "interval")
    return head, rows


def _cells(value: Any) -> Sequence[float]:
    """value, deviation, low, high of a spread or an interval."""
    nan = float("nan")
    if value is None:
        return nan, nan, nan, nan
    if hasattr(value, "deviation"):
        return value.mean, value.deviation, nan, nan
    return value.value, nan, value.low, value.high


def _plain(value: Any) -> Any:
    """What JSON can hold; NaN as None."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 6)
    return value
