"""Labels for a trajectory: frames in, one phase per molecule out, in the memory of a few frames.

The road is that of training: the same reader, the same descriptor, the same scaler. Nothing
here imports torch, scikit-learn, GenIce2, LAMMPS or DScribe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceclass.analysis.observer import Observer
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.lammps.following import Follow
from iceclass.io.lammps.index import Place
from iceclass.io.trajectory import OnError, open_trajectory
from iceclass.labelling.labels import Labels
from iceclass.labelling.output import open_sink
from iceclass.labelling.region import Region
from iceclass.labelling.run import Labeller, Numbered, Progress, Run, numbered
from iceclass.model.network import Model, Prediction

if TYPE_CHECKING:
    from ase import Atoms

    Source = str | Path | Frame | Atoms | Iterable[Frame | Atoms]


def label(
    source: Source,
    model: str | Path | Model = "default",
    *,
    types: Mapping[Any, str] | None = None,
    output: str | Path | None = None,
    force: bool = False,
    unknown: bool = True,
    keep_labels: bool = True,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    on_error: OnError = "raise",
    regions: Iterable[Region] = (),
    backend: str | None = None,
    observers: Mapping[str, Observer] | None = None,
    follow: Follow | None = None,
    topology: str | Path | None = None,
    progress: Progress | None = None,
    finish: Callable[[Labels], None] | None = None,
) -> Labels:
    """Label every molecule of a trajectory, of frames, or of ASE ``Atoms``.

    Frames are read, classified and written at the same time, in three threads. A run of a path
    to ``output`` without ``keep_labels`` that was stopped, by whatever, goes on where it was when
    the same call is made again, and ends with the same bytes as one that was not.

    Parameters
    ----------
    source
        Path of anything :func:`iceclass.read` reads, or one or many ``Frame`` or ``Atoms``.
    model
        Name of a shipped model, path of a model file, or a ``Model``.
    types
        Atom type → element, as ``{1: "O", 2: "H"}``; default: found out.
    output
        Labelled trajectory to write (dump or extxyz, by suffix): every column of the input,
        then ``i_phase`` (class index, −1 unknown) and ``d_confidence`` (the probability of that
        class). Hydrogens have their molecule's values; other atoms −1 and 0.
    force
        Replace an existing ``output``.
    unknown
        Whether a molecule unlike anything in the training set is labelled unknown (−1).
    keep_labels
        Keep every label and probability in the result; ``False`` for long trajectories.
    start, stop, every
        Which frames, counted from 0.
    on_error
        ``"raise"``, or ``"skip"`` to leave damaged frames out and list them in the result.
    regions
        Label the molecules in all of them only; all others are seen as neighbours, have the label
        −2 and are not counted.
    backend
        Implementation of the descriptor; default: the fast one.
    observers
        Name → what else is to be recorded of each frame, as :attr:`Labels.observed`.
    follow
        Wait for more where the file ends, and label a simulation that is running; ends when
        nothing more comes, or when
        :attr:`Follow.stop <iceclass.io.lammps.following.Follow.stop>` is set.
    topology
        A file that tells what the atoms of an XTC, TRR or DCD file are.
    progress
        Called after each frame with the frames and molecules done so far by this call, and the
        bytes of the trajectory read and in all.
    finish
        Called with the result before ``output`` gets its final name, to write files beside it.

    Raises
    ------
    InputError
        Unreadable input, unknown model, no oxygen, no frame; nothing is left under ``output``.
    OutputError
        ``output`` exists, cannot be written, or is being written by another process.
    """
    labeller = Labeller.of(model, unknown, backend, regions)
    parameters = labeller.parameters | {"start": start, "stop": stop, "every": every}
    observers = observers or {}
    with ExitStack() as stack:
        trajectory, sink = None, None
        if isinstance(source, str | Path):
            open_at = partial(
                open_trajectory,
                source,
                types,
                stop=stop,
                every=every,
                on_error=on_error,
                follow=follow,
                topology=topology,
            )
            trajectory = open_at(start=start)
        if output is not None:
            settings = settings_of(parameters, types, backend, observers)
            goes_on = trajectory is not None and trajectory.path.is_file() and not keep_labels
            origin = trajectory.path if trajectory is not None and goes_on else None
            sink = stack.enter_context(open_sink(output, labeller.model, settings, origin, force))
            if sink.records:
                last = sink.records[-1]
                place = Place.from_dict(last["place"])
                trajectory = open_at(start=last["frame"], at=place)
        if trajectory is not None:
            frames = numbered(stack.enter_context(trajectory))
        else:
            chosen = islice(_frames_of(source, types), start, stop, every)
            frames = (Numbered(start + every * k, frame) for k, frame in enumerate(chosen))
        records = [] if sink is None else sink.records
        kept: list[Prediction] | None = [] if keep_labels else None
        run = Run(labeller, trajectory, observers, records, kept, progress)
        try:
            run.through(frames, sink)
        except (KeyboardInterrupt, InputError):
            # nobody else ends a run that follows a simulation; what was half written is left out
            if follow is None or not follow.stop.is_set():
                raise
        sites = "as given" if trajectory is None else str(trajectory.site_decision)
        labels = run.labels(
            type(source).__name__ if trajectory is None else str(source),
            parameters | {"sites": sites},
        )
        if finish is not None:
            if sink is not None:
                sink.finishing()
            finish(labels)
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
    labeller = Labeller.of(model, unknown, backend)
    for frame in frames:
        yield frame, labeller.classify(frame)


def settings_of(
    parameters: Mapping[str, Any],
    types: Mapping[Any, str] | None,
    backend: str | None,
    observers: Mapping[str, Observer],
) -> dict[str, Any]:
    """All that the output depends on besides the source: for a run to be gone on with."""
    return {
        **parameters,
        "types": None if types is None else {str(k): str(v) for k, v in types.items()},
        "backend": backend,
        "observers": {k: o.parameters for k, o in observers.items()},
    }


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
