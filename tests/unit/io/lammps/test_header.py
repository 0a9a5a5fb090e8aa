"""Headers of dumps: those of the usual form are read at once, and as one reads them in full."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.io.lammps import header as headers
from iceclass.io.text.cursor import FrameCursor
from iceclass.io.text.streams import ByteSource

NEVER = re.compile(rb"(?!)")
BOX = "ITEM: BOX BOUNDS pp pp pp\n0.0 24.5\n-1.5e+00 21.2\n0.0000000000000000e+00 2.7e+01\n"
HEADERS = {
    "plain": f"ITEM: TIMESTEP\n12\nITEM: NUMBER OF ATOMS\n6\n{BOX}ITEM: ATOMS id type x y z\n",
    "time": f"ITEM: TIME\n0.25\nITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n0\n{BOX}"
    "ITEM: ATOMS x y z\n",
    "blanks": "ITEM: TIMESTEP\r\n12 \r\nITEM: NUMBER OF ATOMS\r\n6\t\r\n"
    "ITEM: BOX BOUNDS pp ff pm \r\n0 1 \r\n0 1\r\n0 1\r\nITEM: ATOMS id  x y z \r\n",
    "names": f"ITEM: TIMESTEP\n1\nITEM: NUMBER OF ATOMS\n6\n{BOX}ITEM: ATOMS q q größe x y z\n",
}
ODD = {
    "no length": BOX.replace("24.5", "0.0"),
    "too long": BOX.replace("24.5", "1e150"),
    "tilted": BOX.replace("pp pp pp", "xy xz yz pp pp pp")
    .replace("\n", " 0.5\n")
    .replace("pp pp pp 0.5", "pp pp pp"),
    "word": BOX.replace("24.5", "wide"),
}


def found(text: str, tmp_path: Path) -> Any:
    """Fields of the header, the line that it ends on, or the error."""
    path = tmp_path / "dump"
    path.write_bytes(text.encode())
    with ByteSource(path) as source:
        cursor = FrameCursor(source)
        cursor.buffer.skip_blank()
        reader = headers.HeaderReader(cursor)
        reader.units = "real"
        try:
            header = reader.read()
        except InputError as error:
            return str(error)
        assert header.box is not None
        assert reader.in_frame
        box = [np.asarray(part).tolist() for part in vars(header.box).values()]
        return vars(header) | {"box": box}, cursor.buffer.line, cursor.buffer.offset


@pytest.mark.parametrize("name", HEADERS)
def test_the_usual_header_read_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEADERS[name] + "1 2 3\n"
    assert headers._USUAL.match(text.encode())
    at_once = found(text, tmp_path)
    monkeypatch.setattr(headers, "_USUAL", NEVER)
    assert at_once == found(text, tmp_path)
    assert at_once[1] == HEADERS[name].count("\n")


@pytest.mark.parametrize("name", ODD)
def test_a_box_that_is_not_usual_is_left_to_the_full_reading(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEADERS["plain"].replace(BOX, ODD[name])
    first = found(text, tmp_path)
    monkeypatch.setattr(headers, "_USUAL", NEVER)
    assert first == found(text, tmp_path)
    assert isinstance(first, str) == (name != "tilted")
