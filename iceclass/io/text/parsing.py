"""Numba kernels that turn rows of text into columns of numbers.

A block of rows is a ``uint8`` array: fields parted by blanks or tabs, every row ended by a line
feed, a carriage return before it counts as a blank. One pass validates
every row and converts only the fields that are asked for.

Numbers are correctly rounded where the decimal significand is below 2⁵³ and the power of ten is
at most 22 (Clinger, PLDI 1990, doi:10.1145/93542.93557); elsewhere the product is formed in
double-double arithmetic (Dekker, Numer. Math. 18, 224 (1971), doi:10.1007/BF01397083), within
one unit in the last place for normal numbers.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int = Any  # an integer of Python or NumPy; compiled code has only the latter

# What to do with a field.
SKIP, INT, FLOAT, FINITE = 0, 1, 2, 3

# What stopped the parser.
OK, NO_ROW, TOO_FEW, TOO_MANY, NOT_A_NUMBER, NOT_AN_INTEGER, NOT_FINITE = 0, 1, 2, 3, 4, 5, 6

_LARGEST = 300


def _powers() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """10^e for −300 ≤ e ≤ 300 as the sum of two doubles, each correctly rounded."""
    high = np.empty(2 * _LARGEST + 1)
    low = np.empty_like(high)
    for e in range(-_LARGEST, _LARGEST + 1):
        above, below = 10 ** max(e, 0), 10 ** max(-e, 0)  # quotients of integers are rounded so
        high[e + _LARGEST] = above / below
        whole, parts = (above / below).as_integer_ratio()
        low[e + _LARGEST] = (above * parts - whole * below) / (below * parts)
    return high, low


_POWER_HIGH, _POWER_LOW = _powers()


@numba.njit(cache=True, nogil=True, inline="always")
def _is_blank(c: Int) -> bool:
    return c == 32 or c == 9 or c == 13


@numba.njit(cache=True, nogil=True)
def times_power_of_ten(digits: Int, exponent: Int) -> float:
    """digits · 10^exponent for an unsigned integer of at most 19 decimal digits."""
    if digits == 0:
        return 0.0
    if exponent > 310:
        return np.inf
    if exponent < -365:
        return 0.0
    extra: Any = 1.0
    if exponent > _LARGEST:  # the rest of the power goes in at the end
        extra = _POWER_HIGH[exponent]
        exponent = _LARGEST
    elif exponent < -_LARGEST:
        extra = _POWER_HIGH[exponent + 2 * _LARGEST]
        exponent = -_LARGEST
    wide = np.uint64(digits)
    d = np.float64(wide)
    rest = np.float64(np.int64(wide - np.uint64(d)))
    p = _POWER_HIGH[exponent + _LARGEST]
    q = _POWER_LOW[exponent + _LARGEST]
    if exponent > 250:  # halves of the factors must not overflow
        p *= 2.0**-64
        q *= 2.0**-64
        extra *= 2.0**64
    product = d * p
    # error of the product, by splitting both factors into halves of 26 bits
    c = 134217729.0 * d
    dh = c - (c - d)
    dl = d - dh
    c = 134217729.0 * p
    ph = c - (c - p)
    pl = p - ph
    error = ((dh * ph - product) + dh * pl + dl * ph) + dl * pl
    return (product + (error + (d * q + rest * p))) * extra


@numba.njit(cache=True, nogil=True, inline="always")
def decimal(digits: Int, exponent: Int) -> float:
    """The number that a decimal stands for: digits · 10^exponent, correctly rounded where short."""
    if digits < np.uint64(9007199254740992) and -22 <= exponent <= 22:
        if exponent < 0:
            return np.float64(digits) / _POWER_HIGH[_LARGEST - exponent]
        return np.float64(digits) * _POWER_HIGH[_LARGEST + exponent]
    return times_power_of_ten(digits, exponent)


@numba.njit(cache=True, nogil=True)
def _special(buf: NDArray[np.uint8], p: Int, stop: Int) -> float:
    """±inf for ``inf``/``infinity``, NaN for ``nan``, 0 for anything else."""
    n = stop - p
    a = buf[p] | 32
    b = buf[p + 1] | 32 if n > 1 else 0
    c = buf[p + 2] | 32 if n > 2 else 0
    if n == 3 and a == 110 and b == 97 and c == 110:
        return np.nan
    if n in (3, 8) and a == 105 and b == 110 and c == 102:
        if n == 8:
            word = (105, 110, 102, 105, 110, 105, 116, 121)
            for i in range(8):
                if buf[p + i] | 32 != word[i]:
                    return 0.0
        return np.inf
    return 0.0


@numba.njit(cache=True, nogil=True)
def parse_float(buf: NDArray[np.uint8], p: Int, end: Int) -> tuple[float, Int, bool]:
    """The number that begins at ``p``; (value, position after the field, whether it is one)."""
    start = p
    negative = False
    if buf[p] == 45 or buf[p] == 43:
        negative = buf[p] == 45
        p += 1
    first = p
    digits = np.uint64(0)
    kept = 0  # significant digits held in ``digits``
    exponent = 0
    seen = 0
    ten = np.uint64(10)
    while p < end:
        c = np.uint8(buf[p] - 48)
        if c > 9:
            break
        seen += 1
        if kept < 19:
            digits = digits * ten + np.uint64(c)
            if digits != 0:
                kept += 1
        else:
            exponent += 1
        p += 1
    if p < end and buf[p] == 46:
        p += 1
        while p < end:
            c = np.uint8(buf[p] - 48)
            if c > 9:
                break
            seen += 1
            if kept < 19:
                digits = digits * ten + np.uint64(c)
                if digits != 0:
                    kept += 1
                exponent -= 1
            p += 1
    if seen > 0 and p < end and (buf[p] | 32) == 101:
        p += 1
        down = False
        if p < end and (buf[p] == 45 or buf[p] == 43):
            down = buf[p] == 45
            p += 1
        power: Int = 0
        mark = p
        while p < end:
            c = np.uint8(buf[p] - 48)
            if c > 9:
                break
            if power < 100000:
                power = power * 10 + np.int64(c)
            p += 1
        if p == mark:
            seen = 0
        exponent += -power if down else power
    stop = p
    while stop < end and buf[stop] > 32:
        stop += 1
    if seen == 0 or stop != p:
        if first < stop:
            value = _special(buf, first, stop)
            if value != 0.0:
                return (-value if negative else value), stop, True
        return 0.0, stop if stop > start else start + 1, False
    value = decimal(digits, exponent)
    return (-value if negative else value), p, True


@numba.njit(cache=True, nogil=True)
def parse_int(buf: NDArray[np.uint8], p: Int, end: Int) -> tuple[Int, Int, bool]:
    """The integer that begins at ``p`` (``3.0`` counts as one); as :func:`parse_float`."""
    start = p
    negative = False
    if buf[p] == 45 or buf[p] == 43:
        negative = buf[p] == 45
        p += 1
    first = p
    value: Int = 0
    while p < end:
        c = np.uint8(buf[p] - 48)
        if c > 9:
            break
        value = value * 10 + np.int64(c)
        p += 1
    if p > first and p - first <= 18 and (p == end or buf[p] <= 32):
        return (-value if negative else value), p, True
    number, p, fine = parse_float(buf, start, end)
    if fine and abs(number) < 9007199254740992.0 and number == np.floor(number):
        return np.int64(number), p, True
    return 0, p, False


@numba.njit(cache=True, nogil=True, inline="always")
def _fast_float(buf: NDArray[np.uint8], p: Int) -> tuple[float, Int]:
    """A plain decimal of at most 15 digits that ends in a blank; position −1 where it is not one.

    Reads until it meets something that is no digit, so the buffer must end in a line feed.
    """
    negative = buf[p] == 45
    if negative:
        p += 1
    first = p
    digits = np.int64(0)
    c = np.uint8(buf[p] - 48)
    while c < 10:
        digits = digits * 10 + np.int64(c)
        p += 1
        c = np.uint8(buf[p] - 48)
    n = p - first
    decimals = 0
    if buf[p] == 46:
        p += 1
        first = p
        c = np.uint8(buf[p] - 48)
        while c < 10:
            digits = digits * 10 + np.int64(c)
            p += 1
            c = np.uint8(buf[p] - 48)
        decimals = p - first
        n += decimals
    if n == 0 or n > 15 or buf[p] > 32:
        return 0.0, -1
    value = np.float64(digits) / _POWER_HIGH[_LARGEST + decimals]
    return (-value if negative else value), p


@numba.njit(cache=True, nogil=True, inline="always")
def _fast_int(buf: NDArray[np.uint8], p: Int) -> tuple[Int, Int]:
    """An unsigned integer of at most 18 digits that ends in a blank, as :func:`_fast_float`."""
    first = p
    value = np.int64(0)
    c = np.uint8(buf[p] - 48)
    while c < 10:
        value = value * 10 + np.int64(c)
        p += 1
        c = np.uint8(buf[p] - 48)
    if p == first or p - first > 18 or buf[p] > 32:
        return 0, -1
    return value, p


@numba.njit(cache=True, nogil=True)
def parse_rows(
    buf: NDArray[np.uint8],
    n_rows: Int,
    actions: NDArray[np.int8],
    slots: NDArray[np.int64],
    ints: NDArray[np.int64],
    floats: NDArray[np.float64],
) -> tuple[Int, Int, Int, Int]:
    """Validate ``n_rows`` rows from the start of ``buf`` and convert the fields asked for.

    Parameters
    ----------
    buf
        The text; its last byte must be a line feed.
    actions, slots
        (columns,) What to do with each field, and where its values go: row of ``ints``
        for integers, column of ``floats`` for numbers.
    ints
        (k, n_rows) Filled with integers.
    floats
        (n_rows, l) Filled with numbers.

    Returns
    -------
    status, row, column, position
        ``OK`` and the position after the last row, or what was wrong with which field
        (for ``TOO_FEW`` the column is the number of fields found).
    """
    end = buf.shape[0]
    n_columns = actions.shape[0]
    p = 0
    for row in range(n_rows):
        if p >= end:
            return NO_ROW, row, 0, p
        for column in range(n_columns):
            while _is_blank(buf[p]):
                p += 1
            if buf[p] <= 32:
                return (TOO_FEW if buf[p] == 10 else NOT_A_NUMBER), row, column, p
            action = actions[column]
            if action == SKIP:
                while buf[p] > 32:
                    p += 1
            elif action == INT:
                integer, stop = _fast_int(buf, p)
                if stop < 0:
                    integer, stop, fine = parse_int(buf, p, end)
                    if not fine:
                        return NOT_AN_INTEGER, row, column, p
                p = stop
                ints[slots[column], row] = integer
            else:
                number, stop = _fast_float(buf, p)
                if stop < 0:
                    number, stop, fine = parse_float(buf, p, end)
                    if not fine:
                        return NOT_A_NUMBER, row, column, p
                    if action == FINITE and not np.isfinite(number):
                        return NOT_FINITE, row, column, p
                p = stop
                floats[row, slots[column]] = number
        while _is_blank(buf[p]):
            p += 1
        if buf[p] != 10:
            return TOO_MANY, row, n_columns, p
        p += 1
    return OK, n_rows, 0, p
