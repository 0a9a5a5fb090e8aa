"""Protein data bank files (pdb): fixed columns, one or many models.

Taken: ``ATOM`` and ``HETATM`` records with names of any kind, elements where columns 77 and 78
tell them, ``CRYST1`` (also once for each model), models between ``MODEL`` and ``ENDMDL`` or parted
by ``END``. All other records are passed over. https://www.wwpdb.org/documentation/file-format
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.options import cell_vectors
from iceclass.io.others.gro import residue_numbers
from iceclass.io.others.names import named_kinds
from iceclass.io.pieces import Piece, check_whole
from iceclass.io.text.blocks import text_of
from iceclass.io.text.cursor import FrameCursor
from iceclass.io.text.fixed import as_matrix, fixed_numbers, fixed_texts
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import RawFrame

_ATOM = (b"ATOM", b"HETATM")
_ENDS = (b"ENDMDL", b"END")
_POSITIONS = ((30, 38), (38, 46), (46, 54))
_ELEMENT = (76, 78)
_LONGEST = 1 << 12
_STEP = re.compile(r"\bstep=\s*(-?\d{1,18})\b")
_TIME = re.compile(r"\bt=\s*(-?\d+(?:\.\d*)?)")


def looks_pdb(head: bytes) -> bool:
    """Whether a file that begins so is a pdb file."""
    return re.search(rb"^(ATOM  |HETATM).{24}[ \d.-]{24}", head, re.MULTILINE) is not None


class PdbFile(FrameCursor):
    """The models of a pdb file."""

    def __init__(self, source: ByteSource) -> None:
        super().__init__(source)
        self._cell = np.zeros((3, 3))
        self._title = ""

    def pieces(self) -> Iterator[Piece]:
        """The models in their order.

        Raises
        ------
        InputError
            A record that is longer than any is, or a box that is none.
        """
        while (lines := self._model()) is not None:
            yield Piece(lines[0][0], partial(self._load, lines, self._cell, self._title))
            self.frame += 1
        check_whole(self.source, self.frame, self.buffer.line + 1)

    def _model(self) -> list[tuple[int, bytes]] | None:
        """Numbers and text of the next model's records; ``None`` at the end of the file."""
        buffer = self.buffer
        lines: list[tuple[int, bytes]] = []
        opened = False
        while (line := buffer.next()) is not None:
            if len(line) > _LONGEST:
                self.fail(f"the line has {len(line)} characters, expected 80", buffer.line)
            record = line[:6].rstrip()
            if record in _ATOM:
                lines.append((buffer.line, line))
            elif record == b"CRYST1":
                self._cell = self._box(text_of(line))
            elif record in (b"TITLE", b"REMARK") and b"t=" in line:
                self._title = text_of(line)
            elif record == b"MODEL":
                opened = True
            elif record in _ENDS and lines:
                return lines
        if opened and lines:
            self.cut_short(f"no ENDMDL after {len(lines)} atoms", buffer.line)
        return lines or None

    def _box(self, text: str) -> NDArray[np.float64]:
        spans = ((6, 15), (15, 24), (24, 33), (33, 40), (40, 47), (47, 54))
        try:
            numbers = [float(text[start:stop]) for start, stop in spans]
        except ValueError:
            numbers = [float("nan")]
        if not np.isfinite(numbers).all():
            self.fail(
                f"the box is {text[:54]!r}, expected three lengths and three angles",
                self.buffer.line,
            )
        if max(numbers[:3]) <= 1.0:  # 1 1 1: a box for want of one
            return np.zeros((3, 3))
        if max(numbers[3:]) < 180.0:
            with suppress(InputError):
                return np.array(cell_vectors(numbers))
        self.fail(f"the box {numbers} has no volume", self.buffer.line)

    def _load(
        self, lines: list[tuple[int, bytes]], cell: NDArray[np.float64], title: str
    ) -> RawFrame:
        n = len(lines)
        rows = as_matrix(b"".join(line + b"\n" for _, line in lines), n)
        try:
            positions = fixed_numbers(rows, _POSITIONS, "xyz")
        except InputError as error:
            self.fail(error.message, lines[error.line or 0][0])
        residues = fixed_texts(rows, (17, 21))
        columns: dict[str, NDArray[Any]] = {
            "id": np.arange(1, n + 1),
            "mol": residue_numbers(fixed_texts(rows, (21, 27)), residues),
            "resname": residues,
            "name": fixed_texts(rows, (12, 16)),
        }
        elements = np.char.capitalize(fixed_texts(rows, _ELEMENT))
        if np.char.isalpha(elements).all() and not (elements == "X").any():
            columns["element"] = elements
        columns |= {axis: positions[:, k] for k, axis in enumerate("xyz")}
        step, time = _STEP.search(title), _TIME.search(title)
        return RawFrame(
            positions=positions,
            cell=cell,
            pbc=np.any(cell != 0.0, axis=1),
            origin=np.zeros(3),
            columns=columns,
            kinds=lambda _: named_kinds(columns),
            timestep=int(step[1]) if step else 0,
            time=float(time[1]) if time else None,
        )
