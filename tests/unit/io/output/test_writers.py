"""What is written is read back the same: by iceclass, by ASE, by OVITO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read as ase_read

from iceclass import Frame
from iceclass.errors import OutputError
from iceclass.io import DumpWriter, ExtxyzWriter, output_writer, read
from tests.helpers.dumps import DATA, water_positions

DUMPS = sorted(p.name for p in DATA.glob("*.lammpstrj") if p.name != "lj.lammpstrj")


def extra(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "i_phase": rng.integers(-1, 9, n),
        "d_confidence": rng.uniform(size=n).round(4),
        "d_exact": rng.normal(size=n),
        "d_single": rng.normal(size=n).astype(np.float32),
        "name": rng.choice(["ih", "water", "unknown"], n),
    }


@pytest.mark.parametrize("name", DUMPS)
@pytest.mark.parametrize("suffix", [".lammpstrj", ".dump.gz"])
def test_dumps_keep_everything(name: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{suffix}"
    frames = list(read(DATA / name))
    with output_writer(path) as writer:
        assert isinstance(writer, DumpWriter)
        for k, frame in enumerate(frames):
            writer.write(frame, extra(len(frame.atoms), k))
        assert not path.exists()
    for k, (frame, back) in enumerate(zip(frames, read(path), strict=True)):
        for attribute in ("positions", "cell", "pbc", "ids", "origin"):
            assert np.array_equal(getattr(frame, attribute), getattr(back, attribute)), attribute
        assert (frame.timestep, frame.time) == (back.timestep, back.time)
        assert back.atoms.header == frame.atoms.header
        added = extra(len(frame.atoms), k)
        assert list(back.atoms.columns) == [*frame.atoms.columns, *added]
        for key, column in frame.atoms.columns.items():
            assert np.array_equal(back.atoms.columns[key], column)
        for key, column in added.items():
            assert np.array_equal(back.atoms.columns[key].astype(column.dtype), column)
    if suffix == ".lammpstrj":
        before, after = (p.read_text().splitlines() for p in (DATA / name, path))
        assert len(before) == len(after)
        for old, new in zip(before, after, strict=True):
            assert new.startswith(old.rstrip())


def test_nothing_added_is_the_same_file(tmp_path: Path) -> None:
    for name in ("general.lammpstrj", "rich.lammpstrj", "ortho.lammpstrj"):
        path = tmp_path / name
        with DumpWriter(path) as writer:
            for frame in read(DATA / name):
                writer.write(frame)
        assert path.read_bytes() == (DATA / name).read_bytes()


def test_units_are_said_once_even_if_the_first_frames_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "out.dump"
    with DumpWriter(path) as writer:
        for frame in read(DATA / "nano.lammpstrj", start=1):
            writer.write(frame)
    assert path.read_text().count("ITEM: UNITS\nnano\n") == 1
    assert [f.time for f in read(path)] == [f.time for f in read(DATA / "nano.lammpstrj", start=1)]


@pytest.mark.parametrize("name", ["ortho.lammpstrj", "triclinic.lammpstrj", "swapped.lammpstrj"])
def test_others_read_our_dumps(name: str, tmp_path: Path) -> None:
    from ovito.io import import_file

    path = tmp_path / "out.lammpstrj"
    frames = list(read(DATA / name))
    added = extra(len(frames[0].atoms))
    del added["name"]
    with DumpWriter(path) as writer:
        for frame in frames:
            writer.write(frame, added)
    images = ase_read(path, index=":", format="lammps-dump-text")
    pipeline = import_file(path)
    for k, frame in enumerate(frames):
        order = np.argsort(frame.atoms.columns["id"])
        assert np.array_equal(images[k].arrays["i_phase"].ravel(), added["i_phase"][order])
        np.testing.assert_allclose(
            images[k].arrays["d_confidence"].ravel(), added["d_confidence"][order]
        )
        data = pipeline.compute(k)
        assert np.array_equal(np.array(data.particles["i_phase"]), added["i_phase"])
        np.testing.assert_allclose(np.array(data.particles["d_exact"]), added["d_exact"])


TURNED = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]


@pytest.mark.parametrize("hand", [1.0, -1.0])
def test_frames_from_elsewhere(hand: float, tmp_path: Path) -> None:
    """A cell of any orientation is turned to LAMMPS's; distances stay what they were."""
    from ovito.io import import_file

    cell = np.array([[12.0, 0, 0], [2, 13.0, 0], [-1, 3, 14.0]]) @ TURNED
    if np.sign(np.linalg.det(cell)) != hand:
        cell = -cell
    positions = water_positions(8, 12.0).reshape(-1, 3) @ TURNED
    atoms = Atoms("OHH" * 8, positions=positions, cell=cell, pbc=True)
    frame = Frame.from_ase(atoms)
    path = tmp_path / "out.dump"
    with DumpWriter(path) as writer:
        writer.write(frame, {"i_phase": np.arange(24)})
    (back,) = read(path)
    assert list(back.atoms.columns) == ["id", "type", "element", "x", "y", "z", "i_phase"]
    assert back.atoms.columns["element"].tolist() == ["O", "H", "H"] * 8
    assert np.array_equal(back.atoms.molecule, frame.atoms.molecule)
    np.testing.assert_allclose(back.cell @ back.cell.T, cell @ cell.T, atol=1e-9)
    np.testing.assert_allclose(
        back.positions @ np.linalg.inv(back.cell),
        frame.positions @ np.linalg.inv(frame.cell),
        atol=1e-9,
    )
    data = import_file(path).compute()
    np.testing.assert_allclose(np.array(data.cell)[:, :3].T, back.cell, atol=1e-6)
    (image,) = ase_read(path, index=":", format="lammps-dump-text")
    np.testing.assert_allclose(image.cell.array, back.cell, atol=1e-9)


