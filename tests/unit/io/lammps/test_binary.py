"""Binary dumps that LAMMPS wrote, against the text dumps of the same frames."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from iceclass.io.lammps.binary import BinaryDump
from iceclass.io.text.streams import ByteSource
from tests.helpers.formats import FORMATS, assert_same_frame

TWINS = ["rich", "nano", "tilted", "general", "elements", "parts"]


@pytest.mark.parametrize("name", TWINS)
def test_the_same_as_the_text_dump(name: str) -> None:
    with Trajectory(FORMATS / f"{name}.bin") as trajectory:
        frames = list(trajectory)
        assert trajectory.format == "lammps-binary"
        assert trajectory.position == ((FORMATS / f"{name}.bin").stat().st_size,) * 2
    texts = list(read(FORMATS / f"{name}.bin.lammpstrj"))
    assert len(frames) == len(texts) >= 2
    for frame, text in zip(frames, texts, strict=True):
        assert_same_frame(frame, text)
        columns, expected = frame.atoms.columns, text.atoms.columns
        for key in columns:
            if key in expected and expected[key].dtype.kind in "if":
                assert columns[key].dtype == expected[key].dtype, key
                np.testing.assert_array_equal(columns[key], expected[key])
    assert frames[0].atoms.header.get("units") == texts[0].atoms.header.get("units")


def test_elements_are_numbers_of_types() -> None:
    """LAMMPS stores the number of the type where a text dump has the element's name."""
    (frame, *_) = read(FORMATS / "rich.bin")
    (text, *_) = read(FORMATS / "rich.bin.lammpstrj")
    assert list(frame.atoms.columns) == [
        "id",
        "mol",
        "type",
        "i_element",
        "q",
        "vx",
        "ix",
        "xu",
        "yu",
        "zu",
    ]
    numbers = np.where(text.atoms.columns["element"] == "O", 1, 2)
    np.testing.assert_array_equal(frame.atoms.columns["i_element"], numbers)
    (frame, *_) = read(FORMATS / "elements.bin")
    assert list(frame.atoms.columns) == ["type", "x", "y", "z"]


def test_parts_of_several_processors() -> None:
    """Four processors wrote the file; every row is there, and in the order of the text dump."""
    with ByteSource(FORMATS / "parts.bin") as source:
        _, parts = BinaryDump(source)._header()
    assert parts.number == 4


def test_style_atom_scaled_and_not() -> None:
    scaled, plain = list(read(FORMATS / "atom.bin")), list(read(FORMATS / "images.bin"))
    assert list(scaled[0].atoms.columns) == ["id", "type", "xs", "ys", "zs"]
    assert list(plain[0].atoms.columns) == ["id", "type", "x", "y", "z", "ix", "iy", "iz"]
    for one, other in zip(scaled, plain, strict=True):
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-9)


def rewritten(data: bytes, *, order: str = "<", revision: int = 2, big: str = "q") -> bytes:
    """A file of revision 2 in another byte order, an older form, or with 4-byte counts."""
    out, at = b"", 0
    pack = lambda code, *values: struct.pack(order + code.replace("B", big), *values)  # noqa: E731

    def take(code: str) -> tuple:
        nonlocal at
        numbers = struct.Struct("<" + code)
        at += numbers.size
        return numbers.unpack_from(data, at - numbers.size)

    while at < len(data):
        (length,) = take("q")
        magic = data[at : at - length]
        at -= length
        take("ii")
        if revision:
            out += pack("B", length) + magic + pack("ii", 1, revision)
        out += pack("BB", *take("qq"))
        (form,) = take("i")
        out += pack("i6i", form, *take("6i"))
        out += pack(f"{6 + 3 * form}d", *take(f"{6 + 3 * form}d"))
        out += pack("i", *take("i"))
        (n,) = take("i")
        units, at = data[at : at + n], at + n
        (timed,) = take("b")
        time = take("d") if timed else ()
        (m,) = take("i")
        names, at = data[at : at + m], at + m
        if revision > 1:
            out += pack("i", n) + units + pack("b", timed)
            out += (pack("d", *time) if timed else b"") + pack("i", m) + names
        (parts,) = take("i")
        out += pack("i", parts)
        for _ in range(parts):
            (count,) = take("i")
            out += pack(f"i{count}d", count, *take(f"{count}d"))
    return out


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", "qi")
@pytest.mark.parametrize("revision", [0, 1, 2])
@pytest.mark.parametrize("name", ["atom", "images", "tilted"])
def test_all_versions_and_byte_orders(
    tmp_path: Path, order: str, big: str, revision: int, name: str
) -> None:
    data = (FORMATS / f"{name}.bin").read_bytes()
    path = tmp_path / "a.bin"
    path.write_bytes(rewritten(data, order=order, revision=revision, big=big))
    if order == "<" and revision == 2 and big == "q":
        assert path.read_bytes() == data
    if name == "tilted" and revision == 1:  # style custom without the names of its columns
        with pytest.raises(InputError, match="does not tell what its 5 columns are"):
            list(read(path))
        return
    for frame, expected in zip(read(path), read(FORMATS / f"{name}.bin"), strict=True):
        assert_same_frame(frame, expected)
        assert list(frame.atoms.columns) == list(expected.atoms.columns)


