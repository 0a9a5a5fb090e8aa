"""Following a dump that is being written: by LAMMPS, in odd pieces, never to the end."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.external.lammps import lammps_command
from iceclass.generation.formats import write_lammps_data
from iceclass.generation.lattices import Size, build
from iceclass.generation.water_models import MW_POTENTIAL, water_model
from iceclass.io import Trajectory, read
from iceclass.io.lammps.following import Follow
from iceclass.io.text import blocks as text_blocks
from tests.helpers.dumps import dump_text, water_rows
from tests.unit.io.lammps.test_bad_dumps import CASES, GOOD

FOREVER = Follow(idle=None, poll=0.01)
BRIEFLY = Follow(idle=0.05, poll=0.01)
PATIENTLY = Follow(idle=60.0, poll=0.01)


def frames_of(count: int) -> str:
    return "".join(dump_text("id type x y z", water_rows(8), timestep=k) for k in range(count))


def assert_same(followed: list, path: Path, **options: int) -> None:
    expected = list(read(path, **options))
    assert len(followed) == len(expected) > 0
    for frame, known in zip(followed, expected, strict=True):
        assert frame.timestep == known.timestep
        assert np.array_equal(frame.positions, known.positions)
        assert dict(frame.atoms.header) == dict(known.atoms.header)
        assert frame.atoms.columns.rows == known.atoms.columns.rows


WRITER = """
import sys, time
path, text = sys.argv[1], open(sys.argv[2], "rb").read()
sizes, at, k = [1, 7, 40, 333, 2, 1200, 5], 0, 0
time.sleep(0.1)
with open(path, "wb", buffering=0) as out:
    while at < len(text):
        at += out.write(text[at : at + sizes[k % len(sizes)]])
        k += 1
        time.sleep(0.0005)
