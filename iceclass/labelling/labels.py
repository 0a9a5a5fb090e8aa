"""The labels of a trajectory as a value, and the files that are made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis.observer import Record
from iceclass.analysis.statistics import BlockAverage, as_json, phase_statistics
from iceclass.files import replacing
from iceclass.phases import UNKNOWN


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of T frames and how they were made.

    Attributes
    ----------
    source
        The trajectory's path, or what kind of object was given.
    classes
        The C class names; a label is an index into them, −1 is :data:`~iceclass.phases.UNKNOWN`.
    frames, timesteps, molecules
        (T,) int64. Frame number counted from 0 in the source, simulation step, molecules.
    counts
        (T, C + 1) int64. Molecules per class, the last column those called unknown.
    mean_confidence
        (T,) float64. Mean over molecules of the probability of the class they were given.
    labels, probabilities
        Per frame (N,) int8 and (N, C) float32, in the order of :attr:`Frame.positions`;
        ``None`` if they were not to be kept.
    skipped
        What was left out under ``on_error="skip"``, one message each.
    parameters
        Model, model id, descriptor, package version, and the options of the call.
    observed
        Name of an observer → frame number and record of each of the T frames.
    open_frames
        How many frames have no periodic boundary.
    """

    source: str
    classes: tuple[str, ...]
    frames: NDArray[np.int64]
    timesteps: NDArray[np.int64]
    molecules: NDArray[np.int64]
    counts: NDArray[np.int64]
    mean_confidence: NDArray[np.float64]
    labels: tuple[NDArray[np.int8], ...] | None
    probabilities: tuple[NDArray[np.float32], ...] | None
    skipped: tuple[str, ...]
    parameters: Mapping[str, Any]
    observed: Mapping[str, Sequence[tuple[int, Record]]]
    open_frames: int = 0

    def __repr__(self) -> str:
        share = ", ".join(
            f"{name} {100 * f:.1f} %" for name, f in self.mean_fractions.items() if f >= 0.0005
        )
        return f"Labels({len(self.frames)} frames of {self.source}: {share})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :attr:`counts` and :attr:`fractions`."""
        return (*self.classes, UNKNOWN)

    @property
    def fractions(self) -> NDArray[np.float64]:
        """(T, C + 1) float64. Fraction of each frame's molecules in each class and unknown."""
        return self.counts / np.maximum(self.molecules, 1)[:, None]

    @property
    def mean_fractions(self) -> dict[str, float]:
        """Class → fraction of all molecules of all frames."""
        total = self.counts.sum(axis=0) / max(int(self.molecules.sum()), 1)
        return {name: float(f) for name, f in zip(self.columns, total, strict=True)}

    @property
    def statistics(self) -> dict[str, BlockAverage]:
        """Class → mean over frames of its fraction, with the standard error of the mean."""
        return phase_statistics(self.counts, self.columns)

    def write_csv(self, path: Path, *, force: bool = False) -> None:
        """One row a frame: frame, timestep, molecules, fraction of each class, unknown."""
        with replacing(path, force=force) as temporary:
            lines = [",".join(("frame", "timestep", "molecules", *self.columns))]
            for row in range(len(self.frames)):
                numbers = (self.frames[row], self.timesteps[row], self.molecules[row])
                fractions = (f"{f:.6f}" for f in self.fractions[row])
                lines.append(",".join((*map(str, numbers), *fractions)))
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_summary(self, path: Path, *, force: bool = False) -> None:
        """JSON: legend (class index → name), mean fractions, parameters, frames left out, open."""
        content = {
            "source": self.source,
            "legend": {str(k): name for k, name in enumerate(self.classes)} | {"-1": UNKNOWN},
            "frames": len(self.frames),
            "molecules": int(self.molecules.max()),
            "mean_fractions": self.mean_fractions,
            "statistics": as_json(self.statistics),
            "mean_confidence": float(np.average(self.mean_confidence, weights=self.molecules)),
            "open_frames": self.open_frames,
            "skipped": list(self.skipped),
            **self.parameters,
        }
        with replacing(path, force=force) as temporary:
            text = json.dumps(content, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")
