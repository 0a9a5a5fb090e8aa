"""Relaxing the structures of a database: positions and cell, each with a budget of steps.

BFGS until no force, and no component of the stress times the volume, is above fmax: published for
molecular crystals with ANI-1x and ANI-1ccx at 0.0005 eV/Å and 300 + 6 n or 300 + 10 n steps for n
atoms. Positions and cell go together as in Tadmor et al., Phys. Rev. B 59, 235 (1999),
doi:10.1103/PhysRevB.59.235 (ASE's ``FrechetCellFilter``).
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.crystals.calculators import STEPS_PER_ATOM, calculator
from iceclass.crystals.collect import phase_of
from iceclass.crystals.database import Entry, entries, open_database, write_entry
from iceclass.crystals.faults import Fault
from iceclass.errors import InputError, OutputError

SAVE_EVERY = 10
"""Steps between the states from which a stopped relaxation goes on."""


@dataclass(frozen=True)
class RelaxOptions:
    """How structures are relaxed.

    Attributes
    ----------
    calculator
        Name, as :func:`iceclass.crystals.calculators.calculator` takes it.
    fmax
        eV/Å.
    steps, steps_per_atom
        The budget: ``steps`` + ``steps_per_atom`` · n. ``None``: 10 for ``ani1ccx``, else 6.
    swelling
        Factor of the volume, up or down, at which a relaxation is given up as exploded.
    jobs
        Structures relaxed at the same time.
    """

    calculator: str
    fmax: float = 0.0005
    steps: int = 300
    steps_per_atom: int | None = None
    swelling: float = 2.0
    jobs: int = 1

    def budget(self, n_atoms: int) -> int:
        """Steps for so many atoms."""
        own = STEPS_PER_ATOM.get(self.calculator.partition(":")[0], 6)
        each = own if self.steps_per_atom is None else self.steps_per_atom
        return self.steps + each * n_atoms


def relax(
    source: str | Path,
    output: str,
    options: RelaxOptions,
    model: Any,
    report: Callable[[Entry, int, int], None] = lambda entry, done, total: None,
) -> list[Entry]:
    """Relax the structures of a database into another; what is there already is not done again.

    Parameters
    ----------
    source
        The database; rows with a fault are left out.
    output
        Database that gets a row as soon as a structure is done. A structure that fails is a row
        with its fault, and the others go on. Beside a file, a directory of that name with
        ``.parts`` keeps what is under way, so that a killed run loses nothing.
    model
        Labels the relaxed structures, :func:`iceclass.load_model`.
    report
        Called with each row, how many are done and how many there are.

    Returns
    -------
    All rows of ``output``.

    Raises
    ------
    InputError
        An unreadable database, an unknown calculator; rows of another calculator in ``output``.
    OutputError
        Another process writes to ``output``.
    """
    wanted = [e for e in entries(source) if not e.fault]
    calculator(options.calculator)  # what is wrong with either is said before any work
    open_database(output)
    local = "://" not in output
    done = entries(output) if not local or Path(output).exists() else []
    others = {e.calculator for e in done} - {options.calculator}
    if others:
        raise InputError(
            f"holds relaxations by {', '.join(sorted(others))}, not {options.calculator}",
            path=output,
            hint="use another output for each calculator",
        )
    name = Path(output) if local else Path(output.rsplit("/", 1)[-1])
    parts = name.with_name(f"{name.name}.parts")
    parts.mkdir(exist_ok=True)
    with _alone(parts):
        known = {e.source for e in done}
        left = [e for e in wanted if e.source not in known]
        for count, (entry, labelled) in enumerate(_relaxed(left, options, parts, model), start=1):
            phase, agreement = labelled
            row = replace(entry, phase=phase, agreement=agreement, calculator=options.calculator)
            with open_database(output) as rows:  # committed at once
                write_entry(rows, row)
            _state(parts, entry.source).unlink(missing_ok=True)
            report(entry, len(known) + count, len(wanted))
    for rest in parts.iterdir():
        rest.unlink()
    parts.rmdir()
    return entries(output) if local and Path(output).exists() else list(done)


def _relaxed(
    left: list[Entry], options: RelaxOptions, parts: Path, model: Any
) -> Iterator[tuple[Entry, tuple[str, float]]]:
    """The structures as they get done, with their labels."""
    if options.jobs == 1:
        finished: Iterator[Entry] = (_relax(e, options, parts) for e in left)
        yield from ((e, _label(e, model)) for e in finished)
        return
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(_relax, e, options, parts) for e in left]
        for task in as_completed(tasks):
            yield task.result(), _label(task.result(), model)


def _label(entry: Entry, model: Any) -> tuple[str, float]:
    return ("", 0.0) if entry.fault else phase_of(entry.atoms, model)


def _relax(entry: Entry, options: RelaxOptions, parts: Path) -> Entry:
    """The structure relaxed, or with the fault that ended it."""
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS

    state = _state(parts, entry.source)
    atoms, spent = _resumed(entry, state)
    volume, budget = entry.atoms.get_volume(), options.budget(len(entry.atoms))
    with warnings.catch_warnings():
        # SciPy's, of the filter's logarithm of the strain, for errors of 1e-13
        warnings.filterwarnings("ignore", "logm result may be inaccurate", RuntimeWarning)
        try:
            atoms.calc = calculator(options.calculator)
            both: Any = FrechetCellFilter(atoms)
            optimiser = BFGS(both, logfile=None)
            taken, converged = spent, False
            for end in optimiser.irun(fmax=options.fmax, steps=max(budget - spent, 0)):
                converged = bool(end)
                taken = spent + optimiser.nsteps
                energy, swollen = atoms.get_potential_energy(), atoms.get_volume() / volume
                if not math.isfinite(energy) or not np.isfinite(atoms.positions).all():
                    return _failed(entry, atoms, taken, "exploded: the energy is not a number")
                if not 1.0 / options.swelling < swollen < options.swelling:
                    return _failed(entry, atoms, taken, f"exploded: {swollen:.2f} times the volume")
                if taken % SAVE_EVERY == 0:
                    _save(atoms, taken, state)
        except Exception as error:  # whatever the calculator raises, the others go on
            return _failed(entry, atoms, spent, " ".join(str(error).split())[:200] or repr(error))
    if not converged:
        return _failed(entry, atoms, taken, f"not relaxed after {taken} steps")
    atoms.calc = None
    return replace(entry, atoms=atoms, steps=taken)


def _failed(entry: Entry, atoms: Any, steps: int, message: str) -> Entry:
    good = np.isfinite(atoms.positions).all() and np.isfinite(np.asarray(atoms.cell)).all()
    last = atoms.copy() if good else entry.atoms
    last.calc = None
    return replace(entry, atoms=last, steps=steps, fault=str(Fault.UNFINISHED), message=message)


def _state(parts: Path, source: str) -> Path:
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in source)
    return parts / f"{safe}.json"


def _save(atoms: Any, steps: int, state: Path) -> None:
    """Positions and cell, with all their digits, moved into place as a whole."""
    content = {
        "steps": steps,
        "cell": np.asarray(atoms.cell).tolist(),
        "positions": atoms.positions.tolist(),
    }
    temporary = state.with_suffix(".part")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    os.replace(temporary, state)


def _resumed(entry: Entry, state: Path) -> tuple[Any, int]:
    """The structure as a run before this one left it, and the steps that run took."""
    atoms = entry.atoms.copy()
    if not state.exists():
        return atoms, 0
    content = json.loads(state.read_text(encoding="utf-8"))
    atoms.set_cell(content["cell"])
    atoms.positions = content["positions"]
    return atoms, int(content["steps"])


@contextmanager
def _alone(parts: Path) -> Iterator[None]:
    """Hold the directory against other processes that relax into the same database."""
    from filelock import FileLock, Timeout

    lock = FileLock(parts / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            "another process relaxes into this database", path=parts.with_suffix("")
        ) from None
    try:
        yield
    finally:
        lock.release()
