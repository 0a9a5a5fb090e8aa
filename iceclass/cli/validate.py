"""``iceclass validate``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import PATH, complete_model, quiet_option, say
from iceclass.model.file import load_model
from iceclass.reports.validation_page import write_report
from iceclass.validation.inputs import Inputs
from iceclass.validation.limits import judge, read_limits
from iceclass.validation.run import PARTS, validate


@click.command(short_help="Test a model where people look: interfaces, other ices, perturbations.")
@click.argument("model", shell_complete=complete_model)
@click.option("-o", "--output", type=PATH, required=True, help="Directory for page and tables.")
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Default: all."
)
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How many of each trajectory.",
)
@click.option(
    "--data",
    "directory",
    type=PATH,
    help="Directory of the validation's data sets.  [default: pipelines/data of a checkout]",
)
@click.option(
    "--reference",
    "sources",
    multiple=True,
    type=PATH,
    help="Compact data set with trajectories of the classes.  [default: the shipped one]",
)
@click.option("--limits", "limits_file", type=PATH, help="TOML file of limits to keep.")
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    model: str,
    output: Path,
    parts: tuple[str, ...],
    frames: int,
    directory: Path | None,
    sources: tuple[Path, ...],
    limits_file: Path | None,
    quiet: bool,
) -> None:
    """Test a model where people look: interfaces, other ices, perturbations.

    Stacking-disordered ice of known labels; ices and structures that are none of the classes;
    every lattice GenIce2 knows; held-out trajectories and other water models under changes of
    density and motion; ice beside water; and, by the data set of environments, liquids by
    temperature and water model, crystals by pressure, glasses, nuclei, coexisting phases, and
    free surfaces by depth. Writes validation.md to read, validation.json, a CSV and
    a figure of each part; every row says whether its kind trained the model. With --limits the
    exit status is 1 where a limit is not kept. Needs the extras generate, ovito and train.

    \b
    Examples:
      iceclass validate default -o validation/
      iceclass validate mine.safetensors -o validation/ --part interfaces --part novelty
    """
    limits = () if limits_file is None else read_limits(limits_file)
    inputs = Inputs(load_model(model), frames, directory, sources or (None,))
    found = validate(inputs, parts or tuple(PARTS), report=say(quiet))
    verdicts = judge(limits, found)
    click.echo(write_report(found, verdicts, output))
    if not all(verdict.kept for verdict in verdicts):
        context.exit(1)
