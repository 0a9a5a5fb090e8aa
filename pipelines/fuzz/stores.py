"""HDF5 files under attack: the feature store, and the compact data set of trajectories."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from iceclass.cli import info
from iceclass.datasets.reference import is_reference, load_reference, write_reference
from iceclass.datasets.store import FeatureStore, TrajectoryInfo
from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from pipelines.fuzz.cases import Case
from pipelines.fuzz.models import Payload
from pipelines.fuzz.mutate import BINARY, mutated, odd_json_text

SOAP = descriptor("soap-37")
HUGE = 10**12
_MOST = 1 << 26  # bytes of a case
NUMBERS = (0, -1, 1, 2, 10**6, 10**9, HUGE, 2**31, 2**62, 2**63 - 1, -(2**63))


def frames(n: int, seed: int) -> Iterator[Frame]:
    """``n`` frames of 16 molecules."""
    rng = np.random.default_rng(seed)
    for k in range(n):
        yield Frame(positions=rng.uniform(0, 9, (16, 3)), cell=9.0 * np.eye(3), timestep=10 * k)


def store_bytes() -> bytes:
    """A feature store of three trajectories of three frames."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.h5"
        with FeatureStore.create(path, SOAP) as store:
            for k, phase in enumerate(("ih", "ic", "water")):
                told = TrajectoryInfo(f"{phase}_a", phase, f"{phase}_p{k}", split="train")
                rng = np.random.default_rng(k)
                made = ((frame, rng.normal(size=(16, 37))) for frame in frames(3, k))
                store.append_trajectory(told, made)
        return path.read_bytes()


def reference_bytes() -> bytes:
    """A compact data set of two trajectories."""
    told = {"phase": "ih", "preparation": "p", "temperature": 1.0, "pressure": 0.0, "density": 1.0}
    told |= {"water_model": "mw", "split": "test"}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "r.h5"
        write_reference(path, [(f"t{k}", told, list(frames(3, k))) for k in range(2)])
        return path.read_bytes()


# -- changes of one object of a file --------------------------------------------------------------


def _odd_values(rng: Random) -> Any:
    """An array of a type that nobody expects."""
    values: tuple[Callable[[], Any], ...] = (
        lambda: np.array([b"x", b"yy"], dtype=h5py.string_dtype("ascii")),
        lambda: np.array(["x", "\ud7ff"], dtype=h5py.string_dtype()),
        lambda: np.array([b"\xff\xfe"], dtype=h5py.string_dtype()),
        lambda: np.array([pickle.dumps(Payload())], dtype="V"),
        lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        lambda: np.array([1 + 2j]),
        lambda: np.array([1, 2], dtype=h5py.enum_dtype({"A": 1, "B": 2}, basetype="i4")),
        lambda: np.array([True, False]),
        lambda: np.array([1.5, np.nan], "f2"),
        lambda: np.float64(1.0),
        lambda: np.zeros((0, 3)),
        lambda: np.arange(9),
        lambda: "text",
        lambda: h5py.Empty("f4"),
        lambda: np.array([np.arange(3)], dtype="O").astype("f8"),
    )
    return rng.choice(values)()


def _replace_by_odd(rng: Random, group: h5py.Group, name: str) -> None:
    del group[name]
    how = rng.randrange(12)
    if how == 0:
        group.create_group(name)
    elif how == 1:
        group[name] = h5py.SoftLink(rng.choice(("/nowhere", name, "/", "..", "/rows", "")))
    elif how == 2:
        group[name] = h5py.ExternalLink(rng.choice(("/etc/passwd", "s.h5", "missing")), "/rows")
    elif how == 3:
        data = group.create_dataset(name, (2,), dtype=h5py.ref_dtype)
        data[0] = group.ref
    elif how == 4:
        data = group.create_dataset(name, (3,), dtype=h5py.vlen_dtype(np.int32))
        data[0] = np.arange(5)
    elif how == 5:
        group.create_dataset(
            name, (144, 37), dtype="f4", external=[("/etc/passwd", 0, 144 * 37 * 4)]
        )
    elif how == 6:
        layout = h5py.VirtualLayout((HUGE,), "i4")
        layout[:10] = h5py.VirtualSource("elsewhere.h5", "x", (10,))
        group.create_virtual_dataset(name, layout)
    elif how == 7:
        group[name] = group
    elif how == 8:
        group[name] = np.dtype("i4")
    else:
        group[name] = _odd_values(rng)


def _huge(rng: Random, group: h5py.Group, name: str) -> None:
    """A data set of a huge shape, of which nothing is stored."""
    was = group[name]
    shape = tuple(was.shape)
    if not shape:
        return
    length = rng.choice((HUGE, 10**9, 10**8, 2**40, 3))
    dtype = was.dtype
    del group[name]
    chunked = {"chunks": (1024, *shape[1:]), "compression": "gzip"} if rng.random() < 0.7 else {}
    if dtype.kind == "O":
        chunked = {"chunks": (1024, *shape[1:])}
    group.create_dataset(name, (length, *shape[1:]), dtype=dtype, **chunked)


def _shorter_or_longer(rng: Random, group: h5py.Group, name: str) -> None:
    values = group[name][()]
    if not isinstance(values, np.ndarray) or not values.ndim:
        return
    dtype = group[name].dtype
    del group[name]
    choices = (
        values[:-1],
        values[:0],
        np.concatenate([values, values]),
        values[None],
        values[::-1],
    )
    group.create_dataset(name, data=rng.choice(choices), dtype=dtype)


