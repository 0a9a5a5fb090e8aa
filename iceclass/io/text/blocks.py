"""Lines and blocks of lines from a byte source, with their line numbers."""

from __future__ import annotations

import re

import numba
import numpy as np
from numpy.typing import NDArray

from iceclass.io.text.streams import ByteSource

BUFFER = 1 << 21  # bytes at first; grows to hold a frame
_STEP = 1 << 24  # by which a large buffer grows, at least
_HANDED_OVER = 1 << 24  # bytes of a block from which on it is not copied
_RECHECK = 1 << 25
_LONG = 1 << 16  # bytes of a row on average beyond which a large block cannot be rows
_BLANK = re.compile(rb"(?:[ \t\r\x0b\x0c]*+\n)++")
LINE = 1 << 20  # no line is that long: what this is, its reader will say

Text = bytes | bytearray
"""Of rows: read-only by agreement, whichever holds them."""


class LineBuffer:
    """Reads a dump item by item: single lines of the header, then all rows at once.

    Attributes
    ----------
    line
        Number of lines consumed; the next line is number ``line + 1``.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._data = bytearray(BUFFER)
        self._at = 0  # the first byte not consumed
        self._end = 0  # end of the bytes that are there
        self._ended = False
        self.line = 0

    @property
    def offset(self) -> int:
        """Place of the first byte not consumed, in the decompressed data."""
        return self._source.offset - (self._end - self._at)

    @property
    def growing(self) -> bool:
        """Whether the end of what is there need not be the end: it is waited for more."""
        return self._source.growing and not self._ended

    def seek(self, offset: int, line: int) -> None:
        """Go on at another place, which ``line`` lines stand before."""
        self._source.seek(offset)
        self._at = self._end = 0
        self._ended = False
        self.line = line

    def _fill(self) -> bool:
        """Read on; what is there moves to the front, or the buffer grows, where it must."""
        if self._ended:
            return False
        size = len(self._data)
        if self._end == size and self._at < size // 2:
            self._data += bytes(min(size, max(_STEP, size // 4)))
        elif self._end == size:
            rest = self._data[self._at :]
            self._data[: len(rest)] = rest
            self._at, self._end = 0, len(rest)
        with memoryview(self._data) as view:
            n = self._source.readinto(view[self._end :])
        self._end += n
        self._ended = n == 0
        return not self._ended

    def peek(self) -> bytes | None:
        """The next line without its end, ``None`` at the end of the data."""
        seen = 0
        while (stop := self._data.find(b"\n", self._at + seen, self._end)) < 0:
            seen = self._end - self._at
            if seen > LINE or not self._fill():
                stop = self._end
                if stop == self._at:
                    return None
                break
        return bytes(self._data[self._at : stop]).rstrip(b"\r")

    def next(self) -> bytes | None:
        """Consume a line."""
        line = self.peek()
        if line is not None:
            stop = self._data.find(b"\n", self._at, self._end)
            self._at = self._end if stop < 0 else stop + 1
            self.line += 1
        return line

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """What the pattern finds here, in what is in memory already; nothing is consumed."""
        return pattern.match(self._data, self._at, self._end)

    def consume(self, match: re.Match[bytes]) -> None:
        """Consume what was matched."""
        self.line += self._data.count(b"\n", self._at, match.end())
        self._at = match.end()

    def skip_blank(self) -> None:
        """Consume lines of white space, and the byte-order mark some editors put first."""
        if self.line == 0 and self.offset == 0:
            self._fill()
            if self._data.startswith(b"\xef\xbb\xbf", self._at, self._end):
                self._at += 3
        while (line := self.peek()) is not None and not line.strip():
            blank = self.match(_BLANK)
            if blank is None:  # more than a buffer of white space, or without a line end
                self.next()
            else:
                self.consume(blank)

    def until_item(self, enough: int) -> Text:
        """Consume everything up to the next line that begins with ``ITEM:``, or to the end.

        Stops early where far more than ``enough`` lines come without such a line, so that a
        damaged file is not gathered whole in memory; of data that are still growing, as soon as
        ``enough`` lines are there. The caller counts the lines.
        """
        seen = lines = counted = 0  # from the first byte not consumed, which _fill may move
        while True:
            stop = self._item(seen)
            if stop >= 0:
                break
            stop, seen = self._end, self._end - self._at
            lines += self._count(self._at + counted, stop)
            counted = seen
            if seen > _RECHECK and (lines > enough or seen > _LONG * (lines + 1)):
                break
            if self.growing and lines >= enough:
                after = self._after(enough)
                if b"ITEM:".startswith(self._data[after:stop].strip()):
                    stop = after  # else there are more rows, as the reader will find
                break
            if not self._fill():
                stop = self._end
                break
        if stop - self._at >= _HANDED_OVER:  # large: with the buffer itself, not twice in memory
            block, rest = self._data, self._data[stop : self._end]
            del block[stop:], block[: self._at]
            self._put(rest)
            return block
        with memoryview(self._data) as view:
            copy = bytes(view[self._at : stop])
        self._at = stop
        return copy

    def take_lines(self, n: int) -> bytes:
        """Consume ``n`` lines, or fewer where the data end before; the caller counts them.

        Stops early where they are far longer than any row is.
        """
        lines = seen = 0
        while lines < n:
            stop = self._end
            lines += self._count(self._at + seen, stop)
            seen = stop - self._at
            if seen > _RECHECK and seen > _LONG * (lines + 1):
                break
            if lines < n and not self._fill():
                break
        stop = self._after(n) if lines >= n else self._end
        with memoryview(self._data) as view:
            block = bytes(view[self._at : stop])
        self._at = stop
        return block

    def skip_rows(self, n: int) -> int:
        """Pass over ``n`` lines, or fewer where a line begins with ``ITEM:`` or the data end.

        Returns how many, and counts them. Memory does not grow with them.
        """
        left = n
        while left > 0:
            stop = item = self._item(0)
            if item < 0:
                stop = self._data.rfind(b"\n", self._at, self._end) + 1 or self._at
            found = self._count(self._at, stop)
            if found > left:
                found, stop = left, self._after(left)
            self._at = stop
            self.line += found
            left -= found
            if item >= 0 or left == 0:
                break
            if self._end - self._at > LINE:
                self._at = self._end - 1  # not all: what comes next is no beginning of a line
            if not self._fill():
                left -= self._at < self._end
                self._at = self._end
                break
        return n - left

    def give_back(self, end: Text) -> None:
        """Put back the end of the block that was read last."""
        self._put(end + self._data[self._at : self._end])

    def _put(self, data: Text) -> None:
        """Have these bytes, and no others, in a buffer of the first size or of theirs."""
        self._data = bytearray(max(BUFFER, len(data)))
        self._data[: len(data)] = data
        self._at, self._end = 0, len(data)

    def _item(self, seen: int) -> int:
        """Where the next line that begins with ``ITEM:`` is in memory, else −1."""
        data, start, end = self._data, self._at, self._end
        stop = start + seen
        while (stop := data.find(b":", stop, end)) >= 0:  # rare, so this is fast
            item = stop - 4
            if (
                item >= start
                and data[item:stop] == b"ITEM"
                and (item == start or data[item - 1] == 10)
            ):
                return item
            stop += 1
        return -1

    def _count(self, start: int, stop: int) -> int:
        """Line feeds in a part of memory."""
        return int(line_feeds(as_array(self._data)[start:stop]))

    def _after(self, n: int) -> int:
        """The place after ``n`` lines, all of them in memory."""
        text = as_array(self._data)[self._at : self._end]
        return self._at + int(after_lines(text, n))

    @property
    def at_end(self) -> bool:
        """Whether all data have been consumed."""
        return self._at >= self._end and (self._ended or not self._fill())


def as_array(text: Text) -> NDArray[np.uint8]:
    """The bytes of a text, read-only: of one type to compile."""
    return np.frombuffer(memoryview(text).toreadonly(), np.uint8)


@numba.njit(cache=True, nogil=True)
def line_feeds(text: NDArray[np.uint8]) -> int:
    """How many there are."""
    count = 0
    for i in range(text.shape[0]):
        count += text[i] == 10
    return count


@numba.njit(cache=True, nogil=True)
def after_lines(text: NDArray[np.uint8], n: int) -> int:
    """The place after ``n`` line feeds; −1 where there are fewer."""
    if n == 0:
        return 0
    for i in range(text.shape[0]):
        n -= text[i] == 10
        if n == 0:
            return i + 1
    return -1


def item_of(line: bytes) -> str:
    """What stands behind ``ITEM:``, in single blanks."""
    return " ".join(text_of(line[5:]).split())


def text_of(data: Text) -> str:
    """Bytes as text, without the line end."""
    return data.decode("utf-8", "replace").rstrip("\r\n")


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Column names; a second one of the same name gets ``_2``, and so on."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(out)


def looks_cut(rows: Text) -> bool:
    """Whether the last row, which has no line end, may stop within its last number.

    Files joined by hand may lack the last line end, so it passes where the number is as long as
    numbers in that column get: in digits (%g) or in decimals (%f).
    """
    lines = rows.rstrip(b"\n").split(b"\n")
    last, before = lines[-1], lines[:-1]
    if last[-1:] in b"+-.eE" or not before:
        return True
    if all(line.rstrip(b"\r")[-1:] == b" " for line in before):
        return last[-1:] != b" "
    texts = [line.split()[-1].lower() for line in [*before, last]]
    digits = [sum(byte in b"0123456789" for byte in text.strip(b"-0.")) for text in texts]
    decimals = [len(text.partition(b".")[2]) for text in texts]
    as_long = digits[-1] >= max(digits[:-1])
    return not (as_long or 0 < max(decimals[:-1]) <= decimals[-1])
