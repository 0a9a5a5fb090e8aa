"""Every example of docs/where-people-work.md runs as it stands, on small real data."""

import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from matplotlib.image import imread

from iceclass.generation.formats import write_lammps_data
from iceclass.generation.lattices import build
from iceclass.generation.water_models import MW_POTENTIAL, WATER_MODELS
from tests.helpers.trajectories import demo_frames, plain_demo, run_python, write_mda

PAGE = Path(__file__).parents[2] / "docs" / "where-people-work.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.M)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("docs")
    plain_demo(path)
    frame = demo_frames(1)[0]
    positions = np.stack([frame.atoms.columns[axis] for axis in "xyz"], axis=1)
    Atoms(["O", "H", "H"] * 720, positions, cell=frame.cell, pbc=True).write(path / "slab.gro")
    write_mda(path / "slab.xtc", demo_frames(6))
    write_lammps_data(build("ih", WATER_MODELS["mw"]), path / "ice.data")
    (path / "mW.sw").write_text(MW_POTENTIAL)
    return path


def example(word):
    (block,) = [block for block in BLOCKS if word in block]
    return block


def test_every_example_is_tested():
    assert len(BLOCKS) == 6


def run(word, folder):
    done = run_python(example(word), folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ovito(folder):
    rows = [line.split() for line in run("export_file", folder).splitlines()]
    assert [row[0] for row in rows] == ["0", "10", "20"]
    assert int(rows[0][1]) > int(rows[2][1])
    assert "ITEM: ATOMS id" in (folder / "labelled.dump").read_text()


def test_picture(folder):
    """A blue layer of ice in grey water, where OVITO can render: since 3.16 it needs the
    system's Vulkan libraries, even to trace rays in software, and says so."""
    done = run_python(example("render_image"), folder)
    if done.returncode:
        missing = ("The Vulkan loader library", "no Vulkan driver", "the Vulkan graphics backend")
        assert any(words in done.stderr for words in missing), done.stderr
        return
    pixels = imread(folder / "slab.png")[..., :3]
    blue = (pixels[..., 2] > 0.3) & (pixels[..., 0] < 0.1)
    grey = (np.ptp(pixels, axis=2) < 0.02) & (pixels[..., 0] > 0.3) & (pixels[..., 0] < 0.9)
    assert blue.mean() > 0.05
    assert grey.mean() > 0.1
    rows = np.arange(len(pixels))[:, None]
    assert (rows * blue).sum() / blue.sum() > (rows * grey).sum() / grey.sum() + 50


def test_mdanalysis(folder):
    out = run("IceclassAnalysis", folder)
    assert "'mda', 'unknown')" in out


def test_frames_of_an_xtc_file(folder):
    assert "3 frames" in run("iceclass.read", folder)


def test_ase(folder):
    assert "phase" in example("label_atoms")
    assert run("label_atoms", folder).startswith("['")
    ice = read(folder / "ice.extxyz")
    assert set(ice.arrays["phase"]) == {"ih"}
    assert 300 < len(ice) < 1500


def test_lammps(folder):
    run("LammpsLabeller", folder)
    rows = (folder / "phases.csv").read_text().splitlines()
    assert rows[0].startswith("timestep,molecules,ih,")
    assert len(rows) >= 4
