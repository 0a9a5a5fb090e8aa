"""What reads files that somebody else has made: for each kind, damaged cases and how to use them.

A target is a Hypothesis strategy of cases, and a function that does with a case's files what a user
would: return, or raise an ``IceclassError``.
"""

from __future__ import annotations

import gzip
import json
import os
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import zstandard
from hypothesis import strategies as st
from safetensors.numpy import load, save

from iceclass.cli import info
from iceclass.datasets.featurize import find_trajectories
from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.reference import is_reference, load_reference
from iceclass.errors import InputError
from iceclass.io import Trajectory
from iceclass.io.lammps import index
from iceclass.io.output.resumable import journal_path
from iceclass.labelling.label import label
from iceclass.labelling.labels import Labels
from iceclass.model.file import _digest, load_model, save_model, shipped_models
from iceclass.model.network import Model
from tests.fuzzing import hdf5_files
from tests.fuzzing.strategies import (
    BINARY,
    DEEP,
    EXTREMES,
    TEXT,
    Draw,
    damaged,
    dictionary,
    layered,
    new_word,
    odd_json,
    odd_json_text,
)
from tests.helpers.dumps import DATA

DEMO = Path(__file__).parents[2] / "demo" / "melting-slab.lammpstrj.gz"
TIME = 1_700_000_000_000_000_000
"""When a trajectory was changed last, ns: the same in every case."""


@dataclass(frozen=True)
class Case:
    """Files to be written into an empty folder, and what is to be done with them."""

    files: Mapping[str, bytes]
    action: str

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}: {data[:300]!r}…" for name, data in self.files.items())
        return f"Case({self.action}; {sizes})"


@dataclass(frozen=True)
class Target:
    """A reader under attack.

    Attributes
    ----------
    cases
        Strategy of :class:`Case`.
    use
        Called with the folder of a case's files and its action.
    refuses
        Whether any case may be refused. Caches are made anew where they are damaged, so that
        their damage alone never is.
    """

    cases: st.SearchStrategy[Case]
    use: Callable[[Path, str], None]
    refuses: bool = True


# -- trajectories as text -------------------------------------------------------------------------

ACTIONS = ("read", "read", "skip", "slice", "label", "label", "label-skip", "label-npz")
OPTIONS: dict[str, dict[str, Any]] = {
    "read": {},
    "skip": {"on_error": "skip"},
    "slice": {"start": 1, "every": 2, "on_error": "skip"},
}
BOMB = 1 << 27
"""Bytes that a bomb expands to."""


@cache
def model() -> Model:
    return load_model("soap-37")


def use_trajectory(name: str, folder: Path, action: str) -> None:
    """Read or label; every column of every frame is looked at."""
    path = folder / name
    if action.startswith("label"):
        suffix = {"label-skip": "extxyz.gz", "label-npz": "npz"}.get(action, "lammpstrj")
        skip = action == "label-skip"
        output = path.with_name(f"out.{suffix}")
        found = label(path, model(), output=output, on_error="skip" if skip else "raise")
        assert len(found.labels or ()) == len(found.frames) > 0
        assert output.stat().st_size > 0
        return
    with Trajectory(path, **OPTIONS[action]) as trajectory:
        for frame in trajectory:
            repr(frame)
            if frame.atoms is not None:
                assert all(len(column) for column in frame.atoms.columns.values())
        for error in trajectory.skipped:
            str(error)
        repr(trajectory)


