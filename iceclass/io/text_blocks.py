"""Lines and blocks of lines from a byte source, with their line numbers."""

from __future__ import annotations

from iceclass.io.streams import ByteSource

BUFFER = 1 << 21  # bytes at first; grows to hold a frame
_RECHECK = 1 << 26


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

    def _fill(self) -> bool:
        """Read on; what is there moves to the front, or to a larger buffer, where it must."""
        if self._ended:
            return False
        if self._end == len(self._data):
            rest = self._data[self._at : self._end]
            if self._at < len(self._data) // 2:
                self._data = bytearray(2 * len(self._data))
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
            # no header line is that long: what this is, its reader will say
            if seen > 1 << 20 or not self._fill():
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

    def skip_blank(self) -> None:
        """Consume lines of white space, and the byte-order mark some editors put first."""
        if self.line == 0 and self._at == 0:
            self._fill()
            if self._data.startswith(b"\xef\xbb\xbf"):
                self._at = 3
        while (line := self.peek()) is not None and not line.strip():
            self.next()

    def until_item(self, enough: int) -> bytes:
        """Consume everything up to the next line that begins with ``ITEM:``, or to the end.

        Stops early where far more than ``enough`` lines come without such a line, so that a
        damaged file is not gathered whole in memory. The caller counts the lines.
        """
        data, seen, check = self._data, 0, _RECHECK
        while True:  # places count from the first byte not consumed, which _fill may move
            start = self._at
            stop = data.find(b":", start + seen, self._end)  # rare, so this is fast
            if stop < 0:
                seen = self._end - start
                if seen > check:
                    check = 2 * seen
                    if data.count(b"\n", start, self._end) > enough:
                        stop = self._end
                        break
                more = self._fill()
                data = self._data
                if not more:
                    start, stop = self._at, self._end
                    break
            else:
                item = stop - 4
                if (
                    item >= start
                    and data[item:stop] == b"ITEM"
                    and (item == start or data[item - 1] == 10)
                ):
                    stop = item
                    break
                seen = stop + 1 - start
        with memoryview(data) as view:
            block = bytes(view[start:stop])
        self._at = stop
        return block

    @property
    def at_end(self) -> bool:
        """Whether all data have been consumed."""
        return self._at >= self._end and (self._ended or not self._fill())


def item_of(line: bytes) -> str:
    """What stands behind ``ITEM:``, in single blanks."""
    return " ".join(text_of(line[5:]).split())


def text_of(data: bytes) -> str:
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


def looks_cut(rows: bytes) -> bool:
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
