"""Jumping to frames gives what reading all before them gives, errors and numbers included."""

from __future__ import annotations

import gzip
import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iceclass.errors import InputError
from iceclass.io import Trajectory
from iceclass.io.lammps import dump as lammps_dump
from iceclass.io.lammps import index as index_module
from iceclass.io.lammps.index import FrameIndex, index_path
from iceclass.io.text import blocks as text_blocks
from iceclass.io.text.blocks import LineBuffer
from tests.helpers.dumps import DATA, dump_text, water_rows
from tests.unit.io.lammps.test_bad_dumps import CASES, GOOD

FIXTURES = sorted(DATA.glob("*.lammpstrj"))
SLICES = [
    {"start": start, "stop": stop, "every": every}
    for start, stop, every in (
        *((k, None, 1) for k in (1, 3, 4)),
        *((0, None, every) for every in (2, 5)),
        *((1, 6, 3), (2, 3, 1), (2, 40, 2), (3, 2, 1), (40, None, 1)),
    )
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Indices and jumps are worthwhile for files of any size, and buffers are short."""
    monkeypatch.setattr(index_module, "WORTHWHILE", 0)
    monkeypatch.setattr(lammps_dump, "JUMP", 0)
    monkeypatch.setattr(text_blocks, "BUFFER", 512)


@pytest.fixture
def jumps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where readers have jumped to."""
    places: list[int] = []
    seek = LineBuffer.seek

    def noted(self: LineBuffer, offset: int, line: int) -> None:
        places.append(offset)
        seek(self, offset, line)

    monkeypatch.setattr(LineBuffer, "seek", noted)
    return places


def outcome(path: Path, **options: Any) -> list[Any]:
    """Everything that reading tells."""
    told: list[Any] = []
    trajectory = Trajectory(path, **options)
    try:
        for frame in trajectory:
            assert frame.atoms is not None
            told.append(
                (
                    trajectory.frame_index,
                    frame.timestep,
                    frame.time,
                    frame.positions.tobytes(),
                    frame.cell.tobytes(),
                    frame.atoms.columns.rows,  # type: ignore[attr-defined]
                    frame.atoms.molecule.tobytes(),
                    dict(frame.atoms.header),
                    trajectory.read_position,
                )
            )
    except InputError as error:
        told.append((str(error), error.frame, error.line, error.hint))
    told.append([(str(error), error.frame, error.line) for error in trajectory.skipped])
    return told


def assert_jumping_changes_nothing(path: Path, slices: list[dict[str, Any]]) -> None:
    for on_error in ("raise", "skip"):
        for what in slices:
            index_path(path).unlink(missing_ok=True)
            plainly = outcome(path, on_error=on_error, **what)
            index_path(path).unlink(missing_ok=True)
            try:
                Trajectory(path).index()
            except InputError:
                assert not index_path(path).exists()
                continue
            assert index_path(path).exists()
            assert outcome(path, on_error=on_error, **what) == plainly, what


def repeated(path: Path, times: int) -> bytes:
    """A dump several times over, every frame with a time step of its own."""
    text = path.read_bytes()
    return b"".join(text.replace(b"TIMESTEP\n0\n", b"TIMESTEP\n%d\n" % k) for k in range(times))


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_every_fixture(fixture: Path, tmp_path: Path, small: None, jumps: list[int]) -> None:
    path = tmp_path / fixture.name
    path.write_bytes(repeated(fixture, 4))
    assert_jumping_changes_nothing(path, SLICES)
    assert len(jumps) > 10
    full = outcome(path)
    for what in SLICES:
        if len(full) > 5 and what["start"] < 5:  # no frames where units are not understood
            stop = 1 << 30 if what["stop"] is None else what["stop"]
            wanted = range(what["start"], stop, what["every"])
            frames = [entry[:8] for entry in full[:-1] if entry[0] in wanted]
            assert [entry[:8] for entry in outcome(path, **what)[:-1]] == frames


def test_line_ends_blanks_and_a_mark(tmp_path: Path, small: None) -> None:
    plain = (DATA / "rich.lammpstrj").read_bytes() * 3
    for k, text in enumerate(
        (
            plain.replace(b"\n", b"\r\n"),
            b"\xef\xbb\xbf" + plain,
            b"\n  \n\n" + plain,
            b"\xef\xbb\xbf\r\n\r\n" + plain.replace(b"\n", b"\r\n"),
            plain.replace(b"ITEM: UNITS", b"\n \nITEM: UNITS") + b"\n\n",
        )
    ):
        path = tmp_path / f"{k}.lammpstrj"
        path.write_bytes(text)
        assert_jumping_changes_nothing(path, SLICES)
        index = Trajectory(path).index()
        for offset in index.offsets[:-1].tolist():
            assert text[offset:].startswith(b"ITEM: ")


def test_units_named_once(tmp_path: Path, small: None, jumps: list[int]) -> None:
    rows = water_rows(8)
    path = tmp_path / "t.lammpstrj"
    text = [dump_text("id type x y z", rows, timestep=k) for k in range(9)]
    text[0] = "ITEM: UNITS\nmetal\n" + text[0]
    text[5] = "ITEM: UNITS\nreal\nITEM: TIME\n7\n" + text[5]
    path.write_text("".join(text))
    assert_jumping_changes_nothing(path, SLICES)
    index = Trajectory(path).index()
    assert index.units == ((1, "metal"), (6, "real"))
    assert [index.position(k).units for k in (0, 1, 5, 6, 9)] == [
        "",
        "metal",
        "metal",
        "real",
        "real",
    ]
    jumps.clear()
    with Trajectory(path, start=4) as trajectory:
        units = [frame.atoms.header["units"] for frame in trajectory if frame.atoms]
    assert units == ["metal", "real", "real", "real", "real"]
    assert jumps == [index.offsets[4]]
    with pytest.raises(IndexError):
        index.position(10)


@pytest.mark.parametrize("name", CASES)
def test_damage(name: str, tmp_path: Path, small: None) -> None:
    bad = CASES[name][0]
    path = tmp_path / "bad.lammpstrj"
    for text in (
        GOOD + bad + GOOD * 3,
        GOOD * 3 + bad,
        bad * 2 + GOOD * 2,
        GOOD + (bad + GOOD) * 2,
    ):
        path.write_text(text)
        assert_jumping_changes_nothing(path, SLICES[1::2])


LINES = (GOOD * 6).splitlines(keepends=True)
JUNK = (
    "",
    "\n",
    "ITEM: TIMESTEP\n",
    "ITEM: FOO\n",
    "1 2 3 4 5\n",
    "ITEM: UNITS\nreal\n",
    "\0",
    "ITE",
)


@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(LINES) - 1), st.sampled_from(JUNK), st.booleans()),
        min_size=1,
        max_size=5,
    ),
    end=st.integers(0, 60),
    what=st.sampled_from(SLICES),
)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damage_of_any_kind(
    changes: list[tuple[int, str, bool]],
    end: int,
    what: dict[str, Any],
    tmp_path: Path,
    small: None,
) -> None:
    lines = LINES.copy()
    for place, text, keep in changes:
        lines[place] = text + (lines[place] if keep else "")
    content = "".join(lines)
    path = tmp_path / "bad.lammpstrj"
    path.write_text(content[: len(content) - end])
    assert_jumping_changes_nothing(path, [what])


