"""``iceclass measure``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from iceclass.analysis.observer import AXES
from iceclass.cli.options import PATH, force_option, quiet_option, read_options
from iceclass.io.options import ReadOptions
from iceclass.io.text.streams import without_compression

MEASURES = ("interfaces", "nuclei", "surfaces", "stacking")
DEFINITIONS = ("ice", "crystal", "chill+", "q6bar")


def _names(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """``a,b`` → ``("a", "b")``."""
    return None if value is None else tuple(n.strip() for n in value.split(",") if n.strip())


@click.command(short_help="Measure interfaces, nuclei, surface layers and stacking.")
@click.argument("labelled", type=PATH)
@click.option("-o", "--output", type=PATH, help="Stem of the files.  [default: that of LABELLED]")
@click.option(
    "--what",
    callback=_names,
    metavar="NAME,…",
    help=f"{', '.join(MEASURES)}.  [default: all that there are]",
)
@click.option(
    "--axis",
    type=click.Choice(AXES),
    default="z",
    show_default=True,
    help="Across interfaces and surfaces.",
)
@click.option(
    "--ordered",
    callback=_names,
    metavar="PHASE,…",
    help="The ordered phase of interfaces and surfaces.  [default: all crystals]",
)
@click.option(
    "--nucleus",
    "definitions",
    callback=_names,
    default="ice,crystal",
    show_default=True,
    metavar="NAME,…",
    help=f"What nuclei are made of: {', '.join(DEFINITIONS)}; ice is Ih and Ic.",
)
@click.option("--cutoff", type=float, help="Å, within which molecules of a nucleus are connected.")
@click.option("--timestep", type=float, help="fs of a step, if the file does not tell the time.")
@read_options("start", "stop", "every", "on_error")
@click.option("--json", "as_json", is_flag=True, help="Print the summaries as JSON.")
@force_option
@quiet_option
def command(
    labelled: Path,
    output: Path | None,
    what: tuple[str, ...] | None,
    axis: str,
    ordered: tuple[str, ...] | None,
    definitions: tuple[str, ...],
    cutoff: float | None,
    timestep: float | None,
    reading: ReadOptions,
    as_json: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Measure interfaces, nuclei, surface layers and stacking.

    LABELLED is a trajectory that iceclass label wrote. Of each measure a table with a row a frame,
    a summary and a figure are written: NAME.MEASURE.csv, .json and .png. Interfaces: positions,
    10–90 % widths, and the velocity of growth or melting with its block error. Nuclei: size, radius
    of gyration, shape, cubicity and stacking sequence of the largest cluster. Surfaces: thickness
    of the quasi-liquid layer of a slab. Stacking: cubicity of ice I and its faults.

    \b
    Examples:
      iceclass measure growth.labels.lammpstrj
      iceclass measure nucleus.labels.extxyz --what nuclei --nucleus ice,chill+
    """
    from iceclass.analysis.measure import MeasureOptions, measure
    from iceclass.analysis.nuclei import R_CUT
    from iceclass.errors import InputError
    from iceclass.files import check_output
    from iceclass.labelling.reading import LabelledTrajectory
    from iceclass.reports.measures import in_words, outputs_of, write_measured

    options = MeasureOptions(
        axis=axis,
        ordered=ordered,
        definitions=definitions,
        r_cut=R_CUT if cutoff is None else cutoff,
        timestep=timestep,
    )
    if output is None:
        plain = without_compression(labelled)
        output = labelled.with_name(plain.stem.removesuffix(".labels"))
    for name in what or MEASURES:
        for path in outputs_of(output, name):
            check_output(path, force=force)
    trajectory = LabelledTrajectory(labelled, reading=reading)
    frames = ((f.number, f.frame, f.labels) for f in (k.selected() for k in trajectory))
    found = measure(frames, trajectory.classes, what or MEASURES, options)
    if not found:
        raise InputError(f"has nothing to measure of {', '.join(what or MEASURES)}", path=labelled)
    written = [
        path.name for own in found.values() for path in write_measured(own, output, force=force)
    ]
    for message in trajectory.skipped:
        click.echo(f"skipped: {message}", err=True)
    if as_json:
        told = {name: own.summary for name, own in found.items()}
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
    elif not quiet:
        for line in in_words(found):
            click.echo(line)
        for name in what or ():
            if name not in found:
                click.echo(f"{name}: nothing to measure")
        click.echo("written: " + ", ".join(written))
