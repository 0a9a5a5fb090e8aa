"""``iceclass check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from iceclass.acceptance.check import write_checks
from iceclass.acceptance.criteria import Thresholds
from iceclass.acceptance.runs import check_runs
from iceclass.cli.options import PATH


def parse_thresholds(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Thresholds:
    """A JSON object of names and numbers → thresholds; those not named are the default."""
    try:
        content: Any = json.loads(value) if value else {}
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise click.BadParameter("expected a JSON object, as in '{\"minimum_frames\": 5}'")
    return Thresholds.from_mapping(content)


@click.command(short_help="Accept or reject simulated trajectories by physics.")
@click.argument("runs", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="JSON file of what was measured.")
@click.option("--figure", type=PATH, help="Page of figures to draw, one row a phase.")
@click.option("--accepted", type=PATH, help="Directory to fill with links to what is accepted.")
@click.option(
    "--replaced", multiple=True, help="Name of a preparation that another one stands in for."
)
@click.option(
    "--thresholds",
    metavar="JSON",
    callback=parse_thresholds,
    help="Object of thresholds that differ from the default.",
)
def command(
    runs: tuple[Path, ...],
    output: Path,
    figure: Path | None,
    accepted: Path | None,
    replaced: tuple[str, ...],
    thresholds: Thresholds,
) -> None:
    """Accept or reject simulated trajectories by physics.

    Every trajectory of one phase under RUNS, directories made by iceclass generate --md, is
    measured: density, g(r), mean-square displacement, ice I by CHILL+, energy drift,
    temperature. None of it becomes a label; what is not what it was made to be is rejected, with
    the reasons. --accepted makes a directory for iceclass pack and iceclass featurize that holds
    the accepted trajectories only, as links, their checks in the metadata beside them.

    \b
    Example:
      iceclass check runs/ -o checks.json --figure phases.png --accepted accepted/
    """
    checked = check_runs(runs, thresholds=thresholds, replaced=replaced)
    write_checks(output, checked.checks, thresholds)
    if figure is not None:
        from iceclass.reports.phase_checks import phase_checks_figure

        phase_checks_figure(checked.checks, checked.snapshots, figure)
    if accepted is not None:
        checked.link_accepted(accepted)
    click.echo(checked.as_text())
