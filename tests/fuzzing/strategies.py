"""Damage to bytes, to text and to JSON values, as Hypothesis strategies.

Everything starts from data that are right; what Hypothesis draws, and makes small where something
fails, is where and how they are changed.
"""

from __future__ import annotations

import ast
import bz2
import gzip
import json
import lzma
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zstandard
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
Change = Callable[[Draw, bytes], bytes]

FUZZ_DATA = Path(__file__).parents[1] / "data" / "fuzz"

JUNK = [b"", b"\x00", b"\x00" * 64, b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf"]
JUNK += [b"\x1b[2J", b"\r", b"\r\n", b"\n\n\n", b"\t", b" " * 1000, b"\x0b", b"\x0c", b"\x1a"]
JUNK += [b"\x85", b"\xe2\x80\xa8"]
"""What a range of bytes may be replaced by."""

LARGEST = 1 << 23
"""Bytes that a damaged file may have before it is compressed."""

DEEP = "[" * 100_000 + "]" * 100_000


def dictionary(name: str) -> list[bytes]:
    """The words of a dictionary in libFuzzer's format, a quoted one on each line."""
    lines = (FUZZ_DATA / f"{name}.dict").read_text(encoding="ascii").splitlines()
    return [ast.literal_eval("b" + line) for line in lines]


EXTREMES = dictionary("extremes")
EXTREMES += [b"", b"1" * 400, b"9" * 19, b"9" * 5000, b"0." + b"3" * 400, b"A" * 70_000]
"""What a token of a text may be replaced by."""


def place(draw: Draw, size: int) -> int:
    """A byte of so many, often one of the first 600, where headers are."""
    return int(draw(st.integers(0, min(size, 600)) | st.integers(0, size)))


def a_range(draw: Draw, data: bytes) -> tuple[int, int]:
    start = place(draw, len(data))
    return start, min(len(data), start + draw(st.integers(0, 16) | st.integers(0, 4096)))


# -- bytes ----------------------------------------------------------------------------------------


def flip_bit(draw: Draw, data: bytes) -> bytes:
    at = place(draw, len(data) - 1) if data else 0
    return (
        data[:at]
        + bytes(b ^ 1 << draw(st.integers(0, 7)) for b in data[at : at + 1])
        + data[at + 1 :]
    )


def replace_range(draw: Draw, data: bytes) -> bytes:
    """A range lost, doubled, exchanged for another one, for junk, or for anything."""
    start, stop = a_range(draw, data)
    own = data[start:stop]
    first, last = a_range(draw, data)
    new = draw(
        st.sampled_from([*JUNK, own * 2, own * 5, data[first:last]])
        | st.binary(min_size=0, max_size=64)
        | st.integers(0, 255).map(lambda b: bytes([b]) * len(own))
    )
    return data[:start] + new + data[stop:]


def truncate(draw: Draw, data: bytes) -> bytes:
    return data[: place(draw, len(data))]


def machine_integer(draw: Draw, data: bytes) -> bytes:
    """A binary integer of 2, 4 or 8 bytes becomes an extreme one."""
    size, at = draw(st.sampled_from((2, 4, 8))), place(draw, len(data))
    values = (0, 1, -1, 1 << (8 * size - 1), (1 << (8 * size - 1)) - 1, 10**12, 1 << 31)
    value = draw(st.sampled_from(values)) % (1 << (8 * size))
    return data[:at] + value.to_bytes(size, "little") + data[at + size :]


BINARY: tuple[Change, ...] = (flip_bit, replace_range, truncate, machine_integer)


# -- text -----------------------------------------------------------------------------------------


def a_line(draw: Draw, lines: Sequence[bytes]) -> int:
    """A line, often one of a header."""
    heads = [i for i, line in enumerate(lines) if not line[:1].isdigit()][:200]
    return int(draw(st.sampled_from(heads or [0]) | st.integers(0, len(lines) - 1)))


def token(draw: Draw, data: bytes, new: bytes | None = None) -> bytes:
    """A word or number becomes another one, an extreme one, two, none, or is scaled."""
    lines = data.split(b"\n")
    at = a_line(draw, lines)
    found = list(re.finditer(rb"[^\s=\"{}\[\]:,]+", lines[at]))[:500]
    if not found:
        return data
    match = draw(st.sampled_from(found))
    word = match[0]
    if new is None:
        new = draw(
            st.sampled_from(EXTREMES)
            | st.sampled_from([b"", word + b" " + word])
            | st.integers(-12, 12).map(lambda power: scaled(word, 10.0**power))
        )
    lines[at] = lines[at][: match.start()] + new + lines[at][match.end() :]
    return b"\n".join(lines)


def scaled(word: bytes, factor: float) -> bytes:
    """A number times a factor; what is no number stays."""
    try:
        return repr(float(word) * factor).encode()
    except ValueError:
        return word


def scale_column(draw: Draw, data: bytes) -> bytes:
    """The numbers in one column of all rows, made larger, smaller, or the same."""
    factor = draw(st.sampled_from((0.0, 1e-3, 1e3, 1e10, 1e200, -1.0, 1e-300)))
    column = draw(st.integers(0, 7))
    lines = data.split(b"\n")
    for i, line in enumerate(lines):
        words = line.split()
        if len(words) > column and line[:1].isdigit():
            words[column] = scaled(words[column], factor)
            lines[i] = b" ".join(words)
    return b"\n".join(lines)


def lines_about(draw: Draw, data: bytes) -> bytes:
    """A line dropped, moved, doubled, emptied, or cut."""
    lines = data.split(b"\n")
    i, j = a_line(draw, lines), a_line(draw, lines)
    line = lines[i]
    copies = draw(st.sampled_from((0, 1, 2, 3, 50, 2000)))
    cut = draw(st.integers(0, len(line)) | st.just(len(line)))
    lines[i : i + 1] = [line[:cut]] * copies
    if draw(st.booleans()):
        lines.insert(j, line)
    return b"\n".join(lines)


def line_ends(draw: Draw, data: bytes) -> bytes:
    ends = (b"\r\n", b"\r", b"\n\r", b" \n", b"\n\n", b"\x00\n", b"\x85")
    return data.replace(b"\n", draw(st.sampled_from(ends)))


def encoding(draw: Draw, data: bytes) -> bytes:
    name = draw(st.sampled_from(("utf-8-sig", "utf-16", "utf-32", "utf-7", "cp500")))
    return data.decode("latin-1").encode(name)


def long_line(draw: Draw, data: bytes) -> bytes:
    at = data.find(b"\n", place(draw, len(data))) + 1
    pieces = (b"x", b"1 ", b"9", b" ", b"\t", b"(", b'"', b"a=", b"\\", b"=", b"{")
    piece = draw(st.sampled_from(pieces)) * draw(st.sampled_from((5000, 100_000, 1 << 20)))
    return data[:at] + piece + data[at:]


def repeat_all(draw: Draw, data: bytes) -> bytes:
    return data * draw(st.integers(2, 3)) if len(data) < 20_000 else data


TEXT: tuple[Change, ...] = (
    *(token, token, token, scale_column, lines_about, lines_about, line_ends, encoding),
    *(long_line, repeat_all, flip_bit, replace_range, truncate),
)


def new_word(words: Sequence[bytes]) -> Change:
    """A change that puts one of the words in place of a token, or on a line of its own."""

    def change(draw: Draw, data: bytes) -> bytes:
        word = draw(st.sampled_from(words))
        if b"\n" not in word and draw(st.booleans()):
            return token(draw, data, word)
        at = data.find(b"\n", place(draw, len(data))) + 1
        return data[:at] + word + b"\n" + data[at:]

    return change


@st.composite
def damaged(draw: Draw, data: bytes, ways: Sequence[Change], most: int = 5) -> bytes:
    """The data damaged once or more."""
    for way in draw(st.lists(st.sampled_from(ways), min_size=1, max_size=most)):
        if len(data) < LARGEST:
            data = way(draw, data)
    return data


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, 1, mtime=0),
    "bz2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zst": lambda data: zstandard.compress(data, 1),
}


