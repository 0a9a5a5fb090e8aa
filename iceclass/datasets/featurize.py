"""From trajectories to a feature store: finds them, learns what they are, computes, stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.reference import SHIPPED, ReferenceTrajectory, is_reference, load_reference
from iceclass.datasets.store import FeatureStore, TrajectoryInfo
from iceclass.descriptors import Descriptor
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io import Trajectory


def find_trajectories(
    sources: Iterable[Path],
    *,
    phase: str | None = None,
    preparation: str | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> list[TrajectoryInfo]:
    """The trajectories of known phase among files and directories, with what is known of them.

    Parameters
    ----------
    sources
        Trajectory files, compact data sets (``reference``: the shipped one), or directories
        that are searched for described trajectories.
    phase, preparation
        What the given files are, where no file beside them says it; each file without a
        given preparation is one of its own.
    report
        Is told what is left out, and why.

    Raises
    ------
    InputError
        A missing path, a directory without described trajectories, or a file of unknown phase.
    """
    found: list[TrajectoryInfo] = []
    for given in sources:
        source = _source(given)
        if is_reference(source):
            found += [
                _info(source, t.phase, preparation, {**t.metadata, "name": t.name})
                for t in load_reference(source)
                if phase in (None, t.phase)
            ]
            continue
        if source.is_dir():
            described = [
                (path, metadata)
                for path in sorted(source.rglob("*.lammpstrj*"))
                if (metadata := read_metadata(path)) is not None
            ]
            if not described:
                raise InputError(
                    "no trajectory with a .json file of metadata in this directory",
                    path=source,
                    hint='name the files, and what they hold, as in phase="ih"',
                )
        elif source.exists():
            described = [(source, read_metadata(source) or {})]
        else:
            raise InputError("no such file or directory", path=source)
        for path, metadata in described:
            name = phase or metadata.get("phase")
            if not name:
                if "phase" in metadata:
                    report(f"{path}: left out, since it holds more than one phase")
                    continue
                raise InputError(
                    "the phase of this trajectory is not known",
                    path=path,
                    hint='say it, as in phase="ih"',
                )
            found.append(_info(path, name, preparation, metadata))
    if not found:
        raise InputError("no trajectory of a single phase was given")
    names = [info.name for info in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two trajectories are called {name!r}", hint="rename one of them")
    return found


def _source(given: Path) -> Path:
    """``reference`` is the data set that comes with iceclass, unless a file is called so."""
    return SHIPPED if str(given) == "reference" and not given.exists() else given


def featurize(
    trajectories: Iterable[TrajectoryInfo],
    descriptor: Descriptor,
    output: Path,
    *,
    types: Mapping[Any, str] | None = None,
    every: int = 1,
    backend: str | None = None,
    force: bool = False,
    report: Callable[[str], None] = lambda text: None,
) -> None:
    """Add the features of trajectories to the store at ``output``, made where there is none.

    Trajectories the store has are not computed again; a stopped run goes on after the last
    whole trajectory.

    Parameters
    ----------
    trajectories
        As from :func:`find_trajectories`.
    types
        Atom type → element; default: found out per file.
    every
        Take each k-th frame.
    backend
        Implementation of the descriptor; default: the fast one.
    force
        Replace trajectories whose file or metadata has changed.

    Raises
    ------
    InputError
        Unreadable trajectories, or a store of another descriptor.
    """
    opened: dict[str, dict[str, ReferenceTrajectory]] = {}
    with FeatureStore.open_or_create(output, descriptor) as store:
        for info in trajectories:
            if info.path not in opened:
                opened = {info.path: _compact_set(Path(info.path))}
            compact = opened[info.path].get(info.name)
            info = info.with_source(info.path) if compact is None else _with_digest(info, compact)
            if not force and store.has(info):
                report(f"{info.name}: in the store already")
                continue
            with (
                Trajectory(info.path, types=types, every=every)
                if compact is None
                else nullcontext(compact.frames[::every])
            ) as frames:
                counted = None if compact is None else compact.counted
                rows = _features(frames, descriptor, backend, counted)
                stored = store.append_trajectory(info, rows, force=force)
            report(f"{stored.name}: {stored.n_frames} frames, {stored.n_rows} environments")


def _compact_set(path: Path) -> dict[str, ReferenceTrajectory]:
    """The trajectories of a compact data set by their names; none where the file is no such set."""
    return {t.name: t for t in load_reference(path)} if is_reference(path) else {}


def _with_digest(info: TrajectoryInfo, compact: ReferenceTrajectory) -> TrajectoryInfo:
    """``info`` with the size and SHA-256 of what it is made of, not of the whole data set."""
    data = np.ascontiguousarray([f.positions for f in compact.frames]).tobytes()
    if compact.counted is not None:
        data += compact.counted.tobytes()
    return replace(info, source_size=len(data), source_sha256=sha256(data).hexdigest())


def _features(
    frames: Iterable[Frame],
    descriptor: Descriptor,
    backend: str | None,
    counted: NDArray[np.int64] | None,
) -> Iterator[tuple[Frame, NDArray[np.float64]]]:
    """Frames and their features, those of the ``counted`` molecules."""
    for frame in frames:
        features = descriptor.compute(frame, backend=backend)
        if counted is None:
            yield frame, features
        else:
            chosen = np.zeros(frame.n_molecules, dtype=bool)
            chosen[counted] = True
            yield frame.only(chosen), features[chosen]


def _info(
    path: Path, phase: str, preparation: str | None, metadata: Mapping[str, Any]
) -> TrajectoryInfo:
    stem = path.name.partition(".lammpstrj")[0] if ".lammpstrj" in path.name else path.stem
    name = metadata.get("name", stem)
    return TrajectoryInfo(
        name=name,
        phase=phase,
        preparation=preparation or metadata.get("preparation") or name,
        path=str(path),
        split=metadata.get("split", ""),
        temperature=float(metadata.get("temperature", "nan")),
        pressure=float(metadata.get("pressure", "nan")),
        water_model=metadata.get("water_model", ""),
    )
