"""Neural network potentials: their functions, derivatives, files, and a published one's marks."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from ase import units
from ase.optimize import BFGS

from iceclass.errors import InputError, OutputError
from iceclass.generation.formats import to_ase
from iceclass.generation.lattices import Size, build
from iceclass.generation.water_models import water_model
from iceclass.potential.calculator import Hdnnp, neighbours, symmetry_functions
from iceclass.potential.functions import Radial, jacobian
from iceclass.potential.hdnnp import Potential
from tests.helpers.potentials import PUBLISHED, needs_published, random_potential, water

STEP = 1e-4


def _fade(r, r_cut, cutoff):
    if cutoff == 2:
        return np.tanh(1.0 - r / r_cut) ** 3
    return 0.5 * (np.cos(np.pi * r / r_cut) + 1.0)


@pytest.mark.parametrize("cutoff", [1, 2])
def test_functions_are_their_formulas(cutoff):
    """Double loops over all images, in bohr, of two atoms."""
    potential, atoms = random_potential(cutoff), water()
    found = symmetry_functions(potential, neighbours(potential, atoms))
    shifts = np.array(list(np.ndindex(7, 7, 7))) - 3
    images = (atoms.positions[:, None] + shifts @ np.asarray(atoms.cell)).reshape(-1, 3)
    symbols = np.repeat(atoms.get_chemical_symbols(), len(shifts))
    r_cut = potential.r_cut
    for i in (0, 1):
        vectors = (images - atoms.positions[i]) / units.Bohr
        distances = np.linalg.norm(vectors, axis=1)
        near = np.flatnonzero((distances < r_cut) & (distances > 1e-9))
        for f, function in enumerate(potential.functions[atoms.symbols[i]]):
            total = 0.0
            if isinstance(function, Radial):
                for j in near[symbols[near] == function.neighbour]:
                    gauss = np.exp(-function.eta * (distances[j] - function.r_shift) ** 2)
                    total += gauss * _fade(distances[j], r_cut, cutoff)
            else:
                for j, k in combinations(near, 2):
                    apart = np.linalg.norm(vectors[j] - vectors[k])
                    if {symbols[j], symbols[k]} != set(function.neighbours) or apart >= r_cut:
                        continue
                    sides = np.array([distances[j], distances[k], apart])
                    cosine = vectors[j] @ vectors[k] / (sides[0] * sides[1])
                    total += (
                        2.0 ** (1 - function.zeta)
                        * (1.0 + function.lam * cosine) ** function.zeta
                        * np.exp(-function.eta * (sides @ sides))
                        * np.prod(_fade(sides, r_cut, cutoff))
                    )
            assert found[i, f] == pytest.approx(total, rel=1e-10, abs=1e-14), function.name


@pytest.mark.parametrize("cutoff", [1, 2])
def test_forces_and_stress_are_the_slopes_of_the_energy(cutoff):
    atoms = water(5, 5.5)
    atoms.calc = Hdnnp(random_potential(cutoff))
    forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)
    for i, axis in ((0, 0), (4, 1), (14, 2)):
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.positions[i, axis] += sign * STEP
            energies.append(moved.get_potential_energy())
        slope = (energies[0] - energies[1]) / (2 * STEP)
        assert forces[i, axis] == pytest.approx(-slope, rel=1e-5, abs=1e-5)
    for a, b in ((0, 0), (2, 2), (0, 1), (1, 2)):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * STEP / 2
            strain[b, a] += sign * STEP / 2
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.set_cell(atoms.cell @ strain, scale_atoms=True)
            energies.append(moved.get_potential_energy())
        slope = (energies[0] - energies[1]) / (2 * STEP * atoms.get_volume())
        assert stress[a, b] == pytest.approx(slope, rel=1e-5, abs=1e-6)
    assert np.abs(forces.sum(axis=0)).max() < 1e-9 * np.abs(forces).max()


def test_jacobian_is_the_slope_of_every_function():
    potential, atoms = random_potential(), water(3, 4.5)
    listed = neighbours(potential, atoms)
    features = symmetry_functions(potential, listed)
    derivatives = np.zeros((*features.shape, len(atoms), 3))
    jacobian(potential.plan, *listed, derivatives, 0, len(atoms))
    for k, axis in ((0, 1), (7, 2)):
        sides = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[k, axis] += sign * STEP * units.Bohr
            sides.append(symmetry_functions(potential, neighbours(potential, moved)))
        slope = (sides[0] - sides[1]) / (2 * STEP)
        assert derivatives[:, :, k, axis] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_the_energy_does_not_depend_on_how_the_structure_is_written():
    atoms = water(4)
    calculator = Hdnnp(random_potential())
    turned, doubled, shuffled = atoms.copy(), atoms.repeat((2, 1, 1)), atoms[::-1]
    turned.rotate(40, (1, 2, 3), rotate_cell=True)
    energies = []
    for one in (atoms, turned, shuffled, doubled):
        one.calc = calculator
        energies.append(one.get_potential_energy() / len(one))
    assert energies == pytest.approx([energies[0]] * 4, rel=1e-12)


def test_written_and_read_again(tmp_path):
    potential, atoms = random_potential(), water()
    ranges = {
        element: np.column_stack([n.shift - 0.25 / n.scale, n.shift + 0.75 / n.scale, n.shift])
        for element, n in potential.networks.items()
    }
    potential.write(tmp_path / "folder", ranges)
    again = Potential.read(tmp_path / "folder")
    assert again.functions == potential.functions
    energies = []
    for one in (potential, again):
        atoms.calc = Hdnnp(one)
        energies.append(atoms.get_potential_energy())
    assert energies[0] == pytest.approx(energies[1], rel=1e-12)
    with pytest.raises(OutputError, match="is not empty"):
        potential.write(tmp_path / "folder", ranges)


@pytest.fixture
def folder(tmp_path):
    """A good folder."""
    ranges = {e: np.tile([0.0, 1.0, 0.5], (13, 1)) for e in ("H", "O")}
    random_potential().write(tmp_path / "potential", ranges)
    return tmp_path / "potential"


DAMAGE = [
    ("input.nn", "elements H O", "elements H C", "O is not among the elements"),
    ("input.nn", "cutoff_type 2", "cutoff_type 5", "cutoff_type is 5, expected 1 or 2"),
    ("input.nn", "t t l", "p p l", "global_activation_short is p p l"),
    ("input.nn", "symfunction_short H 2", "symfunction_short H 9", "type 9, expected 2 or 3"),
    ("input.nn", "0.6 1.9 7.0", "0.6 1.9 6.0", "do not all have the same cut-off"),
    ("input.nn", "0.6 1.9 7.0", "0.6 x 7.0", "not a symmetry function"),
    ("scaling.data", "    1     2 ", "    1     3 ", "function 3 of H, expected function 2"),
    ("weights.001.data", "\n", "\n0.5\n", "numbers, expected 144 finite ones"),
    ("weights.001.data", "\n", "\nnan ", "finite ones"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), DAMAGE)
def test_damaged_files(folder, name, old, new, message):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        Potential.read(folder)
    assert name in str(caught.value)


def test_missing_files(folder):
    (folder / "scaling.data").unlink()
    with pytest.raises(InputError, match=r"scaling\.data.*cannot be read"):
        Potential.read(folder)


def test_foreign_elements():
    atoms = water()
    atoms.symbols[0] = "N"
    atoms.calc = Hdnnp(random_potential())
    with pytest.raises(InputError, match="has no N, only H, O"):
        atoms.get_potential_energy()


@needs_published
def test_published_potential_gives_the_energy_of_ice():
    """Ice Ih at 120 K and its volume there: −469.552 eV a molecule.

    Relaxed at that volume; nine harmonic modes a molecule, classical, add 9/2 kT of potential
    energy. Proton order of one small cell and anharmonicity are worth a few meV.
    """
    small = replace(water_model("tip4p-ice"), r_cut=3.0)  # images beyond the cell are neighbours
    atoms = to_ase(build("ih", small, size=Size(repetition=(1, 1, 1))))
    molecules = len(atoms) // 3
    atoms.set_cell(
        atoms.cell * (32.683 * molecules / atoms.get_volume()) ** (1 / 3), scale_atoms=True
    )
    atoms.calc = Hdnnp(PUBLISHED)
    BFGS(atoms, logfile=None).run(fmax=0.02, steps=80)
    energy = atoms.get_potential_energy() / molecules + 4.5 * units.kB * 120.0
    assert energy == pytest.approx(-469.552, abs=0.006)
