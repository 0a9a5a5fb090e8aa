"""``iceclass view``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import PATH, complete_model, force_option, quiet_option, read_options
from iceclass.errors import InputError
from iceclass.io.options import ReadOptions
from iceclass.io.text.streams import without_compression


@click.command(short_help="Show a labelled trajectory as one HTML page.")
@click.argument("labelled", type=PATH)
@click.option("-o", "--output", type=PATH, help="The page.  [default: LABELLED with .html]")
@click.option(
    "-m",
    "--model",
    shell_complete=complete_model,
    help="The model that labelled it.  [default: what the file and the summary beside it say]",
)
@click.option("--explain", is_flag=True, help="Also tell the features that decided each label.")
@click.option("--no-details", is_flag=True, help="Labels only: do not ask the model again.")
@click.option("--title", help="Of the page.  [default: the file's name]")
@read_options("start", "stop", "every", "on_error")
@click.option(
    "--max-size",
    type=click.FloatRange(min=1),
    default=48,
    show_default=True,
    help="MB; frames are left out, evenly, until the page is no larger.",
)
@force_option
@quiet_option
def command(
    labelled: Path,
    output: Path | None,
    model: str | None,
    explain: bool,
    no_details: bool,
    title: str | None,
    reading: ReadOptions,
    max_size: float,
    force: bool,
    quiet: bool,
) -> None:
    """Show a labelled trajectory as one HTML page.

    LABELLED is a trajectory that iceclass label wrote. The page opens offline and shows its
    molecules in three dimensions, coloured by phase, confidence, novelty, cluster or any further
    column, with phases to hide and slice planes; a slider through the frames in step with the phase
    fractions and the profile; for a molecule that is clicked its probabilities, neighbours and,
    with --explain, the features that decided; and a map of the network's last hidden layer.

    \b
    Examples:
      iceclass view traj.labels.lammpstrj
      iceclass view traj.labels.extxyz --explain -o page.html
    """
    from iceclass.reports.page import page_of

    if no_details and (explain or model is not None):
        raise click.UsageError("--no-details goes without --model and --explain")
    if output is None:
        output = without_compression(labelled).with_suffix(".html")
    if output == labelled:
        raise InputError("the page would replace the trajectory", path=output, hint="use -o")
    summary = page_of(
        labelled,
        output,
        model="" if no_details else model,
        explain=explain,
        title=title,
        reading=reading,
        max_bytes=int(1e6 * max_size),
        force=force,
    )
    if not quiet:
        click.echo(str(summary))
