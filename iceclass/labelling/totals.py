"""What is known of all labelled frames together, in memory that their number does not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from iceclass.analysis.statistics import BlockAverage, RunningAverages


class Totals:
    """Sums over the records of frames, and what is made of them.

    Parameters
    ----------
    columns
        C + 1: the classes and unknown.

    Attributes
    ----------
    frames, molecules
        How many of each.
    largest
        Molecules of the frame that has most.
    counts
        (C + 1,) int64. Molecules by class.
    open_frames
        Frames without periodic boundary.
    first, last
        The records of the first and the last frame, if there is one.
    """

    def __init__(self, columns: int) -> None:
        self.frames = self.molecules = self.largest = self.open_frames = 0
        self.counts = np.zeros(columns, dtype=np.int64)
        self.first: Mapping[str, Any] | None = None
        self.last: Mapping[str, Any] | None = None
        self._fractions = RunningAverages(columns)
        self._confidence = RunningAverages(1)

    def add(self, record: Mapping[str, Any]) -> None:
        """A frame more; those without molecules have no fractions and are not averaged over."""
        molecules = record["molecules"]
        self.frames += 1
        self.molecules += molecules
        self.largest = max(self.largest, molecules)
        self.open_frames += record["open"]
        self.first, self.last = self.first or record, record
        if molecules:
            counts = np.array(record["counts"], dtype=np.int64)
            self.counts += counts
            self._fractions.add(counts / molecules)
            self._confidence.add(record["confidence"] * molecules)

    @property
    def mean_fractions(self) -> list[float]:
        """(C + 1,) fractions of all molecules of all frames."""
        return (self.counts / max(self.molecules, 1)).tolist()

    @property
    def mean_confidence(self) -> float:
        """Mean over the molecules of all frames of the probability of the class they were given."""
        return self._confidence.totals()[0] / max(self.molecules, 1)

    @property
    def statistics(self) -> list[BlockAverage]:
        """(C + 1,) means over the frames of the fractions, with their standard errors."""
        return self._fractions.averages()
