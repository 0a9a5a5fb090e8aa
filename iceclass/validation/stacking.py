"""Ice Ih or Ic, molecule by molecule, in ice whose stacking is disordered but known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.external.ovito import chill_plus, template_matching
from iceclass.model.network import Model
from iceclass.validation.cases import Case, stacking_cases
from iceclass.validation.inputs import Inputs
from iceclass.validation.means import mean_over

DYNAMICS, DISPLACED = "dynamics", "displaced lattice"
"""The two kinds of cases."""


def measure(inputs: Inputs) -> dict[str, Any]:
    """Rows of the stacking-disordered ices that train nothing, and figures over all of a kind.

    Raises
    ------
    InputError
        Ice Ih and Ic are not both among the classes.
    MissingDependencyError
        OVITO is not installed.
    """
    rows = stacking_rows(inputs.model, stacking_cases(inputs.data("stacking-test.h5")))
    trained = inputs.trained_on("stacking")
    rows = [{**row, "trained": trained} for row in rows]
    return {"overall": [overall(rows, kind) for kind in (DYNAMICS, DISPLACED)], "rows": rows}


def kind_of(condition: str) -> str:
    """Which kind a condition is."""
    return DISPLACED if condition.startswith("lattice") else DYNAMICS


def stacking_rows(model: Model, cases: Iterable[Case]) -> list[dict[str, Any]]:
    """One row a case: accuracy of the model, CHILL+ and template matching.

    ``X_decided`` is the share that X calls hexagonal or cubic, ``X_of_decided`` the accuracy
    among those; ``accuracy`` counts all others as wrong. ``without_unknown`` is what the model
    scores when it may not say unknown.
    """
    if not {"ih", "ic"} <= set(model.classes):
        raise InputError(f"classes are {', '.join(model.classes)}: expected ih and ic among them")
    rows = []
    for case in cases:
        assert case.truth is not None
        truth = np.tile(case.truth, len(case.frames))
        said, forced = _labels(model, case)
        row: dict[str, Any] = {
            "sequence": case.name,
            "condition": case.condition,
            "kind": kind_of(case.condition),
            "molecules": len(truth),
            "cubic": float(np.mean(truth == "ic")),
            "accuracy": float(np.mean(said == truth)),
            "unknown": float(np.mean(said == "unknown")),
            "without_unknown": float(np.mean(forced == truth)),
        }
        for phase in ("ih", "ic"):
            own = truth == phase
            row[f"recall_{phase}"] = float(np.mean(said[own] == phase)) if own.any() else None
        others = {
            "chill_plus": np.concatenate([chill_plus(f) for f in case.frames]),
            "ptm": np.concatenate([template_matching(f) for f in case.frames]),
            "ptm_no_limit": np.concatenate([template_matching(f, 0.0) for f in case.frames]),
        }
        for name, called in others.items():
            row |= _against(name, called, truth)
        rows.append(row)
    return rows


def _labels(model: Model, case: Case) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Names the model gives the molecules of all frames, and what it says without unknown."""
    predictions = [model.classify(frame) for frame in case.frames]
    classes = np.array(model.classes)
    return (
        np.concatenate([p.names for p in predictions]),
        np.concatenate([classes[p.probabilities.argmax(axis=1)] for p in predictions]),
    )


def _against(name: str, called: NDArray[np.str_], truth: NDArray[np.str_]) -> dict[str, Any]:
    decided = np.isin(called, ("ih", "ic"))
    right = called == truth
    return {
        f"{name}_accuracy": float(np.mean(right)),
        f"{name}_decided": float(np.mean(decided)),
        f"{name}_of_decided": float(np.mean(right[decided])) if decided.any() else None,
    }


def overall(rows: Iterable[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Figures over all molecules of one kind; accuracy among the decided weighs the decided."""
    chosen = [row for row in rows if row["kind"] == kind]
    found: dict[str, Any] = {"kind": kind, "molecules": sum(row["molecules"] for row in chosen)}
    for key in ("accuracy", "unknown", "without_unknown"):
        found[key] = mean_over(chosen, key)
    shares = {"ic": [row["cubic"] for row in chosen], "ih": [1 - row["cubic"] for row in chosen]}
    for phase, share in shares.items():
        own = [row["molecules"] * s for row, s in zip(chosen, share, strict=True)]
        found[f"recall_{phase}"] = mean_over(chosen, f"recall_{phase}", own)
    for name in ("chill_plus", "ptm", "ptm_no_limit"):
        for key in (f"{name}_accuracy", f"{name}_decided"):
            found[key] = mean_over(chosen, key)
        decided = [row["molecules"] * row[f"{name}_decided"] for row in chosen]
        found[f"{name}_of_decided"] = mean_over(chosen, f"{name}_of_decided", decided)
    return found
