"""Writing files so that a final name always holds a whole file, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def replacing(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary name beside ``path``, moved to ``path`` when the block ends well.

    The temporary name keeps the suffixes of the final one, since many writers go by them. On
    failure nothing is left behind and an existing file stays as it was.
    """
    check_output(path, force=force)
    temporary = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", path=path) from error
    finally:
        temporary.unlink(missing_ok=True)
