"""Trajectories in several files: the frames of one, whatever the files are cut at."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.io import ReadPosition, Trajectory, TrajectorySeries, open_trajectory, read
from iceclass.io.series import find_paths, series_stem
from tests.helpers.dumps import dump_text, water_rows
from tests.helpers.formats import FORMATS, assert_same_frame


def frame_text(step: int, n: int = 8, seed: int | None = None) -> str:
    return dump_text(
        "id type x y z", water_rows(n, seed=step if seed is None else seed), timestep=step
    )


def write_pieces(folder: Path, pieces: dict[str, list[int]]) -> list[Path]:
    """A file for every name, with a frame for every timestep."""
    for name, steps in pieces.items():
        text = "".join(map(frame_text, steps))
        data = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
        (folder / name).write_bytes(data)
    return [folder / name for name in pieces]


def steps_of(source, **options) -> list[int]:
    return [frame.timestep for frame in read(source, **options)]


PIECES = {"c.dump": [60, 70], "a.dump": [0, 10, 20], "b.dump.gz": [30, 40, 50]}


def test_the_frames_of_all_files_in_the_order_of_their_timesteps(tmp_path: Path) -> None:
    paths = write_pieces(tmp_path, PIECES)
    write_pieces(tmp_path, {"whole.dump": list(range(0, 80, 10))})
    with open_trajectory(paths) as series:
        frames, numbers = [], []
        for frame in series:
            frames.append(frame)
            numbers.append(series.frame_index)
        assert series.skipped == []
        assert [path.name for path in series.paths] == ["a.dump", "b.dump.gz", "c.dump"]
        assert series.position[0] == series.position[1] == sum(p.stat().st_size for p in paths)
        assert series.format == "lammps-dump"
        assert "type 1" in str(series.atom_roles)
    assert numbers == list(range(8))
    for frame, whole in zip(frames, read(tmp_path / "whole.dump"), strict=True):
        assert_same_frame(frame, whole)


@pytest.mark.parametrize("start", range(9))
@pytest.mark.parametrize(("stop", "every"), [(None, 1), (5, 1), (None, 3), (7, 2), (0, 1)])
def test_slices(tmp_path: Path, start: int, stop: int | None, every: int) -> None:
    paths = write_pieces(tmp_path, PIECES)
    expected = list(range(0, 80, 10))[start:stop:every]
    assert steps_of(paths, start=start, stop=stop, every=every) == expected


@pytest.mark.parametrize("options", [{"start": 2}, {"every": 2}, {"start": 2, "every": 3}])
def test_what_is_not_asked_for_is_not_read(tmp_path: Path, options: dict[str, int]) -> None:
    """As of one file: a frame that is passed over may be damaged, and is not told of."""
    steps = list(range(0, 100, 10))
    paths = write_pieces(tmp_path, {"a.dump": [], "b.dump": steps[4:]})
    text = [frame_text(step) for step in steps[:4]]
    text[1] = text[1].replace(" 2 ", " two ", 1)
    paths[0].write_text("".join(text) + frame_text(50))
    expected = steps[options.get("start", 0) :: options.get("every", 1)]
    with open_trajectory(paths, on_error="skip", **options) as series:
        assert [frame.timestep for frame in series] == expected
        told = [str(error) for error in series.skipped]
    assert len(told) == 1  # the overlap alone
    assert "from timestep 40 on left out" in told[0]
    assert steps_of(paths, **options) == expected
    with pytest.raises(InputError, match="frame 1"):
        steps_of(paths)


def test_missing_files_are_told_of_slices_too(tmp_path: Path) -> None:
    paths = write_pieces(tmp_path, {"a.dump": [0, 10, 20], "b.dump": [30, 40], "d.dump": [90, 95]})
    with open_trajectory(paths, every=2) as series:
        assert [frame.timestep for frame in series] == [0, 20, 40, 95]
        assert len(series.skipped) == 1
        assert "begins at timestep 90, b.dump ends at 40" in str(series.skipped[0])


def test_the_first_frame_of_a_file_may_be_damaged(tmp_path: Path) -> None:
    """Of a format whose timesteps are told by whole frames."""
    atoms = "    1WAT     OW{0:5d}   0.1   0.1   0.{0}\n"
    gro = "ice t= 0.0 step= {}\n    2\n" + atoms.format(1) + atoms.format(5) + "   2.0 2.0 2.0\n"
    (tmp_path / "a.gro").write_text(gro.format(0))
    first = gro.format(1).replace("0.1   0.1", "0.1   bad", 1)
    (tmp_path / "b.gro").write_text(first + gro.format(2) + gro.format(3))
    alone = read(tmp_path / "b.gro", on_error="skip", types={"OW": "O"})
    assert len(list(alone)) == 2
    paths = [tmp_path / "a.gro", tmp_path / "b.gro"]
    with open_trajectory(paths, on_error="skip", types={"OW": "O"}) as series:
        assert len(list(series)) == 3


def test_beyond_the_end(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the files have 8 frames, none to start from at 9"):
        steps_of(write_pieces(tmp_path, PIECES), start=9)


def test_goes_on_from_any_frame(tmp_path: Path) -> None:
    """By a position that went through JSON, as in the journal of a run."""
    paths = write_pieces(
        tmp_path, {"a.dump": [0, 10, 20, 30], "b.dump": [20, 30, 40], "c.dump": [50]}
    )
    with TrajectorySeries(paths) as series:
        positions = [series.read_position]
        for _ in series:
            positions.append(series.read_position)
        messages = [str(error) for error in series.skipped]
    assert len(messages) == 1
    for k, position in enumerate(positions):
        at = ReadPosition.from_dict(position.to_dict())
        with TrajectorySeries(paths, at=at, start=k) as series:
            assert [frame.timestep for frame in series] == list(range(0, 60, 10))[k:]
            assert [str(error) for error in series.skipped] == messages[: 1 if k < 3 else 0]


def test_index_of_uncompressed_dumps(tmp_path: Path) -> None:
    paths = write_pieces(
        tmp_path, {"a.dump": [0, 10, 20, 30], "b.dump": [20, 30, 40], "c.dump": [50]}
    )
    with TrajectorySeries(paths) as series:
        index = series.index()
    assert len(index) == index.sound == 6
    assert index.counts == (2, 3, 1)
    assert index.size == index.offsets[-1] == sum(path.stat().st_size for path in paths)
    assert np.all(np.diff(index.offsets) > 0)
    for k in range(6):
        with TrajectorySeries(paths, at=index.position(k), start=k) as series:
            assert next(iter(series)).timestep == 10 * k
    with pytest.raises(IndexError):
        index.position(7)


def test_the_seam_of_a_restart_is_kept_once(tmp_path: Path) -> None:
    """The continuation tells from its first timestep on, even where the earlier run broke down."""
    paths = write_pieces(tmp_path, {"a.dump": [0, 10, 20, 30], "b.dump": [20, 30, 40]})
    with paths[0].open("a") as file:
        file.write(frame_text(40)[:300])
    with open_trajectory(paths) as series:
        assert [frame.timestep for frame in series] == [0, 10, 20, 30, 40]
        (message,) = map(str, series.skipped)
    assert "a.dump: from timestep 20 on left out, since b.dump goes on from there" in message


def test_missing_frames_are_told(tmp_path: Path) -> None:
    for pieces in (
        {"a.dump": [0, 10], "b.dump": [20, 30], "c.dump": [70, 80]},
        {"a.dump": [0], "b.dump": [10], "b2.dump": [20], "c.dump": [70]},
    ):
        paths = write_pieces(tmp_path, pieces)
        with open_trajectory(paths) as series:
            assert len(list(series)) == sum(map(len, pieces.values()))
            (message,) = map(str, series.skipped)
        assert "c.dump: begins at timestep 70" in message
        assert "frames are missing" in message
        assert "10 steps apart" in message


def test_another_system_is_named(tmp_path: Path) -> None:
    paths = write_pieces(tmp_path, {"a.dump": [0, 10], "c.dump": [40]})
    other = tmp_path / "b.dump"
    other.write_text(frame_text(20, n=27) + frame_text(30, n=27))
    with pytest.raises(
        InputError, match=r"b\.dump, frame 0: has 81 atoms, but a\.dump before it has 24"
    ):
        steps_of([*paths, other])
    kinds = tmp_path / "d.dump"
    kinds.write_text(frame_text(20).replace(" 1 ", " 7 ").replace(" 2 ", " 1 "))
    with pytest.raises(InputError, match=r"d\.dump"):
        steps_of([*paths, kinds])


def test_a_damaged_file_is_named_or_left_out(tmp_path: Path) -> None:
    paths = write_pieces(tmp_path, {"a.dump": [0, 10], "b.dump": [20, 30], "c.dump": [40]})
    paths[1].write_text(frame_text(20) + frame_text(30).replace(" 2 ", " two ", 1))
    with pytest.raises(InputError, match=r"b\.dump, frame 1, line"):
        steps_of(paths)
    with open_trajectory(paths, on_error="skip") as series:
        pairs = [(series.frame_index, frame.timestep) for frame in series]
        assert len(series.skipped) == 1
    assert pairs == [(0, 0), (1, 10), (2, 20), (4, 40)]


def test_files_that_cannot_be_read_are_named_or_left_out(tmp_path: Path) -> None:
    paths = write_pieces(tmp_path, {"a.dump": [0, 10], "b.dump": [20], "c.dump": [30]})
    paths[1].write_bytes(b"")
    with pytest.raises(InputError, match=r"b\.dump.*empty"):
        open_trajectory(paths)
    with open_trajectory(paths, on_error="skip") as series:
        assert [frame.timestep for frame in series] == [0, 10, 30]
        assert "b.dump" in str(series.skipped[0])
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.dump.*empty"):
        open_trajectory(paths, on_error="skip")


def test_files_without_timesteps_come_as_given(tmp_path: Path) -> None:
    paths = []
    for k in (2, 1, 10):
        text = (FORMATS / "types.0.cfg").read_text()
        paths.append(tmp_path / f"ice.{k}.cfg")
        paths[-1].write_text(text)
    with open_trajectory(paths) as series:
        assert len(list(series)) == 3
        assert list(series.paths) == paths
        assert series.skipped == []
    with open_trajectory(str(tmp_path / "ice.*.cfg")) as series:
        assert [path.name for path in series.paths] == ["ice.1.cfg", "ice.2.cfg", "ice.10.cfg"]


def test_patterns_and_names(tmp_path: Path) -> None:
    write_pieces(tmp_path, {f"ice.{k}.dump": [k] for k in (0, 9, 10)})
    write_pieces(tmp_path, {"ice.labels.dump": [0], "ice.[1].dump": [5]})
    pattern = str(tmp_path / "ice.*.dump")
    names = [path.name for path in find_paths(pattern)]
    assert names == ["ice.0.dump", "ice.9.dump", "ice.10.dump", "ice.[1].dump"]
    assert find_paths(tmp_path / "ice.[1].dump") == (tmp_path / "ice.[1].dump",)
    assert find_paths(tmp_path / "ice.labels.dump") == (tmp_path / "ice.labels.dump",)
    assert isinstance(open_trajectory(tmp_path / "ice.0.dump"), Trajectory)
    assert series_stem(find_paths(pattern)) == "ice"
    assert series_stem([Path("md.part0001.xtc"), Path("md.part0002.xtc")]) == "md.part"
    assert series_stem([Path("run.dump"), Path("other.dump")]) == "run"
    with pytest.raises(InputError, match="no file has a name like this"):
        find_paths(str(tmp_path / "*.none"))
    with pytest.raises(InputError, match="no such file"):
        open_trajectory([tmp_path / "ice.0.dump", tmp_path / "gone.dump"])


def test_files_that_begin_at_the_same_timestep_are_all_taken(tmp_path: Path) -> None:
    paths = write_pieces(tmp_path, {"b.dump": [0, 10], "a.dump": [0, 10]})
    with open_trajectory(paths) as series:
        assert [frame.timestep for frame in series] == [0, 10, 0, 10]
        assert list(series.paths) == paths


def test_pieces_of_other_formats(tmp_path: Path) -> None:
    data = (FORMATS / "tilted.bin").read_bytes()
    third = len(data) // 3
    paths = []
    for k in range(3):
        paths.append(tmp_path / f"t.{k}.bin")
        paths[-1].write_bytes(data[k * third : (k + 1) * third])
    for frame, whole in zip(read(paths), read(FORMATS / "tilted.bin"), strict=True):
        assert_same_frame(frame, whole)
