"""Figures of tables, drawn by a process beside this one, which meanwhile has other work.

Half of the time that a small frame takes to be labelled would otherwise be Matplotlib's.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Self

_FIGURES = {
    "phases": "phase_fractions_figure",
    "clusters": "largest_cluster_figure",
    "profile": "profile_figure",
    "comparison": "agreement_figure",
}
"""Module of this room → its function that draws a table, imported when it is needed."""


class Artist:
    """Draws figures: in a process of its own from the ``with`` block's begin on, where it has one.

    Parameters
    ----------
    beside
        Whether to start the process, which imports what it needs. It is not started where that is
        imported already; and where it fails, this process draws, or says what is wrong.
    """

    def __init__(self, beside: bool) -> None:
        self._wanted = beside and "matplotlib.figure" not in sys.modules
        self._process: Popen[bytes] | None = None

    @property
    def beside(self) -> bool:
        """Whether there is a process that draws."""
        return self._process is not None

    def __enter__(self) -> Self:
        if self._wanted:
            command = [sys.executable, "-P", "-W", "ignore", "-m", __name__]
            with suppress(OSError):
                self._process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        return self

    def draw(self, figure: str, table: Path, path: Path, *, force: bool) -> None:
        """Draw a table.

        Parameters
        ----------
        figure
            A name among those of :func:`can_draw`.
        table, path
            The CSV file, and the figure to write.
        force
            Replace an existing file.

        Raises
        ------
        InputError
            The table is none.
        OutputError
            The figure cannot be written, or exists (without ``force``).
        """
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            order = [figure, str(table.absolute()), str(path.absolute()), force]
            with suppress(OSError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()
            if self._process.stdout.readline() == b"done\n":
                return
            self._end()
        _draw(figure, table, path, force)

    def _end(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def __exit__(self, kind: object, *exc: object) -> None:
        if self._process is not None and kind is None:
            self._process.kill()  # it waits for orders; else it may be at work
        self._end()


def can_draw(table: str) -> bool:
    """Whether tables of this name, ``phases`` or that of an observer, have a figure."""
    return table in _FIGURES


def _draw(figure: str, table: Path, path: Path, force: bool) -> None:
    function = getattr(import_module(f"iceclass.reports.{figure}"), _FIGURES[figure])
    function(table, path, force=force)


if __name__ == "__main__":
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401

    import iceclass.reports.phases  # noqa: F401

    for line in sys.stdin.buffer:
        name, table, path, force = json.loads(line)
        _draw(name, Path(table), Path(path), force)
        print("done", flush=True)
