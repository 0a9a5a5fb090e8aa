"""Data files that LAMMPS wrote in several atom styles, and what other programs write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.dumps import DATA, water_positions

FILES = sorted(p.name for p in DATA.glob("*.data"))
PLAIN = [n for n in FILES if n not in ("general.data", "triclinic_full.data")]


@pytest.mark.parametrize("name", FILES)
def test_what_lammps_wrote(name: str) -> None:
    with Trajectory(DATA / name) as trajectory:
        (frame,) = trajectory
    assert trajectory.format == "lammps-data"
    oxygen, hydrogen = (2, 1) if name in ORDER_HO else (1, 2)
    if name == "labels.data":
        oxygen, hydrogen = "OW", "H_water"
    assert trajectory.atom_roles.oxygen == (oxygen,)
    assert trajectory.atom_roles.hydrogen == (hydrogen,)
    assert frame.n_molecules == 16
    assert np.bincount(frame.atoms.molecule).tolist() == [3] * 16
    assert 0.91 < frame.density < 0.93
    columns = frame.atoms.columns
    if "mol" in columns and name != "hybrid.data" and np.any(columns["mol"] != 0):
        assert np.array_equal(
            columns["mol"][frame.atoms.molecule >= 0] - 1, (columns["id"] - 1) // 3
        )
    if name in ("charge.data", "triclinic_full.data"):
        assert sorted(set(columns["q"].tolist())) == [-1.1794, 0.5897]


ORDER_HO = {
    f"{style}.data"
    for style in ("atomic", "charge", "molecular", "sphere", "dipole", "bond", "angle")
}


@pytest.mark.parametrize("name", ["triclinic_full.data", "general.data", "atomic.data"])
def test_same_as_ovito(name: str) -> None:
    from ovito.io import import_file

    data = import_file(DATA / name).compute()
    (frame,) = read(DATA / name)
    np.testing.assert_allclose(frame.cell, np.array(data.cell)[:, :3].T, atol=1e-9)
    np.testing.assert_allclose(frame.origin, np.array(data.cell)[:, 3], atol=1e-9)
    rows = np.flatnonzero(np.isin(np.array(data.particles.identifiers), frame.ids))
    turns = (np.array(data.particles.positions)[rows] - frame.positions) @ np.linalg.inv(frame.cell)
    np.testing.assert_allclose(turns, np.rint(turns), atol=1e-9)


def test_general_box_is_that_of_the_dump() -> None:
    (frame,) = read(DATA / "general.data")
    *_, last = read(DATA / "general.lammpstrj")
    np.testing.assert_allclose(frame.cell, last.cell, atol=1e-9)
    assert frame.timestep == last.timestep == 2
    positions = [f.positions[np.argsort(f.ids)] for f in (frame, last)]
    turns = (positions[0] - positions[1]) @ np.linalg.inv(frame.cell)
    np.testing.assert_allclose(turns, np.rint(turns), atol=1e-9)


def data_text(
    rows: str, *, head: str = "", comment: str = "", between: str = "", n: int = 6
) -> str:
    return (
        f"made by hand\n\n{n} atoms\n2 atom types\n\n-1 9 xlo xhi\n0 10 ylo yhi\n0 10 zlo zhi\n"
        f"\n{between}Atoms{comment}\n\n{rows}"
    )


def water_lines(form: str) -> str:
    lines = []
    for i, (x, y, z) in enumerate(water_positions(2, edge=10.0).reshape(-1, 3)):
        lines.append(
            form.format(
                id=i + 1, mol=i // 3 + 1, type=1 + (i % 3 > 0), q=-0.8 if i % 3 == 0 else 0.4,
                x=x, y=y, z=z,
            )
        )  # fmt: skip
    return "\n".join(lines) + "\n"


XYZ = "{x:.6f} {y:.6f} {z:.6f}"


@pytest.mark.parametrize(
    ("form", "columns"),
    [
        ("{id} {mol} {type} {q} " + XYZ, "id mol type q x y z"),
        ("{id} {mol} {type} {q} " + XYZ + " 0 -1 0", "id mol type q x y z ix iy iz"),
        ("{id} {type} " + XYZ, "id type x y z"),
        ("{id} {type} " + XYZ + " 1 0 0", "id type x y z ix iy iz"),
        ("{id} {mol} {type} " + XYZ, "id mol type x y z"),
        ("{id} {type} {q} " + XYZ, "id type q x y z"),
        ("{id} {mol} {type} " + XYZ + " 0 0 0  # water", "id mol type x y z ix iy iz"),
    ],
)
def test_style_from_the_columns(form: str, columns: str, tmp_path: Path) -> None:
    path = tmp_path / "made.lmp"
    path.write_text(data_text(water_lines(form)))
    (frame,) = read(path)
    assert list(frame.atoms.columns) == columns.split()
    assert frame.atoms.molecule.tolist() == [0, 0, 0, 1, 1, 1]
    assert frame.origin.tolist() == [-1.0, 0.0, 0.0]


def test_hybrid_with_its_styles(tmp_path: Path) -> None:
    path = tmp_path / "made.data"
    rows = water_lines("{id} {type} " + XYZ + " {q} 1.5 0.5 {mol}")
    path.write_text(data_text(rows, comment=" # hybrid charge sphere full"))
    (frame,) = read(path)
    assert list(frame.atoms.columns) == [
        "id",
        "type",
        "x",
        "y",
        "z",
        "q",
        "diameter",
        "density",
        "mol",
    ]
    path.write_text(data_text(rows, comment="  # hybrid"))
    (frame,) = read(path)
    assert list(frame.atoms.columns)[5:] == [f"column_{i}" for i in range(6, 10)]


def test_sections_in_any_order_and_names_of_masses(tmp_path: Path) -> None:
    path = tmp_path / "made.data"
    masses = "Masses # grams\n\n1 15.9994 # O\n2 1.008 # H\n\n"
    bonds = "\nBonds\n\n1 1 1 2\n\nVelocities\n\n1 0 0 0\n"
    rows = water_lines("{id} {type} " + XYZ)
    for text in (data_text(rows, between=masses) + bonds, data_text(rows) + bonds + "\n" + masses):
        path.write_bytes(text.replace("\n", "\r\n").encode())
        with Trajectory(path) as trajectory:
            (frame,) = trajectory
        assert frame.n_molecules == 2
        assert "comments of Masses" in str(trajectory.atom_roles)


def test_units_of_the_title(tmp_path: Path) -> None:
    path = tmp_path / "made.data"
    text = data_text(water_lines("{id} {type} {x} {y} {z}"))
    (known,) = read_text(path, text)
    nano = data_text(water_lines("{id} {type} {x} {y} {z}"))
    title = "LAMMPS data file via write_data, version 1 Jan 2025, timestep = 500, units = nano"
    (frame,) = read_text(path, nano.replace("made by hand", title), {1: "O"})
    np.testing.assert_allclose(frame.cell, known.cell * 10.0)
    np.testing.assert_allclose(frame.positions, known.positions * 10.0)
    assert frame.timestep == 500
    with pytest.raises(InputError, match="lj units"):
        read_text(path, nano.replace("made by hand", title.replace("nano", "lj")))


def read_text(path: Path, text: str, types: dict[int, str] | None = None) -> list:
    path.write_text(text)
    return list(read(path, types=types))


GOOD = data_text(water_lines("{id} {type} " + XYZ))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("hello\n", None, "not a LAMMPS data file"),
        (GOOD.replace("Atoms", "Atomic"), None, "no section Atoms"),
        (GOOD.replace("6 atoms", "7 atoms"), 18, "has 6 rows, expected 7"),
        (GOOD.replace("6 atoms", "5 atoms"), 12, "has 6 rows, expected 5"),
        (GOOD.replace("6 atoms", "six atoms"), 3, "atoms has 'six', expected 1 finite numbers"),
        (GOOD.replace("-1 9 xlo", "9 9 xlo"), 6, "no positive length along x"),
        (GOOD.replace("-1 9 xlo", "-1 nan xlo"), 6, "expected 2 finite numbers"),
        (
            GOOD.replace("\n4 1 ", "\n4 1 abc "),
            15,
            "row 4 of 6 in the section Atoms has a bad field",
        ),
        (GOOD.replace("\n4 1 ", "\n4 x "), 15, "has a bad field for type"),
        (GOOD + "\n7\n", 12, "has 8 rows, expected 6"),
        (GOOD.replace("Atoms", "Atoms # full"), 12, "has 5 fields, expected id mol type q x y z"),
        (data_text(water_lines("{id} {type} a b c d e f g h")), 12, "atom style cannot be told"),
        (data_text(water_lines("{id} {type} 1 1 inf")), 12, "position that is not finite"),
        (data_text("", n=0), None, "no atoms"),
    ],
)
def test_bad_data_files(text: str, line: int | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.data"
    with pytest.raises(InputError) as caught:
        read_text(path, text)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    if line is not None:
        assert caught.value.line == line
