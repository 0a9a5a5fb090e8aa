"""Output that survives the process that writes it: a run that was stopped goes on where it was.

Beside the final name stand two hidden files until the run is done: ``.NAME.part`` with the output
so far, and ``.NAME.journal`` with one line of JSON for every frame in it; beside them the empty
``.NAME.lock``, so that no two processes write the same output. A line is written after
the frame it is about, so whatever moment the process ends at, the journal's complete lines tell
what of the output can be kept; the rest is cut off.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Self

from iceclass.errors import OutputError
from iceclass.files import OutputLock, check_output
from iceclass.io.output.records import RecordFile, sound_records
from iceclass.io.text.streams import compressor

VERSION = 1
_SAMPLE = 1 << 16
_BLOCK = 1 << 20


def journal_path(path: str | Path) -> Path:
    """Where the journal of an unfinished output is."""
    return Path(path).with_name(f".{Path(path).name}.journal")


def was_finishing(path: str | Path) -> bool:
    """Whether an earlier run had come so far as to write final names, and was stopped then."""
    try:
        with journal_path(path).open("rb") as file:
            first = file.readline()
            file.seek(max(len(first), file.seek(0, os.SEEK_END) - _SAMPLE))
            last = file.read().split(b"\n")[-2:-1]
    except OSError:
        return False
    lines = (first, *(line + b"\n" for line in last))
    return any("finishing" in entry for line in lines for entry in sound_records([line]))


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
    sources
        The files that the bytes are made from. Pieces are kept where they are what they were, but
        for the last one, which may have grown, and others behind it. None: no pieces are kept.
    force
        Replace an existing file.

    Attributes
    ----------
    records
        Of the pieces that are there: what :meth:`keep` was given, and the ``end`` of each.

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
        sources: Sequence[Path] = (),
        force: bool = False,
    ) -> None:
        super().__init__(path)
        check_output(self.path, force=force or was_finishing(self.path))
        self._part = self.path.with_name(f".{self.path.name}.part")
        self.records: RecordFile
        try:
            self._raw = open(self._part, "ab", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._failure(error) from None
        try:
            self._lock = OutputLock(self.path)
        except OutputError:
            self._raw.close()
            raise
        try:
            end = self._recover(json.loads(json.dumps({"journal": VERSION, **settings})), sources)
            self._raw.truncate(end)
            self._raw.seek(end)
        except OSError as error:
            self._close()
            raise self._failure(error) from None

    def _close(self) -> None:
        self._raw.close()
        self._lock.release()

    def _recover(self, header: dict[str, Any], sources: Sequence[Path]) -> int:
        """Take over what an earlier run left; where its kept bytes end."""
        journal, size, end = journal_path(self.path), os.fstat(self._raw.fileno()).st_size, 0
        finishing = was_finishing(self.path)
        temporary = journal.with_name(f"{journal.name}.new")
        records = RecordFile(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666))
        with journal.open("rb") if journal.exists() else BytesIO() as lines:
            entries = sound_records(lines)
            earlier = next(entries, {})
            before = earlier.pop("source", None)
            earlier.pop("finishing", None)
            goes_on = bool(sources) and earlier == header and _are_same(sources, before)
            if sources:
                header["source"] = [_fingerprint(path) for path in sources]
            if finishing:  # until this is over, files of this run may stand beside the output
                header["finishing"] = True
            records.note(header)
            for entry in entries if goes_on else ():
                if "end" not in entry or entry["end"] > size:
                    break
                records.append(entry)
                end = entry["end"]
        os.replace(temporary, journal)
        self.records = records
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
            self.records.append({**record, "end": self._raw.tell()})
        except OSError as error:
            raise self._failure(error) from None

    def finishing(self) -> None:
        """Say that all pieces are there and final names are being written."""
        try:
            self.records.note({"finishing": True})
        except OSError as error:
            raise self._failure(error) from None

    def commit(self) -> None:
        """Finish the file and move it to its final name."""
        if self._raw.closed:
            return
        try:
            self._end_piece()
            os.fsync(self._raw.fileno())
            self._raw.close()  # not every system moves open files
            os.replace(self._part, self.path)
            journal_path(self.path).unlink(missing_ok=True)
        except OSError as error:
            raise self._failure(error) from None
        finally:
            self.abort()
            self._lock.release()

    def abort(self) -> None:
        """Close the file and leave its pieces for another run; none: leave nothing."""
        if self._raw.closed:
            return
        if self._part.exists() and not self.records:
            self.discard()
        self._close()

    def discard(self) -> None:
        """Close the file and leave nothing of it: it would come to nothing another time, too."""
        if not self._raw.closed:
            self._part.unlink(missing_ok=True)
            journal_path(self.path).unlink(missing_ok=True)
        self._close()

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


def _are_same(paths: Sequence[Path], before: Any) -> bool:
    """Whether files are what they were when they had these fingerprints, or there is only more."""
    if not isinstance(before, list) or not 0 < len(before) <= len(paths):
        return False
    last = len(before) - 1
    return all(_is_same(paths[k], before[k], grown=k == last) for k in range(len(before)))


def _is_same(path: Path, before: Any, *, grown: bool) -> bool:
    """Whether a file is what it was when it had that fingerprint, or has ``grown`` at most."""
    size = before.get("size") if isinstance(before, dict) else None
    if not isinstance(size, int) or not 0 <= size <= path.stat().st_size:
        return False
    if size < path.stat().st_size and not grown:
        return False
    now = _fingerprint(path, size)
    if path.stat().st_size > size:
        now["mtime"] = before.get("mtime")
    return now == before
