"""What a trajectory is shared out in: chunks of frames, and the task of labelling one of them.

What the frames before a chunk tell about it (units, which atoms are oxygens, rows too many) is
foretold when it is handed out, and compared when its turn has come; where it was not so, the
chunk is to be handed out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np

from iceclass._version import __version__
from iceclass.analysis.observer import Observer
from iceclass.errors import IceclassError, InputError, MissingDependencyError
from iceclass.io.lammps.index import FrameIndex, Place
from iceclass.io.output.segments import SegmentFile
from iceclass.io.output.writers import DUMP_SUFFIXES
from iceclass.io.text.streams import without_compression
from iceclass.io.trajectory import OnError, Trajectory, open_trajectory
from iceclass.io.water.kinds import SiteDecision
from iceclass.kernels.threads import threads
from iceclass.labelling.output import TrajectorySink
from iceclass.labelling.run import Labeller, Numbered, Run, numbered

CHUNK_FRAMES = 1000
"""Most frames of a chunk."""
_GAP = 1 << 16


@dataclass(frozen=True, eq=False)
class Work:
    """What all chunks of a run have in common: arguments of :func:`label_distributed`.

    ``source`` is the whole path of the trajectory, ``given`` what the caller named it.
    """

    source: Path
    given: str
    output: Path
    labeller: Labeller
    types: Mapping[Any, str] | None
    every: int
    on_error: OnError
    observers: Mapping[str, Observer]
    version: str = __version__

    def shown(self, message: str) -> str:
        """A message about the trajectory by the name that the caller gave it."""
        own = str(self.source)
        return self.given + message.removeprefix(own) if message.startswith(own) else message


@dataclass(frozen=True)
class Chunk:
    """Frames that one task labels, and all that the frames before them tell.

    Attributes
    ----------
    start, stop
        The first frame and the one before which to stop; in steps of :attr:`Work.every`.
    place
        Where to begin to read: not beyond ``start``.
    state
        Of the writer after the frames before.
    after
        Frames up to this one are read, for what is wrong behind them, but labelled already.
    """

    start: int
    stop: int | None
    place: Place
    state: str | None
    after: int = -1


@dataclass(frozen=True, eq=False)
class Done:
    """What became of a chunk.

    Attributes
    ----------
    pieces
        Size in the segment and record of every frame.
    skipped
        What the reader said of damaged frames behind the last piece.
    end
        What the frames so far tell the next chunk, were it to begin where the reading ended.
    error
        What ended the chunk before its end.
    host
        Where.
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
    trajectory = open_trajectory(
        work.source,
        work.types,
        start=chunk.start,
        stop=chunk.stop,
        every=work.every,
        on_error=work.on_error,
        at=chunk.place,
    )
    run = Run(work.labeller, trajectory, work.observers)
    error = None
    try:
        with threads(1), trajectory, SegmentFile(segment, work.output) as file:
            sink = TrajectorySink(work.output, work.labeller.model, file, chunk.state)
            try:
                run.through(_frames(trajectory), sink, chunk.after)
            except InputError as caught:
                error = caught
    except MissingDependencyError as missing:
        raise IceclassError(f"the worker on {host}: {missing}") from None
    told = sum(len(record["skipped"]) for record in file.records)
    after = file.records[-1]["frame"] if file.records else chunk.after
    end = Chunk(trajectory.place.frame, None, trajectory.place, sink.state, after)
    return Done(file.pieces, run.skipped[told:], end, error, host)


def _frames(trajectory: Trajectory) -> Iterator[Numbered]:
    """The frames; that all of a chunk are left out is no error."""
    try:
        yield from numbered(trajectory)
    except InputError as error:
        if not any(error is known for known in trajectory.skipped):
            raise


@dataclass(eq=False)
class Plan:
    """Which frames are a chunk, and what is foretold of each.

    ``first`` is all that is to be done; ``sites``: what the atoms are taken for, as known so far.
    """

    index: FrameIndex
    first: Chunk
    work: Work
    chunk_bytes: int
    sites: SiteDecision | None
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        sizes = np.diff(self.index.offsets)[self.first.start : self.first.stop : self.work.every]
        share = np.maximum(sizes / self.chunk_bytes, 1.0 / CHUNK_FRAMES)
        number = np.floor(np.cumsum(share) - share)
        begins = np.flatnonzero(np.diff(number, prepend=-1.0))
        self.starts = (self.first.start + self.work.every * begins).tolist() or [self.first.start]

    def __len__(self) -> int:
        return len(self.starts)

    def chunk(self, k: int) -> Chunk:
        """Chunk ``k`` if all frames are sound."""
        stop = self.starts[k + 1] if k + 1 < len(self) else self.first.stop
        if k == 0:
            return replace(self.first, stop=stop)
        start, state = self.starts[k], None
        if without_compression(self.work.output).suffix.lower() in DUMP_SUFFIXES:
            state = self.index.place(start - self.work.every + 1).units or None
        return Chunk(start, stop, self.index.place(start, self.sites), state)

    def behind(self, end: Chunk, k: int) -> Chunk:
        """Chunk ``k`` after what the one before has told at its end."""
        chunk = replace(self.chunk(k), state=end.state)
        if end.after < chunk.start - 1 or self._only_blanks(end.place.offset, chunk.place.offset):
            return chunk
        before = self.index.place(end.after, self.sites)
        return replace(chunk, start=end.after, place=before, after=end.after)

    def _only_blanks(self, start: int, stop: int) -> bool:
        """Whether there is nothing else between the rows of a frame and the next one."""
        if not 0 <= stop - start <= _GAP:
            return False
        with self.work.source.open("rb") as file:
            file.seek(start)
            return not file.read(stop - start).strip()
