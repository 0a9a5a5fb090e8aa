"""All figures and tables of one evaluation, training run or explanation, in one directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iceclass.datasets.table import Table

if TYPE_CHECKING:
    from iceclass.evaluation.explain import Explanation
    from iceclass.evaluation.metrics import Evaluation
    from iceclass.model.network import Model
    from iceclass.training.train import TrainingResult

REPORT = "report.html"


def evaluation_report(
    evaluation: Evaluation,
    model: Model,
    table: Table,
    directory: str | Path,
    *,
    command: str = "",
) -> tuple[Path, ...]:
    """Confusion matrices (counts and normalised) and reliability, as figures and CSV, and all
    that is told of a model in ``report.html``.

    The directory is made where it is missing; files of the same names in it are replaced.

    Parameters
    ----------
    model, table
        What was evaluated, and on which rows.
    command
        What was typed, for the report.
    """
    from iceclass.reports.html import html_report

    directory = _made(directory)
    files = _evaluation_files(evaluation, directory)
    page = html_report(model, directory / REPORT, tested=(evaluation, table), command=command)
    return (*files, page)


def training_report(result: TrainingResult, directory: str | Path) -> tuple[Path, ...]:
    """The losses, the evaluation on the test rows where there are any, and ``report.html``."""
    from iceclass.reports.html import html_report
    from iceclass.reports.training import training_figure

    directory = _made(directory)
    history = result.write_history(directory / "history.csv")
    losses = training_figure(
        result.history, directory / "training.png", best_epoch=result.best_epoch
    )
    evaluation, tested = result.evaluation, None
    files: tuple[Path, ...] = ()
    if evaluation is not None:
        files = _evaluation_files(evaluation, directory)
        tested = (evaluation, result.table.rows(result.split.index("test")))
    page = html_report(
        result.model,
        directory / REPORT,
        tested=tested,
        history=result.history,
        best_epoch=result.best_epoch,
    )
    return (history, losses, *files, page)


def _evaluation_files(evaluation: Evaluation, directory: Path) -> tuple[Path, ...]:
    """Tables and figures of an evaluation."""
    from iceclass.reports.confusion import confusion_figure
    from iceclass.reports.reliability import reliability_figure

    return (
        *evaluation.to_csv(directory),
        confusion_figure(evaluation, directory / "confusion.png", normalised=False),
        confusion_figure(evaluation, directory / "confusion_normalised.png"),
        reliability_figure(evaluation, directory / "reliability.png"),
    )


def explanation_report(
    explanation: Explanation, table: Table, directory: str | Path, *, n: int = 20, panels: int = 9
) -> tuple[Path, ...]:
    """Importances as CSV and figure (n features), distributions of the leading ones (panels)."""
    from iceclass.evaluation.explain import leading_values
    from iceclass.reports.distributions import distributions_figure
    from iceclass.reports.importance import importance_figure

    directory = _made(directory)
    values = leading_values(explanation, table, panels)
    return (
        *explanation.to_csv(directory),
        importance_figure(explanation, directory / "importance.png", n=n),
        distributions_figure(values, directory / "distributions.png"),
    )


def _made(directory: str | Path) -> Path:
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
