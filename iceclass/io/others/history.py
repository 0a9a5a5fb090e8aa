"""DL_POLY's HISTORY files, as text.

After two lines for the file (title; level, boundary, number of atoms …) every frame has a line
``timestep``, the three cell vectors, and for every atom a line with its name, number, mass and
charge, one with its position, and one each with its velocity and force where the level says so.
Lengths are in Å, times in ps; the cell is centred at the origin. Not taken: cells that are no
parallelepipeds (boundaries 4 and 5). https://dl-poly.readthedocs.io
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.io.others.names import named_kinds
from iceclass.io.pieces import Piece, check_whole
from iceclass.io.text import parsing
from iceclass.io.text.blocks import text_of
from iceclass.io.text.columns import TextColumns
from iceclass.io.text.cursor import FrameCursor
from iceclass.io.water.assembly import RawFrame
from iceclass.kernels.memory import too_much

_PERIODIC = {
    0: (False,) * 3,
    1: (True,) * 3,
    2: (True,) * 3,
    3: (True,) * 3,
    6: (True, True, False),
}
"""Kind of boundary → along which cell vectors it is periodic."""
_ATOM = ("name", "id", "mass", "q", "displacement")
_LEVELS = (("x", "y", "z"), ("vx", "vy", "vz"), ("fx", "fy", "fz"))


def looks_history(head: bytes) -> bool:
    """Whether a file that begins so is a HISTORY file."""
    lines = head.split(b"\n", 3)
    return len(lines) > 2 and re.match(rb"timestep\s+\d+\s+\d+\s+[012]\s+\d", lines[2]) is not None


class HistoryFile(FrameCursor):
    """The frames of a HISTORY file."""

    def pieces(self) -> Iterator[Piece]:
        """The frames in their order.

        Raises
        ------
        InputError
            The file ends within a frame, or what should be its first lines are none.
        """
        buffer = self.buffer
        for _ in range(2):
            buffer.next()
        while True:
            buffer.skip_blank()
            line = buffer.next()
            if line is None:
                break
            words = text_of(line).split()
            try:
                if words[0] != "timestep":
                    raise ValueError
                step, n, level, boundary = map(int, words[1:5])
                time = float(words[6]) if len(words) > 6 else None
            except (ValueError, IndexError):
                self.fail(
                    f"found {text_of(line)[:80]!r}, expected timestep, its number, the number of "
                    "atoms, the level and the kind of boundary",
                    buffer.line,
                )
            if n < 0 or level not in (0, 1, 2) or boundary not in _PERIODIC:
                self.fail(
                    f"{n} atoms at level {level} with boundary {boundary} are not taken",
                    buffer.line,
                )
            if problem := too_much(n * 60):
                self.fail(f"announces {n} atoms: {problem}", buffer.line)
            begin = buffer.line
            piece = Piece(begin, partial(self._load, step, n, level, boundary, time))
            yield piece
            if not piece.loaded:
                buffer.skip_rows((3 if boundary else 0) + n * (2 + level))
            self.frame += 1
        check_whole(self.source, self.frame, buffer.line + 1)

    def _load(self, step: int, n: int, level: int, boundary: int, time: float | None) -> RawFrame:
        cell = np.array([self._vector() for _ in range(3)] if boundary else np.zeros((3, 3)))
        columns = self._columns(n, 2 + level)
        positions = np.stack([columns[axis] for axis in "xyz"], axis=1).astype(np.float64)
        return RawFrame(
            positions=positions,
            cell=cell,
            pbc=np.array(_PERIODIC[boundary]),
            origin=-0.5 * cell.sum(axis=0),
            columns=columns,
            kinds=lambda _: named_kinds(columns),
            timestep=step,
            time=time if time is not None and np.isfinite(time) else None,
        )

    def _vector(self) -> list[float]:
        line = self.buffer.next()
        if line is None:
            self.cut_short("the data end within its cell", self.buffer.line)
        try:
            vector = [float(word) for word in line.split()]
        except ValueError:
            vector = []
        if len(vector) != 3 or not np.isfinite(vector).all():
            self.fail(f"found {text_of(line)[:80]!r}, expected a cell vector", self.buffer.line)
        return vector

    def _columns(self, n: int, lines: int) -> TextColumns:
        """The atoms: the lines of each are made one row."""
        begin = self.buffer.line
        block = self.buffer.take_lines(n * lines)
        found = block.count(b"\n")
        if found < n * lines:
            self.cut_short(f"found {found} of {n * lines} lines of {n} atoms", self.buffer.line)
        self.buffer.line += found
        text = np.frombuffer(block, np.uint8).copy()
        ends = np.flatnonzero(text == 10)
        text[np.delete(ends, np.s_[lines - 1 :: lines])] = 32
        rows = text.tobytes()
        per_atom = len(rows[: rows.find(b"\n")].split()) - 3 * (lines - 1)
        if n and not 1 <= per_atom <= len(_ATOM):
            self.fail(f"an atom's first line has {per_atom} fields, expected 1 to 5", begin + 1)
        names = (*_ATOM[:per_atom], *(name for axes in _LEVELS[: lines - 1] for name in axes))
        actions = np.full(len(names), parsing.SKIP, np.int8)
        actions[per_atom : per_atom + 3] = parsing.FINITE
        slots = np.zeros(len(names), np.int64)
        slots[per_atom : per_atom + 3] = np.arange(3)
        floats = np.empty((n, 3))
        status, row, _, _ = parsing.parse_rows(
            text, n, actions, slots, np.empty((0, n), np.int64), floats
        )
        if status != parsing.OK:
            line = begin + 1 + row * lines
            shown = text_of(rows.split(b"\n", row + 1)[row])[:120]
            self.fail(
                f"the {lines} lines of atom {row + 1} of {n} are {shown!r}, expected "
                f"{' '.join(names)}",
                line,
            )
        known: dict[str, NDArray[Any]] = {axis: floats[:, k] for k, axis in enumerate("xyz")}
        return TextColumns(names, rows, n, known)
