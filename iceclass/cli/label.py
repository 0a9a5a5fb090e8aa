"""``iceclass label``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np

from iceclass.cli.options import (
    PATH,
    every_option,
    force_option,
    on_error_option,
    quiet_option,
    types_option,
)
from iceclass.files import check_output
from iceclass.io.streams import without_compression
from iceclass.io.trajectory import DUMP_SUFFIXES, OnError, Trajectory, detect_format
from iceclass.labelling import Labels, label
from iceclass.phases import label_of
from iceclass.reports.phases import phase_fractions_figure


@click.command(short_help="Label every molecule of a trajectory with its phase.")
@click.argument("trajectory", type=PATH)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="Labelled trajectory: .lammpstrj, .dump, .extxyz; "
    "also .gz, .zst ….  [default: TRAJECTORY with .labels before its suffix]",
)
@click.option(
    "-m", "--model", default="default", show_default=True, help="Shipped model, or a model file."
)
@types_option
@click.option(
    "--no-unknown",
    is_flag=True,
    help="Give every molecule its most probable class, however strange it is.",
)
@click.option("--start", type=int, default=0, help="First frame, counted from 0.")
@click.option("--stop", type=int, help="Frame before which to stop.")
@every_option
@on_error_option
@click.option("--backend", help="Implementation of the descriptor: numba or dscribe.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@force_option
@quiet_option
def command(
    trajectory: Path,
    output: Path | None,
    model: str,
    types: dict[str, str] | None,
    no_unknown: bool,
    start: int,
    stop: int | None,
    every: int,
    on_error: OnError,
    backend: str | None,
    as_json: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Label every molecule of a trajectory with its phase.

    TRAJECTORY is a LAMMPS dump (text, compressed or not), a LAMMPS data file, extended xyz, or
    anything else ASE reads. Written beside the output: the labelled trajectory with the columns
    i_phase (class index, −1 unknown) and d_confidence, NAME.phases.csv with the fraction of
    every phase in every frame, the same as a figure NAME.phases.png, and a summary with the
    legend of the class indices, NAME.phases.json.

    \b
    Examples:
      iceclass label traj.lammpstrj
      iceclass label traj.dump --types 1=O,2=H --model soap-325 -o out.extxyz
    """
    target, stem = _outputs(trajectory, output)
    table, figure, summary = (
        target.with_name(f"{stem}.phases.{s}") for s in ("csv", "png", "json")
    )
    for path in (target, table, figure, summary):
        check_output(path, force=force)
    with _progress(quiet) as progress:
        labels = label(
            trajectory,
            model,
            types=types,
            output=target,
            force=force,
            unknown=not no_unknown,
            keep_labels=False,
            start=start,
            stop=stop,
            every=every,
            on_error=on_error,
            backend=backend,
            progress=progress,
        )
    labels.write_csv(table, force=force)
    labels.write_summary(summary, force=force)
    phase_fractions_figure(table, figure, force=force)
    if as_json:
        click.echo(summary.read_text(encoding="utf-8"), nl=False)
    elif not quiet:
        click.echo(_table(labels))
        click.echo("written: " + ", ".join(p.name for p in (target, table, figure, summary)))
    for message in labels.skipped:
        click.echo(f"skipped: {message}", err=True)


def _outputs(trajectory: Path, output: Path | None) -> tuple[Path, str]:
    """The labelled trajectory, and the stem of the files beside it."""
    if output is not None:
        return output, without_compression(output).stem.removesuffix(".labels")
    plain = without_compression(trajectory)
    compression = trajectory.name.removeprefix(plain.name)
    if detect_format(trajectory) == "lammps-dump":
        suffix = plain.suffix if plain.suffix in DUMP_SUFFIXES else ".lammpstrj"
    else:
        suffix, compression = ".extxyz", ""
    return trajectory.with_name(f"{plain.stem}.labels{suffix}{compression}"), plain.stem


def _table(labels: Labels) -> str:
    """The phases of the trajectory for the terminal."""
    count, size = len(labels.frames), int(labels.molecules.max())
    model = f"{labels.parameters['model']} ({labels.parameters['model_id']})"
    lines = [
        f"{labels.source}: {count} frame{'s' * (count > 1)}, {size} molecules, model {model}",
        f"{labels.parameters['sites']}",
        "",
        f"{'phase':<10}{'mean':>9}" + (f"{'first':>9}{'last':>9}" if count > 1 else ""),
    ]
    mean = labels.mean_fractions
    for k, name in enumerate(labels.columns):
        shares = [mean[name]] + ([*labels.fractions[[0, -1], k]] if count > 1 else [])
        lines.append(f"{label_of(name):<10}" + "".join(f"{100 * s:>7.1f} %" for s in shares))
    average = np.average(labels.mean_confidence, weights=labels.molecules)
    lines.append(f"\nmean confidence {average:.3f}")
    return "\n".join(lines)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, Trajectory | None], None] | None]:
    """A bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:.0f} %  {task.fields[rate]:,.0f} molecules/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("label", total=None, rate=0.0)
        began = time.perf_counter()

        def update(molecules: int, trajectory: Trajectory | None) -> None:
            read, total = trajectory.position if trajectory is not None else (0, 0)
            rate = molecules / (time.perf_counter() - began)
            bar.update(task, completed=read, total=total or None, rate=rate)

        yield update
