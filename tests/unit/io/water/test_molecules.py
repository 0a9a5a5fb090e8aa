"""Hydrogens find their oxygen, in any cell, in any order, frame after frame."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from iceclass.io.water import molecules
from iceclass.io.water.bonds import REACH
from iceclass.io.water.kinds import HYDROGEN, OTHER, OXYGEN
from iceclass.io.water.molecules import MoleculeFinder
from iceclass.neighbours import Lattice
from tests.helpers.dumps import water_positions

CELLS = {
    "orthogonal": np.diag([21.0, 20.0, 22.0]),
    "triclinic": np.array([[20.0, 0, 0], [6.0, 19.0, 0], [-8.0, 5.0, 21.0]]),
    "skewed": np.array([[20.0, 0, 0], [47.0, 19.0, 0], [-88.0, 65.0, 21.0]]),
    "left-handed": np.array([[1.0, 20.0, 0], [21.0, 2.0, 3.0], [0.5, 0.3, 19.0]]),
    "thin": np.array([[3.1, 0, 0], [0.4, 40.0, 0], [1.0, 0, 40.0]]),
    "tiny": np.array([[3.4, 0, 0], [1.6, 3.3, 0], [1.5, 1.2, 3.2]]),
}


def nearest_by_all_images(
    atoms: NDArray, roles: NDArray, cell: NDArray, pbc: NDArray
) -> NDArray[np.int64]:
    """The plain way: all oxygens, all images around."""
    sites = np.flatnonzero(roles == OXYGEN)
    inverse = np.linalg.inv(cell)
    molecule = np.full(len(atoms), -1)
    molecule[sites] = np.arange(len(sites))
    reach = [range(-3, 4) if p else range(1) for p in pbc]
    shifts = np.array(list(product(*reach))) @ cell
    for i in np.flatnonzero(roles == HYDROGEN):
        apart = atoms[sites] - atoms[i]
        apart -= np.where(pbc, np.rint(apart @ inverse), 0.0) @ cell
        d = np.linalg.norm(apart[:, None, :] + shifts[None], axis=2).min(axis=1)
        if d.min() < 1.6:
            molecule[i] = np.argmin(d)
    return molecule


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False), (False, False, False)])
def test_nearest_oxygen(name: str, pbc: tuple[bool, ...]) -> None:
    cell, periodic = CELLS[name], np.array(pbc)
    rng = np.random.default_rng(11)
    n = 1 if name == "tiny" else 9 if name == "thin" else 80
    atoms = rng.uniform(-0.4, 1.4, (3 * n, 3)) @ cell
    atoms[n : 2 * n] = atoms[:n] + rng.normal(0.0, 0.55, (n, 3))
    atoms += (rng.integers(-2, 3, (3 * n, 3)) * periodic) @ cell
    roles = np.array([OXYGEN] * n + [HYDROGEN] * 2 * n, np.int8)
    order = rng.permutation(3 * n)
    atoms, roles = atoms[order], roles[order]
    lattice = Lattice.of(cell, periodic, REACH)
    finder = MoleculeFinder()
    sites, molecule = finder.assign(roles, atoms, lattice)
    assert np.array_equal(sites, np.flatnonzero(roles == OXYGEN))
    # ties aside, the same as the plain way
    assert np.array_equal(molecule, nearest_by_all_images(atoms, roles, cell, periodic))


@pytest.mark.parametrize("order", ["OHH", "O, then H", "shuffled, with ids"])
def test_nothing_is_searched_for_where_hydrogens_come_in_the_order_of_their_oxygens(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def searched(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr(molecules, "nearest", searched)
    atoms, ids = water_positions(64).reshape(-1, 3), np.arange(192)
    roles = np.array([OXYGEN, HYDROGEN, HYDROGEN] * 64, np.int8)
    rows = {
        "OHH": ids,
        "O, then H": np.argsort(-roles if OXYGEN > HYDROGEN else roles, kind="stable"),
        "shuffled, with ids": np.random.default_rng(3).permutation(192),
    }[order]
    lattice = Lattice.of(np.eye(3) * 20.0, np.ones(3, bool), REACH)
    known = ids[rows] if "ids" in order else None
    sites, molecule = MoleculeFinder().assign(roles[rows], atoms[rows], lattice, known)
    assert np.array_equal(rows[sites][molecule], 3 * (rows // 3))


def test_two_sites_upon_each_other_are_no_bond_because_of_their_order() -> None:
    atoms = np.array([[5.0, 5.0, 5.0], [5.1, 5.0, 5.0], [5.0, 5.9, 5.0]])
    roles = np.array([OXYGEN, HYDROGEN, HYDROGEN], np.int8)
    lattice = Lattice.of(np.eye(3) * 20.0, np.ones(3, bool), REACH)
    sites, _ = MoleculeFinder().assign(roles, atoms, lattice, water_only=True)
    assert len(sites) == 0


def test_frames_in_another_order() -> None:
    """Ids tell who is who where rows are shuffled; protons that hop change their molecule."""
    rng = np.random.default_rng(5)
    lattice = Lattice.of(np.eye(3) * 20.0, np.ones(3, bool), REACH)
    atoms = water_positions(64).reshape(-1, 3)
    roles = np.array([OXYGEN, HYDROGEN, HYDROGEN] * 64, np.int8)
    expected = np.arange(192) // 3
    finder = MoleculeFinder()
    for step in range(6):
        order = rng.permutation(192)
        moved = atoms + rng.normal(0.0, 0.01, atoms.shape) + [30.0 * step, 0, 0]
        if step == 4:  # the second hydrogen of molecule 0 goes over to molecule 5
            moved[2] = moved[15] + [0.6, 0.6, 0.5]
        ids = order + 1
        sites, molecule = finder.assign(roles[order], moved[order], lattice, ids)
        owner = order[sites][molecule] // 3
        want = expected[order].copy()
        if step == 4:
            want[order == 2] = 5
        assert np.array_equal(owner, want)


def test_other_ids_and_counts() -> None:
    lattice = Lattice.of(np.eye(3) * 20.0, np.ones(3, bool), REACH)
    finder = MoleculeFinder()
    for n, ids in (
        (27, np.arange(81) + 1),
        (27, np.arange(81) * 10**9),
        (8, np.arange(24) + 500),
        (8, None),
        (8, -np.arange(24)),
        (27, np.zeros(81, np.int64)),
    ):
        roles = np.array([OXYGEN, HYDROGEN, HYDROGEN] * n, np.int8)
        sites, molecule = finder.assign(roles, water_positions(n).reshape(-1, 3), lattice, ids)
        assert np.array_equal(molecule, np.arange(3 * n) // 3)
        assert len(sites) == n


def test_molecule_ids_where_there_is_no_oxygen_near() -> None:
    lattice = Lattice.of(np.eye(3) * 20.0, np.ones(3, bool), REACH)
    atoms = water_positions(8).reshape(-1, 3)
    atoms[1] += 2.5
    roles = np.array([OXYGEN, HYDROGEN, HYDROGEN] * 8, np.int8)
    mol = np.repeat(np.arange(8) + 40, 3)
    assert MoleculeFinder().assign(roles, atoms, lattice)[1][1] == -1
    assert MoleculeFinder().assign(roles, atoms, lattice, mol=lambda: mol)[1][1] == 0
    useless = np.zeros(24, np.int64)
    assert MoleculeFinder().assign(roles, atoms, lattice, mol=lambda: useless)[1][1] == -1


def test_others_belong_to_no_molecule() -> None:
    lattice = Lattice.of(np.eye(3) * 20.0, np.ones(3, bool), REACH)
    atoms = water_positions(8, m_site=0.15).reshape(-1, 3)
    roles = np.array([OXYGEN, HYDROGEN, HYDROGEN, OTHER] * 8, np.int8)
    _, molecule = MoleculeFinder().assign(roles, atoms, lattice)
    assert np.array_equal(molecule.reshape(8, 4), [[i, i, i, -1] for i in range(8)])
    roles[roles == HYDROGEN] = OTHER
    assert np.all(MoleculeFinder().assign(roles, atoms, lattice)[1][1::4] == -1)
