"""A rigid water model of LAMMPS as an ASE calculator, its geometry held by stiff springs."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator, all_changes
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.external.lammps import lammps_class
from iceclass.generation.formats import write_lammps_data
from iceclass.generation.lattices import Structure
from iceclass.generation.water_models import water_model
from iceclass.io.lammps.box import restricted
from iceclass.neighbours import Lattice
from iceclass.neighbours.lattice import heights

ENERGY = units.kcal / units.mol
PRESSURE = 101325.0 * units.Pascal
"""LAMMPS's units ``real`` in ASE's: energies, and pressures in atm."""


class RigidWater(Calculator):
    """Energy, forces and stress of H2O with a model of :mod:`iceclass.generation.water_models`.

    Bonds and angles are harmonic (450 kcal/mol/Å², 55 kcal/mol/rad²), so that the molecules
    relax to the model's geometry. Small cells are repeated until LAMMPS's cut-off fits in twice.

    Raises
    ------
    InputError
        When computing: atoms other than those of water molecules.
    """

    implemented_properties: ClassVar[list[str]] = [  # type: ignore[misc]
        "energy",
        "free_energy",
        "forces",
        "stress",
    ]

    def __init__(self, name: str = "tip4p-ice", **keywords: Any) -> None:
        super().__init__(**keywords)
        self.model = water_model(name)
        self._session: Any = None
        self._repetition = (1, 1, 1)
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def calculate(
        self,
        atoms: Any = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        """Compute everything."""
        super().calculate(atoms, properties, system_changes)
        system: Any = self.atoms
        cell, turn = restricted(np.asarray(system.cell))
        molecules = self._molecules(system, np.asarray(system.cell)) @ turn
        reps = [max(1, math.ceil(2 * self.model.r_cut / t - 1e-9)) for t in heights(cell)]
        if self._session is None or "numbers" in system_changes:
            self._open(cell, molecules, (reps[0], reps[1], reps[2]))
        shifts = np.array(list(np.ndindex(*self._repetition))) @ cell
        box = cell * np.array(self._repetition)[:, None]
        positions = (shifts[:, None, None] + molecules).reshape(-1, 3)
        session, copies = self._session, len(shifts)
        session.command(
            "change_box all "
            + " ".join(f"{a} final 0 {box[k, k]:.15g}" for k, a in enumerate("xyz"))
            + f" xy final {box[1, 0]:.15g} xz final {box[2, 0]:.15g} yz final {box[2, 1]:.15g}"
        )
        fractional = positions @ np.linalg.inv(box)
        images = np.floor(fractional)
        ids = np.arange(1, len(positions) + 1)
        # bonds are found by nearest images, so that wrapping each atom by itself does no harm
        flat = ((fractional - images) @ box).ravel()
        session.scatter_atoms("x", 1, 3, session_doubles(flat))
        session.command("run 0")
        gathered = np.array(session.gather_atoms("f", 1, 3)).reshape(len(ids), 3)
        own = gathered[: molecules.size // 3] * ENERGY
        forces = np.zeros((len(system), 3))
        forces[self._order] = own @ turn.T
        energy = session.get_thermo("pe") * ENERGY / copies
        p = [session.get_thermo(key) for key in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")]
        tensor = -np.array([[p[0], p[5], p[4]], [p[5], p[1], p[3]], [p[4], p[3], p[2]]]) * PRESSURE
        stress = turn @ tensor @ turn.T
        self.results = {
            "energy": float(energy),
            "free_energy": float(energy),
            "forces": forces,
            "stress": stress.ravel()[[0, 4, 8, 5, 2, 1]],
        }

    def _molecules(self, atoms: Any, cell: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3, 3) O, H, H of every molecule, each whole; remembers which atoms they are."""
        oxygens, hydrogens = np.flatnonzero(atoms.numbers == 8), np.flatnonzero(atoms.numbers == 1)
        if len(hydrogens) != 2 * len(oxygens) or len(atoms) != 3 * len(oxygens) or not len(oxygens):
            raise InputError(f"{atoms.get_chemical_formula()} is not water, expected H2O alone")
        lattice = Lattice.of(cell, np.ones(3, dtype=bool), 2.0)
        if len(self._order) != len(atoms):
            apart = lattice.shortest(
                (atoms.positions[hydrogens][:, None] - atoms.positions[oxygens]).reshape(-1, 3)
            )
            lengths = np.linalg.norm(apart, axis=1).reshape(len(hydrogens), -1)
            owner = lengths.argmin(axis=1)
            if (np.bincount(owner, minlength=len(oxygens)) != 2).any():
                raise InputError("not every oxygen has two hydrogens")
            pairs = hydrogens[np.argsort(owner, kind="stable")].reshape(-1, 2)
            self._order = np.column_stack([oxygens, pairs]).ravel()
        molecules = atoms.positions[self._order].reshape(-1, 3, 3)
        bonds = lattice.shortest((molecules - molecules[:, :1]).reshape(-1, 3))
        return np.asarray(molecules[:, :1] + bonds.reshape(-1, 3, 3))

    def _open(
        self,
        cell: NDArray[np.float64],
        molecules: NDArray[np.float64],
        repetition: tuple[int, int, int],
    ) -> None:
        """A LAMMPS that holds the repeated structure."""
        shifts = np.array(list(np.ndindex(*repetition))) @ cell
        copies = (shifts[:, None, None] + molecules).reshape(-1, 3, 3)
        box = cell * np.array(repetition)[:, None]
        structure = Structure("crystal", repetition, 0, self.model, box, copies)
        self._repetition = repetition
        quiet = ["-log", "none", "-screen", "none", "-nocite", "-echo", "none"]
        session = lammps_class()(cmdargs=quiet)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "water.data"
            write_lammps_data(structure, path)
            field = self.model.force_field(heavy_hydrogen=False)
            for command in (
                "units real",
                "atom_style full",
                "atom_modify map array sort 0 0.0",
                "box tilt large",
                f"read_data {path}",
                "change_box all triclinic",
                *(line for line in field if not line.startswith("fix")),
                "kspace_style pppm/tip4p 1.0e-6" if self.model.d_om else "kspace_style pppm 1.0e-6",
                "neigh_modify every 1 delay 0 check no",
                "thermo_style custom step pe pxx pyy pzz pyz pxz pxy",
            ):
                session.command(command)
        self._session = session


def session_doubles(values: NDArray[np.float64]) -> Any:
    """A C array of the numbers, as LAMMPS's library takes them."""
    from ctypes import c_double

    return (c_double * len(values))(*values.tolist())
