"""Damage to bytes, to text and to JSON values, all of it drawn from a seeded generator."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import zstandard

EXTREMES = (
    *("0", "-0", "-1", "1", "2", "3", "1e308", "-1e308", "1e-308", "5e-324", "1e309", "nan", "inf"),
    *("-inf", "infinity", "1e99999999999", "1E-99999999999", "2147483647", "2147483648", "1e6"),
    *("4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808"),
    *("18446744073709551616", "1000000000000", "1000000", "0x10", "1_000", "1,5", "1.2.3", "--1"),
    *(
        "+",
        "-",
        ".",
        "e",
        "1e",
        "1e+",
        "٣",
        "",
        "O",
        "H",
        "''",
        "%s%n",
        "$(id)",
        "../../etc/passwd",
    ),
    *("1" * 400, "9" * 19, "0." + "3" * 400, "A" * 70_000, "1e-5", "1e-12", "0.1", "1e5", "1e12"),
)
"""What a token of a text may be replaced by."""

JUNK = (
    b"\x00",
    b"\x00" * 64,
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"\r",
)
JUNK += (
    b"\r\n",
    b"\n\n\n",
    b"\t",
    b" " * 1000,
    b"\x0b",
    b"\x0c",
    b"\x1a",
    b"\x85",
    b"\xe2\x80\xa8",
)

Bytes = Callable[[Random, bytes], bytes]


def _place(rng: Random, data: bytes) -> int:
    """A byte; half of the time one of the first 600, where headers are."""
    size = len(data) if rng.random() < 0.5 else min(len(data), 600)
    return rng.randrange(size + 1)


def _range(rng: Random, data: bytes) -> tuple[int, int]:
    start = _place(rng, data)
    return start, min(len(data), start + int(2 ** (rng.random() * 12)))


def flip_bits(rng: Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randint(1, 6) if out else 0):
        out[min(_place(rng, data), len(out) - 1)] ^= 1 << rng.randrange(8)
    return bytes(out)


def set_bytes(rng: Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randint(1, 4) if out else 0):
        out[min(_place(rng, data), len(out) - 1)] = rng.choice((0, 255, 1, 127, 128, 10, 32, 48))
    return bytes(out)


def delete_range(rng: Random, data: bytes) -> bytes:
    start, stop = _range(rng, data)
    return data[:start] + data[stop:]


def repeat_range(rng: Random, data: bytes) -> bytes:
    start, stop = _range(rng, data)
    return data[:stop] + data[start:stop] * rng.randint(1, 4) + data[stop:]


def swap_ranges(rng: Random, data: bytes) -> bytes:
    (a, b), (c, d) = sorted((_range(rng, data), _range(rng, data)))
    if b > c:
        return data
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def truncate(rng: Random, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def insert_junk(rng: Random, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.choice(JUNK) + data[at:]


def random_range(rng: Random, data: bytes) -> bytes:
    start, stop = _range(rng, data)
    return data[:start] + rng.randbytes(stop - start) + data[stop:]


def integer_of_machine(rng: Random, data: bytes) -> bytes:
    """A binary integer of 2, 4 or 8 bytes becomes an extreme one."""
    size, at = rng.choice((2, 4, 8)), _place(rng, data)
    value = rng.choice((0, 1, -1, 1 << (8 * size - 1), (1 << (8 * size - 1)) - 1, 10**12, 1 << 31))
    return data[:at] + (value % (1 << (8 * size))).to_bytes(size, "little") + data[at + size :]


BINARY: tuple[Bytes, ...] = (
    *(flip_bits, set_bytes, delete_range, repeat_range, swap_ranges, truncate, insert_junk),
    *(random_range, integer_of_machine),
)


# -- text -----------------------------------------------------------------------------------------


def _line(rng: Random, lines: Sequence[bytes]) -> int:
    """A line; half of the time one of a header."""
    heads = [i for i, line in enumerate(lines) if not line[:1].isdigit()]
    if heads and rng.random() < 0.5:
        return min(rng.choice(heads) + rng.randrange(3), len(lines) - 1)
    return rng.randrange(len(lines))


def token(rng: Random, data: bytes, become: Callable[[bytes], bytes] | None = None) -> bytes:
    """A word or number becomes an extreme one."""
    lines = data.split(b"\n")
    at = _line(rng, lines)
    found = list(re.finditer(rb"[^\s=\"{}\[\]:,]+", lines[at]))
    if not found:
        return data
    match = rng.choice(found)
    new = rng.choice(EXTREMES).encode() if become is None else become(match[0])
    lines[at] = lines[at][: match.start()] + new + lines[at][match.end() :]
    return b"\n".join(lines)


def double_token(rng: Random, data: bytes) -> bytes:
    return token(rng, data, lambda word: word + b" " + word)


def drop_token(rng: Random, data: bytes) -> bytes:
    return token(rng, data, lambda word: b"")


def scale_number(rng: Random, data: bytes) -> bytes:
    factor = 10.0 ** rng.randint(-12, 12)

    def scaled(word: bytes) -> bytes:
        try:
            return repr(float(word) * factor).encode()
        except ValueError:
            return word

    return token(rng, data, scaled)


def scale_column(rng: Random, data: bytes) -> bytes:
    """The numbers in one column of all rows, made larger, smaller, or the same."""
    factor = rng.choice((0.0, 1e-3, 1e3, 1e10, 1e200, -1.0, 1e-300))
    column = rng.randrange(8)
    lines = data.split(b"\n")
    for i, line in enumerate(lines):
        words = line.split()
        if len(words) <= column or not line[:1].isdigit():
            continue
        try:
            words[column] = repr(float(words[column]) * factor).encode()
        except ValueError:
            continue
        lines[i] = b" ".join(words)
    return b"\n".join(lines)


def lines_about(rng: Random, data: bytes) -> bytes:
    """A line dropped, doubled, exchanged with another, emptied, or cut."""
    lines = data.split(b"\n")
    i, j = _line(rng, lines), _line(rng, lines)
    how = rng.randrange(6)
    if how == 0:
        del lines[i]
    elif how == 1:
        lines.insert(j, lines[i])
    elif how == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif how == 3:
        lines[i] = b""
    elif how == 4:
        lines[i] = lines[i][: rng.randint(0, len(lines[i]))]
    else:
        lines[i : i + 1] = [lines[i]] * rng.choice((2, 3, 50, 2000))
    return b"\n".join(lines)


def line_ends(rng: Random, data: bytes) -> bytes:
    ends = (b"\r\n", b"\r", b"\n\r", b" \n", b"\n\n", b"\x00\n", b"\x85")
    return data.replace(b"\n", rng.choice(ends))


def encoding(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.5:
        return b"\xef\xbb\xbf" + data
    return data.decode("latin-1").encode(rng.choice(("utf-16", "utf-32", "utf-7", "cp500")))


def long_line(rng: Random, data: bytes) -> bytes:
    at = data.find(b"\n", _place(rng, data)) + 1
    piece = rng.choice((b"x", b"1 ", b"9", b" ", b"\t", b"(", b'"', b"a=", b"\\", b"=", b"{"))
    return data[:at] + piece * rng.choice((5000, 100_000, 1 << 20)) + data[at:]


def repeat_all(rng: Random, data: bytes) -> bytes:
    return data * rng.randint(2, 3) if len(data) < 20_000 else data


TEXT: tuple[Bytes, ...] = (
    *(token, token, token, token, double_token, drop_token, scale_number, scale_number),
    *(scale_column, lines_about, lines_about, lines_about, line_ends, encoding, long_line),
    *(repeat_all, flip_bits, set_bytes, delete_range, repeat_range, swap_ranges, truncate),
    insert_junk,
)


def mutated(rng: Random, data: bytes, ways: Sequence[Bytes], words: Sequence[bytes] = ()) -> bytes:
    """The data damaged once or more; ``words`` are put in place of tokens, or between lines."""
    for _ in range(min(1 + int(rng.expovariate(0.7)), 8)):
        if len(data) > 1 << 23:
            break
        if words and rng.random() < 0.25:
            word = rng.choice(words)
            if b"\n" in word or rng.random() < 0.3:
                at = data.find(b"\n", _place(rng, data)) + 1
                data = data[:at] + word + b"\n" + data[at:]
            else:
                data = token(rng, data, lambda _, word=word: word)  # type: ignore[misc]
        else:
            data = rng.choice(ways)(rng, data)
    return data


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, 1, mtime=0),
    "bz2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zst": lambda data: zstandard.compress(data, 1),
}


def layered(rng: Random, data: bytes) -> bytes:
    """The data under a layer of compression, seldom two, which may be damaged as well."""
    for _ in range(1 if rng.random() < 0.9 else 2):
        data = COMPRESS[rng.choice(sorted(COMPRESS))](data)
    if rng.random() < 0.4:
        data = mutated(rng, data, BINARY)
    return data


# -- JSON -----------------------------------------------------------------------------------------

DEEP = "[" * 100_000 + "]" * 100_000


def odd_value(rng: Random) -> Any:
    """A JSON value that nobody expects."""
    values: tuple[Any, ...] = (
        *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**12, 10**400, 1e308, 5e-324, 0.5),
        *(float("nan"), float("inf"), "", "x", "\x00", "\ud800", "x" * 100_000, "nan", "1e999"),
        *([], {}, [[]], [1, 2], ["a", "a"], {"a": 1}, [None], {"": None}, "__import__('os')"),
        [0] * 10_000,
    )
    return rng.choice(values)


def odd_json(rng: Random, value: Any) -> Any:
    """A JSON value, itself or some part of it changed."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        out = dict(value)
        key = rng.choice(sorted(out))
        how = rng.random()
        if how < 0.1:
            del out[key]
        elif how < 0.2:
            out[rng.choice(("extra", "", "__class__", key + "x", "family"))] = out.pop(key)
        elif how < 0.25:
            out["more"] = odd_value(rng)
        else:
            out[key] = odd_json(rng, out[key])
        return out
    if isinstance(value, list) and value and rng.random() < 0.8:
        items = list(value)
        at = rng.randrange(len(items))
        how = rng.random()
        if how < 0.15:
            del items[at]
        elif how < 0.3:
            items.insert(at, items[at])
        elif how < 0.35:
            items *= 1000
        else:
            items[at] = odd_json(rng, items[at])
        return items
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.5:
        return rng.choice(
            (-value, value + 1, value - 1, value * 1000, value // 7, str(value), [value])
        )
    return odd_value(rng)


def odd_json_text(rng: Random, text: str) -> str:
    """The text of a JSON value that is changed, of one nested too deep, or of none."""
    how = rng.random()
    if how < 0.03:
        return DEEP
    if how < 0.05:
        return '{"a":' * 100_000 + "1" + "}" * 100_000
    if how < 0.15:
        return mutated(rng, text.encode("utf-8", "surrogateescape"), TEXT).decode(
            "utf-8", "surrogateescape"
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(odd_json(rng, value))
