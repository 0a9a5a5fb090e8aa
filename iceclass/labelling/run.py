"""One run of labelling: frames on their way through a model, and what is known of them so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.analysis.observer import Observer
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.lammps.index import Place
from iceclass.io.trajectory import Trajectory
from iceclass.labelling.labels import Labels
from iceclass.labelling.output import Sink, asked_only
from iceclass.labelling.prefetch import ahead, behind
from iceclass.labelling.region import Region, inside
from iceclass.model.file import load_model, resolve_model
from iceclass.model.network import Model, Prediction

Progress = Callable[[int, int, tuple[int, int]], None]
"""Takes frames and molecules done so far by a call, and bytes read and in all (0: unknown)."""


@dataclass(frozen=True, eq=False)
class Labeller:
    """A model and how it is asked; the arguments of :func:`label`.

    Attributes
    ----------
    name
        To report the model by.
    """

    model: Model
    name: str
    unknown: bool
    backend: str | None
    regions: tuple[Region, ...]

    @classmethod
    def of(
        cls,
        model: str | Path | Model,
        unknown: bool,
        backend: str | None,
        regions: Iterable[Region] = (),
    ) -> Self:
        """With the model of a name or file."""
        if isinstance(model, Model):
            return cls(model, model.descriptor.name, unknown, backend, tuple(regions))
        name = resolve_model(model).stem
        return cls(load_model(model), name, unknown, backend, tuple(regions))

    @property
    def parameters(self) -> dict[str, Any]:
        """What is reported with the labels."""
        return {
            "model": self.name,
            "model_id": self.model.model_id,
            "descriptor": self.model.descriptor.to_dict(),
            "iceclass": __version__,
            "unknown": self.unknown,
            "regions": [str(region) for region in self.regions],
        }

    def classify(self, frame: Frame) -> Prediction:
        """What the model says of the frame's molecules.

        Raises
        ------
        InputError
            There are none.
        """
        if frame.n_molecules == 0:
            raise InputError("the frame has no oxygen", hint="tell the types: --types 1=O,2=H")
        chosen = inside(frame, self.regions) if self.regions else None
        return self.model.classify(frame, chosen=chosen, unknown=self.unknown, backend=self.backend)


class Numbered(NamedTuple):
    """A frame, its number in the source, how many were left out before it, and where it begins."""

    number: int
    frame: Frame
    skipped: int = 0
    place: Place | None = None


def numbered(trajectory: Trajectory) -> Iterator[Numbered]:
    """The frames with their numbers; made where they are read."""
    place = trajectory.place
    for frame in trajectory:
        yield Numbered(trajectory.frame_index, frame, len(trajectory.skipped), place)
        place = trajectory.place


class Run:
    """What is known of the frames so far, and the way of a frame through model and output.

    Parameters
    ----------
    records
        Of the frames that are there already.
    kept
        Takes the predictions, if they are to be kept.

    The others are those of :func:`label`.

    Attributes
    ----------
    records, skipped
        The records of the frames, and what was left out among them.
    """

    def __init__(
        self,
        labeller: Labeller,
        trajectory: Trajectory | None,
        observers: Mapping[str, Observer],
        records: Iterable[dict[str, Any]] = (),
        kept: list[Prediction] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.records = list(records)
        self.skipped: list[str] = [text for record in self.records for text in record["skipped"]]
        self._labeller, self._trajectory = labeller, trajectory
        self._observers, self._kept, self._progress = observers, kept, progress
        self._frames = self._molecules = 0

    def through(self, frames: Iterable[Numbered], sink: Sink | None, after: int = -1) -> None:
        """Label the frames behind the last that has a record, or else behind ``after``."""
        last = self.records[-1]["frame"] if self.records else after
        seen = 0

        def write(item: tuple[Frame, Prediction, dict[str, Any]]) -> None:
            assert sink is not None
            sink.write(*item)

        with closing(ahead(frames)) as read, behind(write) as output:
            for number, frame, skipped, place in read:
                if number > last:
                    prediction = self._classify(number, frame)
                    messages = self._messages(seen, skipped)
                    record = self._record(number, frame, prediction, messages)
                    if self._kept is not None:
                        self._kept.append(prediction)
                    if sink is not None:
                        if place is not None:
                            record["place"] = place.to_dict()
                        output.put((frame, prediction, record))
                    self.add(
                        record, (0, 0) if self._trajectory is None else self._trajectory.position
                    )
                seen = skipped
        self.skipped += self._messages(seen, None)

    def _classify(self, number: int, frame: Frame) -> Prediction:
        """What the model says; what it cannot take is told with its place."""
        try:
            return self._labeller.classify(frame)
        except InputError as error:
            if error.frame is None:
                error.frame = number
                error.path = None if self._trajectory is None else self._trajectory.path
            raise

    def add(self, record: dict[str, Any], position: tuple[int, int]) -> None:
        """A frame is done; ``position``: bytes of the trajectory read and in all."""
        self.records.append(record)
        self.skipped += record["skipped"]
        self._frames += 1
        self._molecules += record["molecules"]
        if self._progress is not None:
            self._progress(self._frames, self._molecules, position)

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
        frame, prediction = asked_only(frame, prediction)
        n_classes = len(prediction.classes)
        column = np.where(prediction.labels < 0, n_classes, prediction.labels)
        return {
            "frame": number,
            "timestep": frame.timestep,
            "molecules": frame.n_molecules,
            "counts": np.bincount(column, minlength=n_classes + 1).tolist(),
            "confidence": float(prediction.confidence.mean()) if frame.n_molecules else 0.0,
            "skipped": skipped,
            "open": not frame.pbc.any(),
            "observed": {k: o.record(frame, prediction) for k, o in self._observers.items()},
        }

    def labels(self, source: str, parameters: Mapping[str, Any]) -> Labels:
        """The result.

        Raises
        ------
        InputError
            There is no frame, or no molecule in the region.
        """
        if not self.records:
            sliced = parameters["start"] or parameters["stop"] is not None
            raise InputError(
                "no frame to label" + (f": {self.skipped[0]}" if self.skipped else ""),
                path=None if self._trajectory is None else self._trajectory.path,
                hint="check --start, --stop" if sliced else None,
            )

        if not any(record["molecules"] for record in self.records):
            raise InputError("there is no molecule in the region, in any frame")

        def column(key: str, dtype: Any = np.int64) -> NDArray[Any]:
            return np.array([record[key] for record in self.records], dtype=dtype)

        kept = self._kept
        return Labels(
            source=source,
            classes=self._labeller.model.classes,
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
            open_frames=sum(record.get("open", False) for record in self.records),
        )
