"""The rows of a frame in a LAMMPS text dump."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.lammps.header import Header
from iceclass.io.lammps.kinds import KindReader
from iceclass.io.lammps.snapshot import Table, coordinates_in
from iceclass.io.text import parsing
from iceclass.io.text.blocks import Text, after_lines, as_array, looks_cut, text_of
from iceclass.io.text.columns import TextColumns
from iceclass.io.text.cursor import SKIP_HINT, FrameCursor
from iceclass.kernels.memory import too_much


class RowReader:
    """Reads rows.

    Attributes
    ----------
    begun
        Whether the rows of the present frame have been gone into.
    lost
        Whether they were not as many as announced.
    """

    def __init__(self, cursor: FrameCursor, kinds: KindReader) -> None:
        self._cursor, self._buffer, self._kinds = cursor, cursor.buffer, kinds
        self.begun = self.lost = False

    def read(self, header: Header) -> Table:
        """The rows that follow a header.

        Raises
        ------
        InputError
            Columns without positions, fewer or more rows than announced, or one that is damaged.
        """
        self._room_for(header)
        coordinates = self._coordinates(header.names)
        self.begun = True
        block = self._buffer.until_item(header.n_atoms)
        try:
            return self._rows(header, coordinates, block)
        except InputError:
            self.lost = not _has_rows(block, header.n_atoms)
            raise

    def parse(self, header: Header, take: Callable[[int], bytes]) -> Table:
        """The rows, where ``take`` gives the text of that many lines, not counted yet.

        Raises
        ------
        InputError
            As :meth:`read`.
        """
        self._room_for(header)
        return self._rows(header, self._coordinates(header.names), take(header.n_atoms))

    def _room_for(self, header: Header) -> None:
        """Whether the frame can be held in memory, before anything of that size is asked for."""
        needed = header.n_atoms * (2 * len(header.names) + 40)  # the text at least, and numbers
        if problem := too_much(needed):
            self._cursor.fail(
                f"announces {header.n_atoms} atoms: {problem}", header.n_atoms_line, SKIP_HINT
            )

    def _coordinates(self, names: tuple[str, ...]) -> tuple[str, str, str]:
        try:
            return coordinates_in(names)
        except InputError as error:
            self._cursor.fail(error.message, self._buffer.line, error.hint)

    def _rows(self, header: Header, triple: tuple[str, str, str], block: Text) -> Table:
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
        buffer = as_array(text)
        status, row, column, end = parsing.parse_rows(buffer, n, actions, slots, ints, floats)
        if status != parsing.OK:
            self._buffer.line += block.count(b"\n")
            self._bad_row(status, row, column, header, text, first, unended)
        self._buffer.line += n + text.count(b"\n", end)
        rest = text[end:].strip()
        if rest:
            line = first + n + text[end : text.index(rest, end)].count(b"\n")
            if not (self._buffer.at_end and b"ITEM:".startswith(rest)):
                extra = text_of(rest.partition(b"\n")[0])[:60]
                self._cursor.fail(
                    f"the frame has more rows than the {n} announced: {extra!r}",
                    line,
                    "expected ITEM: TIMESTEP or the end of the file",
                )
            self._buffer.line = line - 1
            self._buffer.give_back(block[text.index(rest, end) :])
        if unended and not rest and looks_cut(text[:end]):
            self._cursor.cut_short(
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
        return Table(TextColumns(names, rows, n, known), triple, floats)

    def _wrong_number(self, n: int, text: Text, first: int) -> NoReturn:
        found = sum(1 for _ in re.finditer(rb"^.*\S.*$", text, re.MULTILINE))
        if self._buffer.at_end:
            self._cursor.cut_short(f"found {found} of {n} rows", first + found)
        self._cursor.fail(
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
        text: Text,
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
            self._cursor.cut_short(f"row {row + 1} of {n} is {text_of(line)[:60]!r}", first + row)
        hint = f"the columns are {' '.join(names)[:120]}"
        if status in (parsing.TOO_FEW, parsing.TOO_MANY):
            count = len(line.split())
            self._cursor.fail(
                f"row {row + 1} of {n} has {count} fields, expected {len(names)}: "
                f"{text_of(line)[:60]!r}",
                first + row,
                hint,
            )
        fields = re.findall(rb"[\0-\x08\x0b\x0c\x0e-\x1f]|[^\0-\x20]+", line)  # as the parser
        field_text = text_of(fields[column])[:40] if column < len(fields) else text_of(line)[:40]
        what = {
            parsing.NOT_A_NUMBER: "is not a number",
            parsing.NOT_AN_INTEGER: "is not a whole number",
            parsing.NOT_FINITE: "is not finite",
        }[status]
        self._cursor.fail(
            f"{names[column]} of row {row + 1} {what}: {field_text!r}", first + row, hint
        )


def _has_rows(block: Text, n: int) -> bool:
    """Whether a block has ``n`` whole lines and beyond them nothing but blanks."""
    after = after_lines(as_array(block), n)
    return after >= 0 and not block[after:].strip()
