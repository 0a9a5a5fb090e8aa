"""ASE's database of structures: opened, replaced as a whole, and what its rows say.

Texts that look like numbers are refused as values, so a row says ``file 1.cif`` and ``phase ih``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceclass.errors import InputError, OutputError
from iceclass.files import replacing

FILES = (".db", ".json")
"""Suffixes of databases that are files: SQLite and JSON."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A row.

    Attributes
    ----------
    source
        The CIF file it comes from.
    atoms
        ASE's ``Atoms``; empty where the file could not be read.
    phase, agreement, density, fault, message
        As in :class:`iceclass.crystals.collect.Crystal`; empty or ``None`` where there is none.
    steps, calculator
        Of a relaxation.
    """

    source: str
    atoms: Any
    phase: str = ""
    agreement: float = 0.0
    density: float | None = None
    fault: str = ""
    message: str = ""
    steps: int = 0
    calculator: str = ""


def open_database(place: str | Path) -> Any:
    """ASE's database at a path or URL; after a ``with`` block it is committed and closed."""
    from ase.db import connect

    text = str(place)
    if "://" not in text and Path(text).suffix not in FILES:
        raise InputError(
            f"unknown kind of database {Path(text).suffix!r}",
            path=text,
            hint=f"known: {', '.join(FILES)} or postgresql://…",
        )
    return connect(text)


def entries(place: str | Path) -> list[Entry]:
    """All rows, in the order they were written.

    Raises
    ------
    InputError
        There is no such file, it is no database, or another process holds it.
    """
    if "://" not in str(place) and not Path(place).is_file():
        raise InputError("no such file", path=place)
    try:
        with open_database(place) as rows:
            return [_entry(row) for row in rows.select(sort="id")]
    except InputError:
        raise
    except Exception as error:  # of SQLite, JSON and ASE alike
        hint = "another process uses it" if "lock" in str(error).lower() else None
        raise InputError(
            f"not a database of structures that can be read: {error}", path=place, hint=hint
        ) from error


def write_entry(rows: Any, entry: Entry) -> None:
    """Add a row to an open database; what an entry does not have is left out."""
    pairs: dict[str, Any] = {"source": f"file {entry.source}", "agreement": entry.agreement}
    if entry.phase:
        pairs["phase"] = f"phase {entry.phase}"
    if entry.density is not None:
        pairs["density"] = entry.density
    if entry.fault:
        pairs["fault"] = entry.fault
    if entry.calculator:
        pairs |= {"potential": f"calculator {entry.calculator}", "steps": entry.steps}
    rows.write(entry.atoms, data={"message": entry.message}, **pairs)


def _entry(row: Any) -> Entry:
    said = row.key_value_pairs
    return Entry(
        source=str(said["source"]).removeprefix("file "),
        atoms=row.toatoms(),
        phase=str(said.get("phase", "")).removeprefix("phase "),
        agreement=float(said.get("agreement", 0.0)),
        density=said.get("density"),
        fault=str(said.get("fault", "")),
        message=str(row.data.get("message", "")),
        steps=int(said.get("steps", 0)),
        calculator=str(said.get("potential", "")).removeprefix("calculator "),
    )


@contextmanager
def replacing_database(output: str, *, force: bool = False) -> Iterator[str]:
    """Where to write a database that appears under its name when it is complete.

    Of a file; a database on a server is written to directly and must be empty.
    """
    if "://" in output:
        with open_database(output) as rows:
            there = rows.count()
        if there and not force:
            hint = "use another database, or force=True"
            raise OutputError("is not empty", path=output, hint=hint)
        yield output
        return
    if Path(output).suffix not in FILES:
        open_database(output)
    with replacing(Path(output), force=force) as temporary:
        try:
            yield str(temporary)
        finally:
            temporary.with_name(temporary.name + ".lock").unlink(missing_ok=True)
