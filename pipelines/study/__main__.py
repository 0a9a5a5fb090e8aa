"""The steps of a comparison of descriptors, as the rules of ../Snakefile call them.

Each reads and writes the files it is given, and nothing else; ../README.md tells how to run all of
them.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is imported: one process for each core

import json  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402

from iceclass.cli.main import main as run  # noqa: E402
from iceclass.datasets.store import FeatureStore  # noqa: E402
from iceclass.descriptors import descriptor  # noqa: E402
from pipelines.study.jobs import Plan, Training  # noqa: E402
from pipelines.study.rows import read_rows, steinhardt_rows, write_rows  # noqa: E402
from pipelines.study.settings import Settings, Study, amorphous, write_result  # noqa: E402

PUBLISHED = Path(__file__).with_name("published.json")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PATH = click.Path(path_type=Path)


class JsonObject(click.ParamType):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value


output_option = click.option("-o", "--output", type=PATH, required=True)
data_option = click.option("--data", type=FILE, multiple=True, required=True)
settings_option = click.option("--settings", type=JsonObject(), default="{}")
directory_argument = click.argument("directory", type=PATH)


@click.group(help=__doc__)
def main() -> None:
    """The steps are below."""


@main.command("rows")
@click.argument("store", type=FILE)
@click.option("--test-rows", type=int, help="Of each trajectory.  [default: all]")
@click.option("--steinhardt", type=FILE, multiple=True, help="Files of classical features.")
@output_option
def rows_command(
    store: Path, test_rows: int | None, steinhardt: tuple[Path, ...], output: Path
) -> None:
    """The rows of a feature store that are looked at, or Steinhardt features of the same."""
    table = FeatureStore.open(store).load(max_rows=test_rows)
    write_rows(output, steinhardt_rows(table, steinhardt) if steinhardt else table)


@main.command("classical")
@click.argument("phase")
@data_option
@click.option("--deviation", "deviations", type=float, multiple=True, required=True)
@output_option
def classical_command(
    phase: str, data: tuple[Path, ...], deviations: tuple[float, ...], output: Path
) -> None:
    """CHILL+, template matching and Steinhardt features of the trajectories of a phase."""
    from pipelines.study.classical import classify

    output.parent.mkdir(parents=True, exist_ok=True)
    found = classify(data, phase, deviations, output.with_suffix(".npz"))
    write_result(output, found)


@main.command("train")
@directory_argument
@click.option("--job", type=JsonObject(), required=True, help="Fields of a training.")
@click.option("--store", type=FILE, help="Where the training is of all that it holds.")
@settings_option
@output_option
def train_command(
    directory: Path, job: dict[str, Any], store: Path | None, settings: Any, output: Path
) -> None:
    """One training, its test, and what explains it."""
    from pipelines.study.training import train_and_test

    training, study = Training(**job), Study(directory, Settings.of(settings))
    if store is None:
        table = read_rows(study.rows_path(training.features))
    else:
        table = FeatureStore.open(store).load()
    classes = amorphous(table.classes) if training.amorphous else table.classes
    write_result(output, train_and_test(study, training, table, classes))


@main.command("separate")
@directory_argument
@click.argument("features")
@click.argument("fold", type=int)
@settings_option
@output_option
def separate_command(
    directory: Path, features: str, fold: int, settings: Any, output: Path
) -> None:
    """What each feature can do alone, in one fold."""
    from pipelines.study.single_feature import separation

    study = Study(directory, Settings.of(settings))
    table = read_rows(study.rows_path(features))
    write_result(output, separation(table, features, fold, study.settings.train_rows))


@main.command("time")
@data_option
@click.option("--descriptors", type=JsonObject(), required=True, help="Name: descriptor.")
@click.option("--repeats", type=int, required=True)
@output_option
def time_command(
    data: tuple[Path, ...], descriptors: dict[str, str], repeats: int, output: Path
) -> None:
    """Processor time of the descriptors, CHILL+ and template matching."""
    from pipelines.study.classical import time_all

    known = {name: descriptor(text) for name, text in descriptors.items()}
    write_result(output, time_all(data, known, repeats))


@main.command("report")
@directory_argument
@click.option("--plan", type=JsonObject(), required=True, help="Fields of a plan.")
@click.option("--resamples", type=int, required=True, help="Of the bootstrap.")
@settings_option
@output_option
def report_command(
    directory: Path, plan: dict[str, Any], resamples: int, settings: Any, output: Path
) -> None:
    """Numbers, figures and the page."""
    from pipelines.study.report import write_report
    from pipelines.study.results import Results

    study = Study(directory, Settings.of(settings))
    chosen = Plan(**{**plan, "stores": tuple(plan["stores"])})
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    write_report(Results(study, chosen, resamples), published, output)


if __name__ == "__main__":
    run(group=main, name="python -m pipelines.study")
