"""The environments' simulations: planned, run, stopped, checked, packed. Real, small, of mW."""

import json
import sys
from subprocess import run

import numpy as np
import pytest
from click.testing import CliRunner

from iceclass.acceptance.environments import Limits, check_environment
from iceclass.datasets.environments import RESERVED_KINDS, RESERVED_MODELS, load_environments
from iceclass.errors import InputError
from iceclass.generation.water_models import WATER_MODELS
from pipelines.environments import pack
from pipelines.environments.plan import CONFIG, read_plan

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


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "plan.yaml"
    path.write_text(PLAN)
    return path


@pytest.fixture(scope="module")
def runs(plan):
    folder = plan.parent / "runs"
    command = [sys.executable, "-m", "pipelines.environments.run", folder, "--plan", plan]
    done = run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": done") == 4
    return folder


def packed(runs, plan, output):
    output.mkdir(exist_ok=True)
    arguments = [str(runs), "--plan", str(plan), "-o", str(output)]
    result = CliRunner().invoke(pack.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


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


def test_the_plan_of_the_repository():
    jobs = read_plan(CONFIG)
    seeds = [(j.preparation.model.name, j.preparation.seed) for j in jobs]
    assert len(set(seeds)) == len(seeds)
    assert {m for m in WATER_MODELS} <= {j.preparation.model.name for j in jobs}
    for job in jobs:
        if job.preparation.model.name in RESERVED_MODELS or job.kind in RESERVED_KINDS:
            assert job.split == "test", job.name
    kinds = {j.kind for j in jobs}
    assert {"liquid", "crystal", "glass", "interface", "nucleus", "surface", "droplet"} <= kinds


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("recipe: nucleus", "recipe: nukleus", "did you mean 'nucleus'"),
        ("split: [train, test]", "split: [train, tests]", "test"),
        ("seed: 11", "seed: 11\n    colour: red", "colour"),
        ("radius: 8", "radii: 8", "radi"),
        ("seed: 61", "seed: 11\n    name: nuclei-r8", "planned twice"),
        ("environments:", "environment:", "a list 'environments'"),
        ("seed: 61", "seed: [", "not a plan"),
    ],
)
def test_mistakes_in_a_plan_are_named(tmp_path, old, new, message):
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_plan(path)


def test_what_is_complete_is_not_done_again(runs, plan):
    before = {p: p.stat().st_mtime_ns for p in runs.rglob("*.lammpstrj")}
    assert len(before) == 5
    command = [sys.executable, "-m", "pipelines.environments.run", runs, "--plan", plan]
    done = run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    listed = run([*command, "--list"], capture_output=True, text=True, check=True).stdout
    assert listed.count("complete") == 4
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_packing_adds_files_and_writes_none_twice(runs, plan, tmp_path):
    output = tmp_path / "data"
    told = packed(runs, plan, output)
    assert "melted-p61_700K_0GPa: rejected" in told
    assert "left its sites" in told
    first = output / "environments-01.h5"
    content = first.read_bytes()
    data = load_environments(output)
    assert sorted(t.name for t in data) == [
        "nuclei-r8-p11_240K_0GPa",
        "nuclei-r8-p12_220K_0GPa",
        "nuclei-r8-p12_230K_0GPa",
        "nuclei-r9-p21_240K_0GPa",
    ]
    for one in data:
        assert one.truth.shape == (3, 768)
        assert (one.truth[0] == 0).sum() > 5
        assert one.split == ("train" if one.preparation == "nuclei-r8-p11" else "test")
        assert set(one.metadata["checks"]) >= {"first_peak", "displacement", "left_sites"}
    rejected = json.loads((output / "environments-rejected.json").read_text())
    assert list(rejected) == ["melted-p61_700K_0GPa"]
    assert "environments-02" not in packed(runs, plan, output)
    # what is made later gets a file of its own
    larger = plan.with_name("larger.yaml")
    larger.write_text(PLAN.replace("split: [test]}", "split: [test, train]}"))
    command = [sys.executable, "-m", "pipelines.environments.run", runs, "--plan", larger]
    run([*command, "--match", "p22"], capture_output=True, text=True, check=True)
    assert "environments-02.h5: 2 trajectories" in packed(runs, larger, output)
    assert first.read_bytes() == content
    assert len(load_environments(output)) == 6


def test_reserved_models_do_not_train(runs, plan):
    job = read_plan(plan)[0]
    wrong = type(job)(job.group, "wall", "train", job.preparation)
    with pytest.raises(InputError, match="for tests only"):
        pack.described(wrong, {"construction": {"phases": ["ih"]}})


def test_checks_reject_what_is_not_so(runs, plan):
    job = read_plan(plan)[0]
    (found,) = [e for e in pack.new([job], runs, set())]
    _, description, frames, arrays = found
    assert description["checks"]["reasons"] == ()
    path = next(runs.rglob("*p11_240K*.json"))
    full = json.loads(path.read_text())
    truth = arrays["truth"]
    strict = check_environment(full, "nucleus", frames, truth, Limits(first_peak=(3.5, 3.6)))
    assert "first peak" in strict.reasons[0]
    frozen = check_environment(full, "nucleus", frames, truth, Limits(foreign_ice=-1.0))
    assert "crystallises" in frozen.reasons[0]
    hot = check_environment({**full, "mean_temperature": 300.0}, "nucleus", frames, truth)
    assert "mean temperature" in hot.reasons[0]
    glass = {**full, "construction": {**full["construction"], "phases": ["ih", "lda"]}}
    assert any(
        "in a glass" in r for r in check_environment(glass, "interface", frames, truth).reasons
    )
    assert np.isfinite(description["checks"]["diffusion"])