def test_sites_alone_and_open_boundaries(tmp_path: Path) -> None:
    positions = np.random.default_rng(1).uniform(-5, 30, (20, 3))
    frame = Frame(positions=positions, cell=np.zeros((3, 3)), timestep=5, time=0.25)
    slab = Frame(positions=positions, cell=np.diag([40.0, 0, 50.0]), ids=np.arange(20) + 7)
    path = tmp_path / "out.lammpstrj"
    with DumpWriter(path) as writer:
        writer.write(frame, {"i_phase": np.arange(20)})
        writer.write(slab)
    first, second = read(path)
    np.testing.assert_array_equal(first.positions, positions)
    assert (first.timestep, first.time) == (5, 0.25)
    assert not first.pbc.any()
    assert np.all(first.origin <= positions.min(axis=0))
    assert np.all(first.origin + np.diag(first.cell) >= positions.max(axis=0))
    assert tuple(second.pbc) == (True, False, True)
    assert second.ids.tolist() == list(range(7, 27))


def test_an_open_direction_mirrors_nothing(tmp_path: Path) -> None:
    """The direction that no cell vector gives is chosen so that the cell is right-handed."""
    rng = np.random.default_rng(2)
    for open_row in range(3):
        for turn in (1.0, -1.0):
            cell = np.array([[10.0, 0, 0], [turn, 9.0, 0], [3.0, 1.0, turn * 10.0]])
            cell[open_row] = 0.0
            positions = rng.uniform(0, 8, (4, 3))
            path = tmp_path / f"{open_row}{turn:g}.lammpstrj"
            with DumpWriter(path) as writer:
                writer.write(Frame(positions=positions, cell=cell))
            (back,) = read(path)
            volumes = [np.linalg.det(p[1:] - p[0]) for p in (positions, back.positions)]
            assert volumes[1] == pytest.approx(volumes[0], abs=1e-4)


def test_data_files_become_dumps(tmp_path: Path) -> None:
    (frame,) = read(DATA / "triclinic_full.data")
    path = tmp_path / "out.dump"
    with DumpWriter(path) as writer:
        writer.write(frame)
    (back,) = read(path)
    assert list(back.atoms.columns) == ["id", "type", "element", "mol", "q", "x", "y", "z"]
    for name in ("id", "type", "mol", "q", "x", "y", "z"):
        assert np.array_equal(back.atoms.columns[name], frame.atoms.columns[name])
    np.testing.assert_allclose(back.cell, frame.cell, atol=1e-12)


