"""Numbers that are written are read back as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iceclass.errors import OutputError
from iceclass.io.output.writers import format_rows


def texts(column: np.ndarray) -> list[str]:
    return bytes(format_rows(b"", len(column), {"a": column})).decode().split()


@given(st.lists(st.floats(allow_nan=False, allow_subnormal=False), min_size=1, max_size=30))
@settings(max_examples=500, deadline=None)
def test_doubles(values: list[float]) -> None:
    column = np.array(values)
    back = np.array([float(text) for text in texts(column)])
    usual = (np.abs(column) < 1e250) & ((np.abs(column) > 1e-250) | (column == 0.0))
    assert np.array_equal(back[usual], column[usual])
    finite = np.isfinite(column) & (np.abs(column) < 1e307)
    assert np.allclose(back[finite], column[finite], rtol=1e-15, atol=0.0)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_subnormal=False), min_size=1))
@settings(max_examples=500, deadline=None)
def test_singles(values: list[float]) -> None:
    column = np.array(values, np.float32)
    out = texts(column)
    assert np.array_equal(np.array([float(text) for text in out]).astype(np.float32), column)
    assert max(len(text) for text in out) <= 16


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
@settings(deadline=None)
def test_integers(values: list[int]) -> None:
    assert [int(text) for text in texts(np.array(values, np.int64))] == values


def test_as_short_as_can_be() -> None:
    column = np.array([0.0, -0.0, 1.0, 0.5, -12.25, 0.1, 0.9876, 1e15, 1e-7, 1e300, 1234567.0])
    expected = [
        "0",
        "-0",
        "1",
        "0.5",
        "-12.25",
        "0.1",
        "0.9876",
        "1e15",
        "1e-7",
        "1e300",
        "1234567",
    ]
    assert texts(column) == expected
    assert texts(np.array([0.1, 0.7], np.float32)) == ["0.1", "0.7"]
    assert texts(np.array([np.nan, np.inf, -np.inf])) == ["nan", "inf", "-inf"]


@pytest.mark.parametrize("text", ["1.1e-7", "2.5e-6", "9.99999e-9", "1.7e22", "3.3e-200"])
def test_as_short_with_an_exponent(text: str) -> None:
    assert texts(np.array([float(text), -float(text)])) == [text, f"-{text}"]
    if float(text) > 1e-30:
        assert texts(np.array([float(text)], np.float32)) == [text]


@given(st.floats(1e-240, 1e240), st.integers(1, 17))
@example(8.2858270045640275e239, 16)  # of whose 17 digits the last is a 5, rounded up
@example(7.655723034955901e170, 16)
@example(0.0008680790394930582, 16)
@settings(max_examples=500, deadline=None)
def test_never_longer_than_the_shortest_of_python(value: float, n: int) -> None:
    rounded = float(f"{value:.{n - 1}e}")
    (text,) = texts(np.array([rounded]))
    shortest = repr(rounded).partition("e")[0].replace(".", "").strip("0")
    assert float(text) == rounded
    assert len(text.partition("e")[0].replace(".", "").strip("0")) <= len(shortest)


def test_rows_keep_their_bytes() -> None:
    rows = b"1 O 0.10 \n 2\tH 1e-3\r\n"
    out = format_rows(rows, 2, {"i": np.array([True, False]), "name": np.array(["ih", "wässrig"])})
    assert bytes(out) == "1 O 0.10 1 ih\n 2\tH 1e-3 0 wässrig\n".encode()
    assert format_rows(rows, 2, {}) == rows


@pytest.mark.parametrize(
    "column",
    [
        np.array(["a b", "c"]),
        np.array(["", "c"]),
        np.array([1j, 2j]),
        np.zeros(3),
        np.zeros((2, 2)),
    ],
)
def test_columns_that_do_not_fit(column: np.ndarray) -> None:
    with pytest.raises(OutputError, match="column 'a'"):
        format_rows(b"1\n2\n", 2, {"a": column})
