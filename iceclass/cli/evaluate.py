"""``iceclass evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import (
    PATH,
    command_line,
    complete_model,
    quiet_option,
    read_options,
    say,
)
from iceclass.errors import InputError
from iceclass.evaluation.held_out import load_table, unseen
from iceclass.evaluation.metrics import check_installed, evaluate
from iceclass.io.options import ReadOptions
from iceclass.model.file import load_model
from iceclass.reports.bundles import evaluation_report


@click.command(short_help="Test a model on trajectories or features of known phase.")
@click.argument("model", shell_complete=complete_model)
@click.argument("sources", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", type=PATH, help="Directory for report.html, tables and figures.")
@click.option("--phase", help="What the given trajectories hold, where nothing beside says it.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Count preparations the model was trained or validated on as well.",
)
@read_options("types", "every")
@quiet_option
def command(
    model: str,
    sources: tuple[Path, ...],
    output: Path | None,
    phase: str | None,
    everything: bool,
    reading: ReadOptions,
    quiet: bool,
) -> None:
    """Test a model on trajectories or features of known phase.

    MODEL is a shipped model's name or a file. SOURCES are one feature store; or trajectories and
    directories of them (described by iceclass generate, or by --phase), compact data sets, and
    "reference", the one that comes with iceclass. Preparations the model has seen in training
    or validation are left out. Reports accuracy, precision, recall and F1 per phase, the
    confusion matrix and the calibration error.

    \b
    Examples:
      iceclass evaluate soap-325.safetensors soap-325.h5 -o evaluation/
      iceclass evaluate default reference
      iceclass evaluate default mine.dump --phase ih
    """
    check_installed()  # before features are computed for minutes
    network = load_model(model)
    table = load_table(
        sources,
        network.descriptor,
        phase=phase,
        types=reading.types,
        every=reading.every,
        report=say(quiet),
    )
    if not everything:
        kept = unseen(table, network)
        if not len(kept):
            raise InputError(
                "the model has seen every preparation of these in training",
                hint="give others, or --all to count them all the same",
            )
        table = kept
    evaluation = evaluate(network, table)
    if output is not None:
        evaluation_report(evaluation, network, table, output, command=command_line())
    click.echo(evaluation.as_text())