def test_compressed(tmp_path: Path) -> None:
    path = tmp_path / "a.bin.gz"
    path.write_bytes(gzip.compress((FORMATS / "parts.bin").read_bytes()))
    for start in (0, 1):
        for frame, text in zip(
            read(path, start=start), read(FORMATS / "parts.bin.lammpstrj", start=start), strict=True
        ):
            assert_same_frame(frame, text)


@pytest.mark.parametrize(
    ("start", "stop", "every"), [(1, None, 1), (0, None, 2), (2, 3, 1), (3, 9, 1)]
)
def test_slices(start: int, stop: int | None, every: int) -> None:
    options = {"start": start, "stop": stop, "every": every}
    steps = [frame.timestep for frame in read(FORMATS / "rich.bin", **options)]
    assert steps == [0, 1, 2][start:stop:every]
    with pytest.raises(InputError, match="has 3 frames, none to start from at 4"):
        list(read(FORMATS / "rich.bin", start=4))


def test_labels_and_columns_of_the_output(tmp_path: Path) -> None:
    """What is written holds every column, and reads as what the text dump gives."""
    for name in ("rich", "tilted", "general"):
        out = tmp_path / f"{name}.lammpstrj"
        labels = iceclass.label(FORMATS / f"{name}.bin", output=out)
        text = iceclass.label(
            FORMATS / f"{name}.bin.lammpstrj", output=tmp_path / "t.lammpstrj", force=True
        )
        np.testing.assert_array_equal(labels.counts, text.counts)
        for frame, expected in zip(read(out), read(tmp_path / "t.lammpstrj"), strict=True):
            assert_same_frame(frame, expected)
            assert [c for c in frame.atoms.columns if c != "i_element"] == [
                c for c in expected.atoms.columns if c != "element"
            ]
            np.testing.assert_array_equal(
                frame.atoms.columns["i_phase"], expected.atoms.columns["i_phase"]
            )


def test_every_cut_is_an_error_of_its_frame(tmp_path: Path) -> None:
    data = (FORMATS / "tilted.bin").read_bytes()
    frame = len(data) // 3
    path = tmp_path / "cut.bin"
    for length in (frame + 1, frame + 30, frame + 100, frame + 300, 2 * frame - 8, 3 * frame - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="cut short") as caught:
            list(read(path))
        assert caught.value.frame == length // frame
        with pytest.raises(InputError, match="cut short"):
            list(read(path, start=2))
        with Trajectory(path, on_error="skip") as trajectory:
            assert len(list(trajectory)) == length // frame
            assert len(trajectory.skipped) == 1


def damaged(at: int, code: str, value: float) -> bytes:
    data = bytearray((FORMATS / "tilted.bin").read_bytes())
    struct.pack_into("<" + code, data, at, value)
    return bytes(data)


BEGIN = 8 + 10 + 8  # timestep of the first frame of a dump of style custom
ROWS = BEGIN + 16 + 4 + 24 + 72 + 4 + 4 + 1 + 4 + len("id type x y z") + 4


@pytest.mark.parametrize(
    ("at", "code", "value", "message"),
    [
        (8, "q", 0, "not a trajectory of a known format"),  # no magic string
        (BEGIN - 4, "i", 7, "revision 7 of DUMPCUSTOM is not known"),
        (BEGIN + 8, "q", -3, "announces -3 atoms"),
        (BEGIN + 8, "q", 1 << 50, "announces 1125899906842624 atoms: that takes"),
        (BEGIN + 8, "q", 49, "found 48 of 49"),
        (BEGIN + 8, "q", 47, "does not fit 47 rows"),
        (BEGIN + 16, "i", 9, "in a box of kind 9"),
        (BEGIN + 20, "i", 4, "boundary flags"),
        (BEGIN + 44, "d", float("nan"), "finite numbers"),
        (BEGIN + 44, "d", 1e3, "no positive length along x"),
        (BEGIN + 116, "i", 6, "6 columns, but 5 names"),
        (ROWS - 4, "i", 3, "no frame begins|processor's part"),
        (ROWS, "i", 241, "a processor's part of 241 numbers"),
        (ROWS + 4, "d", 1.5, "id of row 1 of 48 is not a whole number: 1.5"),
        (ROWS + 4 + 16, "d", float("inf"), "position of row 1 of 48 is not finite"),
    ],
)
def test_damage_is_named(tmp_path: Path, at: int, code: str, value: float, message: str) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(damaged(at, code, value))
    with pytest.raises(InputError, match=message) as caught:
        list(read(path))
    assert caught.value.path == path
    assert "\n" not in str(caught.value)


def test_damaged_rows_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(damaged(ROWS + 4 + 16, "d", float("inf")))
    with Trajectory(path, on_error="skip") as trajectory:
        assert [frame.timestep for frame in trajectory] == [1, 2]
        assert len(trajectory.skipped) == 1