@cache
def bomb(head: str, fill: bytes, kind: str = "zst") -> bytes:
    """A file of some kilobytes that expands to :data:`BOMB` bytes of ``fill`` after the head."""
    block = fill * ((1 << 22) // len(fill))
    if kind == "gz":
        return gzip.compress(head.encode() + block * (BOMB // len(block) // 4), 1, mtime=0)
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [packer.compress(head.encode())]
    parts += [packer.compress(block) for _ in range(BOMB // len(block))]
    return b"".join([*parts, packer.flush()])


def text_target(name: str, words: str, seeds: list[bytes], head: str, row: str) -> Target:
    """Files of that name: damaged seeds, and bombs of a head and rows without end."""

    @st.composite
    def cases(draw: Draw) -> Case:
        action = draw(st.sampled_from(ACTIONS))
        if draw(st.integers(0, 200)) == 200:
            fill = draw(st.sampled_from((b"\x00", b"\n", b" ", b"9", b"x", row.encode())))
            kind = draw(st.sampled_from(("zst", "zst", "zst", "gz")))
            return Case({name: bomb(head, fill, kind)}, action)
        ways = (*TEXT, *[new_word(dictionary(words))] * 5)
        data = draw(damaged(draw(st.sampled_from(seeds)), ways))
        if draw(st.integers(0, 6)) == 6:
            data = draw(layered(data))
        return Case({name: data}, action)

    return Target(cases(), partial(use_trajectory, name))


BOMB_OF_ROWS = "ITEM: NUMBER OF ATOMS\n1000000\nITEM: BOX BOUNDS pp pp pp\n"
BOMB_OF_ROWS += "0 1000\n0 1000\n0 1000\nITEM: ATOMS id type x y z\n"
DUMP_HEAD = "ITEM: TIMESTEP\n0\n" + BOMB_OF_ROWS
DATA_HEAD = "title\n\n1000000 atoms\n2 atom types\n\n0 99 xlo xhi\n0 99 ylo yhi\n0 99 zlo zhi\n\n"
DATA_HEAD += "Atoms # atomic\n\n"
XYZ_HEAD = '1000000\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\n'


def dump_target() -> Target:
    """LAMMPS dumps; one of the seeds is real, and cut short."""
    with gzip.open(DEMO) as file:
        head = file.read(60_000)
    seeds = [path.read_bytes() for path in sorted(DATA.glob("*.lammpstrj"))]
    seeds.append(head[: head.rfind(b"\n") + 1])
    return text_target("a.lammpstrj", "dump", seeds, DUMP_HEAD, "1 1 0 0 0\n")


def data_target() -> Target:
    """LAMMPS data files."""
    seeds = [path.read_bytes() for path in sorted(DATA.glob("*.data"))]
    return text_target("a.data", "data", seeds, DATA_HEAD, "1 1 0 0 0\n")


def extxyz_target() -> Target:
    """Extended XYZ, and plain."""
    seeds = [xyz_text(extended).encode() for extended in (True, False)]
    return text_target("a.extxyz", "extxyz", seeds, XYZ_HEAD, "O 0 0 0\n")


def xyz_text(extended: bool, n_frames: int = 3) -> str:
    """Some frames of 27 molecules."""
    rng = np.random.default_rng(5)
    sites = np.stack(np.meshgrid(*[np.arange(3) * 3.1] * 3), axis=-1).reshape(-1, 3)
    text = ""
    for frame in range(n_frames):
        text += f"{3 * len(sites)}\n"
        text += (
            'Lattice="9.3 0 0 0.5 9.3 0 0 0 9.3" Properties=species:S:1:pos:R:3:id:I:1:forces:R:3 '
            f'energy=-1.5 timestep={100 * frame} note="a b" pbc="T T F"\n'
            if extended
            else f"frame {frame}\n"
        )
        for k, site in enumerate(sites):
            for name, shift in (("O", (0, 0, 0)), ("H", (0.76, 0.59, 0)), ("H", (-0.76, 0.59, 0))):
                x, y, z = site + shift + rng.normal(0, 0.01, 3)
                text += f"{name} {x:.5f} {y:.5f} {z:.5f}" + f" {3 * k + 1} 0.1 0 0\n" * extended
                text += "\n" * (not extended)
    return text


# -- what is beside a trajectory ------------------------------------------------------------------

METADATA = {
    "iceclass_trajectory": 1,
    "phase": "ih",
    "preparation": "ih_p1",
    "temperature": 220.0,
    "pressure": 0.0,
    "water_model": "tip4p-ice",
    "split": "train",
    "stages": [{"name": "hold", "steps": 5000}],
    "checks": {"density": 0.913, "accepted": True},
}


def metadata_target() -> Target:
    """The metadata beside a trajectory."""
    dump = (DATA / "ortho.lammpstrj").read_bytes()

    @st.composite
    def cases(draw: Draw) -> Case:
        if draw(st.integers(0, 40)) == 40:
            return Case({"a.lammpstrj": dump, "a.json": b" " * (64 << 20) + b"{}"}, "read")
        text = draw(odd_json_text(json.dumps(METADATA)))
        if draw(st.integers(0, 4)) == 4:
            text = draw(odd_json_text(text))
        raw = text.encode("utf-8", "surrogateescape")
        if draw(st.integers(0, 4)) == 4:
            raw = raw.replace(b"1", draw(st.sampled_from(EXTREMES)), 1)
        return Case({"a.lammpstrj": dump, "a.json": raw}, draw(st.sampled_from(("read", "find"))))

    def use(folder: Path, action: str) -> None:
        if action == "read":
            read_metadata(folder / "a.lammpstrj")
        else:
            find_trajectories([folder])

    return Target(cases(), use)


def many_frames(n: int = 6) -> bytes:
    """A dump of ``n`` frames with timesteps of their own."""
    text = (DATA / "ortho.lammpstrj").read_text()
    frame = text[: text.index("ITEM: TIMESTEP", 1)]
    first = frame.split("\n")[1]
    return "".join(
        frame.replace(f"TIMESTEP\n{first}\n", f"TIMESTEP\n{100 * k}\n", 1) for k in range(n)
    ).encode()


def put_dump(folder: Path, dump: bytes) -> Path:
    """The dump with a date that is always the same."""
    path = folder / "a.lammpstrj"
    path.write_bytes(dump)
    os.utime(path, ns=(TIME, TIME))
    return path


def index_target() -> Target:
    """The index of the frames of a dump; whatever it holds, frames come in order and whole."""
    dump = many_frames()
    with TemporaryDirectory() as folder:
        path = put_dump(Path(folder), dump)
        with Trajectory(path) as trajectory:
            trajectory.index()
        cache_path = index.index_path(path)
        seed, name = cache_path.read_bytes(), cache_path.name

    @st.composite
    def cases(draw: Draw) -> Case:
        action = draw(st.sampled_from(("harmless", "any")))
        data = draw(damaged(seed, BINARY) if action == "harmless" else odd_arrays(seed))
        other = dump
        if action == "any" and draw(st.booleans()):
            other = draw(damaged(dump, TEXT))[: 2 * len(dump)]
        return Case({"a.lammpstrj": other, name: data}, action)

    def use(folder: Path, action: str) -> None:
        path = folder / "a.lammpstrj"
        os.utime(path, ns=(TIME, TIME))
        for start, every in ((1, 2), (3, 1)):
            there = {}
            with Trajectory(path, start=start, every=every, on_error="skip") as trajectory:
                for frame in trajectory:
                    there[trajectory.frame_index] = frame.timestep
            if action == "harmless":
                assert there == {k: 100 * k for k in range(start, 6, every)}, there

    return Target(cases(), use, refuses=False)


@st.composite
def odd_arrays(draw: Draw, seed: bytes) -> bytes:
    """An ``.npz`` file with an array changed in type, shape or values, dropped, or pickled."""
    with np.load(BytesIO(seed)) as file:
        arrays: dict[str, Any] = dict(file)
    name = draw(st.sampled_from(sorted(arrays)))
    array = arrays[name]
    shift = draw(st.sampled_from((1, -1, 7, -7, 10**6, 2**62, -(2**62))))
    how = draw(st.sampled_from(("drop", "pickle", "type", "shape", "value", "double", "long")))
    if how == "drop":
        del arrays[name]
    elif how == "pickle":
        arrays[name] = np.empty(1, object)
        arrays[name][0] = Payload()
    elif how == "type":
        with suppress(ValueError, TypeError):  # not all that is text is a number
            arrays[name] = array.astype(draw(st.sampled_from(("f8", "U20", "i4", "?", "S8"))))
    elif how == "shape":
        shapes = (array[None], array.ravel()[:1], array.ravel()[:-1])
        arrays[name] = shapes[draw(st.integers(0, 2))]
    elif how == "value" and array.dtype.kind == "i" and array.size:
        arrays[name] = array.astype(np.int64)
        arrays[name].flat[draw(st.integers(0, array.size - 1))] += np.int64(shift)
    elif how == "double" and array.ndim:
        arrays[name] = np.concatenate([array, array])
    else:
        arrays[name] = np.zeros(2_000_000, np.int64)
    out = BytesIO()
    np.savez(out, **arrays)
    data = out.getvalue()
    if draw(st.integers(0, 4)) == 4:  # an array announced to be huge
        data = data.replace(b"(7,), }      ", b"(999999999,),")
    return data


class Stopped(Exception):
    """Ends a run as a kill would, as far as files are concerned."""


OUT = "o.lammpstrj"
INPUT_PATH = "/the/path/of/the/input"


def journal_target() -> Target:
    """The journal of an unfinished run; whatever is damaged, the output is what it should be.

    The journal holds the path of the input, in whose stead :data:`INPUT_PATH` is damaged.
    """
    dump = many_frames()

    def run(path: Path, stop: bool = False) -> Labels:
        def finish(labels: Labels) -> None:
            if stop:
                raise Stopped

        output = path.with_name(OUT)
        return label(path, model(), output=output, keep_labels=False, finish=finish)

    with TemporaryDirectory() as folder:
        where = Path(folder)
        path = put_dump(where, dump)
        expected = run(path).counts.tolist()
        output = (where / OUT).read_bytes()
        (where / OUT).unlink()
        with suppress(Stopped):
            run(path, stop=True)
        seed = journal_path(where / OUT).read_text().replace(str(path.resolve()), INPUT_PATH)
        part = (where / f".{OUT}.part").read_bytes()
    assert seed.count("\n") == 8, seed

    @st.composite
    def cases(draw: Draw) -> Case:
        journal, kept = seed.encode(), part
        how = draw(st.sampled_from(("text", "text", "json", "part")))
        if how == "text":
            journal = draw(damaged(journal, TEXT))
        elif how == "json":
            lines = journal.splitlines(keepends=True)
            at = draw(st.integers(0, len(lines) - 1))
            checksum, _, entry = lines[at].partition(b" ")
            entry = json.dumps(draw(odd_json(json.loads(entry)))).encode()
            lines[at] = checksum + b" " + entry + b"\n"
            journal = b"".join(lines[: draw(st.sampled_from((at + 1, len(lines))))])
        if how == "part" or draw(st.integers(0, 5)) == 5:
            kept = part[: draw(st.integers(0, len(part)))]
        files = {"a.lammpstrj": dump, journal_path(OUT).name: journal, f".{OUT}.part": kept}
        return Case(files, "go on")

    def use(folder: Path, action: str) -> None:
        path = folder / "a.lammpstrj"
        os.utime(path, ns=(TIME, TIME))
        journal = journal_path(folder / OUT)
        text = journal.read_bytes().replace(INPUT_PATH.encode(), str(path.resolve()).encode())
        journal.write_bytes(text)
        found = run(path)
        assert found.counts.tolist() == expected, found.counts.tolist()
        assert (folder / OUT).read_bytes() == output
        assert {p.name for p in folder.iterdir()} == {"a.lammpstrj", OUT}

    return Target(cases(), use, refuses=False)


# -- models ---------------------------------------------------------------------------------------


class Payload:
    """Unpickling it would run a command."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, ("touch executed",)


Arrays = dict[str, np.ndarray]
VALUES = (float("nan"), float("inf"), -1.0, 0.0, 3e38, 1e-45, 1e30)


def whole_model(contents: dict[str, str], arrays: Arrays) -> bytes:
    """A model file of these strings and arrays, with the digest they have."""
    digest = _digest({k: v for k, v in contents.items() if k != "format"}, arrays)
    return save(arrays, contents | {"sha256": digest})


@st.composite
def odd_array(draw: Draw, array: np.ndarray) -> np.ndarray:
    """An array of another type, shape, length, or with other values."""
    how = draw(st.sampled_from(("type", "shape", "short", "double", "value", "fill", "none")))
    value = draw(st.sampled_from(VALUES))
    if how == "type":
        with np.errstate(all="ignore"):
            return array.astype(draw(st.sampled_from(("f8", "f2", "i4", "u1", "i8", "?"))))
    if how == "shape":
        shapes = [(-1,), (1, -1), (-1, 1), array.shape[::-1], (1, *array.shape), (*array.shape, 1)]
        return np.ascontiguousarray(array.reshape(draw(st.sampled_from(shapes))))
    if how == "short":
        return array[: draw(st.sampled_from((0, 1, max(len(array) - 1, 0))))]
    if how == "double" and array.ndim:
        return np.repeat(array, 2, axis=draw(st.integers(0, array.ndim - 1)))
    if how == "value" and array.size:
        changed = array.copy()
        changed.flat[draw(st.integers(0, array.size - 1))] = value
        return changed
    return np.full((0, *array.shape[1:]) if how == "none" else array.shape, value, np.float32)


@st.composite
def odd_descriptor(draw: Draw, text: str) -> str:
    """Another definition, often one that the checks of its family let pass."""
    definition = json.loads(text)
    key = draw(st.sampled_from(sorted(definition)))
    values: list[Any] = [1, 2, 3, 10, 20, 100, 10**6, 10**12, -1, 0, 0.1, 1e-9, 1e9, 6.5, 20.0]
    values += [True, None, "acsf", "bispectrum", "soap", [], [1.0] * 1000, {"a": 1}]
    definition[key] = draw(st.sampled_from(values))
    return json.dumps(definition)


@st.composite
def odd_model(draw: Draw, data: bytes) -> bytes:
    """A model file with other metadata and arrays, and the digest made right, as an enemy would."""
    contents: dict[str, str] = safetensors_header(data)["__metadata__"]
    contents.pop("sha256")
    arrays: Arrays = dict(load(data))
    for kind in draw(
        st.lists(st.sampled_from(("array", "text", "descriptor")), min_size=1, max_size=2)
    ):
        if kind == "array":
            name = draw(st.sampled_from(sorted(arrays)))
            new = draw(st.sampled_from((name, name, name, "extra", "", "mean", "novelty.means")))
            arrays[new] = draw(odd_array(arrays.pop(name)))
        elif kind == "descriptor":
            with suppress(ValueError, AttributeError, TypeError, KeyError, RecursionError):
                contents["descriptor"] = draw(odd_descriptor(contents["descriptor"]))
        else:
            key = draw(st.sampled_from(sorted(contents) or ["format"]))
            text = contents.pop(key, "")
            if draw(st.integers(0, 19)) < 19:
                contents[key] = draw(odd_json_text(text)) if text[:1] in '{["' else text + "1"
    try:
        return whole_model(contents, arrays)
    except (TypeError, ValueError, UnicodeError):  # no such file can be made
        return data[: draw(st.integers(0, len(data)))]


def safetensors_header(data: bytes) -> dict[str, Any]:
    """The JSON at the beginning of the file."""
    header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header


@st.composite
def odd_safetensors(draw: Draw, data: bytes) -> bytes:
    """The JSON of safetensors itself changed: types, shapes and places of the arrays."""
    length = int.from_bytes(data[:8], "little")
    header = safetensors_header(data)
    entry = header[draw(st.sampled_from([name for name in header if name != "__metadata__"]))]
    values: list[Any] = [
        [10**12],
        [10**12, 10**12],
        [2**63, 2],
        [0],
        [-1],
        [],
        "F64",
        "BF16",
        "F4",
        "X",
    ]
    values += [[0, 0], [0, 2**63], [4, 0], [len(data), 2 * len(data)], None, 5, [[1]], [0.5]]
    entry[draw(st.sampled_from(sorted(entry)))] = draw(st.sampled_from(values))
    texts = (DEEP, '{"__metadata__":' + DEEP + "}", '{"__metadata__":[]}', "[]", "{}")
    text = draw(
        st.just(json.dumps(header)) | odd_json_text(json.dumps(header)) | st.sampled_from(texts)
    )
    raw = text.encode("utf-8", "surrogateescape")
    sizes = (*[len(raw)] * 8, 0, 1, 10**12, 2**63, 2**64 - 1, len(raw) + 1)
    return int(draw(st.sampled_from(sizes))).to_bytes(8, "little") + raw + data[8 + length :]


def model_target() -> Target:
    """The shipped models, and what may pretend to be one."""
    shipped = shipped_models()
    seeds = [shipped["soap-37"].read_bytes()] * 9 + [shipped["soap-325"].read_bytes()]
    others = [pickle.dumps(Payload()), b"PK\x03\x04" + seeds[0], b"\x89HDF\r\n\x1a\n", b""]
    with Trajectory(DATA / "ortho.lammpstrj") as trajectory:
        frame = next(iter(trajectory))

    @st.composite
    def cases(draw: Draw) -> Case:
        data = draw(st.sampled_from(seeds))
        ways = (odd_model, odd_model, odd_safetensors, partial(damaged, ways=BINARY))
        way = draw(st.sampled_from((*ways, None)))
        return Case(
            {"m.safetensors": draw(st.sampled_from(others) if way is None else way(data))}, "load"
        )

    def use(folder: Path, action: str) -> None:
        path = folder / "m.safetensors"
        found = load_model(path)
        repr(found)
        save_model(found, folder / "again.safetensors")
        assert load_model(folder / "again.safetensors").model_id == found.model_id
        info._model(path)
        with suppress(InputError):  # of this frame, not of the model file
            assert np.isfinite(found.classify(frame).probabilities).all()

    return Target(cases(), use)


# -- HDF5 -----------------------------------------------------------------------------------------


def hdf5_target(
    seed: bytes, actions: tuple[str, ...], use: Callable[[Path, str], None], huge: bool = False
) -> Target:
    """Files of HDF5, changed through the library itself, as bytes, or both."""

    @st.composite
    def cases(draw: Draw) -> Case:
        data, how = seed, draw(st.integers(0, 100))
        if huge and how == 100:
            data = draw(hdf5_files.agreeing_and_huge(data))
        elif how < 60:
            data = draw(hdf5_files.changed(data))
        if how < 5 or 60 <= how < 100:
            data = draw(damaged(data, BINARY))
        return Case({"s.h5": data}, draw(st.sampled_from(actions)))

    return Target(cases(), use)


def use_reference(folder: Path, action: str) -> None:
    """Read a compact data set, or tell what it holds."""
    path = folder / "s.h5"
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


TARGETS: dict[str, Callable[[], Target]] = {
    "dump": dump_target,
    "data": data_target,
    "extxyz": extxyz_target,
    "metadata": metadata_target,
    "model": model_target,
    "store": lambda: hdf5_target(
        hdf5_files.store_bytes(),
        ("load", "load", "load some", "append", "info"),
        hdf5_files.use_store,
        huge=True,
    ),
    "reference": lambda: hdf5_target(
        hdf5_files.reference_bytes(), ("read", "read", "info"), use_reference
    ),
    "journal": journal_target,
    "index": index_target,
}
"""All that is under attack, by name."""
