"""Opening files as they are stored: plain or compressed, read forward in blocks; atomic output."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from iceclass.errors import InputError, OutputError
from iceclass.files import check_output
from iceclass.io import suffixes

MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
}
BLOCK = 1 << 20


def without_compression(path: str | Path) -> Path:
    """The path without the suffix of a compression (``a.lammpstrj.gz`` → ``a.lammpstrj``)."""
    path = Path(path)
    return path.with_suffix("") if path.suffix.lower() in suffixes.COMPRESSED else path


class ByteSource:
    """The bytes of a file, decompressed, from its start to its end.

    The compression is told by the first bytes of the file, never by its name: a file called
    ``.gz`` that is plain text is read as text.

    Attributes
    ----------
    path
        The file.
    total
        Its size in bytes as stored (0 where the system does not know it).
    compression
        ``"gz"``, ``"bz2"``, ``"xz"``, ``"zst"`` or ``None``.
    damage
        What the decompressor said when the stored data ended early or were damaged; all bytes
        that could be recovered before that place have been returned.
    offset
        Place of the next byte in the decompressed data.
    growing
        Whether the end of the data is waited at for more.

    Raises
    ------
    InputError
        The file does not exist, is a directory, cannot be read.
    """

    growing = False

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damage: str | None = None
        self.offset = 0
        self._done = 0
        if self.path.is_dir():
            raise InputError("is a directory, expected a trajectory file", path=path)
        try:
            self._raw: IO[bytes] = open(self.path, "rb", buffering=0)  # noqa: SIM115
            self.total = os.fstat(self._raw.fileno()).st_size
            head = self._raw.read(6)
            self._raw.seek(0)
        except FileNotFoundError:
            raise InputError("no such file", path=path) from None
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror or error})", path=path) from None
        self.compression = next((kind for m, kind in MAGIC.items() if head.startswith(m)), None)
        self._data = _decompressor(self._raw, self.compression)

    def readinto(self, view: memoryview) -> int:
        """Fill the front of ``view`` with the next bytes; how many, 0 at the end of the data."""
        n = self._readinto(view)
        self.offset += n
        return n

    def _readinto(self, view: memoryview) -> int:
        if self.damage is not None:
            return 0
        try:
            if self.compression in (None, "zst"):
                return cast(int, self._data.readinto(view))
            block = self._data.read1(min(len(view), BLOCK))  # what there is before any damage
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            self.damage = str(error)
            return 0
        except Exception as error:  # zstandard has an exception class of its own
            if type(error).__name__ != "ZstdError":
                raise
            self.damage = str(error)
            return 0
        view[: len(block)] = block
        return len(block)

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, by default all there are."""
        out = bytearray()
        buffer = bytearray(BLOCK if size < 0 else min(size, BLOCK))
        while size < 0 or len(out) < size:
            with memoryview(buffer) as view:
                n = self.readinto(view)
            if n == 0:
                break
            out += buffer[:n]
        if size >= 0:
            del out[size:]
        return bytes(out)

    @property
    def stamp(self) -> tuple[int, int]:
        """Size and time of the last change (ns) of the file that is open."""
        status = os.fstat(self._raw.fileno())
        return status.st_size, status.st_mtime_ns

    def seek(self, offset: int) -> None:
        """Go on at another place of the data; a compressed file is read up to there."""
        if self.compression is None:
            self._raw.seek(offset)
            self.offset = offset
            return
        with memoryview(bytearray(BLOCK)) as view:
            while (left := offset - self.offset) > 0 and self.readinto(view[: min(left, BLOCK)]):
                pass

    def starts_line(self, offset: int, text: bytes = b"") -> bool:
        """Whether a line, with this text, begins at ``offset`` of a file without compression."""
        before = max(0, offset - 1)
        self._raw.seek(before)
        found = self._raw.read(len(text) + 1)
        self._raw.seek(self.offset)
        head, rest = found[: offset - before], found[offset - before :]
        return rest.startswith(text) and head in (b"", b"\n")

    @property
    def position(self) -> tuple[int, int]:
        """Bytes read so far and bytes in all, both of the file as stored."""
        try:
            done = self._raw.tell()
        except (ValueError, OSError):  # closed, perhaps just now by another thread
            done = self._done
        return min(done, self.total), self.total

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if self._raw.closed:
            return
        self._done = self._raw.tell()
        if self._data is not self._raw:
            self._data.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _decompressor(raw: IO[bytes], compression: str | None) -> Any:
    if compression is None:
        return raw
    if compression == "gz":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    if compression == "bz2":
        return bz2.BZ2File(raw)
    if compression == "xz":
        return lzma.LZMAFile(raw)
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    return decompressor.stream_reader(raw, read_across_frames=True, closefd=False)


def peek(path: str | Path, size: int = 1 << 16) -> bytes:
    """Up to ``size`` decompressed bytes from the start of a file."""
    with ByteSource(path) as source:
        head = source.read(size)
        if not head and source.damage is not None:
            raise InputError(
                f"the {source.compression} data are damaged ({source.damage})", path=path
            )
        return head


class AtomicFile:
    """A file for writing bytes that appears under its name only when it is complete.

    Bytes go to a hidden temporary file beside the final one, through the compression that the
    suffix asks for. :meth:`commit` moves it into place; leaving a ``with`` block by an exception
    removes it.

    Raises
    ------
    OutputError
        The path exists (without ``force``), its directory is missing or cannot be written.
    """

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        self.path = Path(path)
        check_output(self.path, force=force)
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self._raw: IO[bytes] = open(self._temporary, "wb")  # noqa: SIM115
        except OSError as error:
            raise OutputError(f"cannot be written ({error.strerror or error})", path=path) from None
        self._force = force
        self._data = compressor(self._raw, self.path.suffix.lower())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        try:
            self._data.write(data)
        except OSError as error:
            raise OutputError(
                f"cannot be written ({error.strerror or error})", path=self.path
            ) from None

    def commit(self) -> None:
        """Finish the file and move it to its final name."""
        if self._raw.closed:
            return
        try:
            if self._data is not self._raw:
                self._data.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
            if self.path.exists() and not self._force:
                raise OutputError("appeared while it was being written", path=self.path)
            os.replace(self._temporary, self.path)
        except OSError as error:
            raise OutputError(
                f"cannot be written ({error.strerror or error})", path=self.path
            ) from None
        finally:
            self.abort()

    def abort(self) -> None:
        """Throw away what was written, unless it has been committed."""
        if self._data is not self._raw:
            with suppress(Exception):  # a compressor cannot finish on a full disk
                self._data.close()
        with suppress(OSError):  # nor can what waits in the buffer be written there
            self._raw.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


def compressor(raw: IO[bytes], suffix: str) -> Any:
    """What compresses into ``raw`` as the suffix asks; ``raw`` itself where it asks for nothing."""
    if suffix == ".gz":
        return gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=5, mtime=0)
    if suffix == ".bz2":
        return bz2.BZ2File(raw, "wb")
    if suffix == ".xz":
        return lzma.LZMAFile(raw, "wb", preset=3)
    if suffix == ".zst":
        import zstandard

        return zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False)
    return raw
