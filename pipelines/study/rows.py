"""The rows of a feature set that a comparison looks at, in one file that is read quickly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.table import ROW_COLUMNS, Table, TrajectoryInfo
from iceclass.errors import InputError
from iceclass.files import replacing

KEYS = ("features", *ROW_COLUMNS)


def write_rows(path: Path, table: Table) -> None:
    """Write a table; ``path`` ends in ``.npz`` and is replaced."""
    head = {
        "trajectories": [asdict(t) for t in table.trajectories],
        "descriptor": dict(table.descriptor),
        "feature_names": list(table.feature_names),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, force=True) as temporary:
        arrays = {name: getattr(table, name) for name in KEYS}
        np.savez(temporary, head=np.array(json.dumps(head)), **arrays)


def read_rows(path: Path) -> Table:
    """The table of :func:`write_rows`.

    Raises
    ------
    InputError
        There is none.
    """
    with _opened(path) as (head, file):
        arrays = {name: file[name] for name in KEYS}
    return Table(
        trajectories=_trajectories(head),
        descriptor=head["descriptor"],
        feature_names=tuple(head["feature_names"]),
        **arrays,
    )


def read_trajectories(path: Path) -> tuple[TrajectoryInfo, ...]:
    """The trajectories alone."""
    with _opened(path) as (head, _):
        return _trajectories(head)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[dict[str, Any], Mapping[str, NDArray[Any]]]]:
    """What is told of the rows, and their arrays, each of which is read when it is asked for."""
    try:
        with np.load(path, allow_pickle=False) as file:
            yield json.loads(str(file["head"])), file
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"no rows: {error}", path=path, hint="run the study again") from None


def _trajectories(head: Mapping[str, Any]) -> tuple[TrajectoryInfo, ...]:
    return tuple(TrajectoryInfo(**t) for t in head["trajectories"])


def steinhardt_rows(table: Table, files: Sequence[Path]) -> Table:
    """The rows of a table with Steinhardt features in place of its own.

    ``files`` are those that :func:`pipelines.study.classical.classify` leaves.

    Raises
    ------
    InputError
        The files are of other trajectories or frames than the table.
    """
    parts: dict[str, np.ndarray] = {}
    for path in files:
        with np.load(path, allow_pickle=False) as file:
            parts |= dict(file)
    features = np.empty((len(table), len(parts["names"])), np.float32)
    for index, info in enumerate(table.trajectories):
        own = np.flatnonzero(table.trajectory == index)
        every, ids = parts.get(f"{info.name}/features"), parts.get(f"{info.name}/ids")
        if every is None or ids is None or len(every) != info.n_rows:
            raise InputError(
                f"{info.name} has {info.n_rows} rows in the store and "
                f"{0 if every is None else len(every)} in the data",
                hint="make the store from the whole data set",
            )
        first = table.frame[own].astype(np.int64) * len(ids)
        features[own] = every[first + np.searchsorted(ids, table.molecule[own])]
    return replace(
        table,
        features=features,
        descriptor={"family": "steinhardt"},
        feature_names=tuple(parts["names"].tolist()),
    )
