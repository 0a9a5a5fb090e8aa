"""Labelled trajectories read back: the frames that ``iceclass label`` wrote, with their labels.

The legend of the class indices stands in extended XYZ files themselves, and for dumps in the
summary (``NAME.phases.json``) that was written beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.options import ReadOptions
from iceclass.io.text.streams import peek, without_compression
from iceclass.io.trajectory import Trajectory
from iceclass.labelling.output import CONFIDENCE_COLUMN, PHASE_COLUMN
from iceclass.phases import UNKNOWN

_LEGEND = re.compile(rb'phases="([^"\n]*)"')
_MODEL_ID = re.compile(rb"iceclass_model=([0-9a-f]{12})\b")
_HINT = "label it first: iceclass label TRAJECTORY"


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """A frame and what its N molecules were labelled.

    Attributes
    ----------
    number
        Of the frame in the labelled file, from 0.
    frame
        N molecules.
    labels
        (N,) int64, index into the classes; −1 unknown, −2 not asked about.
    confidence
        (N,) float64, the probability of the most probable class.
    columns
        Name → (N,) further columns of numbers of the file (``i_…``, ``d_…``): what other
        classifiers and order parameters say.
    """

    number: int
    frame: Frame
    labels: NDArray[np.int64]
    confidence: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]]

    def selected(self) -> LabelledFrame:
        """Only the molecules that were asked about, where not all of them were."""
        asked = self.labels >= -1
        if asked.all():
            return self
        return LabelledFrame(
            self.number,
            self.frame.only(asked),
            self.labels[asked],
            self.confidence[asked],
            {name: column[asked] for name, column in self.columns.items()},
        )


class LabelledTrajectory:
    """The frames of a labelled trajectory, one at a time.

    Parameters
    ----------
    path
        A dump or extended XYZ file that ``iceclass label`` wrote, compressed or not.
    classes
        The C class names; default: what the file, or the summary beside it, says.
    reading
        How, and which frames.

    Attributes
    ----------
    classes
        The C class names.
    model
        Name of the model that labelled it, its file's without suffix, where the summary tells it.
    model_id
        Its 12 hex digits, where the file or the summary tells them.

    Raises
    ------
    InputError
        The file cannot be read, or nothing tells what its class indices mean (at once); a frame
        has no labels, or one that is no class (when it is reached).
    """

    def __init__(
        self,
        path: str | Path,
        classes: Sequence[str] | None = None,
        reading: ReadOptions | None = None,
        **changes: Any,
    ) -> None:
        self.path = Path(path)
        self._trajectory = Trajectory(self.path, reading, **changes)
        legend, self.model, self.model_id = _told(self.path)
        if classes is not None:
            legend = tuple(classes)
        if legend is None:
            raise InputError(
                "nothing tells what the class indices mean",
                path=self.path,
                hint=f"keep {summary_of(self.path).name} beside it, or label again as .extxyz",
            )
        self.classes = legend

    def __iter__(self) -> Iterator[LabelledFrame]:
        with self._trajectory as trajectory:
            for frame in trajectory:
                try:
                    yield self._labelled(trajectory.frame_index, frame)
                except InputError as error:
                    raise error.at(path=self.path, frame=trajectory.frame_index) from None

    @property
    def skipped(self) -> list[InputError]:
        """The errors of damaged frames that were left out."""
        return self._trajectory.skipped

    def _labelled(self, number: int, frame: Frame) -> LabelledFrame:
        columns = {} if frame.atoms is None else frame.atoms.columns
        if frame.atoms is None or PHASE_COLUMN not in columns:
            raise InputError(
                f"has no column {PHASE_COLUMN}, expected a labelled trajectory", hint=_HINT
            )
        rows = _first_atoms(frame.atoms.molecule, frame.n_molecules)
        labels = np.asarray(columns[PHASE_COLUMN])[rows]
        if labels.dtype.kind not in "if" or (labels != np.round(labels)).any():
            raise InputError(f"{PHASE_COLUMN} holds {labels[0]!r}, expected whole numbers")
        labels = labels.astype(np.int64)
        if labels.size and not -2 <= labels.min() <= labels.max() < len(self.classes):
            raise InputError(
                f"{PHASE_COLUMN} goes from {labels.min()} to {labels.max()}, expected −2 to "
                f"{len(self.classes) - 1} for the classes {', '.join(self.classes)}"
            )
        confidence = np.ones(len(labels))
        if CONFIDENCE_COLUMN in columns:
            confidence = np.asarray(columns[CONFIDENCE_COLUMN], dtype=np.float64)[rows]
        further = {
            name: np.asarray(columns[name])[rows]
            for name in columns
            if name[:2] in ("i_", "d_") and name not in (PHASE_COLUMN, CONFIDENCE_COLUMN)
        }
        numbers = {name: column for name, column in further.items() if column.dtype.kind in "if"}
        return LabelledFrame(number, frame, labels, confidence, numbers)


def summary_of(path: Path) -> Path:
    """The JSON summary that ``iceclass label`` writes beside a labelled trajectory."""
    return path.with_name(without_compression(path).stem.removesuffix(".labels") + ".phases.json")


def _told(path: Path) -> tuple[tuple[str, ...] | None, str | None, str | None]:
    """Class names, model and model id, as far as the file and the summary tell them."""
    head = peek(path)
    legend, digits = _LEGEND.search(head), _MODEL_ID.search(head)
    named = None
    if legend is not None:
        pairs = [text.partition("=") for text in legend[1].decode("utf-8", "replace").split()]
        named = {key: name for key, _, name in pairs}
    model, model_id = None, None if digits is None else digits[1].decode("ascii")
    summary = summary_of(path)
    if summary.is_file():
        try:
            content = json.loads(summary.read_text(encoding="utf-8"))
            named = (
                {str(k): str(v) for k, v in content["legend"].items()} if named is None else named
            )
            if model_id in (None, content["model_id"]):
                model, model_id = str(content["model"]), str(content["model_id"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"is no summary of labels: {error!r}", path=summary) from error
    if named is None:
        return None, model, model_id
    named.pop("-1", None)
    if sorted(named) != sorted(str(k) for k in range(len(named))) or UNKNOWN in named.values():
        raise InputError(f"has a legend of classes that is none: {named}", path=path)
    return tuple(named[str(k)] for k in range(len(named))), model, model_id


def _first_atoms(molecule: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """(n,) row of the first atom of every molecule."""
    rows = np.full(n, -1, dtype=np.int64)
    own = np.flatnonzero(molecule >= 0)[::-1]
    rows[molecule[own]] = own
    return rows
