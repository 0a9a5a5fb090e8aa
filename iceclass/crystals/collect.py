"""From CIF files to a database of structures, each with where it is from and what is wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.crystals.database import Entry, open_database, replacing_database, write_entry
from iceclass.crystals.faults import Fault, Finding, meaningless, misplaced, parse_formula
from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame

DENSITY_TAGS = ("_exptl_crystal_density_diffrn", "_exptl_crystal_density_meas")
"""CIF's names of the density, in g/cm³."""


@dataclass(frozen=True, eq=False)
class Crystal:
    """A structure of a CIF file, or what was found instead.

    Attributes
    ----------
    source
        File, and the data block where it has several: ``ice.cif#2``.
    atoms
        ASE's ``Atoms``; ``None`` where there is no reading it.
    density
        g/cm³, as the file states it.
    finding
        What is wrong with it.
    phase, agreement
        The class that most of its oxygens are labelled, and their share; empty where they are not
        water's.
    """

    source: str
    atoms: Any | None
    density: float | None = None
    finding: Finding | None = None
    phase: str = ""
    agreement: float = 0.0


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The CIF files among files and in directories, sorted.

    Raises
    ------
    InputError
        There is none, or a path does not exist.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*.cif") if p.is_file())
        elif path.is_file():
            found.append(path)
        else:
            raise InputError("no such file or directory", path=path)
    if not found:
        raise InputError("no CIF file", path=paths[0] if paths else None, hint="expected *.cif")
    return found


def read_crystals(path: Path) -> Iterator[Crystal]:
    """The structures of a CIF file: ASE reads them, pymatgen is the second reader.

    Raises
    ------
    MissingDependencyError
        pymatgen is not installed.
    """
    try:
        from pymatgen.io.cif import CifParser
    except ImportError as error:
        raise MissingDependencyError("checking CIF files", "pymatgen", "crystals") from error
    from ase.io.cif import parse_cif

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            blocks = [b for b in parse_cif(str(path)) if b.has_structure()]
        if not blocks:
            raise ValueError("no structure in it")
    except Exception as error:  # its reader raises whatever it runs into
        yield Crystal(path.name, None, finding=Finding(Fault.UNREADABLE, _one_line(error)))
        return
    for k, block in enumerate(blocks):
        source = path.name if len(blocks) == 1 else f"{path.name}#{k + 1}"
        density = next((_number(block.get(tag)) for tag in DENSITY_TAGS if block.get(tag)), None)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                atoms = block.get_atoms(fractional_occupancies=True)
        except np.linalg.LinAlgError:
            finding = Finding(Fault.MEANINGLESS, "the cell has no volume")
            yield Crystal(source, None, density, finding)
            continue
        except Exception as error:
            yield Crystal(source, None, density, Finding(Fault.UNREADABLE, _one_line(error)))
            continue
        formula = block.get("_chemical_formula_sum")
        found = (
            meaningless(atoms, density)
            or _ambiguous(path, k, atoms, CifParser)
            or misplaced(atoms, parse_formula(str(formula)) if formula else None)
        )
        bare = atoms.copy()
        bare.info = {}
        yield Crystal(source, bare, density, found)


def _ambiguous(path: Path, k: int, atoms: Any, parser: Any) -> Finding | None:
    """A site that is shared or occupied in part, or that pymatgen cannot place."""
    shared = [
        kind
        for kind, occupancy in atoms.info.get("occupancy", {}).items()
        if len(occupancy) > 1 or abs(sum(occupancy.values()) - 1.0) > 1e-3
    ]
    if shared:
        return Finding(Fault.AMBIGUOUS_SITE, f"{len(shared)} sites are occupied in part or shared")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            structures = parser(path, occupancy_tolerance=1.0).parse_structures(
                primitive=False, on_error="raise"
            )
    except Exception as error:
        return Finding(Fault.AMBIGUOUS_SITE, f"pymatgen: {_one_line(error)}")
    if k >= len(structures):
        words = _one_line(said[-1].message) if said else "another number of structures"
        return Finding(Fault.AMBIGUOUS_SITE, f"pymatgen: {words}")
    if not structures[k].is_ordered:
        return Finding(Fault.AMBIGUOUS_SITE, "pymatgen: the structure is disordered")
    if len(structures[k]) != len(atoms):
        return Finding(
            Fault.AMBIGUOUS_SITE,
            f"pymatgen places {len(structures[k])} atoms, ASE {len(atoms)}",
        )
    return None


def label_crystal(crystal: Crystal, model: Any) -> Crystal:
    """With the phase that most of its oxygens are labelled, if it is water."""
    if crystal.atoms is None or crystal.finding is not None:
        return crystal
    phase, agreement = phase_of(crystal.atoms, model)
    return replace(crystal, phase=phase, agreement=agreement)


def phase_of(atoms: Any, model: Any) -> tuple[str, float]:
    """Class or ``unknown`` of most oxygens, and their share; ``("", 0)`` unless all is water."""
    from iceclass.phases import UNKNOWN

    counts = atoms.symbols.formula.count()
    if set(counts) != {"O", "H"} or counts["H"] != 2 * counts["O"]:
        return "", 0.0
    oxygens = atoms[atoms.numbers == 8]
    labels = model.classify(Frame(oxygens.positions, np.asarray(atoms.cell))).labels
    values, numbers = np.unique(labels, return_counts=True)
    best = int(np.argmax(numbers))
    name = UNKNOWN if values[best] < 0 else str(model.classes[values[best]])
    return name, float(numbers[best] / len(labels))


def collect(
    files: Sequence[Path],
    output: str,
    model: Any,
    *,
    force: bool = False,
    report: Callable[[Crystal], None] = lambda crystal: None,
) -> list[Crystal]:
    """Write the structures of the files to a database; nothing is left out, faults are rows too.

    Parameters
    ----------
    files
        CIF files.
    output
        Database as ASE takes it: a file ``.db`` (SQLite) or ``.json``, or a PostgreSQL URL.
    model
        Labels the structures of water, :func:`iceclass.load_model`.

    Raises
    ------
    OutputError
        The file exists, without ``force``, or cannot be written.
    MissingDependencyError
        pymatgen is not installed.
    """
    crystals = []
    with replacing_database(output, force=force) as place, open_database(place) as rows:
        for path in files:
            for read in read_crystals(path):
                crystal = label_crystal(read, model)
                write_entry(rows, _entry(crystal))
                crystals.append(crystal)
                report(crystal)
    return crystals


def _entry(crystal: Crystal) -> Entry:
    """Its row; what cannot be read is an empty structure."""
    from ase import Atoms

    return Entry(
        source=crystal.source,
        atoms=Atoms() if crystal.atoms is None else crystal.atoms,
        phase=crystal.phase,
        agreement=crystal.agreement,
        density=crystal.density,
        fault="" if crystal.finding is None else str(crystal.finding.fault),
        message="" if crystal.finding is None else crystal.finding.message,
    )


def _number(text: Any) -> float | None:
    """A number of a CIF file, its uncertainty in brackets left out."""
    try:
        return float(str(text).split("(")[0])
    except ValueError:
        return None


def _one_line(error: Any) -> str:
    words = " ".join(str(error).split())
    return (words or f"not the syntax of a CIF file ({type(error).__name__})")[:200]
