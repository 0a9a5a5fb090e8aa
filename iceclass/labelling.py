"""Labels for a trajectory: frames in, one phase per molecule out, in the memory of a few frames.

The road is that of training: the same reader, the same descriptor, the same scaler. Nothing
here imports torch, scikit-learn, GenIce2, LAMMPS or DScribe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.analysis.observer import Observer
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.following import Follow
from iceclass.io.index import Place
from iceclass.io.trajectory import OnError, Trajectory, open_trajectory
from iceclass.label_output import Sink, open_sink
from iceclass.labels import Labels
from iceclass.model.file import load_model, resolve_model
from iceclass.model.network import Model, Prediction
from iceclass.overlapping import ahead, behind

if TYPE_CHECKING:
    from ase import Atoms

    Source = str | Path | Frame | Atoms | Iterable[Frame | Atoms]


class _Numbered(NamedTuple):
    """A frame, its number in the source, how many were left out before it, and where it begins."""

    number: int
    frame: Frame
    skipped: int = 0
    place: Place | None = None


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
    backend: str | None = None,
    observers: Mapping[str, Observer] | None = None,
    follow: Follow | None = None,
    progress: Callable[[int, int, Trajectory | None], None] | None = None,
    finish: Callable[[Labels], None] | None = None,
) -> Labels:
    """Label every molecule of a trajectory, of frames, or of ASE ``Atoms``.

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
    backend
        Implementation of the descriptor; default: the fast one.
    observers
        Name → what else is to be recorded of each frame, as :attr:`Labels.observed`.
    follow
        Wait for more where the file ends, and label a simulation that is running; ends when
        nothing more comes, or when :attr:`Follow.stop <iceclass.io.following.Follow.stop>` is set.
    progress
        Called after each frame with the frames and molecules done so far by this call, and the
        open trajectory.
    finish
        Called with the result before ``output`` gets its final name, to write files beside it.

    Frames are read, classified and written at the same time, in three threads. A run of a path
    to ``output`` without ``keep_labels`` that was stopped, by whatever, goes on where it was when
    the same call is made again, and ends with the same bytes as one that was not.

    Raises
    ------
    InputError
        Unreadable input, unknown model, no oxygen, no frame; nothing is left under ``output``.
    OutputError
        ``output`` exists, cannot be written, or is being written by another process.
    """
    network, name = _find_model(model)
    parameters = {
        "model": name,
        "model_id": network.model_id,
        "descriptor": network.descriptor.to_dict(),
        "iceclass": __version__,
        "unknown": unknown,
        "start": start,
        "stop": stop,
        "every": every,
    }
    observers = observers or {}
    with ExitStack() as stack:
        trajectory, sink = None, None
        if isinstance(source, str | Path):
            open_at = partial(
                open_trajectory, source, types, stop=stop, every=every, on_error=on_error
            )
            trajectory = open_at(start=start, follow=follow)
        if output is not None:
            settings = parameters | {
                "types": None if types is None else {str(k): str(v) for k, v in types.items()},
                "backend": backend,
                "observers": {k: o.parameters for k, o in observers.items()},
            }
            goes_on = trajectory is not None and trajectory.path.is_file() and not keep_labels
            origin = trajectory.path if trajectory is not None and goes_on else None
            sink = stack.enter_context(open_sink(output, network, settings, origin, force))
            if sink.records:
                last = sink.records[-1]
                place = Place.from_dict(last["place"])
                trajectory = open_at(start=last["frame"], at=place, follow=follow)
        if trajectory is not None:
            frames = _numbered(stack.enter_context(trajectory))
        else:
            chosen = islice(_frames_of(source, types), start, stop, every)
            frames = (_Numbered(start + every * k, frame) for k, frame in enumerate(chosen))
        run = _Run(network, trajectory, unknown, backend, observers, keep_labels, progress)
        try:
            run.through(frames, sink)
        except (KeyboardInterrupt, InputError):
            # nobody else ends a run that follows a simulation; what was half written is left out
            if follow is None or not follow.stop.is_set():
                raise
        if not run.records:
            raise InputError(
                "no frame to label" + (f": {run.skipped[0]}" if run.skipped else ""),
                path=None if trajectory is None else trajectory.path,
                hint="check --start, --stop" if start or stop is not None else None,
            )
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
    for frame in frames:
        yield frame, _classify(model, frame, unknown, backend)


def _classify(model: Model, frame: Frame, unknown: bool, backend: str | None) -> Prediction:
    if frame.n_molecules == 0:
        raise InputError("the frame has no oxygen", hint="tell the types: --types 1=O,2=H")
    return model.classify(frame, unknown=unknown, backend=backend)


def _numbered(trajectory: Trajectory) -> Iterator[_Numbered]:
    """The frames with their numbers; made where they are read."""
    place = trajectory.place
    for frame in trajectory:
        yield _Numbered(trajectory.frame_index, frame, len(trajectory.skipped), place)
        place = trajectory.place


def _find_model(model: str | Path | Model) -> tuple[Model, str]:
    """The model and the name to report it by."""
    if isinstance(model, Model):
        return model, model.descriptor.name
    return load_model(model), resolve_model(model).stem


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


class _Run:
    """What is known of the frames so far, and the way of a frame through model and output."""

    def __init__(
        self,
        model: Model,
        trajectory: Trajectory | None,
        unknown: bool,
        backend: str | None,
        observers: Mapping[str, Observer],
        keep: bool,
        progress: Callable[[int, int, Trajectory | None], None] | None,
    ) -> None:
        self.records: list[dict[str, Any]] = []
        self.skipped: list[str] = []
        self._model, self._trajectory = model, trajectory
        self._unknown, self._backend = unknown, backend
        self._observers, self._progress = observers, progress
        self._kept: list[Prediction] | None = [] if keep else None

    def through(self, frames: Iterable[_Numbered], sink: Sink | None) -> None:
        """Label the frames that ``sink`` does not have yet, and write them to it."""
        if sink is not None and sink.records:
            self.records = list(sink.records)
            self.skipped = [text for record in self.records for text in record["skipped"]]
        last = self.records[-1]["frame"] if self.records else -1
        seen = done = frames_done = 0

        def write(item: tuple[Frame, Prediction, dict[str, Any]]) -> None:
            assert sink is not None
            sink.write(*item)

        with closing(ahead(frames)) as read, behind(write) as output:
            for number, frame, skipped, place in read:
                if number > last:
                    prediction = _classify(self._model, frame, self._unknown, self._backend)
                    messages = self._messages(seen, skipped)
                    record = self._record(number, frame, prediction, messages)
                    self.records.append(record)
                    self.skipped += messages
                    if self._kept is not None:
                        self._kept.append(prediction)
                    if sink is not None:
                        if place is not None:
                            record["place"] = place.to_dict()
                        output.put((frame, prediction, record))
                    done, frames_done = done + frame.n_molecules, frames_done + 1
                    if self._progress is not None:
                        self._progress(frames_done, done, self._trajectory)
                seen = skipped
        self.skipped += self._messages(seen, None)

    def _messages(self, start: int, stop: int | None) -> list[str]:
        """What the reader says of damaged frames it left out."""
        if self._trajectory is None:
            return []
        return [str(error) for error in self._trajectory.skipped[start:stop]]

    def _record(
        self, number: int, frame: Frame, prediction: Prediction, skipped: list[str]
    ) -> dict[str, Any]:
        """All that the files beside the labelled trajectory need to know of a frame."""
        assert prediction.labels.shape[0] == frame.n_molecules
        n_classes = len(prediction.classes)
        column = np.where(prediction.labels < 0, n_classes, prediction.labels)
        return {
            "frame": number,
            "timestep": frame.timestep,
            "molecules": frame.n_molecules,
            "counts": np.bincount(column, minlength=n_classes + 1).tolist(),
            "confidence": float(prediction.confidence.mean()),
            "skipped": skipped,
            "observed": {k: o.record(frame, prediction) for k, o in self._observers.items()},
        }

    def labels(self, source: str, parameters: Mapping[str, Any]) -> Labels:
        """The result."""

        def column(key: str, dtype: Any = np.int64) -> NDArray[Any]:
            return np.array([record[key] for record in self.records], dtype=dtype)

        kept = self._kept
        return Labels(
            source=source,
            classes=self._model.classes,
            frames=column("frame"),
            timesteps=column("timestep"),
            molecules=column("molecules"),
            counts=column("counts"),
            mean_confidence=column("confidence", np.float64),
            labels=None if kept is None else tuple(p.labels.astype(np.int8) for p in kept),
            probabilities=None if kept is None else tuple(p.probabilities for p in kept),
            skipped=tuple(self.skipped),
            parameters=parameters,
            observed={
                k: [(record["frame"], record["observed"][k]) for record in self.records]
                for k in self._observers
            },
        )
