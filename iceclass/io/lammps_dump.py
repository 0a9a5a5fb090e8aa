"""LAMMPS text dumps (styles ``atom`` and ``custom``), read frame by frame.

Taken: any order of columns; ``x y z``, ``xs ys zs``, ``xu yu zu``, ``xsu ysu zsu``; orthogonal,
triclinic and general triclinic boxes; every boundary flag; numeric types and type labels;
``ITEM: UNITS`` and ``ITEM: TIME``; atom counts and boxes that change. Not taken: styles
``local``, ``grid`` and ``yaml``, binary dumps, one file a processor, lj units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io import parsing
from iceclass.io.assembly import Assembler, RawFrame
from iceclass.io.columns import COORDINATES, TextColumns
from iceclass.io.dump_kinds import Kinds
from iceclass.io.lammps_box import Box
from iceclass.io.streams import ByteSource
from iceclass.io.text_blocks import LineBuffer, item_of, looks_cut, text_of, unique_names
from iceclass.io.units import scale_of

SKIP_HINT = "--on-error skip goes on without the damaged frames"


@dataclass
class Header:
    """What stands before the rows of a frame."""

    timestep: int = 0
    n_atoms: int = -1
    time: float | None = None
    box: Box | None = None
    names: tuple[str, ...] = ()
    kept: dict[str, str] = field(default_factory=dict)


class DumpReader:
    """The frames of one dump file.

    Parameters
    ----------
    source
        The file.
    assembler
        Makes frames of what is read.
    """

    def __init__(self, source: ByteSource, assembler: Assembler) -> None:
        self.path: Path = source.path
        self.skipped: list[InputError] = []
        self._source = source
        self._buffer = LineBuffer(source)
        self._assembler = assembler
        self._units = ""
        self._index = 0
        self._in_frame = False  # past ITEM: TIMESTEP of the present frame
        self._in_rows = False  # past ITEM: ATOMS and its columns
        self._stump = 0  # line of a next frame of which only a few letters are there
        self._kinds = Kinds()

    def frames(
        self, start: int, stop: int | None, every: int, skip_errors: bool
    ) -> Iterator[tuple[int, Frame]]:
        """Number in the file and frame, for every frame asked for.

        Raises
        ------
        InputError
            Anything wrong with the file; with ``skip_errors`` damaged frames are recorded in
            :attr:`skipped` instead, and reading goes on at the next one.
        """
        self._buffer.skip_blank()
        first = self._buffer.peek()
        if first is None:
            if self._source.damage:
                self._fail(f"the {self._source.compression} data are damaged: {self._damage}")
            self._fail("the file is empty", hint="was the run stopped before its first frame?")
        if not first.startswith(b"ITEM:"):
            self._not_a_dump(first)
        while not self._buffer.at_end and (stop is None or self._index < stop):
            wanted = self._index >= start and (self._index - start) % every == 0
            frame = None
            try:
                header = self._header()
                if wanted:
                    frame = self._frame(header)
                else:
                    block = self._buffer.until_item(header.n_atoms)
                    self._buffer.line += block.count(b"\n")
            except InputError as error:
                error = self._header_cut_short(error)
                if not skip_errors:
                    raise error from None
                if wanted:
                    self.skipped.append(error)
                self._to_next_frame()
            if frame is not None:
                yield self._index, frame
            self._index += 1
            if self._stump:
                try:
                    self._cut_short("it has only the first letters of ITEM:", self._stump)
                except InputError as error:
                    if not skip_errors:
                        raise
                    self.skipped.append(error)
        if self._buffer.at_end and self._index < start:
            raise InputError(
                f"the file has {self._index} frames, none to start from at {start}", path=self.path
            )

    # -- errors -------------------------------------------------------------------------------

    @property
    def _damage(self) -> str:
        return self._source.damage or ""

    def _fail(self, message: str, line: int | None = None, hint: str | None = None) -> NoReturn:
        raise InputError(message, path=self.path, frame=self._index, line=line, hint=hint)

    def _cut_short(self, what: str, line: int) -> NoReturn:
        why = f" ({self._source.compression} data: {self._damage})" if self._damage else ""
        self._fail(f"the last frame is cut short{why}: {what}", line, SKIP_HINT)

    def _header_cut_short(self, error: InputError) -> InputError:
        """The same error, or that the file ends here if it ends before the rows of a frame."""
        if self._in_rows or not self._buffer.at_end or "cut short" in error.message:
            return error
        message = f"the last frame is cut short: {error.message}"
        return InputError(
            message, path=self.path, frame=self._index, line=error.line, hint=SKIP_HINT
        )

    def _not_a_dump(self, first: bytes) -> NoReturn:
        text = first[:60].decode("utf-8", "backslashreplace")
        hint = "expected ITEM: TIMESTEP"
        if first.startswith((b"DUMPATOM", b"DUMPCUSTOM")) or b"DUMPCUSTOM" in first[:64]:
            hint = "a binary dump; convert it with LAMMPS's binary2txt"
        raise InputError(
            f"not a LAMMPS text dump: begins with {text!a}", path=self.path, line=1, hint=hint
        )

    def _to_next_frame(self) -> None:
        """Go on to the first line of the next frame."""
        while True:
            block = self._buffer.until_item(1 << 62)
            self._buffer.line += block.count(b"\n")
            line = self._buffer.peek()
            if line is None:
                return
            item = item_of(line)
            if item in ("TIMESTEP", "UNITS", "TIME") and self._in_frame:
                return
            self._in_frame = self._in_frame or item == "TIMESTEP"
            self._buffer.next()

    # -- header -------------------------------------------------------------------------------

    def _header(self) -> Header:
        header = Header()
        self._in_frame = self._in_rows = False
        while True:
            line = self._buffer.peek()
            number = self._buffer.line + 1
            if line is None:
                self._cut_short("the data end within its header", number)
            item = item_of(line)
            if item == "TIMESTEP" and self._in_frame:
                self._fail("a new frame begins before ITEM: ATOMS of this one", number, SKIP_HINT)
            self._buffer.next()
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
                self._in_frame = True
                header.timestep = self._integer(item)
            elif item == "NUMBER OF ATOMS":
                header.n_atoms = self._integer(item)
                if header.n_atoms < 0:
                    self._fail(f"announces {header.n_atoms} atoms", number + 1)
            elif item == "UNITS":
                self._units = self._value(item)
            elif item == "TIME":
                header.kept["time"] = self._value(item)
            elif item.startswith("NUMBER OF"):
                self._fail(
                    f"ITEM: {item} is not about atoms",
                    number,
                    "expected a dump of atoms, not of style local or grid",
                )
            else:
                lines = []
                while (line := self._buffer.peek()) is not None and not line.startswith(b"ITEM:"):
                    lines.append(text_of(line))
                    self._buffer.next()
                header.kept[f"ITEM: {item}"] = "\n".join(lines)
        number = self._buffer.line
        for found, what in (
            (self._in_frame, "TIMESTEP"),
            (header.n_atoms >= 0, "NUMBER OF ATOMS"),
            (header.box is not None, "BOX BOUNDS"),
        ):
            if not found:
                self._fail(f"the header has no ITEM: {what}", number)
        if not header.names:
            self._fail("ITEM: ATOMS names no columns", number, "files this old are not read")
        if self._units:
            header.kept["units"] = self._units
        return header

    def _value(self, item: str) -> str:
        line = self._buffer.peek()
        if line is None:
            self._cut_short(f"the data end within ITEM: {item}", self._buffer.line + 1)
        if line.startswith(b"ITEM:"):
            self._fail(f"ITEM: {item} is followed by {text_of(line)!r}", self._buffer.line + 1)
        self._buffer.next()
        return text_of(line).strip()

    def _integer(self, item: str) -> int:
        text = self._value(item)
        try:
            return int(text)
        except ValueError:
            self._fail(f"ITEM: {item} is {text[:80]!r}, expected a whole number", self._buffer.line)

    def _box(self, words: list[str], lines: list[str], number: int) -> Box:
        try:
            return Box.parse(words, lines)
        except InputError as error:
            self._fail(error.message, number + (error.line or 0), error.hint)

    # -- rows ---------------------------------------------------------------------------------

    def _frame(self, header: Header) -> Frame:
        length, duration = 1.0, None
        line = self._buffer.line
        if self._units:
            try:
                length, duration = scale_of(self._units)
            except InputError as error:
                self._fail(error.message, None, error.hint)
        assert header.box is not None
        box = header.box.scaled(length)
        triple = self._coordinates(header.names)
        self._in_rows = True
        block = self._buffer.until_item(header.n_atoms)
        table = self._rows(header, triple, block)
        xyz = table.floats
        if triple[0] in ("xs", "xsu"):
            positions = xyz @ box.cell + box.origin
        else:
            positions = xyz if length == 1.0 else xyz * length
        time = None
        if duration is not None and "time" in header.kept:
            try:
                time = float(header.kept["time"]) * duration
            except ValueError:
                self._fail(f"ITEM: TIME is {header.kept['time']!r}, expected a number", line)
        columns = table.columns
        raw = RawFrame(
            positions=positions,
            cell=box.cell,
            pbc=box.pbc,
            origin=box.origin,
            columns=columns,
            species=lambda full: self._kinds.species(columns, full),
            ids=columns.get("id"),
            timestep=header.timestep,
            time=time,
            header=header.kept,
        )
        return self._assembler.frame(raw, self._index, line)

    def _coordinates(self, names: tuple[str, ...]) -> tuple[str, str, str]:
        for triple in COORDINATES:
            if set(triple) <= set(names):
                return triple
        line = self._buffer.line
        for triple in COORDINATES:
            missing = [name for name in triple if name not in names]
            if len(missing) < 3:
                found = " ".join(name for name in triple if name in names)
                self._fail(
                    f"the columns have {found} but no {' '.join(missing)}",
                    line,
                    "write x y z with the dump command",
                )
        self._fail(
            f"no positions among the columns {' '.join(names)[:200]}",
            line,
            "expected x y z, xs ys zs, xu yu zu or xsu ysu zsu",
        )

    def _rows(self, header: Header, triple: tuple[str, str, str], block: bytes) -> Table:
        names, n = header.names, header.n_atoms
        first = self._buffer.line + 1  # number of the first row
        unended = bool(block) and not block.endswith(b"\n")
        text = block + b"\n" if unended else block
        if 2 * len(names) * n > len(text):
            self._buffer.line += block.count(b"\n")
            self._wrong_number(n, text, first)
        actions = np.zeros(len(names), np.int8)
        slots = np.zeros(len(names), np.int64)
        for slot, name in enumerate(("id", "type")):
            if name in names:
                actions[names.index(name)] = parsing.INT
                slots[names.index(name)] = slot
        if "type" in names and self._kinds.labelled(text, names.index("type")):
            actions[names.index("type")] = parsing.SKIP
        for slot, name in enumerate(triple):
            actions[names.index(name)] = parsing.FINITE
            slots[names.index(name)] = slot
        ints = np.empty((2, n), np.int64)
        floats = np.empty((n, 3))
        buffer = np.frombuffer(text, np.uint8)
        status, row, column, end = parsing.parse_rows(buffer, n, actions, slots, ints, floats)
        if status != parsing.OK:
            self._buffer.line += block.count(b"\n")
            self._bad_row(status, row, column, header, text, first, unended)
        self._buffer.line += n + text.count(b"\n", end)
        rest = text[end:].strip()
        if rest:
            line = first + n + text[end : text.index(rest, end)].count(b"\n")
            if not (self._buffer.at_end and b"ITEM:".startswith(rest)):
                extra = text_of(rest.split(b"\n")[0])[:60]
                self._fail(
                    f"the frame has more rows than the {n} announced: {extra!r}",
                    line,
                    "expected ITEM: TIMESTEP or the end of the file",
                )
            self._stump = line
        if unended and not rest and looks_cut(text[:end]):
            self._cut_short(
                f"row {n} of {n} has no line end, and its last number may not be whole",
                first + n - 1,
            )
        known: dict[str, NDArray[Any]] = {name: floats[:, slot] for slot, name in enumerate(triple)}
        known |= {
            name: ints[slot]
            for slot, name in enumerate(("id", "type"))
            if name in names and actions[names.index(name)] == parsing.INT
        }
        rows = text if end == len(text) else text[:end]
        return Table(TextColumns(names, rows, n, known), floats)

    def _wrong_number(self, n: int, text: bytes, first: int) -> NoReturn:
        found = sum(1 for line in text.split(b"\n") if line.strip())
        if self._buffer.at_end:
            self._cut_short(f"found {found} of {n} rows", first + found)
        self._fail(
            f"the frame has fewer rows than announced: found {found} of {n}",
            first + found,
            SKIP_HINT,
        )

    def _bad_row(
        self,
        status: int,
        row: int,
        column: int,
        header: Header,
        text: bytes,
        first: int,
        unended: bool,
    ) -> NoReturn:
        lines = text.split(b"\n", row + 1)
        line = lines[row] if row < len(lines) else b""
        after = lines[row + 1] if row + 1 < len(lines) else b""
        n, names = header.n_atoms, header.names
        if status == parsing.NO_ROW or (not line.strip() and not after.strip()):
            self._wrong_number(n, text, first)
        if unended and not after.strip():
            self._cut_short(f"row {row + 1} of {n} is {text_of(line)[:60]!r}", first + row)
        hint = f"the columns are {' '.join(names)[:120]}"
        if status in (parsing.TOO_FEW, parsing.TOO_MANY):
            count = len(line.split())
            self._fail(
                f"row {row + 1} of {n} has {count} fields, expected {len(names)}: "
                f"{text_of(line)[:60]!r}",
                first + row,
                hint,
            )
        fields = line.split()
        field_text = text_of(fields[column])[:40] if column < len(fields) else text_of(line)[:40]
        what = {
            parsing.NOT_A_NUMBER: "is not a number",
            parsing.NOT_AN_INTEGER: "is not a whole number",
            parsing.NOT_FINITE: "is not finite",
        }[status]
        self._fail(f"{names[column]} of row {row + 1} {what}: {field_text!r}", first + row, hint)


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a frame: all columns, and (M, 3) numbers of the coordinate columns."""

    columns: TextColumns
    floats: NDArray[np.float64]
