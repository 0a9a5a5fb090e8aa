"""The environments' simulations: run, checked, packed. Real, small, of mW."""

import json

import numpy as np
import pytest

from iceclass.acceptance.environments import Limits, check_environment
from iceclass.acceptance.packing import checked
from iceclass.datasets.environments import load_environments
from iceclass.generation.plan import read_plan
from tests.cli.test_main import run
from tests.unit.generation.test_plan import PLAN


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "plan.yaml"
    path.write_text(PLAN)
    return path


@pytest.fixture(scope="module")
def runs(plan):
    folder = plan.parent / "runs"
    assert run("environments", "run", str(plan), "-o", str(folder)) == 0
    return folder


def packed(runs, plan, output, capsys):
    assert run("environments", "pack", str(plan), str(runs), "-o", str(output)) == 0
    return capsys.readouterr().out


def test_what_is_complete_is_not_done_again(runs, plan, capsys):
    before = {p: p.stat().st_mtime_ns for p in runs.rglob("*.lammpstrj")}
    assert len(before) == 5
    command = ("environments", "run", str(plan), "-o", str(runs))
    assert run(*command) == 0
    assert capsys.readouterr().out == ""
    assert run(*command, "--list") == 0
    assert capsys.readouterr().out.count("complete") == 4
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_packing_adds_files_and_writes_none_twice(runs, plan, tmp_path, capsys):
    output = tmp_path / "data"
    told = packed(runs, plan, output, capsys)
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
    assert "environments-02" not in packed(runs, plan, output, capsys)
    # what is made later gets a file of its own
    larger = plan.with_name("larger.yaml")
    larger.write_text(PLAN.replace("split: [test]}", "split: [test, train]}"))
    assert run("environments", "run", str(larger), "-o", str(runs), "--match", "p22") == 0
    assert "environments-02.h5" in packed(runs, larger, output, capsys)
    assert first.read_bytes() == content
    assert len(load_environments(output)) == 6


def test_checks_reject_what_is_not_so(runs, plan):
    job = read_plan(plan)[0]
    (found,) = checked([job], runs, set(), print)
    assert found.reasons == []
    frames, truth = found.frames, found.arrays["truth"]
    path = next(runs.rglob("*p11_240K*.json"))
    full = json.loads(path.read_text())
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
    assert np.isfinite(found.description["checks"]["diffusion"])
