"""LAMMPS dumps of style ``yaml``: a document a frame, its rows one flow sequence a line.

LAMMPS writes these files in one fixed form, so rows are turned into those of a text dump and read
by the same parser. Keys that are not known (``thermo``) are passed over. Files that other programs
have written anew in another form of YAML are not taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import NoReturn

from iceclass.errors import InputError
from iceclass.io.lammps.box import Box
from iceclass.io.lammps.header import Header
from iceclass.io.lammps.kinds import KindReader
from iceclass.io.lammps.rows import RowReader
from iceclass.io.lammps.snapshot import raw_frame
from iceclass.io.pieces import Piece, check_whole
from iceclass.io.text.blocks import text_of, unique_names
from iceclass.io.text.cursor import FrameCursor
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import RawFrame

_KEY = re.compile(r"([A-Za-z_]\w*):[ \t]*(.*)")
_TO_BLANKS = bytes.maketrans(b"[],", b"   ")
_MOST_LINES = 1000  # of a header
_BOX_HINT = "expected - [ lo, hi ] for x, y and z, and for a triclinic box - [ xy, xz, yz ]"


def looks_yaml(head: bytes) -> bool:
    """Whether a file that begins so is a YAML dump."""
    return head.startswith(b"---") and b"\nnatoms:" in head and b"\nkeywords:" in head


class YamlDump(FrameCursor):
    """The frames of a YAML dump."""

    def __init__(self, source: ByteSource) -> None:
        super().__init__(source)
        self._kinds = KindReader()
        self._rows = RowReader(self, self._kinds)
        self._units = ""

    def pieces(self) -> Iterator[Piece]:
        """The frames in their order.

        Raises
        ------
        InputError
            What should be the header of a frame is none, or the file ends within it.
        """
        buffer = self.buffer
        while self._to_document():
            line = buffer.line
            header = self._header()
            piece = Piece(line, partial(self._load, header))
            yield piece
            if not piece.loaded:
                buffer.skip_rows(header.n_atoms)
            self._end(header)
            self.frame += 1
        check_whole(self.source, self.frame, buffer.line + 1)

    def _load(self, header: Header) -> RawFrame:
        line = self.buffer.line
        table = self._rows.parse(header, self._rows_as_text)
        try:
            return raw_frame(header, table, self._kinds)
        except InputError as error:
            self.fail(error.message, line, error.hint)

    def _rows_as_text(self, n: int) -> bytes:
        """The text of the next n rows, as they would stand in a text dump."""
        block = self.buffer.take_lines(n)
        rows = block.replace(b"  - [ ", b"").replace(b" , ", b" ").replace(b", ]", b"")
        if any(byte in rows for byte in b"[],"):
            rows = rows.replace(b"- [", b"   ").translate(_TO_BLANKS)
        return rows

    # -- header -------------------------------------------------------------------------------

    def _to_document(self) -> bool:
        """Go past the ``---`` that begins a frame; whether there is one."""
        self.buffer.skip_blank()
        line = self.buffer.next()
        if line is None:
            return False
        if line.rstrip() != b"---":
            self._refuse(f"found {text_of(line)[:60]!r}, expected --- and the next frame")
        return True

    def _end(self, header: Header) -> None:
        """Go past the ``...`` behind the rows."""
        line = self.buffer.peek()
        if line is None or line.rstrip() == b"---":
            return
        self.buffer.next()
        if line.rstrip() != b"...":
            self._refuse(
                f"the frame has more rows than the {header.n_atoms} announced: "
                f"{text_of(line)[:60]!r}"
            )

    def _header(self) -> Header:
        """The keys of a frame, up to ``data:``."""
        buffer, header = self.buffer, Header()
        lists: dict[str, list[str]] = {}
        values: dict[str, str] = {}
        begin, key = buffer.line, ""
        while key != "data":
            line = buffer.next()
            if line is None:
                self.cut_short("the data end within its header", buffer.line + 1)
            text = text_of(line)
            if buffer.line - begin > _MOST_LINES or text.rstrip() in ("...", "---"):
                self._refuse("the frame has no data:", "expected the keys that LAMMPS writes")
            if match := _KEY.fullmatch(text):
                key = match[1]
                values[key], lists[key] = match[2].strip(), []
                if key == "natoms":
                    header.n_atoms_line = buffer.line
            elif text.startswith((" ", "-")) and key:
                lists[key].append(text)
            elif text.strip():
                self._refuse(f"found {text[:60]!r}, expected a key and its value")
        for name in ("timestep", "natoms", "box", "keywords"):
            if name not in values:
                self._refuse(f"the frame has no {name}:", "expected the keys that LAMMPS writes")
        header.timestep = self._whole("timestep", values)
        header.n_atoms = self._whole("natoms", values)
        if header.n_atoms < 0:
            self._refuse(f"announces {header.n_atoms} atoms")
        header.names = unique_names(_words(values["keywords"]))
        self._box(header, _words(values.get("boundary", "")), lists["box"])
        if "time" in values:
            header.kept["time"] = values["time"]
        self._units = values.get("units", self._units)
        if self._units:
            header.kept["units"] = self._units
        return header

    def _whole(self, name: str, values: dict[str, str]) -> int:
        try:
            return int(values[name])
        except ValueError:
            self._refuse(f"{name} is {values[name][:60]!r}, expected a whole number")

    def _box(self, header: Header, flags: list[str], lines: list[str]) -> None:
        rows = [_words(line.replace("- ", " ", 1)) for line in lines]
        shape = [len(row) for row in rows]
        if shape not in ([2, 2, 2], [2, 2, 2, 3]):
            self._refuse(f"box has rows of {shape} numbers", _BOX_HINT)
        words = ["xy", "xz", "yz"] if len(rows) == 4 else []
        if len(rows) == 4:
            rows = [[*row, tilt] for row, tilt in zip(rows[:3], rows[3], strict=True)]
        words += ["".join(flags[k : k + 2]) for k in (0, 2, 4)] if flags else []
        texts = [" ".join(row) for row in rows]
        try:
            header.box = Box.parse(words, texts)
        except InputError as error:
            self._refuse(error.message, error.hint)
        header.kept["boundary"] = header.box.boundary
        header.kept["box"] = "\n".join([" ".join(["ITEM: BOX BOUNDS", *words]), *texts])

    def _refuse(self, message: str, hint: str | None = None) -> NoReturn:
        if self.buffer.at_end:
            self.cut_short(message, self.buffer.line)
        self.fail(message, self.buffer.line, hint)


def _words(text: str) -> list[str]:
    """The items of a flow sequence."""
    return text.replace("[", " ").replace("]", " ").replace(",", " ").split()
