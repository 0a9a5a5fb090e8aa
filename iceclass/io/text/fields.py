"""Numba kernels for single columns of a block of rows that has been validated before."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from iceclass.io.text.parsing import Int, parse_float


@numba.njit(cache=True, nogil=True, inline="always")
def _is_blank(c: Int) -> bool:
    return c == 32 or c == 9 or c == 13


@numba.njit(cache=True, nogil=True)
def field_spans(
    buf: NDArray[np.uint8], n_rows: Int, column: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First byte and length of field ``column`` in each of ``n_rows`` validated rows."""
    starts = np.empty(n_rows, np.int64)
    lengths = np.empty(n_rows, np.int64)
    end = buf.shape[0]
    p = 0
    for row in range(n_rows):
        for _ in range(column + 1):
            while _is_blank(buf[p]):
                p += 1
            start = p
            while p < end and buf[p] > 32:
                p += 1
        starts[row] = start
        lengths[row] = p - start
        while p < end and buf[p] != 10:
            p += 1
        p += 1
    return starts, lengths


@numba.njit(cache=True, nogil=True)
def copy_fields(
    buf: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Copy each field to the front of its row of ``out``, which holds zeros."""
    for row in range(starts.shape[0]):
        for i in range(lengths[row]):
            out[row, i] = buf[starts[row] + i]


@numba.njit(cache=True, nogil=True)
def integer_fields(
    buf: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], bool]:
    """The fields as integers, and whether each is one: a sign and up to 18 digits."""
    out = np.empty(starts.shape[0], np.int64)
    for row in range(starts.shape[0]):
        p = starts[row]
        stop = p + lengths[row]
        negative = buf[p] == 45
        if negative or buf[p] == 43:
            p += 1
        if p == stop or stop - p > 18:
            return out, False
        value: Int = 0
        while p < stop:
            c = np.uint8(buf[p] - 48)
            if c > 9:
                return out, False
            value = value * 10 + np.int64(c)
            p += 1
        out[row] = -value if negative else value
    return out, True


@numba.njit(cache=True, nogil=True)
def number_fields(
    buf: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.float64], bool]:
    """The fields as numbers, and whether each is one."""
    out = np.empty(starts.shape[0])
    for row in range(starts.shape[0]):
        value, _, fine = parse_float(buf, starts[row], starts[row] + lengths[row])
        if not fine:
            return out, False
        out[row] = value
    return out, True


@numba.njit(cache=True, nogil=True)
def encode(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes and the distinct values they stand for, in order of appearance; few are expected."""
    codes = np.empty(values.shape[0], np.int64)
    distinct = np.empty(16, np.int64)
    table = np.full(64, -1, np.int64)  # a short cut for small numbers
    n = 0
    for i in range(values.shape[0]):
        value = values[i]
        small = 0 <= value < 64
        if small and table[value] >= 0:
            codes[i] = table[value]
            continue
        k = 0
        while k < n and distinct[k] != value:
            k += 1
        if k == n:
            if n == distinct.shape[0]:
                longer = np.empty(2 * n, np.int64)
                for j in range(n):  # not by a slice, which takes seconds to compile
                    longer[j] = distinct[j]
                distinct = longer
            distinct[n] = value
            n += 1
            if small:
                table[value] = k
        codes[i] = k
    return codes, distinct[:n].copy()


@numba.njit(cache=True, nogil=True)
def name_keys(buf: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """A 64-bit key of the field at each start: its bytes, or a hash beyond eight of them."""
    out = np.empty(starts.shape[0], np.int64)
    for row in range(starts.shape[0]):
        p = starts[row]
        start = p
        key = np.uint64(0)
        while p < buf.shape[0] and buf[p] > 32:
            if p - start < 8:
                key |= np.uint64(buf[p]) << np.uint64(8 * (p - start))
            p += 1
        if p - start > 8:
            key = np.uint64(14695981039346656037)  # FNV-1a
            for i in range(start, p):
                key = (key ^ np.uint64(buf[i])) * np.uint64(1099511628211)
        out[row] = np.int64(key)
    return out
