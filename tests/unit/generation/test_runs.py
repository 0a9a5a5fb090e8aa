"""Molecular dynamics for real: LAMMPS makes trajectories, is stopped, and goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ase.io import read as ase_read

from iceclass.datasets.metadata import read_metadata
from iceclass.errors import InputError, SimulationError
from iceclass.external.lammps import lammps_command, run_script
from iceclass.generation.catalogue import find_recipe
from iceclass.generation.runs import Preparation, recipe_of, run
from iceclass.generation.settings import apply_settings
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.states import default_states, parse_state
from iceclass.generation.water_models import water_model
from iceclass.phases import PHASES

SHORT = Dynamics(production=0.4, interval=0.2)
COLD = (State(200.0, 0.0),)
QUICK = {"relax_time": "0.2", "equilibration": "0.4"}


def preparation(phase="ih", model="mw", states=COLD, recipe=None, **settings):
    made, dynamics = apply_settings(
        find_recipe(recipe) if recipe else recipe_of(phase), SHORT, QUICK | settings
    )
    return Preparation(phase, water_model(model), 1, states, made, dynamics)


def test_crystal_runs_and_describes_itself(tmp_path):
    job = preparation("ii", "tip4p-ice", (State(180.0, 0.3),))
    (path,) = run(job, tmp_path)
    frames = ase_read(path, index=":", format="lammps-dump-text")
    assert len(frames) == 3
    assert len(frames[0]) == 3 * 432
    sidecar = read_metadata(path)
    assert (sidecar["phase"], sidecar["temperature"], sidecar["pressure"]) == ("ii", 180.0, 0.3)
    assert sidecar["density"] == pytest.approx(1.18, abs=0.03)
    assert sidecar["molecules"] == 432
    assert not list(path.parent.glob("*.part"))


def test_complete_work_is_not_redone_and_states_are_added_up(tmp_path):
    job = preparation(states=(State(150.0, 0.0), State(160.0, 0.05)))
    paths = run(job, tmp_path)
    before = {p: p.stat().st_mtime_ns for p in paths[0].parent.glob("*.lammpstrj")}
    told = []
    assert run(job, tmp_path, told.append) == paths
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert told == []


def test_other_settings_in_the_same_directory_are_refused(tmp_path):
    run(preparation(), tmp_path)
    with pytest.raises(InputError, match="was made with recipe"):
        run(preparation(relax_time="0.3"), tmp_path)


def test_killed_run_continues_from_its_restart_file(tmp_path):
    """kill -9 in the middle of a long stage; the next run resumes it and finishes."""
    arguments = ["generate", "ih", "--md", "--water-model", "mw", "--states", "150@0"]
    settings = ["relax_time=0.2", "equilibration=100", "production=0.4", "interval=0.2"]
    arguments += [word for s in settings for word in ("--set", s)]
    command = [sys.executable, "-m", "iceclass.cli", *arguments, "-o", str(tmp_path)]
    directory = tmp_path / "ih_mw_p1"
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (directory / "state1-equilibrate.saveb").exists():
            assert time.monotonic() < deadline, "LAMMPS wrote no restart file"
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not list(tmp_path.rglob("*.lammpstrj"))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "state1-equilibrate: resumed" in again.stderr
    assert "relax: started" not in again.stderr
    log = (directory / "state1-equilibrate.log").read_text()
    first_step = int(log.split("Step ")[1].splitlines()[1].split()[0])
    assert first_step >= 5000
    (path,) = directory.glob("*.lammpstrj")
    assert str(path) in again.stdout
    assert len(ase_read(path, index=":", format="lammps-dump-text")) == 3


def test_slab_is_half_melted_and_trains_nothing(tmp_path):
    job = preparation(
        model="mw", recipe="slab", states=(State(270.0, 0.0),), melt_time="5", settle_time="1"
    )
    (path,) = run(job, tmp_path)
    assert read_metadata(path)["phase"] == ""
    atoms = ase_read(path, index=0, format="lammps-dump-text")
    height = atoms.get_scaled_positions()[:, 2]
    # the held half still has the layers of the crystal, the melted half has not
    layers = [
        np.histogram(height[(height > lo) & (height < lo + 0.3)], bins=18)[0] for lo in (0.1, 0.6)
    ]
    assert layers[0].std() > 2 * layers[1].std()


@pytest.mark.parametrize("phase", PHASES)
def test_default_states_are_twenty_different_ones(phase):
    rows = [default_states(phase, k) for k in range(1, 6)]
    assert [len(row) for row in rows] == [4] * 5
    assert len({state for row in rows for state in row}) >= 19
    assert default_states(phase, 6) == rows[0]


@pytest.mark.parametrize(
    ("phase", "needed"),
    [
        ("water", ("melt", "state1-approach")),
        ("lda", ("melt", "cool-slowly", "state1-approach")),
        ("hda", ("compress", "hold", "state1-approach")),
        ("mda", ("shear1", "shear8", "rest8")),
    ],
)
def test_recipes_have_the_stages_that_make_the_phase(phase, needed):
    recipe, md = recipe_of(phase), Dynamics()
    stages = {s.name: s for s in recipe.prepare(State(100.0, 0.0), 3, md, triclinic=False)}
    stages |= {
        s.name: s
        for s in recipe.visit(
            1, recipe.end_of_preparation(State(100.0, 0.0)), State(100.0, 0.1), md, False, "out"
        )
    }
    assert set(needed) <= set(stages)


def test_shear_never_repeats_its_plane():
    stages = find_recipe("mda").prepare(State(100.0, 0.0), 5, Dynamics(), triclinic=False)
    planes = [line.split()[5] for s in stages for line in s.setup if line.startswith("fix shear")]
    assert len(planes) == 8
    assert all(a != b for a, b in pairwise(planes))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relax_tim": "1"}, "did you mean 'relax_time'"),
        ({"production": "long"}, "expected a number"),
        ({"production": "-1"}, "positive"),
        ({"timestep": "12"}, "time step 12 fs"),
        ({"heavy_hydrogen": "perhaps"}, "yes or no"),
        ({"interval": "5"}, "frames every 5 ps"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(InputError, match=message):
        apply_settings(find_recipe("crystal"), SHORT, settings)


@pytest.mark.parametrize(
    ("settings", "most"),
    [({"timestep": "5"}, "4 fs with heavy"), ({"heavy_hydrogen": "no"}, "2 fs with ordinary")],
)
def test_molecules_with_hydrogens_need_shorter_steps_than_one_site(settings, most):
    assert preparation(model="mw", **settings).dynamics.timestep >= 4.0
    with pytest.raises(InputError, match=most):
        preparation(model="tip4p-ice", **settings)


@pytest.mark.parametrize("text", ["cold", "220@high", "0@0", "220@99"])
def test_bad_states_are_explained(text):
    with pytest.raises(InputError, match="state"):
        parse_state(text)


def test_lammps_errors_are_quoted(tmp_path):
    with pytest.raises(SimulationError, match=r"ERROR.*frobnicate.*wrong\.log"):
        run_script("units real\nfrobnicate 3\n", tmp_path, "wrong")


def test_lammps_binary_starts_without_help_from_the_environment(monkeypatch):
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    lammps_command.cache_clear()
    binary, environment = lammps_command()
    done = subprocess.run([binary, "-h"], env=environment, capture_output=True, check=True)
    assert b"Large-scale Atomic" in done.stdout
    assert Path(environment["LD_LIBRARY_PATH"].split(os.pathsep)[0]).is_dir()
    lammps_command.cache_clear()


def test_damaged_description_is_an_error(tmp_path):
    path = tmp_path / "a.lammpstrj"
    path.with_suffix(".json").write_text(json.dumps({"iceclass_trajectory": 1, "phase": "ih"}))
    with pytest.raises(InputError, match="lacks 'preparation'"):
        read_metadata(path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(InputError, match="not trajectory metadata"):
        read_metadata(path)
    path.with_suffix(".json").write_text("{}")
    assert read_metadata(path) is None
    path.with_suffix(".json").write_text(
        json.dumps({"iceclass_trajectory": 1, "phase": "ih", "preparation": "p"})
    )
    assert read_metadata(path)["phase"] == "ih"
    assert read_metadata(tmp_path / "a.lammpstrj.gz")["phase"] == "ih"
