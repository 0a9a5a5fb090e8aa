"""``iceclass train``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import (
    PATH,
    Decorator,
    command_line,
    field_options,
    force_option,
    gathered,
    quiet_option,
    say,
)
from iceclass.errors import InputError
from iceclass.files import check_output
from iceclass.io.text.pairs import parse_pairs
from iceclass.model.file import save_model
from iceclass.reports.bundles import training_report
from iceclass.training.config import BALANCES, SCHEDULES, SPLITS, TrainingConfig
from iceclass.training.optimise import Epoch
from iceclass.training.train import train

DEFAULTS = TrainingConfig()
_HELPS = {
    "split": "What is kept on one side of the split; 'molecule' only to "
    "compare with figures obtained that way.",
    "seed": "Of the split, the initial weights and the batches.",
    "max_rows": "At most so many environments of each trajectory.  [default: all]",
    "epochs": "At most.",
    "patience": "Stop after so many epochs without a better validation loss.",
    "batch_size": "Environments in a step of the optimiser.",
    "learning_rate": "Of Adam, at the start.",
    "schedule": "How the learning rate falls.",
    "weight_decay": "Against overfitting: share of the learning rate that the weights shrink by "
    "in a step.",
    "weight_average": "Keep an exponential mean of the weights, which forgets 1 − this in a step: "
    "0.999 is for runs of many thousand steps.",
    "bias_correction": "Share of the class biases that fit the validation best, added to the "
    "outputs.",
    "balance": "How classes of different size weigh the same.",
    "novelty_margin": "Times which the threshold is raised from there; a squared distance.",
}
"""Attribute of ``TrainingConfig`` → help of its option."""
_TYPES = {
    "split": click.Choice(SPLITS),
    "seed": click.IntRange(min=0),
    "max_rows": click.IntRange(min=1),
    "schedule": click.Choice(SCHEDULES),
    "balance": click.Choice(BALANCES),
}


def _factors(
    context: click.Context, parameter: click.Parameter, value: str
) -> tuple[tuple[str, float], ...]:
    pairs = parse_pairs(filter(None, value.split(",")), "PHASE=FACTOR")
    try:
        return tuple((phase, float(factor)) for phase, factor in pairs.items())
    except ValueError as error:
        raise InputError(f"{value!r} is not understood: expected PHASE=FACTOR,...") from error


def _options() -> dict[str, Decorator]:
    options = field_options(DEFAULTS, _HELPS, _TYPES)
    margin = options.pop("novelty_margin")
    false_alarms = click.option(
        "--false-alarms",
        "novelty_quantile",
        type=click.FloatRange(0.0, 0.5),
        default=round(1.0 - DEFAULTS.novelty_quantile, 6),
        show_default=True,
        callback=lambda context, parameter, value: 1.0 - value,
        help="Share of the validation that the threshold for unknown is set at.",
    )
    classes = click.option(
        "--classes",
        default="",
        metavar="PHASE,...",
        callback=lambda context, parameter, value: tuple(filter(None, value.split(","))),
        help="Tell these phases apart, and leave others out.  [default: all in FEATURES]",
    )
    factors = click.option(
        "--factors",
        default="",
        metavar="PHASE=FACTOR,...",
        callback=_factors,
        help="Take these phases to be so much likelier than the others.  [default: 1]",
    )
    return {
        "classes": classes,
        "factors": factors,
        **options,
        "novelty_quantile": false_alarms,
        "novelty_margin": margin,
    }


@click.command(short_help="Train a network on a feature store.")
@click.argument("features", type=PATH)
@click.option("-o", "--output", type=PATH, help="Model file.  [default: FEATURES.safetensors]")
@click.option("--report", type=PATH, help="Directory for report.html, tables and figures.")
@gathered("config", lambda values: TrainingConfig(**values), _options())
@force_option
@quiet_option
def command(
    features: Path,
    output: Path | None,
    report: Path | None,
    config: TrainingConfig,
    force: bool,
    quiet: bool,
) -> None:
    """Train a network on a feature store.

    100-100 tanh units and a softmax over the phases in FEATURES, Adam, early stopping. All
    trajectories of a preparation train, validate or test together. The report holds the losses,
    confusion matrices, precision, recall and F1 per phase, and the reliability of the
    probabilities, as tables and figures; and in report.html, one page that opens offline, these
    and the importances of the features, a map of the last hidden layer and examples of mistakes.

    \b
    Example:
      iceclass train soap-325.h5 -o soap-325.safetensors --report report/
    """
    target = output or features.with_suffix(".safetensors")
    check_output(target, force=force)
    tell = say(quiet)

    def progress(epoch: Epoch) -> None:
        tell(
            f"epoch {epoch.epoch:3d}: loss {epoch.train_loss:.4f}, validation "
            f"{epoch.validation_loss:.4f}, accuracy {epoch.validation_accuracy:.4f}"
        )

    result = train(features, config, command=command_line(), progress=progress)
    save_model(result.model, target, force=force)
    if report is not None:
        training_report(result, report)
    if result.evaluation is not None and not quiet:
        click.echo(result.evaluation.as_text())
    for phase in result.split.without_validation:
        tell(f"note: no preparation of {phase} was left for validation")
    click.echo(f"{target}: model {result.model.model_id}")
