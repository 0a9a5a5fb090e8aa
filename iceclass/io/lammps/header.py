"""The header of a frame in a LAMMPS text dump: all that stands before its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from iceclass.errors import InputError
from iceclass.io.lammps.box import LARGEST, Box
from iceclass.io.text.blocks import item_of, text_of, unique_names
from iceclass.io.text.cursor import SKIP_HINT, FrameCursor

FIRST_ITEMS = ("TIMESTEP", "UNITS", "TIME")
"""The items that a frame may begin with."""
_WITHIN = ("TIMESTEP", "NUMBER OF", "BOX BOUNDS", "ATOMS")
_ITEM_LINES = 1000  # of an item that is not known

# A header as LAMMPS writes it, with a box parallel to the axes; all others are read in full.
_NUMBER = r"(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)"
_END = r"[ \t]*\r?\n"
_USUAL = re.compile(
    (
        rf"(?:ITEM: TIME\r?\n{_NUMBER}{_END})?"
        rf"ITEM: TIMESTEP\r?\n(\d{{1,18}}){_END}"
        rf"ITEM: NUMBER OF ATOMS\r?\n(\d{{1,18}}){_END}"
        rf"ITEM: BOX BOUNDS((?: [pfsm]{{2}}){{3}}){_END}"
        + 3 * rf"{_NUMBER} {_NUMBER}{_END}"
        + r"ITEM: ATOMS (\w[^\n]*)\n"
    ).encode()
)


@dataclass
class Header:
    """What stands before the rows of a frame."""

    timestep: int = 0
    n_atoms: int = -1
    n_atoms_line: int = 0
    box: Box | None = None
    names: tuple[str, ...] = ()
    kept: dict[str, str] = field(default_factory=dict)


class HeaderReader:
    """Reads headers.

    Attributes
    ----------
    units
        The unit style named last, which may be in an earlier frame; empty: none.
    in_frame
        Whether the reading is past the beginning of the present frame, so that the next
        ``ITEM: TIMESTEP`` is that of another one.
    """

    def __init__(self, cursor: FrameCursor) -> None:
        self._cursor = cursor
        self.units = ""
        self.in_frame = False

    def pass_over(self) -> int:
        """Go past a header of which no more is wanted than the number of atoms.

        Raises
        ------
        InputError
            As :meth:`read`.
        """
        usual = self._usual()
        return self._in_full().n_atoms if usual is None else int(usual[3])

    def read(self) -> Header:
        """The header, up to its last line, which names the columns.

        Raises
        ------
        InputError
            Something is missing, misplaced or no number.
        """
        first = self._cursor.buffer.line + 1
        usual = self._usual()
        if usual is None:
            return self._in_full()
        time, timestep, n_atoms, flags, *bounds, names = [
            text_of(text or b"").strip() for text in usual.groups()
        ]
        low, high = bounds[::2], bounds[1::2]
        lines = [f"{a} {b}" for a, b in zip(low, high, strict=True)]
        kept = {"boundary": flags, "box": "\n".join([f"ITEM: BOX BOUNDS {flags}", *lines])}
        if time:
            kept["time"] = time
        if self.units:
            kept["units"] = self.units
        box = Box.upright([*map(float, low)], [*map(float, high)], flags.split())
        line = first + (5 if time else 3)
        return Header(int(timestep), int(n_atoms), line, box, unique_names(names.split()), kept)

    def _usual(self) -> re.Match[bytes] | None:
        """The usual header that begins here, consumed; else nothing."""
        buffer = self._cursor.buffer
        usual = buffer.match(_USUAL)
        if usual is None or not _has_volume(usual.groups()[4:10]):
            return None
        buffer.consume(usual)
        self.in_frame = True
        return usual

    def _in_full(self) -> Header:
        """The header, item by item."""
        cursor, buffer = self._cursor, self._cursor.buffer
        header = Header()
        self.in_frame = dated = False
        while True:
            line = buffer.peek()
            number = buffer.line + 1
            if line is None:
                cursor.cut_short("the data end within its header", number)
            item = item_of(line)
            if item == "TIMESTEP" and dated:
                cursor.fail("a new frame begins before ITEM: ATOMS of this one", number, SKIP_HINT)
            buffer.next()
            self.in_frame = self.in_frame or item.startswith(_WITHIN)
            if item.split(" ")[0] == "ATOMS":
                header.names = unique_names(item.split()[1:])
                break
            if item.startswith("BOX BOUNDS"):
                words = item.split()[2:]
                lines = [self._value(item) for _ in range(3)]
                header.box = self._box(words, lines, number)
                header.kept["boundary"] = header.box.boundary
                header.kept["box"] = "\n".join(["ITEM: " + item, *lines])
            elif item == "TIMESTEP":
                dated = True
                header.timestep = self._integer(item)
            elif item == "NUMBER OF ATOMS":
                header.n_atoms = self._integer(item)
                header.n_atoms_line = number + 1
                if header.n_atoms < 0:
                    cursor.fail(f"announces {header.n_atoms} atoms", number + 1)
            elif item == "UNITS":
                self.units = self._value(item)
            elif item == "TIME":
                header.kept["time"] = self._value(item)
            elif item.startswith("NUMBER OF"):
                cursor.fail(
                    f"ITEM: {item} is not about atoms",
                    number,
                    "expected a dump of atoms, not of style local or grid",
                )
            else:
                header.kept[f"ITEM: {item}"] = self._unknown(item, number)
        self._check(header, dated)
        if self.units:
            header.kept["units"] = self.units
        return header

    def _check(self, header: Header, dated: bool) -> None:
        number = self._cursor.buffer.line
        for found, what in (
            (dated, "TIMESTEP"),
            (header.n_atoms >= 0, "NUMBER OF ATOMS"),
            (header.box is not None, "BOX BOUNDS"),
        ):
            if not found:
                self._cursor.fail(f"the header has no ITEM: {what}", number)
        if not header.names:
            self._cursor.fail("ITEM: ATOMS names no columns", number, "files this old are not read")

    def _value(self, item: str) -> str:
        buffer = self._cursor.buffer
        line = buffer.peek()
        if line is None:
            self._cursor.cut_short(f"the data end within ITEM: {item}", buffer.line + 1)
        if line.startswith(b"ITEM:"):
            self._cursor.fail(
                f"ITEM: {item} is followed by {text_of(line)[:80]!r}", buffer.line + 1
            )
        buffer.next()
        return text_of(line).strip()

    def _integer(self, item: str) -> int:
        text = self._value(item)
        try:
            return int(text)
        except ValueError:
            self._cursor.fail(
                f"ITEM: {item} is {text[:80]!r}, expected a whole number", self._cursor.buffer.line
            )

    def _unknown(self, item: str, number: int) -> str:
        """The lines of an item that is not known, for it to be written again."""
        buffer = self._cursor.buffer
        lines: list[str] = []
        while (line := buffer.peek()) is not None and not line.startswith(b"ITEM:"):
            if len(lines) == _ITEM_LINES:
                self._cursor.fail(
                    f"ITEM: {item[:80]} has more than {_ITEM_LINES} lines",
                    number,
                    "expected ITEM: ATOMS before that many",
                )
            lines.append(text_of(line))
            buffer.next()
        return "\n".join(lines)

    def _box(self, words: list[str], lines: list[str], number: int) -> Box:
        try:
            return Box.parse(words, lines)
        except InputError as error:
            self._cursor.fail(error.message, number + (error.line or 0), error.hint)


def _has_volume(bounds: tuple[bytes, ...]) -> bool:
    """Whether the six bounds of a box parallel to the axes are in order, and numbers to square."""
    numbers = [*map(float, bounds)]
    return all(-LARGEST < numbers[k] < numbers[k + 1] < LARGEST for k in (0, 2, 4))
