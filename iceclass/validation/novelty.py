"""What is none of the classes: how well the novelty score tells it from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.reference import ReferenceTrajectory
from iceclass.frame import Frame
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN
from iceclass.prediction import Prediction
from iceclass.validation.cases import Case, compressed_ices, no_ices, other_ices
from iceclass.validation.inputs import Inputs, evenly_spread

SAME = {"ice0": "0", "CS2": "16"}
"""GenIce2's lattices that have another name where each comes once."""

FALSE_ALARMS = 0.01
"""At which the share detected is given, whatever the model's own threshold."""


def measure(inputs: Inputs) -> dict[str, Any]:
    """Held-out molecules by class, and rows of what is none of the classes or on their edge.

    Raises
    ------
    InputError
        The model's record does not tell what it was made with.
    """
    model, ices = inputs.model, inputs.data("lattices.h5")
    known, classes = known_molecules(model, inputs.held_out, inputs.frames)
    tested = [t for t in inputs.held_out if t.split == "test"]
    cases = chain(other_ices(ices), compressed_ices(ices, tested), no_ices(ices))
    trained = {
        t.phase
        for t in ices
        for name in (t.phase, SAME.get(t.metadata["lattice"], t.metadata["lattice"]))
        if inputs.trained_on("lattice", name)
    }
    if inputs.trained_on("random"):
        trained.add("random points")
    rows = [{**row, "trained": row["name"] in trained} for row in novelty_rows(model, known, cases)]
    threshold = None if model.novelty is None else model.novelty.threshold
    classes = [{**row, "trained": True} for row in classes]
    return {"threshold": threshold, "classes": classes, "rows": rows}


def auroc(negative: NDArray[Any], positive: NDArray[Any]) -> float:
    """The chance that a score of ``positive`` is above one of ``negative``; ties count half.

    Infinite scores are taken as the largest finite number.
    """
    from sklearn.metrics import roc_auc_score

    scores = np.nan_to_num(np.concatenate([negative, positive]).astype(np.float64))
    return float(roc_auc_score(np.repeat([0, 1], [len(negative), len(positive)]), scores))


def classify_all(model: Model, frames: Iterable[Frame]) -> list[Prediction]:
    """The model's predictions, one a frame."""
    return [model.classify(frame) for frame in frames]


def known_molecules(
    model: Model, trajectories: Iterable[ReferenceTrajectory], frames: int
) -> tuple[list[Prediction], list[dict[str, Any]]]:
    """Predictions for the held-out molecules, and by class how many are called unknown."""
    predictions: dict[str, list[Prediction]] = {}
    for t in trajectories:
        chosen = [t.frames[k] for k in evenly_spread(len(t.frames), frames)]
        predictions.setdefault(t.phase, []).extend(classify_all(model, chosen))
    rows = []
    for phase in sorted(predictions, key=model.classes.index):
        names = np.concatenate([p.names for p in predictions[phase]])
        rows.append(
            {
                "phase": phase,
                "molecules": len(names),
                "accuracy": float(np.mean(names == phase)),
                "unknown": float(np.mean(names == UNKNOWN)),
            }
        )
    return [p for own in predictions.values() for p in own], rows


def novelty_rows(
    model: Model, known: Iterable[Prediction], cases: Iterable[Case]
) -> list[dict[str, Any]]:
    """One row a case: share called unknown, AUROC against ``known``, share detected.

    ``auroc_confidence`` is what 1 − confidence would achieve in place of the novelty score.
    """
    known = list(known)
    base = np.concatenate([p.novelty for p in known])
    unsure = 1.0 - np.concatenate([p.confidence for p in known])
    limit = np.quantile(base, 1.0 - FALSE_ALARMS)
    rows = []
    for case in cases:
        found = classify_all(model, case.frames)
        if case.counted is not None:
            found = [p.only(chosen) for p, chosen in zip(found, case.counted, strict=True)]
        names = np.concatenate([p.names for p in found])
        novelty = np.concatenate([p.novelty for p in found])
        labelled = Counter(names[names != UNKNOWN].tolist()).most_common(1)
        right = case.right_for(model.classes)
        rows.append(
            {
                "name": case.name,
                "condition": case.condition,
                "expected": right,
                "twin": case.twin,
                "molecules": len(names),
                "unknown": float(np.mean(names == UNKNOWN)),
                "auroc": auroc(base, novelty),
                "auroc_confidence": auroc(
                    unsure, 1.0 - np.concatenate([p.confidence for p in found])
                ),
                "detected": float(np.mean(novelty > limit)),
                "as_expected": float(np.mean(names == right)),
                "most_often": labelled[0][0] if labelled else "",
            }
        )
    return rows
