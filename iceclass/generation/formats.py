"""Structure files: extended xyz, LAMMPS data with topology and charges, gro."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iceclass._version import __version__
from iceclass.errors import unknown_name
from iceclass.files import replacing
from iceclass.generation.lattices import Structure
from iceclass.generation.water_models import MASS_H, MASS_O

if TYPE_CHECKING:
    from ase import Atoms

    from iceclass.generation.other_sites import Others


def write_extxyz(structure: Structure, path: Path) -> None:
    """Extended xyz through ASE, molecule by molecule O, H, H, with molecule numbers."""
    from ase.io import write

    atoms = to_ase(structure)
    atoms.info.update(
        genice_lattice=structure.lattice,
        repetition=" ".join(map(str, structure.repetition)),
        seed=structure.seed,
        water_model=structure.model.label,
        generator=f"iceclass {__version__} with GenIce2",
    )
    write(path, atoms, format="extxyz")


def write_gro(structure: Structure, path: Path) -> None:
    """Gromacs structure file, in nm; one residue ``SOL`` per molecule."""
    from ase.io import write

    atoms = to_ase(structure)
    count, sites = structure.molecules.shape[:2]
    atoms.set_array("residuenames", np.array(["SOL"] * (count * sites)))
    atoms.set_array("residuenumbers", np.repeat(np.arange(1, count + 1), sites))
    atoms.set_array("atomtypes", np.array(["OW", "HW1", "HW2"][:sites] * count))
    write(path, atoms, format="gromacs")


def write_lammps_data(structure: Structure, path: Path, others: Others | None = None) -> None:
    """LAMMPS data file: ``full`` style with bonds, angles and charges, or ``atomic`` for mW.

    Atom types: 1 oxygen (or the single site), 2 hydrogen, then ``others``, after the water;
    bond and angle type 1.
    """
    model, cell = structure.model, structure.cell
    count, sites = structure.molecules.shape[:2]
    n_atoms = count * sites
    extra_atoms = len(others.positions) if others else 0
    lines = [
        f"{model.label} water, {structure.lattice} {structure.repetition}, seed {structure.seed}, "
        f"written by iceclass {__version__}",
        "",
        f"{n_atoms + extra_atoms} atoms",
    ]
    if not model.one_site:
        lines += [f"{2 * count} bonds", f"{count} angles"]
    types = (1 if model.one_site else 2) + (others is not None)
    lines += [f"{types} atom types"]
    if not model.one_site:
        lines += ["1 bond types", "1 angle types"]
    lines += [""] + [f"0.0 {cell[k, k]:.10f} {a}lo {a}hi" for k, a in enumerate("xyz")]
    tilts = cell[1, 0], cell[2, 0], cell[2, 1]
    if np.abs(tilts).max() > 1e-9:
        lines.append("{:.10f} {:.10f} {:.10f} xy xz yz".format(*tilts))
    masses = [MASS_O + 2 * MASS_H] if model.one_site else [MASS_O, MASS_H]
    names = ["mW"] if model.one_site else ["O", "H"]
    if others is not None:
        masses, names = [*masses, others.mass], [*names, others.element]
    lines += ["", "Masses", ""]
    lines += [
        f"{k} {m:.4f}  # {name}" for k, (m, name) in enumerate(zip(masses, names, strict=True), 1)
    ]
    lines += ["", f"Atoms  # {'atomic' if model.one_site else 'full'}", ""]
    for m, molecule in enumerate(structure.molecules):
        for s, (x, y, z) in enumerate(molecule):
            atom = m * sites + s + 1
            kind = 1 if s == 0 else 2
            extra = "" if model.one_site else f"{m + 1} "
            charge = "" if model.one_site else f"{(-2 if s == 0 else 1) * model.q_h:.4f} "
            lines.append(f"{atom} {extra}{kind} {charge}{x:.8f} {y:.8f} {z:.8f}")
    if others is not None:
        extra = "" if model.one_site else "0 "
        charge = "" if model.one_site else "0.0 "
        for atom, (x, y, z) in enumerate(others.positions, n_atoms + 1):
            lines.append(f"{atom} {extra}{types} {charge}{x:.8f} {y:.8f} {z:.8f}")
    if not model.one_site:
        lines += ["", "Bonds", ""]
        lines += [
            f"{2 * m + s} 1 {3 * m + 1} {3 * m + 1 + s}" for m in range(count) for s in (1, 2)
        ]
        lines += ["", "Angles", ""]
        lines += [f"{m + 1} 1 {3 * m + 2} {3 * m + 1} {3 * m + 3}" for m in range(count)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


WRITERS: dict[str, tuple[str, Callable[[Structure, Path], None]]] = {
    "extxyz": (".extxyz", write_extxyz),
    "lammps": (".data", write_lammps_data),
    "gro": (".gro", write_gro),
}
"""Format name → file suffix and writer."""


def write_structure(structure: Structure, stem: Path, kind: str, *, force: bool = False) -> Path:
    """Write ``structure`` in one of :data:`WRITERS`' formats, whole or not at all.

    Returns the file written: ``stem`` with the format's suffix.

    Raises
    ------
    OutputError
        The file exists and ``force`` is not given, or cannot be written.
    InputError
        Unknown format.
    """
    if kind not in WRITERS:
        raise unknown_name("structure format", kind, WRITERS)
    suffix, write = WRITERS[kind]
    path = stem.with_name(stem.name + suffix)
    with replacing(path, force=force) as temporary:
        write(structure, temporary)
    return path


def to_ase(structure: Structure) -> Atoms:
    """ASE's ``Atoms``, with the molecule of each atom, counted from 1, as array ``mol``."""
    from ase import Atoms

    count, sites = structure.molecules.shape[:2]
    symbols = ["O"] * count if sites == 1 else ["O", "H", "H"] * count
    positions = structure.molecules.reshape(-1, 3)
    atoms = Atoms(symbols, positions=positions, cell=structure.cell, pbc=True)
    atoms.set_array("mol", np.repeat(np.arange(1, count + 1), sites))
    return atoms
