"""How well a model does on rows of known phase: confusion matrix, recall, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.table import Table, descriptor_difference, order_classes
from iceclass.errors import InputError
from iceclass.evaluation.scores import confusion_matrix, confusion_scores
from iceclass.files import write_json
from iceclass.io.output.csv_tables import write_csv
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN
from iceclass.prediction import Prediction
from iceclass.tables import terminal_table

N_BINS = 15
DIGITS = 6
"""Of the numbers in tables."""


@dataclass(frozen=True, eq=False)
class TrajectoryScore:
    """A model's accuracy on one trajectory: the fraction labelled as its phase."""

    name: str
    phase: str
    preparation: str
    temperature: float
    pressure: float
    water_model: str
    rows: int
    accuracy: float
    unknown: float
    mistaken_for: str
    """The most frequent wrong label, "" where there is none."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of merit of a model on R rows of known phase.

    "Unknown" counts as a wrong label wherever the phase is one of the model's classes. Phases the
    model was not trained on have rows in the confusion matrix, and stay out of every other
    figure; for them "unknown" is the right answer.

    Attributes
    ----------
    classes
        The model's C classes.
    truth
        Row names of the confusion matrix: the classes, then other phases of the data.
    confusion
        (len(truth), C + 1) int64 counts; rows are true phases, the last column is unknown.
    precision, recall, f1
        (C,) float64. NaN for classes without rows (recall, F1), or never predicted (precision).
    support
        (C,) int64. Rows of each class.
    accuracy, balanced_accuracy, macro_f1
        Over the rows, the mean recall, and the mean F1, of classes that have rows.
    calibration_error
        Expected calibration error over :data:`N_BINS` equal bins of confidence.
    bins
        (N_BINS, 3) float64: rows, mean confidence, accuracy (of the most probable class).
    trajectories
        One score for each trajectory.
    model_id, description
        Which model, and which rows.
    """

    classes: tuple[str, ...]
    truth: tuple[str, ...]
    confusion: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    calibration_error: float
    bins: NDArray[np.float64]
    trajectories: tuple[TrajectoryScore, ...]
    model_id: str
    description: str = ""

    @property
    def normalised(self) -> NDArray[np.float64]:
        """The confusion matrix with rows that sum to 1 (NaN where a class has no rows)."""
        total = self.confusion.sum(axis=1, keepdims=True)
        return np.divide(
            self.confusion, total, out=np.full(self.confusion.shape, np.nan), where=total > 0
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names of the confusion matrix."""
        return (*self.classes, UNKNOWN)

    def summary(self) -> dict[str, Any]:
        """The single figures, and :meth:`per_class`; JSON-serialisable."""
        return {
            "model_id": self.model_id,
            "description": self.description,
            "rows": int(self.confusion.sum()),
            "accuracy": _number(self.accuracy),
            "balanced_accuracy": _number(self.balanced_accuracy),
            "macro_f1": _number(self.macro_f1),
            "expected_calibration_error": _number(self.calibration_error),
            "unknown_fraction": _number(self.confusion[:, -1].sum() / self.confusion.sum()),
            "per_class": self.per_class(),
        }

    def per_class(self) -> dict[str, dict[str, Any]]:
        """Class → its precision, recall, F1, rows, and share of rows taken for each other label.

        JSON-serialisable, NaN as None; ``confused_with`` starts with the most frequent mistake.
        """
        found: dict[str, dict[str, Any]] = {}
        for c, name in enumerate(self.classes):
            shares = self.normalised[c]
            order = [int(k) for k in np.argsort(-shares, kind="stable") if k != c and shares[k] > 0]
            found[name] = {
                "precision": _number(self.precision[c]),
                "recall": _number(self.recall[c]),
                "f1": _number(self.f1[c]),
                "rows": int(self.support[c]),
                "confused_with": {self.columns[k]: _number(shares[k]) for k in order},
            }
        return found

    def to_csv(self, directory: str | Path) -> tuple[Path, ...]:
        """Write ``confusion.csv``, ``confusion_normalised.csv``, ``per_class.csv``,
        ``trajectories.csv``, ``calibration.csv`` and ``summary.json``; existing ones are replaced.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        head = ("phase", *self.columns)
        counts = [
            [name, *row] for name, row in zip(self.truth, self.confusion.tolist(), strict=True)
        ]
        shares = [
            [name, *row] for name, row in zip(self.truth, self.normalised.tolist(), strict=True)
        ]
        per_class = zip(
            self.classes, self.precision, self.recall, self.f1, self.support, strict=True
        )
        fields = TrajectoryScore.__dataclass_fields__
        tables: dict[str, tuple[tuple[str, ...], list[list[Any]]]] = {
            "confusion.csv": (head, counts),
            "confusion_normalised.csv": (head, shares),
            "per_class.csv": (
                ("phase", "precision", "recall", "f1", "support"),
                [list(row) for row in per_class],
            ),
            "trajectories.csv": (
                tuple(fields),
                [[getattr(t, name) for name in fields] for t in self.trajectories],
            ),
            "calibration.csv": (
                ("rows", "mean_confidence", "accuracy"),
                [[int(n), c, a] for n, c, a in self.bins],
            ),
        }
        for name, (columns, rows) in tables.items():
            path = directory / name
            write_csv(path, columns, rows, force=True, digits=DIGITS, may_be_empty=True)
        write_json(directory / "summary.json", self.summary(), force=True)
        return tuple(directory / name for name in (*tables, "summary.json"))

    def as_text(self) -> str:
        """Aligned tables for the terminal: per-class figures, then the confusion matrix in %.

        Of the phases that there are molecules of.
        """
        figures = [
            (
                name,
                f"{self.precision[i]:.4f}",
                f"{self.recall[i]:.4f}",
                f"{self.f1[i]:.4f}",
                str(self.support[i]),
            )
            for i, name in enumerate(self.classes)
            if self.support[i] > 0
        ]
        confusion = [
            (name, *(f"{100 * x:.2f}" if x else "·" for x in row))
            for name, row in zip(self.truth, self.normalised, strict=True)
            if not np.isnan(row).all()
        ]
        lines = [
            terminal_table(("phase", "precision", "recall", "F1", "rows"), figures),
            "",
            f"accuracy {self.accuracy:.4f}   balanced {self.balanced_accuracy:.4f}   "
            f"macro F1 {self.macro_f1:.4f}   calibration error {self.calibration_error:.4f}",
            "",
            terminal_table(("% labelled", *self.columns), confusion),
        ]
        return "\n".join(lines) + "\n"


def evaluate(
    model: Model, table: Table, *, unknown: bool = True, description: str = ""
) -> Evaluation:
    """Predict every row of a table and compare with the phase of its trajectory.

    Parameters
    ----------
    unknown
        Let the model label rows unknown.

    Raises
    ------
    InputError
        The table is empty, or its features are of another descriptor than the model's.
    """
    difference = descriptor_difference(table.descriptor, model.descriptor.to_dict())
    if difference:
        raise InputError(
            f"the features are not those of the model {model.model_id}: {difference}",
            hint=f"make features with descriptor {model.descriptor.name}",
        )
    if len(table) == 0:
        raise InputError("there are no rows to evaluate the model on")
    prediction = model.predict(table.features, unknown=unknown)
    return compare(prediction, table, description=description)


def compare(prediction: Prediction, table: Table, *, description: str = "") -> Evaluation:
    """The figures of merit of a prediction for the rows of a table."""
    classes = prediction.classes
    n_classes = len(classes)
    present = {t.phase for t in (table.trajectories[i] for i in np.unique(table.trajectory))}
    truth = (*classes, *(name for name in order_classes(present) if name not in classes))
    target = table.target(truth)
    labels = np.where(prediction.labels < 0, n_classes, prediction.labels)
    confusion = confusion_matrix(target, labels, (len(truth), n_classes + 1))
    scores = confusion_scores(confusion[:n_classes])
    own = target < n_classes
    bins, calibration_error = _calibration(prediction, target, own)
    return Evaluation(
        classes=classes,
        truth=truth,
        confusion=confusion,
        precision=scores.precision,
        recall=scores.recall,
        f1=scores.f1,
        support=scores.support.astype(np.int64),
        accuracy=float(scores.accuracy),
        balanced_accuracy=float(scores.balanced_accuracy),
        macro_f1=float(scores.macro_f1),
        calibration_error=calibration_error,
        bins=bins,
        trajectories=_trajectory_scores(prediction, table, truth),
        model_id=prediction.model_id,
        description=description,
    )


def _calibration(
    prediction: Prediction, target: NDArray[np.int64], own: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """(N_BINS, 3) rows, mean confidence, accuracy; and the expected calibration error."""
    confidence = prediction.confidence[own].astype(np.float64)
    right = prediction.probabilities[own].argmax(axis=1) == target[own]
    index = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    rows = np.bincount(index, minlength=N_BINS).astype(np.float64)
    sums = [np.bincount(index, weights=w, minlength=N_BINS) for w in (confidence, right)]
    means = [np.divide(s, rows, out=np.full(N_BINS, np.nan), where=rows > 0) for s in sums]
    if not own.any():
        return np.column_stack([rows, *means]), float("nan")
    error = float(np.abs(sums[0] - sums[1]).sum() / rows.sum())
    return np.column_stack([rows, *means]), error


def _trajectory_scores(
    prediction: Prediction, table: Table, truth: tuple[str, ...]
) -> tuple[TrajectoryScore, ...]:
    names = prediction.names
    scores = []
    for index in np.unique(table.trajectory):
        info = table.trajectories[index]
        given, counts = np.unique(names[table.trajectory == index], return_counts=True)
        share: Mapping[str, float] = dict(
            zip(given.tolist(), (counts / counts.sum()).tolist(), strict=True)
        )
        wrong = {name: value for name, value in share.items() if name != info.phase}
        scores.append(
            TrajectoryScore(
                name=info.name,
                phase=info.phase,
                preparation=info.preparation,
                temperature=info.temperature,
                pressure=info.pressure,
                water_model=info.water_model,
                rows=int(counts.sum()),
                accuracy=share.get(info.phase, 0.0),
                unknown=share.get(UNKNOWN, 0.0),
                mistaken_for=max(wrong, key=lambda name: wrong[name]) if wrong else "",
            )
        )
    return tuple(scores)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
