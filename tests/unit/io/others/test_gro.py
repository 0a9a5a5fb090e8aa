"""gro files: any precision, several frames, odd names, text after the box, and damaged ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.dumps import water_positions
from tests.helpers.formats import CASES


def gro_text(
    decimals: int = 3,
    *,
    title: str = "water t= 1.5 step= 3",
    n: int = 8,
    box: str = "   2.00000   2.00000   2.00000",
    names: tuple[str, str, str] = ("OW", "HW1", "HW2"),
    velocities: bool = False,
    number: int = 1,
) -> str:
    rows = [title, f"{3 * n:5d}"]
    for k, xyz in enumerate(water_positions(n).reshape(-1, 3) / 10.0):
        fields = "".join(f"{x:{decimals + 5}.{decimals}f}" for x in xyz)
        if velocities:
            fields += "".join(f"{v:{decimals + 5}.{decimals + 1}f}" for v in (0.1, -0.2, 0.3))
        atom = (number + k) % 100_000
        rows.append(f"{(number + k) // 3 % 100_000:5d}SOL  {names[k % 3]:>5s}{atom:5d}{fields}")
    return "\n".join([*rows, box]) + "\n"


@pytest.mark.parametrize("decimals", [2, 3, 4, 5, 6, 8, 12])
@pytest.mark.parametrize("velocities", [False, True])
def test_any_number_of_decimals(tmp_path: Path, decimals: int, velocities: bool) -> None:
    path = tmp_path / "a.gro"
    path.write_text(gro_text(decimals, velocities=velocities))
    (frame,) = read(path)
    expected = water_positions(8)[:, 0]
    np.testing.assert_allclose(frame.positions, expected, atol=0.51 * 10.0 ** (1 - decimals))
    np.testing.assert_allclose(frame.cell, np.diag([20.0] * 3))
    assert (frame.timestep, frame.time) == (3, 1.5)
    assert frame.atoms.molecule.tolist() == np.repeat(np.arange(8), 3).tolist()
    assert set(frame.atoms.columns["resname"]) == {"SOL"}
    if velocities:
        assert set(frame.atoms.columns["vy"]) == {-2.0}  # Å/ps
    else:
        assert "vx" not in frame.atoms.columns


def test_the_same_as_mdanalysis(tmp_path: Path) -> None:
    """Positions, names and a triclinic box."""
    from MDAnalysis import Universe

    path = tmp_path / "a.gro"
    box = " ".join(f"{x:.5f}" for x in (2.1, 2.2, 2.3, 0, 0, 0.3, 0, -0.4, 0.5))
    path.write_text(gro_text(5, box=box, velocities=True))
    universe = Universe(str(path), to_guess=())
    (frame,) = read(path)
    columns = frame.atoms.columns
    xyz = np.stack([columns[axis] for axis in "xyz"], axis=1)
    np.testing.assert_allclose(xyz, universe.atoms.positions, atol=1e-5)
    np.testing.assert_allclose(columns["vz"], universe.atoms.velocities[:, 2], atol=1e-5)
    np.testing.assert_allclose(frame.cell, universe.trajectory.ts.triclinic_dimensions, atol=1e-5)
    np.testing.assert_allclose(frame.cell[2], [-4.0, 5.0, 23.0])
    assert columns["name"].tolist() == universe.atoms.names.tolist()


@pytest.mark.parametrize("name", ["gro-5-decimals", "gro-three-frames"])
def test_published_kinds_of_files(name: str) -> None:
    labels = iceclass.label(CASES / f"{name}.gro.gz")
    assert labels.totals.frames == (3 if "three" in name else 1)
    assert labels.totals.largest == 432
    assert labels.mean_fractions["ih"] == 1.0


def test_several_frames_and_text_between_and_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.gro"
    frames = [gro_text(title=f"t= {k}.0 step= {10 * k}") for k in range(3)]
    path.write_text(frames[0] + "\n\n" + frames[1] + frames[2] + "; made by hand\n\nthe end\n")
    assert [frame.timestep for frame in read(path)] == [0, 10, 20]
    assert [frame.timestep for frame in read(path, start=1, every=1, stop=2)] == [10]
    box = "   2.00000   2.00000   2.00000 ; a remark"
    path.write_text(gro_text(box=box))
    assert len(list(read(path))) == 1


def test_numbers_that_begin_anew_and_odd_names(tmp_path: Path) -> None:
    path = tmp_path / "a.gro"
    path.write_text(gro_text(names=("O'1*", "H", "H+"), number=99_998))
    (frame,) = read(path)
    assert frame.n_molecules == 8
    assert frame.atoms.columns["id"].tolist() == list(range(1, 25))
    assert len(np.unique(frame.atoms.columns["mol"])) >= 8


def test_compressed_with_other_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.gro.gz"
    path.write_bytes(gzip.compress(gro_text().replace("\n", "\r\n").encode()))
    (frame,) = read(path)
    assert frame.n_molecules == 8


def changed(text: str, line: int, new: str | None) -> str:
    lines = text.split("\n")
    lines[line - 1 : line] = [] if new is None else [new]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("line", "new", "message", "at"),
    [
        (2, "many", "expected the number of atoms in the second line", 2),
        (2, "25", "the box behind the 25 rows is missing", 28),
        (2, "23", "has the frame more rows", 26),
        (2, "99999999999999", "announces 99999999999999 atoms: that takes", 2),
        (
            5,
            "    1SOL    HW2    3   0.x00   1.000   2.000",
            "x of row 3 of 24, columns 21 to 28",
            5,
        ),
        (5, "    1SOL    HW2    3   0.100   1.000   nan  ", "z of row 3", 5),
        (5, "    1SOL    HW2    3   0.100", "row 3", 5),
        (3, "    1SOL     OW    1 one two three", "expected three positions from column 21", 3),
        (27, "a b c", "the box is 'a b c', expected 3 or 9 numbers", 27),
        (27, None, "the box behind the 24 rows is missing", 27),
    ],
)
def test_damage_is_named(tmp_path: Path, line: int, new: str | None, message: str, at) -> None:
    path = tmp_path / "bad.gro"
    path.write_text(changed(gro_text(), line, new))
    with pytest.raises(InputError, match=message) as caught:
        list(read(path))
    assert (caught.value.path, caught.value.frame) == (path, 0)
    assert at is None or caught.value.line == at


def test_a_damaged_frame_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "bad.gro"
    bad = gro_text().replace("SOL    HW2    3   ", "SOL    HW2    3  x")
    assert bad != gro_text()
    path.write_text(gro_text() + bad + gro_text(title="t= 9.0") + gro_text()[:300])
    with Trajectory(path, on_error="skip") as trajectory:
        assert [frame.time for frame in trajectory] == [1.5, 9.0]
        assert [error.frame for error in trajectory.skipped] == [1, 3]
        assert "cut short" in str(trajectory.skipped[1])
