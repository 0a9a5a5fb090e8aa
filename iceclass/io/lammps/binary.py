"""LAMMPS binary dumps (styles ``atom`` and ``custom`` to a file ending in ``.bin``).

A snapshot is a header and, for every processor that wrote, a count of doubles and these doubles,
row by row. They are read into one array as fast as the disk gives them; columns are views of it.

Taken: files with the names of their columns (revision 2, LAMMPS since 2020), and those without
(before) of style ``atom``; both byte orders; orthogonal, triclinic and general triclinic boxes;
units and time; 8-byte and 4-byte counts of atoms (``-DLAMMPS_SMALLSMALL``); compressed files.
Not taken: one file a processor (``%``), style ``custom`` without the names of its columns.

What LAMMPS writes for the text columns ``element`` and ``typelabel`` is the number of the type.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import CutShortError, InputError
from iceclass.io.lammps.binary_columns import BinaryColumns
from iceclass.io.lammps.box import Box
from iceclass.io.lammps.header import Header
from iceclass.io.lammps.kinds import KindReader
from iceclass.io.lammps.snapshot import Table, coordinates_in, raw_frame
from iceclass.io.pieces import Piece, check_whole
from iceclass.io.text.blocks import unique_names
from iceclass.io.text.cursor import SKIP_HINT
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import RawFrame
from iceclass.kernels.memory import too_much

ATOM_COLUMNS = {5: "id type xs ys zs", 8: "id type xs ys zs ix iy iz"}
"""Columns of style ``atom`` where the file does not name them, by their number."""
_WHOLE = frozenset(["id", "mol", "proc", "procp1", "type", "ix", "iy", "iz"])
_FLAGS = "pfsm"
_FORMS: dict[int, tuple[str, ...]] = {0: (), 1: ("xy", "xz", "yz"), 2: ("abc", "origin")}
_SCALED = 2.5  # largest distance of scaled positions from the centre, for atoms beyond the box
_FIRST = 92  # bytes that any header has
_LONGEST_NAME = 64  # of the magic string: LAMMPS writes DUMPATOM, DUMPCUSTOM
_LONGEST_TEXT = 1 << 16  # of the names of the columns


def looks_binary(head: bytes) -> bool:
    """Whether a file with these first bytes (80 or more) is a binary dump."""
    return _layout(head) is not None


@dataclass(frozen=True)
class _Layout:
    """Byte order (``<`` or ``>``), code of a count of atoms (``q`` or ``i``), magic string."""

    order: str
    big: str
    magic: str

    def numbers(self, code: str) -> struct.Struct:
        return struct.Struct(self.order + code.replace("B", self.big))


def _layout(head: bytes) -> _Layout | None:
    """How a snapshot that begins with these bytes is written."""
    for order in "<>":
        for big in "qi":
            layout = _Layout(order, big, "")
            first = layout.numbers("B")
            if len(head) < first.size:
                continue
            (step,) = first.unpack_from(head)
            magic = head[first.size : first.size - step] if -_LONGEST_NAME <= step < 0 else b""
            if magic.startswith(b"DUMP") and magic.isalnum():
                return _Layout(order, big, magic.decode("ascii"))
            whole = layout.numbers("BBi6i6d")
            if step < 0 or len(head) < whole.size:
                continue
            _, n_atoms, triclinic, *rest = whole.unpack_from(head)
            flags, bounds = rest[:6], rest[6:]
            if (
                n_atoms >= 0
                and triclinic in (0, 1)
                and all(0 <= flag < len(_FLAGS) for flag in flags)
                and all(-1e9 < bounds[k] < bounds[k + 1] < 1e9 for k in (0, 2, 4))
                and all(abs(b) > 1e-30 or b == 0.0 for b in bounds)
            ):
                return layout
    return None


@dataclass(frozen=True)
class _Parts:
    """How the rows of a snapshot are stored: in how many parts, in which byte order.

    ``guessed``: the names of the columns are those of style ``atom``, which the file does not
    tell.
    """

    number: int
    order: str
    guessed: bool


class BinaryDump:
    """The snapshots of a binary dump.

    Parameters
    ----------
    source
        The file.
    """

    def __init__(self, source: ByteSource) -> None:
        self.path: Path = source.path
        self._source = source
        self._frame = 0
        self._kinds = KindReader()
        self._units = ""
        self._ahead = b""  # of the header, read already

    def pieces(self) -> Iterator[Piece]:
        """The snapshots in their order; those not loaded are jumped over.

        Raises
        ------
        InputError
            The file ends within a snapshot, or what should be a header is none.
        """
        while (found := self._header()) is not None:
            piece = Piece(None, partial(self._load, *found))
            yield piece
            if not piece.loaded:
                self._pass(*found)
            self._frame += 1
        check_whole(self._source, self._frame)

    def _load(self, header: Header, parts: _Parts) -> RawFrame:
        data = self._rows(header, parts)
        triple = coordinates_in(header.names)
        names = header.names
        floats = data[:, [names.index(name) for name in triple]].astype(np.float64, copy=False)
        if not np.isfinite(floats).all():
            row = int(np.argwhere(~np.isfinite(floats))[0, 0])
            self._fail(f"the position of row {row + 1} of {len(data)} is not finite")
        if parts.guessed and len(floats) and np.abs(floats - 0.5).max() > _SCALED:
            names = tuple(name.removesuffix("s") if name in triple else name for name in names)
            triple = ("x", "y", "z")
        columns = BinaryColumns(names, data)
        for name in ("id", "type"):
            if name in names and columns[name].dtype.kind != "i":
                column = columns[name]
                with np.errstate(invalid="ignore"):
                    wrong = ~((column == np.rint(column)) & (np.abs(column) <= 2.0**53))
                row = int(np.argmax(wrong))
                self._fail(
                    f"{name} of row {row + 1} of {len(data)} is not a whole number: {column[row]:g}"
                )
        return raw_frame(header, Table(columns, triple, floats), self._kinds)

    # -- header -------------------------------------------------------------------------------

    def _header(self) -> tuple[Header, _Parts] | None:
        """The next header; ``None`` at the end of the file."""
        begin = self._source.offset
        head = self._source.read(_FIRST)
        if not head:
            return None
        layout = _layout(head)
        if layout is None:
            if len(head) < _FIRST:
                self._cut_short(f"its header has {len(head)} bytes")
            self._fail(
                f"no frame begins at byte {begin}: found {head[:16]!r}",
                "expected the timestep or the magic string of a LAMMPS binary dump",
            )
        self._ahead = head
        return self._read(layout)

    def _read(self, layout: _Layout) -> tuple[Header, _Parts]:
        def take(code: str) -> tuple[Any, ...]:
            numbers = layout.numbers(code)
            return numbers.unpack(self._take(numbers.size))

        revision = 0
        if layout.magic:
            take("B")
            self._take(len(layout.magic))
            endian, revision = take("ii")
            if endian != 1 or revision not in (1, 2):
                self._fail(f"revision {revision} of {layout.magic} is not known")
        timestep, n_atoms, form = take("BBi")
        if n_atoms < 0 or form not in _FORMS:
            self._fail(f"announces {n_atoms} atoms in a box of kind {form}: no header")
        header = Header(timestep, n_atoms)
        self._box(header, form, take("6i"), take(f"{6 + 3 * form}d"))
        (n_columns,) = take("i")
        names = ATOM_COLUMNS.get(n_columns, "") if layout.magic in ("", "DUMPATOM") else ""
        if revision > 1:
            self._units = self._text(take("i")[0]) or self._units  # told by the first frame only
            if take("b")[0]:
                header.kept["time"] = f"{take('d')[0]:.16g}"
            names = self._text(take("i")[0])
        if self._units:
            header.kept["units"] = self._units
        (n_parts,) = take("i")
        if n_columns < 1 or n_parts < 0:
            self._fail(f"has {n_columns} columns from {n_parts} processors: no header")
        if problem := too_much(8 * n_atoms * n_columns):
            self._fail(f"announces {n_atoms} atoms: {problem}", SKIP_HINT)
        header.names = self._names(names, n_columns)
        return header, _Parts(n_parts, layout.order, revision < 2)

    def _take(self, size: int) -> bytes:
        """The next bytes of the header."""
        data = self._ahead[:size]
        self._ahead = self._ahead[size:]
        if len(data) < size:
            data += self._source.read(size - len(data))
        if len(data) < size:
            self._cut_short("the data end within its header")
        return data

    def _text(self, size: int) -> str:
        if not 0 <= size <= _LONGEST_TEXT:
            self._fail(f"a text of {size} bytes in the header: no header")
        return self._take(size).decode("utf-8", "replace").rstrip("\0").strip()

    def _box(
        self, header: Header, form: int, flags: tuple[int, ...], values: tuple[float, ...]
    ) -> None:
        """The box, and its text in a text dump, which is kept for writers."""
        if not all(0 <= flag < len(_FLAGS) for flag in flags):
            self._fail(f"boundary flags are {flags}, expected 0 to 3: no header")
        letters = "".join(_FLAGS[flag] for flag in flags)
        boundary = [letters[k : k + 2] for k in (0, 2, 4)]
        if form == 2:  # three vectors and the origin
            rows = np.column_stack([np.reshape(values[:9], (3, 3)), values[9:]])
        else:
            rows = np.reshape(values[:6], (3, 2))
            if form == 1:
                rows = np.column_stack([rows, values[6:]])
        words = [*_FORMS[form], *boundary]
        lines = [" ".join(f"{value:.16e}" for value in row) for row in rows.tolist()]
        try:
            header.box = Box.parse(words, lines)
        except InputError as error:
            self._fail(error.message, error.hint)
        header.kept["boundary"] = " ".join(boundary)
        header.kept["box"] = "\n".join(["ITEM: BOX BOUNDS " + " ".join(words), *lines])

    def _names(self, text: str, n_columns: int) -> tuple[str, ...]:
        names = text.split()
        if not names:
            self._fail(
                f"the file does not tell what its {n_columns} columns are",
                "written by a LAMMPS from before 2020; convert it with that version's binary2txt",
            )
        if len(names) != n_columns:
            self._fail(f"has {n_columns} columns, but {len(names)} names: {text[:200]}")
        numbers = {"element", "typelabel"} if "type" in names else {"typelabel"}
        if "type" not in names and "typelabel" not in names:
            names = ["type" if name == "element" else name for name in names]
        elif "type" not in names:
            names = ["type" if name == "typelabel" else name for name in names]
            numbers = {"element"}
        return unique_names([f"i_{name}" if name in numbers else name for name in names])

    # -- rows ---------------------------------------------------------------------------------

    def _chunk(self, header: Header, parts: _Parts, rows_left: int) -> int:
        """The number of rows in the next processor's part."""
        code = struct.Struct(parts.order + "i")
        data = self._source.read(code.size)
        if len(data) < code.size:
            done = header.n_atoms - rows_left
            self._cut_short(f"found {done} of {header.n_atoms} rows")
        (n,) = code.unpack(data)
        if n < 0 or n % len(header.names) or n // len(header.names) > rows_left:
            self._fail(
                f"a processor's part of {n} numbers does not fit {rows_left} rows of "
                f"{len(header.names)}",
                "the file is damaged",
            )
        return int(n // len(header.names))

    def _rows(self, header: Header, parts: _Parts) -> NDArray[np.float64]:
        """(M, columns) numbers as stored."""
        data = np.empty((header.n_atoms, len(header.names)), np.dtype(f"{parts.order}f8"))
        view = data.reshape(-1).view(np.uint8).data
        width, done = 8 * len(header.names), 0
        for _ in range(parts.number):
            stop = done + self._chunk(header, parts, header.n_atoms - done)
            at = done * width
            while at < stop * width:
                n = self._source.readinto(view[at : stop * width])
                if n == 0:
                    self._cut_short(f"found {at // width} of {header.n_atoms} rows")
                at += n
            done = stop
        self._complete(header, done)
        return data

    def _pass(self, header: Header, parts: _Parts) -> None:
        """Go past the rows of a snapshot."""
        done = 0
        for _ in range(parts.number):
            n = self._chunk(header, parts, header.n_atoms - done)
            target = self._source.offset + 8 * n * len(header.names)
            if self._source.compression is None and target > self._source.stamp[0]:
                self._cut_short(f"found less than {done + n} of {header.n_atoms} rows")
            self._source.seek(target)
            if self._source.offset < target:
                self._cut_short(f"found less than {done + n} of {header.n_atoms} rows")
            done += n
        self._complete(header, done)

    def _complete(self, header: Header, rows: int) -> None:
        if rows != header.n_atoms:
            self._fail(
                f"the frame has fewer rows than announced: found {rows} of {header.n_atoms}",
                "a dump with one file a processor (% in its name) is to be joined first",
            )

    # -- errors -------------------------------------------------------------------------------

    def _fail(self, message: str, hint: str | None = None) -> NoReturn:
        raise InputError(message, path=self.path, frame=self._frame, hint=hint)

    def _cut_short(self, what: str) -> NoReturn:
        damage = self._source.damage
        why = f" ({self._source.compression} data: {damage})" if damage else ""
        raise CutShortError(
            f"the last frame is cut short{why}: {what}",
            path=self.path,
            frame=self._frame,
            hint=SKIP_HINT,
        )