def test_a_frame_without_its_first_line_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "t.lammpstrj"
    path.write_text(GOOD + GOOD.removeprefix("ITEM: TIMESTEP\n0\n") + GOOD * 2)
    with Trajectory(path, on_error="skip") as trajectory:
        assert [trajectory.frame_index for _ in trajectory] == [0, 2, 3]
    assert "no ITEM: TIMESTEP" in str(trajectory.skipped[0])


# -- the file beside the dump ---------------------------------------------------------------------


@pytest.fixture
def dump(tmp_path: Path, small: None) -> Path:
    path = tmp_path / "t.lammpstrj"
    path.write_bytes(repeated(DATA / "ortho.lammpstrj", 6))
    return path


def timesteps(path: Path, **options: Any) -> list[int]:
    return [frame.timestep for frame in Trajectory(path, **options)]


def test_the_index_is_kept_and_used(dump: Path, jumps: list[int]) -> None:
    expected = timesteps(dump)
    assert not index_path(dump).exists()  # all were read: nothing to gain
    assert timesteps(dump, start=3) == expected[3:]
    assert index_path(dump).exists()
    assert index_path(dump).name == ".t.lammpstrj.iceclass-index.npz"
    assert jumps == []
    assert timesteps(dump, start=3, every=2) == expected[3::2]
    assert len(jumps) == len(expected[3::2])
    index = Trajectory(dump).index()
    assert len(index) == len(expected)
    assert index.offsets[-1] == index.size == dump.stat().st_size
    assert index.lines[-1] == dump.read_bytes().count(b"\n")
    assert repr(index) == f"FrameIndex({len(expected)} frames in {index.size} bytes)"
    with pytest.raises(ValueError, match="read-only"):
        index.offsets[0] = 1


