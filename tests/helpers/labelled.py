"""Frames with labels to analyse: random ones, and the demo trajectory with the shipped model's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

import iceclass
from iceclass.frame import Frame
from iceclass.model.file import load_model
from iceclass.prediction import Prediction

DEMO = Path(__file__).parents[2] / "demo" / "melting-slab.lammpstrj.gz"
CLASSES = ("ih", "ic", "water", "lda")


def prediction(labels: ArrayLike, classes: Sequence[str] = CLASSES, seed: int = 0) -> Prediction:
    """A prediction of these labels with random probabilities that agree with them."""
    labels = np.asarray(labels, dtype=np.int64)
    rng = np.random.default_rng(seed)
    raw = rng.dirichlet(np.ones(len(classes)), size=len(labels))
    best = raw.argmax(axis=1)
    rows = np.flatnonzero(labels >= 0)
    raw[rows, best[rows]], raw[rows, labels[rows]] = (
        raw[rows, labels[rows]],
        raw[rows, best[rows]],
    )
    probabilities = raw.astype(np.float32)
    return Prediction(
        labels=labels,
        probabilities=probabilities,
        confidence=probabilities.max(axis=1, initial=0.0),
        novelty=np.zeros(len(labels), dtype=np.float32),
        classes=tuple(classes),
        model_id="0123456789ab",
    )


def random_labels(n: int, seed: int = 0, classes: Sequence[str] = CLASSES) -> Prediction:
    """Labels from −1 to C − 1, evenly at random."""
    rng = np.random.default_rng([seed, n])
    return prediction(rng.integers(-1, len(classes), n), classes, seed)


@cache
def demo_frames() -> tuple[tuple[Frame, Prediction], ...]:
    """Every fifth frame of the demo trajectory, an ice slab that melts, labelled."""
    model = load_model("default")
    frames = iceclass.read(DEMO, every=5)
    return tuple((f, model.predict(model.descriptor.compute(f), unknown=False)) for f in frames)
