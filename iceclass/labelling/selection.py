"""Which molecules of a frame are labelled: expressions on their atoms, and slabs of space."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Positions with ``low`` ≤ coordinate ≤ ``high``.

    Attributes
    ----------
    axis
        ``"x"``, ``"y"`` or ``"z"``.
    low, high
        Å, as the coordinates in the file; infinite: no limit. Molecules outside the cell are
        looked for at their place inside it.
    """

    axis: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.axis not in ("x", "y", "z") or not self.low <= self.high:
            raise InputError(
                f"region {self}: expected x, y or z and two numbers in Å, the lower one first"
            )

    def __str__(self) -> str:
        return f"{self.axis}:{self.low:g}:{self.high:g}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """``z:10:25``; ``INF`` or nothing for no limit.

        Raises
        ------
        InputError
            It is not of that form.
        """
        axis, *limits = text.lower().split(":")
        try:
            low, high = (
                float(limit) if limit not in ("", "inf", "-inf") else side * np.inf
                for limit, side in zip(limits, (-1, 1), strict=True)
            )
        except ValueError:
            raise InputError(
                f"region {text!r}: expected AXIS:LOW:HIGH in Å, as in z:10:25"
            ) from None
        return cls(axis, low, high)

    def mask(self, frame: Frame) -> Mask:
        """(N,) Whether each molecule lies in it."""
        along = positions_inside(frame)[:, "xyz".index(self.axis)]
        return (along >= self.low) & (along <= self.high)


def positions_inside(frame: Frame) -> NDArray[np.float64]:
    """(N, 3) Å. The sites, wrapped into the cell along its periodic directions."""
    periodic = frame.pbc
    positions = frame.positions - frame.origin
    if periodic.any():
        cell = frame.cell[periodic]
        fractional = positions @ np.linalg.pinv(cell)
        positions = positions - np.floor(fractional) @ cell
    return positions + frame.origin


COLUMNS = {
    "name": ("name", "atomtypes", "element"),
    "type": ("type", "typelabel", "atomtypes"),
    "resname": ("resname", "residuenames"),
    "resid": ("resid", "residuenumbers", "mol"),
    "element": ("element",),
    "mol": ("mol", "resid", "residuenumbers"),
    "mass": ("mass",),
    "charge": ("q", "initial_charges"),
}
"""Word of an expression → columns that it may stand for, the first one that the file has. Any other
column goes by its own name; ``id`` and ``index`` (from 0) are always there."""

_TOKEN = re.compile(r"\s*(?:(<=|>=|==|!=|<|>|\(|\)|,)|([^\s()<>=!,]+))")
_COMPARISONS: dict[str, Callable[[Any, float], Mask]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_RANGE = re.compile(r"(-?\d+)[:-](-?\d+)")
_LOGIC = ("and", "or", "not")


@dataclass(frozen=True)
class Selection:
    """The molecules whose site, the oxygen, an expression is true of.

    ``resname SOL fSOL``, ``type 1 and z < 40``, ``not (id 1:300 or element X)``. A word for a
    column (:data:`COLUMNS`) is followed by values, any of which will do: texts, in which ``*``
    and ``?`` stand for any letters, whole numbers, or ranges of them with both ends (``1:30``,
    ``1-30``); or by ``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=`` and a number. ``x``, ``y``,
    ``z`` are in Å, inside the cell. ``and``, ``or``, ``not`` and parentheses as in Python; ``all``
    is every molecule.

    Attributes
    ----------
    text
        The expression.

    Raises
    ------
    InputError
        It cannot be understood.
    """

    text: str

    def __post_init__(self) -> None:
        _Parser(self.text).parse()

    def __str__(self) -> str:
        return self.text

    def mask(self, frame: Frame) -> Mask:
        """(N,) Whether each molecule is selected.

        Raises
        ------
        InputError
            The file has no such column, or texts are compared with a number.
        """
        return _Parser(self.text).parse()(frame)


Condition = Callable[[Frame], Mask]


class _Parser:
    """Recursive descent: or, and, not, then parentheses and conditions."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                self._fail(f"at {text[at:].strip()[:20]!r}")
            self._words.append(match[1] or match[2])
            at = match.end()
        self._at = 0

    def parse(self) -> Condition:
        """What the expression says of a frame."""
        condition = self._any_of()
        if self._next():
            self._fail(f"at {self._next()!r}")
        return condition

    def _fail(self, where: str) -> NoReturn:
        raise InputError(
            f"the selection {self._text!r} is not understood {where}",
            hint="write for example resname SOL, or type 1 and z < 40",
        )

    def _next(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _take(self) -> str:
        word = self._next()
        self._at += 1
        return word

    def _any_of(self) -> Condition:
        parts = [self._all_of()]
        while self._next() == "or":
            self._take()
            parts.append(self._all_of())
        return lambda frame: np.logical_or.reduce([part(frame) for part in parts])

    def _all_of(self) -> Condition:
        parts = [self._negated()]
        while self._next() == "and":
            self._take()
            parts.append(self._negated())
        return lambda frame: np.logical_and.reduce([part(frame) for part in parts])

    def _negated(self) -> Condition:
        if self._next() == "not":
            self._take()
            part = self._negated()
            return lambda frame: ~part(frame)
        if self._next() == "(":
            self._take()
            part = self._any_of()
            if self._take() != ")":
                self._fail("for want of a )")
            return part
        return self._condition()

    def _condition(self) -> Condition:
        word = self._take()
        if word == "all":
            return lambda frame: np.ones(frame.n_molecules, dtype=bool)
        if not word or word in _LOGIC or not (word[0].isalpha() or word[0] == "_"):
            self._fail(f"at {word!r}: expected a column" if word else "at its end")
        if self._next() in _COMPARISONS:
            compare = _COMPARISONS[self._take()]
            text = self._take()
            try:
                number = float(text)
            except ValueError:
                self._fail(f"at {text!r}: expected a number")
            return lambda frame: compare(_numbers(frame, word), number)
        values = []
        while self._next() not in ("", ")", *_LOGIC):
            value = self._take()
            if value in _COMPARISONS or value == "(":
                self._fail(f"at {value!r}")
            if value != ",":
                values.append(value)
        if not values:
            self._fail(f"after {word!r}: expected values")
        return lambda frame: _matches(values_of(frame, word), values)


def values_of(frame: Frame, word: str) -> NDArray[Any]:
    """(N,) What a word of an expression stands for, of each molecule's site.

    Raises
    ------
    InputError
        The file has nothing of that name.
    """
    if word in ("x", "y", "z"):
        return positions_inside(frame)[:, "xyz".index(word)]
    if word == "id":
        return frame.ids
    table = frame.atoms
    if table is None or table.sites is None:
        if word == "index":
            return np.arange(frame.n_molecules)
        raise InputError(f"the selection asks for {word}, but the frame has nothing but positions")
    if word == "index":
        return table.sites
    for name in COLUMNS.get(word, (word,)):
        if name in table.columns:
            return table.columns[name][table.sites]
    known = [*table.columns, *(w for w, names in COLUMNS.items() if set(names) & {*table.columns})]
    raise InputError(
        f"the selection asks for {word}, which the file does not have",
        hint=f"it has {', '.join(dict.fromkeys(['id', 'index', *known]))}",
    )


def _numbers(frame: Frame, word: str) -> NDArray[Any]:
    values = values_of(frame, word)
    if values.dtype.kind not in "if":
        raise InputError(f"the selection compares {word} with a number, but it holds texts")
    return values


def _matches(values: NDArray[Any], wanted: Iterable[str]) -> Mask:
    """Whether each value is one of those wanted."""
    mask = np.zeros(len(values), dtype=bool)
    if values.dtype.kind in "if":
        for text in wanted:
            both = _RANGE.fullmatch(text)
            try:
                low, high = (float(t) for t in (both.groups() if both else (text, text)))
            except ValueError:
                raise InputError(
                    f"the selection asks for {text!r} among numbers",
                    hint="write numbers or ranges, as in 1 2 10:20",
                ) from None
            mask |= (values >= low) & (values <= high)
        return mask
    different, codes = np.unique(values, return_inverse=True)
    for text in wanted:
        mask |= np.array([fnmatchcase(str(value), text) for value in different], bool)[codes]
    return mask


def selected(frame: Frame, conditions: Iterable[Region | Selection]) -> Mask:
    """(N,) Whether each molecule is in all of the regions and selections."""
    mask = np.ones(frame.n_molecules, dtype=bool)
    for condition in conditions:
        mask &= condition.mask(frame)
    return mask
