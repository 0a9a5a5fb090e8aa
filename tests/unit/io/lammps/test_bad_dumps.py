"""Every kind of damage: an error with file, frame and line, or a frame that is skipped and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.dumps import dump_text, water_rows

ROWS = water_rows(4)
GOOD = dump_text("id type x y z", ROWS)
LINES = GOOD.splitlines()
HEAD = len(LINES) - len(ROWS)


def changed(line: int, text: str) -> str:
    """GOOD with a line (from 1) replaced."""
    return "\n".join([*LINES[: line - 1], text, *LINES[line:]]) + "\n"


def field(row: int, column: int, text: str) -> tuple[str, int]:
    fields = LINES[HEAD + row].split()
    fields[column] = text
    return changed(HEAD + row + 1, " ".join(fields)), HEAD + row + 1


CASES = {
    "fewer rows": ("\n".join(LINES[:-2]) + "\n", len(LINES) - 1, "found 10 of 12 rows"),
    "more rows": (GOOD + "13 1 1 1 1\n", len(LINES) + 1, "more rows than the 12 announced"),
    "a word": (*field(3, 2, "abc"), "x of row 4 is not a number: 'abc'"),
    "a broken number": (*field(0, 4, "1.2.3"), "z of row 1 is not a number"),
    "nan": (*field(2, 3, "nan"), "y of row 3 is not finite: 'nan'"),
    "inf": (*field(2, 3, "-inf"), "y of row 3 is not finite"),
    "overflow": (*field(2, 3, "1e999"), "y of row 3 is not finite"),
    "fractional id": (*field(1, 0, "2.5"), "id of row 2 is not a whole number: '2.5'"),
    "fractional type": (*field(1, 1, "1.5"), "type of row 2 is not a whole number"),
    "short row": (changed(HEAD + 6, "6 2 1 1"), HEAD + 6, "row 6 of 12 has 4 fields, expected 5"),
    "long row": (changed(HEAD + 6, "6 2 1 1 1 1"), HEAD + 6, "row 6 of 12 has 6 fields"),
    "blank row": (changed(HEAD + 6, ""), HEAD + 6, "row 6 of 12 has 0 fields"),
    "zero box": (changed(6, "0 0"), 6, "no positive length along x: xlo = 0, xhi = 0"),
    "negative box": (changed(7, "5 -5"), 7, "no positive length along y"),
    "nan box": (changed(8, "0 nan"), 8, "expected 2 finite numbers"),
    "word in box": (changed(8, "0 ten"), 8, "box line has '0 ten'"),
    "one bound": (changed(8, "0"), 8, "expected 2 finite numbers"),
    "strange box": (changed(5, "ITEM: BOX BOUNDS pp qq pp"), 5, "box header"),
    "tilt beyond bounds": (
        "\n".join([*LINES[:4], "ITEM: BOX BOUNDS xy xz yz pp pp pp", "0 20 30", "0 20 0", "0 20 0"])
        + "\n" + "\n".join(LINES[8:]) + "\n", 6, "no positive length along x",
    ),
    "flat general box": (
        "\n".join([*LINES[:4], "ITEM: BOX BOUNDS abc origin pp pp pp", "9 0 0 0", "0 9 0 0",
                   "9 9 0 0", *LINES[8:]]) + "\n", 6, "the box has no volume",
    ),
    "absurd count": (changed(4, "1000000000000"), 4, "announces 1000000000000 atoms: that takes"),
    "negative count": (changed(4, "-3"), 4, "announces -3 atoms"),
    "word for count": (changed(4, "many"), 4, "ITEM: NUMBER OF ATOMS is 'many'"),
    "no timestep": (changed(2, "ITEM: NUMBER OF ATOMS"), 2, "ITEM: TIMESTEP is followed by"),
    "no box": ("\n".join(LINES[:4] + LINES[8:]) + "\n", 5, "no ITEM: BOX BOUNDS"),
    "no count": ("\n".join(LINES[:2] + LINES[4:]) + "\n", 7, "no ITEM: NUMBER OF ATOMS"),
    "no columns": (changed(9, "ITEM: ATOMS"), 9, "names no columns"),
    "no positions": (changed(9, "ITEM: ATOMS id type a b c"), 9, "no positions among"),
    "x without y": (changed(9, "ITEM: ATOMS id type x b z"), 9, "have x z but no y"),
    "entries": (changed(3, "ITEM: NUMBER OF ENTRIES"), 3, "not about atoms"),
    "no atoms": (dump_text("id type x y z", []), 9, "no oxygen"),
    "cut in header": ("\n".join(LINES[:6]) + "\n", 7, "cut short"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_damage_is_placed(name: str, tmp_path: Path) -> None:
    text, line, message = CASES[name]
    path = tmp_path / "bad.lammpstrj"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        list(read(path))
    error = caught.value
    assert message in str(error)
    assert (error.path, error.frame) == (path, 0)
    assert error.line == line
    assert "\n" not in str(error)
    assert error.exit_code == 2


@pytest.mark.parametrize("name", CASES)
def test_damaged_frames_are_skipped_and_told(name: str, tmp_path: Path) -> None:
    text, line, message = CASES[name]
    path = tmp_path / "bad.lammpstrj"
    good = dump_text("id type x y z", ROWS, timestep=7, before="ITEM: TIME\n0.5\n")
    path.write_text(good + text + good)
    with Trajectory(path, on_error="skip") as trajectory:
        frames = list(trajectory)
    assert [frame.timestep for frame in frames] == [7, 7]
    assert all(frame.atoms.header["time"] == "0.5" for frame in frames)
    assert trajectory.frame_index == 2
    (error,) = trajectory.skipped
    if "cut" not in name and name != "fewer rows":
        assert message in str(error)
        assert error.line == line + good.count("\n")
    assert error.frame == 1


CUTS = sorted({*range(1, len(GOOD), 7), *range(len(GOOD) - 25, len(GOOD))})


@pytest.mark.parametrize("length", CUTS)
def test_a_last_frame_cut_anywhere(length: int, tmp_path: Path) -> None:
    """Whole frames before it are kept; what is left of it never passes for a frame."""
    path = tmp_path / "cut.lammpstrj"
    path.write_text(GOOD + GOOD[:length])
    if length == len(GOOD) - 1:  # only the last line end is missing
        assert len(list(read(path))) == 2
        return
    frames = read(path)
    assert next(frames).n_molecules == 4
    with pytest.raises(InputError, match="cut short") as caught:
        next(frames)
    assert caught.value.frame == 1
    assert caught.value.line > len(LINES)
    with Trajectory(path, on_error="skip") as trajectory:
        assert len(list(trajectory)) == 1
    assert len(trajectory.skipped) == 1
    assert 'on_error="skip"' in str(trajectory.skipped[0])


def test_a_number_cut_in_two(tmp_path: Path) -> None:
    path = tmp_path / "cut.lammpstrj"
    rows = [[i + 1, 1, 3.0 * i, 1.0, f"{4 + i / 7:.5f}"] for i in range(5)]
    text = dump_text("id type x y z", rows)
    for removed in (2, 3, 6):
        path.write_text(text[:-removed])
        with pytest.raises(InputError, match="cut short"):
            list(read(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (bytes(range(1, 256)) * 9, "not a LAMMPS text dump"),
        (b"LAMMPS (29 Aug 2024)\nunits real\nStep Temp\n0 300\n", "not a LAMMPS text dump"),
        (b'{"a": 1}\n', "not a LAMMPS text dump"),
        (b"---\ncreator: LAMMPS\ntimestep: 0\n", "not a LAMMPS text dump"),
        (b"\n\0\0\0DUMPCUSTOM" + bytes(50), "binary2txt"),
        (b"x" * 3_000_000, "not a LAMMPS text dump"),
    ],
)
def test_not_a_dump(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.lammpstrj"
    path.write_bytes(content)
    for on_error in ("raise", "skip"):
        with pytest.raises(InputError, match=message) as caught:
            list(read(path, on_error=on_error))
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize("content", [bytes(range(256)) * 9, b"[1, 2]", b"hello\n", b"\x89PNG\r\n"])
@pytest.mark.parametrize("name", ["noname", "a.bin", "b.txt", "c.data", "d.xyz", "e.json", "f.py"])
def test_no_known_format(content: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError):
        list(read(path))


def test_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Trajectory(tmp_path / "none.lammpstrj")
    with pytest.raises(InputError, match="is a directory"):
        Trajectory(tmp_path)
    with pytest.raises(InputError, match="on_error"):
        Trajectory(tmp_path, on_error="ignore")  # type: ignore[arg-type]


def test_all_frames_damaged_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.lammpstrj"
    path.write_text(CASES["nan"][0] * 2)
    with pytest.raises(InputError, match="not finite"):
        list(read(path, on_error="skip"))


def test_damage_outside_the_frames_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "bad.lammpstrj"
    path.write_text(GOOD + CASES["nan"][0] + GOOD)
    assert len(list(read(path, every=2))) == 2
