"""Runs cases one after the other in a process of their own, and tells what became of each.

A violation is any end of a case but a result or an ``IceclassError`` that says which file it is
about: another exception, more than :data:`SECONDS` of processor time, more than :data:`GROWTH`
bytes of memory, a crash of the process, something executed, something written elsewhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from iceclass.errors import IceclassError
from pipelines.fuzz.cases import Case, Target

SECONDS = 20.0
"""Processor time a case may take."""
PATIENCE = 60.0
"""Seconds after which a case that does not even get the alarm is killed."""
GROWTH = 512 << 20
"""Bytes a case may need beyond what the process holds."""
ADDRESSES = 3 << 30
"""Bytes of address space it may ask for, used or not."""

_ARENA_MAX = -8  # of malloc.h

FORBIDDEN = (
    *("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
    *("subprocess.Popen", "socket.connect", "socket.bind", "os.putenv", "shutil.rmtree"),
)


class Hang(BaseException):
    """The time of a case is up; no ``except Exception`` stops it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes
    ----------
    kind
        ``"accepted"``, ``"refused"`` or ``"violation"``.
    what
        Class of the error, or the violation.
    message
        Text of the error, or a traceback.
    growth
        Bytes of memory at its peak, beyond those before the case.
    """

    index: int
    kind: str
    what: str = ""
    message: str = ""
    growth: int = 0
    seconds: float = 0.0


class Watch:
    """Runs a case in this process, and sees what it does."""

    def __init__(self) -> None:
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
        frame = sys._getframe()
        while event == "pickle.find_class" and frame.f_back is not None:
            frame = frame.f_back
            if "/numba/" in frame.f_code.co_filename:
                return True
        return False

    def attempt(self, index: int, target: Target, case: Case, folder: Path) -> Outcome:
        """Write the files of a case into an empty folder, run it, and tell what became of it."""
        for name, data in case.files.items():
            (folder / name).write_bytes(data)
        before, began = _reset_peak(), time.process_time()
        self._events = []
        signal.signal(signal.SIGPROF, _alarm)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        kind, what, message = "accepted", "", ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", RuntimeWarning
                )  # overflows; what they end in counts
                target.run(folder, case.action)
        except IceclassError as error:
            kind, what, message = "refused", type(error).__name__, str(error)
            if complaint := _complaint(message, folder, case.action):
                kind, what = "violation", complaint
        except Hang:
            kind, what, message = "violation", "hang", traceback.format_exc()
        except BaseException as error:
            kind, what, message = "violation", type(error).__name__, traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        events, self._events = self._events, None
        growth, seconds = max(0, _peak() - before), time.process_time() - began
        if events:
            kind, what, message = "violation", "executed", "\n".join(events)
        elif growth > GROWTH and kind != "violation":
            kind, what, message = "violation", "memory", f"{growth >> 20} MiB; {message}"
        return Outcome(index, kind, what, message, growth, seconds)


def _alarm(number: int, frame: FrameType | None) -> None:
    raise Hang


def _complaint(message: str, folder: Path, action: str) -> str:
    """What is wrong with the text of an error; empty: nothing.

    While labelling, the descriptor may complain of a frame without knowing its file, and that
    nothing was found in a folder is about none.
    """
    if str(folder) not in message and not action.startswith(("label", "find")):
        return "message without the file"
    if len(message) > 2000:
        return "message too long"
    return "" if message.isprintable() else "message not printable"


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


def _peak() -> int:
    return _status("VmHWM:")


def case_of(name: str, target: Target, seed: int, index: int) -> Case:
    """Case ``index`` of a target; the same wherever and after whatever it is made."""
    return target.make(Random(f"{name} {seed} {index}"))


def run_cases(
    name: str, target: Target, seed: int, indices: range, warm: Callable[[Path], None]
) -> Iterator[Outcome]:
    """The outcomes of some cases, each in a child process that lives as long as nothing crashes."""
    at = indices.start
    while at < indices.stop:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _work(name, target, seed, range(at, indices.stop), warm, writing)
        os.close(writing)
        with os.fdopen(reading, "rb", buffering=0) as results:
            for outcome in _outcomes(results, child):
                if outcome.index >= at:
                    yield outcome
                    at = outcome.index + 1
        _, status = os.waitpid(child, 0)
        if at < indices.stop:
            code = os.waitstatus_to_exitcode(status)
            what = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
            yield Outcome(at, "violation", f"crash: {what}", "the process ended")
            at += 1


def _outcomes(results: Any, child: int) -> Iterator[Outcome]:
    """What the child tells, line by line; it is killed where it stays silent."""
    rest = b""
    while True:
        if not select.select([results], [], [], PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
        block = results.read(1 << 16)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield Outcome(**json.loads(line))


def _work(
    name: str,
    target: Target,
    seed: int,
    indices: range,
    warm: Callable[[Path], None],
    writing: int,
) -> None:
    """The child: never returns."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        silent = os.open(os.devnull, os.O_WRONLY)
        if not os.environ.get("FUZZ_DEBUG"):
            os.dup2(silent, 1)
            os.dup2(silent, 2)
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)  # each arena reserves addresses it never uses
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        warm(folder)
        limit = _status("VmSize:") + ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        watch = Watch()
        place = folder / "case"
        for index in indices:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            case = case_of(name, target, seed, index)
            outcome = watch.attempt(index, target, case, place)
            os.write(writing, json.dumps(asdict(outcome)).encode() + b"\n")
        shutil.rmtree(folder, ignore_errors=True)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
