"""The errors iceclass raises on purpose, each saying what was found, where, and what to do.

Exit codes (set once, in :mod:`iceclass.cli.main`): 1 the work failed, 2 wrong usage or
unreadable input.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Self

_LONG = 1000
"""Characters of a message, whatever a file has put into it."""


class IceclassError(Exception):
    """Base of all deliberate errors; ``exit_code`` is what the command line returns."""

    exit_code = 1


class InputError(IceclassError):
    """Input that cannot be read or used as asked, with the place where it went wrong.

    Parameters
    ----------
    message
        What was found and what was expected, without trailing full stop.
    path, frame, line
        Where: file, frame counted from 0, line counted from 1. Unknown parts are left out.
    hint
        What the user can do about it. Arguments are written as in Python, ``force=True``; the
        command line turns them into its options.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        frame: int | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.message, self.path, self.frame, self.line, self.hint = message, path, frame, line, hint
        super().__init__(message)

    def at(
        self, *, path: str | Path | None = None, frame: int | None = None, line: int | None = None
    ) -> Self:
        """Add where it went wrong, as far as the error does not tell that itself; the error."""
        self.path = path if self.path is None else self.path
        self.frame = frame if self.frame is None else self.frame
        self.line = line if self.line is None else self.line
        return self

    def __str__(self) -> str:
        place = [str(self.path)] if self.path is not None else []
        if self.frame is not None:
            place.append(f"frame {self.frame}")
        if self.line is not None:
            place.append(f"line {self.line}")
        where = ", ".join(place) + ": " if place else ""
        return shown(where + self.message[:_LONG] + (f"; {self.hint[:_LONG]}" if self.hint else ""))


class CutShortError(InputError):
    """A file that ends within its last frame, as one does that is still being written."""


class UnitsError(InputError):
    """Lengths that are water's only in other units than those they were read in.

    Attributes
    ----------
    units
        The units, as :class:`~iceclass.io.options.ReadOptions` takes them.
    """

    def __init__(self, message: str, units: str) -> None:
        super().__init__(message, hint=f'tell the units: units="{units}"')
        self.units = units


class OutputError(InputError):
    """An output path that cannot be written, or that exists and may not be replaced."""


class ModelError(InputError):
    """A model file that is damaged, of an unknown version, or made for other features."""


class SimulationError(IceclassError):
    """A LAMMPS run that stopped with an error."""


class MissingDependencyError(IceclassError):
    """An optional package is needed; the message holds the one line that installs it."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f'{what} needs {package}, which is not installed: pip install "iceclass[{extra}]"'
        )


def shown(text: str) -> str:
    """The text in one line, with what a terminal would not show, or would obey, written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """An error for a misspelt ``name``, which names the nearest of the ``known`` ones."""
    known = sorted(known)
    begun = [one for one in known if name and one.startswith(name.lower())]
    near = begun[:3] or get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hints = [f"did you mean {near[0]!r}?"] if near else []
    if len(known) <= 40:
        hints.append(f"known: {', '.join(known)}")
    elif len(near) > 1:
        hints.append(f"near it: {', '.join(near)}")
    return InputError(f"unknown {kind} {name!r}", hint=" ".join(hints) or None)
