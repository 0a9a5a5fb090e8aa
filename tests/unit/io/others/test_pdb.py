"""pdb files: names that are no elements, several models, boxes, and damaged ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.dumps import water_positions

CRYST = "CRYST1   20.000   20.000   20.000  90.00  90.00  90.00 P 1           1\n"
PROTEIN = (
    ("N", "GLN", "N"), ("CA", "GLN", "C"), ("O", "GLN", "O"), ("1HH1", "ARG", "H"),
    ("HE21", "GLN", "H"), ("OE1", "GLU", "O"), ("CD", "GLU", "C"),
)  # fmt: skip


def record(k: int, name: str, residue: str, number: int, xyz, element: str = "") -> str:
    shown = f"{name:<4s}" if len(name) == 4 else f" {name:<3s}"
    x, y, z = xyz
    return (
        f"ATOM  {k % 100_000:5d} {shown} {residue:<4s}A{number % 10_000:4d}    "
        f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {element:>2s}\n"
    )


def pdb_text(n: int = 8, *, elements: bool = False, protein: bool = True, box: str = CRYST) -> str:
    out, k = box, 0
    for name, residue, element in PROTEIN if protein else ():
        k += 1  # the peptide's atoms, 1.5 Å apart, above the water
        out += record(k, name, residue, 1, (1.5 * k, 30.0, 30.0), element if elements else "")
    for m, molecule in enumerate(water_positions(n)):
        for name, xyz in zip(("OW", "HW1", "HW2"), molecule, strict=True):
            k += 1
            out += record(k, name, "SOL", 2 + m, xyz, name[0] if elements else "")
    return out


@pytest.mark.parametrize("elements", [False, True])
def test_a_protein_in_water(tmp_path: Path, elements: bool) -> None:
    path = tmp_path / "a.pdb"
    path.write_text(
        "HEADER    TEST\nREMARK  99 nothing\n" + pdb_text(elements=elements) + "TER\nEND\n"
    )
    with Trajectory(path) as trajectory:
        (frame,) = trajectory
        assert trajectory.format == "pdb"
    assert frame.n_molecules == 8
    np.testing.assert_allclose(frame.positions, water_positions(8)[:, 0], atol=6e-4)
    np.testing.assert_allclose(frame.cell, np.diag([20.0] * 3), atol=1e-9)
    assert (frame.atoms.molecule[: len(PROTEIN)] == -1).all()
    assert "1HH1" in frame.atoms.columns["name"]
    assert ("element" in frame.atoms.columns) == elements


def test_the_same_as_mdanalysis(tmp_path: Path) -> None:
    import warnings

    path = tmp_path / "a.pdb"
    box = "CRYST1   21.000   22.000   23.000  80.00  95.00 110.00 P 1           1\n"
    path.write_text(pdb_text(box=box, elements=True) + "END\n")
    (frame,) = read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from MDAnalysis import Universe

        universe = Universe(str(path), to_guess=())
        xyz = np.stack([frame.atoms.columns[axis] for axis in "xyz"], axis=1)
        np.testing.assert_allclose(xyz, universe.atoms.positions, atol=1e-5)
        cell = universe.trajectory.ts.triclinic_dimensions
        np.testing.assert_allclose(frame.cell, cell, atol=1e-4)
        for name, attribute in (
            ("name", "names"),
            ("resname", "resnames"),
            ("element", "elements"),
        ):
            assert frame.atoms.columns[name].tolist() == getattr(universe.atoms, attribute).tolist()


def test_models(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb.gz"
    one = "TITLE     water t= {0}.00000 step= {1}\nMODEL     {0}\n" + pdb_text() + "ENDMDL\n"
    path.write_bytes(
        gzip.compress("".join(one.format(k, 10 * k) for k in range(3)).encode() + b"END\n")
    )
    frames = list(read(path))
    assert [(frame.timestep, frame.time) for frame in frames] == [(0, 0.0), (10, 1.0), (20, 2.0)]
    assert [frame.timestep for frame in read(path, start=1, every=2)] == [10]


def test_no_box(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    for box in ("", "CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1           1\n"):
        path.write_text(pdb_text(box=box))
        (frame,) = read(path)
        assert not frame.pbc.any()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("CRYST1   20.000", "CRYST1   twenty", "the box is"),
        ("  90.00  90.00  90.00", "   0.00  90.00  90.00", "no volume"),
        ("  90.00  90.00  90.00", "  90.00   1.00   5.00", "no volume"),
        ("  30.000  30.000", "  30.000  3x.000", "z of row 1 of 31, columns 47 to 54, is '3x.000'"),
        ("  30.000  30.000", "  30.000     nan", "z of row 1"),
    ],
)
def test_damage_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bad.pdb"
    assert old in pdb_text()
    path.write_text(pdb_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        list(read(path))
    assert caught.value.line in (1, 2)


def test_a_model_without_its_end_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "bad.pdb"
    path.write_text("MODEL 1\n" + pdb_text() + "ENDMDL\nMODEL 2\n" + pdb_text()[:900])
    with pytest.raises(InputError, match="cut short: no ENDMDL"):
        list(read(path))
    with Trajectory(path, on_error="skip") as trajectory:
        assert len(list(trajectory)) == 1
