"""The formats of other programs through MDAnalysis: frames as they were written, clear errors."""

from __future__ import annotations

import gzip
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.generation.formats import write_gro
from iceclass.io import Trajectory, read
from tests.cli.test_main import run as command
from tests.helpers.formats import CASES
from tests.helpers.trajectories import ice, ice_frames, write_mda


def unpacked(folder: Path, *names: str) -> list[Path]:
    paths = []
    for name in names:
        paths.append(folder / name)
        paths[-1].write_bytes(gzip.decompress((CASES / f"{name}.gz").read_bytes()))
    return paths


def atoms_of(frame: Frame) -> np.ndarray:
    return np.stack([frame.atoms.columns[axis] for axis in "xyz"], axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("md")
    write_gro(ice("ii"), path / "ii.gro")
    return path


@pytest.mark.parametrize("name", ["water.dcd", "water.nc"])
def test_with_a_psf(name: str, tmp_path: Path) -> None:
    """A psf has no positions; its bonds and names tell which atoms are water."""
    path, topology = unpacked(tmp_path, name, "water.psf")
    labels = iceclass.label(path, topology=topology)
    assert labels.totals.frames == 2
    assert labels.totals.largest == 432
    assert labels.mean_fractions["ih"] == 1.0
    assert command("label", str(path), "--topology", str(topology), "-q") == 0
    assert (tmp_path / "water.labels.extxyz").exists()


@pytest.mark.parametrize("suffix", [".nc", ".h5md"])
def test_what_mdanalysis_wrote(folder: Path, tmp_path: Path, suffix: str) -> None:
    frames = ice_frames("ii", 3)
    path = tmp_path / f"ii{suffix}"
    if suffix == ".h5md":
        write_h5md(path, frames)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write_mda(path, frames)
    for k, frame in enumerate(read(path, topology=folder / "ii.gro")):
        np.testing.assert_allclose(atoms_of(frame), atoms_of(frames[k]), atol=1e-4)
        np.testing.assert_allclose(frame.cell, frames[k].cell, atol=1e-4)
    assert k == 2
    times = [frame.time for frame in read(path, topology=folder / "ii.gro")]
    assert times == pytest.approx([frame.time for frame in frames])
    (frame,) = read(path, topology=folder / "ii.gro", start=1, stop=2)
    np.testing.assert_allclose(atoms_of(frame), atoms_of(frames[1]), atol=1e-4)


def write_h5md(path: Path, frames: tuple[Frame, ...]) -> None:
    """As H5MD 1.1 lays it out."""
    import h5py

    with h5py.File(path, "w") as file:
        h5md = file.create_group("h5md")
        h5md.attrs["version"] = np.array([1, 1])
        for name in ("author", "creator"):
            h5md.create_group(name).attrs["name"] = "test"
        group = file.create_group("particles/trajectory")
        steps = [frame.timestep for frame in frames]
        times = [frame.time for frame in frames]
        box = group.create_group("box")
        box.attrs["dimension"], box.attrs["boundary"] = 3, ["periodic"] * 3
        for place, values in (
            (group.create_group("position"), [atoms_of(frame) for frame in frames]),
            (box.create_group("edges"), [frame.cell for frame in frames]),
        ):
            place["step"], place["time"], place["value"] = steps, times, np.array(values)
            place["value"].attrs["unit"] = "Angstrom"
            place["time"].attrs["unit"] = "ps"


def test_gsd_tells_its_own_names(tmp_path: Path) -> None:
    import gsd.hoomd

    frames = ice_frames("ii", 2)
    names = [{"O": "O", "H": "H"}.get(e, "M") for e in elements_of(frames[0])]
    path = tmp_path / "ii.gsd"
    with gsd.hoomd.open(str(path), "w") as file:
        for frame in frames:
            now = gsd.hoomd.Frame()
            now.particles.N = len(names)
            now.particles.types = ["O", "H", "M"]
            now.particles.typeid = ["OHM".index(name) for name in names]
            now.particles.position = atoms_of(frame)
            (a, _, _), (bx, b, _), (cx, cy, c) = frame.cell
            now.configuration.box = [a, b, c, bx / b, cx / c, cy / c]
            now.configuration.step = frame.timestep
            file.append(now)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(read(path))
    for frame, expected in zip(found, frames, strict=True):
        assert frame.timestep == expected.timestep
        assert frame.n_molecules == expected.n_molecules
        np.testing.assert_allclose(frame.positions, expected.positions, atol=1e-3)


def elements_of(frame: Frame) -> list[str]:
    return ["O", "H", "H"] * frame.n_molecules


def test_netcdf_without_a_cell(folder: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "open.nc"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_mda(path, ice_frames("ii", 1), boxed=False)
    arguments = ["label", str(path), "--topology", str(folder / "ii.gro")]
    assert command(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no cell" in line
    assert [file.name for file in tmp_path.iterdir()] == ["open.nc"]
    cell = ",".join(f"{x:.6f}" for x in ice_frames("ii", 1)[0].cell.ravel()[[0, 4, 8]])
    (frame,) = read(path, topology=folder / "ii.gro", cell=cell)
    assert frame.pbc.all()


@pytest.mark.parametrize("name", ["water.dcd", "water.nc"])
def test_another_number_of_atoms(name: str, tmp_path: Path, folder: Path, capsys) -> None:
    path, topology = unpacked(tmp_path, name, "water.psf")
    lines = topology.read_text().replace("    1296 !NATOM", "    1295 !NATOM", 1).split("\n")
    del lines[6]
    topology.write_text("\n".join(lines))
    with pytest.raises(InputError, match="the bonds of this topology are not among its atoms"):
        list(read(path, topology=topology))
    atoms = "\n".join(lines).partition("!NBOND")[0].rpartition("\n")[0]
    topology.write_text(atoms + "\n       0 !NBOND: bonds\n\n")
    before = sorted(tmp_path.iterdir())
    assert command("label", str(path), "--topology", str(topology)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has 1296 atoms, but the topology" in line
    assert "has 1295" in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["water.psf", "ice.restart", "local.lammpstrj"])
def test_what_is_no_trajectory_is_named(name: str, tmp_path: Path) -> None:
    words = {"water.psf": "psf topology", "ice.restart": "restart file", "local.lammpstrj": "local"}
    path = tmp_path / name
    packed = CASES / f"{name}.gz"
    plain = CASES.with_name("formats") / name
    path.write_bytes(
        gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    )
    with pytest.raises(InputError, match=words[name]):
        list(read(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x00\x07\xcb" + bytes(80), "an XTC trajectory.*its name has to end in .xtc"),
        (b"\x54\x00\x00\x00CORD" + bytes(80), "a DCD trajectory.*its name has to end in .dcd"),
        (b"CDF\x01" + bytes(80), "a NetCDF file.*has to end in .nc"),
        (b"\x89HDF\r\n\x1a\n" + bytes(80), "an HDF5 file"),
        (b"PK\x03\x04" + bytes(80), "a zip archive"),
    ],
)
def test_formats_are_told_by_their_content_where_the_name_does_not(tmp_path, content, message):
    path = tmp_path / "trajectory"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        Trajectory(path)


@pytest.mark.parametrize("suffix", [".nc", ".tng", ".gsd", ".h5md"])
def test_rubbish(folder: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(bytes(range(1, 256)) * 40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match=f"bad{suffix}") as caught:
            list(read(path, topology=folder / "ii.gro"))
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named_with_the_line_that_installs_it(tmp_path, folder, monkeypatch):
    path = tmp_path / "a.nc"
    path.write_bytes(b"CDF\x01" + bytes(80))
    monkeypatch.setitem(sys.modules, "MDAnalysis", None)
    monkeypatch.setattr("iceclass.io.others.md_files.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r'pip install "iceclass\[mdanalysis\]"'):
        list(read(path, topology=folder / "ii.gro"))
