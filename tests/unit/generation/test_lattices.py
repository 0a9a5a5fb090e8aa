"""GenIce2 structures: right size, density, coordination, ice rules, and the cell LAMMPS wants."""

import random
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from iceclass.errors import InputError
from iceclass.generation.lattices import Size, Structure, build, oxygens
from iceclass.generation.water_models import WATER_MODELS, water_model
from iceclass.neighbours.lattice import heights
from iceclass.phases import PHASES
from tests.helpers.iceframes import neighbour_distances

TIP4P_ICE = water_model("tip4p-ice")
CRYSTALS = [name for name, phase in PHASES.items() if phase.recipe == "crystal"]

MOLECULES = {"ih": 432, "ic": 512, "ii": 432, "iii": 324, "v": 336}
MOLECULES |= {"ice0": 216, "iv": 1024, "vi": 270, "vii": 432, "xii": 648, "xvii": 216}
MOLECULES |= {"cs1": 368, "cs2": 272, "sh": 272}
"""Of the default repetitions."""
DENSITY = {"ih": 0.92, "ic": 0.92, "ii": 1.18, "iii": 1.165, "v": 1.24}
DENSITY |= {"ice0": 0.92, "iv": 1.31, "vi": 1.37, "vii": 1.6, "xii": 1.44, "xvii": 0.88}
DENSITY |= {"cs1": 0.8, "cs2": 0.81, "sh": 0.76}
"""g/cm³, of the crystals near melting, as GenIce2's sources give them."""


