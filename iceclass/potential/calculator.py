"""A neural network potential as an ASE calculator: energy, forces and stress."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator, all_changes
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.kernels.threads import over_rows
from iceclass.neighbours.cell_list import neighbour_list
from iceclass.potential.functions import slopes, values
from iceclass.potential.hdnnp import Potential


class Hdnnp(Calculator):
    """Energies (eV), forces (eV/Å) and stress (eV/Å³) of a :class:`Potential`.

    Parameters
    ----------
    potential
        The potential, or the folder it is in.

    Raises
    ------
    InputError
        The folder cannot be read; when computing, an element that the potential does not have.
    """

    implemented_properties: ClassVar[list[str]] = [  # type: ignore[misc]
        "energy",
        "energies",
        "free_energy",
        "forces",
        "stress",
    ]

    def __init__(self, potential: Potential | str | Path, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.potential = (
            potential if isinstance(potential, Potential) else Potential.read(potential)
        )

    def calculate(
        self,
        atoms: Any = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        """Compute everything: the energies are most of the work."""
        super().calculate(atoms, properties, system_changes)
        system: Any = self.atoms
        energies, gradient, strain = evaluate(self.potential, system)
        self.results["energies"] = energies * units.Hartree
        self.results["energy"] = self.results["free_energy"] = float(energies.sum() * units.Hartree)
        self.results["forces"] = -gradient * units.Hartree / units.Bohr
        if system.cell.rank == 3:
            stress = 0.5 * (strain + strain.T) * units.Hartree / system.get_volume()
            self.results["stress"] = stress.ravel()[[0, 4, 8, 5, 2, 1]]


def evaluate(
    potential: Potential, atoms: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Energies of the N atoms of ASE's ``atoms``, and the derivatives of their sum.

    Returns
    -------
    energies
        (N,) float64, hartree.
    gradient
        (N, 3), by the positions, hartree/bohr.
    strain
        (3, 3), by a homogeneous strain, hartree.
    """
    listed = neighbours(potential, atoms)
    features = symmetry_functions(potential, listed)
    plan, elements = potential.plan, listed[0]
    energies, weights = np.empty(len(elements)), np.zeros_like(features)
    for k, element in enumerate(potential.elements):
        own = elements == k
        n = len(potential.functions[element])
        energies[own], weights[own, :n] = potential.networks[element].energies(features[own, :n])
    parts: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def work(start: int, stop: int) -> None:
        gradient, strain = np.zeros((len(elements), 3)), np.zeros((3, 3))
        slopes(plan, *listed, weights, gradient, strain, start, stop)
        parts[start] = gradient, strain

    over_rows(work, len(elements))
    ordered = [parts[start] for start in sorted(parts)]  # the same sum whoever was first
    return energies, sum(p[0] for p in ordered), sum(p[1] for p in ordered)  # type: ignore[return-value]


Listed = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
]


def neighbours(potential: Potential, atoms: Any) -> Listed:
    """Places of the elements, and offsets, indices, vectors and distances (bohr) of neighbours."""
    symbols = np.array(atoms.get_chemical_symbols())
    foreign = sorted(set(symbols) - set(potential.elements))
    if foreign:
        raise InputError(
            f"the potential has no {', '.join(foreign)}, only {', '.join(potential.elements)}"
        )
    elements = np.array([potential.elements.index(s) for s in symbols], dtype=np.int64)
    frame = Frame(atoms.positions, np.asarray(atoms.cell), pbc=atoms.pbc)
    offsets, indices, vectors, distances = neighbour_list(frame, potential.r_cut * units.Bohr)
    return elements, offsets, indices, vectors / units.Bohr, distances / units.Bohr


def symmetry_functions(potential: Potential, listed: Listed) -> NDArray[np.float64]:
    """(N, F_max) functions of the atoms; where an element has fewer, zeros after them."""
    plan, elements = potential.plan, listed[0]
    features = np.zeros((len(elements), int(np.diff(plan.first).max())))

    def work(start: int, stop: int) -> None:
        values(plan, *listed, features, start, stop)

    over_rows(work, len(elements))
    return features
