"""Which molecules a model gets wrong, some of them one by one, and what made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.table import Table, order_classes
from iceclass.evaluation.explain import attributions
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN
from iceclass.prediction import Prediction


@dataclass(frozen=True)
class Mistake:
    """A row of a table that was labelled as another phase than its trajectory's.

    Attributes
    ----------
    row
        Its place in the table.
    trajectory, frame, timestep, molecule
        Where it is from: frame from 0, simulation step, atom id of the oxygen.
    phase, confused_with
        Of the trajectory, and the label given.
    most_probable, probability
        The most probable class and its probability; the label, unless that is "unknown".
    probability_of_phase
        Of the right class; NaN where the phase is none of the model's classes.
    novelty
        Its score.
    features
        Names of the most responsible features with how much each did. Where one class was taken
        for another: Integrated Gradients, from the training mean, of the logit of the label less
        that of the phase. Where it was called unknown: the distance from the mean of its phase's
        rows in the table, in standard deviations of the training.
    """

    row: int
    trajectory: str
    frame: int
    timestep: int
    molecule: int
    phase: str
    confused_with: str
    most_probable: str
    probability: float
    probability_of_phase: float
    novelty: float
    features: tuple[tuple[str, float], ...]


def wrong_rows(prediction: Prediction, table: Table) -> NDArray[np.bool_]:
    """(R,) Which rows are labelled wrong.

    For phases that are none of the model's classes "unknown" is the right label.
    """
    target = table.target(prediction.classes)
    return np.where(target < 0, prediction.labels >= 0, prediction.labels != target)


def find_mistakes(
    model: Model,
    table: Table,
    prediction: Prediction | None = None,
    *,
    per_phase: int = 6,
    n_features: int = 3,
) -> dict[str, tuple[Mistake, ...]]:
    """Examples of every phase's mistakes; phases without any are not there.

    The labels given take turns, the most frequent first, each with its most probable mistake
    (for "unknown": of the highest score), and every molecule stands there only once, however
    many frames it is mistaken in.

    Parameters
    ----------
    prediction
        What the model says of the table; default: it is asked.
    per_phase, n_features
        At most so many mistakes of each phase, so many features of each.
    """
    prediction = model.predict(table.features) if prediction is None else prediction
    wrong = np.flatnonzero(wrong_rows(prediction, table))
    phase = table.phase
    chosen = {
        name: _examples(wrong[phase[wrong] == name], prediction, table, per_phase)
        for name in order_classes(phase[wrong].tolist())
    }
    responsible = _responsible(model, table, prediction, np.concatenate([*chosen.values(), []]))
    return {
        name: tuple(
            _mistake(row, table, prediction, responsible[row], n_features) for row in rows.tolist()
        )
        for name, rows in chosen.items()
    }


def _examples(
    rows: NDArray[np.int64], prediction: Prediction, table: Table, n: int
) -> NDArray[np.int64]:
    """At most n of these rows, all of one phase, as :func:`find_mistakes` says."""
    label = prediction.labels[rows]
    score = np.where(label < 0, prediction.novelty[rows], prediction.confidence[rows])
    rows = rows[np.argsort(-score, kind="stable")]
    identity = np.column_stack([table.trajectory[rows], table.molecule[rows]])
    rows = rows[np.sort(np.unique(identity, axis=0, return_index=True)[1])]
    labels, inverse, counts = np.unique(
        prediction.labels[rows], return_inverse=True, return_counts=True
    )
    turn = np.empty(len(rows), np.int64)
    for k in range(len(labels)):
        turn[inverse == k] = np.arange(counts[k])
    return rows[np.lexsort((-counts[inverse], turn))][:n].astype(np.int64)


def _responsible(
    model: Model, table: Table, prediction: Prediction, rows: NDArray[Any]
) -> dict[int, NDArray[np.float64]]:
    """Row → (F,) how much every feature did for the wrong label."""
    rows = rows.astype(np.int64)
    target, label = table.target(model.classes)[rows], prediction.labels[rows]
    found: dict[int, NDArray[np.float64]] = {}
    unknown = rows[label < 0]
    means = {
        name: table.features[table.phase == name].mean(axis=0)
        for name in set(table.phase[unknown].tolist())
    }
    for row, name in zip(unknown.tolist(), table.phase[unknown].tolist(), strict=True):
        found[row] = (table.features[row] - means[name]) / model.scale
    named = label >= 0
    if not named.any():
        return found
    features = table.features[rows[named]]
    values = attributions(model, features, label[named])
    own = target[named] >= 0
    if own.any():
        values[own] -= attributions(model, features[own], target[named][own])
    return found | dict(zip(rows[named].tolist(), values, strict=True))


def _mistake(
    row: int, table: Table, prediction: Prediction, did: NDArray[np.float64], n: int
) -> Mistake:
    info = table.trajectories[table.trajectory[row]]
    probabilities = prediction.probabilities[row]
    label = int(prediction.labels[row])
    # of an unknown molecule either sign is strange; a wrong class is what pushes towards it
    order = np.argsort(-np.abs(did) if label < 0 else -did, kind="stable")[:n]
    return Mistake(
        row=row,
        trajectory=info.name,
        frame=int(table.frame[row]),
        timestep=int(table.timestep[row]),
        molecule=int(table.molecule[row]),
        phase=info.phase,
        confused_with=prediction.classes[label] if label >= 0 else UNKNOWN,
        most_probable=prediction.classes[int(probabilities.argmax())],
        probability=float(probabilities.max()),
        probability_of_phase=float(probabilities[prediction.classes.index(info.phase)])
        if info.phase in prediction.classes
        else float("nan"),
        novelty=float(prediction.novelty[row]),
        features=tuple((table.feature_names[i], float(did[i])) for i in order),
    )
