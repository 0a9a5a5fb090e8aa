"""The comparison of descriptors: every step for real on a few small trajectories."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import iceclass
from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.datasets.reference import write_reference
from iceclass.datasets.store import FeatureStore
from iceclass.descriptors import descriptor
from iceclass.errors import InputError
from iceclass.frame import Frame
from pipelines.study.__main__ import main
from pipelines.study.classical import steinhardt
from pipelines.study.data import find, sides_of, table_of
from pipelines.study.gathering import Results
from pipelines.study.jobs import Classical, Plan, Training
from pipelines.study.running import run_waves
from pipelines.study.settings import STEINHARDT, Settings, Study
from tests.helpers.iceframes import trajectory

ROOT = Path(__file__).parents[2]
WANTED = {"ih": 3, "lda": 2, "mda": 2}
"""Preparations of each phase."""

OPTIONS = {
    "train-rows": 60,
    "test-rows": 150,
    "epochs": 3,
    "seeds": 2,
    "boosting-rounds": 3,
    "explained": 15,
    "resamples": 200,
    "timed": 1,
}
PATIENCE = 300
"""s, after which a study that makes no progress is given up."""


def few_trajectories():
    """The first state of some preparations, two frames of each."""
    taken = defaultdict(set)
    for t in iceclass.load_reference():
        names = taken[t.phase]
        if t.preparation not in names and len(names) < WANTED.get(t.phase, 0):
            names.add(t.preparation)
            description = {k: v for k, v in t.metadata.items() if k != "split"}
            yield t.name, description, t.frames[::10]


def results(directory: Path) -> dict[str, int]:
    """Modification times of everything that is done."""
    return {path.name: path.stat().st_mtime_ns for path in directory.glob("results/[!.]*")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study that was killed on the way: words of its command, what the first run had done."""
    base = tmp_path_factory.mktemp("study")
    data, store, study = base / "data.h5", base / "soap-37.h5", base / "study"
    write_reference(data, few_trajectories())
    featurize(find_trajectories([data]), descriptor("soap-37"), store)
    words = [str(study), "--features", str(store), "--data", str(data), "-o", str(base / "out")]
    words += [str(word) for key, value in OPTIONS.items() for word in (f"--{key}", value)]
    log = base / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.study", *words, "--jobs", "2"],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until = time.monotonic() + PATIENCE
    while len(list(study.glob("results/soap-37_*.json"))) < 3:
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = results(study)
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return words, base, before


@pytest.fixture(scope="module")
def study(finished) -> Study:
    _, base, _ = finished
    settings = Settings(train_rows=60, test_rows=150, epochs=3, explained=15, boosting_rounds=3)
    settings = replace(settings, timed=1)
    return Study.of(base / "study", (base / "soap-37.h5",), (base / "data.h5",), settings)


def test_a_killed_study_goes_on_without_redoing(finished):
    words, base, before = finished
    after = results(base / "study")
    assert len([name for name in before if name.startswith("classical")]) == 2 * 7
    for name, when in before.items():
        assert after[name] == when, name
    assert len(after) > len(before)
    again = CliRunner().invoke(main, words, catch_exceptions=False)
    assert "0 jobs done now" in again.output
    assert results(base / "study") == after


def test_no_preparation_is_on_two_sides(study):
    table = table_of(study, "soap-37")
    jobs = [job for wave in Plan(2, {"soap-37": (5,)}).waves(study) for job in wave]
    random = ("molecule", "whole")
    trainings = [j for j in jobs if isinstance(j, Training) and j.protocol not in random]
    assert len(trainings) > 20
    assert len({study.path(job) for job in jobs}) == len(jobs)
    for job in trainings:
        sides = sides_of(study, job, table)
        groups = [
            {table.trajectories[i].group for i in np.unique(table.trajectory[rows])}
            for rows in (sides.train, sides.validation, sides.test)
        ]
        for i in range(3):
            assert not groups[i] & groups[i - 1], job
        seen = {table.trajectories[i].group for i in np.unique(table.trajectory[sides.seen])}
        assert seen == groups[0]
        assert not set(sides.seen) & set(sides.train)
        phase = table.target(study.classes)
        per_phase = np.bincount(phase[sides.train], minlength=3)
        assert set(per_phase[per_phase > 0]) == {60}, job


