"""The Snakemake workflow of the study, killed twice and started again, with real dynamics."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import iceclass
from iceclass.acceptance.check import read_checks
from iceclass.acceptance.criteria import Thresholds
from iceclass.errors import InputError
from iceclass.generation.states import default_states
from iceclass.model.file import load_model
from iceclass.phases import PHASES
from pipelines.study.jobs import Plan
from tests.helpers.outputs import check_output

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
TINY = PIPELINES / "config" / "tiny.yaml"
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
}
PATIENCE = 1800
"""s, after which a workflow that makes no progress is given up."""


def start(directory: Path, log: Path) -> subprocess.Popen[bytes]:
    """The workflow, in a process group of its own."""
    with open(log, "wb") as file:
        return subprocess.Popen(
            [PIPELINES / "study.sh", TINY, directory, "--cores", "1"],
            env=ENVIRONMENT,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill_when(process: subprocess.Popen[bytes], ready, log: Path) -> None:
    """kill -9 for the whole group as soon as ``ready()``."""
    until = time.monotonic() + PATIENCE
    while not ready():
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def finished(directory: Path) -> dict[str, int]:
    """Modification time in ns of everything that is complete."""
    kept = [
        *directory.glob("runs/*/*.restart"),
        *directory.glob("runs/*/*.lammpstrj"),
        *directory.glob("runs/*/*GPa.json"),
        *directory.glob("done/**/*"),
        *directory.glob("data.h5"),
        *directory.glob("checks.json"),
    ]
    return {
        str(path.relative_to(directory)): path.stat().st_mtime_ns for path in kept if path.is_file()
    }


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The tiny study after two kills, and what was complete at each of them."""
    directory = tmp_path_factory.mktemp("workflow") / "study"
    log = directory.parent / "log"
    snapshots = []

    def within_a_preparation():
        """One preparation is complete; of another, the first stage."""
        started = list(directory.glob("runs/*/relax.restart"))
        return len(list(directory.glob("done/generate/*"))) == 1 and len(started) == 2

    def within_the_analysis():
        return (directory / "done" / "accepted").exists()

    for ready in (within_a_preparation, within_the_analysis):
        process = start(directory, log)
        kill_when(process, ready, log)
        snapshots.append(finished(directory))
    process = start(directory, log)
    assert process.wait(PATIENCE) == 0, log.read_text()[-3000:]
    return directory, snapshots


def test_a_killed_study_finishes_without_redoing(study):
    directory, (first, second) = study
    after = finished(directory)
    assert sum(name.startswith("done/generate") for name in first) == 1
    assert sum(name.endswith("relax.restart") for name in first) == 2
    assert sum(name.startswith("done/generate") for name in second) == 7
    assert "data.h5" not in first
    # Snakemake may not have recorded the check as complete at the moment of the second kill
    unsure = {"checks.json", "done/accepted", "data.h5"}
    for name, when in first.items():
        assert second[name] == when, name
    for name, when in second.items():
        assert after[name] == when or name in unsure, name
    assert not list(directory.glob("runs/*/*.part"))
    assert not list(directory.glob("runs/*/*.save*"))


