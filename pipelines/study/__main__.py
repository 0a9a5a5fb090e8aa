"""Compare descriptors as the study did, and by unseen preparations; answer the study's claims.

    python -m pipelines.study STUDY --features acsf.h5 --features soap-325.h5 -o OUTPUT

Every training leaves a small file under STUDY/results; after a kill, give the same command again.
Changed settings or data make new files, and leave those that do not depend on them.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is imported: one process for each core

import json  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402

from iceclass.datasets.reference import SHIPPED  # noqa: E402
from iceclass.descriptors.soap.descriptor import Soap  # noqa: E402
from iceclass.errors import IceclassError  # noqa: E402
from iceclass.evaluation.bootstrap import RESAMPLES  # noqa: E402
from iceclass.training.config import SCHEDULES  # noqa: E402
from pipelines.study.jobs import Plan  # noqa: E402
from pipelines.study.settings import Settings, Study  # noqa: E402

DEFAULTS = Settings()
PUBLISHED = Path(__file__).with_name("published.json")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
POSITIVE = click.IntRange(min=1)


def kept_components(study: Study, claims: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """How many components are kept of the claim's feature set, or else of the longest SOAP."""
    claim, descriptors = claims["few_components"], study.descriptors
    soaps = [name for name, d in descriptors.items() if isinstance(d, Soap)]
    if claim["features"] in descriptors:
        name = claim["features"]
    elif soaps:
        name = max(soaps, key=lambda key: descriptors[key].n_features)
    else:
        return {}
    return {name: tuple(k for k in claim["kept"] if k < descriptors[name].n_features)}


class Decay(click.ParamType):
    """``NAME=VALUE``, a pair."""

    name = "name=value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        name, _, number = value.rpartition("=")
        try:
            return name, float(number)
        except ValueError:
            self.fail(f"{value!r}: expected NAME=VALUE, as in soap-325=0.4", param, ctx)


@click.command(help=__doc__)
@click.argument("directory", metavar="STUDY", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--features",
    "stores",
    type=FILE,
    multiple=True,
    required=True,
    help="Feature store; one for each descriptor, all of the same trajectories.",
)
@click.option(
    "--data",
    type=FILE,
    multiple=True,
    help="Compact data set the stores were made from.  [default: the one of iceclass]",
)
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--jobs", type=POSITIVE, default=1, show_default=True, help="Trainings at a time.")
@click.option("--seeds", type=POSITIVE, default=5, show_default=True)
@click.option(
    "--all-molecules/--some-molecules",
    "whole",
    default=True,
    help="Make the random split of all molecules, too.",
)
@click.option("--train-rows", type=POSITIVE, default=DEFAULTS.train_rows, show_default=True)
@click.option("--test-rows", type=POSITIVE, help="Of each trajectory.  [default: all]")
@click.option("--epochs", type=POSITIVE, default=DEFAULTS.epochs, show_default=True)
@click.option("--patience", type=POSITIVE, default=DEFAULTS.patience, show_default=True)
@click.option("--batch-size", type=POSITIVE, default=DEFAULTS.batch_size, show_default=True)
@click.option("--learning-rate", type=float, default=DEFAULTS.learning_rate, show_default=True)
@click.option(
    "--schedule", type=click.Choice(SCHEDULES), default=DEFAULTS.schedule, show_default=True
)
@click.option(
    "--weight-decay",
    type=Decay(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Of the networks on the feature set of that name.  [default: 0]",
)
@click.option("--explained", type=POSITIVE, default=DEFAULTS.explained, show_default=True)
@click.option(
    "--boosting-rounds", type=POSITIVE, default=DEFAULTS.boosting_rounds, show_default=True
)
@click.option(
    "--timed", type=POSITIVE, default=DEFAULTS.timed, show_default=True, help="Repeats of timing."
)
@click.option("--resamples", type=POSITIVE, default=RESAMPLES, show_default=True)
def main(
    directory: Path,
    stores: tuple[Path, ...],
    data: tuple[Path, ...],
    output: Path,
    jobs: int,
    seeds: int,
    whole: bool,
    resamples: int,
    weight_decay: tuple[tuple[str, float], ...],
    **settings: Any,
) -> None:
    from pipelines.study.gathering import Results
    from pipelines.study.report import write_report
    from pipelines.study.running import run_waves

    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    try:
        chosen = Settings(**settings, weight_decay=dict(weight_decay))
        study = Study.of(directory, stores, data or (SHIPPED,), chosen)
        plan = Plan(seeds, kept_components(study, published["claims"]), whole)
        count = run_waves(study, plan.waves(study), jobs, lambda text: click.echo(text, err=True))
        write_report(Results(study, plan, resamples), published, output)
    except IceclassError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{output}: {count} jobs done now")


if __name__ == "__main__":
    main()
