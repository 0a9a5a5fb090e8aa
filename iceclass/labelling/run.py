"""One run of labelling: frames on their way through a model, and what is known of them so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from iceclass._version import __version__
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.lammps.index import ReadPosition
from iceclass.io.options import ReadOptions
from iceclass.io.series import TrajectorySeries
from iceclass.io.text.cursor import SKIP_HINT
from iceclass.io.trajectory import Trajectory
from iceclass.io.water.kinds import AtomRoles
from iceclass.labelling.labels import FrameRecords, Labels
from iceclass.labelling.options import LabelOptions
from iceclass.labelling.output import Sink, selected_only
from iceclass.labelling.prefetch import side_by_side
from iceclass.labelling.selection import NothingSelectedError, selected
from iceclass.labelling.totals import Totals
from iceclass.model.file import load_model
from iceclass.model.network import Model
from iceclass.prediction import Prediction

Progress = Callable[[int, int, tuple[int, int]], None]
"""Takes frames and molecules done so far by a call, and bytes read and in all (0: unknown)."""

_UNDER_WAY = 1 << 19
"""Molecules of the frames that are being classified or wait for their turn: half a gigabyte."""

_DEFAULT = LabelOptions()


@dataclass(frozen=True, eq=False)
class Labeller:
    """A model and how it is asked.

    Attributes
    ----------
    model
        The model.
    options
        How it is asked.
    """

    model: Model
    options: LabelOptions

    @classmethod
    def of(cls, model: str | Path | Model, options: LabelOptions | None = None) -> Self:
        """With the model of a name or file.

        Raises
        ------
        InputError
            There is no such model, or its file is none.
        """
        return cls(model if isinstance(model, Model) else load_model(model), options or _DEFAULT)

    def parameters(self, reading: ReadOptions) -> dict[str, Any]:
        """What is reported with the labels; JSON-serialisable."""
        return {
            "model": self.model.name or self.model.descriptor.name,
            "model_id": self.model.model_id,
            "descriptor": self.model.descriptor.to_dict(),
            "iceclass": __version__,
            "unknown": self.options.unknown,
            "regions": [str(region) for region in self.options.regions],
            **({} if self.options.select is None else {"select": str(self.options.select)}),
            "start": reading.start,
            "stop": reading.stop,
            "every": reading.every,
        }

    def settings(self, reading: ReadOptions) -> dict[str, Any]:
        """All that the output depends on besides the source, for a run to be gone on with."""
        read = {f.name: str(getattr(reading, f.name)) for f in fields(reading)}
        del read["on_error"]  # what there is of the output does not depend on it
        return {
            **self.parameters(reading),
            "reading": read,
            "backend": self.options.backend,
            "observers": {k: o.parameters for k, o in self.options.observers.items()},
            **({"compare": list(self.options.compare)} if self.options.compare else {}),
        }

    def classify(self, frame: Frame) -> Prediction:
        """What the model, and whoever it is compared with, says of the N molecules of a frame.

        Raises
        ------
        InputError
            There are none, or the descriptor cannot take them.
        """
        return self.compared(frame, self.predict(frame))

    def predict(self, frame: Frame) -> Prediction:
        """What the model says, as :meth:`classify`; thread-safe."""
        if frame.n_molecules == 0:
            raise InputError(
                "the frame has no oxygen", hint='tell the types: types={1: "O", 2: "H"}'
            )
        options = self.options
        mask = selected(frame, options.conditions) if options.conditions else None
        return self.model.classify(
            frame, selected=mask, unknown=options.unknown, backend=options.backend
        )

    def compared(self, frame: Frame, prediction: Prediction) -> Prediction:
        """The prediction, and what other programs say, if they are asked; in one thread."""
        if not self.options.compare:
            return prediction
        from iceclass.analysis.comparison import opinions

        labels = prediction.labels
        further = opinions(frame, self.options.compare, labels, self.model.classes)
        return replace(prediction, further=further)

    def record(self, number: int, frame: Frame, prediction: Prediction) -> dict[str, Any]:
        """All that the files beside the labelled trajectory need to know of a frame."""
        assert prediction.labels.shape[0] == frame.n_molecules
        frame, prediction = selected_only(frame, prediction)
        n_classes = len(prediction.classes)
        column = np.where(prediction.labels < 0, n_classes, prediction.labels)
        return {
            "frame": number,
            "timestep": frame.timestep,
            "molecules": frame.n_molecules,
            "counts": np.bincount(column, minlength=n_classes + 1).tolist(),
            "confidence": float(prediction.confidence.mean()) if frame.n_molecules else 0.0,
            "skipped": [],
            "open": not frame.pbc.any(),
            "observed": {k: o.record(frame, prediction) for k, o in self.options.observers.items()},
        }


class IndexedFrame(NamedTuple):
    """A frame and where it comes from.

    Attributes
    ----------
    number
        Its number in the source, from 0.
    frame
        The frame.
    n_skipped
        How many frames were left out before it.
    position
        Where it begins in its file.
    """

    number: int
    frame: Frame
    n_skipped: int = 0
    position: ReadPosition | None = None


def indexed(trajectory: Trajectory | TrajectorySeries) -> Iterator[IndexedFrame]:
    """The frames of a trajectory with what is known of each while it is read."""
    position = trajectory.read_position
    for frame in trajectory:
        yield IndexedFrame(trajectory.frame_index, frame, len(trajectory.skipped), position)
        position = trajectory.read_position


class LabellingRun:
    """What is known of the frames labelled so far, and the way of a frame through model and output.

    Parameters
    ----------
    labeller
        The model and how it is asked.
    trajectory
        Where the frames come from, if it is a file.
    keep_labels
        Whether to keep the predictions.
    progress
        Told of every frame.

    Attributes
    ----------
    totals
        Of all frames.
    skipped
        What was left out among them, one message each.
    """

    def __init__(
        self,
        labeller: Labeller,
        trajectory: Trajectory | TrajectorySeries | None,
        *,
        keep_labels: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.totals = Totals(len(labeller.model.classes) + 1)
        self.skipped: list[str] = []
        self._labeller, self._trajectory, self._progress = labeller, trajectory, progress
        self._predictions: list[Prediction] | None = [] if keep_labels else None
        self._frames = self._molecules = 0

    def restore(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Frames that an earlier run labelled, by their records."""
        for record in records:
            self._count(record)

    def add(self, record: Mapping[str, Any], position: tuple[int, int]) -> None:
        """A frame is labelled; ``position``: bytes of the trajectory read and in all."""
        self._count(record)
        self._frames += 1
        self._molecules += record["molecules"]
        if self._progress is not None:
            self._progress(self._frames, self._molecules, position)

    def _count(self, record: Mapping[str, Any]) -> None:
        self.totals.add(record)
        self.skipped += record["skipped"]

    def process(self, frames: Iterable[IndexedFrame], sink: Sink, after: int = -1) -> None:
        """Label the frames behind the last that is known, or else behind number ``after``.

        Raises
        ------
        InputError
            What the reader, the model or an observer cannot take, with its place.
        OutputError
            The output cannot be written.
        """
        last = after if self.totals.last is None else self.totals.last["frame"]
        seen = 0

        def predict(item: IndexedFrame) -> Prediction | None:
            return self._labeller.predict(item.frame) if item.number > last else None

        side = side_by_side(frames, predict, lambda item: item.frame.n_molecules, _UNDER_WAY)
        with closing(side) as predicted:
            for (number, frame, n_skipped, position), result in predicted:
                if number > last:
                    try:
                        prediction = result.result()
                        assert prediction is not None
                        prediction = self._labeller.compared(frame, prediction)
                        record = self._labeller.record(number, frame, prediction)
                    except InputError as error:
                        path = None if self._trajectory is None else self._trajectory.path
                        raise error.at(path=path, frame=number) from None
                    record["skipped"] = self._messages(seen, n_skipped)
                    if self._predictions is not None:
                        self._predictions.append(prediction)
                    sink.write((frame, prediction, record, position))
                    self.add(
                        record, (0, 0) if self._trajectory is None else self._trajectory.position
                    )
                seen = n_skipped
        self.skipped += self._messages(seen, None)

    def _messages(self, start: int, stop: int | None) -> list[str]:
        """What the reader says of damaged frames it left out."""
        if self._trajectory is None:
            return []
        advice = f"; {SKIP_HINT}"  # which was taken
        return [str(error).removesuffix(advice) for error in self._trajectory.skipped[start:stop]]

    def labels(
        self,
        source: str,
        reading: ReadOptions,
        roles: AtomRoles | None,
        records: FrameRecords,
    ) -> Labels:
        """The result.

        Parameters
        ----------
        source, records
            As of :class:`Labels`.
        reading
            How the source was read.
        roles
            What the atoms were taken for and why, to be reported; ``None``: as they were given.

        Raises
        ------
        InputError
            There is no frame, or no molecule that is selected.
        """
        if not self.totals.frames:
            sliced = reading.start > 0 or reading.stop is not None
            raise InputError(
                "no frame to label" + (f": {self.skipped[0]}" if self.skipped else ""),
                path=None if self._trajectory is None else self._trajectory.path,
                hint="check which frames are to be read" if sliced else None,
            )
        if not self.totals.molecules:
            asked = " and ".join(map(str, self._labeller.options.conditions))
            raise NothingSelectedError(f"no molecule is selected in any frame by {asked}")
        labels = probabilities = None
        if self._predictions is not None:
            labels = tuple(p.labels.astype(np.int8) for p in self._predictions)
            probabilities = tuple(p.probabilities for p in self._predictions)
        return Labels(
            source=source,
            classes=self._labeller.model.classes,
            labels=labels,
            probabilities=probabilities,
            skipped=tuple(self.skipped),
            parameters=self._labeller.parameters(reading) | _told_of(roles),
            totals=self.totals,
            records=records,
        )


def _told_of(roles: AtomRoles | None) -> dict[str, str]:
    """What is reported of the decision about the atoms."""
    if roles is None:
        return {"sites": "as given"}
    return {"sites": str(roles)} | ({"warning": roles.warning} if roles.warning else {})
