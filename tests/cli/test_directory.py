"""``iceclass label`` on a directory, and what the first run on a machine says."""

import gzip
import os
import subprocess
import sys

import pytest

from iceclass.cli.directory import trajectories_in
from tests.cli.test_label import DEMO
from tests.cli.test_main import run


@pytest.fixture(scope="module")
def frame():
    """One frame of the melting slab, as text of a dump."""
    return gzip.decompress(DEMO.read_bytes()).split(b"ITEM: TIME\n")[1].join([b"ITEM: TIME\n", b""])


@pytest.fixture
def runs(tmp_path, frame):
    """Two good trajectories in two folders, one damaged, and files that are none."""
    root = tmp_path / "runs"
    (root / "deep").mkdir(parents=True)
    (root / "one.lammpstrj").write_bytes(frame)
    (root / "deep" / "two.dump.gz").write_bytes(gzip.compress(frame))
    (root / "broken.lammpstrj").write_text("ITEM: TIMESTEP\nnone\n")
    (root / "notes.txt").write_text("ITEM: TIMESTEP\n")
    (root / "old.labels.lammpstrj").write_text("")
    return root


def test_every_trajectory_is_labelled_and_what_fails_is_told(runs, capsys):
    assert run("label", str(runs)) == 2
    told = capsys.readouterr().err
    assert "broken.lammpstrj, frame 0" in told
    assert "1 of 3 could not be labelled" in told
    labelled = runs / "one.labels.lammpstrj"
    assert labelled.is_file()
    assert (runs / "deep" / "two.labels.dump.gz").is_file()
    (runs / "broken.lammpstrj").unlink()
    before = labelled.stat().st_mtime_ns
    assert run("label", str(runs)) == 0
    assert capsys.readouterr().err.count("labelled already") == 2
    assert labelled.stat().st_mtime_ns == before


def test_results_in_another_directory(runs, tmp_path):
    (runs / "broken.lammpstrj").unlink()
    assert run("label", str(runs), "-o", str(tmp_path / "out"), "-q") == 0
    assert (tmp_path / "out" / "deep" / "two.phases.csv").is_file()
    assert len(trajectories_in(runs)) == 2


def test_nothing_to_label(tmp_path, capsys):
    assert run("label", str(tmp_path)) == 2
    assert "no trajectory in this directory" in capsys.readouterr().err


def test_two_files_that_would_get_one_name(runs, frame, capsys):
    (runs / "broken.lammpstrj").unlink()
    (runs / "one.xyz.dump").write_bytes(frame)
    (runs / "one.dump").write_bytes(frame)
    assert run("label", str(runs), "-q") == 2
    told = capsys.readouterr().err
    assert "one.lammpstrj: its results would be called" in told
    assert "as those of one.dump are" in told
    assert (runs / "one.labels.dump").is_file()
    assert not (runs / "one.labels.lammpstrj").exists()


def test_the_first_run_on_a_machine_says_that_it_compiles(tmp_path, frame):
    (tmp_path / "one.lammpstrj").write_bytes(frame)
    command = [sys.executable, "-m", "iceclass.cli", "label", "one.lammpstrj", "--force"]

    def told():
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr, (tmp_path / "one.labels.lammpstrj").read_bytes()

    first, labels = told()
    assert "compiling for this processor, once" in first
    again, same = told()
    assert "compiling" not in again
    assert same == labels
