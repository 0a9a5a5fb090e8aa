"""What ``iceclass label`` shows while it runs, and how it is stopped."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from iceclass.io.lammps.following import Follow
from iceclass.labelling.run import Progress

LINE_EVERY = 10.0
"""Seconds between lines about the progress, where there is no terminal."""


@contextmanager
def stopping(follow: Follow | None) -> Iterator[None]:
    """Ctrl-C and a termination end what follows a file in good order; a second Ctrl-C, at once."""
    if follow is None:
        yield
        return

    def stop(number: int, frame: object) -> None:
        if follow.stop.is_set():
            raise KeyboardInterrupt
        follow.stop.set()

    before = {kind: signal.signal(kind, stop) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def progress(quiet: bool) -> Iterator[Progress | None]:
    """A bar on a terminal, a line now and then in a log, nothing if ``quiet``."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as update:
            yield update
    else:
        yield _lines()


def _lines() -> Progress:
    began = last = time.perf_counter()

    def line(frames: int, molecules: int, position: tuple[int, int]) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last < LINE_EVERY:
            return
        last = now
        read, total = position
        text = f"{frames:,} frames, {molecules / (now - began):,.0f} molecules/s"
        if total > 0 < read:
            left = (now - began) * (total - read) / read
            text += f", {100 * read / total:.0f} % read, {left / 60:.1f} min left"
        click.echo(text, err=True)

    return line


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        TextColumn(
            "{task.percentage:.0f} %  {task.fields[frames]:,} frames  "
            "{task.fields[rate]:,.0f} molecules/s"
        ),
        TimeRemainingColumn(),
    )
    began = time.perf_counter()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("label", total=None, rate=0.0, frames=0)

        def update(frames: int, molecules: int, position: tuple[int, int]) -> None:
            read, total = position
            rate = molecules / (time.perf_counter() - began)
            bar.update(task, completed=read, total=total or None, rate=rate, frames=frames)

        yield update
