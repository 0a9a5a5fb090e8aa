"""How much a further thread can gain on this machine at all: what its threads are held against.

Two processors of a virtual machine may be two threads of one core, or be shared with others.
Descriptors are held against arithmetic without memory, labelling against processes side by side.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

from numba import njit

from iceclass.benchmark import labels
from iceclass.benchmark.timing import Timing, alternate
from iceclass.kernels.threads import threads
from iceclass.model.file import load_model

STEPS = 20_000_000


@njit(cache=True, nogil=True)
def _mix(steps: int) -> int:  # pragma: no cover
    """Eight chains of additions and exclusive ors that depend on their neighbours."""
    a, b, c, d, e, f, g, h = 1, 2, 3, 4, 5, 6, 7, 8
    for i in range(steps):
        a, b, c, d = (a ^ i) + b, (b + i) ^ c, (c ^ i) + d, (d + i) ^ e
        e, f, g, h = (e ^ i) + f, (f + i) ^ g, (g ^ i) + h, (h + i) ^ a
    return a + b + c + d + e + f + g + h


def spin(threads: int) -> None:
    """The same amount of work, shared out among threads that have nothing in common."""
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(_mix, STEPS // threads) for _ in range(threads)]:
            done.result()


def side_by_side(
    path: Path, content: str, count: int, molecules: int, repeats: int
) -> dict[str, Timing]:
    """Labelling of a dump: by ``one`` thread, by ``count`` ``threads``, by as many ``processes``.

    Each process is started and has labelled it once before; ``processes`` label it ``count`` times,
    and are timed for all of them. Only the wall clock counts: the work is done elsewhere.
    """
    with ExitStack() as stack:

        def start(name: str, n_threads: int) -> Connection:
            context = multiprocessing.get_context("spawn")
            here, there = context.Pipe()
            own = path.with_name(f"{name}-{path.name}")
            own.symlink_to(path)
            arguments = (there, own, content, n_threads)
            process = context.Process(target=_label_when_told, args=arguments, daemon=True)
            process.start()
            there.close()
            stack.callback(process.join)
            stack.callback(here.close)
            return here

        alone = [start(f"process{k}", 1) for k in range(count)]
        together = start("threads", count)

        def told(connections: list[Connection]) -> Callable[[], None]:
            def work() -> None:
                for connection in connections:
                    connection.send(None)
                for connection in connections:
                    connection.recv()

            return work

        calls = {
            "one": (told(alone[:1]), molecules),
            "threads": (told([together]), molecules),
            "processes": (told(alone), count * molecules),
        }
        return alternate(calls, repeats)


def _label_when_told(told: Connection, path: Path, content: str, n_threads: int) -> None:
    """Label the dump at every word, and answer when it is done; until nobody is there."""
    work = labels.labelling(path, content, load_model("default"))
    with threads(n_threads):
        while True:
            try:
                told.recv()
            except EOFError:
                return
            work()
            told.send(None)
