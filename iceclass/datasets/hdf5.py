"""Reading and writing the parts of a feature store file, whose layout is in :mod:`.store`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields, replace
from itertools import count
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.datasets.table import ROW_COLUMNS, TrajectoryInfo
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.kernels.memory import too_much

if TYPE_CHECKING:
    import h5py

    from iceclass.descriptors import Descriptor

FORMAT = "iceclass-features"
FORMAT_VERSION = 3  # 2 had densities beside the rows, too
_CHUNK_BYTES = 1 << 18
_COPY_BYTES = 1 << 26
_MOST_DEFLATED = 1100  # times that a deflated data set can be larger than what is stored
_SMALL = 1 << 20  # bytes that may be announced without being stored


def make_rows(file: h5py.File, n_features: int) -> None:
    """Empty, growing data sets for the rows."""
    rows = file.create_group("rows")
    chunk = max(1, _CHUNK_BYTES // (4 * n_features))
    rows.create_dataset(
        "features",
        shape=(0, n_features),
        maxshape=(None, n_features),
        dtype="f4",
        chunks=(chunk, n_features),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
    for name, kind in ROW_COLUMNS.items():
        rows.create_dataset(
            name, shape=(0,), maxshape=(None,), dtype=kind, chunks=(8192,), compression="gzip"
        )


def append_rows(rows: h5py.Group, columns: Mapping[str, NDArray[Any]]) -> None:
    """Add rows at the end."""
    start = len(rows["features"])
    stop = start + len(columns["features"])
    for name, values in columns.items():
        rows[name].resize(stop, axis=0)
        rows[name][start:stop] = values


def copy_rows(source: h5py.Group, rows: h5py.Group, start: int, stop: int, trajectory: int) -> None:
    """Add the rows ``start`` to ``stop`` of another file, as those of trajectory ``trajectory``."""
    block = max(1, _COPY_BYTES // (4 * source["features"].shape[1]))
    for first in range(start, stop, block):
        last = min(first + block, stop)
        columns = {name: source[name][first:last] for name in ("features", *ROW_COLUMNS)}
        columns["trajectory"] = np.full(last - first, trajectory, np.int32)
        append_rows(rows, columns)


def write_header(
    file: h5py.File, descriptor: Descriptor, trajectories: Sequence[TrajectoryInfo]
) -> None:
    """Descriptor, versions and the table of trajectories, in place of any that are there."""
    import h5py

    text = h5py.string_dtype("utf-8")
    file.attrs["format"] = FORMAT
    file.attrs["format_version"] = FORMAT_VERSION
    file.attrs["iceclass_version"] = __version__
    file.attrs["descriptor"] = json.dumps(descriptor.to_dict(), ensure_ascii=False)
    for name in ("feature_names", "trajectories", "rows/density"):
        if name in file:
            del file[name]
    file.create_dataset("feature_names", data=list(descriptor.names), dtype=text)
    table = file.create_group("trajectories")
    for one in fields(TrajectoryInfo):
        values = [getattr(t, one.name) for t in trajectories]
        kind = {"str": text, "float": "f8", "int": "i8"}[str(one.type)]
        table.create_dataset(one.name, data=values, dtype=kind)


def read_header(path: Path) -> tuple[dict[str, Any], list[TrajectoryInfo]]:
    """The descriptor dict and the trajectories of a feature store.

    Raises
    ------
    InputError
        Not a feature store, of another format, or damaged.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError("is HDF5, but not a feature store of iceclass", path=path)
            version = int(file.attrs["format_version"])
            if version not in (2, FORMAT_VERSION):
                raise InputError(
                    f"feature store of format {version}, expected 2 or {FORMAT_VERSION}",
                    path=path,
                    hint=f"written by iceclass {file.attrs.get('iceclass_version')}; "
                    "run iceclass featurize again, or upgrade",
                )
            definition = json.loads(file.attrs["descriptor"])
            if not isinstance(definition, dict):
                raise ValueError("the descriptor is not a JSON object")
            names = checked_dataset(file, "feature_names", "O", 1).asstr()[:].tolist()
            columns = {one.name: _column(file, one) for one in fields(TrajectoryInfo)}
            count = len(columns["name"])
            trajectories = [
                TrajectoryInfo(**{name: column[i] for name, column in columns.items()})
                for i in range(count)
            ]
            _check(file["rows"], len(names), trajectories)
    except InputError as error:
        raise error.at(path=path) from None
    except FileNotFoundError as error:
        raise InputError("no such feature store", path=path) from error
    except Exception as error:  # HDF5 answers damage with errors of every kind
        raise InputError(
            f"not a feature store, or damaged: {one_line(error)}", path=path
        ) from error
    return definition, trajectories


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def checked_dataset(group: h5py.Group, name: str, kinds: str, ndim: int) -> h5py.Dataset:
    """A data set that is stored in this file as it is announced.

    Parameters
    ----------
    kinds
        The kinds of its type, as in ``numpy.dtype.kind``.
    ndim
        Its number of dimensions.

    Raises
    ------
    ValueError
        No data set, of another type, in another file, or larger than what is stored can be.
    """
    import h5py

    data = group[name]
    if not isinstance(data, h5py.Dataset) or data.file != group.file:
        raise ValueError(f"{name} is no data set of this file")
    if data.external or data.is_virtual:
        raise ValueError(f"the data of {name} are in another file")
    if data.dtype.kind not in kinds or data.ndim != ndim:
        raise ValueError(f"{name} is {data.dtype} of {data.ndim} dimensions, expected {ndim}")
    size = max(data.size, prod(data.chunks or ())) * data.dtype.itemsize
    stored = min(data.id.get_storage_size(), data.file.id.get_filesize())
    if size > _MOST_DEFLATED * stored + _SMALL:
        raise ValueError(f"{name} announces {data.shape}, of which next to nothing is stored")
    if data.dtype.kind == "O" and data.size:
        _check_texts(data)
    return data