@pytest.mark.parametrize("name", ["rich.lammpstrj", "general.lammpstrj", "nano.lammpstrj"])
def test_extended_xyz(name: str, tmp_path: Path) -> None:
    from ovito.io import import_file

    path = tmp_path / "out.extxyz"
    frames = list(read(DATA / name))
    with output_writer(path) as writer:
        assert isinstance(writer, ExtxyzWriter)
        for k, frame in enumerate(frames):
            writer.write(frame, extra(len(frame.atoms), k), {"classes": "ih ic"})
    for k, (frame, back) in enumerate(zip(frames, read(path), strict=True)):
        np.testing.assert_allclose(back.positions, frame.positions, atol=1e-7)
        np.testing.assert_allclose(back.cell, frame.cell, atol=1e-7)
        assert back.timestep == frame.timestep
        assert np.array_equal(back.ids, frame.ids)
        assert np.array_equal(back.atoms.molecule, frame.atoms.molecule)
        added = extra(len(frame.atoms), k)
        assert np.array_equal(back.atoms.columns["i_phase"], added["i_phase"])
        assert back.atoms.columns["name"].tolist() == added["name"].tolist()
    image = ase_read(path, index=-1)
    assert image.info["classes"] == "ih ic"
    assert image.get_chemical_formula() in ("H64O32", "H32O16")
    assert import_file(path).compute(2).particles.count == len(frames[2].atoms)


def test_names_of_atoms_in_extended_xyz(tmp_path: Path) -> None:
    for name, formula in (("four_sites.lammpstrj", "H32O16X16"), ("ions.lammpstrj", "H64O32X4")):
        path = tmp_path / f"{name}.xyz.zst"
        with output_writer(path) as writer:
            writer.write(next(read(DATA / name)))
        (back,) = read(path)
        symbols = back.atoms.columns["element"].tolist()
        assert Atoms(symbols).get_chemical_formula() == formula


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.lammpstrj"
    path.write_text("old")
    frame = next(read(DATA / "ortho.lammpstrj"))
    with pytest.raises(OutputError, match="empty"), DumpWriter(path, force=True) as writer:
        writer.write(frame, {"name": np.full(96, "")})
    for suffix in (".gz", ".xz", ".bz2", ".zst", ""):
        writer = DumpWriter(tmp_path / f"new.dump{suffix}")
        writer.write(frame)
        writer.abort()
        writer.abort()
    assert [p.name for p in tmp_path.iterdir()] == ["out.lammpstrj"]
    assert path.read_text() == "old"
    writer = DumpWriter(path, force=True)
    writer.write(frame)
    writer.close()
    writer.close()
    assert next(read(path)).n_molecules == 32


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "there.dump").write_text("x")
    for name, message in (
        ("there.dump", "exists already; use force=True"),
        ("none/out.dump", "does not exist"),
        ("out.txt", "unknown suffix '.txt'"),
        ("out", "unknown suffix"),
        ("out.gz", "unknown suffix"),
    ):
        with pytest.raises(OutputError, match=message):
            output_writer(tmp_path / name)
    (tmp_path / "folder.xyz").mkdir()
    with pytest.raises(OutputError, match="is a directory"):
        output_writer(tmp_path / "folder.xyz", force=True)


def test_columns_that_are_there_already(tmp_path: Path) -> None:
    frame = next(read(DATA / "ortho.lammpstrj"))
    for suffix in (".dump", ".xyz"):
        writer = output_writer(tmp_path / f"out{suffix}")
        with pytest.raises(OutputError, match="has a column 'type' already"):
            writer.write(frame, {"type": np.zeros(96)})
        with pytest.raises(OutputError, match=r"has shape \(5,\), expected \(96,\)"):
            writer.write(frame, {"new": np.zeros(5)})
        writer.abort()
