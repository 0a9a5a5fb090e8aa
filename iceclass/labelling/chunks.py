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
    source
        The absolute path of the trajectory.
    given
        What the caller named it.
    output
        The labelled trajectory.
    labeller, reading
        How molecules are labelled and the trajectory is read.
    version
        Of iceclass, at the client.
    """

    source: Path
    given: str
    output: Path
    labeller: Labeller
    reading: ReadOptions
    version: str = __version__

    def as_given(self, message: str) -> str:
        """A message about the trajectory by the name that the caller gave it."""
        path = str(self.source)
        return self.given + message.removeprefix(path) if message.startswith(path) else message


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
    for path in (work.source, segment.parent):
        if not path.exists():
            raise InputError(
                f"is not to be seen by the worker on {host}",
                path=path,
                hint="client and workers need a file system in common, under the same names",
            )
    reading = replace(work.reading, start=chunk.start, stop=chunk.stop)
    trajectory = Trajectory(work.source, reading, at=chunk.position)
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


def _frames(trajectory: Trajectory) -> Iterator[IndexedFrame]:
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

    index: FrameIndex
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
            state = self.index.position(start - self.work.reading.every + 1).units or None
        return Chunk(start, stop, self.index.position(start, self.roles), state)

    def chunk_after(self, end: Chunk, k: int) -> Chunk:
        """Chunk ``k``, knowing what the one before has found at its end."""
        chunk = replace(self.chunk(k), state=end.state)
        gap = end.position.offset, chunk.position.offset
        if end.after < chunk.start - 1 or self._only_blanks(*gap):
            return chunk
        before = self.index.position(end.after, self.roles)
        return replace(chunk, start=end.after, position=before, after=end.after)

    def _only_blanks(self, start: int, stop: int) -> bool:
        """Whether there is nothing else between the rows of a frame and the next one."""
        if not 0 <= stop - start <= _GAP:
            return False
        with self.work.source.open("rb") as file:
            file.seek(start)
            return not file.read(stop - start).strip()
