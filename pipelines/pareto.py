"""Accuracy against cost of descriptors, trained and tested alike: what the default was chosen from.

    python -m pipelines.pareto WORK

Each descriptor is computed of some frames of the environments and of the reference, the shipped
network is trained on it for a few epochs, and tested on the preparations that neither trained nor
validated. The cost is that of the answer to a frame in memory, on one thread, the smallest of some
repeats that take turns. Writes ``docs/bench/pareto.csv`` and ``.png``; what WORK has is not done
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from iceclass.benchmark.systems import ice, liquid
from iceclass.benchmark.timing import alternate
from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.descriptors import descriptor
from iceclass.io.output.csv_tables import write_csv
from iceclass.kernels.threads import threads
from iceclass.model.file import load_model, save_model
from iceclass.model.network import Model
from iceclass.phases import STUDY
from iceclass.reports.style import COLUMN, DARK, new_figure, save, style
from iceclass.training.config import TrainingConfig
from iceclass.training.train import train

DOCS = Path(__file__).parents[1] / "docs" / "bench"

CHOSEN = "soap-148-scales"

DESCRIPTORS = (
    CHOSEN,
    "soap-148",
    "soap-148-avg",
    "soap-148-wide",
    "soap-148(r_cut=5)-scales",
    "soap-148(r_cut=5)-scales(radius=7)",
    "soap-148(r_cut=7)-scales",
    "soap-148-scales(radius=6)",
    "soap-148-scales(radius=10)",
    "soap-148(sigma=0.6)-scales",
    "soap-148(n_max=4)-scales",
    "soap-148(n_max=5, l_max=5)-scales",
    "soap-148(l_max=4)-scales",
    "soap-148(n_max=8, l_max=8)-scales",
    "soap-325(r_cut=10)",
    "soap-37-scales",
    "bispectrum-30-scales",
    "mtp-10-scales",
)

CONFIG = TrainingConfig(
    classes=STUDY,
    max_rows=200,
    epochs=12,
    batch_size=2048,
    schedule="cosine",
    weight_decay=0.3,
    bias_correction=0.8,
)
REPEATS = 5
MOLECULES = 4000
COLUMNS = ("descriptor", "features", "accuracy", "balanced_accuracy", "microseconds")


def made(name: str, work: Path) -> Model:
    """The trained model of a descriptor."""
    stem = name.translate(str.maketrans("(), =", "_____"))
    store, path = work / f"{stem}.h5", work / f"{stem}.safetensors"
    if not path.exists():
        one = descriptor(name)
        environments = find_trajectories([Path("environments")], boundaries=True)
        featurize(environments, one, store, every=3)
        featurize(find_trajectories([Path("reference")]), one, store, every=20)
        save_model(train(store, CONFIG).model, path)
        store.unlink()
    return load_model(path)


def measured(model: Model) -> dict[str, float]:
    """What the model's record says of the test."""
    assert model.record is not None
    found: dict[str, float] = model.record["test"]
    return found


def costs(models: dict[str, Model]) -> dict[str, float]:
    """µs a molecule of each model's answer, the mean of ice and liquid."""
    frames = (ice(MOLECULES), liquid(MOLECULES)[0])
    calls = {
        (name, k): (partial(model.classify, frame), frame.n_molecules)
        for name, model in models.items()
        for k, frame in enumerate(frames)
    }
    with threads(1):
        timings = alternate(calls, REPEATS)
    best = {key: min(timing.cpu) for key, timing in timings.items()}
    return {name: sum(best[name, k] for k in range(len(frames))) / len(frames) for name in models}


def figure(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Errors over cost; what nothing else beats in both is joined."""
    points = sorted((float(r["microseconds"]), 1 - float(r["accuracy"]), r) for r in rows)
    with style():
        page = new_figure(1.8 * COLUMN, 3.6)
        axes = page.add_subplot()
        front: list[tuple[float, float]] = []
        for number, (cost, error, row) in enumerate(points, 1):
            if not front or error < front[-1][1]:
                front.append((cost, error))
            colour = "#D55E00" if row["descriptor"] == CHOSEN else "#0072B2"
            name = f"{number} {row['descriptor']}"
            axes.plot(cost, 100 * error, "o", color=colour, markersize=4, label=name)
            at = (cost, 100 * error)
            axes.annotate(str(number), at, (3, 3), textcoords="offset points", fontsize=6)
        axes.plot([c for c, _ in front], [100 * e for _, e in front], color=DARK, linewidth=0.6)
        axes.set(xscale="log", yscale="log", xlabel="µs a molecule, one thread")
        axes.set_ylabel("molecules of test preparations wrong / %")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("{x:g}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=6, labelcolor="linecolor")
        save(page, path)


@click.command(help=__doc__.splitlines()[0])
@click.argument("work", type=click.Path(path_type=Path))
def main(work: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    models = {}
    for name in DESCRIPTORS:
        models[name] = made(name, work)
        click.echo(f"{name}: {100 * measured(models[name])['accuracy']:.2f} %")
    spent = costs(models)
    rows = []
    for name, model in models.items():
        found = measured(model)
        right = (f"{found[key]:.5f}" for key in ("accuracy", "balanced_accuracy"))
        row = (name, model.descriptor.n_features, *right, f"{spent[name]:.2f}")
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    write_csv(DOCS / "pareto.csv", COLUMNS, (row.values() for row in rows), force=True)
    figure(rows, DOCS / "pareto.png")


if __name__ == "__main__":
    main()
