"""The byte parser against Python's own ``float`` and ``int``."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iceclass.io.text import fields, parsing


def parse(text: str) -> tuple[float, bool]:
    buffer = np.frombuffer(text.encode() + b"\n", np.uint8)
    value, stop, fine = parsing.parse_float(buffer, 0, len(buffer) - 1)
    assert stop <= len(buffer) - 1
    return value, fine


def row(text: str, actions: list[int]) -> tuple[int, np.ndarray, np.ndarray]:
    buffer = np.frombuffer(text.encode(), np.uint8)
    ints = np.zeros((len(actions), 1), np.int64)
    floats = np.zeros((1, len(actions)))
    status, _, _, _ = parsing.parse_rows(
        buffer, 1, np.array(actions, np.int8), np.arange(len(actions)), ints, floats
    )
    return status, ints[:, 0], floats[0]


def ulps(a: float, b: float) -> int:
    """Doubles between a and b."""
    bits = [struct.unpack("<q", struct.pack("<d", x))[0] for x in (a, b)]
    return abs(bits[0] - bits[1])


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["%.17g", "%.16e", "%g", "%.25f", "%+.3f", "%.12E", "%.6g"]),
)
@settings(max_examples=2000, deadline=None)
def test_floats_are_those_of_python(number: float, style: str) -> None:
    text = style % number
    value, fine = parse(text)
    assert fine
    assert ulps(value, float(text)) <= 2
    status, _, floats = row(f"  {text}\t\r\n", [parsing.FLOAT])
    assert status == parsing.OK
    assert ulps(floats[0], float(text)) <= 2


@given(st.floats(-1e6, 1e6), st.integers(0, 9))
@settings(max_examples=500, deadline=None)
def test_ordinary_coordinates_are_exact(number: float, decimals: int) -> None:
    text = f"{number:.{decimals}f}"
    assert row(text + "\n", [parsing.FINITE])[2][0] == float(text)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-0",
        "+3",
        ".5",
        "5.",
        "00001.50",
        "1e5",
        "1E+05",
        "1e-300",
        "5e-324",
        "1.7976931348623157e308",
        "1e309",
        "1e-400",
        "2.2250738585072014e-308",
        "9007199254740993",
        "123456789012345678901234567890",
        "0.00000000000000000000000000000012345678901234567890123",
        "1e0000000000000000000010",
        "inf",
        "-inf",
        "Infinity",
        "-INFINITY",
    ],
)
def test_corner_cases(text: str) -> None:
    value, fine = parse(text)
    assert fine
    assert value == float(text) or ulps(value, float(text)) <= 2
    assert np.signbit(value) == np.signbit(float(text))


@pytest.mark.parametrize("text", ["nan", "-nan", "NaN"])
def test_nan(text: str) -> None:
    value, fine = parse(text)
    assert fine
    assert np.isnan(value)
    assert row(text + "\n", [parsing.FINITE])[0] == parsing.NOT_FINITE
    assert row(text + "\n", [parsing.FLOAT])[0] == parsing.OK


@pytest.mark.parametrize(
    "text",
    [
        ".",
        "+",
        "-",
        "e5",
        "1e",
        "1e+",
        "1.2.3",
        "1..2",
        "0x10",
        "1_000",
        "nanx",
        "in",
        "infinit",
        "1e5x",
        "--1",
        "1d3",
        "1,5",
        "½",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert not parse(text)[1]
    assert row(text + " 1\n", [parsing.FLOAT, parsing.INT])[0] == parsing.NOT_A_NUMBER


@given(st.integers(-(10**18) + 1, 10**18 - 1))
@settings(deadline=None)
def test_integers(number: int) -> None:
    status, ints, _ = row(f"{number}\n", [parsing.INT])
    assert status == parsing.OK
    assert ints[0] == number


def test_integers_written_as_floats() -> None:
    assert row("3.0 -2e1\n", [parsing.INT, parsing.INT])[1].tolist() == [3, -20]
    assert row("3.5\n", [parsing.INT])[0] == parsing.NOT_AN_INTEGER
    assert row("x\n", [parsing.INT])[0] == parsing.NOT_AN_INTEGER


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("1 2\n", parsing.OK),
        ("\t 1   2 \r\n", parsing.OK),
        ("1\n2\n", parsing.TOO_FEW),
        ("1 2 3\n", parsing.TOO_MANY),
        ("\n", parsing.TOO_FEW),
        ("1 \x002\n", parsing.NOT_A_NUMBER),
        ("", parsing.NO_ROW),
    ],
)
def test_rows(text: str, status: int) -> None:
    assert row(text, [parsing.FLOAT, parsing.INT])[0] == status


def test_names_have_keys_of_their_own() -> None:
    names = ["O", "H", "Na", "O_water", "eightchr", "ninechars", "ninecharz", "O"]
    text = np.frombuffer(("\n".join(names) + "\n").encode(), np.uint8)
    starts, lengths = fields.field_spans(text, len(names), 0)
    keys = fields.name_keys(text, starts)
    assert lengths.tolist() == [len(name) for name in names]
    assert len(set(keys.tolist())) == len(set(names))
    codes, distinct = fields.encode(keys)
    assert codes[0] == codes[-1]
    assert np.array_equal(distinct[codes], keys)


def test_many_kinds_are_encoded() -> None:
    values = np.random.default_rng(2).integers(-40, 400, 3000)
    codes, distinct = fields.encode(values)
    assert np.array_equal(distinct[codes], values)
    assert len(distinct) == len(np.unique(values))
