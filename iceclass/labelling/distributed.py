"""Labels for a trajectory by many machines: its frames shared out among the workers of Dask.

The client finds out where the frames of the dump begin and hands contiguous runs of them, chunks,
to the workers. A worker reads its chunk from the file, labels it as :func:`iceclass.label` would,
and writes the labelled frames to a segment file in a hidden directory beside the output. The
client appends the segments to the output in the order of the frames, by the same journal as a run
on one machine, which can therefore go on where the other was stopped.

So the files are those of one process, byte for byte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceclass.errors import IceclassError, InputError, MissingDependencyError
from iceclass.io.lammps.index import FrameIndex, ReadPosition
from iceclass.io.options import ReadOptions
from iceclass.io.output.segments import segment_directory
from iceclass.io.text.streams import ByteSource
from iceclass.io.trajectory import Trajectory
from iceclass.labelling.chunks import Chunk, Done, Plan, Work, label_chunk
from iceclass.labelling.labels import Labels
from iceclass.labelling.options import LabelOptions, OutputOptions, with_changes
from iceclass.labelling.output import TrajectorySink, trajectory_sink
from iceclass.labelling.run import Labeller, LabellingRun, Progress
from iceclass.model.network import Model

if TYPE_CHECKING:
    from distributed import Client, Future

SMALLEST, LARGEST = 1 << 20, 1 << 26
"""Bytes of a chunk, unless a single frame is larger."""
_CHUNKS, _CHUNKS_A_THREAD = 256, 8
_HINT = "what was labelled is kept; run the same command again to go on from there"


class ClusterError(IceclassError):
    """The machines that share the work cannot be reached, or were lost."""


def label_distributed(
    source: str | Path,
    model: str | Path | Model,
    output: str | Path,
    *,
    client: Client | str,
    reading: ReadOptions | None = None,
    labelling: LabelOptions | None = None,
    writing: OutputOptions | None = None,
    chunk_bytes: int | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> Labels:
    """Label every molecule of a LAMMPS dump with the workers of a Dask cluster.

    Parameters
    ----------
    source
        Path of an uncompressed LAMMPS text dump, which the workers see under the same name.
    output
        Labelled trajectory (dump or extxyz), in a directory that the workers can write to.
    client
        Connected to the cluster, or the address of its scheduler.
    chunk_bytes
        Size of the parts the trajectory is shared out in; default: of a few hundred parts or
        more, from 1 to 64 MiB. Two for every thread of the workers are under way at a time.
    model, reading, labelling, writing, progress, **changes
        As of :func:`iceclass.label`; labels are never kept.

    Files and result are those of ``iceclass.label(..., keep_labels=False)``, and either goes on
    with what the other left. The chunk of a worker that is lost is done by another; Dask gives a
    chunk up with the fourth worker that it takes down
    (``distributed.scheduler.allowed-failures``).

    Raises
    ------
    InputError
        As :func:`iceclass.label`; also, a trajectory that cannot be read from any place. The
        frames before the one that is damaged are kept for another run.
    OutputError
        As :func:`iceclass.label`; also, a table of labels.
    ClusterError
        The scheduler cannot be reached or was lost, or a chunk takes all its workers down.
    MissingDependencyError
        Dask's ``distributed`` is not installed.
    TypeError
        An option that there is not.
    """
    reading, labelling, writing = with_changes(
        (reading or ReadOptions(), labelling or LabelOptions(), writing or OutputOptions()), changes
    )
    labeller = Labeller.of(model, labelling)
    given = Path(source)
    with ExitStack() as stack:
        trajectory = Trajectory(given, reading)
        index = _index(trajectory)
        settings = labeller.settings(reading)
        sink = trajectory_sink(output, labeller.model, settings, given, writing.force)
        stack.enter_context(sink)
        first = _first(index, sink, reading)
        with Trajectory(given, reading, at=first.position, start=first.start) as trajectory:
            next(iter(trajectory), None)
            roles = trajectory.atom_roles
        if isinstance(client, str):
            client = stack.enter_context(connected(client))
        work = Work(given.resolve(), str(given), Path(output), labeller, reading)
        if chunk_bytes is None:
            number = max(_CHUNKS, _CHUNKS_A_THREAD * _threads(client))
            chunk_bytes = min(max(index.size // number, SMALLEST), LARGEST)
        plan = Plan(index, first, work, max(chunk_bytes, 1), roles)
        directory = stack.enter_context(segment_directory(output))
        run = LabellingRun(labeller, trajectory, progress=progress)
        run.restore(sink.records)
        skipped: list[str] = []
        with closing(_in_order(client, plan, directory)) as chunks:
            for done, segment in chunks:
                skipped = _append(done, segment, skipped, work, index, sink, run)
        run.skipped += skipped
        labels = run.labels(str(source), reading, str(plan.roles), sink.records)
        if writing.finish is not None:
            sink.finishing()
            writing.finish(labels)
    return labels


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of the scheduler at an address (``tcp://…``), or of that a scheduler file tells.

    Raises
    ------
    ClusterError
        No scheduler answers.
    MissingDependencyError
        Dask's ``distributed`` is not installed.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingDependencyError("a Dask cluster", "distributed", "distributed") from None
    try:
        key = "scheduler_file" if Path(address).is_file() else "address"
        client = Client(**{key: address})
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} ({error or type(error).__name__}); "
            "expected tcp://HOST:PORT or the name of a scheduler file"
        ) from None
    with client:
        yield client


def _index(trajectory: Trajectory) -> FrameIndex:
    """Where the frames begin, if they can be read from any place."""
    with ByteSource(trajectory.path) as file:
        kind = file.compression or trajectory.format
    if kind != "lammps-dump":
        raise InputError(
            f"a {kind} file cannot be shared out: its frames are not found without reading all",
            path=trajectory.path,
            hint="decompress it, or label it on one machine"
            if trajectory.format == "lammps-dump"
            else "make it a LAMMPS dump, or label it on one machine",
        )
    return trajectory.index()


def _first(index: FrameIndex, sink: TrajectorySink, reading: ReadOptions) -> Chunk:
    """All that there is to do: from the start, or from the last frame that is there."""
    if sink.last is not None:
        frame, position = sink.last["frame"], ReadPosition.from_dict(sink.last["position"])
        return Chunk(frame, reading.stop, position, sink.last["state"], frame)
    # an error on the way there is to be raised as in a run by one process
    reached = len(index) if reading.on_error == "skip" else index.sound
    position = index.position(min(reading.start, reached))
    return Chunk(reading.start, reading.stop, position, None)


def _threads(client: Client) -> int:
    return max(1, sum(client.nthreads().values()))


def _in_order(client: Client, plan: Plan, directory: Path) -> Generator[tuple[Done, Path]]:
    """What became of every chunk and its segment, in their order; two a thread are under way.

    Raises
    ------
    ClusterError
        The cluster was lost, or does not get a chunk done.
    """
    from distributed import CancelledError
    from distributed.comm import CommClosedError

    waiting: deque[tuple[Chunk, Path, Future]] = deque()
    segments = (directory / str(number) for number in count())
    line = submitted = 0  # the chunk whose turn it is, and the next one to be handed out
    chunk = plan.chunk(0)
    try:
        while line < len(plan):
            while submitted < min(len(plan), line + 2 * _threads(client) + 1):
                if submitted > line:
                    chunk = plan.chunk(submitted)
                segment = next(segments)
                task = (label_chunk, plan.work, chunk, segment)
                future = client.submit(*task, pure=False, retries=2, priority=-submitted)
                waiting.append((chunk, segment, future))
                submitted += 1
            chunk, segment, future = waiting.popleft()
            done = _result(future, chunk)
            plan.roles = done.end.position.roles
            yield done, segment
            line += 1
            if line < len(plan):
                chunk = plan.chunk_after(done.end, line)
                if waiting and waiting[0][0] != chunk:
                    client.cancel([future for _, _, future in waiting])
                    waiting.clear()
                    submitted = line
    except (CancelledError, CommClosedError):
        raise ClusterError(f"the connection to the Dask scheduler was lost; {_HINT}") from None
    finally:
        with suppress(CommClosedError):
            client.cancel([future for _, _, future in waiting])


def _result(future: Future, chunk: Chunk) -> Done:
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    frames = f"frames {chunk.start} to {'the end' if chunk.stop is None else chunk.stop - 1}"
    try:
        done: Done = future.result()
    except (IceclassError, CancelledError, CommClosedError):
        raise
    except KilledWorker as error:
        raise ClusterError(
            f"{frames}: {error.allowed_failures + 1} workers died while labelling them, the last "
            f"at {error.last_worker.address}; do they need more memory? {_HINT}"
        ) from None
    except Exception as error:
        raise ClusterError(f"{frames}: a worker failed with {error!r}; {_HINT}") from error
    return done


def _append(
    done: Done,
    segment: Path,
    skipped: list[str],
    work: Work,
    index: FrameIndex,
    sink: TrajectorySink,
    run: LabellingRun,
) -> list[str]:
    """Put the frames of a chunk behind the others; ``skipped``: told of before, or now after them.

    Raises
    ------
    InputError
        What ended the chunk.
    """
    try:
        with segment.open("rb") as file:
            for size, record in done.pieces:
                record["skipped"] = skipped + [work.as_given(text) for text in record["skipped"]]
                skipped = []
                sink.append(file, size, record)
                read = min(record["frame"] + 1, len(index))
                run.add(record, (int(index.offsets[read]), index.size))
        segment.unlink()
    except FileNotFoundError:
        raise ClusterError(
            f"{segment} is not to be seen here, but was written by the worker on {done.host}; "
            "client and workers need a file system in common, under the same names"
        ) from None
    if done.error is not None:
        if done.error.path is not None:
            done.error.path = work.as_given(str(done.error.path))
        raise done.error
    return skipped + [work.as_given(text) for text in done.skipped]
