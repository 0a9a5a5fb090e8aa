"""The feature store: descriptors of many trajectories in one HDF5 file, and tables read from it.

Layout of the file (R rows, one per molecule and frame; F features; K trajectories)::

    /                     attributes format, format_version, iceclass_version, descriptor (JSON)
    /feature_names        (F,) strings
    /trajectories/*       (K,) one data set per field of TrajectoryInfo
    /rows/features        (R, F) float32, chunked, shuffled and deflated
    /rows/trajectory      (R,) int32, index into /trajectories
    /rows/frame           (R,) int32, index of the frame in its trajectory, from 0 (in older
                          stores frames that were left out or have no rows do not count)
    /rows/timestep        (R,) int64
    /rows/molecule        (R,) int64, the oxygen's atom id

While trajectories are being added each is written to a file of its own in ``NAME.h5.parts/`` and
moved into place there when it is whole; closing the store joins them. A run that is killed at
any moment therefore leaves the store as it was, and the next run goes on after the last whole
trajectory.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from iceclass.datasets import hdf5
from iceclass.datasets.table import (
    COUNTED,
    SOURCE,
    Table,
    TrajectoryInfo,
    descriptor_difference,
)
from iceclass.errors import InputError, OutputError, unknown_name
from iceclass.files import check_output, replacing
from iceclass.frame import Frame

if TYPE_CHECKING:
    import h5py

    from iceclass.descriptors import Descriptor

__all__ = ["FeatureStore", "Table", "TrajectoryInfo"]


@dataclass
class FeatureStore:
    """Features of many trajectories on disk; see the module's docstring for the file.

    Use :meth:`create`, :meth:`open` or :meth:`open_or_create`, and ``with``: leaving the block
    normally joins what was added into the file, leaving it by an error keeps the whole
    trajectories for the next run.
    """

    path: Path
    descriptor: Descriptor
    mode: str
    _stored: list[TrajectoryInfo] = field(default_factory=list, repr=False)
    _parts: dict[str, tuple[Path, TrajectoryInfo]] = field(default_factory=dict, repr=False)
    _lock: Any = field(default=None, repr=False)

    @classmethod
    def create(
        cls, path: str | Path, descriptor: Descriptor, *, force: bool = False
    ) -> FeatureStore:
        """A new store; goes on with an unfinished one of the same name.

        With ``force`` everything is made anew, and an existing file is replaced on closing.

        Raises
        ------
        OutputError
            The file exists and ``force`` is not given, or cannot be written.
        InputError
            The unfinished store is of another descriptor.
        """
        path = Path(path)
        check_output(path, force=force)
        store = cls(path, descriptor, "a")
        store._begin(discard=force)
        return store

    @classmethod
    def open(
        cls, path: str | Path, mode: str = "r", *, descriptor: Descriptor | None = None
    ) -> FeatureStore:
        """The store at ``path``, to read ("r") or to add to ("a").

        Raises
        ------
        InputError
            Not a feature store, a damaged one, or one of another descriptor than asked for;
            the message spells out the difference.
        """
        if mode not in ("r", "a"):
            raise ValueError(f"mode {mode!r}, expected 'r' or 'a'")
        path = Path(path)
        if not path.exists():
            hint = None
            if _parts_directory(path).is_dir():
                hint = "an unfinished run left its parts beside it: run the same command again"
            raise InputError("no such feature store", path=path, hint=hint)
        definition, stored = hdf5.read_header(path)
        if descriptor is not None:
            _same_descriptor(definition, descriptor, path)
        else:
            descriptor = _descriptor_of(definition, path)
        store = cls(path, descriptor, mode, stored)
        if mode == "a":
            store._begin()
        return store

    @classmethod
    def open_or_create(cls, path: str | Path, descriptor: Descriptor) -> FeatureStore:
        """The store to add to, made where there is none yet."""
        if Path(path).exists():
            return cls.open(path, "a", descriptor=descriptor)
        return cls.create(path, descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(join=kind is None)

    def close(self, *, join: bool = True) -> None:
        """Join added trajectories into the file (or leave them for the next run)."""
        if self.mode != "a" or self._lock is None:
            return
        try:
            if join:
                self._join()
        finally:
            self._unlock()
            if not self._parts:
                shutil.rmtree(_parts_directory(self.path), ignore_errors=True)

    def _begin(self, *, discard: bool = False) -> None:
        """Lock the store against other writers, and look what an earlier run left."""
        directory = _parts_directory(self.path)
        try:
            directory.mkdir(exist_ok=True)
            self._lock = FileLock(directory / "lock", timeout=0)
            self._lock.acquire()
            self._pick_up(directory, discard)
        except Timeout as error:
            self._lock = None
            raise OutputError("another process is writing this store", path=self.path) from error
        except OSError as error:
            self._unlock()
            raise OutputError(f"cannot be written: {error.strerror}", path=self.path) from error
        except InputError:
            self._unlock()
            raise

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _pick_up(self, directory: Path, discard: bool) -> None:
        """The whole parts of an earlier run; what it left half done is removed."""
        for leftover in directory.glob("*.tmp"):
            leftover.unlink()
        for part in sorted(directory.glob("*.h5")):
            if discard:
                part.unlink()
                continue
            definition, infos = hdf5.read_header(part)
            if len(infos) != 1:
                raise InputError(f"has {len(infos)} trajectories, expected 1", path=part)
            (info,) = infos
            _same_descriptor(definition, self.descriptor, self.path)
            self._parts[info.name] = (part, info)

    @property
    def trajectories(self) -> tuple[TrajectoryInfo, ...]:
        """The whole trajectories, in the order they were added."""
        kept = [t for t in self._stored if t.name not in self._parts]
        return (*kept, *(info for _, info in self._parts.values()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """F names."""
        return tuple(self.descriptor.names)

    @property
    def n_rows(self) -> int:
        """R."""
        return sum(t.n_rows for t in self.trajectories)

    def __repr__(self) -> str:
        return (
            f"FeatureStore({self.path.name}: {self.descriptor.name}, "
            f"{len(self.trajectories)} trajectories, {self.n_rows} rows)"
        )

    def has(self, info: TrajectoryInfo) -> bool:
        """Whether the trajectory is in the store already, unchanged.

        Raises
        ------
        InputError
            A trajectory of this name is there, but of another source file or described
            differently.
        """
        there = next((t for t in self.trajectories if t.name == info.name), None)
        if there is None:
            return False
        if (there.source_size, there.source_sha256) != (info.source_size, info.source_sha256):
            raise InputError(
                f"trajectory {info.name!r} has changed since its features were stored "
                f"({there.source_size} bytes then, {info.source_size} now)",
                path=info.path or self.path,
                hint="use force=True to compute them again, or give it another name",
            )
        for one in fields(info):
            old, new = getattr(there, one.name), getattr(info, one.name)
            if one.name in (*COUNTED, *SOURCE) or old == new or (old != old and new != new):
                continue
            raise InputError(
                f"trajectory {info.name!r} is stored with {one.name} {old!r}, now {new!r}",
                path=self.path,
                hint="use force=True to store it again",
            )
        return True

    def append_trajectory(
        self,
        info: TrajectoryInfo,
        frames: Iterable[tuple[Frame, NDArray[Any]]],
        *,
        every: int = 1,
        force: bool = False,
    ) -> TrajectoryInfo:
        """Store the features of a trajectory, frame by frame, in the memory of one frame.

        Where the store has this trajectory, unchanged, ``frames`` is not touched.

        Parameters
        ----------
        info
            Its description; the counts are filled in here.
        frames
            Frames with their (N, F) features; a frame without molecules of the phase has none.
        every
            They are each k-th of the trajectory, by whose frames the rows are numbered.
        force
            Replace a trajectory of this name whose source or description has changed.

        Returns
        -------
        TrajectoryInfo
            As stored.

        Raises
        ------
        InputError
            The trajectory changed (see :meth:`has`), has no molecules, or has features of the
            wrong shape or too large for float32.
        """
        if self.mode != "a" or self._lock is None:
            raise ValueError("the store is not open for adding")
        if not force and self.has(info):
            return next(t for t in self.trajectories if t.name == info.name)
        directory = _parts_directory(self.path)
        taken = [int(p.name.split("-")[0]) for p, _ in self._parts.values()]
        digest = hashlib.sha256(info.name.encode()).hexdigest()[:16]
        final = directory / f"{max(taken, default=0) + 1:06d}-{digest}.h5"
        temporary = final.with_suffix(".tmp")
        try:
            info = hdf5.write_part(temporary, self.descriptor, info, frames, every)
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
        if info.name in self._parts:
            self._parts.pop(info.name)[0].unlink()
        self._parts[info.name] = (final, info)
        return info

    def _join(self) -> None:
        """Write the final file from what is stored and the parts, and move it into place."""
        import h5py

        if not self._parts:
            return
        trajectories = list(self.trajectories)
        with replacing(self.path, force=True) as temporary:
            untouched = bool(self._stored) and not any(t.name in self._parts for t in self._stored)
            if untouched:
                shutil.copyfile(self.path, temporary)
            with h5py.File(temporary, "a") as file:
                if not untouched:
                    hdf5.make_rows(file, self.descriptor.n_features)
                    if self._stored:
                        self._copy_kept(file["rows"], trajectories)
                for part, info in self._parts.values():
                    with h5py.File(part, "r") as source:
                        hdf5.copy_rows(
                            source["rows"], file["rows"], 0, info.n_rows, trajectories.index(info)
                        )
                hdf5.write_header(file, self.descriptor, trajectories)
        self._stored, self._parts = trajectories, {}

    def _copy_kept(self, rows: h5py.Group, trajectories: Sequence[TrajectoryInfo]) -> None:
        """Copy the stored trajectories that no part replaces."""
        import h5py

        with h5py.File(self.path, "r") as source:
            start = 0
            for info in self._stored:
                if info.name not in self._parts:
                    stop = start + info.n_rows
                    hdf5.copy_rows(source["rows"], rows, start, stop, trajectories.index(info))
                start += info.n_rows

    def load(
        self,
        *,
        phases: Iterable[str] | None = None,
        splits: Iterable[str] | None = None,
        max_rows: int | None = None,
        seed: int = 0,
    ) -> Table:
        """Rows in memory, those of the chosen trajectories only.

        Parameters
        ----------
        phases, splits
            Keep trajectories of these phases, and of these explicit splits.
        max_rows
            At most so many rows of each trajectory, drawn without replacement with ``seed``.

        Raises
        ------
        InputError
            A phase the store does not hold, nothing left to load, or a damaged file.
        """
        phases = None if phases is None else tuple(phases)
        splits = None if splits is None else tuple(splits)
        held = {t.phase for t in self._stored}
        for phase in phases or ():
            if phase not in held:
                raise unknown_name("phase", phase, held)
        chosen = [
            (start, info)
            for start, info in zip(self._starts(), self._stored, strict=True)
            if (phases is None or info.phase in phases) and (splits is None or info.split in splits)
        ]
        if not chosen:
            raise InputError("no trajectory to load", path=self.path)
        features, columns = hdf5.read_rows(self.path, chosen, max_rows, seed)
        return Table(
            features=features,
            trajectories=tuple(t for _, t in chosen),
            descriptor=self.descriptor.to_dict(),
            feature_names=self.feature_names,
            **columns,
        )

    def _starts(self) -> list[int]:
        """First row of every stored trajectory."""
        return [int(n) for n in np.cumsum([0] + [t.n_rows for t in self._stored])[:-1]]


def _parts_directory(path: Path) -> Path:
    return path.with_name(path.name + ".parts")


def _same_descriptor(found: Mapping[str, Any], expected: Descriptor, path: Path) -> None:
    difference = descriptor_difference(found, expected.to_dict())
    if difference:
        raise InputError(
            f"holds features of another descriptor: {difference}",
            path=path,
            hint="give another output, or the descriptor it was made with",
        )


def _descriptor_of(definition: Mapping[str, Any], path: Path) -> Descriptor:
    from iceclass.descriptors import from_dict

    try:
        return from_dict(dict(definition))
    except InputError as error:
        raise InputError(f"unreadable descriptor: {error}", path=path) from error