def test_both_splits_train_on_as_many_molecules(study):
    table = table_of(study, "soap-37")
    random = sides_of(study, Training("soap-37", "molecule", 1), table)
    rows = [random.train, random.validation, random.test]
    assert len(np.unique(np.concatenate(rows))) == sum(map(len, rows))
    assert np.unique(np.bincount(table.trajectory[random.train])).tolist() == [36]
    other = sides_of(study, Training("soap-37", "molecule", 2), table)
    assert not np.array_equal(random.test, other.test)


def test_the_whole_split_leaves_no_molecule_out(study):
    table = table_of(study, "soap-37", whole=True)
    assert len(table) == sum(t.n_rows for t in study.trajectories)
    sides = sides_of(study, Training("soap-37", "whole", 1), table)
    rows = [sides.train, sides.validation, sides.test]
    assert np.unique(np.concatenate(rows)).size == sum(map(len, rows)) == len(table)
    assert len(sides.train) == pytest.approx(0.6 * len(table), abs=1)


def test_accuracy_is_that_of_the_labels_kept(finished, study):
    _, base, _ = finished
    right = total = 0
    for k in range(3):
        told = study.result(Training("soap-37", "fold", k))
        phases = {t.name: t.phase for t in study.trajectories}
        for name, counts in told["test"].items():
            right += counts[told["classes"].index(phases[name])]
            total += sum(counts)
    assert total == 3 * 3 * 150
    with open(base / "out" / "accuracy.csv", newline="") as file:
        rows = {(r["features"], r["protocol"], r["metric"]): r for r in csv.DictReader(file)}
    row = rows["soap-37", "folds", "accuracy"]
    assert float(row["value"]) == pytest.approx(right / total, abs=1e-5)
    assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
    page = (base / "out" / "study.md").read_text()
    assert f"{100 * right / total:.2f} [{100 * float(row['low']):.1f}" in page
    assert "nan" not in page
    numbers = json.loads((base / "out" / "study.json").read_text())
    assert numbers["features"]["soap-37"]["folds"]["accuracy"]["value"] == pytest.approx(
        right / total, abs=1e-5
    )


def test_page_has_its_figures_and_answers(finished):
    _, base, _ = finished
    page = (base / "out" / "study.md").read_text()
    for figure in ("protocols", "learning", "single", "components", "deletion"):
        assert f"({figure}.png)" in page
        assert (base / "out" / f"{figure}.png").stat().st_size > 5_000
    for said in ("75.23", "**MDA: ", "CHILL+", "PTM, RMSD ≤ 0.1", "steinhardt network", "Best: "):
        assert said in page


def test_chill_plus_knows_the_ice_and_every_molecule_is_counted(study):
    ices = Results(study, Plan(2, {}), 100).ices()
    assert ices["CHILL+"]["folds"]["recall 0"].value > 0.95
    assert ices["CHILL+"]["folds"]["recall 2"].value > 0.9
    loose, strict = ("PTM, RMSD ≤ 0.2", "PTM, RMSD ≤ 0.1")
    assert ices[loose]["folds"]["recall 0"].value >= ices[strict]["folds"]["recall 0"].value
    assert "soap-37" in ices
    for t in study.trajectories:
        assert study.result(Classical(t.name))["molecules"] == t.n_rows


def test_steinhardt_rows_are_those_of_the_store(study):
    mine, store = table_of(study, STEINHARDT), table_of(study, "soap-37")
    np.testing.assert_array_equal(mine.molecule, store.molecule)
    q4 = mine.features[mine.phase == "ih", mine.feature_names.index("q4 of 4")]
    assert q4.mean() == pytest.approx(0.509, abs=0.01)  # of a perfect tetrahedron
    for row in (0, 149, 400):
        whole = find(study.data, mine.trajectories[mine.trajectory[row]].name)
        frame = whole.frames[mine.frame[row]]
        (molecule,) = np.flatnonzero(frame.ids == mine.molecule[row])
        np.testing.assert_array_equal(mine.features[row], steinhardt(frame)[molecule])


def test_fewer_components_are_the_most_important_ones(study):
    whole = study.result(Training("soap-37", "fold", 0))
    assert len(whole["importance"]["ig"]) == 37
    assert whole["importance"]["completeness"] < 1e-2
    assert whole["deletion"]["counts"][-1] == 37
    starts = {c[0] for each in whole["deletion"]["curves"].values() for c in each}
    ends = {c[-1] for each in whole["deletion"]["curves"].values() for c in each}
    assert len(starts) == len(ends) == 1
    assert study.result(Training("soap-37", "fold", 0, kept=5))["features"] == 5


