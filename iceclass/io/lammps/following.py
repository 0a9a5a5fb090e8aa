"""Reading a file while another program is still writing it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from iceclass.errors import InputError
from iceclass.io.text.streams import ByteSource


@dataclass(frozen=True)
class Follow:
    """How long to wait for more where a file ends.

    Attributes
    ----------
    idle
        Seconds without growth after which the end is the end; ``None``: never.
    poll
        Seconds between two looks at the file.
    stop
        Once set, by another thread or a signal's handler, the end is the end at once.
    """

    idle: float | None = None
    poll: float = 0.2
    stop: Event = field(default_factory=Event, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.poll > 0.0 or (self.idle is not None and not self.idle >= 0.0):
            raise InputError(
                f"a file cannot be followed with idle={self.idle} and poll={self.poll}",
                hint="idle is 0 s or more, or None; poll more than 0 s",
            )


class FollowError(InputError):
    """A file that shrank, vanished or was replaced while it was followed: no more can be read."""


def cannot_follow(path: str | Path, found: str) -> InputError:
    """The error that only LAMMPS dumps grow in a way that can be followed."""
    return InputError(f"{found} cannot be followed", path=path, hint="only plain LAMMPS dumps can")


class FollowedSource(ByteSource):
    """The bytes of a plain file that grows; at its end more are waited for.

    Parameters
    ----------
    path
        The file; if it does not exist, or is empty, it is waited for too.
    follow
        For how long.

    Raises
    ------
    InputError
        As :class:`ByteSource`, or the file is compressed.
    FollowError
        When more is read: the file vanished, was replaced or shrank.
    """

    def __init__(self, path: str | Path, follow: Follow) -> None:
        self._follow = follow
        began = time.monotonic()
        while not _begun(path) and self._patient(began):
            pass
        super().__init__(path)
        self.growing = True
        if self.compression is not None:
            self.close()
            raise cannot_follow(path, self.compression)

    def _readinto(self, view: memoryview) -> int:
        began = time.monotonic()
        while (n := super()._readinto(view)) == 0 and self.damage is None:
            self._check()
            if not self._patient(began):
                break
        self.total = self.stamp[0]
        return n

    def _patient(self, began: float) -> bool:
        """Sleep until the next look, unless waiting has lasted long enough."""
        idle = self._follow.idle
        left = self._follow.poll if idle is None else began + idle - time.monotonic()
        if left <= 0.0:
            return False
        return not self._follow.stop.wait(min(left, self._follow.poll))

    def _check(self) -> None:
        """Whether the file that is open is still the one of that name, and as long as before."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            raise FollowError("vanished while it was followed", path=self.path) from None
        opened = os.fstat(self._raw.fileno())
        if not os.path.samestat(found, opened):
            raise FollowError(
                "was replaced by another file while it was followed",
                path=self.path,
                hint="start again to read the new one",
            )
        if opened.st_size < self.offset:
            raise FollowError(
                f"shrank from {self.offset} to {opened.st_size} bytes while it was followed",
                path=self.path,
                hint="was the simulation started anew? start again to read what it writes",
            )


def _begun(path: str | Path) -> bool:
    """Whether there is a file with something in it."""
    try:
        return os.stat(path).st_size > 0
    except FileNotFoundError:
        return False
