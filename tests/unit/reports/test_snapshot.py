"""Pictures of labelled frames: every molecule of the slice in its colour."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_rgb
from matplotlib.image import imread

import iceclass
from iceclass.phases import PHASES
from iceclass.reports.snapshot import DEPTH, draw_snapshot
from iceclass.reports.style import new_figure

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "demo" / "melting-slab.lammpstrj.gz"


def colours_of(axes):
    """RGB of the circles."""
    return axes.collections[1].get_facecolors()[:, :3]


def test_molecules_have_their_own_colours():
    frame = next(iter(iceclass.read(DEMO)))
    height = (frame.positions - frame.origin)[:, 2] % frame.cell[2, 2]
    half = height < frame.cell[2, 2] / 2
    colours = np.where(half, PHASES["ih"].colour, PHASES["hda"].colour)
    axes = new_figure(3.0, 2.0).add_subplot()
    draw_snapshot(axes, frame, colours)
    drawn = colours_of(axes)
    share = DEPTH / min(frame.cell[0, 0], frame.cell[1, 1])
    assert 0.7 * share < len(drawn) / frame.n_molecules < 1.3 * share
    bluish = drawn[:, 2] > drawn[:, 0]
    z = axes.collections[1].get_offsets()[:, 0]
    np.testing.assert_array_equal(bluish, z < frame.cell[2, 2] / 2)


def test_one_colour_for_all():
    frame = next(iter(iceclass.read(DEMO)))
    axes = new_figure(3.0, 2.0).add_subplot()
    draw_snapshot(axes, frame, PHASES["ih"].colour)
    drawn = colours_of(axes)
    nearest = np.abs(drawn - to_rgb(PHASES["ih"].colour)).sum(axis=1).min()
    assert nearest == pytest.approx(0.0, abs=0.05)


def test_picture_of_the_demo(tmp_path):
    output = tmp_path / "slab.png"
    main = runpy.run_path(str(ROOT / "docs" / "picture.py"))["main"]
    done = CliRunner().invoke(main, [str(DEMO), "-o", str(output)])
    assert done.exit_code == 0, done.output
    pixels = imread(output)[:, :, :3].reshape(-1, 3)
    for phase in ("ih", "water"):
        found = np.abs(pixels - to_rgb(PHASES[phase].colour)).max(axis=1) < 0.02
        assert found.sum() > 100