def test_other_settings_make_other_results_only_where_they_matter(study):
    longer = replace(study, settings=replace(study.settings, epochs=9))
    job, classical = Training("soap-37", "fold", 0), Classical(study.trajectories[0].name)
    assert longer.path(job) != study.path(job)
    assert longer.path(classical) == study.path(classical)
    with pytest.raises(InputError, match="run the study again"):
        longer.result(job)


@pytest.fixture(scope="module")
def offsets(tmp_path_factory) -> Study:
    """Four preparations of three phases, told apart by their own offsets far more than by phase."""
    base = tmp_path_factory.mktemp("offsets")
    rng = np.random.default_rng(8)
    signal_of = 0.4 * rng.normal(size=(3, 37))
    cell = 12.0 * np.eye(3)
    with FeatureStore.create(base / "soap-37.h5", descriptor("soap-37")) as store:
        for c, phase in enumerate(("ih", "ii", "v")):
            for k in range(4):
                x = rng.normal(size=(300, 37)) + signal_of[c] + rng.normal(size=37)
                frame = Frame(positions=12 * rng.random((300, 3)), cell=cell)
                store.append_trajectory(trajectory(phase, k), [(frame, x)])
    settings = Settings(train_rows=100, epochs=30, explained=10, random_orders=1)
    return Study.of(base / "study", (base / "soap-37.h5",), (), settings)


def test_random_split_remembers_what_the_honest_one_cannot(offsets):
    jobs = [Training("soap-37", "fold", k) for k in range(4)]
    run_waves(offsets, [[Training("soap-37", "molecule", 0), *jobs]], 1, lambda text: None)
    found = Results(offsets, Plan(1, {}), 500)
    memory = found.memory("soap-37")
    assert memory["protocols"].low > 0.1
    assert memory["rows"].low > 0.1
    split = sum(found.groups([Training("soap-37", "molecule", 0)]).values())
    assert np.trace(split) / split.sum() > 0.95


def test_stores_of_other_trajectories_are_refused(offsets, study, tmp_path):
    stores = (*offsets.stores.values(), *study.stores.values())
    with pytest.raises(InputError, match="a second store of soap-37"):
        Study.of(tmp_path, stores, (), Settings())
    other = tmp_path / "acsf.h5"
    with FeatureStore.create(other, descriptor("acsf")) as store:
        info, frame = trajectory("ih", 1), Frame(positions=np.eye(3), cell=12.0 * np.eye(3))
        store.append_trajectory(info, [(frame, np.ones((3, store.descriptor.n_features)))])
    with pytest.raises(InputError, match="does not hold the same trajectories"):
        Study.of(tmp_path, (*offsets.stores.values(), other), (), Settings())
    with pytest.raises(InputError, match="is in none of"):
        Classical("ih-1-200").run(study)
    with pytest.raises(InputError, match="train_rows is 0"):
        Settings(train_rows=0)


def test_weight_decay_is_of_one_feature_set_and_of_networks_only(offsets, tmp_path):
    stores = tuple(offsets.stores.values())
    decayed = replace(offsets, settings=replace(offsets.settings, weight_decay={"soap-37": 0.4}))
    network, baseline = Training("soap-37", "fold", 0), Training("soap-37", "fold", 0, "logistic")
    assert decayed.settings.training(0, "soap-37").weight_decay == 0.4
    assert decayed.settings.training(0, "steinhardt").weight_decay == 0.0
    assert decayed.path(network) != offsets.path(network)
    assert decayed.path(baseline) == offsets.path(baseline)
    with pytest.raises(InputError, match="weight decay of 'soap-38', which is none of soap-37"):
        Study.of(tmp_path, stores, (), Settings(weight_decay={"soap-38": 0.4}))
    with pytest.raises(InputError, match="weight_decay is -1"):
        Settings(weight_decay={"soap-37": -1})


def test_the_workflow_plans_the_comparison(tmp_path):
    done = subprocess.run(
        [
            *("snakemake", "--snakefile", ROOT / "pipelines" / "Snakefile"),
            *("--configfile", ROOT / "pipelines" / "config" / "study.yaml"),
            *("--directory", tmp_path, "--cores", "2", "--dry-run", "-p", "compare"),
        ],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "-m pipelines.study" in line]
    words = line.partition("pipelines.study ")[2].partition(" 2>&1")[0].split()
    for name in ("acsf", "bispectrum-30", "soap-37", "soap-325"):
        assert f"features/{name}.h5" in words
    known = {option for parameter in main.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known
