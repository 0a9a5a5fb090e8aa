"""What a trajectory is shared out in: chunks of frames, and the task of labelling one of them.

What the frames before a chunk tell about it (units, which atoms are oxygens, rows too many) is
foretold when it is handed out, and compared when its turn has come; where it was not so, the
chunk is to be handed out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np

from iceclass._version import __version__
from iceclass.errors import IceclassError, InputError, MissingDependencyError
from iceclass.io.lammps.index import FrameIndex, ReadPosition
from iceclass.io.options import ReadOptions
from iceclass.io.output.segments import SegmentFile
from iceclass.io.series import SeriesIndex, TrajectorySeries, open_trajectory
from iceclass.io.trajectory import Trajectory
from iceclass.io.water.kinds import AtomRoles
from iceclass.kernels.threads import threads
from iceclass.labelling.output import TrajectorySink, output_format
from iceclass.labelling.run import IndexedFrame, Labeller, LabellingRun, indexed

CHUNK_FRAMES = 1000
"""Most frames of a chunk."""
_GAP = 1 << 16


@dataclass(frozen=True, eq=False)
class Work:
    """What all chunks of a run have in common: arguments of :func:`label_distributed`.

    Attributes
    ----------
    sources
        The absolute paths of the trajectory's files, in their order.
    given
        What the caller named them.
    output
        The labelled trajectory.
    labeller, reading
        How molecules are labelled and the trajectory is read.
    version
        Of iceclass, at the client.
    """

    sources: tuple[Path, ...]
    given: tuple[str, ...]
    output: Path
    labeller: Labeller
    reading: ReadOptions
    version: str = __version__

    def as_given(self, message: str) -> str:
        """A message about the trajectory by the name that the caller gave it."""
        for path, name in zip(map(str, self.sources), self.given, strict=True):
            if message == path or message.startswith((f"{path},", f"{path}:")):
                return name + message.removeprefix(path)
        return message


@dataclass(frozen=True)
class Chunk:
    """Frames that one task labels, and all that the frames before them tell.

    Attributes
    ----------
    start, stop
        The first frame and the one before which to stop; in steps of ``reading.every``.
    position
        Where to begin to read: not beyond ``start``.
    state
        Of the writer after the frames before.
    after
        Frames up to this one are read, for what is wrong behind them, but labelled already.
    """

    start: int
    stop: int | None
    position: ReadPosition
    state: str | None
    after: int = -1


@dataclass(frozen=True, eq=False)
class Done:
    """What became of a chunk.

    Attributes
    ----------
    pieces
        Size in the segment, in bytes, and record of every frame.
    skipped
        What the reader said of damaged frames behind the last piece.
    end
        What the frames so far tell the next chunk, were it to begin where the reading ended.
    error
        What ended the chunk before its end.
    host
        Name of the worker's machine.
    """

    pieces: list[tuple[int, dict[str, Any]]]
    skipped: list[str]
    end: Chunk
    error: InputError | None
    host: str


def label_chunk(work: Work, chunk: Chunk, segment: Path) -> Done:
    """Label a chunk and write its frames to ``segment``: the task of a worker.

    Raises
    ------
    InputError
        The worker does not see the files of the client.
    IceclassError
        The worker has another version of iceclass, or a package is missing there.
    """
    host = gethostname()
    if work.version != __version__:
        raise IceclassError(f"{host} has iceclass {__version__}, the client {work.version}")
    for path in (*work.sources, segment.parent):
        if not path.exists():
            raise InputError(
                f"is not to be seen by the worker on {host}",
                path=path,
                hint="client and workers need a file system in common, under the same names",
            )
    reading = replace(work.reading, start=chunk.start, stop=chunk.stop)
    trajectory = open_trajectory(work.sources, reading, at=chunk.position)
    run = LabellingRun(work.labeller, trajectory)
    error = None
    try:
        with threads(1), trajectory, SegmentFile(segment, work.output) as file:
            sink = TrajectorySink(work.output, work.labeller.model, file, chunk.state)
            try:
                run.process(_frames(trajectory), sink, chunk.after)
            except InputError as caught:
                error = caught
    except MissingDependencyError as missing:
        raise IceclassError(f"the worker on {host}: {missing}") from None
    n_recorded = sum(len(record["skipped"]) for record in file.records)
    after = file.records[-1]["frame"] if file.records else chunk.after
    position = trajectory.read_position
    end = Chunk(position.frame, None, position, sink.state, after)
    return Done(file.pieces, run.skipped[n_recorded:], end, error, host)


def _frames(trajectory: Trajectory | TrajectorySeries) -> Iterator[IndexedFrame]:
    """The frames; that all of a chunk are left out is no error."""
    try:
        yield from indexed(trajectory)
    except InputError as error:
        if not any(error is known for known in trajectory.skipped):
            raise


@dataclass(eq=False)
class Plan:
    """Which frames are a chunk, and what is foretold of each.

    Parameters
    ----------
    index
        Where the frames begin.
    first
        All that is to be done.
    work
        What the chunks have in common.
    chunk_bytes
        Size of a chunk.
    roles
        What the atoms are taken for, as known so far.

    Attributes
    ----------
    starts
        The first frame of each chunk.
    """

    index: FrameIndex | SeriesIndex
    first: Chunk
    work: Work
    chunk_bytes: int
    roles: AtomRoles | None
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        every = self.work.reading.every
        sizes = np.diff(self.index.offsets)[self.first.start : self.first.stop : every]
        share = np.maximum(sizes / self.chunk_bytes, 1.0 / CHUNK_FRAMES)
        number = np.floor(np.cumsum(share) - share)
        begins = np.flatnonzero(np.diff(number, prepend=-1.0))
        self.starts = (self.first.start + every * begins).tolist() or [self.first.start]

    def __len__(self) -> int:
        return len(self.starts)

    def chunk(self, k: int) -> Chunk:
        """Chunk ``k`` if all frames are sound."""
        stop = self.starts[k + 1] if k + 1 < len(self) else self.first.stop
        if k == 0:
            return replace(self.first, stop=stop)
        start, state = self.starts[k], None
        if output_format(self.work.output) == "dump":
            state = self.index.units_after(start - self.work.reading.every) or None
        chunk = Chunk(start, stop, self.index.position(start, self.roles), state)
        if chunk.position.frame == chunk.position.before > self.first.start:
            return self._from_frame_before(chunk, start - self.work.reading.every)
        return chunk

    def chunk_after(self, end: Chunk, k: int) -> Chunk:
        """Chunk ``k``, knowing what the one before has found at its end."""
        chunk = replace(self.chunk(k), state=end.state)
        start = self.starts[k]
        if end.after < start - 1 or self._only_blanks(end.position, chunk.position):
            return chunk
        return self._from_frame_before(chunk, end.after)

    def _from_frame_before(self, chunk: Chunk, frame: int) -> Chunk:
        """The chunk, read from a frame on that is labelled already: for what follows it."""
        position = self.index.position(frame, self.roles)
        return replace(chunk, start=frame, position=position, after=frame)

    def _only_blanks(self, start: ReadPosition, stop: ReadPosition) -> bool:
        """Whether there is nothing else between the rows of a frame and the next one."""
        gap = stop.offset - start.offset
        if start.file != stop.file or not 0 <= gap <= _GAP:
            return False
        with self.work.sources[start.file].open("rb") as file:
            file.seek(start.offset)
            return not file.read(gap).strip()
