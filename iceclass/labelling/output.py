"""Where labelled frames go: a trajectory with two more columns, or a table of molecules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import OutputError
from iceclass.frame import Frame
from iceclass.io.output.resumable import ResumableFile
from iceclass.io.output.segments import SegmentFile, remove_segments
from iceclass.io.output.tables import TABLE_SUFFIXES, table_writer
from iceclass.io.output.writers import DUMP_SUFFIXES, XYZ_SUFFIXES, output_writer
from iceclass.io.text.streams import without_compression
from iceclass.model.network import UNASKED_LABEL, Model, Prediction
from iceclass.phases import UNKNOWN

PHASE_COLUMN = "i_phase"
CONFIDENCE_COLUMN = "d_confidence"
"""Columns of labelled dumps; ASE keeps per-atom columns with these prefixes."""


class Sink(Protocol):
    """A context manager that takes labelled frames; its file appears when the block ends well.

    Attributes
    ----------
    records
        Of the frames an earlier run wrote, which need not come again.
    """

    @property
    def records(self) -> list[dict[str, Any]]: ...

    def write(self, frame: Frame, prediction: Prediction, record: Mapping[str, Any]) -> None:
        """Append a frame; ``record`` is all that is to be known of it when it is not made again."""

    def finishing(self) -> None:
        """All frames are there; files beside this one are about to be written."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: Any) -> None: ...


def open_sink(
    path: str | Path,
    model: Model,
    settings: Mapping[str, Any],
    source: Path | None,
    force: bool,
) -> Sink:
    """The sink for the suffix of ``path``.

    Parameters
    ----------
    settings
        All that the output depends on besides the source; JSON-serialisable.
    source
        The file that is labelled, if a stopped run is to go on where it was; tables start again.

    Raises
    ------
    OutputError
        Unknown suffix; the file exists (without ``force``), cannot be written, or is being
        written by another process.
    """
    suffix = without_compression(path).suffix.lower()
    if suffix in TABLE_SUFFIXES:
        return _TableSink(path, force)
    return trajectory_sink(path, model, settings, source, force)


def trajectory_sink(
    path: str | Path,
    model: Model,
    settings: Mapping[str, Any],
    source: Path | None,
    force: bool,
) -> TrajectorySink:
    """The sink of a dump or an extended XYZ file; arguments and errors of :func:`open_sink`."""
    suffix = without_compression(path).suffix.lower()
    known = DUMP_SUFFIXES + XYZ_SUFFIXES + TABLE_SUFFIXES
    if suffix not in known:
        raise OutputError(
            f"unknown suffix {suffix!r}", path=path, hint=f"known: {', '.join(known)}"
        )
    if suffix in TABLE_SUFFIXES:
        raise OutputError(
            "a table of labels is not written by many machines",
            path=path,
            hint="write a dump or .extxyz, or label on one machine",
        )
    file = ResumableFile(path, settings, source=source, force=force)
    remove_segments(path)
    return TrajectorySink(path, model, file, file.records[-1]["state"] if file.records else None)


class TrajectorySink:
    """A dump or extended XYZ file, or a part of one, every frame of which is a piece.

    Parameters
    ----------
    path
        Of the file; its suffix tells the format.
    file
        Takes the frames.
    state
        :attr:`FrameWriter.state <iceclass.io.output.writers.FrameWriter.state>` after the frames
        before.
    """

    def __init__(
        self, path: str | Path, model: Model, file: ResumableFile | SegmentFile, state: str | None
    ) -> None:
        legend = " ".join(f"{k}={name}" for k, name in enumerate(model.classes))
        self._info = {"phases": f"{legend} -1={UNKNOWN}", "iceclass_model": model.model_id}
        self._file = file
        self._writer = output_writer(path, file=file)
        self._writer.state = state

    @property
    def records(self) -> list[dict[str, Any]]:
        return self._file.records

    @property
    def state(self) -> str | None:
        """What the next frame's text depends on besides the frame."""
        return self._writer.state

    def write(self, frame: Frame, prediction: Prediction, record: Mapping[str, Any]) -> None:
        self._writer.write(frame, _atom_columns(frame, prediction), self._info)
        self._file.keep({**record, "state": self.state})

    def append(self, segment: IO[bytes], size: int, record: Mapping[str, Any]) -> None:
        """Append a frame that a sink of a :class:`SegmentFile` wrote, with its record."""
        assert isinstance(self._file, ResumableFile)
        self._file.append(segment, size)
        self._file.keep(record)

    def finishing(self) -> None:
        if isinstance(self._file, ResumableFile):
            self._file.finishing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        self._file.__exit__(*exc)


class _TableSink:
    """A table with a row a molecule, or arrays."""

    def __init__(self, path: str | Path, force: bool) -> None:
        self.records: list[dict[str, Any]] = []
        self._writer = table_writer(path, force=force)

    def write(self, frame: Frame, prediction: Prediction, record: Mapping[str, Any]) -> None:
        self._writer.write(*asked_only(frame, prediction), record["frame"])

    def finishing(self) -> None:
        """Nothing: a table that was not finished starts again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        self._writer.__exit__(*exc)


def asked_only(frame: Frame, prediction: Prediction) -> tuple[Frame, Prediction]:
    """The molecules that were asked about, where not all of them were."""
    asked = prediction.labels != UNASKED_LABEL
    if asked.all():
        return frame, prediction
    return frame.only(asked), prediction.only(asked)


def _atom_columns(frame: Frame, prediction: Prediction) -> dict[str, NDArray[Any]]:
    """The label columns for all atoms of the frame: each its molecule's, others −1 and 0."""
    phase = prediction.labels.astype(np.int64)
    confidence = prediction.confidence
    if frame.atoms is not None:
        belongs = frame.atoms.molecule
        alone = belongs < 0
        phase = np.where(alone, -1, phase[belongs])
        confidence = np.where(alone, np.float32(0.0), confidence[belongs])
    return {PHASE_COLUMN: phase, CONFIDENCE_COLUMN: confidence}
