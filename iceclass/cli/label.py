"""``iceclass label``."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click

from iceclass.analysis.observer import AXES, Observer
from iceclass.cli.cluster import ClusterOptions, cluster_options, connected_to
from iceclass.cli.directory import label_directory
from iceclass.cli.options import (
    PATH,
    complete_model,
    force_option,
    label_options,
    parse_frames,
    quiet_option,
    read_options,
)
from iceclass.cli.outputs import FAMILIES, LabelFiles
from iceclass.cli.progress import progress, stopping
from iceclass.cli.start import load_compiled
from iceclass.errors import OutputError
from iceclass.io.lammps.following import Follow
from iceclass.io.options import ReadOptions
from iceclass.io.series import find_paths
from iceclass.kernels.threads import thread_count
from iceclass.labelling.label import label
from iceclass.labelling.labels import Labels
from iceclass.labelling.options import LabelOptions, OutputOptions
from iceclass.labelling.output import output_format
from iceclass.labelling.totals import Totals
from iceclass.model.file import load_model, resolve_model
from iceclass.model.network import Model
from iceclass.phases import label_of
from iceclass.reports.drawing import Artist
from iceclass.tables import terminal_table


@click.command(short_help="Label every molecule of a trajectory with its phase.")
@click.argument("trajectories", metavar="TRAJECTORY...", type=PATH, nargs=-1, required=True)
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
@click.option(
    "--frames",
    metavar="START:STOP:STEP",
    callback=parse_frames,
    help="Which frames, as a slice: 100:200:5. Instead of the three options below.",
)
@read_options(
    "types", "cell", "force_cell", "units", "start", "stop", "every", "on_error", "topology"
)
@label_options
@click.option(
    "--follow",
    "idle",
    type=click.FloatRange(min=0),
    is_flag=False,
    flag_value=math.inf,
    metavar="[SECONDS]",
    help="Go on with a dump that is being written, until Ctrl-C or for SECONDS without more.",
)
@click.option(
    "--by",
    type=click.Choice(["phase", "family"]),
    default="phase",
    show_default=True,
    help="Count phases, or families of phases by the sums of their probabilities: ice, hydrate, "
    "amorphous, liquid.",
)
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
    "--page",
    is_flag=True,
    help="Also write a page to look at, NAME.html, as iceclass view does.",
)
@click.option(
    "--figures/--no-figures",
    default=True,
    show_default=True,
    help="Whether to draw the tables, a third of the time that a single small frame takes.",
)
@cluster_options
@force_option
@quiet_option
def command(
    trajectories: tuple[Path, ...],
    output: Path | None,
    model: str,
    frames: tuple[int, int | None, int] | None,
    reading: ReadOptions,
    labelling: LabelOptions,
    idle: float | None,
    by: str,
    as_json: bool,
    clusters: bool,
    axis: str | None,
    page: bool,
    figures: bool,
    cluster: ClusterOptions | None,
    force: bool,
    quiet: bool,
) -> int | None:
    """Label every molecule of a trajectory with its phase.

    TRAJECTORY is a LAMMPS dump (text, binary or yaml, compressed or not), a LAMMPS data file, gro,
    pdb, extended xyz, XTC, TRR, DCD, NetCDF …, or anything else ASE reads. Several files, or a
    pattern in quotes, are one trajectory in pieces, in the order of their timesteps. A directory
    stands for all trajectories in it, one by one, the output then for the directory to write to.

    Written beside the output: the labelled trajectory with the columns i_phase (class index, −1
    unknown) and d_confidence, NAME.phases.csv with the fraction of every phase in every frame, the
    same as a figure NAME.phases.png, and a summary with the legend of the class indices,
    NAME.phases.json. An output that ends in .csv, .parquet or .npz is a table of labels instead of
    a trajectory.

    A run that was stopped goes on where it was when the same command is given again. Frames of an
    uncompressed dump can be shared out among many machines, by --scheduler or --slurm.

    \b
    Examples:
      iceclass label traj.lammpstrj
      iceclass label traj.dump --types 1=O,2=H --model soap-325 -o out.extxyz
      iceclass label plain.xyz --cell 23.5,22.1,27.1
      iceclass label slab.gro --select "resname SOL and z < 40"
      iceclass label nucleation.lammpstrj --clusters --profile z
      iceclass label hydrate.xtc --topology hydrate.gro --model every-ice --by family
      iceclass label running.lammpstrj --follow
      iceclass label "ice.*.lammpstrj"
      iceclass label run.lammpstrj run-2.lammpstrj
      iceclass label runs/ -o labelled/
      iceclass label huge.lammpstrj --slurm --jobs 20 --slurm-option memory=4GB
    """
    if cluster is not None and (idle is not None or reading.topology is not None):
        other = "--topology" if idle is None else "--follow"
        raise click.UsageError(f"{other} goes without --scheduler and --slurm")
    if frames is not None:
        if reading.frames != ReadOptions().frames:
            raise click.UsageError("--frames goes without --start, --stop and --every")
        start, stop, every = frames
        reading = replace(reading, start=start, stop=stop, every=every)
    first = trajectories[0]
    if len(trajectories) > 1 and any(path.is_dir() for path in trajectories):
        raise click.UsageError("a directory is labelled by itself, not with other trajectories")
    paths = trajectories if first.is_dir() else find_paths(trajectories)
    files = None if first.is_dir() else LabelFiles.of(paths[0], output, *paths[1:])
    network = load_model(model)
    observers: dict[str, Observer] = {}
    if by == "family":
        from iceclass.analysis.families import Families

        observers[FAMILIES] = Families(network.classes)
    if clusters:
        from iceclass.analysis.clusters import Clusters

        observers["clusters"] = Clusters(network.classes)
    if axis is not None:
        from iceclass.analysis.profile import Profile

        observers["profile"] = Profile(network.classes, axis=axis)
    if labelling.compare:
        from iceclass.analysis.comparison import Comparison, Disagreement, decide

        observers["comparison"] = Comparison(network.classes, methods=labelling.compare)
        if decide(labelling.compare):
            observers["disagreement"] = Disagreement(network.classes, methods=labelling.compare)
    with Artist(beside=thread_count() > 1) if figures else nullcontext() as artist:
        task = _Task(
            model=network,
            model_path=resolve_model(model),
            reading=reading,
            labelling=replace(labelling, observers=observers),
            follow=None if idle is None else Follow(None if math.isinf(idle) else idle),
            cluster=cluster,
            force=force,
            quiet=quiet,
            as_json=as_json,
            page=page,
            artist=artist,
        )
        if files is None:
            return label_directory(task.run, first, output, force=force)
        task.run(paths, files)
    return None


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be done with each trajectory."""

    model: Model
    model_path: Path
    reading: ReadOptions
    labelling: LabelOptions
    follow: Follow | None
    cluster: ClusterOptions | None
    force: bool
    quiet: bool
    as_json: bool
    page: bool
    artist: Artist | None

    def run(self, trajectory: Path | tuple[Path, ...], files: LabelFiles) -> None:
        """Label a trajectory, write its files and tell what it holds."""
        if self.page and output_format(files.labelled) == "table":
            raise OutputError(
                "a page is made of a labelled trajectory",
                path=files.labelled,
                hint="write a dump or .extxyz",
            )
        observers = self.labelling.observers
        files = replace(files, page=self.page, artist=self.artist)
        replacing = files.check(observers, force=self.force)
        writing = OutputOptions(
            force=self.force,
            keep_labels=False,
            finish=partial(files.write, observers=observers, force=replacing),
        )
        if self.cluster is None and self.follow is None:
            self._compile(trajectory, files.labelled)
        load_compiled()
        with ExitStack() as stack:
            if self.cluster is None:
                labelled = partial(label, follow=self.follow)
            else:
                from iceclass.labelling.distributed import label_distributed

                client = stack.enter_context(connected_to(self.cluster, self.quiet))
                labelled = partial(label_distributed, client=client)
            report = stack.enter_context(progress(self.quiet))
            stack.enter_context(stopping(self.follow))
            labels = labelled(
                trajectory,
                self.model,
                files.labelled,
                reading=self.reading,
                labelling=self.labelling,
                writing=writing,
                progress=report,
            )
        if self.page:
            from iceclass.labelling.reading import LabelledTrajectory
            from iceclass.reports.page import trajectory_page

            labelled_again = LabelledTrajectory(files.labelled, self.model.classes)
            trajectory_page(labelled_again, files.beside("html"), model=self.model, force=replacing)
        self._report(labels, files)

    def _compile(self, trajectory: Path | tuple[Path, ...], output: Path) -> None:
        """Compile everything at once where this is the first run on a machine, and say so."""
        from iceclass.labelling.compiling import compile_all, is_compiled

        if not is_compiled():
            began = time.perf_counter()

            def tell(what: str) -> None:
                if not self.quiet:
                    seconds = f"{time.perf_counter() - began:.0f} s"
                    click.echo(f"compiling for this processor, once: {what} ({seconds})", err=True)

            compile_all(trajectory, output, self.model_path, self.reading, tell)

    def _report(self, labels: Labels, files: LabelFiles) -> None:
        if self.as_json:
            click.echo(files.beside("phases.json").read_text(encoding="utf-8"), nl=False)
        elif not self.quiet:
            click.echo(_overview(labels, self.labelling.observers.get(FAMILIES)))
            if "comparison" in self.labelling.observers:
                from iceclass.reports.comparison import agreement_text

                comparison = self.labelling.observers["comparison"]
                click.echo("\n" + agreement_text(comparison, labels.observed["comparison"]) + "\n")
            paths = files.all(self.labelling.observers)
            click.echo("written: " + ", ".join(path.name for path in paths))
        if "warning" in labels.parameters:
            click.echo(f"warning: {labels.parameters['warning']}", err=True)
        for message in labels.skipped:
            click.echo(f"skipped: {message}", err=True)
        if labels.open_frames:
            click.echo(_without_boundaries(labels), err=True)