def _check_texts(data: h5py.Dataset) -> None:
    """Raise ValueError where texts are longer than the file: HDF5 makes room before it looks."""
    place = data.id.get_offset()
    if place is None:
        raise ValueError(f"{data.name} is not stored in one piece")
    with open(data.file.filename, "rb") as file:
        file.seek(place)
        stored = np.frombuffer(file.read(16 * data.size), "<u4")[::4]  # then 12 bytes of where
    if len(stored) < data.size or stored.sum(dtype=np.int64) > data.file.id.get_filesize():
        raise ValueError(f"the texts of {data.name} are longer than the file")


def _column(file: h5py.File, one: Field[Any]) -> list[Any]:
    """A column of the table of trajectories."""
    kind, plain = {"str": ("O", str), "float": ("f", float), "int": ("iu", int)}[str(one.type)]
    data = checked_dataset(file["trajectories"], one.name, kind, 1)
    values: list[Any] = (data.asstr() if plain is str else data)[:].tolist()
    if not all(isinstance(value, plain) for value in values):
        raise ValueError(f"trajectories/{one.name} is not all {plain.__name__}")
    return values


def _check(rows: h5py.Group, n_features: int, trajectories: Sequence[TrajectoryInfo]) -> None:
    """The row data sets have the sizes that the header promises."""
    if any(t.n_rows < 0 for t in trajectories):
        raise ValueError("a trajectory has less than no rows")
    if len({t.name for t in trajectories}) < len(trajectories):
        raise ValueError("two trajectories have the same name")
    total = sum(t.n_rows for t in trajectories)
    expected = {"features": (total, n_features)} | {name: (total,) for name in ROW_COLUMNS}
    for name, shape in expected.items():
        data = checked_dataset(rows, name, "f" if name == "features" else "iu", len(shape))
        if data.shape != shape:
            raise ValueError(f"rows/{name} has shape {data.shape}, expected {shape}")


def write_part(
    path: Path,
    descriptor: Descriptor,
    info: TrajectoryInfo,
    frames: Iterable[tuple[Frame, NDArray[Any]]],
    every: int = 1,
) -> TrajectoryInfo:
    """A file of one trajectory, written frame by frame; the info with its counts filled in."""
    import h5py

    n_features = descriptor.n_features
    n_frames = n_rows = n_molecules = 0
    with h5py.File(path, "w") as file:
        make_rows(file, n_features)
        for index, (frame, features) in zip(count(step=every), frames, strict=False):
            n = frame.n_molecules
            if features.shape != (n, n_features):
                raise InputError(
                    f"features have shape {features.shape}, expected ({n}, {n_features})",
                    path=info.path or None,
                    frame=index,
                )
            with np.errstate(over="ignore"):
                narrow = np.asarray(features, dtype=np.float32)
            if not np.isfinite(narrow).all():
                raise InputError(
                    "features are not finite in float32", path=info.path or None, frame=index
                )
            columns: dict[str, NDArray[Any]] = {
                "features": narrow,
                "trajectory": np.zeros(n, np.int32),
                "frame": np.full(n, index, np.int32),
                "timestep": np.full(n, frame.timestep, np.int64),
                "molecule": frame.ids,
            }
            append_rows(file["rows"], columns)
            n_molecules = n_molecules or n
            n_frames, n_rows = n_frames + 1, n_rows + n
        if n_rows == 0:
            raise InputError(f"trajectory {info.name!r} has no molecules", path=info.path or None)
        info = replace(info, n_frames=n_frames, n_molecules=n_molecules, n_rows=n_rows)
        write_header(file, descriptor, [info])
    return info


def read_rows(
    path: Path,
    chosen: Sequence[tuple[int, TrajectoryInfo]],
    max_rows: int | None,
    seed: int,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Features and other columns of some trajectories, given with their first rows.

    At most ``max_rows`` of each, drawn with ``seed``; ``trajectory`` counts the chosen ones.
    """
    import h5py

    counts = [t.n_rows if max_rows is None else min(t.n_rows, max_rows) for _, t in chosen]
    rng = np.random.default_rng(seed)
    try:
        with h5py.File(path, "r") as file:
            rows = file["rows"]
            if problem := too_much(4 * sum(counts) * rows["features"].shape[1]):
                raise InputError(
                    f"has {sum(counts)} rows: {problem}",
                    path=path,
                    hint="load fewer rows of each trajectory",
                )
            features = np.empty((sum(counts), rows["features"].shape[1]), np.float32)
            columns = {name: np.empty(sum(counts), kind) for name, kind in ROW_COLUMNS.items()}
            at = 0
            for index, ((start, info), count) in enumerate(zip(chosen, counts, strict=True)):
                stop, to = start + info.n_rows, at + count
                pick: Any = slice(None)
                if count < info.n_rows:
                    pick = np.sort(rng.permutation(info.n_rows)[:count])
                features[at:to] = rows["features"][start:stop][pick]
                for name, column in columns.items():
                    column[at:to] = rows[name][start:stop][pick]
                columns["trajectory"][at:to] = index
                at = to
    except InputError:
        raise
    except Exception as error:  # HDF5 answers damage with errors of every kind
        raise InputError(f"damaged feature store: {one_line(error)}", path=path) from error
    if not np.isfinite(features).all():
        raise InputError("damaged feature store: features are not finite", path=path)
    return features, columns
