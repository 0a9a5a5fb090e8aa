"""The walk over frames that most readers share: which are asked for, which are damaged."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import Assembler, RawFrame


class Piece:
    """One frame of a file, not read yet.

    Parameters
    ----------
    line
        Where it begins, in text files.
    load
        Reads it; its errors are about this frame alone. Called before the next piece is asked
        for, or not at all.

    Attributes
    ----------
    loaded
        Whether it was asked for: if not, its bytes are still to be passed over.
    """

    def __init__(self, line: int | None, load: Callable[[], RawFrame]) -> None:
        self.line, self.loaded = line, False
        self._load = load

    def load(self) -> RawFrame:
        """The frame."""
        self.loaded = True
        return self._load()


def frames_of(
    pieces: Iterator[Piece],
    assembler: Assembler,
    path: Path,
    start: int,
    stop: int | None,
    every: int,
    skip_errors: bool,
    skipped: list[InputError],
) -> Iterator[tuple[int, Frame]]:
    """Number in the file and frame, for every frame asked for.

    Parameters
    ----------
    pieces
        All frames of the file in their order; an error of this iterator itself is the end of
        what can be read.
    assembler
        Makes the frames.
    start, stop, every
        As in ``range``.
    skip_errors
        Go on after damaged frames, and append their errors to ``skipped``.

    Raises
    ------
    InputError
        A damaged frame, no frame at all, or a ``start`` beyond the end.
    """
    index = -1
    try:
        for index, piece in enumerate(pieces):
            if stop is not None and index >= stop:
                return
            if index < start or (index - start) % every:
                continue
            try:
                frame = assembler.frame(piece.load(), index, piece.line)
            except InputError as error:
                if not skip_errors:
                    raise
                skipped.append(error)
                continue
            yield index, frame
    except InputError as error:
        if not skip_errors or error in skipped:
            raise
        skipped.append(error)
        return
    if index < 0:
        raise InputError("there is no frame in this file", path=path, frame=0)
    if index + 1 < start:
        raise InputError(
            f"the file has {index + 1} frames, none to start from at {start}", path=path
        )


def check_whole(source: ByteSource, frame: int, line: int | None = None) -> None:
    """Raise where the data ended because their compression is damaged."""
    if source.damage:
        raise InputError(
            f"the {source.compression} data are damaged ({source.damage})",
            path=source.path,
            frame=frame,
            line=line,
        )


@contextmanager
def as_input_errors(
    path: Path, what: str, *, frame: int | None = None, line: int | None = None
) -> Iterator[None]:
    """Exceptions of other readers, which are of every kind, as InputErrors; without warnings.

    Parameters
    ----------
    path, frame, line
        Where.
    what
        What it means that there is one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InputError, MissingDependencyError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{what} ({reason})", path=path, frame=frame, line=line) from error
