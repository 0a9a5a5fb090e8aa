"""Which oxygens are water's: two hydrogens and nothing else, whatever they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from numpy.typing import NDArray

from iceclass import Frame
from iceclass.errors import InputError, UnitsError
from iceclass.io import Trajectory
from iceclass.io.water.assembly import Assembler, RawFrame
from iceclass.io.water.kinds import AtomKinds, is_hydrogen_name, is_oxygen_like, is_virtual_name
from tests.helpers.dumps import dump_text, water_positions, water_rows

CASES = Path(__file__).parents[3] / "data" / "cases"
EDGE = 24.0


def solution(solute: str, n: int = 4) -> Atoms:
    """27 molecules of water and ``n`` of a solute beside them, wrapped into a cell."""
    water = Atoms("OHH" * 27, water_positions(27, EDGE).reshape(-1, 3))
    rng = np.random.default_rng(len(solute))
    for k in range(n):
        guest = molecule(solute)
        guest.rotate(rng.uniform(0, 360), rng.normal(size=3))
        place = np.array([k % 3, k // 3, 0]) * EDGE / 3  # between the molecules of water
        guest.positions += place - guest.positions.mean(axis=0)
        water += guest
    water.set_cell(np.eye(3) * EDGE)
    water.pbc = True
    water.wrap()
    return water


@pytest.mark.parametrize(
    "solute",
    # alcohol, acid, amide, ether, aldehyde, peroxide, oxides, silanol, hydroxide of a metal
    ["CH3OH", "HCOOH", "CH3CONH2", "CH3OCH3", "CH3CHO", "H2O2", "CO2", "SO2", "ClO", "SiO", "NaCl"],
)
def test_oxygens_of_other_molecules_are_carried(solute: str) -> None:
    atoms = solution(solute)
    frame = Frame.from_ase(atoms)
    assert frame.n_molecules == 27
    assert frame.atoms is not None
    assert np.all(frame.atoms.molecule[81:] == -1)
    assert np.array_equal(frame.atoms.sites, np.arange(0, 81, 3))


def test_protonated_oxygen_is_not_water() -> None:
    """R–OH2+ has two hydrogens, and a carbon besides."""
    atoms = solution("CH3OH", 1)
    alcohol = atoms[81:]
    oxygen = 81 + alcohol.get_chemical_symbols().index("O")
    hydrogen = int(np.argsort(atoms.get_distances(oxygen, range(81, len(atoms)), mic=True))[1])
    assert hydrogen >= 0
    carbon = 81 + alcohol.get_chemical_symbols().index("C")
    away = atoms.get_distance(carbon, oxygen, mic=True, vector=True)
    proton = atoms.positions[oxygen] + 0.97 * away / np.linalg.norm(away)
    atoms += Atoms("H", [proton])
    assert Frame.from_ase(atoms).n_molecules == 27


def test_protons_that_hop(tmp_path: Path) -> None:
    """Hydroxide and hydronium are not water, in the frames in which they are there."""
    path = tmp_path / "t.dump"
    plain = water_rows(27)
    hopped = [list(row) for row in plain]
    target = np.array(plain[15][2:], float)
    hopped[1][2:] = (target - 0.7 * np.array([0.3, 1.0, 0.3])).tolist()
    path.write_text(
        "".join(
            dump_text("id type x y z", rows, timestep=step)
            for step, rows in enumerate((plain, hopped, plain))
        )
    )
    with Trajectory(path) as trajectory:
        frames = list(trajectory)
    assert [frame.n_molecules for frame in frames] == [27, 25, 27]
    assert not {1, 16} & set(frames[1].ids.tolist())
    assert frames[1].atoms is not None
    assert np.count_nonzero(frames[1].atoms.molecule < 0) == 6


def test_hydrogens_are_bound_to_their_nearest_atom() -> None:
    """An amide's hydrogen that points at water at 1.5 Å is not a third one of that."""
    water = water_positions(27, EDGE).reshape(-1, 3)
    towards = -(water[1] + water[2] - 2 * water[0])
    towards /= np.linalg.norm(towards)
    proton, nitrogen = water[0] + 1.5 * towards, water[0] + 2.51 * towards
    atoms = Atoms("OHH" * 27 + "HN", [*water, proton, nitrogen], cell=np.eye(3) * EDGE, pbc=True)
    assert Frame.from_ase(atoms).n_molecules == 27


