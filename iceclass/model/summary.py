"""What is known of a model: from its file and the record of its training, checked and typed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from iceclass.datasets.table import SPLITS
from iceclass.errors import ModelError
from iceclass.model.file import load_model, shipped_models
from iceclass.model.network import HIDDEN, Model

FIGURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "expected_calibration_error": "expected calibration error",
    "unknown_fraction": "called unknown",
}
"""The single figures of a test, as :meth:`Evaluation.summary` names them, and in words."""

TEST_SIDE = "the test side of the split"

_NOVELTY = ("threshold", "quantile", "margin")


@dataclass(frozen=True)
class ClassFigures:
    """How well one class is recognised; None where there was nothing to tell it from.

    ``confused_with`` holds the shares of its rows that got other labels, most frequent first.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    rows: int
    confused_with: dict[str, float]


@dataclass(frozen=True)
class TestResult:
    """A model tested on rows of known phase; what ``summary.json`` of an evaluation holds.

    Attributes
    ----------
    model_id, description
        Which model, on which rows.
    rows
        R.
    figures
        Name → value of each of :data:`FIGURES`; None where there was nothing to tell it from.
    per_class
        Class → its figures; empty in records of iceclass 0.1.0.
    """

    model_id: str
    description: str
    rows: int
    figures: dict[str, float | None]
    per_class: dict[str, ClassFigures]

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any]) -> TestResult:
        """From :meth:`Evaluation.summary <iceclass.evaluation.metrics.Evaluation.summary>`.

        Raises
        ------
        ModelError
            It has another form.
        """
        try:
            return cls(
                model_id=str(summary.get("model_id", "")),
                description=str(summary.get("description", "")),
                rows=int(summary["rows"]),
                figures={name: _number(summary.get(name)) for name in FIGURES},
                per_class={
                    name: ClassFigures(
                        precision=_number(figures["precision"]),
                        recall=_number(figures["recall"]),
                        f1=_number(figures["f1"]),
                        rows=int(figures["rows"]),
                        confused_with={to: float(share) for to, share in _mistakes(figures)},
                    )
                    for name, figures in summary.get("per_class", {}).items()
                },
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"these figures are not those of an evaluation: {error!r}",
                hint="give the summary.json that iceclass evaluate writes",
            ) from error


@dataclass(frozen=True)
class Side:
    """What stood on one side of the split; ``preparations`` by phase."""

    rows: int
    trajectories: int
    preparations: dict[str, tuple[str, ...]]

    @property
    def n_preparations(self) -> int:
        """Preparations of all phases."""
        return sum(len(names) for names in self.preparations.values())


@dataclass(frozen=True)
class ModelSummary:
    """What is known of a model, for people to read; what a record does not hold is empty or None.

    Attributes
    ----------
    name, aliases, shipped
        The file's name without suffix, other names it goes by, whether it comes with iceclass.
    file_bytes, file_sha256
        Of the model file; 0 and "" where the model is not from a file.
    descriptor, parameters
        Name of the descriptor and its plain dict.
    network
        Units of the layers, inputs first.
    novelty
        The score above which a molecule is unknown, and the quantile and margin it was set by;
        empty where nothing is ever unknown.
    split_by, sides
        "preparation" or "molecule"; side → what stood there.
    validated_on
        What was decided on which rows, in words.
    tests
        What it was tested on → how well it did; the test side of its training first.
    """

    name: str
    aliases: tuple[str, ...]
    shipped: bool
    file_bytes: int
    file_sha256: str
    model_id: str
    classes: tuple[str, ...]
    descriptor: str
    parameters: dict[str, Any]
    n_features: int
    receptive_radius: float
    network: tuple[int, ...]
    temperature: float
    novelty: dict[str, float]
    created: str
    command: str
    versions: dict[str, str]
    config: dict[str, str]
    best_epoch: int | None
    epochs: int
    seconds: float | None
    split_by: str
    sides: dict[str, Side]
    validated_on: dict[str, str]
    tests: dict[str, TestResult]

    @property
    def test(self) -> TestResult | None:
        """On the test side of its own training."""
        return self.tests.get(TEST_SIDE)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)


