"""``NAME=VALUE`` in words that somebody typed."""

from __future__ import annotations

from collections.abc import Iterable

from iceclass.errors import InputError


def parse_pair(text: str, expected: str = "NAME=VALUE") -> tuple[str, str]:
    """``"a = 1"`` → ``("a", "1")``; the value may hold further signs.

    Parameters
    ----------
    text
        What was typed.
    expected
        What should have been, for the error.

    Raises
    ------
    InputError
        There is no ``=``, or nothing on one side of it.
    """
    name, _, value = (piece.strip() for piece in text.partition("="))
    if not name or not value:
        raise InputError(f"{text!r} is not understood: expected {expected}")
    return name, value


def parse_pairs(texts: Iterable[str], expected: str = "NAME=VALUE") -> dict[str, str]:
    """``("a=1", "b=2")`` → ``{"a": "1", "b": "2"}``; arguments as of :func:`parse_pair`.

    Raises
    ------
    InputError
        As :func:`parse_pair`; also, a name that comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, value = parse_pair(text, expected)
        if name in pairs:
            raise InputError(f"{text!r} is not understood: {name} is given twice")
        pairs[name] = value
    return pairs
