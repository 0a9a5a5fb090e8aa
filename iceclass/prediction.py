"""What a model says of the molecules of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.phases import UNKNOWN

UNKNOWN_LABEL = -1
"""Label of a molecule unlike anything in the training set."""

OUTSIDE_REGION = -2
"""Label of a molecule that was not selected to be classified."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of N molecules.

    Attributes
    ----------
    labels
        (N,) int64, index into :attr:`classes`; −1 for unknown, −2 for molecules not selected.
    probabilities
        (N, C) float32, calibrated; they sum to 1 whether the molecule is known or not.
    confidence
        (N,) float32, the largest probability.
    novelty
        (N,) float32, the score of :mod:`iceclass.model.novelty`; 0 where the model has none.
    classes
        The C class names.
    model_id
        Of the model that made it.
    further
        Name of a column → (N,) what other methods say of the molecules.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    confidence: NDArray[np.float32]
    novelty: NDArray[np.float32]
    classes: tuple[str, ...]
    model_id: str
    further: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def only(self, selected: NDArray[np.bool_]) -> Prediction:
        """What is said of those molecules for which the (N,) ``selected`` is true."""
        keys = ("labels", "probabilities", "confidence", "novelty")
        further = {name: values[selected] for name, values in self.further.items()}
        return replace(self, **{key: getattr(self, key)[selected] for key in keys}, further=further)

    @property
    def names(self) -> NDArray[np.str_]:
        """(N,) class names, "unknown" for −1, empty for −2."""
        return np.array([*self.classes, "", UNKNOWN], dtype=str)[self.labels]
