"""Numba kernels that append columns of values to rows of text.

A float64 is written with the fewest digits (up to 17) from which the same number is read back,
a float32 likewise with up to 9; beyond 10^±250 the last digit may be off.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from iceclass.io.text.parsing import _LARGEST, _POWER_HIGH, _POWER_LOW, Int, decimal

_TENS = 10 ** np.arange(19, dtype=np.int64)
WIDEST = 26  # bytes of a number, with the blank before it

INTEGERS, DOUBLES, SINGLES, TEXTS = 0, 1, 2, 3


@numba.njit(cache=True, nogil=True)
def _put_unsigned(out: NDArray[np.uint8], p: Int, value: Int, digits: Int) -> Int:
    """Write an unsigned integer with at least ``digits`` digits; the position after it."""
    rest = np.uint64(value)
    ten = np.uint64(10)
    n = 0
    while rest != 0 or n < digits:
        quotient = rest // ten
        out[p + n] = np.uint8(48 + (rest - quotient * ten))
        rest = quotient
        n += 1
    for i in range(n // 2):
        out[p + i], out[p + n - 1 - i] = out[p + n - 1 - i], out[p + i]
    return p + n


@numba.njit(cache=True, nogil=True)
def _put_int(out: NDArray[np.uint8], p: Int, value: Int) -> Int:
    if value < 0:
        out[p] = 45
        return _put_unsigned(out, p + 1, np.uint64(0) - np.uint64(value), 1)
    return _put_unsigned(out, p, np.uint64(value), 1)


@numba.njit(cache=True, nogil=True)
def _put_word(out: NDArray[np.uint8], p: Int, a: Int, b: Int, c: Int) -> Int:
    out[p], out[p + 1], out[p + 2] = a, b, c
    return p + 3


@numba.njit(cache=True, nogil=True)
def _seventeen(value: float, exponent: Int) -> Int:
    """value · 10^(16 − exponent) rounded to an integer, in double-double arithmetic."""
    power = 16 - exponent
    hi = _POWER_HIGH[power + _LARGEST]
    lo = _POWER_LOW[power + _LARGEST]
    product = value * hi
    c = 134217729.0 * value
    vh = c - (c - value)
    vl = value - vh
    c = 134217729.0 * hi
    ph = c - (c - hi)
    pl = hi - ph
    error = ((vh * ph - product) + vh * pl + vl * ph) + vl * pl + value * lo
    whole = np.floor(product)
    return np.int64(whole) + np.int64(np.rint((product - whole) + error))


@numba.njit(cache=True, nogil=True)
def _reads_back(digits: Int, exponent: Int, number: float, single: bool) -> bool:
    back = decimal(np.uint64(digits), exponent)
    return back == number or (single and np.float32(back) == np.float32(number))


@numba.njit(cache=True, nogil=True)
def _put_float(out: NDArray[np.uint8], p: Int, value: float, single: bool) -> Int:
    """Write a number; the position after it."""
    if np.isnan(value):
        return _put_word(out, p, 110, 97, 110)
    if math.copysign(1.0, value) < 0.0:
        out[p] = 45
        p += 1
        value = -value
    if np.isinf(value):
        return _put_word(out, p, 105, 110, 102)
    if value == 0.0:
        out[p] = 48
        return p + 1
    if 1e-5 <= value < 1e15:
        limit = 1e9 if single else 9007199254740992.0
        for decimals in range(18):
            scaled = np.rint(value * _POWER_HIGH[_LARGEST + decimals])
            if scaled >= limit:
                break
            back = scaled / _POWER_HIGH[_LARGEST + decimals]
            if back == value or (single and np.float32(back) == np.float32(value)):
                return _put_fixed(out, p, np.int64(scaled), decimals)
    # 17 digits tell every double apart, 9 every single; fewer may do, and 15 or 6 always are right
    number = value
    exponent = np.int64(np.floor(np.log10(value)))
    extra = 0
    if exponent < -250:  # keep the powers and the halves of products within range
        value *= 1e60
        extra = -60
        exponent += 60
        if exponent < -250:
            exponent = np.int64(np.floor(np.log10(value)))
    elif exponent > 250:
        value *= 1e-60
        extra = 60
        exponent -= 60
    digits = _seventeen(value, exponent)
    if digits >= 100000000000000000:
        exponent += 1
        digits = _seventeen(value, exponent)
    elif digits < 10000000000000000:
        exponent -= 1
        digits = _seventeen(value, exponent)
    exponent += extra
    n = 6 if single else 15
    longest = 9 if single else 17
    shorter: Int = digits
    while n <= longest:
        unit = _TENS[17 - n]
        shorter = (digits + unit // 2) // unit
        if _reads_back(shorter, exponent - n + 1, number, single):
            break
        # halfway between two, as 17 digits tell: the one below may be the nearer
        if digits % unit == unit // 2 and _reads_back(
            shorter - 1, exponent - n + 1, number, single
        ):
            shorter -= 1
            break
        n += 1
    n = min(n, longest)
    digits = shorter
    if digits >= _TENS[n]:  # rounded up to another power of ten
        digits //= 10
        exponent += 1
    while n > 1 and digits % 10 == 0:
        digits //= 10
        n -= 1
    if -5 <= exponent < n:
        return _put_fixed(out, p, digits, n - 1 - exponent)
    stop = _put_unsigned(out, p, digits, 1)
    if n > 1:
        for i in range(stop, p + 1, -1):
            out[i] = out[i - 1]
        out[p + 1] = 46
        stop += 1
    out[stop] = 101
    return _put_int(out, stop + 1, exponent)


@numba.njit(cache=True, nogil=True)
def _put_fixed(out: NDArray[np.uint8], p: Int, scaled: Int, decimals: Int) -> Int:
    """Write scaled · 10^−decimals."""
    if decimals == 0:
        return _put_unsigned(out, p, scaled, 1)
    stop = _put_unsigned(out, p, scaled, decimals + 1)
    for i in range(stop, stop - decimals, -1):
        out[i] = out[i - 1]
    out[stop - decimals] = 46
    return stop + 1


@numba.njit(cache=True, nogil=True)
def append_columns(
    rows: NDArray[np.uint8],
    n_rows: Int,
    kinds: NDArray[np.int8],
    slots: NDArray[np.int64],
    widths: NDArray[np.int64],
    integers: NDArray[np.int64],
    floats: NDArray[np.float64],
    texts: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> Int:
    """Copy rows and append one field a column to each, a blank before it.

    Parameters
    ----------
    rows
        The rows so far, each ended by a line feed; or nothing, to begin new ones.
    kinds, slots, widths
        (columns,) What each column holds; where: row of ``integers`` or ``floats``, or first byte
        in ``texts``; of a text its width.
    integers, floats, texts
        (k, n_rows), (l, n_rows) and (n_rows, bytes); texts are padded by zeros.
    out
        Large enough for everything.

    Returns
    -------
    length
        Bytes written to ``out``; −1 − column where a text is empty or holds a blank.
    """
    p = 0
    q = 0
    for row in range(n_rows):
        begin = q
        if rows.shape[0] > 0:
            stop = p
            while rows[stop] != 10:
                stop += 1
            last = stop
            while last > p and (
                rows[last - 1] == 32 or rows[last - 1] == 13 or rows[last - 1] == 9
            ):
                last -= 1
            while p < last:
                out[q] = rows[p]
                p += 1
                q += 1
            p = stop + 1
        for column in range(kinds.shape[0]):
            if q > begin:
                out[q] = 32
                q += 1
            slot = slots[column]
            if kinds[column] == INTEGERS:
                q = _put_int(out, q, integers[slot, row])
            elif kinds[column] == DOUBLES:
                q = _put_float(out, q, floats[slot, row], False)
            elif kinds[column] == SINGLES:
                q = _put_float(out, q, floats[slot, row], True)
            else:
                i = 0
                while i < widths[column] and texts[row, slot + i] != 0:
                    if texts[row, slot + i] <= 32:
                        return -1 - column
                    out[q] = texts[row, slot + i]
                    q += 1
                    i += 1
                if i == 0:
                    return -1 - column
        out[q] = 10
        q += 1
    return q