def _odd_number(rng: Random, group: h5py.Group, name: str) -> None:
    data = group[name]
    if not data.size:
        return
    at = tuple(rng.randrange(n) for n in data.shape)
    if data.dtype.kind == "f":
        data[at] = rng.choice((np.nan, np.inf, -np.inf, 1e308, 1e-308, -1.0))
    elif data.dtype.kind in "iu":
        data[at] = rng.choice([n for n in NUMBERS if abs(n) < 2 ** (8 * data.dtype.itemsize - 1)])
    elif data.dtype.kind == "O":
        data[at] = rng.choice(("", "x" * 100_000, "../../etc", "train", "nan", "é", "ih", "ih_a"))


def _odd_attribute(rng: Random, item: Any) -> None:
    names = [*sorted(item.attrs)] * 4 + ["format", "format_version", "descriptor", "description"]
    name = rng.choice(names)
    how = rng.random()
    before = item.attrs.get(name)
    if how < 0.15 and name in item.attrs:
        del item.attrs[name]
    elif how < 0.6 and isinstance(before, str) and before[:1] == "{":
        text = odd_json_text(rng, before)
        item.attrs[name] = text.encode("utf-8", "surrogateescape")[:60_000]
    elif how < 0.75:
        item.attrs[name] = rng.choice((*NUMBERS[:8], 0.5, np.nan, "", "1", "x" * 10_000))
    else:
        item.attrs[name] = _odd_values(rng)


@contextmanager
def _opened(data: bytes) -> Iterator[tuple[Path, h5py.File]]:
    """The file on disk, open for changes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.h5"
        path.write_bytes(data)
        with h5py.File(path, "r+") as file:
            yield path, file


def changed(rng: Random, data: bytes) -> bytes:
    """The file with one object or more changed through HDF5 itself."""
    with _opened(data) as (path, file):
        for _ in range(rng.randint(1, 3)):
            found: list[tuple[h5py.Group, str]] = []

            def note(path: str, item: Any, found: list[Any] = found) -> None:
                found.append((item.parent, path.rsplit("/", 1)[-1]))

            file.visititems(note)
            if not found:
                break
            group, name = rng.choice(found)
            with suppress(Exception):  # HDF5 does not make everything that is asked for
                how = rng.random()
                if how < 0.30:
                    _odd_attribute(rng, rng.choice((file, group, group[name])))
                elif how < 0.36:
                    del group[name]
                elif how < 0.40:
                    group.move(name, rng.choice(("other", "rows", "x/y", name + "2")))
                elif how < 0.60 or not isinstance(group[name], h5py.Dataset):
                    _replace_by_odd(rng, group, name)
                elif how < 0.75:
                    _huge(rng, group, name)
                elif how < 0.85:
                    _shorter_or_longer(rng, group, name)
                else:
                    _odd_number(rng, group, name)
        file.close()
        return path.read_bytes() if path.stat().st_size < _MOST else data


def agreeing_and_huge(rng: Random, data: bytes) -> bytes:
    """All sizes of a feature store agree, and are huge; next to nothing is stored."""
    n = rng.choice((10**7, 10**9, HUGE))
    with _opened(data) as (path, file):
        file["trajectories/n_rows"][-1] = n - int(file["trajectories/n_rows"][:-1].sum())
        for name in list(file["rows"]):
            was = file["rows"][name]
            shape, dtype = (n, *was.shape[1:]), was.dtype
            del file["rows"][name]
            file["rows"].create_dataset(name, shape, dtype, chunks=(8192, *shape[1:]))
        file.close()
        return path.read_bytes() if path.stat().st_size < _MOST else data


class _HDF5Target:
    name = "s.h5"

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    def make(self, rng: Random) -> Case:
        data, how = self.seed, rng.random()
        if how < 0.6:
            data = changed(rng, data)
        if how < 0.05 or how > 0.61:
            data = mutated(rng, data, BINARY)
        return Case({self.name: data}, rng.choice(self.actions))

    actions: tuple[str, ...] = ("read",)


class StoreTarget(_HDF5Target):
    """The feature store."""

    actions = ("load", "load", "load some", "append", "info")

    def __init__(self) -> None:
        super().__init__(store_bytes())

    def make(self, rng: Random) -> Case:
        if rng.random() < 0.01:
            return Case({self.name: agreeing_and_huge(rng, self.seed)}, rng.choice(self.actions))
        return super().make(rng)

    def run(self, folder: Path, action: str) -> None:
        path = folder / self.name
        if action == "info":
            info._hdf5(path)
        elif action == "append":
            told = TrajectoryInfo("new", "v", "v_p")
            with FeatureStore.open(path, "a", descriptor=SOAP) as store:
                made = ((frame, np.ones((16, 37))) for frame in frames(1, 9))
                store.append_trajectory(told, made)
                again = replace(told, name="ih_a")
                made = ((frame, np.ones((16, 37))) for frame in frames(1, 9))
                store.append_trajectory(again, made, force=True)
            FeatureStore.open(path)
        else:
            store = FeatureStore.open(path)
            repr(store)
            table = store.load(max_rows=5 if action == "load some" else None)
            repr(table)
            assert np.isfinite(table.features).all()
            assert len(table.phase) == len(table.target(table.classes)) == len(table)


class ReferenceTarget(_HDF5Target):
    """The compact data set."""

    actions = ("read", "read", "info")

    def __init__(self) -> None:
        super().__init__(reference_bytes())

    def run(self, folder: Path, action: str) -> None:
        path = folder / self.name
        if action == "info":
            info._hdf5(path)
            return
        is_reference(path)
        data = load_reference(path)
        repr(data)
        for one in data:
            json.dumps([one.phase, one.preparation, one.model, one.split])
            sum((one.temperature, one.pressure, one.density))
            assert all(frame.n_molecules > 0 for frame in one.frames)
