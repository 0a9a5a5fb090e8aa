"""Training the 100–100–C tanh network: Adam, cross-entropy, early stopping, calibration."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.datasets.splits import Split, balanced_rows, split_table
from iceclass.datasets.store import FeatureStore
from iceclass.datasets.table import SPLITS, Table
from iceclass.descriptors import from_dict
from iceclass.errors import InputError, MissingDependencyError
from iceclass.evaluation.metrics import DIGITS, Evaluation, evaluate
from iceclass.io.output.csv_tables import write_csv
from iceclass.model.network import Model
from iceclass.model.novelty import fit_novelty, likely_classes
from iceclass.training.optimise import Epoch, Fit, TrainingConfig


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained model and how it got there.

    Attributes
    ----------
    evaluation
        On the test rows; None where the split leaves none.
    history
        Every epoch; :attr:`best_epoch` is the one whose weights were kept.
    split
        Which row was on which side.
    """

    model: Model
    evaluation: Evaluation | None
    history: tuple[Epoch, ...]
    best_epoch: int
    split: Split = field(repr=False)

    def write_history(self, path: str | Path) -> Path:
        """Write the epochs as CSV; an existing file is replaced."""
        columns = tuple(Epoch.__dataclass_fields__)
        rows = ([getattr(epoch, name) for name in columns] for epoch in self.history)
        return write_csv(path, columns, rows, force=True, digits=DIGITS)


__all__ = ["Epoch", "TrainingConfig", "TrainingResult", "train"]


