"""Known phases under perturbations that leave them what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from iceclass.datasets.perturb import (
    averaged,
    displaced,
    rounded,
    scaled,
    shrunk,
    waved,
    with_vacancies,
)
from iceclass.datasets.reference import ReferenceTrajectory
from iceclass.frame import Frame
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN
from iceclass.validation.cases import Case, crystals_at_0_kelvin, random_generator
from iceclass.validation.inputs import Inputs, evenly_spread
from iceclass.validation.means import mean_over

NONE = "none"
HELD_OUT, TRANSFERRED, LATTICES = "held out", "transfer", "lattices"
"""Where trajectories are from."""
LIQUIDS = ("water",)
"""Phases without a mean place of their molecules; what sharpens motion is not for them."""

Perturbation = Callable[[str, Sequence[Frame], int], list[Frame]]
"""From a trajectory's name, all its frames, and how many are wanted, to the changed ones."""


def _chosen(frames: Sequence[Frame], wanted: int) -> list[Frame]:
    return [frames[k] for k in evenly_spread(len(frames), wanted)]


def _density(factor: float) -> Perturbation:
    return lambda name, frames, wanted: [scaled(f, factor) for f in _chosen(frames, wanted)]


def _motion(sigma: float) -> Perturbation:
    def apply(name: str, frames: Sequence[Frame], wanted: int) -> list[Frame]:
        rng = random_generator(name, sigma)
        return [displaced(f, sigma, rng) for f in _chosen(frames, wanted)]

    return apply


def _seeded(change: Callable[[Frame, np.random.Generator], Frame], what: str) -> Perturbation:
    def apply(name: str, frames: Sequence[Frame], wanted: int) -> list[Frame]:
        rng = random_generator(name, what)
        return [change(f, rng) for f in _chosen(frames, wanted)]

    return apply


PERTURBATIONS: dict[str, Perturbation] = {
    NONE: lambda name, frames, wanted: _chosen(frames, wanted),
    "density × 0.95": _density(0.95),
    "density × 1.05": _density(1.05),
    "σ + 0.05 Å": _motion(0.05),
    "σ + 0.10 Å": _motion(0.10),
    "σ + 0.15 Å": _motion(0.15),
    "mean of 3 frames": lambda name, frames, wanted: _chosen(averaged(frames), wanted),
    "motion × 0.5": lambda name, frames, wanted: _chosen(shrunk(frames, 0.5), wanted),
    "mean place": lambda name, frames, wanted: shrunk(frames, 0.0)[:1],
    "density × 0.92": _density(0.92),
    "density × 1.08": _density(1.08),
    "1 % vacancies": _seeded(lambda frame, rng: with_vacancies(frame, 0.01, rng), "vacancies"),
    "wave of 0.3 Å": _seeded(lambda frame, rng: waved(frame, 0.3, rng), "wave"),
    "rounded to 0.1 Å": lambda name, frames, wanted: [
        rounded(f, 0.1) for f in _chosen(frames, wanted)
    ],
}
"""The three after the motions sharpen the thermal motion."""

SHARPER = ("mean of 3 frames", "motion × 0.5", "mean place")

VARIED = (
    *("density × 0.95", "density × 1.05", "σ + 0.05 Å", "σ + 0.10 Å", "σ + 0.15 Å"),
    *("motion × 0.5", "mean place"),
)
"""Perturbations within what ``iceclass augment`` makes by default: a model that it helped to train
has seen their like, of other preparations. The others no training has seen."""


def measure(inputs: Inputs) -> dict[str, Any]:
    """Rows of held-out trajectories, of those of other water models, and of lattices at 0 K.

    Raises
    ------
    InputError
        The model's record does not tell what it was made with.
    """
    model, augmented = inputs.model, inputs.trained_on("variation")
    rows = robustness_rows(model, HELD_OUT, inputs.held_out, inputs.frames)
    rows += robustness_rows(model, TRANSFERRED, inputs.transferred(), inputs.frames)
    for row in rows:
        changed = row["perturbation"]
        seen = changed == NONE or (augmented and changed in VARIED)
        row["trained"] = seen and inputs.water_model_trained(row["water_model"], row["phase"])
    still = lattice_rows(model, crystals_at_0_kelvin(inputs.data("lattices.h5")))
    lattices = inputs.trained_on("lattice")
    return {
        "held_out": [t.name for t in inputs.held_out],
        "rows": rows + [{**row, "trained": lattices} for row in still],
    }


def robustness_rows(
    model: Model, group: str, trajectories: Iterable[ReferenceTrajectory], frames: int
) -> list[dict[str, Any]]:
    """One row a trajectory and perturbation; ``group`` says where the trajectories are from.

    ``without_unknown`` is the accuracy when the model may not say unknown.
    """
    rows = []
    for t in trajectories:
        for name, change in PERTURBATIONS.items():
            if t.phase in LIQUIDS and name in SHARPER:
                continue
            found = _score(model, change(t.name, t.frames, frames), t.phase)
            rows.append(
                {
                    "group": group,
                    "water_model": t.model,
                    "phase": t.phase,
                    "trajectory": t.name,
                    "perturbation": name,
                    **found,
                }
            )
    return rows


def lattice_rows(model: Model, cases: Iterable[Case]) -> list[dict[str, Any]]:
    """The same of structures at 0 K."""
    return [
        {
            "group": LATTICES,
            "water_model": "",
            "phase": case.name,
            "trajectory": "",
            "perturbation": case.condition,
            **_score(model, case.frames, case.expected),
        }
        for case in cases
        if case.expected in model.classes
    ]


def _score(model: Model, frames: Iterable[Frame], phase: str) -> dict[str, Any]:
    predictions = [model.classify(frame) for frame in frames]
    names = np.concatenate([p.names for p in predictions])
    best = np.concatenate([p.probabilities.argmax(axis=1) for p in predictions])
    return {
        "molecules": len(names),
        "accuracy": float(np.mean(names == phase)),
        "unknown": float(np.mean(names == UNKNOWN)),
        "without_unknown": float(np.mean(best == model.classes.index(phase))),
    }


def rows_by_condition(
    rows: Sequence[dict[str, Any]],
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """(group or water model, perturbation) → its rows."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        source = row["water_model"] if row["group"] == TRANSFERRED else row["group"]
        found.setdefault((source, row["perturbation"]), []).append(row)
    return found


def by_phase(
    rows: Sequence[dict[str, Any]], key: str = "accuracy"
) -> dict[tuple[str, str], dict[str, float]]:
    """(group or water model, perturbation) → phase → mean of ``key`` over molecules."""
    return {
        head: {
            phase: mean_over([row for row in own if row["phase"] == phase], key)
            for phase in dict.fromkeys(row["phase"] for row in own)
        }
        for head, own in rows_by_condition(rows).items()
    }
