"""Stated limits that the rows of a validation are held against, for continuous integration.

A file of limits is TOML, one table a limit::

    [[limit]]
    what = "none of the classes is called unknown"    # for the reader
    part = "novelty"                                  # of iceclass.validation.run.PARTS
    where = { expected = "unknown" }                  # which rows: column = value, or a list, or
                                                      # a range: { least = 150, most = 1200 }
    column = "unknown"
    least = 0.98                                      # or most = …
    each = false                                      # true: every row, not their mean
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from iceclass.errors import InputError, unknown_name
from iceclass.validation.means import mean_over


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes
    ----------
    part, column
        Which part's rows, and which of their shares.
    least, most
        What the share must reach, or may not exceed.
    where
        Column → values of the rows that count, or their range; empty: all.
    each
        Whether every row must keep it; else their mean over molecules.
    what
        In words.
    """

    part: str
    column: str
    least: float | None = None
    most: float | None = None
    where: Mapping[str, Sequence[Any] | Mapping[str, float]] = field(default_factory=dict)
    each: bool = False
    what: str = ""

    def counts(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is one that the limit is about."""
        return all(_fits(row[column], wanted) for column, wanted in self.where.items())


def _fits(value: Any, wanted: Sequence[Any] | Mapping[str, float]) -> bool:
    """Whether a value is one of these, or in that range; where there is none, it is in no range."""
    if not isinstance(wanted, Mapping):
        return value in wanted
    inside: bool = _is_number(value) and (
        wanted.get("least", value) <= value <= wanted.get("most", value)
    )
    return inside


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Verdict:
    """A limit and what was found: the mean or, of ``each``, the worst row."""

    limit: Limit
    value: float
    rows: int
    kept: bool


def read_limits(path: Path) -> tuple[Limit, ...]:
    """The limits in a TOML file.

    Raises
    ------
    InputError
        Unreadable, no limit in it, or one with keys that are unknown or missing.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"not a file of limits: {error}", path=path) from error
    tables = content.get("limit")
    if set(content) != {"limit"} or not isinstance(tables, list):
        raise InputError("not a file of limits: expected [[limit]] tables", path=path)
    return tuple(_limit(table, number, path) for number, table in enumerate(tables, 1))


def _limit(table: Any, number: int, path: Path) -> Limit:
    known = [one.name for one in fields(Limit)]
    if not isinstance(table, dict):
        raise InputError(f"limit {number} is no table", path=path)
    for key in table:
        if key not in known:
            raise unknown_name(f"key of limit {number}", key, known).at(path=path)
    where = table.get("where", {})
    if not isinstance(where, dict):
        raise InputError(f"'where' of limit {number} is no table", path=path)
    bounds = [table[key] for key in ("least", "most") if key in table]
    if not {"part", "column"} <= set(table) or [*map(_is_number, bounds)] != [True]:
        raise InputError(
            f"limit {number}: expected 'part', 'column' and a number as 'least' or 'most'",
            path=path,
        )
    for key, wanted in where.items():
        if isinstance(wanted, dict) and not (
            set(wanted) <= {"least", "most"} and all(map(_is_number, wanted.values()))
        ):
            raise InputError(
                f"{key} in 'where' of limit {number} is no value, list, or range with numbers as "
                "'least' and 'most'",
                path=path,
            )
    chosen = {k: v if isinstance(v, list | dict) else [v] for k, v in where.items()}
    return Limit(**{**table, "where": chosen})


def judge(limits: Sequence[Limit], found: Mapping[str, Any]) -> list[Verdict]:
    """What became of every limit.

    Raises
    ------
    InputError
        A limit of a part that was not measured, of no row, or of a column that is not there or
        holds no numbers.
    """
    verdicts = []
    for limit in limits:
        measured = found.get(limit.part)
        if not isinstance(measured, Mapping) or "rows" not in measured:
            raise InputError(f"a limit is of part {limit.part!r}, which was not measured")
        rows = measured["rows"]
        for column in (limit.column, *limit.where):
            if column not in rows[0]:
                raise unknown_name(f"column of {limit.part}", column, list(rows[0]))
        own = [row for row in rows if limit.counts(row)]
        if not own:
            raise InputError(f"no row of part {limit.part!r} has {dict(limit.where)}")
        shares = [row[limit.column] for row in own if row[limit.column] is not None]
        if not shares or not all(map(_is_number, shares)):
            raise InputError(
                f"a limit is of column {limit.column!r} of part {limit.part!r}, which has no "
                f"numbers in the rows with {dict(limit.where)}"
            )
        if limit.each:
            value = min(shares) if limit.most is None else max(shares)
        else:
            value = mean_over(own, limit.column)
        too_low = limit.least is not None and not value >= limit.least
        too_high = limit.most is not None and not value <= limit.most
        verdicts.append(Verdict(limit, value, len(own), not (too_low or too_high)))
    return verdicts
