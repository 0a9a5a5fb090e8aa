"""Writing files so that a final name always holds a whole file, or nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

from iceclass.errors import OutputError


def check_output(path: str | Path, *, force: bool = False) -> None:
    """Whether a file may be written at ``path``, before any work is done for it.

    Raises
    ------
    OutputError
        The file exists and ``force`` is not given, the path is a directory, or its directory
        is missing or may not be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError("is a directory, expected the name of a file to write", path=path)
    if path.exists() and not force:
        raise OutputError("exists already", path=path, hint="use force=True to replace it")
    if not path.parent.is_dir():
        raise OutputError(
            f"the directory {path.parent} does not exist", path=path, hint="create it first"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"the directory {path.parent} cannot be written", path=path)


def _temporary_name(name: str, process: int | str) -> str:
    return f".{process}.part.{name}"


def remove_abandoned(path: str | Path) -> None:
    """Remove what killed processes left of a file that they were replacing.

    Only the processes of this machine are known: whoever calls this must hold a lock that keeps
    other machines from writing ``path``.
    """
    path = Path(path)
    for temporary in path.parent.glob(_temporary_name(escape(path.name), "*")):
        process = temporary.name.split(".")[1]
        if process.isdecimal() and temporary.name == _temporary_name(path.name, process):
            with suppress(OverflowError, OSError):  # no number of a process; may not be removed
                if not _is_running(int(process)):
                    temporary.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # of another user
    return True


class OutputLock:
    """``.NAME.lock`` beside an output, held by the process that writes it.

    Raises
    ------
    OutputError
        Another process holds it, or it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        from filelock import FileLock, Timeout

        path = Path(path)
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise OutputError(
                "is being written by another process", path=path, hint="wait for it, or stop it"
            ) from None
        except OSError as error:
            raise OutputError(f"cannot be written ({error.strerror or error})", path=path) from None

    def release(self) -> None:
        """Let others write this output, and leave no trace of the lock."""
        if self._lock.is_locked:
            if os.name == "posix":  # elsewhere releasing it removes it
                Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()


class Replacement:
    """A file written under a temporary name beside its final one, and moved there when it is whole.

    The temporary name keeps the suffixes of the final one, since many writers go by them.

    Parameters
    ----------
    path
        The final name.
    force
        Replace an existing file.

    Attributes
    ----------
    temporary
        The name to write to.

    Raises
    ------
    OutputError
        As :func:`check_output`.
    """

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        self.path = Path(path)
        check_output(self.path, force=force)
        self.temporary = self.path.with_name(_temporary_name(self.path.name, os.getpid()))
        self._force = force

    def commit(self) -> None:
        """Move the file to its final name.

        Raises
        ------
        OutputError
            It cannot be moved, or another file has appeared there.
        """
        if not self._force and self.path.exists():
            raise OutputError("appeared while it was being written", path=self.path)
        try:
            os.replace(self.temporary, self.path)
        except OSError as error:
            raise self.failure(error) from error

    def abort(self) -> None:
        """Throw away what was written, unless it has its final name."""
        self.temporary.unlink(missing_ok=True)

    def failure(self, error: OSError) -> OutputError:
        """What the system said, as an error about the final name."""
        return OutputError(f"cannot be written ({error.strerror or error})", path=self.path)


@contextmanager
def replacing(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """The temporary name of a :class:`Replacement`, which is moved when the block ends well.

    On failure nothing is left behind and an existing file stays as it was.
    """
    replacement = Replacement(path, force=force)
    try:
        yield replacement.temporary
        replacement.commit()
    except OSError as error:
        raise replacement.failure(error) from error
    finally:
        replacement.abort()


def write_text(path: str | Path, text: str, *, force: bool = False) -> None:
    """Write a text, UTF-8, whole or not at all; ``force``: in place of an existing file.

    Raises
    ------
    OutputError
        It cannot be written, or exists (without ``force``).
    """
    with replacing(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: Any, *, force: bool = False) -> None:
    """Write JSON for people to read, too; arguments and errors as of :func:`write_text`."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n", force=force)