"""


@pytest.mark.parametrize("buffer", [64, 1 << 21])
@pytest.mark.parametrize("options", [{"stop": 40}, {"start": 3, "stop": 40, "every": 4}])
def test_a_writer_of_odd_pieces(
    buffer: int, options: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_blocks, "BUFFER", buffer)
    source, path = tmp_path / "all.lammpstrj", tmp_path / "run.lammpstrj"
    source.write_text("ITEM: UNITS\nreal\nITEM: TIME\n1.5\n" + frames_of(40))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(source)])
    try:
        with Trajectory(path, follow=PATIENTLY, **options) as trajectory:
            assert trajectory.position == (0, 0)
            followed = list(trajectory)
            assert trajectory.position == (source.stat().st_size, source.stat().st_size)
    finally:
        assert writer.wait() == 0
    assert_same(followed, source, **options)
    assert len(followed) == (10 if options.get("start") else 40)


def test_lammps_while_it_runs(tmp_path: Path) -> None:
    model = water_model("mw")
    write_lammps_data(build("ih", model, size=Size(molecules=200)), tmp_path / "ice.data")
    script = [
        "units real",
        "atom_style atomic",
        "read_data ice.data",
        *model.force_field(heavy_hydrogen=False),
        "velocity all create 300.0 7",
        "fix nve all nve",
        "dump d all custom 20 run.lammpstrj id type x y z",
        "dump_modify d units yes time yes",
        "run 4000",
    ]
    (tmp_path / "in.lmp").write_text("\n".join(script))
    (tmp_path / "mW.sw").write_text(MW_POTENTIAL)
    binary, environment = lammps_command()
    path = tmp_path / "run.lammpstrj"
    engine = subprocess.Popen(
        [str(binary), "-in", "in.lmp", "-log", "none", "-screen", "none", "-nocite"],
        cwd=tmp_path,
        env=environment,
    )
    running = 0
    try:
        followed = []
        for frame in read(path, stop=201, follow=PATIENTLY):
            followed.append(frame)
            running += engine.poll() is None
    finally:
        assert engine.wait() == 0
    assert running > 0
    assert_same(followed, path)
    assert [frame.timestep for frame in followed] == list(range(0, 4001, 20))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.lammpstrj"


def append(path: Path, text: str) -> None:
    with path.open("a") as out:
        out.write(text)


def test_a_frame_is_given_when_its_rows_are_there(path: Path) -> None:
    """With nothing behind it, and with any beginning of the next frame behind it."""
    head = len(GOOD)
    path.write_text(GOOD)
    trajectory = Trajectory(path, follow=FOREVER)
    frames = iter(trajectory)
    for k, cut in enumerate((0, 3, 5, 20, 130, head - 30, head - 1)):
        append(path, GOOD[:cut])
        assert next(frames).n_molecules == 4
        assert trajectory.frame_index == k
        append(path, GOOD[cut:])
    trajectory.close()


def test_a_half_written_frame_is_waited_for(path: Path) -> None:
    for cut in (5, 60, 200, len(GOOD) - 3):
        path.write_text(GOOD + GOOD[:cut])
        frames = read(path, follow=FOREVER)
        next(frames)
        later = threading.Timer(0.1, append, (path, GOOD[cut:]))
        began = time.monotonic()
        later.start()
        assert next(frames).n_molecules == 4
        assert time.monotonic() - began > 0.09
        later.join()
        frames.close()


def test_stop_does_not_wait(path: Path) -> None:
    path.write_text(GOOD * 4)
    assert len(list(read(path, stop=4, follow=FOREVER))) == 4
    assert len(list(read(path, stop=4, every=2, follow=FOREVER))) == 2
    assert len(list(read(path, stop=0, follow=FOREVER))) == 0


def test_the_end_after_idle_seconds(path: Path) -> None:
    path.write_text(GOOD * 3)
    assert len(list(read(path, follow=BRIEFLY))) == 3
    assert len(list(read(path, start=1, follow=Follow(idle=0.0)))) == 2
    with pytest.raises(InputError, match="the file has 3 frames, none to start from at 5"):
        list(read(path, start=5, follow=BRIEFLY))


@pytest.mark.parametrize("cut", [3, 15, 60, 130, len(GOOD) - 30, len(GOOD) - 3])
def test_half_a_frame_at_the_end(cut: int, path: Path) -> None:
    path.write_text(GOOD * 2 + GOOD[:cut])
    with pytest.raises(InputError) as plain:
        list(read(path))
    with pytest.raises(InputError) as followed:
        list(read(path, follow=BRIEFLY))
    assert str(followed.value) == str(plain.value)
    assert "cut short" in str(plain.value)
    with Trajectory(path, on_error="skip", follow=BRIEFLY) as trajectory:
        assert len(list(trajectory)) == 2
    assert [str(error) for error in trajectory.skipped] == [str(plain.value)]


@pytest.mark.parametrize("name", CASES)
def test_damaged_frames_in_between(name: str, path: Path) -> None:
    bad = CASES[name][0]
    path.write_text(GOOD + bad + GOOD)
    with Trajectory(path, on_error="skip") as plain:
        expected = [(plain.frame_index, frame.timestep) for frame in plain]
    with Trajectory(path, on_error="skip", follow=BRIEFLY) as trajectory:
        assert [(trajectory.frame_index, frame.timestep) for frame in trajectory] == expected
    assert [str(e) for e in trajectory.skipped] == [str(e) for e in plain.skipped]


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_rows_that_come_after_the_frame_was_given(on_error: str, path: Path) -> None:
    path.write_text(GOOD)
    trajectory = Trajectory(path, on_error=on_error, follow=BRIEFLY)
    frames = iter(trajectory)
    next(frames)
    append(path, "13 1 1 1 1\n" + GOOD)
    if on_error == "raise":
        with pytest.raises(InputError, match="more rows than announced: '13 1 1 1 1'") as caught:
            next(frames)
        assert (caught.value.frame, caught.value.line) == (0, GOOD.count("\n") + 1)
        return
    assert next(frames).n_molecules == 4
    assert trajectory.frame_index == 1
    assert [error.frame for error in trajectory.skipped] == [0]


def changes(path: Path) -> Iterator[tuple[str, object]]:
    def shrink() -> None:
        path.write_text(GOOD)

    def replace() -> None:
        other = path.with_name("other")
        other.write_text(GOOD * 5)
        other.replace(path)

    yield r"shrank from \d+ to \d+ bytes", shrink
    yield "was replaced by another file", replace
    yield "vanished", path.unlink


@pytest.mark.parametrize("on_error", ["raise", "skip"])
@pytest.mark.parametrize("tail", ["", GOOD[:50], GOOD[:-20]])
def test_a_file_that_is_no_longer_the_same(on_error: str, tail: str, path: Path) -> None:
    for message, change in changes(path):
        path.write_text(GOOD * 2 + tail)
        frames = read(path, on_error=on_error, follow=FOREVER)
        next(frames)
        next(frames)
        change()  # type: ignore[operator]
        with pytest.raises(InputError, match=message) as caught:
            next(frames)
        assert caught.value.path == path
        assert caught.value.exit_code == 2


def test_a_file_that_does_not_exist_yet(path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read(path, follow=BRIEFLY))
    path.touch()
    with pytest.raises(InputError, match="the file is empty"):
        list(read(path, follow=BRIEFLY))
    path.unlink()
    later = threading.Timer(0.1, append, (path, GOOD))
    later.start()
    assert next(read(path, follow=FOREVER)).n_molecules == 4
    later.join()


def test_what_cannot_be_followed(tmp_path: Path) -> None:
    cases = {
        "t.lammpstrj": (gzip.compress(GOOD.encode()), "gz cannot be followed"),
        "t.xyz": (b"1\n\nO 0 0 0\n", "xyz cannot be followed"),
        "t.data": (b"# x\n\n3 atoms\n1 atom types\n", "lammps-data cannot be followed"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            Trajectory(tmp_path / name, follow=BRIEFLY)
    late = tmp_path / "late.lammpstrj"
    for content, message in (
        (gzip.compress(GOOD.encode()), "gz cannot be followed"),
        (b"hello\n", "not a LAMMPS text dump"),
    ):
        late.unlink(missing_ok=True)
        trajectory = Trajectory(late, follow=BRIEFLY)
        late.write_bytes(content)
        with pytest.raises(InputError, match=message):
            list(trajectory)
    for idle, poll in ((-1.0, 0.1), (None, 0.0), (float("nan"), 1.0)):
        with pytest.raises(InputError, match="cannot be followed with"):
            Follow(idle=idle, poll=poll)


def test_large_announcements_are_not_waited_for(path: Path) -> None:
    path.write_text(GOOD + CASES["absurd count"][0])
    frames = read(path, follow=FOREVER)
    next(frames)
    with pytest.raises(InputError, match="announces 1000000000000 atoms"):
        next(frames)


def test_going_on_where_following_stopped(path: Path) -> None:
    path.write_text(GOOD * 3)
    with Trajectory(path, follow=BRIEFLY) as trajectory:
        list(trajectory)
    append(path, GOOD * 2)
    place = trajectory.read_position
    assert place.frame == 3
    with Trajectory(path, start=3, at=place, follow=BRIEFLY) as trajectory:
        assert [trajectory.frame_index for _ in trajectory] == [3, 4]