def _overview(labels: Labels, families: Observer | None) -> str:
    """The phases of the trajectory, or their families, for the terminal."""
    totals, parameters, names = labels.totals, labels.parameters, labels.columns
    if families is not None:
        from iceclass.analysis.families import Families

        assert isinstance(families, Families)
        names, totals = families.columns, Totals(len(families.columns))
        for record in labels.records:
            totals.add({**record, "counts": record["observed"][FAMILIES]["counts"]})
    model = f"{parameters['model']} ({parameters['model_id']})"
    mean = [percent(fraction) for fraction in totals.mean_fractions]
    columns = {"phase": [label_of(name) for name in names], "mean": mean}
    if totals.frames > 1 and totals.first is not None and totals.last is not None:
        columns["±"] = [percent(average.standard_error or 0.0) for average in totals.statistics]
        for name, record in (("first", totals.first), ("last", totals.last)):
            molecules = max(record["molecules"], 1)
            columns[name] = [percent(count / molecules) for count in record["counts"]]
    table = terminal_table(tuple(columns), zip(*columns.values(), strict=True))
    return (
        f"{labels.source}: {_frames(totals.frames)}, {totals.largest} molecules, model {model}\n"
        f"{parameters['sites']}\n\n{table}\n\nmean confidence {totals.mean_confidence:.3f}"
    )


def percent(fraction: float) -> str:
    """``0.331`` → ``33.1 %``."""
    return f"{100 * fraction:.1f} %"


def _frames(count: int) -> str:
    return f"{count} frame{'s' * (count > 1)}"


def _without_boundaries(labels: Labels) -> str:
    """A warning, since the file may only have lost its cell."""
    return (
        f"note: no periodic boundary in {labels.open_frames} of {_frames(labels.totals.frames)}: "
        "labelled as droplets in vacuum. If the file lacks its cell, tell it: --cell a,b,c in Å"
    )
