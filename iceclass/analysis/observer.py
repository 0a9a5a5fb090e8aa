"""What watches the labelled frames of a trajectory and writes a table of them.

An observer is a value: the classes and its parameters. :meth:`Observer.record` makes of each
frame a few numbers, which survive JSON unchanged, and the tables are written from the records of
all frames alone, in their order. So a run can be interrupted, or its frames be shared out among
processes, and the tables are the same byte for byte.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iceclass.frame import Frame
from iceclass.prediction import Prediction

Record = Mapping[str, Any]
"""What an observer keeps of one frame: strings, Python numbers, lists and dicts of them."""

AXES = ("x", "y", "z", "a", "b", "c")
"""Axes and cell vectors along which molecules are looked at."""


@dataclass(frozen=True, eq=False)
class Observer(ABC):
    """Base of the observers.

    Parameters
    ----------
    classes
        The C class names of the model.

    Attributes
    ----------
    records
        Frame number and record of every frame that :meth:`add` was given.
    """

    classes: tuple[str, ...]
    records: list[tuple[int, Record]] = field(default_factory=list, init=False, repr=False)

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """What the records depend on beside the frames and their labels; JSON-serialisable."""

    @abstractmethod
    def record(self, frame: Frame, prediction: Prediction) -> Record:
        """The record of one frame: depends on nothing but it and the parameters."""

    @abstractmethod
    def write(
        self,
        path: str | Path,
        records: Iterable[tuple[int, Record]] | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """Write the table as CSV, passing once over the records.

        Parameters
        ----------
        path
            The file.
        records
            Frame number and record of every frame; default: :attr:`records`.
        force
            Replace an existing file.

        Raises
        ------
        OutputError
            The file cannot be written, or exists (without ``force``).
        InputError
            No records, or damaged ones.
        """

    def add(self, frame: Frame, prediction: Prediction, number: int | None = None) -> None:
        """Remember a frame's record; ``number``: default the number of frames before it."""
        number = len(self.records) if number is None else number
        self.records.append((number, self.record(frame, prediction)))
