"""HDF5 files under attack: the feature store, and the compact data set of trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from iceclass.cli import info
from iceclass.datasets.reference import write_reference
from iceclass.datasets.store import FeatureStore, TrajectoryInfo
from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from tests.fuzzing.strategies import Draw, odd_json_text

SOAP = descriptor("soap-37")
HUGE = 10**12
MOST = 1 << 26
"""Bytes of a case."""
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
                one = TrajectoryInfo(f"{phase}_a", phase, f"{phase}_p{k}", split="train")
                rng = np.random.default_rng(k)
                made = ((frame, rng.normal(size=(16, 37))) for frame in frames(3, k))
                store.append_trajectory(one, made)
        return path.read_bytes()


def reference_bytes() -> bytes:
    """A compact data set of two trajectories."""
    known = {"phase": "ih", "preparation": "p", "temperature": 1.0, "pressure": 0.0, "density": 1.0}
    known |= {"water_model": "mw", "split": "test"}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "r.h5"
        write_reference(path, [(f"t{k}", known, list(frames(3, k))) for k in range(2)])
        return path.read_bytes()


def use_store(folder: Path, action: str) -> None:
    """Load a feature store, add to it, or tell what it holds."""
    path = folder / "s.h5"
    if action == "info":
        info._hdf5(path)
    elif action == "append":
        new = TrajectoryInfo("new", "v", "v_p")
        with FeatureStore.open(path, "a", descriptor=SOAP) as store:
            for one, force in ((new, False), (replace(new, name="ih_a"), True)):
                made = ((frame, np.ones((16, 37))) for frame in frames(1, 9))
                store.append_trajectory(one, made, force=force)
        FeatureStore.open(path)
    else:
        store = FeatureStore.open(path)
        repr(store)
        table = store.load(max_rows=5 if action == "load some" else None)
        repr(table)
        assert np.isfinite(table.features).all()
        assert len(table.phase) == len(table.target(table.classes)) == len(table)


# -- changes of one object of a file --------------------------------------------------------------

ODD_VALUES: tuple[Callable[[], Any], ...] = (
    lambda: np.array([b"x", b"yy"], dtype=h5py.string_dtype("ascii")),
    lambda: np.array(["x", "\ud7ff"], dtype=h5py.string_dtype()),
    lambda: np.array([b"\xff\xfe"], dtype=h5py.string_dtype()),
    lambda: np.array([b"\x80\x04."], dtype="V"),
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
)
"""Values of types that nobody expects."""


def _replace_by_odd(draw: Draw, group: h5py.Group, name: str) -> None:
    del group[name]
    how = draw(st.integers(0, 11))
    if how == 0:
        group.create_group(name)
    elif how == 1:
        to = draw(st.sampled_from(("/nowhere", name, "/", "..", "/rows", "")))
        group[name] = h5py.SoftLink(to)
    elif how == 2:
        to = draw(st.sampled_from(("/etc/passwd", "s.h5", "missing")))
        group[name] = h5py.ExternalLink(to, "/rows")
    elif how == 3:
        group.create_dataset(name, (2,), dtype=h5py.ref_dtype)[0] = group.ref
    elif how == 4:
        group.create_dataset(name, (3,), dtype=h5py.vlen_dtype(np.int32))[0] = np.arange(5)
    elif how == 5:
        where = [("/etc/passwd", 0, 144 * 37 * 4)]
        group.create_dataset(name, (144, 37), dtype="f4", external=where)
    elif how == 6:
        layout = h5py.VirtualLayout((HUGE,), "i4")
        layout[:10] = h5py.VirtualSource("elsewhere.h5", "x", (10,))
        group.create_virtual_dataset(name, layout)
    elif how == 7:
        group[name] = group
    elif how == 8:
        group[name] = np.dtype("i4")
    else:
        group[name] = draw(st.sampled_from(ODD_VALUES))()


def _huge(draw: Draw, group: h5py.Group, name: str) -> None:
    """A data set of a huge shape, of which nothing is stored."""
    was = group[name]
    if not was.shape:
        return
    shape = (draw(st.sampled_from((HUGE, 10**9, 10**8, 2**40, 3))), *was.shape[1:])
    chunked: dict[str, Any] = {}
    if was.dtype.kind == "O" or draw(st.booleans()):
        chunked = {"chunks": (1024, *shape[1:])}
    if chunked and was.dtype.kind != "O":
        chunked["compression"] = "gzip"
    dtype = was.dtype
    del group[name]
    group.create_dataset(name, shape, dtype=dtype, **chunked)


def _shorter_or_longer(draw: Draw, group: h5py.Group, name: str) -> None:
    values, dtype = group[name][()], group[name].dtype
    if not isinstance(values, np.ndarray) or not values.ndim:
        return
    doubled = np.concatenate([values, values])
    choices = (values[:-1], values[:0], doubled, values[None], values[::-1])
    del group[name]
    group.create_dataset(name, data=choices[draw(st.integers(0, 4))], dtype=dtype)


def _odd_number(draw: Draw, group: h5py.Group, name: str) -> None:
    data = group[name]
    if not data.size:
        return
    at = tuple(draw(st.integers(0, n - 1)) for n in data.shape)
    if data.dtype.kind == "f":
        data[at] = draw(st.sampled_from((np.nan, np.inf, -np.inf, 1e308, 1e-308, -1.0)))
    elif data.dtype.kind in "iu":
        most = 2 ** (8 * data.dtype.itemsize - 1)
        data[at] = draw(st.sampled_from([n for n in NUMBERS if abs(n) < most]))
    elif data.dtype.kind == "O":
        words = ("", "x" * 100_000, "../../etc", "train", "nan", "é", "ih", "ih_a")
        data[at] = draw(st.sampled_from(words))


def _odd_attribute(draw: Draw, group: h5py.Group, name: str) -> None:
    item = draw(st.sampled_from((group.file, group, group[name])))
    names = [*sorted(item.attrs)] * 4 + ["format", "format_version", "descriptor", "description"]
    attribute = draw(st.sampled_from(names))
    before = item.attrs.get(attribute)
    how = draw(st.sampled_from(("drop", "json", "json", "json", "number", "odd", "odd")))
    if how == "drop" and attribute in item.attrs:
        del item.attrs[attribute]
    elif how == "json" and isinstance(before, str) and before[:1] == "{":
        text = draw(odd_json_text(before))
        item.attrs[attribute] = text.encode("utf-8", "surrogateescape")[:60_000]
    elif how == "number":
        values = (*NUMBERS[:8], 0.5, np.nan, "", "1", "x" * 10_000)
        item.attrs[attribute] = draw(st.sampled_from(values))
    else:
        item.attrs[attribute] = draw(st.sampled_from(ODD_VALUES))()


def _delete(draw: Draw, group: h5py.Group, name: str) -> None:
    del group[name]


def _rename(draw: Draw, group: h5py.Group, name: str) -> None:
    group.move(name, draw(st.sampled_from(("other", "rows", "x/y", name + "2"))))


ANY = (_odd_attribute, _odd_attribute, _delete, _rename, _replace_by_odd, _replace_by_odd)
OF_DATA_SETS = (*ANY, _huge, _huge, _shorter_or_longer, _odd_number)


@contextmanager
def _opened(data: bytes) -> Iterator[tuple[Path, h5py.File]]:
    """The file on disk, open for changes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.h5"
        path.write_bytes(data)
        with h5py.File(path, "r+") as file:
            yield path, file


