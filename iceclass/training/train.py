"""Training the 100–100–C tanh network: Adam, cross-entropy, early stopping, calibration."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.datasets.splits import Split, balanced_rows, split_table
from iceclass.datasets.store import FeatureStore
from iceclass.datasets.table import SPLITS, Table, TrajectoryInfo
from iceclass.descriptors import from_dict
from iceclass.errors import InputError, MissingDependencyError, unknown_name
from iceclass.evaluation.metrics import DIGITS, Evaluation, evaluate
from iceclass.io.output.csv_tables import write_csv
from iceclass.model.network import Model, activations
from iceclass.model.novelty import Novelty, fit_novelty, likely_classes, log_odds
from iceclass.model.scaler import Scaler
from iceclass.phases import EITHER, OTHER
from iceclass.training.config import TrainingConfig
from iceclass.training.optimise import Edge, Epoch, Fit

LEAST_LOG_ODDS = -2.0
"""At which a molecule may be called unknown: on clean validation data the odds for none of the
classes are far smaller, and another potential raises them."""


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained model and how it got there.

    Attributes
    ----------
    evaluation
        On the test rows; None where the split leaves none.
    history
        Every epoch; :attr:`best_epoch` is the one whose weights were kept.
    table
        What it was trained and tested on: the rows of the classes.
    split
        Which row of the table was on which side.
    """

    model: Model
    evaluation: Evaluation | None
    history: tuple[Epoch, ...]
    best_epoch: int
    table: Table = field(repr=False)
    split: Split = field(repr=False)

    def write_history(self, path: str | Path) -> Path:
        """Write the epochs as CSV; an existing file is replaced."""
        columns = tuple(Epoch.__dataclass_fields__)
        rows = ([getattr(epoch, name) for name in columns] for epoch in self.history)
        return write_csv(path, columns, rows, force=True, digits=DIGITS)


