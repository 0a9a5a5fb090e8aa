"""DL_POLY's HISTORY files against MDAnalysis, which reads them too; damaged ones."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.dumps import water_positions

CELL = np.array([[20.0, 0.0, 0.0], [1.5, 20.0, 0.0], [-2.0, 0.5, 21.0]])


def history_text(
    n: int = 8, frames: int = 3, *, level: int = 0, boundary: int = 3, displaced: bool = True
) -> str:
    lines = ["ice Ih", f"{level:10d}{boundary:10d}{3 * n:10d}{frames:21d}{0:21d}"]
    for step in range(frames):
        head = f"timestep{100 * step:10d}{3 * n:10d}{level:10d}{boundary:10d}"
        lines.append(head + f"{0.001:12.6f}{0.1 * step:12.6f}")
        if boundary:
            lines += ["".join(f"{x:20.10f}" for x in vector) for vector in CELL]
        xyz = water_positions(n, seed=step).reshape(-1, 3) - 10.0
        for k, x in enumerate(xyz):
            name, mass, q = ("OW", 15.9994, -0.8) if k % 3 == 0 else ("HW", 1.008, 0.4)
            line = f"{name:<8s}{k + 1:10d}{mass:12.6f}{q:12.6f}"
            lines.append(line + (f"{0.0:12.6f}" if displaced else ""))
            lines += ["".join(f"{v:20.10f}" for v in scale * x) for scale in (1, 2, 3)[: 1 + level]]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("displaced", [True, False])
def test_the_same_as_mdanalysis(tmp_path: Path, level: int, displaced: bool) -> None:
    path = tmp_path / "HISTORY"
    path.write_text(history_text(level=level, displaced=displaced))
    with Trajectory(path) as trajectory:
        frames = list(trajectory)
        assert trajectory.format == "history"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from MDAnalysis import Universe

        universe = Universe(str(path), format="HISTORY", topology_format="HISTORY", to_guess=())
        for frame, now in zip(frames, universe.trajectory, strict=True):
            columns = frame.atoms.columns
            xyz = np.stack([columns[axis] for axis in "xyz"], axis=1)
            np.testing.assert_allclose(xyz, now.positions, atol=1e-5)
            np.testing.assert_allclose(frame.cell, CELL)
            if level:
                np.testing.assert_allclose(columns["vy"], now.velocities[:, 1], atol=1e-4)
            if level > 1:
                np.testing.assert_allclose(columns["fz"], now.forces[:, 2], atol=1e-4)
        assert frames[0].atoms.columns["name"].tolist() == universe.atoms.names.tolist()
    assert [(frame.timestep, frame.time) for frame in frames] == [(0, 0.0), (100, 0.1), (200, 0.2)]
    assert frames[0].n_molecules == 8
    np.testing.assert_allclose(frames[0].origin, -0.5 * CELL.sum(axis=0))


def test_any_name_compressed_and_in_slices(tmp_path: Path) -> None:
    path = tmp_path / "run1.gz"
    path.write_bytes(gzip.compress(history_text(level=1).encode()))
    assert [frame.timestep for frame in read(path, start=2)] == [200]
    assert [frame.timestep for frame in read(path, every=2)] == [0, 200]


def test_a_cell_turned_in_space_stays_as_it_is(tmp_path: Path) -> None:
    turned = CELL[:, [1, 2, 0]]
    rows = ["".join(f"{x:20.10f}" for x in vector) for vector in CELL]
    new = ["".join(f"{x:20.10f}" for x in vector) for vector in turned]
    path = tmp_path / "HISTORY"
    path.write_text(history_text().replace("\n".join(rows), "\n".join(new)))
    (frame, *_) = read(path)
    np.testing.assert_allclose(frame.cell, turned)


def test_boundaries(tmp_path: Path) -> None:
    path = tmp_path / "HISTORY"
    for boundary, expected in ((0, [False] * 3), (6, [True, True, False]), (2, [True] * 3)):
        path.write_text(history_text(boundary=boundary))
        assert next(iter(read(path))).pbc.tolist() == expected
    path.write_text(history_text(boundary=4))
    with pytest.raises(InputError, match="boundary 4 are not taken"):
        list(read(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("        24         0         3", "        25         0         3", "lines of atom 25"),
        ("        24         0         3", "        2x         0         3", "expected timestep"),
        ("       20.0000000000", "       2x.0000000000", "expected a cell vector"),
        ("HW               2", "HW           1    2", "lines of atom 2 of 24"),
        ("   15.999400", "   15.999400 1 2 3", "first line has 8 fields"),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "HISTORY"
    assert old in history_text()
    lines = history_text().split("\n")
    path.write_text("\n".join(lines[:2]) + "\n" + "\n".join(lines[2:]).replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        list(read(path))
    assert (caught.value.path, caught.value.frame) == (path, 0)
    assert caught.value.line is not None


def test_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "HISTORY"
    path.write_text(history_text()[:-700])
    with pytest.raises(InputError, match=r"the last frame is cut short: found .* of 48 lines"):
        list(read(path))
    with Trajectory(path, on_error="skip") as trajectory:
        assert len(list(trajectory)) == 2
