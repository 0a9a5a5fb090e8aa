"""How a file is read: cell, units and types where it does not say, and options that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import iceclass
from iceclass.errors import InputError
from iceclass.io import ReadOptions, Trajectory
from tests.helpers.dumps import dump_text, water_rows

CASES = Path(__file__).parents[2] / "data" / "cases"
BOX = "23.4685,22.0607,27.1096"


def only(name: str, **options: Any) -> iceclass.Frame:
    (frame,) = iceclass.read(CASES / name, **options)
    return frame


def test_one_value_or_single_options() -> None:
    options = ReadOptions(types={1: "O", 2: "H"}, cell=BOX)
    assert ReadOptions.of(options, {"stop": 3}) == ReadOptions(
        types={1: "O", 2: "H"}, cell=BOX, stop=3
    )
    a = list(iceclass.read(CASES / "types.xyz.gz", options))
    b = list(iceclass.read(CASES / "types.xyz.gz", types={1: "O", 2: "H"}, cell=BOX))
    assert [f.n_molecules for f in a] == [f.n_molecules for f in b] == [432]
    with pytest.raises(TypeError, match="expected ReadOptions: write types="):
        list(iceclass.read(CASES / "types.xyz.gz", {1: "O"}))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword"):
        list(iceclass.read(CASES / "types.xyz.gz", typs={1: "O"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": -1}, "cannot be read"),
        ({"on_error": "ignore"}, "known: raise, skip"),
        ({"units": "bohrs"}, "unknown units 'bohrs'; did you mean 'bohr'"),
        ({"units": "lj"}, "unknown units"),
        ({"cell": "1,2"}, "the cell '1,2' is none; write a,b,c"),
        ({"cell": "1,2,-3"}, "is none"),
        ({"cell": "1,2,x"}, "is none"),
        ({"cell": "1,2,3,90,90,0"}, "is none"),
        ({"cell": "1,2,inf"}, "is none"),
        ({"force_cell": True}, "none is given"),
    ],
)
def test_options_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ReadOptions(**options)


def test_forms_of_a_cell() -> None:
    expected = np.diag([10.0, 11.0, 12.0])
    for cell in ("10,11,12", "10 11 12 90 90 90", (10, 11, 12), expected, [10, 11, 12, 90, 90, 90]):
        np.testing.assert_allclose(ReadOptions(cell=cell).cell, expected, atol=1e-12)
    tilted = np.array(ReadOptions(cell="10,11,12,90,90,60").cell)
    np.testing.assert_allclose(tilted[1], [5.5, 11 * np.sin(np.pi / 3), 0], atol=1e-12)
    assert hash(ReadOptions(cell="10,11,12").cell) == hash(ReadOptions(cell=expected).cell)


def test_a_file_without_a_cell() -> None:
    droplet = only("no-cell.xyz.gz")
    assert not droplet.pbc.any()
    ice = only("no-cell.xyz.gz", cell=BOX)
    assert ice.pbc.all()
    assert ice.n_molecules == 432
    result = iceclass.label(CASES / "no-cell.xyz.gz", cell=BOX)
    assert result.mean_fractions["ih"] > 0.95


def test_type_numbers_for_elements_and_no_cell() -> None:
    with pytest.raises(InputError, match="type numbers 1, 2 for elements, and no cell") as caught:
        only("types.xyz.gz")
    assert 'types={1: "O", 2: "H"} and cell="' in str(caught.value)
    result = iceclass.label(CASES / "types.xyz.gz", cell=BOX, types={1: "O", 2: "H"})
    assert result.mean_fractions["ih"] > 0.95


def test_mw_as_a_species() -> None:
    assert only("one-site-mW.xyz.gz").n_molecules == 432
    assert iceclass.label(CASES / "one-site-mW.xyz.gz").mean_fractions["ih"] > 0.95


def test_a_cell_that_the_file_has() -> None:
    name = "ice-and-co2.extxyz.gz"
    own = only(name).cell
    with pytest.raises(InputError, match=r"has a cell, 23.47 × 22.06 × 47.11 Å, which is not"):
        only(name, cell=BOX)
    assert np.array_equal(only(name, cell="23.469,22.061,47.110").cell, own)  # it agrees
    forced = only(name, cell="23.4685,22.0607,50", force_cell=True)
    assert forced.cell[2, 2] == 50.0
    assert forced.n_molecules == 432


def test_a_forced_cell_is_written(tmp_path: Path) -> None:
    path, out = tmp_path / "t.lammpstrj", tmp_path / "out.lammpstrj"
    path.write_text(dump_text("id type x y z", water_rows(27, 9.5), bounds="0 20\n0 20\n0 20"))
    iceclass.label(path, output=out, cell="9.5,9.5,9.5", force_cell=True)
    (frame,) = iceclass.read(out)
    np.testing.assert_allclose(frame.cell, np.eye(3) * 9.5)
    assert frame.atoms is not None
    assert "i_phase" in frame.atoms.columns


@pytest.mark.parametrize("suffix", [".lammpstrj", ".extxyz"])
def test_units_that_were_told_are_written(suffix: str, tmp_path: Path) -> None:
    """What is written says itself what it is in: it is read back without being told."""
    out = tmp_path / f"out{suffix}"
    source = only("bohr.lammpstrj.gz", units="bohr")
    result = iceclass.label(CASES / "bohr.lammpstrj.gz", units="bohr", output=out)
    assert result.mean_fractions["ih"] > 0.95
    (back,) = iceclass.read(out)
    np.testing.assert_allclose(back.positions, source.positions, atol=1e-4)
    np.testing.assert_allclose(back.cell, source.cell, atol=1e-4)


def test_units_of_files_that_tell(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the units of gro files are known"):
        Trajectory(CASES / "gro-held-seed.gro.gz", units="nm")
    path = tmp_path / "t.lammpstrj"
    text = dump_text("id type x y z", water_rows(8, 6.2), bounds="0 6.2\n0 6.2\n0 6.2")
    path.write_text("ITEM: UNITS\nreal\n" + text)
    assert [f.n_molecules for f in iceclass.read(path, units="metal")] == [8]
    with pytest.raises(InputError, match="says that its units are real, not electron"):
        list(iceclass.read(path, units="bohr"))