@st.composite
def changed(draw: Draw, data: bytes) -> bytes:
    """The file with one object or more changed through HDF5 itself."""
    with _opened(data) as (path, file):
        for _ in range(draw(st.integers(1, 3))):
            found: list[tuple[h5py.Group, str]] = []

            def note(name: str, item: Any, found: list[Any] = found) -> None:
                found.append((item.parent, name.rsplit("/", 1)[-1]))

            file.visititems(note)
            if not found:
                break
            group, name = found[draw(st.integers(0, len(found) - 1))]
            try:
                ways = OF_DATA_SETS if isinstance(group[name], h5py.Dataset) else ANY
                draw(st.sampled_from(ways))(draw, group, name)
            except HypothesisException:
                raise
            except Exception:  # HDF5 does not make everything that is asked for
                continue
        file.close()
        return path.read_bytes() if path.stat().st_size < MOST else data


@st.composite
def agreeing_and_huge(draw: Draw, data: bytes) -> bytes:
    """All sizes of a feature store agree, and are huge; next to nothing is stored."""
    n = draw(st.sampled_from((10**7, 10**9, HUGE)))
    with _opened(data) as (path, file):
        file["trajectories/n_rows"][-1] = n - int(file["trajectories/n_rows"][:-1].sum())
        for name in list(file["rows"]):
            was = file["rows"][name]
            shape, dtype = (n, *was.shape[1:]), was.dtype
            del file["rows"][name]
            file["rows"].create_dataset(name, shape, dtype, chunks=(8192, *shape[1:]))
        file.close()
        return path.read_bytes() if path.stat().st_size < MOST else data
