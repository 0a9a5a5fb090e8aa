"""``iceclass train``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import PATH, command_line, force_option, quiet_option, say
from iceclass.datasets.store import FeatureStore
from iceclass.files import check_output
from iceclass.model.file import save_model
from iceclass.reports.bundles import training_report
from iceclass.training.optimise import BALANCES, SCHEDULES, Epoch, TrainingConfig
from iceclass.training.train import train

DEFAULTS = TrainingConfig()


@click.command(short_help="Train a network on a feature store.")
@click.argument("features", type=PATH)
@click.option("-o", "--output", type=PATH, help="Model file.  [default: FEATURES.safetensors]")
@click.option("--report", type=PATH, help="Directory for report.html, tables and figures.")
@click.option(
    "--split",
    type=click.Choice(["preparation", "molecule"]),
    default=DEFAULTS.split,
    show_default=True,
    help="What is kept on one side of the split; 'molecule' only to "
    "compare with figures obtained that way.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=DEFAULTS.seed,
    show_default=True,
    help="Of the split, the initial weights and the batches.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=1),
    help="At most so many environments of each trajectory.  [default: all]",
)
@click.option("--epochs", type=int, default=DEFAULTS.epochs, show_default=True, help="At most.")
@click.option(
    "--patience",
    type=int,
    default=DEFAULTS.patience,
    show_default=True,
    help="Stop after so many epochs without a better validation loss.",
)
@click.option(
    "--batch-size",
    type=int,
    default=DEFAULTS.batch_size,
    show_default=True,
    help="Environments in a step of the optimiser.",
)
@click.option(
    "--learning-rate",
    type=float,
    default=DEFAULTS.learning_rate,
    show_default=True,
    help="Of Adam, at the start.",
)
@click.option(
    "--schedule",
    type=click.Choice(SCHEDULES),
    default=DEFAULTS.schedule,
    show_default=True,
    help="How the learning rate falls.",
)
@click.option(
    "--weight-decay",
    type=float,
    default=DEFAULTS.weight_decay,
    show_default=True,
    help="Against overfitting: share of the learning rate that the weights shrink by in a step.",
)
@click.option(
    "--weight-average",
    type=float,
    default=DEFAULTS.weight_average,
    show_default=True,
    help="Keep an exponential mean of the weights, which forgets 1 − this in a step: 0.999 is for "
    "runs of many thousand steps.",
)
@click.option(
    "--bias-correction",
    type=float,
    default=DEFAULTS.bias_correction,
    show_default=True,
    help="Share of the class biases that fit the validation best, added to the outputs.",
)
@click.option(
    "--balance",
    type=click.Choice(BALANCES),
    default=DEFAULTS.balance,
    show_default=True,
    help="How classes of different size weigh the same.",
)
@click.option(
    "--false-alarms",
    type=click.FloatRange(0.0, 0.5),
    default=round(1.0 - DEFAULTS.novelty_quantile, 6),
    show_default=True,
    help="Share of the validation that the threshold for unknown is set at.",
)
@click.option(
    "--novelty-margin",
    type=float,
    default=DEFAULTS.novelty_margin,
    show_default=True,
    help="Times which the threshold is raised from there; a squared distance.",
)
@force_option
@quiet_option
def command(
    features: Path,
    output: Path | None,
    report: Path | None,
    split: str,
    seed: int,
    max_rows: int | None,
    epochs: int,
    patience: int,
    batch_size: int,
    learning_rate: float,
    schedule: str,
    weight_decay: float,
    weight_average: float,
    bias_correction: float,
    balance: str,
    false_alarms: float,
    novelty_margin: float,
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
    config = TrainingConfig(
        split=split,
        seed=seed,
        max_rows=max_rows,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule=schedule,
        weight_decay=weight_decay,
        weight_average=weight_average,
        bias_correction=bias_correction,
        balance=balance,
        novelty_quantile=1.0 - false_alarms,
        novelty_margin=novelty_margin,
    )
    tell = say(quiet)

    def progress(epoch: Epoch) -> None:
        tell(
            f"epoch {epoch.epoch:3d}: loss {epoch.train_loss:.4f}, validation "
            f"{epoch.validation_loss:.4f}, accuracy {epoch.validation_accuracy:.4f}"
        )

    table = FeatureStore.open(features).load(max_rows=max_rows, seed=seed)
    result = train(table, config, command=command_line(), progress=progress)
    save_model(result.model, target, force=force)
    if report is not None:
        training_report(result, table, report)
    if result.evaluation is not None and not quiet:
        click.echo(result.evaluation.as_text())
    for phase in result.split.without_validation:
        tell(f"note: no preparation of {phase} was left for validation")
    click.echo(f"{target}: model {result.model.model_id}")
