"""Records of frames in a file rather than in memory: one line of JSON each, after a checksum."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self
from weakref import finalize
from zlib import crc32

_BLOCK = 1 << 18
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def record_line(record: Mapping[str, Any]) -> bytes:
    """A line of the file: the checksum of the JSON text, and the text."""
    text = _JSON.encode(record)
    return f"{crc32(text.encode()):08x} {text}\n".encode()


def sound_records(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The records of complete lines, up to the first that is damaged or none of ours."""
    for line in lines:
        try:
            record = json.loads(line[9:])
            sound = isinstance(record, dict) and record_line(record) == line
        except (ValueError, RecursionError):  # half a character is JSON, and no text
            return
        if not sound:
            return
        yield record


class RecordFile(Collection[dict[str, Any]]):
    """Records, appended one at a time, and read from the file whenever they are iterated over.

    The file may lose its name meanwhile. Pickled, this is a list.

    Parameters
    ----------
    file
        Descriptor of an empty file, open for reading and writing; closed with this object.

    Attributes
    ----------
    last
        The record that was appended last, if there is any.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._closing = finalize(self, os.close, file)
        self._start = self._count = 0
        self.last: dict[str, Any] | None = None

    @classmethod
    def temporary(cls, directory: str | Path | None = None) -> Self:
        """In a file without a name, in a directory or the system's one for temporary files."""
        with TemporaryFile(dir=directory) as file:
            return cls(os.dup(file.fileno()))

    def close(self) -> None:
        """Close the file now; what was read of it stays."""
        self._closing()

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a record."""
        self._write(record)
        self._count, self.last = self._count + 1, dict(record)

    def note(self, entry: Mapping[str, Any]) -> None:
        """Write a line that is no record, before the first of them or after the last."""
        size = self._write(entry)
        if self._count == 0:
            self._start += size

    def _write(self, entry: Mapping[str, Any]) -> int:
        line = memoryview(record_line(entry))
        left = line
        while left:  # less than all may be taken at a time
            left = left[os.write(self._file, left) :]
        return len(line)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        left, offset, rest = self._count, self._start, b""
        while left > 0:
            block = os.pread(self._file, _BLOCK, offset)
            if not block:
                raise OSError("the file of records was cut short by another process")
            offset += len(block)
            *lines, rest = (rest + block).split(b"\n")
            for line in lines[:left]:
                yield json.loads(line[9:])
            left -= len(lines)

    def __contains__(self, item: object) -> bool:
        return any(item == record for record in self)

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[dict[str, Any]]]]:
        return list, (list(self),)
