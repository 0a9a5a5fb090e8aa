"""``iceclass label``."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click
import numpy as np

from iceclass.analysis.clusters import Clusters
from iceclass.analysis.observer import Observer
from iceclass.analysis.profile import AXES, Profile
from iceclass.cli.cluster import ClusterOptions, cluster_options, connected_to
from iceclass.cli.directory import label_directory
from iceclass.cli.options import (
    PATH,
    complete_model,
    every_option,
    force_option,
    on_error_option,
    parse_frames,
    parse_regions,
    quiet_option,
    tell_of_compiling,
    types_option,
)
from iceclass.files import check_output
from iceclass.io.lammps.following import Follow
from iceclass.io.output.resumable import was_finishing
from iceclass.io.text.streams import without_compression
from iceclass.io.trajectory import DUMP_SUFFIXES, OnError, detect_format
from iceclass.labelling.label import label
from iceclass.labelling.labels import Labels
from iceclass.labelling.region import Region
from iceclass.labelling.run import Progress
from iceclass.model.file import load_model
from iceclass.phases import label_of
from iceclass.reports.clusters import largest_cluster_figure
from iceclass.reports.phases import phase_fractions_figure
from iceclass.reports.profile import profile_figure

FIGURES = {"clusters": largest_cluster_figure, "profile": profile_figure}

LINE_EVERY = 10.0
"""Seconds between lines about the progress, where there is no terminal."""


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
    "-m",
    "--model",
    default="default",
    show_default=True,
    shell_complete=complete_model,
    help="Shipped model, or a model file.",
)
@types_option
@click.option(
    "--no-unknown",
    is_flag=True,
    help="Give every molecule its most probable class, however strange it is.",
)
@click.option(
    "--frames",
    "chosen",
    metavar="START:STOP:STEP",
    callback=parse_frames,
    help="Which frames, as a slice: 100:200:5. Instead of the three options below.",
)
@click.option("--start", type=int, default=0, help="First frame, counted from 0.")
@click.option("--stop", type=int, help="Frame before which to stop.")
@every_option
@on_error_option
@click.option(
    "--follow",
    "idle",
    type=click.FloatRange(min=0),
    is_flag=False,
    flag_value=math.inf,
    metavar="[SECONDS]",
    help="Go on with a dump that is being written, until Ctrl-C or for SECONDS without more.",
)
@click.option("--backend", help="Implementation of the descriptor: numba or dscribe.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option(
    "--clusters",
    is_flag=True,
    help="Also write the largest connected cluster of every phase, NAME.clusters.csv and .png.",
)
@click.option(
    "--profile",
    "axis",
    type=click.Choice(AXES),
    help="Also write the phases along an axis or a cell vector, NAME.profile.csv and .png.",
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="AXIS:LOW:HIGH",
    callback=parse_regions,
    help="Label only molecules there, z:10:25 (Å); all are seen. Can be repeated.",
)
@click.option("--topology", type=PATH, help="What the atoms of an XTC, TRR or DCD file are.")
@cluster_options
@force_option
@quiet_option
def command(
    trajectory: Path,
    output: Path | None,
    model: str,
    types: dict[str, str] | None,
    no_unknown: bool,
    chosen: tuple[int, int | None, int] | None,
    start: int,
    stop: int | None,
    every: int,
    on_error: OnError,
    idle: float | None,
    backend: str | None,
    as_json: bool,
    clusters: bool,
    axis: str | None,
    regions: tuple[Region, ...],
    topology: Path | None,
    cluster: ClusterOptions | None,
    force: bool,
    quiet: bool,
) -> int | None:
    """Label every molecule of a trajectory with its phase.

    TRAJECTORY is a LAMMPS dump (text, compressed or not), a LAMMPS data file, extended xyz, or
    anything else ASE reads. Written beside the output: the labelled trajectory with the columns
    i_phase (class index, −1 unknown) and d_confidence, NAME.phases.csv with the fraction of
    every phase in every frame, the same as a figure NAME.phases.png, and a summary with the
    legend of the class indices, NAME.phases.json. An output that ends in .csv, .parquet or .npz
    is a table of labels instead of a trajectory. A directory stands for all trajectories in it,
    the output then for the directory to write to.

    A run that was stopped goes on where it was when the same command is given again. Frames of an
    uncompressed dump can be shared out among many machines, by --scheduler or --slurm.

    \b
    Examples:
      iceclass label traj.lammpstrj
      iceclass label traj.dump --types 1=O,2=H --model soap-325 -o out.extxyz
      iceclass label nucleation.lammpstrj --clusters --profile z
      iceclass label running.lammpstrj --follow
      iceclass label runs/ -o labelled/
      iceclass label huge.lammpstrj --slurm --jobs 20 --slurm-option memory=4GB
    """
    if cluster is not None and idle is not None:
        raise click.UsageError("--follow goes without --scheduler and --slurm")
    if chosen is not None:
        if (start, stop, every) != (0, None, 1):
            raise click.UsageError("--frames goes without --start, --stop and --every")
        start, stop, every = chosen
    if cluster is not None and topology is not None:
        raise click.UsageError("--topology goes without --scheduler and --slurm")
    if trajectory.is_dir():
        return label_directory(click.get_current_context(), trajectory, output)
    tell_of_compiling(quiet)
    target, stem = _outputs(trajectory, output)
    observers: dict[str, Observer] = {}
    if clusters or axis is not None:
        classes = load_model(model).classes
        if clusters:
            observers["clusters"] = Clusters(classes)
        if axis is not None:
            observers["profile"] = Profile(classes, axis=axis)

    def beside(suffix: str) -> Path:
        return target.with_name(f"{stem}.{suffix}")

    kinds = ["phases.csv", "phases.png", "phases.json"]
    kinds += [f"{name}.{suffix}" for name in observers for suffix in ("csv", "png")]
    files = [target, *map(beside, kinds)]
    replace = force or was_finishing(target)
    for path in files:
        check_output(path, force=replace)

    def finish(labels: Labels) -> None:
        labels.write_csv(beside("phases.csv"), force=replace)
        labels.write_summary(beside("phases.json"), force=replace)
        phase_fractions_figure(beside("phases.csv"), beside("phases.png"), force=replace)
        for name, observer in observers.items():
            table = beside(f"{name}.csv")
            observer.write(table, labels.observed[name], force=replace)
            FIGURES[name](table, beside(f"{name}.png"), force=replace)

    follow = None if idle is None else Follow(None if math.isinf(idle) else idle)
    with ExitStack() as stack:
        if cluster is None:
            run = partial(label, keep_labels=False, follow=follow, topology=topology)
        else:
            from iceclass.labelling.distributed import label_distributed

            client = stack.enter_context(connected_to(cluster, quiet))
            run = partial(label_distributed, client=client)
        progress = stack.enter_context(_progress(quiet))
        stack.enter_context(_stopping(follow))
        labels = run(
            trajectory,
            model,
            output=target,
            types=types,
            force=force,
            unknown=not no_unknown,
            start=start,
            stop=stop,
            every=every,
            on_error=on_error,
            regions=regions,
            backend=backend,
            observers=observers,
            progress=progress,
            finish=finish,
        )
    if as_json:
        click.echo(beside("phases.json").read_text(encoding="utf-8"), nl=False)
    elif not quiet:
        click.echo(_table(labels))
        click.echo("written: " + ", ".join(p.name for p in files))
    for message in labels.skipped:
        click.echo(f"skipped: {message}", err=True)
    if labels.open_frames:
        click.echo(_without_boundaries(labels), err=True)
    return None


def _outputs(trajectory: Path, output: Path | None) -> tuple[Path, str]:
    """The labelled trajectory, and the stem of the files beside it."""
    if output is not None:
        return output, without_compression(output).stem.removesuffix(".labels")
    return default_output(trajectory), without_compression(trajectory).stem


def default_output(trajectory: Path) -> Path:
    """The labelled trajectory beside a file, where no other name is given."""
    plain = without_compression(trajectory)
    compression = trajectory.name.removeprefix(plain.name)
    if detect_format(trajectory) == "lammps-dump":
        suffix = plain.suffix if plain.suffix in DUMP_SUFFIXES else ".lammpstrj"
    else:
        suffix, compression = ".extxyz", ""
    return trajectory.with_name(f"{plain.stem}.labels{suffix}{compression}")


def _table(labels: Labels) -> str:
    """The phases of the trajectory for the terminal."""
    count, size = len(labels.frames), int(labels.molecules.max())
    model = f"{labels.parameters['model']} ({labels.parameters['model_id']})"
    lines = [
        f"{labels.source}: {count} frame{'s' * (count > 1)}, {size} molecules, model {model}",
        f"{labels.parameters['sites']}",
        "",
        f"{'phase':<10}{'mean':>9}" + (f"{'±':>8}{'first':>9}{'last':>9}" if count > 1 else ""),
    ]
    mean, statistics = labels.mean_fractions, labels.statistics
    for k, name in enumerate(labels.columns):
        line = f"{label_of(name):<10}{100 * mean[name]:>7.1f} %"
        if count > 1:
            line += f"{100 * (statistics[name].standard_error or 0.0):>6.1f} %"
            line += "".join(f"{100 * s:>7.1f} %" for s in labels.fractions[[0, -1], k])
        lines.append(line)
    average = np.average(labels.mean_confidence, weights=labels.molecules)
    lines.append(f"\nmean confidence {average:.3f}")
    return "\n".join(lines)


def _without_boundaries(labels: Labels) -> str:
    """A warning, since the file may only have lost its cell."""
    count = len(labels.frames)
    return (
        f"note: no periodic boundary in {labels.open_frames} of {count} frame{'s' * (count > 1)}: "
        "labelled as droplets in vacuum. If the file lacks its cell, convert it to one that tells "
        'it, as Lattice="..." of extended xyz does'
    )


@contextmanager
def _stopping(follow: Follow | None) -> Iterator[None]:
    """Ctrl-C and a termination end what follows a file in good order; a second Ctrl-C, at once."""
    if follow is None:
        yield
        return

    def stop(number: int, frame: object) -> None:
        if follow.stop.is_set():
            raise KeyboardInterrupt
        follow.stop.set()

    before = {kind: signal.signal(kind, stop) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress | None]:
    """A bar on a terminal, a line now and then in a log."""
    if quiet:
        yield None
        return
    began = time.perf_counter()
    if not sys.stderr.isatty():
        told = began

        def tell(frames: int, molecules: int, position: tuple[int, int]) -> None:
            nonlocal told
            now = time.perf_counter()
            if now - told < LINE_EVERY:
                return
            told = now
            read, total = position
            line = f"{frames:,} frames, {molecules / (now - began):,.0f} molecules/s"
            if total > 0 < read:
                left = (now - began) * (total - read) / read
                line += f", {100 * read / total:.0f} % read, {left / 60:.1f} min left"
            click.echo(line, err=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn(
            "{task.percentage:.0f} %  {task.fields[frames]:,} frames  "
            "{task.fields[rate]:,.0f} molecules/s"
        ),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("label", total=None, rate=0.0, frames=0)

        def update(frames: int, molecules: int, position: tuple[int, int]) -> None:
            read, total = position
            rate = molecules / (time.perf_counter() - began)
            bar.update(task, completed=read, total=total or None, rate=rate, frames=frames)

        yield update