@st.composite
def layered(draw: Draw, data: bytes) -> bytes:
    """The data under a layer of compression, seldom two, which may be damaged as well."""
    for name in draw(st.lists(st.sampled_from(sorted(PACKERS)), min_size=1, max_size=2)):
        data = PACKERS[name](data)
    return data if draw(st.booleans()) else bytes(draw(damaged(data, BINARY)))


# -- JSON -----------------------------------------------------------------------------------------

ODD_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**12, 10**400, 1e308, 5e-324, 0.5),
        *(float("nan"), float("inf"), "", "x", "\x00", "\ud800", "x" * 100_000, "nan", "1e999"),
        *([], {}, [[]], [1, 2], ["a", "a"], {"a": 1}, [None], {"": None}, "__import__('os')"),
        [0] * 10_000,
    ]
)
"""JSON values that nobody expects."""


@st.composite
def odd_json(draw: Draw, value: Any) -> Any:
    """A JSON value, itself or some part of it changed."""
    inside = draw(st.integers(0, 6)) > 0
    if isinstance(value, dict) and value and inside:
        out = dict(value)
        key = draw(st.sampled_from(sorted(out)))
        how = draw(st.sampled_from(("drop", "rename", "add", *["change"] * 6)))
        if how == "drop":
            del out[key]
        elif how == "rename":
            new = draw(st.sampled_from(("extra", "", "__class__", key + "x", "family")))
            out[new] = out.pop(key)
        elif how == "add":
            out["more"] = draw(ODD_VALUES)
        else:
            out[key] = draw(odd_json(out[key]))
        return out
    if isinstance(value, list) and value and inside:
        at = draw(st.integers(0, min(len(value) - 1, 200)))
        new = [draw(odd_json(value[at]))]
        new = draw(st.sampled_from(([], [value[at]] * 2, new, new)))
        return (value[:at] + new + value[at + 1 :]) * draw(st.sampled_from((1, 1, 1, 1, 1000)))
    if isinstance(value, int | float) and not isinstance(value, bool) and draw(st.booleans()):
        numbers = (-value, value + 1, value - 1, value * 1000, value // 7, str(value), [value])
        return draw(st.sampled_from(numbers))
    return draw(ODD_VALUES)


@st.composite
def odd_json_text(draw: Draw, text: str) -> str:
    """The text of a JSON value that is changed, of one nested too deep, or of none."""
    how = draw(st.integers(0, 19))
    if how == 19:
        return str(draw(st.sampled_from((DEEP, '{"a":' * 100_000 + "1" + "}" * 100_000))))
    if how > 16:
        data = draw(damaged(text.encode("utf-8", "surrogateescape"), TEXT))
        return bytes(data).decode("utf-8", "surrogateescape")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(draw(odd_json(value)))
