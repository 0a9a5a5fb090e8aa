"""A training run, or the test of a model, as one HTML file that needs nothing beside it.

Figures are inside, as SVG, or PNG where there are too many points; there is no script, and the
page's own policy forbids it to load anything.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from iceclass._version import __version__
from iceclass.datasets.table import Table
from iceclass.errors import MissingDependencyError
from iceclass.evaluation.metrics import Evaluation
from iceclass.files import write_text
from iceclass.model.network import Model
from iceclass.model.summary import FIGURES, ClassFigures, TestResult, summary_of
from iceclass.phases import UNKNOWN, colour_of, label_of
from iceclass.reports import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iceclass.evaluation.explain import Explanation
    from iceclass.training.optimise import Epoch

PER_CLASS = 50
"""Rows of each phase whose decisions are attributed to features."""

LEADING = 5
"""Features listed for each phase."""

TRAJECTORIES = 60
"""Most trajectories listed."""

_PACKAGES = ("numpy", "torch", "scikit-learn", "captum", "matplotlib")
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Picture:
    """A figure as the address of its own contents, its width in CSS pixels, and words for it."""

    source: str
    width: int
    alt: str

    @classmethod
    def drawn(cls, draw: Callable[[Path], Any], alt: str, suffix: str = ".svg") -> Picture:
        """What ``draw`` writes to the path it is given."""
        with TemporaryDirectory() as directory:
            path = Path(directory) / f"figure{suffix}"
            draw(path)
            data = path.read_bytes()
        address = f"data:{_TYPES[suffix]};base64,{base64.b64encode(data).decode('ascii')}"
        return cls(address, _width(data), alt)


def _width(data: bytes) -> int:
    """CSS pixels, 96 to the inch, of an SVG or PNG file that Matplotlib wrote in our style."""
    from iceclass.reports.style import DPI

    width = re.search(rb'<svg[^>]* width="([\d.]+)pt"', data)
    if width:
        return round(float(width[1]) * 96 / 72)
    return round(int.from_bytes(data[16:20], "big") * 96 / DPI)


def html_report(
    model: Model,
    path: str | Path,
    *,
    tested: tuple[Evaluation, Table] | None = None,
    history: Sequence[Epoch] = (),
    best_epoch: int | None = None,
    command: str = "",
    force: bool = True,
) -> Path:
    """Write the report of a model.

    Parameters
    ----------
    tested
        Its evaluation, and the rows that was made on.
    history, best_epoch
        Of its training, where this is the report of one.
    command
        What made the report; default: the command that trained the model.

    Raises
    ------
    MissingDependencyError
        Jinja2, scikit-learn, PyTorch or Captum is not installed.
    ModelError
        The record of the model's training is not one that training writes.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingDependencyError("the HTML report", "Jinja2", "train") from error
    facts = summary_of(model)
    environment = Environment(
        loader=PackageLoader("iceclass.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": words.percent,
        "decided": words.decided,
        "joined": _joined,
        "moment": _moment,
        "count": words.count,
        "label": label_of,
        "colour": partial(colour_of, classes=model.classes),
    }
    context = {
        "facts": facts,
        "command": command or facts.command,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "trained": bool(history),
        "losses": _losses(history, best_epoch) if history else None,
        "tested": None if tested is None else _tested(model, *tested),
        "unknown": UNKNOWN,
    }
    path = Path(path)
    page = environment.get_template("report.html.j2").render(context)
    write_text(path, page, force=force)
    return path


def _joined(text: str) -> str:
    """Numbers in a sentence kept together with their percent sign."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _moment(text: str) -> str:
    """A time of ISO 8601 in UTC, as people write it; anything else as it is."""
    return text.replace("T", " ").replace("+00:00", " UTC")


def _losses(history: Sequence[Epoch], best_epoch: int | None) -> Picture:
    from iceclass.reports.training import training_figure

    return Picture.drawn(
        lambda path: training_figure(history, path, best_epoch=best_epoch),
        f"Cross-entropy by epoch, {len(history)} epochs, epoch {best_epoch} kept",
    )


def _tested(model: Model, evaluation: Evaluation, table: Table) -> dict[str, Any]:
    """What the template shows of a test."""
    from iceclass.evaluation.explain import explain
    from iceclass.reports.confusion import confusion_figure
    from iceclass.reports.hidden import MIN_ROWS, hidden_map
    from iceclass.reports.importance import importance_figure
    from iceclass.reports.mistakes import find_mistakes, wrong_rows
    from iceclass.reports.reliability import reliability_figure

    result = TestResult.from_summary(evaluation.summary())
    prediction = model.predict(table.features)
    explanation = None
    if evaluation.support.any():
        explanation = explain(model, table, per_class=PER_CLASS)
    accuracy = f"accuracy {words.percent(evaluation.accuracy)}"
    return {
        "evaluation": evaluation,
        "headline": [(text, result.figures[name]) for name, text in FIGURES.items()],
        "classes": result.per_class,
        "sentences": _sentences(evaluation, result),
        "data": _data(table),
        "counts": Picture.drawn(
            lambda path: confusion_figure(evaluation, path, normalised=False),
            f"Confusion matrix in molecules, {accuracy}",
        ),
        "shares": Picture.drawn(
            lambda path: confusion_figure(evaluation, path),
            f"Confusion matrix in percent of each true phase, {accuracy}",
        ),
        "reliability": Picture.drawn(
            lambda path: reliability_figure(evaluation, path),
            "Fraction right against confidence, and molecules by confidence",
        )
        if evaluation.support.any()
        else None,
        "explanation": explanation,
        "leading": {} if explanation is None else _leading(explanation),
        "importance": Picture.drawn(
            partial(importance_figure, explanation),
            "Mean absolute Integrated Gradients of the leading features, all phases and each",
        )
        if explanation is not None
        else None,
        "maps": _maps(hidden_map(model, table, prediction)) if len(table) >= MIN_ROWS else [],
        "n_wrong": int(wrong_rows(prediction, table).sum()),
        "mistakes": find_mistakes(model, table, prediction),
        "novelty": None if model.novelty is None else model.novelty.threshold,
        "trajectories": sorted(evaluation.trajectories, key=_accuracy_of)[:TRAJECTORIES],
    }


def _accuracy_of(score: Any) -> float:
    return float(score.accuracy)


def _sentences(evaluation: Evaluation, result: TestResult) -> list[str]:
    """Every row of the confusion matrix in words."""
    sentences = [
        words.confusion_sentence(name, figures) for name, figures in result.per_class.items()
    ]
    for i, name in enumerate(evaluation.truth[len(evaluation.classes) :], len(evaluation.classes)):
        shares = evaluation.normalised[i]
        given = {evaluation.columns[k]: float(shares[k]) for k in np.argsort(-shares) if shares[k]}
        figures = ClassFigures(None, None, None, int(evaluation.confusion[i].sum()), given)
        sentences.append(words.confusion_sentence(name, figures, known=False))
    return sentences


def _data(table: Table) -> dict[str, str]:
    """What the rows of a table are, in words."""
    infos = [table.trajectories[i] for i in np.unique(table.trajectory)]

    def span(name: str, unit: str) -> str:
        values = sorted({v for t in infos if (v := getattr(t, name)) == v})
        if not values:
            return words.NOTHING
        low, high = values[0], values[-1]
        return f"{low:g} {unit}" if low == high else f"{low:g} to {high:g} {unit}"

    return {
        "environments": words.count(len(table)),
        "trajectories": words.count(len(infos)),
        "preparations": words.count(len({t.group for t in infos})),
        "water models": ", ".join(sorted({t.water_model for t in infos} - {""})) or words.NOTHING,
        "temperature": span("temperature", "K"),
        "pressure": span("pressure", "GPa"),
    }


def _leading(explanation: Explanation) -> dict[str, list[tuple[str, float, float, float]]]:
    """Class → name, mean |IG|, mean IG and separation of its leading features."""
    return {
        name: [
            (
                explanation.feature_names[i],
                explanation.mean_absolute[c, i],
                explanation.mean_signed[c, i],
                explanation.separation[c, i],
            )
            for i in explanation.leading(LEADING, name)
        ]
        for c, name in enumerate(explanation.classes)
        if explanation.rows[c]
    }


def _maps(found: Any) -> list[Picture]:
    """The planes of components 1, 2 and 3, 4."""
    from iceclass.reports.hidden import hidden_map_figure

    return [
        Picture.drawn(
            partial(hidden_map_figure, found, axes=axes),
            f"{len(found.rows)} environments in the plane of the components "
            f"{axes[0] + 1} and {axes[1] + 1}, coloured by phase",
            ".png",
        )
        for axes in ((0, 1), (2, 3))
    ]


def _versions() -> dict[str, str]:
    """Of iceclass and what the report was made with."""
    found = {"iceclass": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
