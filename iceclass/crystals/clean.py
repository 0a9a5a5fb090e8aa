"""The structures of a database that are fit for relaxation, sorted."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from iceclass.crystals.database import (
    Entry,
    entries,
    open_database,
    replacing_database,
    write_entry,
)


@dataclass(frozen=True)
class CleanOptions:
    """Which structures are taken.

    Attributes
    ----------
    elements
        Only structures of these; ``None``: of any.
    max_atoms
        At most so many atoms; ``None``: any number.
    phases
        Only structures labelled as one of these; ``None``: any.
    """

    elements: Collection[str] | None = None
    max_atoms: int | None = None
    phases: Collection[str] | None = None

    def refusal(self, entry: Entry) -> str:
        """Why an entry is left out; empty if it is taken."""
        if entry.fault:
            return f"{entry.fault}: {entry.message}"
        foreign = set(entry.atoms.symbols) - set(self.elements or entry.atoms.symbols)
        if foreign:
            return f"has {', '.join(sorted(foreign))}"
        if self.max_atoms is not None and len(entry.atoms) > self.max_atoms:
            return f"{len(entry.atoms)} atoms, more than {self.max_atoms}"
        if self.phases is not None and entry.phase not in self.phases:
            return f"labelled {entry.phase or 'not as water'}"
        return ""


def clean(
    source: str | Path,
    output: str,
    options: CleanOptions | None = None,
    *,
    force: bool = False,
    report: Callable[[Entry, str], None] = lambda entry, why: None,
) -> list[Entry]:
    """Write what is taken to another database, smallest structures first.

    ``report`` is called with each entry that is left out, and why. Errors are those of
    :func:`iceclass.crystals.database.entries` and of an output that exists.
    """
    options = options or CleanOptions()
    taken = []
    for entry in entries(source):
        why = options.refusal(entry)
        if why:
            report(entry, why)
        else:
            taken.append(entry)
    taken.sort(key=lambda e: (len(e.atoms), e.phase, e.source))
    with replacing_database(output, force=force) as place, open_database(place) as rows:
        for entry in taken:
            write_entry(rows, entry)
    return taken
