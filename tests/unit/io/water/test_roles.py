"""Which atoms are oxygens: every witness, their order, and what cannot be decided."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.io import AtomRoles, Trajectory, parse_types
from iceclass.io.water.bonds import REACH
from iceclass.io.water.kinds import HYDROGEN, OXYGEN, AtomKinds, role_of_name
from iceclass.io.water.roles import decide
from iceclass.neighbours import Lattice
from tests.helpers.dumps import DATA, dump_text, water_positions, water_rows

EDGE = 20.0
LATTICE = Lattice.of(np.eye(3) * EDGE, np.ones(3, bool), REACH)


def decided(
    kinds: list[object],
    positions: np.ndarray,
    names: dict[object, str] | None = None,
    source: str = "element column",
    masses: dict[object, float] | None = None,
    types: dict[str, str] | None = None,
    lattice: Lattice = LATTICE,
) -> AtomRoles:
    keys = tuple(dict.fromkeys(kinds))
    kinds = AtomKinds(
        "type",
        keys,
        np.array([keys.index(kind) for kind in kinds], np.int64),
        tuple((names or {}).get(key) for key in keys),
        source,
        tuple((masses or {}).get(key) for key in keys),
    )
    return decide(kinds, positions.reshape(-1, 3), lattice, types)


def sides(decision: AtomRoles) -> tuple[tuple, tuple, tuple]:
    return decision.oxygen, decision.hydrogen, decision.other + decision.ignored


def test_types_in_both_orders() -> None:
    water = water_positions(50)
    assert sides(decided([1, 2, 2] * 50, water)) == ((1,), (2,), ())
    decision = decided([2, 1, 1] * 50, water)
    assert sides(decision) == ((2,), (1,), ())
    assert str(decision) == (
        "oxygen: type 2 (stoichiometry 1:2 and O–H distance 0.957 Å); hydrogen: type 1"
    )


def test_hydrogens_of_two_types() -> None:
    assert sides(decided([3, 1, 2] * 50, water_positions(50))) == ((3,), (1, 2), ())


@pytest.mark.parametrize(
    ("model", "distance", "m_site"),
    [("tip4p/ice", 0.9572, 0.1577), ("opc", 0.8724, 0.1594), ("tip4p-fb", 0.9572, 0.1053)],
)
def test_virtual_site_of_four_site_models(model: str, distance: float, m_site: float) -> None:
    water = water_positions(40, distance=distance, m_site=m_site)
    assert sides(decided(["a", "b", "b", "c"] * 40, water)) == (("a",), ("b",), ("c",)), model


def test_lone_pairs_of_five_site_models() -> None:
    water = water_positions(40)
    away = water[:, 0] - 0.5 * (water[:, 1] + water[:, 2])
    away *= 0.70 * np.cos(np.radians(54.7)) / np.linalg.norm(away, axis=1)[:, None]
    normal = np.cross(water[:, 1] - water[:, 0], water[:, 2] - water[:, 0])
    normal *= 0.70 * np.sin(np.radians(54.7)) / np.linalg.norm(normal, axis=1)[:, None]
    pairs = np.stack([water[:, 0] + away + normal, water[:, 0] + away - normal], axis=1)
    atoms = np.concatenate([water, pairs], axis=1)
    assert sides(decided([1, 2, 2, 3, 3] * 40, atoms)) == ((1,), (2,), (3,))


def test_ions_and_guests() -> None:
    water = water_positions(60).reshape(-1, 3)
    rng = np.random.default_rng(4)
    ions = rng.uniform(0, EDGE, (6, 3))
    carbon = rng.uniform(0, EDGE, (5, 1, 3))
    axis = rng.normal(size=(5, 1, 3))
    axis *= 1.16 / np.linalg.norm(axis, axis=2, keepdims=True)
    carbon_dioxide = np.concatenate([carbon, carbon + axis, carbon - axis], axis=1).reshape(-1, 3)
    kinds = [1, 2, 2] * 60 + [3, 4] * 3 + [5, 6, 6] * 5
    atoms = np.concatenate([water, ions, carbon_dioxide])
    assert sides(decided(kinds, atoms)) == ((1,), (2,), (3, 4, 5, 6))


def test_methylene_groups_are_no_water() -> None:
    """CH2 of tetrahydrofuran has two H at 1.09 Å and 109°, but more neighbours behind."""
    water = water_positions(60).reshape(-1, 3)
    ring = np.array([[0, 0, 0], [1.09, 0, 0], [-0.36, 1.03, 0], [-0.5, -0.75, 1.2]], float)
    guests = (ring + np.random.default_rng(1).uniform(2, 18, (8, 1, 3))).reshape(-1, 3)
    kinds = [1, 2, 2] * 60 + [3, 4, 4, 5] * 8
    assert sides(decided(kinds, np.concatenate([water, guests]))) == ((1,), (2,), (3, 4, 5))


def test_tilted_small_and_open_cells() -> None:
    water = water_positions(1, edge=2.9)
    cell = np.array([[2.9, 0, 0], [1.3, 2.9, 0], [-8.7, 1.4, 2.9]])
    small = Lattice.of(cell, np.ones(3, bool), REACH)
    moved = water + np.random.default_rng(0).integers(-3, 4, (1, 3, 3)) @ cell
    assert decided([1, 2, 2], moved, lattice=small).oxygen == (1,)
    gas = Lattice.of(np.zeros((3, 3)), np.zeros(3, bool), REACH)
    assert decided([1, 2, 2] * 9, water_positions(9), lattice=gas).oxygen == (1,)
    slab = Lattice.of(np.diag([EDGE, EDGE, 0.0]), np.array([True, True, False]), REACH)
    assert decided([1, 2, 2] * 9, water_positions(9), lattice=slab).oxygen == (1,)


def test_names_outrank_distances_and_masses() -> None:
    water = water_positions(20)
    kinds = [1, 2, 2] * 20
    decision = decided(kinds, water, names={1: "O", 2: "H"}, masses={1: 1.0, 2: 16.0})
    assert str(decision) == "oxygen: type 1 (by the element column); hydrogen: type 2"
    decision = decided([1, 2, 2] * 20, water, names={1: "OW", 2: "solvent"}, source="type labels")
    assert sides(decision) == ((1,), (2,), ())
    # LAMMPS writes C for all where it was told no elements
    assert decided(kinds, water, names={1: "C", 2: "C"}).oxygen == (1,)
    # free text that does not name oxygen is no evidence
    named = decided(kinds, water, names={1: "sphere", 2: "dot"}, source="comments of Masses")
    assert named.oxygen == (1,)


def test_masses_decide_only_alone() -> None:
    water = water_positions(20)
    exchanged = {1: 1.008, 2: 15.9994}
    assert decided([1, 2, 2] * 20, water, masses=exchanged).oxygen == (1,)
    rng = np.random.default_rng(0)
    loose = rng.uniform(0, EDGE, (60, 3))
    assert sides(decided([1, 2] * 30, loose, masses={1: 28.0, 2: 18.015})) == ((2,), (), (1,))
    assert "mass alone" in decided([1, 2] * 30, loose, masses={1: 28.0, 2: 15.999}).evidence
    with pytest.raises(InputError, match="cannot be decided"):
        decided([1, 2] * 30, loose, masses={1: 15.999, 2: 15.999})


def test_one_kind() -> None:
    coarse = water_positions(50, edge=12.0)[:, 0]
    decision = decided([7] * 50, coarse)
    assert decision.oxygen == (7,)
    assert "one-site model" in str(decision)
    with pytest.raises(InputError, match=r"one kind, but lie 0\.957 Å apart"):
        decided([1] * 150, water_positions(50))
    assert decided([1] * 50, coarse, names={1: "mW"}).oxygen == (1,)
    assert decided([1] * 50, coarse, names={1: "X"}).oxygen == (1,)
    for name in ("Si", "C"):
        with pytest.raises(InputError, match=f"no oxygen: the element column has {name}"):
            decided([1] * 50, coarse, names={1: name})


def test_sites_beside_a_type_that_only_has_a_mass() -> None:
    """A data file whose Masses name the second type alone, mW beside argon."""
    both = np.concatenate([water_positions(50, edge=12.0)[:, 0], np.full((16, 3), 18.0)])
    decision = decided([2] * 50 + [1] * 16, both, names={2: "mW"}, source="comments of Masses")
    assert decision.oxygen == (2,)


def test_undecided_names_the_flag() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError) as caught:
        decided([1, 2] * 40, rng.uniform(0, EDGE, (80, 3)))
    assert "which type is oxygen cannot be decided: found 1 (40 atoms), 2 (40 atoms)" in str(
        caught.value
    )
    assert 'types={1: "O", 2: "H"}' in str(caught.value)
    with pytest.raises(InputError, match="no oxygen: the element column has Cl, Na"):
        decided([1, 2] * 10, rng.uniform(0, EDGE, (20, 3)), names={1: "Na", 2: "Cl"})


def test_types_as_given() -> None:
    water = water_positions(20)
    kinds = [1, 2, 2] * 20
    assert sides(decided(kinds, water, types={"2": "O", "1": "H"})) == ((2,), (1,), ())
    decision = decided(kinds, water, types={"1": "O"})
    assert sides(decision) == ((1,), (2,), ())
    assert "as given; hydrogen from the distances" in str(decision)
    wall = np.random.default_rng(0).uniform(0, EDGE, (90, 3))
    assert sides(decided([1, 2, 2] * 30, wall, types={"1": "O"})) == ((1,), (), (2,))
    assert sides(decided(kinds, water, names={1: "OX", 2: "HX"}, types={"OX": "O", "HX": "H"})) == (
        (1,),
        (2,),
        (),
    )
    for types, message in (
        ({"1": "H"}, "types name no oxygen"),
        ({"1": "O", "9": "H"}, "no atom has type 9, found: 1, 2"),
        ({"1": "O?"}, "expected an element"),
    ):
        with pytest.raises(InputError, match=message.replace("?", r"\?")):
            decided(kinds, water, types=types)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((n, OXYGEN) for n in ("O", "o", "OW", "OW1", "OH2", "O_w", "O_water", "OT", "O1")),
        *((n, HYDROGEN) for n in ("H", "HW1", "HW_2", "H2", "D", "H_water", "HO1")),
        *((n, None) for n in ("Ho", "Os", "MW", "M", "Na", "W", "C", "Oh", "X", "", "Hg", "Hf")),
    ],
)
def test_names(name: str, role: int | None) -> None:
    assert role_of_name(name) == role


def test_types_from_text() -> None:
    assert parse_types("1=O, 2=H") == {"1": "O", "2": "H"}
    for wrong in ("", "1", "1=", "=O", "1=O,1=H", "1=O,"):
        with pytest.raises(InputError, match=r"expected TYPE=ELEMENT,…, as in 1=O,2=H|given twice"):
            parse_types(wrong)


def test_later_frames(tmp_path: Path) -> None:
    path = tmp_path / "t.dump"
    one = dump_text("id type x y z", water_rows(27))
    ion = [[100, 3, 13.3, 6.6, 13.3]]
    path.write_text(one + dump_text("id type x y z", water_rows(27) + ion, timestep=1))
    with Trajectory(path) as trajectory:
        frames = list(trajectory)
    assert [len(f.atoms) for f in frames] == [81, 82]
    assert frames[1].atoms.molecule[-1] == -1
    assert sides(trajectory.atom_roles) == ((1,), (2,), (3,))
    with Trajectory(path, types={1: "O"}) as trajectory:
        assert [f.n_molecules for f in trajectory] == [27, 27]
    # the second frame says the contrary of the first
    other = [[row[0], {1: 4, 2: 1}[row[1]], *row[2:]] for row in water_rows(27)]
    path.write_text(one + dump_text("id type x y z", other, timestep=1))
    with pytest.raises(InputError, match="was not in the frames before") as caught:
        list(Trajectory(path))
    assert caught.value.frame == 1
    # no oxygens left
    path.write_text(one + dump_text("id type x y z", [[1, 2, 1, 1, 1]], timestep=1))
    with pytest.raises(InputError, match="no oxygen in this frame"):
        list(Trajectory(path))


def test_elements_that_types_do_not_tell(tmp_path: Path) -> None:
    """One type for all atoms and an element column: the elements decide."""
    rows = [[r[0], 1, "O" if r[1] == 1 else "H", *r[2:]] for r in water_rows(8)]
    path = tmp_path / "t.dump"
    path.write_text(dump_text("id type element x y z", rows) * 2)
    with Trajectory(path) as trajectory:
        assert [f.n_molecules for f in trajectory] == [8, 8]
    assert str(trajectory.atom_roles).startswith("oxygen: element O (by the element column)")


def test_dump_without_types(tmp_path: Path) -> None:
    path = tmp_path / "t.dump"
    coarse = [[r[0], *r[2:]] for r in water_rows(8) if r[1] == 1]
    path.write_text(dump_text("id x y z", coarse))
    with Trajectory(path) as trajectory:
        assert next(iter(trajectory)).n_molecules == 8
    assert str(trajectory.atom_roles).startswith("oxygen: every atom (no types")
    path.write_text(dump_text("id x y z", [[r[0], *r[2:]] for r in water_rows(8)]))
    with pytest.raises(InputError, match="one kind"):
        list(Trajectory(path))


def test_masses_exchanged_on_purpose_by_lammps() -> None:
    with Trajectory(DATA / "swapped.lammpstrj") as trajectory:
        frame = next(iter(trajectory))
        columns = frame.atoms.columns
        assert set(columns["mass"][columns["type"] == 2].tolist()) == {1.008}
        assert trajectory.atom_roles.oxygen == (2,)
