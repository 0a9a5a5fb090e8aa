"""Tables of features in memory: one row per molecule and frame, and their trajectories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, unknown_name
from iceclass.phases import PHASES

SPLITS = ("train", "validation", "test")
ROW_COLUMNS = {"trajectory": "i4", "frame": "i4", "timestep": "i8", "molecule": "i8"}
"""The columns of a table beside its features, with their types."""

COUNTED = ("n_frames", "n_molecules", "n_rows")
SOURCE = ("path", "source_size", "source_sha256")


@dataclass(frozen=True)
class TrajectoryInfo:
    """What is known of one trajectory.

    Attributes
    ----------
    name
        Unique in its store.
    phase
        Class name; how the trajectory was made.
    preparation
        What was prepared independently (proton disorder, melt, compression or shear run), named
        within its phase. All state points of a preparation carry the same name.
    path
        Where the trajectory was read from; for the reader only.
    split
        "train", "validation", "test", or "" where the split is left to the training.
    temperature, pressure
        K and GPa; NaN where unknown.
    water_model
        "" where unknown.
    source_size, source_sha256
        Bytes and SHA-256 of the source file; see :meth:`with_source`.
    n_frames, n_molecules, n_rows
        T, N of the first frame, and rows in the store; filled in by the store.
    """

    name: str
    phase: str
    preparation: str
    path: str = ""
    split: str = ""
    temperature: float = float("nan")
    pressure: float = float("nan")
    water_model: str = ""
    source_size: int = 0
    source_sha256: str = ""
    n_frames: int = 0
    n_molecules: int = 0
    n_rows: int = 0

    def __post_init__(self) -> None:
        for what in ("name", "phase", "preparation"):
            if not getattr(self, what):
                raise InputError(f"trajectory {self.name or self.path!r} has no {what}")
        if self.split not in ("", *SPLITS):
            raise unknown_name("split", self.split, SPLITS)

    def with_source(self, path: str | Path) -> TrajectoryInfo:
        """A copy with path, size and SHA-256 of the file at ``path``."""
        try:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from error
        return replace(self, path=str(path), source_size=size, source_sha256=digest)

    @property
    def group(self) -> tuple[str, str]:
        """Phase and preparation: what a split may not divide."""
        return self.phase, self.preparation


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of a feature store in memory.

    Attributes
    ----------
    features
        (R, F) float32.
    trajectory
        (R,) int32, index into :attr:`trajectories`.
    frame, timestep, molecule
        (R,) int32, int64, int64: frame from 0, simulation step, atom id of the oxygen.
    trajectories
        The K trajectories.
    descriptor
        Plain dict of the descriptor's definition.
    feature_names
        F names.
    """

    features: NDArray[np.float32]
    trajectory: NDArray[np.int32]
    frame: NDArray[np.int32]
    timestep: NDArray[np.int64]
    molecule: NDArray[np.int64]
    trajectories: tuple[TrajectoryInfo, ...]
    descriptor: Mapping[str, Any]
    feature_names: tuple[str, ...]

    def __post_init__(self) -> None:
        rows = len(self.features)
        assert self.features.shape == (rows, len(self.feature_names))
        for name in ROW_COLUMNS:
            assert getattr(self, name).shape == (rows,), name

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        return (
            f"Table({len(self)} rows, {len(self.feature_names)} features, "
            f"{len(self.trajectories)} trajectories of {', '.join(self.classes)})"
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The C phases, in the catalogue's order, then those it does not know by name."""
        return order_classes(t.phase for t in self.trajectories)

    @property
    def phase(self) -> NDArray[np.str_]:
        """(R,) phase name of every row."""
        return np.array([t.phase for t in self.trajectories], dtype=str)[self.trajectory]

    @property
    def preparation(self) -> NDArray[np.str_]:
        """(R,) preparation name of every row; unique only together with the phase."""
        return np.array([t.preparation for t in self.trajectories], dtype=str)[self.trajectory]

    def target(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """(R,) index of every row's phase in ``classes``; −1 where it is not one of them."""
        index = {name: i for i, name in enumerate(classes)}
        per_trajectory = np.array([index.get(t.phase, -1) for t in self.trajectories], np.int64)
        return per_trajectory[self.trajectory]

    def rows(self, which: NDArray[Any]) -> Table:
        """The table of the rows selected by a mask or an index array; all trajectories kept."""
        changed = {name: getattr(self, name)[which] for name in ("features", *ROW_COLUMNS)}
        return replace(self, **changed)

    def of(self, wanted: Callable[[TrajectoryInfo], bool]) -> Table:
        """The table of some of the trajectories alone."""
        kept = np.array([wanted(t) for t in self.trajectories], dtype=bool)
        if kept.all():
            return self
        table = self.rows(kept[self.trajectory])
        places = (np.cumsum(kept) - 1).astype(table.trajectory.dtype)
        chosen = tuple(t for t, keep in zip(self.trajectories, kept, strict=True) if keep)
        return replace(table, trajectory=places[table.trajectory], trajectories=chosen)


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Unique class names: the catalogue's in its order, then the others alphabetically."""
    unique = set(names)
    known = [name for name in PHASES if name in unique]
    return (*known, *sorted(unique - set(known)))


def descriptor_difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """In words, how two descriptor dicts differ; "" where they are the same definition."""
    a, b = _plain(found), _plain(expected)
    if a.get("family") != b.get("family"):
        return f"family is {a.get('family')!r}, expected {b.get('family')!r}"
    absent = "absent"
    return ", ".join(
        f"{key} is {a.get(key, absent)!r}, expected {b.get(key, absent)!r}"
        for key in sorted(a.keys() | b.keys())
        if a.get(key, absent) != b.get(key, absent)
    )


def _plain(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The dict as it looks after a way through JSON (tuples are lists)."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(definition)))
    return plain
