"""Trajectories of the classes that a model was not made with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from iceclass.datasets.reference import ReferenceTrajectory, load_reference
from iceclass.errors import InputError
from iceclass.evaluation.held_out import training_preparations
from iceclass.model.network import Model

TRANSFER = Path(__file__).parents[1] / "data" / "transfer.h5"
"""Other water models."""


def held_out(model: Model, sources: Iterable[Path | None] = (None,)) -> list[ReferenceTrajectory]:
    """The trajectories of the model's classes of preparations that neither trained nor validated.

    ``sources`` are compact data sets, None the shipped one.

    Raises
    ------
    InputError
        The model's record does not tell what it was made with, or there are none.
    """
    known = training_preparations(model)
    if not known:
        raise InputError("the model's record does not tell which preparations it was trained on")
    found = [
        t
        for source in sources
        for t in load_reference(source)
        if t.phase in model.classes and (t.phase, t.preparation) not in known
    ]
    if not found:
        raise InputError("every trajectory of the reference has trained or validated the model")
    return found


def transferred(model: Model, path: Path = TRANSFER) -> Iterator[ReferenceTrajectory]:
    """The trajectories of other water models, of the model's classes."""
    return (t for t in load_reference(path) if t.phase in model.classes)


def places(total: int, wanted: int) -> list[int]:
    """``wanted`` indices spread evenly over so many frames, both ends among them."""
    return sorted({round(x) for x in np.linspace(0, total - 1, min(wanted, total))})