def test_nothing_is_kept_of_small_files(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "WORTHWHILE", dump.stat().st_size + 1)
    assert len(timesteps(dump, start=1)) == len(Trajectory(dump).index()) - 1
    assert list(dump.parent.iterdir()) == [dump]


def test_nothing_is_kept_where_nothing_can_be_written(dump: Path) -> None:
    index_path(dump).mkdir()
    assert len(timesteps(dump, start=1)) == len(Trajectory(dump).index()) - 1
    assert sorted(dump.parent.iterdir()) == sorted([dump, index_path(dump)])


def test_a_changed_file_is_indexed_anew(dump: Path) -> None:
    expected = timesteps(dump)
    Trajectory(dump).index()
    old = dump.stat()
    dump.write_bytes(dump.read_bytes() + dump.read_bytes())
    os.utime(dump, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert timesteps(dump, start=4) == (2 * expected)[4:]
    assert len(Trajectory(dump).index()) == 2 * len(expected)
    longer = Trajectory(dump).index()
    moved = b"\n" + dump.read_bytes().replace(b"pp pp pp", b"pp pp ss")[:-1]
    dump.write_bytes(moved)
    os.utime(dump, ns=(old.st_atime_ns, longer.mtime_ns + 1))
    assert Trajectory(dump).index().offsets[0] == 1


def test_damaged_and_foreign_indices_are_made_anew(dump: Path, jumps: list[int]) -> None:
    expected = timesteps(dump)
    good = Trajectory(dump).index()
    whole = index_path(dump).read_bytes()
    with np.load(index_path(dump)) as file:
        entries = dict(file)

    def rewritten(**changes: Any) -> bytes:
        np.savez(index_path(dump), **(entries | changes))
        return index_path(dump).read_bytes()

    shifted = good.offsets + 1
    bad = [b"", b"nonsense", whole[:-30], whole[:200], whole[:100] + bytes(40) + whole[140:]]
    bad += [
        rewritten(version=np.int64(99)),
        rewritten(stamp=entries["stamp"] + 1),
        rewritten(offsets=shifted),
        rewritten(offsets=good.offsets[::-1]),
        rewritten(offsets=good.offsets * 1.0),
        rewritten(offsets=good.offsets[:-1]),
        rewritten(offsets=np.array([], np.int64), lines=np.array([], np.int64)),
        rewritten(lines=-good.lines),
        rewritten(sound=np.int64(-1)),
        rewritten(units=np.array([1, 2])),
        rewritten(offsets=np.zeros(10_000_000, np.int64)),
        rewritten(offsets=np.array([os.system, 1], dtype=object)),
    ]
    for content in bad:
        index_path(dump).write_bytes(content)
        jumps.clear()
        assert timesteps(dump, start=2) == expected[2:]
        assert jumps == []
        assert np.array_equal(Trajectory(dump).index().offsets, good.offsets)
        assert index_path(dump).stat().st_size == len(whole)
    # right at both ends, wrong in between: seen when it is used
    middle = good.offsets.copy()
    middle[2:-2] += 1
    index_path(dump).write_bytes(rewritten(offsets=middle))
    assert timesteps(dump, start=3) == expected[3:]
    assert jumps == []


def test_what_has_no_index(tmp_path: Path) -> None:
    for name in ("rich.lammpstrj.gz", "atomic.data"):
        with pytest.raises(InputError, match="has no index"):
            Trajectory(DATA / name).index()


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rich.lammpstrj", "triclinic.lammpstrj"])
@pytest.mark.parametrize("packed", [False, True])
def test_going_on_from_a_place(name: str, packed: bool, tmp_path: Path) -> None:
    """Every place, sent to another process, goes on as the first reader would have."""
    text = repeated(DATA / name, 4)
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if packed else text)
    full = outcome(path)[:-1]
    whole = Trajectory(path)
    places = []
    for _ in whole:
        places.append(pickle.loads(pickle.dumps(whole.read_position)))
        assert places[-1] == whole.read_position
    assert whole.atom_roles is not None
    if not packed:
        index = whole.index()
        assert places == [index.position(k + 1, whole.atom_roles) for k in range(len(places))]
        places.append(index.position(0))
    for place in places:
        with Trajectory(path, start=place.frame, at=place) as part:
            frames = list(part)
            assert part.atom_roles in (whole.atom_roles, place.roles)
        assert len(frames) == len(full) - place.frame
        assert outcome(path, start=place.frame, at=place)[:-1] == full[place.frame :]
        assert outcome(path, start=place.frame + 1, every=2, at=place)[:-1] == [
            entry for entry in full[place.frame + 1 :: 2]
        ] or place.frame == len(full)


