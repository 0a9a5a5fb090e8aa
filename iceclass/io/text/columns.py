"""The columns of a text table, converted from its rows when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.text import fields
from iceclass.io.text.blocks import Text, as_array

_MUCH = 1 << 26  # bytes that a column of texts may always have
_MANY = 1 << 20  # rows
# names of positions in a dump, in the order in which they are preferred
COORDINATES = (("x", "y", "z"), ("xs", "ys", "zs"), ("xu", "yu", "zu"), ("xsu", "ysu", "zsu"))


class TextColumns(Mapping[str, NDArray[Any]]):
    """Name → (M,) array of a block of text rows, every array read-only.

    Columns hold int64 where every field is an integer, else float64 where every field is a
    number (NaN and infinities among them), else strings.

    Parameters
    ----------
    names
        Column names in file order.
    rows
        The text, M complete rows that :func:`iceclass.io.text.parsing.parse_rows` has accepted.
    n_rows
        M.
    known
        Columns that have been converted already.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        rows: Text,
        n_rows: int,
        known: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.names, self.rows, self.n_rows = names, rows, n_rows
        self._known = dict(known or {})
        self._types = {name: column.dtype for name, column in self._known.items()}
        for column in self._known.values():
            column.setflags(write=False)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._known:
            if name not in self.names:
                raise KeyError(name)
            column = self._convert(self.names.index(name))
            column = column.astype(self._types.get(name, column.dtype), copy=False)
            column.setflags(write=False)
            self._known[name] = column
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __repr__(self) -> str:
        return f"TextColumns({self.n_rows} rows: {' '.join(self.names)})"

    def field(self, row: int, column: int) -> str:
        """The text of one field."""
        line = self.rows.split(b"\n", row + 1)[row]
        return line.split()[column].decode("utf-8", "replace")

    def name_keys(self, column: int) -> NDArray[np.int64]:
        """(M,) a key for each field of a column, the same where the texts are the same."""
        text = as_array(self.rows)
        starts, _ = fields.field_spans(text, self.n_rows, column)
        return fields.name_keys(text, starts)

    def forget_much(self) -> None:
        """Have many rows as text alone, from which columns are converted anew if asked for."""
        if self.n_rows >= _MANY:
            self._known.clear()

    def _convert(self, column: int) -> NDArray[Any]:
        text = as_array(self.rows)
        starts, lengths = fields.field_spans(text, self.n_rows, column)
        integers, fine = fields.integer_fields(text, starts, lengths)
        if fine:
            return integers
        numbers, fine = fields.number_fields(text, starts, lengths)
        if fine:
            return numbers
        width = int(lengths.max(initial=1))
        if 4 * width * self.n_rows > _MUCH + 20 * len(self.rows):
            raise InputError(
                f"column {self.names[column][:80]} has a field of {width} characters",
                hint="leave out the column",
            )
        raw = np.zeros((self.n_rows, width), np.uint8)
        fields.copy_fields(text, starts, lengths, raw)
        names = raw.view(f"S{width}").ravel()
        if raw.max(initial=0) < 128:
            return names.astype(f"U{width}")
        return np.char.decode(names, "utf-8", "replace")
