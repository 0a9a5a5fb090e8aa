"""The commands in docs/labelling.md do what they say, and the figures in docs are those found."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import iceclass
from tests.cli.test_main import run
from tests.plugins.trajectories import demo_frames, write_mda

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "labelling.md").read_text(encoding="utf-8")
LINES = re.findall(r"^    (iceclass label .*)$", TEXT, re.MULTILINE)


def test_commands_on_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    demo = ROOT / "demo" / "melting-slab.lammpstrj.gz"
    Path("traj.lammpstrj").write_bytes(gzip.decompress(demo.read_bytes()))
    write_mda(Path("traj.xtc"), demo_frames(3))
    assert len(LINES) == 7
    for line in LINES:
        assert run(*shlex.split(line)[1:], "--model", "soap-37") == 0, capsys.readouterr().err
    found = {p.name: p for p in tmp_path.iterdir()}
    assert not [name for name in found if name.startswith(".")]
    for name in (
        "traj.labels.lammpstrj",
        "from-xtc.extxyz",
        "labels.csv.gz",
        "slab.clusters.png",
        "slab.profile.csv",
    ):
        assert found[name].stat().st_size > 0, name
    steps = [row.split(",")[0] for row in found["some.phases.csv"].read_text().splitlines()[1:]]
    assert steps == ["4", "8", "12"]
    whole, running = (found[f"{name}.phases.csv"].read_text() for name in ("traj", "running"))
    assert whole == running


def test_region(tmp_path, monkeypatch):
    """Molecules in the region are labelled as among all; the others are not."""
    monkeypatch.chdir(tmp_path)
    demo = ROOT / "demo" / "melting-slab.lammpstrj.gz"
    options = ("--model", "soap-37", "--stop", "1", "-q")
    assert run("label", str(demo), "-o", "all.lammpstrj", *options) == 0
    region = ("--region", "z:8:20", "--region", "x:INF:15")
    assert run("label", str(demo), "-o", "some.lammpstrj", *region, *options) == 0
    (everything,) = iceclass.read("all.lammpstrj")
    (some,) = iceclass.read("some.lammpstrj")
    lengths = np.diag(some.cell)
    x, _, z = (some.origin + np.mod(some.positions - some.origin, lengths)).T
    inside = (z >= 8) & (z <= 20) & (x <= 15)
    assert 50 < inside.sum() < 300
    oxygen = some.atoms.columns["element"] == "O"
    phase = some.atoms.columns["i_phase"][oxygen]
    assert (phase[~inside] == -2).all()
    assert (phase[inside] == everything.atoms.columns["i_phase"][oxygen][inside]).all()
    (row,) = Path("some.phases.csv").read_text().splitlines()[1:]
    assert sum(map(float, row.split(",")[3:])) == pytest.approx(1.0, abs=1e-5)
    assert int(row.split(",")[2]) == inside.sum()


def test_figures_on_the_page_of_speed_are_those_of_the_benchmark():
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    found = (ROOT / "docs" / "bench" / "bench.txt").read_text(encoding="utf-8").splitlines()
    blocks = re.findall(r"```\n(.*?)\n```", page, re.DOTALL)
    assert len(blocks) == 3
    for line in "\n".join(blocks).splitlines():
        assert line in found, line
    large = json.loads((ROOT / "docs" / "bench" / "large.json").read_text(encoding="utf-8"))
    for result in large:
        assert f"{result['peak_MiB']} MiB" in page


def test_a_large_trajectory_is_measured(tmp_path):
    options = ("--molecules", "432", "--gigabytes", "0.0005", "--model", "soap-37")
    done = subprocess.run(
        [sys.executable, ROOT / "pipelines" / "large.py", *options, "-o", tmp_path / "large"],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["frames"] > 5
    assert result["gigabytes"] >= 0.0005
    assert list((tmp_path / "large").iterdir()) == []
