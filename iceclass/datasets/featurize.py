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

from iceclass.datasets.environments import environment_files, load_compact
from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.reference import SHIPPED, ReferenceTrajectory, is_reference
from iceclass.datasets.store import FeatureStore, TrajectoryInfo
from iceclass.descriptors import Descriptor
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io import Trajectory
from iceclass.phases import EITHER


def find_trajectories(
    sources: Iterable[Path],
    *,
    phase: str | None = None,
    preparation: str | None = None,
    boundaries: bool = False,
    report: Callable[[str], None] = lambda text: None,
) -> list[TrajectoryInfo]:
    """The trajectories of known phase among files and directories, with what is known of them.

    Parameters
    ----------
    sources
        Trajectory files, compact data sets (``reference``: the shipped one; ``environments``:
        those of a checkout), or directories that are searched for described trajectories. A
        trajectory of several phases in a data set of environments is found once for each of
        them, and only the molecules that are of it by their truth count.
    phase, preparation
        What the given files are, where no file beside them says it; each file without a
        given preparation is one of its own.
    boundaries
        Find the molecules at boundaries, too, which are of one phase or another (``ih+ic+water``).
    report
        Is told what is left out, and why.

    Raises
    ------
    InputError
        A missing path, a directory without described trajectories, or a file of unknown phase.
    """
    found: list[TrajectoryInfo] = []
    for source in (source for given in sources for source in _sources(given)):
        if is_reference(source):
            found += [
                _info(source, one, preparation, {**t.metadata, "name": name})
                for name, one, t in _compact_set(source)
                if (boundaries or EITHER not in one) and phase in (None, one)
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


def _sources(given: Path) -> list[Path]:
    """``reference`` is the data set that comes with iceclass, unless a file is called so.

    ``environments`` are those of the checkout.
    """
    if given.exists() or str(given) not in ("reference", "environments"):
        return [given]
    return [SHIPPED] if str(given) == "reference" else environment_files()


def _compact_set(path: Path) -> Iterator[tuple[str, str, ReferenceTrajectory]]:
    """Of a compact data set, name, phase and trajectory; once for each of several phases."""
    for trajectory in load_compact(path):
        for phase in trajectory.phases:
            several = trajectory.phase != phase
            yield f"{trajectory.name}_{phase}" if several else trajectory.name, phase, trajectory


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
    opened: dict[str, dict[str, tuple[str, ReferenceTrajectory]]] = {}
    with FeatureStore.open_or_create(output, descriptor) as store:
        for info in trajectories:
            if info.path not in opened:
                path = Path(info.path)
                compact = _compact_set(path) if is_reference(path) else ()
                opened = {info.path: {name: (phase, t) for name, phase, t in compact}}
            chosen: NDArray[np.bool_] | None = None
            held: ReferenceTrajectory | None = None
            if info.name in opened[info.path]:
                phase, held = opened[info.path][info.name]
                chosen = held.of_phases[phase]
            info = _with_source(info, held, chosen)
            if not force and store.has(info):
                report(f"{info.name}: in the store already")
                continue
            with (
                Trajectory(info.path, types=types, every=every)
                if held is None
                else nullcontext(held.frames[::every])
            ) as frames:
                counted = None if chosen is None else chosen[::every]
                rows = _features(frames, descriptor, backend, counted)
                stored = store.append_trajectory(info, rows, every=every, force=force)
            report(f"{stored.name}: {stored.n_frames} frames, {stored.n_rows} environments")


def _with_source(
    info: TrajectoryInfo, held: ReferenceTrajectory | None, chosen: NDArray[np.bool_] | None
) -> TrajectoryInfo:
    """``info`` with size and SHA-256 of its file or, in a data set, of what it is made of."""
    if held is None:
        return info.with_source(info.path)
    data = np.ascontiguousarray([f.positions for f in held.frames]).tobytes()
    if chosen is not None:
        data += np.packbits(chosen).tobytes()
    return replace(info, source_size=len(data), source_sha256=sha256(data).hexdigest())


def _features(
    frames: Iterable[Frame],
    descriptor: Descriptor,
    backend: str | None,
    chosen: NDArray[np.bool_] | None,
) -> Iterator[tuple[Frame, NDArray[np.float64]]]:
    """Frames and their features, those of the ``chosen`` (T, N) molecules."""
    for k, frame in enumerate(frames):
        if chosen is None:
            yield frame, descriptor.compute(frame, backend=backend)
        elif chosen[k].any():
            yield frame.only(chosen[k]), descriptor.compute(frame, backend=backend)[chosen[k]]
        else:
            yield frame.only(chosen[k]), np.empty((0, descriptor.n_features))


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
