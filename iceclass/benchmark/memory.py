"""Peak memory of one piece of work, measured in a process made for it."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection

from iceclass.frame import Frame

Prepared = Callable[[Frame], AbstractContextManager[Callable[[], object]]]


def peak_memory(prepare: Prepared, small: Frame, large: Frame) -> float:
    """MB by which the work on ``large`` raises the peak resident size.

    A fork of this process works on ``small`` first, which loads and compiles all it needs; what it
    has taken by then is not counted.

    Raises
    ------
    RuntimeError
        The fork ended without an answer.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(prepare, small, large, sender))
    process.start()
    sender.close()
    try:
        return float(receiver.recv())
    except EOFError:
        process.join()
        raise RuntimeError(f"measuring memory ended with status {process.exitcode}") from None
    finally:
        process.join()


def _measure(prepare: Prepared, small: Frame, large: Frame, answer: Connection) -> None:
    with prepare(small) as work:
        work()
    before = _peak()
    with prepare(large) as work:
        kept = work()
    answer.send(_peak() - before)
    del kept


def _peak() -> float:
    """MB."""
    unit = 1.0 if sys.platform == "darwin" else 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
