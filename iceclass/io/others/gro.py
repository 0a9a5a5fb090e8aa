"""GROMACS structure files and trajectories (gro), with any number of decimals.

A frame is a title, the number of atoms, a row an atom and the box. Fields stand in fixed columns;
those of the positions are as wide as the decimals that were asked for, plus five, which shows in
the distance between two decimal points (https://manual.gromacs.org/current/reference-manual/
file-formats.html#gro). Lengths are in nm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.others.names import named_kinds
from iceclass.io.pieces import Piece, check_whole
from iceclass.io.text.blocks import text_of
from iceclass.io.text.cursor import FrameCursor
from iceclass.io.text.fixed import as_matrix, fixed_numbers, fixed_texts
from iceclass.io.water.assembly import RawFrame
from iceclass.kernels.memory import too_much

NAMES = 20  # columns before the positions: residue, its name, atom name, atom number, 5 each
_ROW_BYTES = 60  # that a row takes, at least, while it is read
_LONGEST = 4096
_TIME = re.compile(r"\bt=\s*([-+.\deE]+)")
_STEP = re.compile(r"\bstep=\s*(-?\d{1,18})\b")


class GroFile(FrameCursor):
    """The frames of a gro file."""

    def pieces(self) -> Iterator[Piece]:
        """The frames in their order.

        Raises
        ------
        InputError
            The file ends within a frame, or does not tell how many atoms there are.
        """
        buffer = self.buffer
        while (found := self._title()) is not None:
            line = buffer.line
            piece = Piece(line, partial(self._load, *found, line))
            yield piece
            if not piece.loaded:
                buffer.skip_rows(found[1] + 1)
            self.frame += 1
        check_whole(self.source, self.frame, buffer.line + 1)

    def _title(self) -> tuple[str, int] | None:
        """Title and number of atoms; ``None`` at the end, before which there may be any text."""
        buffer = self.buffer
        buffer.skip_blank()
        title = buffer.next()
        line = buffer.next()
        begin = buffer.line
        if self.frame:
            while line is not None and not line.strip().isdigit():
                title, line = line, buffer.next()
        if title is None or (line is None and self.frame):
            return None
        words = [] if line is None else line.split()
        if len(words) != 1 or not words[0].isdigit():
            what = "the data end" if line is None else f"found {text_of(line)[:60]!r}"
            self.fail(f"{what}, expected the number of atoms in the second line", begin)
        n = int(words[0][:19])
        if problem := too_much(n * _ROW_BYTES):
            self.fail(f"announces {n} atoms: {problem}", buffer.line)
        return text_of(title), n

    def _load(self, title: str, n: int, line: int) -> RawFrame:
        buffer = self.buffer
        rows = as_matrix(self._rows(n, line), n)
        box = buffer.next()
        if box is None:
            self.cut_short(f"the box behind the {n} rows is missing", line + n + 1)
        buffer.line = line + n + 1
        cell = self._cell(text_of(box))
        width = self._width(rows, line)
        fields = [(NAMES + k * width, NAMES + (k + 1) * width) for k in range(6)]
        moving = rows.shape[1] >= fields[-1][1] and bool((rows[:, fields[3][0] :] > 32).any())
        names = ("x", "y", "z", "vx", "vy", "vz")[: 6 if moving else 3]
        try:
            numbers = 10.0 * fixed_numbers(rows, fields[: len(names)], names)
        except InputError as error:
            self.fail(error.message, line + 1 + (error.line or 0))
        atom_names, residues = fixed_texts(rows, (10, 15)), fixed_texts(rows, (5, 10))
        columns: dict[str, NDArray[Any]] = {
            "id": np.arange(1, n + 1),
            "mol": residue_numbers(fixed_texts(rows, (0, 5)), residues),
            "resname": residues,
            "name": atom_names,
        }
        columns |= {name: numbers[:, k] for k, name in enumerate(names)}
        step, time = _STEP.search(title), _TIME.search(title)
        return RawFrame(
            positions=np.ascontiguousarray(numbers[:, :3]),
            cell=cell,
            pbc=np.any(cell != 0.0, axis=1),
            origin=np.zeros(3),
            columns=columns,
            kinds=lambda _: named_kinds(columns),
            timestep=int(step[1]) if step else 0,
            time=_number(time[1]) if time else None,
        )

    def _rows(self, n: int, line: int) -> bytes:
        """The lines of the atoms."""
        block = self.buffer.take_lines(n)
        found = block.count(b"\n")
        if found < n:
            self.cut_short(f"found {found} of {n} rows", line + found)
        if len(block) > _LONGEST * (n + 1):
            self.fail(f"{n} rows have {len(block)} characters: none is that long", line)
        return block.replace(b"\r", b" ")

    def _width(self, rows: NDArray[np.uint8], line: int) -> int:
        """Columns of a position."""
        if len(rows) == 0:
            return 8
        points = np.flatnonzero(rows[0, NAMES:] == ord("."))
        width = int(points[1] - points[0]) if len(points) >= 2 else 0
        if not 6 <= width <= 40 or rows.shape[1] < NAMES + 3 * width:
            text = bytes(rows[0]).decode("utf-8", "replace").rstrip()
            self.fail(
                f"row 1 of {len(rows)} is {text[:80]!r}, expected three positions from column "
                f"{NAMES + 1} on",
                line + 1,
                "positions are as wide as their decimals and five",
            )
        return width

    def _cell(self, text: str) -> NDArray[np.float64]:
        """The box: three lengths, or nine components of the vectors; text may follow."""
        numbers: list[float] = []
        for word in text.split()[:9]:
            value = _number(word)
            if value is None:
                break
            numbers.append(10.0 * value)
        if len(numbers) < 3 or (3 < len(numbers) < 9):
            self.fail(
                f"the box is {text.strip()[:80]!r}, expected 3 or 9 numbers",
                self.buffer.line,
                "has the frame more rows than it announces?",
            )
        cell = np.diag(numbers[:3])
        if len(numbers) == 9:  # v1(x) v2(y) v3(z) v1(y) v1(z) v2(x) v2(z) v3(x) v3(y)
            cell[[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]] = numbers[3:]
        return cell


def residue_numbers(numbers: NDArray[np.str_], names: NDArray[np.str_]) -> NDArray[np.int64]:
    """(M,) one number for each residue, where those of the file begin anew after 99999."""
    change = (numbers[1:] != numbers[:-1]) | (names[1:] != names[:-1])
    count = np.concatenate([[1], 1 + np.cumsum(change)]) if len(numbers) else np.zeros(0)
    return count.astype(np.int64)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
