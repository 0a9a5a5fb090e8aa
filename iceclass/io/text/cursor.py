"""Where the reading of a text file of many frames is, and the errors that say so."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from iceclass.errors import CutShortError, InputError
from iceclass.io.text.blocks import LineBuffer
from iceclass.io.text.streams import ByteSource

SKIP_HINT = 'on_error="skip" goes on without the damaged frames'


class FrameCursor:
    """The line and the frame that are read; readers of a format may be made from it.

    Parameters
    ----------
    source
        The file.

    Attributes
    ----------
    buffer
        The lines of the file.
    frame
        Number of the frame that is read, from 0.
    """

    def __init__(self, source: ByteSource) -> None:
        self.path: Path = source.path
        self.source = source
        self.buffer = LineBuffer(source)
        self.frame = 0

    @property
    def damage(self) -> str:
        """What the decompressor said, empty if it did not complain."""
        return self.source.damage or ""

    def fail(self, message: str, line: int | None = None, hint: str | None = None) -> NoReturn:
        """Raise an error about this frame."""
        raise InputError(message, path=self.path, frame=self.frame, line=line, hint=hint)

    def cut_short(self, what: str, line: int) -> NoReturn:
        """Raise the error that the file ends within this frame."""
        why = f" ({self.source.compression} data: {self.damage})" if self.damage else ""
        message = f"the last frame is cut short{why}: {what}"
        raise CutShortError(message, path=self.path, frame=self.frame, line=line, hint=SKIP_HINT)
