"""Output that survives the process that writes it: a run that was stopped goes on where it was.

Beside the final name stand two hidden files until the run is done: ``.NAME.part`` with the output
so far, and ``.NAME.journal`` with one line of JSON for every frame in it. A line is written after
the frame it is about, so whatever moment the process ends at, the journal's complete lines tell
what of the output can be kept; the rest is cut off.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self
from zlib import crc32

from iceclass.errors import OutputError
from iceclass.files import check_output
from iceclass.io.text.streams import compressor

VERSION = 1
_SAMPLE = 1 << 16
_BLOCK = 1 << 20


def journal_path(path: str | Path) -> Path:
    """Where the journal of an unfinished output is."""
    return Path(path).with_name(f".{Path(path).name}.journal")


def was_finishing(path: str | Path) -> bool:
    """Whether an earlier run had come so far as to write final names, and was stopped then."""
    return any("finishing" in entry for entry in _entries(journal_path(path)))


class Pieces:
    """Bytes written in pieces, each of them compressed by itself if the suffix asks for it.

    Attributes
    ----------
    path
        The file that the pieces are for.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._suffix = self.path.suffix.lower()
        self._raw: IO[bytes]
        self._data: Any = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes to the piece under way."""
        try:
            if self._data is None:
                self._data = compressor(self._raw, self._suffix)
            view = memoryview(data).cast("B")
            while len(view) > 0:  # an unbuffered file may take less than all
                view = view[self._data.write(view) or len(view) :]
        except OSError as error:
            raise self._failure(error) from None

    def _end_piece(self) -> None:
        if self._data is not None and self._data is not self._raw:
            self._data.close()
        self._data = None

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot be written ({error.strerror or error})",
            path=self.path,
            hint="what was written is kept; run the same command again to go on from there",
        )


class ResumableFile(Pieces):
    """A file for writing bytes, in pieces that are kept when the process ends early.

    Parameters
    ----------
    path
        Final name; its suffix may ask for compression.
    settings
        All that the bytes depend on besides the source; JSON-serialisable. Pieces made with the
        same settings are kept, others thrown away.
    source
        The file that the bytes are made from. Pieces are kept where it is what it was, or has
        only grown. None: no pieces are kept.
    force
        Replace an existing file.

    Attributes
    ----------
    records
        What :meth:`keep` was told of the pieces that are there already.

    Raises
    ------
    OutputError
        The path exists (without ``force``), its directory is missing or cannot be written, or
        another process is writing the same file.
    """

    def __init__(
        self,
        path: str | Path,
        settings: Mapping[str, Any],
        *,
        source: Path | None = None,
        force: bool = False,
    ) -> None:
        super().__init__(path)
        check_output(self.path, force=force or was_finishing(self.path))
        self._part = self.path.with_name(f".{self.path.name}.part")
        self.records: list[dict[str, Any]] = []
        try:
            self._raw = open(self._part, "ab", buffering=0)  # noqa: SIM115
            self._lock()
            end = self._recover(json.loads(json.dumps({"journal": VERSION, **settings})), source)
            self._raw.truncate(end)
            self._raw.seek(end)
        except OSError as error:
            raise self._failure(error) from None

    def _lock(self) -> None:
        try:
            fcntl.flock(self._raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._raw.close()
            raise OutputError(
                "is being written by another process",
                path=self.path,
                hint="wait for it, or stop it",
            ) from None

    def _recover(self, header: dict[str, Any], source: Path | None) -> int:
        """Read what an earlier run left; where its kept bytes end."""
        journal, size, end = journal_path(self.path), os.fstat(self._raw.fileno()).st_size, 0
        entries = _entries(journal)
        finishing = any("finishing" in entry for entry in entries)
        before = entries[0].pop("source", None) if entries else None
        if entries:
            entries[0].pop("finishing", None)
        if source is not None and before is not None and entries[0] == header:
            for entry in entries[1:] if _is_same(source, before) else []:
                if "end" not in entry or entry["end"] > size:
                    break
                self.records.append(entry)
                end = entry["end"]
        if source is not None:
            header["source"] = _fingerprint(source)
        if finishing:  # until this is over, files of this run may stand beside the output
            header["finishing"] = True
        lines = [header, *self.records]
        temporary = journal.with_name(f"{journal.name}.new")
        temporary.write_text("".join(_line(entry) for entry in lines), encoding="utf-8")
        os.replace(temporary, journal)
        self._journal: IO[str] = open(journal, "a", encoding="utf-8")  # noqa: SIM115
        return end

    def append(self, made: IO[bytes], size: int) -> None:
        """Append the next ``size`` bytes of ``made``: a whole piece, compressed already."""
        self._data = self._raw
        while size > 0:
            block = made.read(min(size, _BLOCK))
            if not block:
                raise OutputError(
                    f"{size} bytes are missing of a frame in {made.name}", path=self.path
                )
            self.write(block)
            size -= len(block)

    def keep(self, record: Mapping[str, Any]) -> None:
        """End a piece: from now on it and its record survive whatever happens to the process."""
        try:
            self._end_piece()
            self._journal.write(_line({**record, "end": self._raw.tell()}))
            self._journal.flush()
        except OSError as error:
            raise self._failure(error) from None

    def finishing(self) -> None:
        """Say that all pieces are there and final names are being written."""
        try:
            self._journal.write(_line({"finishing": True}))
            self._journal.flush()
        except OSError as error:
            raise self._failure(error) from None

    def commit(self) -> None:
        """Finish the file and move it to its final name."""
        if self._raw.closed:
            return
        try:
            self._end_piece()
            os.fsync(self._raw.fileno())
            os.replace(self._part, self.path)
            journal_path(self.path).unlink(missing_ok=True)
        except OSError as error:
            raise self._failure(error) from None
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the file and leave its pieces for another run; none: leave nothing."""
        if self._raw.closed:
            return
        with suppress(OSError):  # a disk may be full
            self._journal.close()
        if self._part.exists() and not any("end" in e for e in _entries(journal_path(self.path))):
            self._part.unlink(missing_ok=True)
            journal_path(self.path).unlink(missing_ok=True)
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


def _fingerprint(path: Path, size: int | None = None) -> dict[str, Any]:
    """What a file, or its first ``size`` bytes, is told again by."""
    status = path.stat()
    size = status.st_size if size is None else size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start in (0, max(size - _SAMPLE, 0)):
            file.seek(start)
            digest.update(file.read(min(_SAMPLE, size - start)))
    return {
        "path": str(path.resolve()),
        "size": size,
        "sha256": digest.hexdigest(),
        "mtime": status.st_mtime_ns,
    }


def _is_same(path: Path, before: Mapping[str, Any]) -> bool:
    """Whether a file is what it was when it had that fingerprint, or has only grown."""
    size = before.get("size")
    if not isinstance(size, int) or not 0 <= size <= path.stat().st_size:
        return False
    now = _fingerprint(path, size)
    if path.stat().st_size > size:
        now["mtime"] = before.get("mtime")
    return now == before


def _line(entry: Mapping[str, Any]) -> str:
    """A line of the journal: a checksum of the entry, and the entry."""
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    return f"{crc32(text.encode()):08x} {text}\n"


def _entries(journal: Path) -> list[dict[str, Any]]:
    """The complete lines of a journal, up to the first that is damaged or none of ours."""
    try:
        text = journal.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    entries = []
    for line in text.split("\n")[:-1]:
        try:
            entry = json.loads(line[9:])
        except (ValueError, RecursionError):
            break
        if not isinstance(entry, dict) or _line(entry) != f"{line}\n":
            break
        entries.append(entry)
    return entries
