"""Where labelled frames go: a trajectory with two more columns, or a table of molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import OutputError
from iceclass.frame import Frame
from iceclass.io import suffixes
from iceclass.io.lammps.index import ReadPosition
from iceclass.io.output.records import RecordFile
from iceclass.io.output.resumable import ResumableFile
from iceclass.io.output.segments import SegmentFile, remove_segments
from iceclass.io.output.table_base import TableWriter
from iceclass.io.output.tables import table_writer
from iceclass.io.output.writers import output_writer
from iceclass.io.text.streams import without_compression
from iceclass.labelling.labels import FrameRecords
from iceclass.labelling.options import OutputOptions
from iceclass.labelling.selection import NothingSelectedError
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN
from iceclass.prediction import OUTSIDE_REGION, Prediction

PHASE_COLUMN = "i_phase"
CONFIDENCE_COLUMN = "d_confidence"
"""Columns of labelled dumps; ASE keeps per-atom columns with these prefixes."""

LabelledFrame = tuple[Frame, Prediction, dict[str, Any], ReadPosition | None]
"""A frame, what the model says of it, its record, and where it begins in its file."""

Records = list[dict[str, Any]] | RecordFile


class Sink(Protocol):
    """A context manager that takes labelled frames; its file appears when the block ends well.

    Attributes
    ----------
    records
        Of the frames that are there, those of an earlier run among them.
    last
        The record of the last frame that an earlier run wrote, if one did.
    """

    @property
    def records(self) -> FrameRecords: ...

    @property
    def last(self) -> Mapping[str, Any] | None: ...

    def write(self, item: LabelledFrame) -> None:
        """Append a frame."""

    def finishing(self) -> None:
        """All frames are there; files beside this one are about to be written."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: Any) -> None: ...


def output_format(path: str | Path) -> Literal["dump", "extxyz", "table"]:
    """What is written to a file of this name, whatever compresses it.

    Raises
    ------
    OutputError
        Unknown suffix.
    """
    suffix = without_compression(path).suffix.lower()
    if suffix in suffixes.DUMP:
        return "dump"
    if suffix in suffixes.XYZ:
        return "extxyz"
    if suffix in suffixes.TABLE:
        return "table"
    known = ", ".join(suffixes.DUMP + suffixes.XYZ + suffixes.TABLE)
    raise OutputError(f"unknown suffix {suffix!r}", path=path, hint=f"known: {known}")


def open_sink(
    path: str | Path | None,
    model: Model,
    settings: Mapping[str, Any],
    sources: Sequence[Path],
    options: OutputOptions,
) -> Sink:
    """The sink for the suffix of ``path``; without a path, one that keeps the records only.

    Parameters
    ----------
    model
        Of the labels.
    settings
        All that the output depends on besides the source; JSON-serialisable.
    sources
        The files that are labelled, if a stopped run is to go on where it was; tables start again.
    options
        Whether to replace a file, and whether records may be kept in memory.

    Raises
    ------
    OutputError
        Unknown suffix; the file exists (without ``force``), cannot be written, or is being
        written by another process.
    """
    if path is None:
        return RecordSink(_new_records(options, None))
    if output_format(path) == "table":
        records = _new_records(options, Path(path).parent)
        return RecordSink(records, table_writer(path, force=options.force))
    return trajectory_sink(path, model, settings, sources, options.force)


def _new_records(options: OutputOptions, directory: Path | None) -> Records:
    """Where records are put that no journal keeps."""
    if options.keep_labels:
        return []
    try:
        return RecordFile.temporary(directory)
    except OSError as error:
        where = directory or "the directory for temporary files"
        raise OutputError(f"cannot be written ({error.strerror or error})", path=where) from None


def trajectory_sink(
    path: str | Path,
    model: Model,
    settings: Mapping[str, Any],
    sources: Sequence[Path],
    force: bool,
) -> TrajectorySink:
    """The sink of a dump or an extended XYZ file; arguments and errors of :func:`open_sink`."""
    if output_format(path) == "table":
        raise OutputError(
            "a table of labels is not written by many machines",
            path=path,
            hint="write a dump or .extxyz, or label on one machine",
        )
    file = ResumableFile(path, settings, sources=sources, force=force)
    remove_segments(path)
    last = file.records.last
    return TrajectorySink(path, model, file, last["state"] if last else None, last)


class TrajectorySink:
    """A dump or extended XYZ file, or a part of one, every frame of which is a piece.

    Parameters
    ----------
    path
        Of the file; its suffix tells the format.
    model
        Of the labels.
    file
        Takes the frames.
    state
        What the writer left to be known of the frames before, if there are any.
    last
        The record of the frame before, if it is known.
    """

    def __init__(
        self,
        path: str | Path,
        model: Model,
        file: ResumableFile | SegmentFile,
        state: str | None,
        last: Mapping[str, Any] | None = None,
    ) -> None:
        legend = " ".join(f"{k}={name}" for k, name in enumerate(model.classes))
        self._info = {"phases": f"{legend} -1={UNKNOWN}", "iceclass_model": model.model_id}
        self._file = file
        self._writer = output_writer(path, file=file)
        self._writer.state = state
        self.last = last

    @property
    def records(self) -> FrameRecords:
        return self._file.records

    @property
    def state(self) -> str | None:
        """What the next frame's text depends on besides the frame."""
        return self._writer.state

    def write(self, item: LabelledFrame) -> None:
        frame, prediction, record, position = item
        self._writer.write(frame, _atom_columns(frame, prediction), self._info)
        if position is not None:
            record = {**record, "position": position.to_dict()}
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
        if isinstance(exc[1], NothingSelectedError) and isinstance(self._file, ResumableFile):
            self._file.discard()
        self._file.__exit__(*exc)


class RecordSink:
    """The records of the frames, and a table with a row a molecule, if one is to be written."""

    def __init__(self, records: Records, table: TableWriter | None = None) -> None:
        self.records = records
        self.last = None
        self._table = table

    def write(self, item: LabelledFrame) -> None:
        frame, prediction, record, _ = item
        if self._table is not None:
            self._table.write(*selected_only(frame, prediction), record["frame"])
        self.records.append(record)

    def finishing(self) -> None:
        """Nothing: a table that was not finished starts again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._table is not None:
            self._table.__exit__(*exc)


def selected_only(frame: Frame, prediction: Prediction) -> tuple[Frame, Prediction]:
    """The molecules in the region, where not all of them are, and what is said of them."""
    selected = prediction.labels != OUTSIDE_REGION
    if selected.all():
        return frame, prediction
    return frame.only(selected), prediction.only(selected)


def _atom_columns(frame: Frame, prediction: Prediction) -> dict[str, NDArray[Any]]:
    """The label columns for all atoms of the frame: each its molecule's, others −1 and 0."""
    phase = prediction.labels.astype(np.int64)
    confidence, further = prediction.confidence, dict(prediction.further)
    if frame.atoms is not None:
        belongs = frame.atoms.molecule
        alone = belongs < 0
        phase = np.where(alone, -1, phase[belongs])
        confidence = np.where(alone, np.float32(0.0), confidence[belongs])
        further = {name: np.where(alone, 0, own[belongs]) for name, own in further.items()}
    return {PHASE_COLUMN: phase, CONFIDENCE_COLUMN: confidence, **further}
