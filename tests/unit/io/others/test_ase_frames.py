"""ASE's Atoms, extended XYZ and other formats through ASE."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from iceclass import Frame
from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.dumps import water_positions

CELL = np.array([[12.0, 0.0, 0.0], [2.0, 12.0, 0.0], [-1.0, 3.0, 12.0]])


def water(n: int = 8, seed: int = 0) -> Atoms:
    atoms = Atoms("OHH" * n, positions=water_positions(n, 12.0, seed).reshape(-1, 3), cell=CELL)
    atoms.pbc = (True, True, False)
    atoms.set_array("label", np.arange(3 * n))
    atoms.set_array("spin", np.arange(6.0 * n).reshape(-1, 2))
    atoms.calc = SinglePointCalculator(
        atoms, energy=-1.0, forces=np.arange(9.0 * n).reshape(-1, 3), charges=np.ones(3 * n)
    )
    return atoms


def test_frame_of_atoms() -> None:
    atoms = water()
    frame = Frame.from_ase(atoms)
    assert frame.n_molecules == 8
    assert np.array_equal(frame.positions, atoms.positions[::3])
    assert np.array_equal(frame.cell, CELL)
    assert tuple(frame.pbc) == (True, True, False)
    columns = frame.atoms.columns
    assert columns["label"].dtype == np.int64
    assert np.array_equal(columns["spin_1"], atoms.arrays["spin"][:, 1])
    assert np.array_equal(columns["forces_2"], atoms.calc.results["forces"][:, 2])
    assert set(columns["charges"].tolist()) == {1.0}
    assert frame.atoms.molecule.tolist() == [i // 3 for i in range(24)]


def test_left_handed_cells_and_no_cell() -> None:
    atoms = water()
    atoms.set_cell(CELL[[1, 0, 2]])
    frame = Frame.from_ase(atoms)
    assert np.linalg.det(frame.cell) < 0
    assert frame.density > 0
    atoms.set_cell(np.zeros((3, 3)))
    atoms.pbc = False
    assert not Frame.from_ase(atoms).pbc.any()
    atoms.positions[3] = np.nan
    with pytest.raises(InputError, match="atom 4 is NaN"):
        Frame.from_ase(atoms)
    with pytest.raises(InputError, match="no oxygen"):
        Frame.from_ase(Atoms("Cu2", positions=[[0, 0, 0], [1, 1, 1]]))
    coarse = Atoms("X4", positions=np.arange(12.0).reshape(4, 3) * 3)
    assert Frame.from_ase(coarse).n_molecules == 4
    silicon = Atoms("Si4", positions=np.arange(12.0).reshape(4, 3) * 3)
    assert Frame.from_ase(silicon, types={"Si": "O"}).n_molecules == 4


@pytest.mark.parametrize("suffix", [".extxyz", ".xyz", ".extxyz.gz"])
def test_extended_xyz(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    images = [water(n, seed=n) for n in (8, 5, 8, 2)]
    write(tmp_path / "t.extxyz", images, format="extxyz")
    text = (tmp_path / "t.extxyz").read_bytes()
    path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    with Trajectory(path) as trajectory:
        frames = list(trajectory)
    assert trajectory.format == "extxyz"
    assert [f.n_molecules for f in frames] == [8, 5, 8, 2]
    np.testing.assert_allclose(frames[1].positions, images[1].positions[::3], atol=1e-7)
    assert np.array_equal(frames[2].atoms.columns["forces_1"], np.arange(1.0, 72.0, 3.0))
    assert [f.n_molecules for f in read(path, start=1, every=2)] == [5, 2]
    assert list(read(path, start=4)) == []
    with pytest.raises(InputError, match="4 frames"):
        list(read(path, start=5))


@pytest.mark.parametrize(
    ("damage", "frame", "line", "message"),
    [
        (lambda t: t[: len(t) // 2 + 300], 1, None, "cut short"),
        (lambda t: t.replace("\n24\n", "\nmany\n"), 1, 27, "expected the number of atoms"),
        (lambda t: t.replace("24\n", "23\n", 1), 1, 26, "expected the number of atoms"),
        (lambda t: "\n".join([*t.split("\n")[:30], "O a b c", *t.split("\n")[31:]]), 1, 27, "ASE"),
        (lambda t: "999999\n" + t, 0, None, "cut short"),
        (lambda t: "999999999999\n" + t, 0, 1, "announces 999999999999 atoms: that takes"),
    ],
)
def test_bad_xyz(damage, frame: int, line: int | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.xyz"
    write(path, [water(8, seed=1), water(8, seed=2)], format="extxyz")
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputError, match=message) as caught:
        list(read(path))
    assert caught.value.frame == frame
    assert line is None or caught.value.line == line
    if frame:
        with Trajectory(path, on_error="skip") as trajectory:
            assert len(list(trajectory)) == 1
        assert len(trajectory.skipped) == 1


def test_nan_in_xyz(tmp_path: Path) -> None:
    path = tmp_path / "t.xyz"
    path.write_text("2\nx\nO nan 0 0\nO 5 0 0\n")
    with pytest.raises(InputError, match="NaN or infinite") as caught:
        list(read(path))
    assert (caught.value.frame, caught.value.line) == (0, 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("t.pdb", "proteindatabank"), ("POSCAR", "vasp"), ("t.cif", "cif"), ("t.traj", "traj"),
     ("t.gro", "gromacs")],
)  # fmt: skip
def test_other_formats(name: str, kind: str, tmp_path: Path) -> None:
    atoms = water()
    atoms.calc = None
    atoms.pbc = True
    write(tmp_path / name, atoms, format=kind)
    with Trajectory(tmp_path / name) as trajectory:
        (frame,) = trajectory
    assert trajectory.format == kind
    assert frame.n_molecules == 8
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    assert next(iter(read(packed))).n_molecules == 8


def test_virtual_sites_in_gro_are_no_tungsten(tmp_path: Path) -> None:
    lines = ["four sites", "8"]
    names = ["OW", "HW1", "HW2", "MW"]
    for i, xyz in enumerate(water_positions(2, 12.0, m_site=0.15).reshape(-1, 3) / 10.0):
        at = "".join(f"{x:8.3f}" for x in xyz)
        lines.append(f"{i // 4 + 1:5d}SOL  {names[i % 4]:>5s}{i + 1:5d}{at}")
    path = tmp_path / "t.gro"
    path.write_text("\n".join([*lines, "   1.20000   1.20000   1.20000", ""]))
    with Trajectory(path) as trajectory:
        (frame,) = trajectory
    assert frame.atoms.molecule.tolist() == [0, 0, 0, -1, 1, 1, 1, -1]
    assert trajectory.atom_roles.other == ("MW",)


def test_exceptions_of_ase(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR"
    path.write_text("water\n1.0\n12 0 0\n0 12 0\n0 0 12\nO H\n8 16\nDirect\n0 0 0\n")
    with pytest.raises(InputError, match="ASE cannot read this as vasp") as caught:
        list(read(path))
    assert "\n" not in str(caught.value)


def test_unreadable_for_ase(tmp_path: Path) -> None:
    path = tmp_path / "bad.cif"
    path.write_text("data_x\nloop_\n_atom_site_label\n")
    with pytest.raises(InputError, match="ASE finds no structure in this cif file"):
        list(read(path))