def test_a_place_keeps_the_decision(tmp_path: Path) -> None:
    """What the atoms are is decided once, even where a later frame would tell otherwise."""
    first = dump_text("id type element x y z", [[1, 1, "O", 1, 1, 1], [2, 2, "H", 2, 1, 1]])
    later = dump_text("id type x y z", [[1, 1, 1, 1, 1], [2, 2, 9, 9, 9]], timestep=1)
    path = tmp_path / "t.lammpstrj"
    path.write_text(first + later)
    trajectory = Trajectory(path)
    frames = iter(trajectory)
    next(frames)
    place = trajectory.read_position
    assert next(frames).n_molecules == 1
    with pytest.raises(InputError, match="cannot be decided"):
        list(Trajectory(path, start=1))
    (frame,) = Trajectory(path, start=1, at=place)
    assert frame.n_molecules == 1


def test_places_that_are_none(tmp_path: Path, small: None) -> None:
    path = tmp_path / "t.lammpstrj"
    path.write_text(GOOD * 4)
    place = Trajectory(path).index().position(2)
    with pytest.raises(InputError, match="cannot begin at frame 2 to read from 1 on"):
        Trajectory(path, start=1, at=place)
    for text in ("\n" + GOOD * 4, GOOD):
        path.write_text(text)
        with pytest.raises(InputError, match="frame 2 does not begin at byte") as caught:
            list(Trajectory(path, start=2, at=place))
        assert caught.value.line == place.line + 1


# -- announcements --------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("atoms", ["1000000000000", "9" * 30])
def test_large_announcements_take_no_memory(packed: bool, atoms: str, tmp_path: Path) -> None:
    bad = GOOD.replace("ATOMS\n12\n", f"ATOMS\n{atoms}\n", 1)
    text = (GOOD + bad + "1 1 1.5 2.5 3.5\n" * 1_500_000 + GOOD).encode()
    path = tmp_path / "t.lammpstrj"
    path.write_bytes(gzip.compress(text) if packed else text)
    list(Trajectory(path, stop=1))
    tracemalloc.start()
    try:
        told = outcome(path)
        assert told[1][0].startswith(f"{path}, frame 1, line 25: announces {atoms} atoms")
        told = outcome(path, on_error="skip")
        assert [entry[0] for entry in told[:-1]] == [0, 2]
        assert len(told[-1]) == 1
        assert [entry[0] for entry in outcome(path, start=2)[:-1]] == [2]
        assert tracemalloc.get_traced_memory()[1] < len(text) // 2
    finally:
        tracemalloc.stop()


def test_an_item_without_end_is_not_gathered(tmp_path: Path) -> None:
    path = tmp_path / "t.lammpstrj"
    path.write_text(GOOD + "ITEM: FOO\n" + "1 2 3\n" * 200_000 + GOOD * 2)
    told = outcome(path)
    assert "ITEM: FOO has more than 1000 lines" in told[1][0]
    assert [entry[0] for entry in outcome(path, on_error="skip")[:-1]] == [0, 2]


def test_the_index_is_a_value(dump: Path) -> None:
    index = Trajectory(dump).index()
    again = pickle.loads(pickle.dumps(index))
    assert isinstance(again, FrameIndex)
    assert np.array_equal(again.offsets, index.offsets)
