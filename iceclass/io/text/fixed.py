"""Rows whose fields stand in fixed columns, without blanks between them: gro and pdb."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.text import parsing

Span = tuple[int, int]
"""First column of a field and the one after its last, counted from 0."""


def as_matrix(block: bytes, n: int) -> NDArray[np.uint8]:
    """(n, width) bytes of n lines, each ended by a line feed; short ones are filled with blanks."""
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == 10)
    assert len(ends) == n
    lengths = np.diff(ends, prepend=-1) - 1
    width = int(lengths.max(initial=0))
    if n * width == len(data) - n:
        return data.reshape(n, width + 1)[:, :width]
    out = np.full((n, width), 32, np.uint8)
    out[np.arange(width) < lengths[:, None]] = data[data != 10]
    return out


def fixed_texts(rows: NDArray[np.uint8], span: Span) -> NDArray[np.str_]:
    """(n,) the texts of a field, without the blanks around them; ``X`` where it is empty."""
    part = np.ascontiguousarray(rows[:, span[0] : span[1]])
    if part.shape[1] == 0:
        return np.full(len(rows), "X")
    raw = part.view(f"S{part.shape[1]}").ravel()
    texts = np.char.strip(np.char.decode(raw, "utf-8", "replace"))
    return np.where(texts == "", "X", texts)


def fixed_numbers(
    rows: NDArray[np.uint8], spans: Sequence[Span], names: Sequence[str]
) -> NDArray[np.float64]:
    """(n, k) the numbers of k fields.

    Raises
    ------
    InputError
        A field that is no finite number; ``line`` is that of its row, counted from 0.
    """
    n, k = len(rows), len(spans)
    text = np.full((n, sum(stop - start + 1 for start, stop in spans)), 32, np.uint8)
    at = 0
    for start, stop in spans:
        part = rows[:, start:stop]
        text[:, at : at + part.shape[1]] = part
        at += stop - start + 1
    text[:, -1] = 10
    out = np.empty((n, k))
    status, row, _, _ = parsing.parse_rows(
        text.reshape(-1),
        n,
        np.full(k, parsing.FINITE, np.int8),
        np.arange(k),
        np.empty((0, n), np.int64),
        out,
    )
    if status != parsing.OK:
        for (start, stop), name in zip(spans, names, strict=True):
            field = bytes(rows[row, start:stop]).decode("utf-8", "replace")
            try:
                fine = bool(np.isfinite(float(field)))
            except ValueError:
                fine = False
            if not fine:
                raise InputError(
                    f"{name} of row {row + 1} of {n}, columns {start + 1} to {stop}, is "
                    f"{field.strip()[:40]!r}, expected a number",
                    line=int(row),
                )
        raise InputError(f"the numbers of row {row + 1} of {n} are not understood", line=int(row))
    return out
