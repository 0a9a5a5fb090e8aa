"""Plans are read in their order, mistakes are named; what is missing is run by one process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iceclass.errors import InputError, MissingDependencyError
from iceclass.files import OutputLock
from iceclass.generation.plan import FAILED, Job, perform, read_plan
from iceclass.generation.water_models import WATER_MODELS
from tests.cli.test_main import run

CONFIG = Path(__file__).parents[3] / "pipelines" / "config"

PLAN = """
environments:
  - name: nuclei
    phase: ih
    model: mw
    recipe: nucleus
    seed: 11
    split: [train, test]
    molecules: 700
    states: [240@0, 230@0 220@0]
    settings: {timestep: 10, relax_time: 0.2, melt_time: 1.5, cool_time: 2, settle_time: 1,
               let_go_time: 0.2, production: 0.4, interval: 0.2, melt_temperature: 1100}
    variants:
      - {name: r8, settings: {radius: 8}}
      - {name: r9, settings: {radius: 9}, split: [test]}
  - name: melted
    kind: crystal
    phase: ih
    model: mw
    seed: 61
    split: [train]
    states: 700@0
    settings: {timestep: 5, relax_time: 0.5, equilibration: 2, production: 2, interval: 1}
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def test_plan_is_breadth_first_with_seeds_of_their_own(plan):
    jobs = read_plan(plan)
    assert [j.name for j in jobs] == [
        "nuclei-r8-p11",
        "melted-p61",
        "nuclei-r8-p12",
        "nuclei-r9-p21",
    ]
    assert [j.split for j in jobs] == ["train", "train", "test", "test"]
    assert [len(j.preparation.states) for j in jobs] == [1, 1, 2, 1]
    assert jobs[3].preparation.recipe.radius == 9.0
    assert jobs[3].kind == "nucleus"


def test_the_plans_of_the_repository():
    names = ("environments.yaml", "ices.yaml", "validation.yaml")
    places, *_ = plans = [read_plan(CONFIG / name) for name in names]
    for jobs in plans[:2]:
        seeds = [(j.preparation.model.name, j.preparation.seed) for j in jobs]
        assert len(set(seeds)) == len(seeds)
    assert {m for m in WATER_MODELS} <= {j.preparation.model.name for j in places}
    kinds = {j.kind for j in places}
    assert {"liquid", "crystal", "glass", "interface", "nucleus", "surface", "droplet"} <= kinds


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("recipe: nucleus", "recipe: nukleus", "did you mean 'nucleus'"),
        ("split: [train, test]", "split: [train, tests]", "test"),
        ("seed: 11", "seed: 11\n    colour: red", "colour"),
        ("radius: 8", "radii: 8", "radi"),
        ("seed: 61", "seed: 11\n    name: nuclei-r8", "planned twice"),
        ("kind: crystal", "kind: wall", "melted: mw wall is for tests only, not train"),
        ("environments:", "environment:", "a list 'environments'"),
        ("seed: 61", "seed: [", "not a plan"),
    ],
)
def test_mistakes_in_a_plan_are_named(plan, old, new, message):
    plan.write_text(PLAN.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_plan(plan)


def test_the_package_that_reads_plans_is_named(plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "iceclass\[generate\]"'):
        read_plan(plan)


def test_match_is_an_expression(plan, capsys):
    command = ("environments", "run", str(plan), "-o", str(plan.parent / "runs"), "--list")
    assert run(*command, "--match", "^nuclei.*2$") == 0
    assert capsys.readouterr().out.split() == ["missing", "test", "nuclei-r8-p12"]
    assert run(*command, "--match", "(") == 2
    assert "--match" in capsys.readouterr().err


@pytest.fixture
def melted(plan) -> Job:
    return read_plan(plan)[1]


def test_a_preparation_is_taken_by_one_process(melted, tmp_path):
    folder = melted.folder(tmp_path)
    folder.parent.mkdir()
    lock = OutputLock(folder)
    assert perform(melted, tmp_path) == "melted-p61: is being written by another process"
    lock.release()
    assert melted.state(tmp_path) == "missing"


def test_what_failed_is_not_tried_again(melted, tmp_path):
    """Here, since the directory holds a preparation of other settings."""
    folder = melted.folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "preparation.json").write_text("{}")
    assert perform(melted, tmp_path).startswith("melted-p61: failed: ")
    assert melted.state(tmp_path) == "failed"
    assert "preparation.json" in (folder / FAILED).read_text()
    assert perform(melted, tmp_path) == f"melted-p61: failed before, see {folder / FAILED}"


def test_a_killed_run_goes_on(melted, plan, tmp_path):
    runs = tmp_path / "runs"
    command = [sys.executable, "-m", "iceclass.cli", "environments", "run", plan, "-o", runs]
    process = subprocess.Popen([*command, "--match", "melted"], start_new_session=True)
    while not (melted.folder(runs) / "relax.restart").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert melted.state(runs) == "missing"
    assert run(*map(str, command[3:]), "--match", "melted") == 0
    assert melted.state(runs) == "complete"
    assert not list(runs.glob("*/.*.lock"))