def bonds_per_molecule(structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    """Hydrogen bonds each molecule donates and accepts (H···O under 2.2 Å)."""
    count = structure.n_molecules
    hydrogens = structure.molecules[:, 1:].reshape(-1, 3)
    atoms = Atoms(
        "O" * count + "H" * len(hydrogens),
        positions=np.vstack([structure.molecules[:, 0], hydrogens]),
        cell=structure.cell,
        pbc=True,
    )
    i, j = neighbor_list("ij", atoms, 2.2)
    pairs = [(a, (b - count) // 2) for a, b in zip(i, j, strict=True) if a < count <= b]
    between = np.array([(a, d) for a, d in pairs if a != d])
    return np.bincount(between[:, 1], minlength=count), np.bincount(between[:, 0], minlength=count)


@pytest.mark.parametrize("name", CRYSTALS)
def test_crystal_obeys_the_ice_rules(name):
    structure = build(name, TIP4P_ICE, seed=3)
    assert structure.n_molecules == MOLECULES[name]
    assert structure.density == pytest.approx(DENSITY[name], abs=0.02)
    donated, accepted = bonds_per_molecule(structure)
    assert (donated == 2).all()
    assert (accepted == 2).all()
    bonds = np.linalg.norm(structure.molecules[:, 1:] - structure.molecules[:, :1], axis=2)
    assert bonds == pytest.approx(TIP4P_ICE.r_oh, abs=1e-9)


@pytest.mark.parametrize("name", [*CRYSTALS, "6", "CS1", "one[hhccc]"])
def test_cell_is_what_lammps_wants(name):
    cell = build(name, TIP4P_ICE, size=Size(repetition=(1, 1, 1))).cell
    assert (np.triu(cell, 1) == 0).all() or np.abs(np.triu(cell, 1)).max() < 1e-9
    assert (np.diag(cell) > 0).all()
    assert abs(cell[1, 0]) <= cell[0, 0] / 2 + 1e-9
    assert abs(cell[2, 0]) <= cell[0, 0] / 2 + 1e-9
    assert abs(cell[2, 1]) <= cell[1, 1] / 2 + 1e-9
    assert heights(cell).min() >= 2 * TIP4P_ICE.r_cut


def test_thin_box_is_enlarged_and_says_so():
    structure = build("ih", TIP4P_ICE, size=Size(repetition=(1, 1, 1)))
    assert structure.repetition != (1, 1, 1)
    (note,) = structure.notes
    assert "1×1×1 enlarged to" in note
    assert "8.5 Å" in note
    assert build("ih", TIP4P_ICE, size=Size(repetition=(3, 3, 3))).notes == ()


@pytest.mark.parametrize("wanted", [300, 1000, 3000])
def test_number_of_molecules_is_reached_with_few_to_spare(wanted):
    structure = build("iii", TIP4P_ICE, size=Size(molecules=wanted))
    assert wanted <= structure.n_molecules <= 1.4 * wanted
    sides = heights(structure.cell)
    assert sides.max() / sides.min() < 1.8


def test_seed_sets_the_protons_and_nothing_else():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    states = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (build("ih", TIP4P_ICE, seed=s) for s in (1, 1, 2))
    assert (random.getstate(), True) == (
        states[0],
        bool((np.random.get_state()[1] == states[1]).all()),  # noqa: NPY002
    )
    assert np.array_equal(first.molecules, again.molecules)
    assert np.allclose(first.molecules[:, 0], other.molecules[:, 0])
    assert not np.allclose(first.molecules, other.molecules)


@pytest.mark.parametrize("name", ["2", "7", "13", "CS1"])
def test_oxygens_without_protons_are_those_of_the_molecules(name):
    alone, frame = oxygens(name, 150), build(name, TIP4P_ICE, size=Size(molecules=150)).frame()
    assert alone.n_molecules >= 150
    assert alone.density == pytest.approx(frame.density, rel=1e-3)
    for k in (1, 4, 12):
        found, wanted = (np.unique(neighbour_distances(f, k).round(2)) for f in (alone, frame))
        np.testing.assert_allclose(found, wanted, atol=0.011)


@pytest.mark.parametrize(("name", "molecules"), [("4", 16), ("16", 34)])
def test_primitive_cell_is_of_the_same_lattice_and_obeys_the_ice_rules(name, molecules):
    pytest.importorskip("spglib", reason="iceclass[crystals] is not installed")
    small = replace(TIP4P_ICE, r_cut=2.0)
    size = Size(repetition=(1, 1, 1), primitive=True)
    structure, listed = build(name, small, size=size), oxygens(name, 1)
    assert structure.n_molecules == molecules
    assert structure.density == pytest.approx(listed.density, rel=1e-3)
    found, wanted = (neighbour_distances(f, 12) for f in (structure.frame(), listed))
    np.testing.assert_allclose(np.unique(found.round(2)), np.unique(wanted.round(2)), atol=0.011)
    donated, accepted = bonds_per_molecule(structure)
    assert (donated == 2).all()
    assert (accepted == 2).all()


def test_density_is_the_one_asked_for():
    structure = build("ic", TIP4P_ICE, size=Size(density=1.0))
    assert structure.density == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("model", WATER_MODELS)
def test_models_have_their_own_geometry(model):
    model = water_model(model)
    structure = build("ic", model)
    if model.one_site:
        assert structure.molecules.shape[1] == 1
        return
    o, h1, h2 = np.moveaxis(structure.molecules, 1, 0)
    cosine = np.einsum("ij,ij->i", h1 - o, h2 - o) / model.r_oh**2
    assert np.degrees(np.arccos(cosine)) == pytest.approx(model.angle, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("1hh", {}, "did you mean '1h'"),
        ("ih", {"density": 99.0}, "density 99.0"),
        ("ih", {"repetition": (0, 1, 1)}, "not three positive numbers"),
        ("ih", {"molecules": -4}, "-4 molecules"),
        ("ih", {"molecules": 4, "repetition": (1, 1, 1)}, "give one"),
        ("one", {}, "GenIce2 cannot make the lattice"),
        ("8", {"primitive": True}, "protons of 8 are ordered"),
    ],
)
def test_bad_requests_are_explained(name, size, message):
    with pytest.raises(InputError, match=message):
        build(name, TIP4P_ICE, size=Size(**size))
