"""``iceclass explain``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import PATH, complete_model, quiet_option
from iceclass.datasets.store import FeatureStore
from iceclass.evaluation.explain import TRAINING_MEAN, explain
from iceclass.model.file import load_model
from iceclass.reports.bundles import explanation_report


@click.command(short_help="Attribute a model's decisions to its features.")
@click.argument("model", shell_complete=complete_model)
@click.argument("features", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="Directory for tables and figures.")
@click.option(
    "--per-class",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Environments drawn of each phase.",
)
@click.option(
    "--of",
    "attributed",
    type=click.Choice(["logit", "probability"]),
    default="logit",
    show_default=True,
    help="Output of the network that is attributed.",
)
@click.option(
    "--baseline",
    default=TRAINING_MEAN,
    show_default=True,
    help="Where the integration starts: the training mean, or the mean of a phase.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draw."
)
@quiet_option
def command(
    model: str,
    features: Path,
    output: Path,
    per_class: int,
    attributed: str,
    baseline: str,
    seed: int,
    quiet: bool,
) -> None:
    """Attribute a model's decisions to its features.

    Integrated Gradients of each phase's output over environments of that phase: mean
    |IG| per feature and phase, the worst and mean violation of completeness, how well each
    feature separates a phase by itself, and the distributions of the leading features.

    \b
    Example:
      iceclass explain soap-325.safetensors soap-325.h5 -o explain/
    """
    network = load_model(model)
    with FeatureStore.open(features, descriptor=network.descriptor) as store:
        table = store.load()
    explanation = explain(
        network, table, per_class=per_class, output=attributed, baseline=baseline, seed=seed
    )
    explanation_report(explanation, table, output)
    if not quiet:
        click.echo(explanation.as_text())
    click.echo(output)