def train(
    source: str | Path | FeatureStore | Table,
    config: TrainingConfig | None = None,
    *,
    command: str = "",
    progress: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Train a model on a feature store (or a table of one) and test it.

    The split is by preparation. Where no phase has a preparation left for validation (two
    preparations each: one trains, one tests), early stopping watches the training loss, the
    temperature stays 1 and the novelty threshold is set on the training rows; where only some
    phases have, validation covers those. Either is written in ``model.record["validation"]``.

    Parameters
    ----------
    command
        Command line, for the record.
    progress
        Called after every epoch.

    Raises
    ------
    InputError
        Fewer than two classes, a class without training rows, or a phase that cannot be split.
    MissingDependencyError
        PyTorch or scikit-learn is not installed.
    """
    try:
        import sklearn
        import torch
    except ImportError as error:
        raise MissingDependencyError("training", "PyTorch and scikit-learn", "train") from error
    config = config or TrainingConfig()
    started = time.perf_counter()
    table = _table(source, config)
    classes = table.classes
    if len(classes) < 2:
        raise InputError(f"the data hold only {', '.join(classes)}; training needs two phases")
    split = split_table(table, config.split, config.fractions, config.seed)
    target = table.target(classes)
    rows = {side: split.index(side) for side in SPLITS}
    if config.balance == "sample":
        rows["train"] = rows["train"][balanced_rows(target[rows["train"]], seed=config.seed)]
    for c, name in enumerate(classes):
        if not (target[rows["train"]] == c).any():
            raise InputError(f"phase {name} has no rows to train on")
    mean, scale = standardiser(table.features, rows["train"])
    z = {side: (table.features[rows[side]] - mean) / scale for side in ("train", "validation")}
    y = {side: target[rows[side]] for side in ("train", "validation")}
    threads = torch.get_num_threads()
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    try:
        fit = Fit(z, y, len(classes), config)
        history, best = fit.run(progress)
        fit.correct_biases(config.bias_correction)
        temperature = fit.temperature() if config.calibrate else 1.0
    finally:
        torch.set_num_threads(threads)
    has_validation = len(rows["validation"]) > 0
    threshold_side = "validation" if has_validation else "train"
    novelty = fit_novelty(
        z["train"],
        y["train"],
        len(classes),
        quantile=config.novelty_quantile,
        margin=config.novelty_margin,
        held_out=z[threshold_side],
        likely=likely_classes(fit.logits(threshold_side).numpy()),
        density=None if table.density is None else table.density[rows["train"]],
    )
    record = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "config": asdict(config),
        "versions": {
            "iceclass": __version__,
            "numpy": np.__version__,
            "torch": torch.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "feature_names": list(table.feature_names),
        "split": {"by": config.split, **_describe_split(table, split, rows)},
        "validation": _describe_validation(split, has_validation, config),
        "best_epoch": best,
        "history": [[_json(v) for v in asdict(epoch).values()] for epoch in history],
        "history_columns": list(Epoch.__dataclass_fields__),
    }
    weights, biases = fit.arrays()
    model = Model(
        descriptor=from_dict(dict(table.descriptor)),
        classes=classes,
        mean=mean,
        scale=scale,
        weights=weights,
        biases=biases,
        temperature=temperature,
        novelty=novelty,
        record=record,
    )
    evaluation = None
    if len(rows["test"]):
        what = f"test rows, split by {config.split}"
        evaluation = evaluate(model, table.rows(rows["test"]), description=what)
    record |= {
        "test": None if evaluation is None else evaluation.summary(),
        "seconds": round(time.perf_counter() - started, 1),
    }
    return TrainingResult(replace(model, record=record), evaluation, tuple(history), best, split)


def _table(source: str | Path | FeatureStore | Table, config: TrainingConfig) -> Table:
    if isinstance(source, str | Path):
        source = FeatureStore.open(source)
    if isinstance(source, FeatureStore):
        return source.load(max_rows=config.max_rows, seed=config.seed)
    if config.max_rows is None or np.bincount(source.trajectory).max(initial=0) <= config.max_rows:
        return source
    kept = balanced_rows(source.trajectory, config.max_rows, config.seed)
    return source.rows(kept)


def standardiser(
    features: NDArray[np.float32], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(F,) mean and standard deviation over some rows; scale 1 for features that are constant.

    Constant: varying by less than float32 resolves beside the mean, so that dividing by the
    deviation would blow up rounding.
    """
    mean = np.zeros(features.shape[1])
    square = np.zeros(features.shape[1])
    for part in np.array_split(rows, max(1, len(rows) // 65536)):
        mean += features[part].sum(axis=0, dtype=np.float64) / len(rows)
    for part in np.array_split(rows, max(1, len(rows) // 65536)):
        square += ((features[part] - mean) ** 2).sum(axis=0) / len(rows)
    scale = np.sqrt(square)
    scale[scale <= np.maximum(1e-6 * np.abs(mean), 1e-20)] = 1.0
    return mean.astype(np.float32), scale.astype(np.float32)


def _describe_split(
    table: Table, split: Split, rows: Mapping[str, NDArray[np.int64]]
) -> dict[str, Any]:
    """Preparations, trajectories and rows of every side, for the record."""
    described: dict[str, Any] = {
        "without_validation": list(split.without_validation),
        "without_test": list(split.without_test),
    }
    for side in SPLITS:
        own = table.trajectory[rows[side]]
        infos = [table.trajectories[i] for i in np.unique(own)]
        described[side] = {
            "rows": len(own),
            "trajectories": len(infos),
            "preparations": {
                phase: sorted({t.preparation for t in infos if t.phase == phase})
                for phase in table.classes
            },
        }
    return described


def _describe_validation(
    split: Split, has_validation: bool, config: TrainingConfig
) -> dict[str, Any]:
    """What early stopping, temperature and novelty threshold were decided on, in words."""
    if not has_validation:
        return {
            "phases_without": list(split.without_validation),
            "early_stopping": "training loss: no preparation was left for validation",
            "temperature": "1: no preparation was left for validation",
            "novelty_threshold": "training rows: no preparation was left for validation",
        }
    gaps = ", ".join(split.without_validation)
    note = f" (of the phases other than {gaps})" if gaps else ""
    return {
        "phases_without": list(split.without_validation),
        "early_stopping": f"validation loss{note}",
        "temperature": f"validation loss{note}" if config.calibrate else "1: not calibrated",
        "novelty_threshold": f"validation rows{note}",
    }


def _json(value: float) -> float | None:
    return None if math.isnan(value) else value