def summary_of(
    model: Model,
    path: str | Path | None = None,
    evaluations: Mapping[str, Mapping[str, Any]] | None = None,
) -> ModelSummary:
    """The facts of a model.

    Parameters
    ----------
    path
        The file it was read from, for its name, size and SHA-256.
    evaluations
        Further tests: what was tested on → :meth:`Evaluation.summary
        <iceclass.evaluation.metrics.Evaluation.summary>`, which ``iceclass evaluate -o`` writes as
        ``summary.json``.

    Raises
    ------
    ModelError
        The record of its training is not one that training writes, an evaluation is not one of
        this model, or the file cannot be read.
    """
    path = None if path is None else Path(path)
    names = [name for name, file in shipped_models().items() if path is not None and file == path]
    record = dict(model.record or {})
    tests = _own_test(record, path)
    for name, summary in (evaluations or {}).items():
        tests[name] = tested = TestResult.from_summary(summary)
        if tested.model_id != model.model_id:
            raise ModelError(
                f"the evaluation {name} is of model {tested.model_id!r}, "
                f"expected one of {model.model_id}"
            )
    try:
        data = b"" if path is None else path.read_bytes()
        return ModelSummary(
            name=f"model {model.model_id}" if path is None else path.stem,
            aliases=tuple(name for name in names if path is None or name != path.stem),
            shipped=bool(names),
            file_bytes=len(data),
            file_sha256=hashlib.sha256(data).hexdigest() if data else "",
            model_id=model.model_id,
            classes=model.classes,
            descriptor=model.descriptor.name,
            parameters=model.descriptor.to_dict(),
            n_features=model.n_features,
            receptive_radius=model.descriptor.receptive_radius,
            network=(model.n_features, HIDDEN, HIDDEN, model.n_classes),
            temperature=model.temperature,
            novelty={key: getattr(model.novelty, key) for key in _NOVELTY if model.novelty},
            created=str(record.get("created", "")),
            command=str(record.get("command", "")),
            versions=_texts(record.get("versions")),
            config=_texts(record.get("config")),
            best_epoch=None if record.get("best_epoch") is None else int(record["best_epoch"]),
            epochs=len(record.get("history") or ()),
            seconds=_number(record.get("seconds")),
            split_by=str((record.get("split") or {}).get("by", "")),
            sides=_sides(record.get("split") or {}),
            validated_on=_texts(record.get("validation")),
            tests=tests,
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"the training record is not one that training writes: {error!r}", path=path
        ) from error
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=path) from error


def shipped_summaries() -> tuple[ModelSummary, ...]:
    """The facts of every model that comes with iceclass, the default first."""
    paths = dict.fromkeys(shipped_models().values())
    found = [summary_of(load_model(path), path) for path in paths]
    return tuple(sorted(found, key=lambda facts: ("default" not in facts.aliases, facts.name)))


def _mistakes(figures: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Label and share of rows; iceclass 0.1.0 wrote them as ``taken_for``."""
    key = "confused_with" if "confused_with" in figures else "taken_for"
    shares: Mapping[str, Any] = figures[key]
    return shares.items()


def _own_test(record: Mapping[str, Any], path: Path | None) -> dict[str, TestResult]:
    """How the model did on the test side of its training, if its record tells."""
    if not record.get("test"):
        return {}
    try:
        return {TEST_SIDE: TestResult.from_summary(record["test"])}
    except ModelError as error:
        raise ModelError(
            f"the training record is not one that training writes: {error.message}", path=path
        ) from error


def _sides(split: Mapping[str, Any]) -> dict[str, Side]:
    return {
        name: Side(
            rows=int(split[name]["rows"]),
            trajectories=int(split[name]["trajectories"]),
            preparations={
                phase: tuple(str(one) for one in names)
                for phase, names in split[name]["preparations"].items()
            },
        )
        for name in SPLITS
        if split.get(name)
    }


def _texts(values: Any) -> dict[str, str]:
    """What a record's flat dict holds, as text; lists joined by commas, without what is empty."""
    return {
        str(key): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for key, value in (values or {}).items()
        if value not in (None, [], "")
    }


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    return None if value is None or not math.isfinite(float(value)) else float(value)