def test_a_finished_study_has_nothing_left_to_do(study):
    directory, _ = study
    done = subprocess.run(
        [PIPELINES / "study.sh", TINY, directory, "--cores", "1", "--dry-run"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Nothing to be done" in done.stdout + done.stderr


def test_study_is_complete(study):
    directory, _ = study
    model = load_model(directory / "models" / "soap-37.safetensors")
    assert model.classes == ("ih", "water")
    with open(directory / "tables" / "accuracy.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["descriptor"] == "soap-37"
    assert int(row["features"]) == 37
    assert float(row["accuracy"]) > 0.9
    check_output(directory / "phases.png")
    assert "| soap-37 | 37 |" in (directory / "tables" / "study.md").read_text()


def test_replaced_preparation_is_kept_out_with_its_reason(study):
    directory, _ = study
    checks = {c.name: c for c in read_checks(directory / "checks.json")}
    assert len(checks) == 7
    rejected = [c for c in checks.values() if not c.accepted]
    assert [c.preparation for c in rejected] == ["ih_mw_p2"]
    assert rejected[0].reasons == ("the preparation is replaced by another one",)
    data = iceclass.load_reference(directory / "data.h5")
    names = {t.preparation for t in data}
    assert names == {*(f"ih_mw_p{k}" for k in (1, 3, 7)), *(f"water_mw_p{k}" for k in (1, 2, 3))}
    for trajectory in data:
        recorded = trajectory.metadata["checks"]
        assert recorded["accepted"]
        density = np.mean([f.density for f in trajectory.frames])
        assert recorded["density"] == pytest.approx(density, rel=1e-4)
    assert "ih_mw_p2_250K_0GPa: the preparation is replaced" in (
        (directory / "tables" / "study.md").read_text()
    )


def test_a_second_start_beside_the_first_is_refused(tmp_path):
    directory = tmp_path / "study"
    directory.mkdir()
    command = [PIPELINES / "study.sh", TINY, directory, "--dry-run"]
    with subprocess.Popen(["flock", directory / ".study.lock", "cat"], stdin=subprocess.PIPE):
        while not (directory / ".study.lock").exists():
            time.sleep(0.01)
        time.sleep(0.2)
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is running already" in done.stderr


def dry_run(directory: Path, *options: str, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("snakemake", "--snakefile", PIPELINES / "Snakefile", "--configfile", config),
            *("--directory", directory, "--dry-run", *options),
        ],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_whole_study_is_planned_for_a_cluster(tmp_path):
    """With the comparison, which is not among what "all" makes."""
    profile = PIPELINES / "profiles" / "slurm"
    config = PIPELINES / "config" / "study.yaml"
    done = dry_run(tmp_path, "--profile", str(profile), "all", "compare", config=config)
    assert done.returncode == 0, done.stderr
    jobs = {
        words[0]: int(words[1])
        for line in done.stdout.partition("Job stats:")[2].splitlines()
        if len(words := line.split()) == 2 and words[1].isdigit()
    }
    assert jobs["generate"] == 45
    assert [jobs[rule] for rule in ("featurize", "train", "evaluate", "explain")] == [6] * 4
    plan = Plan(
        ("acsf", "bispectrum-30", "mtp-16", "qsnap", "soap-37", "soap-325"),
        folds=5,
        kept={"soap-325": (5, 10, 20, 40, 80)},
    )
    assert jobs["training"] == len(list(plan.trainings())) > 300
    assert jobs["classical"] == 9
    assert jobs["separation"] == 6 * 5
    (generate, *_) = done.stdout.partition("rule generate:")[2].split("\n\n")
    assert "mem_mb=1000" in generate
    assert "runtime=360" in generate


def test_profiles_speak_of_rules_that_exist():
    rules = (PIPELINES / "Snakefile").read_text()
    common = yaml.safe_load((PIPELINES / "profiles" / "default" / "config.yaml").read_text())
    for rule in common["set-resources"]:
        assert f"\nrule {rule}:" in rules


def with_mistake(line: str) -> dict:
    return yaml.safe_load(TINY.read_text()) | yaml.safe_load(line)


def test_a_mistake_in_the_configuration_is_told(tmp_path):
    config = tmp_path / "wrong.yaml"
    config.write_text(yaml.safe_dump(with_mistake("phasen: [ih]")))
    done = dry_run(tmp_path, config=config)
    assert done.returncode != 0
    assert "unknown in the configuration: phasen" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("descriptors: [soap-73]", "soap-37"),
        ("settings: {melt_tine: 4}", "melt_time"),
        ("replacements: {ih: {4: 9}}", "ih_mw_p4"),
    ],
)
def test_mistakes_are_told_before_anything_is_planned(line, said, monkeypatch):
    """By what stands before the rules, which is Python."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before, rules, _ = (PIPELINES / "Snakefile").read_text().partition("\nwildcard_constraints:")
    assert rules
    given = {"workflow": SimpleNamespace(basedir=PIPELINES), "config": with_mistake(line)}
    with pytest.raises(InputError) as told:
        exec(compile(before, "Snakefile", "exec"), given)
    assert said in str(told.value)


def readme_tables() -> list[list[list[str]]]:
    """The tables of the README, cell by cell, without heads and rules."""
    tables: list[list[list[str]]] = [[]]
    for line in (PIPELINES / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
        elif tables[-1]:
            tables.append([])
    return [table[2:] for table in tables if table]


def test_readme_lists_the_default_states():
    (states,) = [t for t in readme_tables() if t[0][0] == "ih" and len(t[0]) == 6]
    assert [row[0] for row in states] == list(PHASES)
    for name, *cells in states:
        for number, cell in enumerate(cells, 1):
            written = ", ".join(
                f"{s.temperature:g} @ {s.pressure:g}" for s in default_states(name, number)
            )
            assert cell == written


def test_readme_names_every_threshold_with_its_value():
    text = (PIPELINES / "README.md").read_text(encoding="utf-8")
    for name, value in vars(Thresholds()).items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            assert f"{number:g}" in line, line


def test_configurations_are_written_as_the_readme_says():
    readme = (PIPELINES / "README.md").read_text(encoding="utf-8")
    for path in PIPELINES.glob("config/*.yaml"):
        assert f"config/{path.name}" in readme
        json.dumps(yaml.safe_load(path.read_text()))
    for key in yaml.safe_load((PIPELINES / "config" / "study.yaml").read_text()):
        assert f"`{key}`" in readme, key
