"""Tables as CSV: written whole or not at all, read back column by column."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.files import replacing


def fractions(counts: Iterable[int], total: int) -> list[str]:
    """Counts as shares of a total, six digits; of nothing, zeros."""
    return [f"{count / max(total, 1):.6f}" for count in counts]


def write_csv(
    path: str | Path,
    header: Iterable[str],
    rows: Iterable[Iterable[Any]],
    *,
    force: bool = False,
    digits: int | None = None,
    may_be_empty: bool = False,
) -> Path:
    """Write a CSV file, whole or not at all, as the rows come.

    Parameters
    ----------
    path
        The file.
    header, rows
        Names of the columns, and their values row by row.
    force
        Replace an existing file.
    digits
        Significant digits of floats, of which NaN becomes an empty field; default: all.
    may_be_empty
        Whether there may be no rows.

    Raises
    ------
    OutputError
        It cannot be written.
    InputError
        There are no rows.
    """
    path, written = Path(path), False
    with (
        replacing(path, force=force) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(row if digits is None else [_rounded(v, digits) for v in row])
            written = True
        if not (written or may_be_empty):
            raise InputError("there are no frames to write a table of", path=path)
    return path


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.{digits}g}"
    return value


def read_rows(path: str | Path, needed: Iterable[str], what: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, one at a time, each as column → text.

    Parameters
    ----------
    path
        The file.
    needed
        Columns that it must have.
    what
        What it should be, for the error.

    Raises
    ------
    InputError
        It cannot be read, lacks a column or has rows of another length, or has no rows.
    """
    line = 1
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            missing = [name for name in needed if name not in header]
            if missing:
                raise InputError(f"is not {what}: it has no column {missing[0]!r}", path=path)
            for line, row in enumerate(rows, start=2):
                if len(row) != len(header):
                    message = f"has {len(row)} fields, expected {len(header)}"
                    raise InputError(message, path=path, line=line)
                yield dict(zip(header, row, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"cannot be read as {what}: {error}", path=path) from error
    if line == 1:
        raise InputError("has no frames", path=path)


def read_csv(path: str | Path, needed: Iterable[str], what: str) -> dict[str, NDArray[np.str_]]:
    """Columns of text by their names, in the order of the file; arguments as of :func:`read_rows`.

    Raises
    ------
    InputError
        As :func:`read_rows`.
    """
    rows = list(read_rows(path, needed, what))
    return {name: np.array([row[name] for row in rows], dtype=str) for name in rows[0]}


def as_numbers(column: NDArray[np.str_], name: str, path: str | Path) -> NDArray[np.float64]:
    """A column as float64, NaN for empty fields.

    Raises
    ------
    InputError
        A field that is not a number.
    """
    try:
        return np.where(column == "", "nan", column).astype(np.float64)
    except ValueError as error:
        raise InputError(f"column {name!r}: {error}", path=path) from error
