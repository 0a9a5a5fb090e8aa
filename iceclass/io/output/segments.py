"""Parts of an output that other processes make, for one process to put together in order."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any, Self

from iceclass.errors import OutputError
from iceclass.io.output.resumable import Pieces

_NAME = ".{}.segments-"


@contextmanager
def segment_directory(path: str | Path) -> Iterator[Path]:
    """A hidden directory beside the output ``path``, there as long as the block lasts."""
    path = Path(path).resolve()
    directory = path.with_name(_NAME.format(path.name) + uuid.uuid4().hex[:12])
    try:
        directory.mkdir()
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror or error})", path=directory
        ) from None
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def remove_segments(path: str | Path) -> None:
    """Remove what killed runs left of the output ``path``, which nobody else may be writing."""
    path = Path(path)
    for directory in path.parent.glob(escape(_NAME.format(path.name)) + "*"):
        shutil.rmtree(directory, ignore_errors=True)


class SegmentFile(Pieces):
    """Pieces for a :class:`~iceclass.io.output.resumable.ResumableFile`, in a file of their own.

    A context manager: the file appears under its name, with its whole pieces, when the block ends.

    Parameters
    ----------
    segment
        The file.
    path
        The output that the pieces are for; its suffix may ask for compression.

    Attributes
    ----------
    pieces
        Size in bytes and record of every piece.

    Raises
    ------
    OutputError
        The file cannot be written.
    """

    def __init__(self, segment: Path, path: str | Path) -> None:
        super().__init__(path)
        self.pieces: list[tuple[int, dict[str, Any]]] = []
        self._segment, self._end = segment, 0
        self._temporary = segment.with_name(f"{segment.name}.{uuid.uuid4().hex}.part")
        try:
            self._raw = open(self._temporary, "xb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._failure(error) from None

    @property
    def records(self) -> list[dict[str, Any]]:
        """Of the pieces."""
        return [record for _, record in self.pieces]

    def keep(self, record: Mapping[str, Any]) -> None:
        """End a piece."""
        try:
            self._end_piece()
        except OSError as error:
            raise self._failure(error) from None
        end = self._raw.tell()
        self.pieces.append((end - self._end, dict(record)))
        self._end = end

    def commit(self) -> None:
        """Close the file with the pieces that were kept, and give it its name."""
        if self._raw.closed:
            return
        try:
            with suppress(OSError):
                self._end_piece()  # which is not kept
            self._raw.truncate(self._end)
            self._raw.close()
            os.replace(self._temporary, self._segment)
        except OSError as error:
            raise self._failure(error) from None
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the file and remove it, unless it has its name."""
        self._raw.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()
