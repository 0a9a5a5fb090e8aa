"""The labels of a trajectory as a value, and the files that are made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from iceclass.analysis.observer import Record
from iceclass.analysis.statistics import BlockAverage, as_json
from iceclass.files import write_json
from iceclass.io.output.csv_tables import fractions, write_csv
from iceclass.labelling.totals import Totals
from iceclass.phases import UNKNOWN

FrameRecords = Collection[Mapping[str, Any]]
"""What is known of each frame, beside its labels: a list, or a file that is read each time."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of T frames and how they were made.

    Attributes
    ----------
    source
        The trajectory's path, or what kind of object was given.
    classes
        The C class names; a label is an index into them, −1 is :data:`~iceclass.phases.UNKNOWN`.
    labels, probabilities
        Per frame (N,) int8 and (N, C) float32, in the order of :attr:`Frame.positions`;
        ``None`` if they were not to be kept.
    skipped
        What was left out under ``on_error="skip"``, one message each.
    parameters
        Model, model id, descriptor, package version, and the options of the call.
    totals
        What is known of all frames together.
    records
        What is known of each frame; where labels were not to be kept, read from a file.
    """

    source: str
    classes: tuple[str, ...]
    labels: tuple[NDArray[np.int8], ...] | None
    probabilities: tuple[NDArray[np.float32], ...] | None
    skipped: tuple[str, ...]
    parameters: Mapping[str, Any]
    totals: Totals
    records: FrameRecords

    def __repr__(self) -> str:
        share = ", ".join(
            f"{name} {100 * f:.1f} %" for name, f in self.mean_fractions.items() if f >= 0.0005
        )
        return f"Labels({self.totals.frames} frames of {self.source}: {share})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :attr:`counts` and :attr:`fractions`."""
        return (*self.classes, UNKNOWN)

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """(T,) int64. Frame numbers, counted from 0 in the source."""
        return self._column("frame")

    @cached_property
    def timesteps(self) -> NDArray[np.int64]:
        """(T,) int64. Simulation steps."""
        return self._column("timestep")

    @cached_property
    def molecules(self) -> NDArray[np.int64]:
        """(T,) int64. Molecules in each frame."""
        return self._column("molecules")

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(T, C + 1) int64. Molecules per class, the last column those called unknown."""
        return self._column("counts", (np.int64, len(self.columns)))

    @cached_property
    def mean_confidence(self) -> NDArray[np.float64]:
        """(T,) float64. Mean over molecules of the probability of the class they were given."""
        return self._column("confidence", np.float64)

    def _column(self, key: str, dtype: DTypeLike = np.int64) -> NDArray[Any]:
        rows = (record[key] for record in self.records)
        return np.fromiter(rows, np.dtype(dtype), count=len(self.records))

    @property
    def fractions(self) -> NDArray[np.float64]:
        """(T, C + 1) float64. Fraction of each frame's molecules in each class and unknown."""
        return self.counts / np.maximum(self.molecules, 1)[:, None]

    @property
    def mean_fractions(self) -> dict[str, float]:
        """Class → fraction of all molecules of all frames."""
        return dict(zip(self.columns, self.totals.mean_fractions, strict=True))

    @property
    def statistics(self) -> dict[str, BlockAverage]:
        """Class → mean over frames of its fraction, with the standard error of the mean."""
        return dict(zip(self.columns, self.totals.statistics, strict=True))

    @property
    def open_frames(self) -> int:
        """How many frames have no periodic boundary."""
        return self.totals.open_frames

    @property
    def observed(self) -> dict[str, Collection[tuple[int, Record]]]:
        """Name of an observer → frame number and record of each of the T frames."""
        names = (self.totals.last or {}).get("observed", {})
        return {name: Observed(self.records, name) for name in names}

    def write_csv(self, path: Path, *, force: bool = False) -> None:
        """One row a frame: frame, timestep, molecules, fraction of each class, unknown.

        Raises
        ------
        OutputError
            The file cannot be written, or exists (without ``force``).
        """
        header = ("frame", "timestep", "molecules", *self.columns)
        write_csv(path, header, map(_row, self.records), force=force)

    def write_summary(self, path: Path, *, force: bool = False) -> None:
        """JSON: legend (class index → name), mean fractions, parameters, frames left out, open.

        Raises
        ------
        OutputError
            The file cannot be written, or exists (without ``force``).
        """
        content = {
            "source": self.source,
            "legend": {str(k): name for k, name in enumerate(self.classes)} | {"-1": UNKNOWN},
            "frames": self.totals.frames,
            "molecules": self.totals.largest,
            "mean_fractions": self.mean_fractions,
            "statistics": as_json(self.statistics),
            "mean_confidence": self.totals.mean_confidence,
            "open_frames": self.open_frames,
            "skipped": list(self.skipped),
            **self.parameters,
        }
        write_json(path, content, force=force)


@dataclass(frozen=True)
class Observed(Collection[tuple[int, Record]]):
    """Frame numbers and what an observer recorded of the frames, as often as they are asked for."""

    records: FrameRecords
    name: str

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        return ((record["frame"], record["observed"][self.name]) for record in self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __contains__(self, item: object) -> bool:
        return any(item == pair for pair in self)


def _row(record: Mapping[str, Any]) -> tuple[Any, ...]:
    molecules = record["molecules"]
    return record["frame"], record["timestep"], molecules, *fractions(record["counts"], molecules)