def raw(
    names: list[str], positions: NDArray, source: str = "atom names", **others: object
) -> RawFrame:
    keys, codes = np.unique(names, return_inverse=True)
    labels = tuple(keys.tolist())
    kinds = AtomKinds("atom name", labels, codes.astype(np.int64), labels, source)
    return RawFrame(
        positions=positions.reshape(-1, 3),
        cell=np.eye(3) * 20.0,
        pbc=np.ones(3, bool),
        origin=np.zeros(3),
        columns=others.pop("columns", {}),  # type: ignore[arg-type]
        kinds=lambda _: kinds,
        **others,  # type: ignore[arg-type]
    )


def test_bonds_count_before_distances() -> None:
    """A molecule that a bad start has torn is one by its bonds, and none by distances."""
    water = water_positions(27)
    water[4, 1] += 1.1 * (water[4, 1] - water[4, 0]) / 0.9572
    names = ["OW", "HW1", "HW2"] * 27
    first = np.arange(0, 81, 3)
    bonds = np.concatenate([np.stack([first, first + k], axis=1) for k in (1, 2)])
    assert Assembler(None).frame(raw(names, water)).n_molecules == 26
    frame = Assembler(None).frame(raw(names, water, bonds=bonds))
    assert frame.n_molecules == 27
    assert frame.atoms is not None
    assert np.array_equal(frame.atoms.molecule, np.arange(81) // 3)
    # an alcohol by its bonds, though its carbon is far
    torn = np.concatenate([bonds, [[0, 81]]])
    named = raw([*names, "CT"], np.vstack([water.reshape(-1, 3), [[1.0, 1, 1]]]), bonds=torn)
    assert Assembler(None).frame(named).n_molecules == 26


def test_bonds_of_a_data_file(tmp_path: Path) -> None:
    water = water_positions(27)
    water[4, 1] += 1.1 * (water[4, 1] - water[4, 0]) / 0.9572
    rows = "".join(
        f"{i + 1} {i // 3 + 1} {1 if i % 3 == 0 else 2} 0 {x:.5f} {y:.5f} {z:.5f}\n"
        for i, (x, y, z) in enumerate(water.reshape(-1, 3))
    )
    bonds = "".join(
        f"{2 * m + k} 1 {3 * m + 1} {3 * m + 1 + k}\n" for m in range(27) for k in (1, 2)
    )
    head = "title\n\n81 atoms\n54 bonds\n2 atom types\n0 20 xlo xhi\n0 20 ylo yhi\n0 20 zlo zhi\n\n"
    path = tmp_path / "ice.data"
    rows = rows.replace("\n5 ", "\n5 ")
    path.write_text(f"{head}Atoms # full\n\n{rows}\nBonds\n\n{bonds}")
    with Trajectory(path) as trajectory:
        assert [frame.n_molecules for frame in trajectory] == [27]
    assert "; bonds of the topology)" in str(trajectory.atom_roles)
    for wrong, message in (
        (bonds.replace("1 1 1 2\n", "1 1 1 99\n", 1), "names atom 99, which there is not"),
        (bonds.replace("1 1 1 2\n", "1 1 1\n", 1), "not number, type and two atom ids"),
        (bonds.replace("1 1 1 2\n", "1 1 one 2\n", 1), "not number, type and two atom ids"),
    ):
        path.write_text(f"{head}Atoms # full\n\n{rows}\nBonds\n\n{wrong}")
        with pytest.raises(InputError, match=message) as caught:
            list(Trajectory(path))
        assert caught.value.line is not None


def test_a_seed_held_under_names_of_its_own() -> None:
    with Trajectory(CASES / "gro-held-seed.gro.gz") as trajectory:
        (frame,) = trajectory
    assert frame.n_molecules == 432
    roles = trajectory.atom_roles
    assert roles is not None
    assert set(roles.oxygen) == {"OW", "fOW"}
    assert "fOW by two hydrogens at 0.957 Å" in str(roles)
    assert not roles.warning


def test_carbon_dioxide_above_ice() -> None:
    with Trajectory(CASES / "ice-and-co2.extxyz.gz") as trajectory:
        (frame,) = trajectory
    assert frame.n_molecules == 432
    roles = trajectory.atom_roles
    assert roles is not None
    assert "carried unlabelled: 48 oxygens that are not water's, 24 atoms of element C" in str(
        roles
    )
    assert roles.warning.startswith("48 of 480 oxygens are not water's")


def test_what_is_carried_is_told_by_groups() -> None:
    """A protein has 80 names; a person wants to read one."""
    water = water_positions(27, m_site=0.15).reshape(-1, 3)
    names = ["OW", "HW1", "HW2", "MW"] * 27
    protein = ["N", "H1", "CA", "HA", "CB", "1HB", "C", "O", "OXT", "NE", "2HH1"]
    # between the rows of water, its bonds of no interest here
    place = np.stack([np.arange(15) % 3 * 6.6, np.arange(15) // 3 * 4.0, np.zeros(15)], axis=1)
    residues = ["SOL"] * 108 + ["ARG"] * 11 + ["NA"] * 2 + ["CL", "LIG"]
    frame = raw(
        [*names, *protein, "NA", "NA", "CL", "C1"],
        np.vstack([water, place]),
        columns={"resname": np.array(residues)},
    )
    assembler = Assembler(None)
    assert assembler.frame(frame).n_molecules == 27
    assert str(assembler.decision).endswith(
        "carried unlabelled: virtual sites 27, protein 11 atoms, ions 3, LIG 1 atoms"
    )


def test_oxygens_that_are_left_out_are_warned_of() -> None:
    water = water_positions(27)
    names = ["OW", "HW1", "HW2"] * 18 + ["fOW", "fHW1", "fHW2"] * 9
    water[18:, 1] += 0.9  # of no geometry of water
    assembler = Assembler(None)
    assert assembler.frame(raw(names, water)).n_molecules == 18
    assert assembler.decision is not None
    assert "9 atoms of atom name fOW have oxygen's name" in assembler.decision.warning


def test_sites_beside_molecules_with_hydrogens() -> None:
    """United sites of water, and methane with all its atoms."""
    sites = water_positions(27, 9.0)[:, 0]
    methane = molecule("CH4").positions + np.array([4.5, 4.5, 15.0])
    names = ["OW"] * 27 + ["C", "HC", "HC", "HC", "HC"]
    assembler = Assembler(None)
    frame = assembler.frame(raw(names, np.vstack([sites, methane])))
    assert frame.n_molecules == 27


def test_no_water_at_all() -> None:
    alcohol = solution("CH3OH", 6)[81:]
    with pytest.raises(InputError, match="no water in this frame: none of its 6 oxygens"):
        Frame.from_ase(alcohol)


@pytest.mark.parametrize(("units", "length"), [("bohr", 0.529177), ("nm", 10.0)])
@pytest.mark.parametrize("names", [True, False])
def test_lengths_in_other_units(units: str, length: float, names: bool, tmp_path: Path) -> None:
    rows = [
        [row[0], *([row[1]] if not names else ["O" if row[1] == 1 else "H"])]
        + [float(x) / length for x in row[2:]]
        for row in water_rows(64, 12.4)
    ]
    path = tmp_path / "t.dump"
    columns = "id element x y z" if names else "id type x y z"
    edge = 12.4 / length
    bounds = f"0 {edge}\n0 {edge}\n0 {edge}"
    path.write_text(dump_text(columns, rows, bounds=bounds))
    with pytest.raises(UnitsError, match=f"lengths seem to be in {units}: the distance O–H") as e:
        list(Trajectory(path))
    assert e.value.units == units
    assert f'units="{units}"' in str(e.value)
    with Trajectory(path, units=units) as trajectory:
        (frame,) = trajectory
    assert frame.n_molecules == 64
    assert frame.cell[0, 0] == pytest.approx(12.4)
    # oxygens alone
    path.write_text(dump_text(columns, rows[::3], bounds=bounds))
    with pytest.raises(UnitsError, match=f"in {units}: the distance O–O"):
        list(Trajectory(path))


def test_names() -> None:
    assert all(map(is_virtual_name, ("M", "MW", "EP", "EPW", "LP1", "L2", "OM")))
    assert not any(map(is_virtual_name, ("Mg", "MG", "OW", "HW1", "Li", "MN", "C")))
    assert all(map(is_hydrogen_name, ("HA", "HB2", "1HH1", "HN", "HE21", "H5''")))
    assert not any(map(is_hydrogen_name, ("He", "Hg", "OH", "CH3", "NH1")))
    assert all(map(is_oxygen_like, ("fOW", "OXT", "Ow_frozen", "OW", "sOW2")))
    assert not any(map(is_oxygen_like, ("CO", "Na", "Os", "W", "frozen")))


def torn_universe():  # type: ignore[no-untyped-def]
    """27 molecules of water, the fifth of which is torn, and their bonds, in a shuffled order."""
    mda = pytest.importorskip("MDAnalysis")
    water = water_positions(27)
    water[4, 1] += 1.1 * (water[4, 1] - water[4, 0]) / 0.9572
    order = np.random.default_rng(2).permutation(81)
    row = np.argsort(order)
    universe = mda.Universe.empty(81, trajectory=True)
    universe.add_TopologyAttr("names", np.array(["OW", "HW1", "HW2"] * 27)[order])
    bonds = [(row[3 * m], row[3 * m + k]) for m in range(27) for k in (1, 2)]
    universe.add_TopologyAttr("bonds", [tuple(sorted(pair)) for pair in bonds])
    universe.atoms.positions = water.reshape(-1, 3)[order]
    universe.dimensions = [20, 20, 20, 90, 90, 90]
    return universe


def test_bonds_of_a_topology() -> None:
    from iceclass.io.others.mdanalysis_frames import bonds_of
    from iceclass.plugins.mdanalysis import IceclassAnalysis

    universe = torn_universe()
    assert len(IceclassAnalysis(universe).sites) == 27
    part = universe.atoms[::-1][:40]
    bonds = bonds_of(part)
    assert bonds is not None
    places = {index: k for k, index in enumerate(part.indices.tolist())}
    expected = {
        frozenset((places[a], places[b]))
        for a, b in universe.bonds.indices.tolist()
        if a in places and b in places
    }
    assert {frozenset(pair) for pair in bonds.tolist()} == expected
    universe.del_TopologyAttr("bonds")
    assert len(IceclassAnalysis(universe).sites) == 26


def test_bonds_of_a_topology_in_another_order(tmp_path: Path) -> None:
    """A data file's rows stand in any order, a DCD file's by id."""
    universe = torn_universe()
    universe.atoms.write(tmp_path / "t.dcd")
    ids = np.arange(1, 82)
    rows = [
        f"{i} 1 {1 if name == 'OW' else 2} 0 {x:.4f} {y:.4f} {z:.4f}\n"
        for i, name, (x, y, z) in zip(
            ids, universe.atoms.names, universe.atoms.positions, strict=True
        )
    ]
    shuffled = np.random.default_rng(3).permutation(81)
    bonds = "".join(
        f"{k + 1} 1 {a + 1} {b + 1}\n" for k, (a, b) in enumerate(universe.bonds.indices.tolist())
    )
    topology = tmp_path / "t.data"
    topology.write_text(
        "title\n\n81 atoms\n54 bonds\n2 atom types\n0 20 xlo xhi\n0 20 ylo yhi\n0 20 zlo zhi\n\n"
        f"Atoms # full\n\n{''.join(rows[k] for k in shuffled)}\nBonds\n\n{bonds}"
    )
    with Trajectory(tmp_path / "t.dcd", topology=topology) as trajectory:
        assert [frame.n_molecules for frame in trajectory] == [27]
    topology.write_text(topology.read_text().partition("Bonds\n")[0])
    with Trajectory(tmp_path / "t.dcd", topology=topology) as trajectory:
        assert [frame.n_molecules for frame in trajectory] == [26]


def test_a_frame_without_water_decides_nothing(tmp_path: Path) -> None:
    """What is left out does not make oxygens of the next frame's hydroxides."""
    path = tmp_path / "t.dump"
    hydroxide = [row for row in water_rows(27) if row[0] % 3 != 0]  # type: ignore[operator]
    mixed = [row for row in water_rows(27) if row[0] != 3]
    path.write_text(
        dump_text("id element x y z", [[r[0], "XOH"[r[1]], *r[2:]] for r in hydroxide])  # type: ignore[index]
        + dump_text("id element x y z", [[r[0], "XOH"[r[1]], *r[2:]] for r in mixed], timestep=1)  # type: ignore[index]
    )
    with pytest.raises(InputError, match="none of its 27 oxygens has exactly two hydrogens"):
        list(Trajectory(path))
    with Trajectory(path, on_error="skip") as trajectory:
        assert [frame.n_molecules for frame in trajectory] == [26]
    assert len(trajectory.skipped) == 1