__all__ = ["LEAST_LOG_ODDS", "Epoch", "TrainingConfig", "TrainingResult", "train"]


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
        PyTorch is not installed.
    """
    try:
        import torch  # noqa: F401  # before the data are read for minutes
    except ImportError as error:
        raise MissingDependencyError("training", "PyTorch", "train") from error
    config = config or TrainingConfig()
    started = time.perf_counter()
    data = _prepare(_tables(source, config), config)
    fit, history, best = _optimise(data, config, progress)
    weights, biases = fit.arrays()
    model = Model(
        descriptor=from_dict(dict(data.table.descriptor)),
        classes=data.classes,
        mean=data.scaler.mean,
        scale=data.scaler.scale,
        weights=weights,
        biases=biases,
        temperature=fit.temperature() if config.calibrate else 1.0,
        novelty=_novelty(data, fit, config),
    )
    evaluation = None
    if len(data.rows["test"]):
        what = f"test rows, split by {config.split}"
        evaluation = evaluate(model, data.table.rows(data.rows["test"]), description=what)
    record = _record(data, config, command, history, best) | {
        "test": None if evaluation is None else evaluation.summary(),
        "seconds": round(time.perf_counter() - started, 1),
    }
    model = replace(model, record=record)
    return TrainingResult(model, evaluation, tuple(history), best, data.table, data.split)


@dataclass(frozen=True, eq=False)
class _Data:
    """The rows of every side of a split, and what training makes of them.

    Attributes
    ----------
    rows
        Side → its rows of the table.
    z, y
        "train" and "validation" → (R, F) float32 standardised features, (R,) int64 classes.
    edge, other
        Rows of molecules at boundaries and of what is none of the classes, if there are any.
    """

    table: Table
    classes: tuple[str, ...]
    split: Split
    rows: Mapping[str, NDArray[np.int64]]
    scaler: Scaler
    z: Mapping[str, NDArray[np.float32]]
    y: Mapping[str, NDArray[np.int64]]
    edge: Table | None
    other: Table | None

    @property
    def sets(self) -> NDArray[np.bool_]:
        """(B, C) which classes meet at the B kinds of boundary."""
        kinds = () if self.edge is None else self.edge.classes
        either = [[c in kind.split(EITHER) for c in self.classes] for kind in kinds]
        return np.array(either, dtype=bool).reshape(len(kinds), len(self.classes))

    @property
    def threshold_side(self) -> str:
        """The side that the threshold for unknown is set on."""
        return "validation" if len(self.rows["validation"]) else "train"


def _prepare(tables: tuple[Table, Table | None, Table | None], config: TrainingConfig) -> _Data:
    """Split, balance and standardise the rows of a table; the others are as they are."""
    table, edge, other = tables
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
    scaler = Scaler.fit(table.features, rows["train"])
    sides = ("train", "validation")
    z = {side: scaler.standardise(table.features[rows[side]]) for side in sides}
    y = {side: target[rows[side]] for side in sides}
    return _Data(table, classes, split, rows, scaler, z, y, edge, other)


def _optimise(
    data: _Data, config: TrainingConfig, progress: Callable[[Epoch], None] | None
) -> tuple[Fit, list[Epoch], int]:
    """The fitted network, every epoch, and the best one."""
    import torch

    threads = torch.get_num_threads()
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    try:
        told = dict(config.factors)
        factors = np.array([told.get(name, 1.0) for name in data.classes])
        fit = Fit(data.z, data.y, len(data.classes), config, *_further(data), factors)
        history, best = fit.run(progress)
        fit.correct_biases(config.bias_correction)
    finally:
        torch.set_num_threads(threads)
    return fit, history, best


def _further(data: _Data) -> tuple[Edge | None, NDArray[np.float32] | None]:
    """What trains beside the classes: standardised rows at boundaries, and of none of them."""
    edge, other = data.edge, data.other
    return (
        None
        if edge is None
        else Edge(data.scaler.standardise(edge.features), edge.target(edge.classes), data.sets),
        None if other is None else data.scaler.standardise(other.features),
    )


def _novelty(data: _Data, fit: Fit, config: TrainingConfig) -> Novelty:
    """The score for unknown, its thresholds set on the validation where there is one.

    A molecule at a boundary belongs to the class of those meeting there that is the most probable.
    """
    held_out = data.z[data.threshold_side]
    z, y = data.z["train"], data.y["train"]
    if fit.edge is not None:
        z = np.concatenate([z, fit.edge.z])
        y = np.append(y, fit.most_probable_at_edges())
    logits = fit.logits(data.threshold_side)[: len(held_out)].numpy()  # more rows may train
    novelty = fit_novelty(
        z,
        y,
        len(data.classes),
        quantile=config.novelty_quantile,
        margin=config.novelty_margin,
        held_out=held_out,
        likely=likely_classes(logits),
    )
    other = fit.other()
    if other is not None:
        weights, biases = fit.arrays()
        hidden = activations(held_out @ weights[0].T, weights, biases)
        odds = np.quantile(log_odds(hidden, logits, other), config.novelty_quantile)
        other[-1] -= max(float(odds), LEAST_LOG_ODDS) + math.log(config.novelty_margin)
    return replace(novelty, other=other)


def _record(
    data: _Data, config: TrainingConfig, command: str, history: list[Epoch], best: int
) -> dict[str, Any]:
    """How the model was made; JSON-serialisable."""
    import torch

    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "config": asdict(config),
        "versions": {
            "iceclass": __version__,
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "feature_names": list(data.table.feature_names),
        "split": {"by": config.split, **_describe_split(data.table, data.split, data.rows)},
        "other": {} if data.other is None else _by_phase(data.other.trajectories),
        "validation": _describe_validation(data.split, data.threshold_side == "validation", config),
        "best_epoch": best,
        "history": [[_json(v) for v in asdict(epoch).values()] for epoch in history],
        "history_columns": list(Epoch.__dataclass_fields__),
    }


def _tables(
    source: str | Path | FeatureStore | Table, config: TrainingConfig
) -> tuple[Table, Table | None, Table | None]:
    """The rows of the classes, those at their boundaries, and those of none of them that train."""
    if isinstance(source, str | Path):
        source = FeatureStore.open(source)
    if isinstance(source, FeatureStore):
        source = source.load(max_rows=config.max_rows, seed=config.seed)
    elif config.max_rows is not None:
        source = source.rows(balanced_rows(source.trajectory, config.max_rows, config.seed))
    pure = [name for name in source.classes if EITHER not in name]
    classes = config.classes or tuple(name for name in pure if name != OTHER)
    for name in classes:
        if name not in pure:
            raise unknown_name("phase", name, pure)
    for name in dict(config.factors):
        if name not in classes:
            raise unknown_name("phase with a factor", name, classes)

    def trains(t: TrajectoryInfo) -> bool:
        return t.split in ("", "train")

    table = source.of(lambda t: t.phase in classes)
    edge = source.of(
        lambda t: EITHER in t.phase and trains(t) and set(t.phase.split(EITHER)) <= set(classes)
    )
    other = source.of(lambda t: t.phase in pure and t.phase not in classes and trains(t))
    return table, edge if len(edge) else None, other if len(other) else None


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
            "preparations": {phase: [] for phase in table.classes} | _by_phase(infos),
        }
    return described


def _by_phase(infos: Iterable[TrajectoryInfo]) -> dict[str, list[str]]:
    """Phase → names of its preparations."""
    found = defaultdict(set)
    for info in infos:
        found[info.phase].add(info.preparation)
    return {phase: sorted(names) for phase, names in found.items()}


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
