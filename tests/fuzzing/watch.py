"""What a damaged file may not do to the process that reads it.

A violation is any end but a result or an ``IceclassError`` of one printable line that names the
file: another exception, more than :data:`SECONDS` of processor time, more than :data:`GROWTH`
bytes of memory, something executed or unpickled, something written elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from iceclass.errors import IceclassError

SECONDS = 20.0
"""Processor time a case may take."""
GROWTH = 512 << 20
"""Bytes a case may need beyond what the process holds."""
LONGEST = 2000
"""Characters of a message."""

FORBIDDEN = (
    *("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
    *("subprocess.Popen", "socket.connect", "socket.bind", "os.putenv", "shutil.rmtree"),
)
"""Audit events that no reading of a file needs."""


class Hang(BaseException):
    """The time of a case is up; no ``except Exception`` stops it."""


class Watch:
    """Runs cases in this process, and sees what they do. Once a process: audit hooks stay.

    Attributes
    ----------
    growth
        Bytes that any case needed beyond what the process held.
    """

    def __init__(self) -> None:
        self.growth = 0
        self._events: list[str] | None = None
        self._home = tempfile.gettempdir()
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self._events is None:
            return
        if event == "open" and isinstance(args[0], str) and isinstance(args[2], int):
            writes = args[2] & (os.O_WRONLY | os.O_RDWR)
            known = (self._home, os.devnull, "/proc/self")
            if writes and not args[0].startswith(known) and "__pycache__" not in args[0]:
                self._events.append(f"wrote {args[0]}")
        elif event in FORBIDDEN and not self._allowed(event, args):
            self._events.append(f"{event} {args!r:.200}")

    def _allowed(self, event: str, args: tuple[Any, ...]) -> bool:
        """Temporary folders are removed; Numba unpickles its own compiled code."""
        if event == "shutil.rmtree":
            return str(args[0]).startswith(self._home)
        frame: FrameType | None = sys._getframe()
        while event == "pickle.find_class" and frame is not None:
            if "/numba/" in frame.f_code.co_filename:
                return True
            frame = frame.f_back
        return False

    def attempt(self, run: Callable[[], None], named: str | None) -> str:
        """What became of it: "accepted" or "refused".

        Parameters
        ----------
        run
            Reads the files of a case.
        named
            What the message of an error has to name; None: nothing.

        Raises
        ------
        AssertionError
            A violation.
        """
        before = _reset_peak()
        signal.signal(signal.SIGPROF, _alarm)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        self._events, end, wrong = [], "accepted", ""
        try:
            with warnings.catch_warnings():
                # overflows: what they end in counts
                warnings.simplefilter("ignore", RuntimeWarning)
                run()
        except IceclassError as error:
            end, wrong = "refused", complaint(str(error), named)
        except Hang:
            wrong = f"more than {SECONDS:g} s: {traceback.format_exc()}"
        except BaseException:
            wrong = traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            events, self._events = self._events, None
        growth = _status("VmHWM:") - before
        self.growth = max(self.growth, growth)
        assert not events, "\n".join(events)
        assert not wrong, wrong
        assert growth < GROWTH, f"{growth >> 20} MiB more than before"
        return end


def complaint(message: str, named: str | None) -> str:
    """What is wrong with the text of an error; empty: nothing."""
    if named is not None and named not in message:
        return f"message without {named}: {message}"
    if len(message) > LONGEST:
        return f"message of {len(message)} characters"
    return "" if message.isprintable() else f"message not printable: {message!r}"


def _alarm(number: int, frame: FrameType | None) -> None:
    raise Hang


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) << 10
    return 0


def _reset_peak() -> int:
    """Bytes in memory now; what is seen of the peak starts from here."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS:")
