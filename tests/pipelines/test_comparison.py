"""The comparison of descriptors: every rule for real on a few small trajectories."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml

import iceclass
from iceclass.datasets.reference import load_reference, write_reference
from iceclass.datasets.store import FeatureStore
from iceclass.descriptors import descriptor
from iceclass.errors import InputError
from iceclass.external.freud import steinhardt
from iceclass.frame import Frame
from pipelines.study.__main__ import main
from pipelines.study.classical import classify
from pipelines.study.jobs import Plan, Training, separation_name
from pipelines.study.results import Results
from pipelines.study.rows import read_rows, steinhardt_rows, write_rows
from pipelines.study.settings import STEINHARDT, Settings, Study, write_result
from pipelines.study.split import sides_of
from pipelines.study.training import train_and_test
from tests.helpers.iceframes import trajectory

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
WANTED = {"ih": 3, "lda": 2, "mda": 2}
"""Preparations of each phase."""

COMPARE = {
    "train-rows": 60,
    "test-rows": 150,
    "epochs": 3,
    "seeds": 1,
    "boosting-rounds": 3,
    "explained": 15,
    "kept": [5],
    "resamples": 200,
    "timed": 1,
}
CONFIG = {
    "phases": list(WANTED),
    "preparations": 3,
    "descriptors": ["soap-37"],
    "compare": COMPARE,
    "threads": 1,
}
PATIENCE = 1800
"""s, after which a study that makes no progress is given up."""
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
}


def few_trajectories():
    """The first state of some preparations, two frames of each."""
    taken = defaultdict(set)
    for t in iceclass.load_reference():
        names = taken[t.phase]
        if t.preparation not in names and len(names) < WANTED.get(t.phase, 0):
            names.add(t.preparation)
            metadata = {k: v for k, v in t.metadata.items() if k != "split"}
            yield t.name, metadata, t.frames[::10]


def results(directory: Path) -> dict[str, int]:
    """Modification times of everything that is done."""
    made = directory.glob("comparison/results/[!.]*")
    return {path.name: path.stat().st_mtime_ns for path in made}


def start(config: Path, directory: Path, *words: str) -> list[str]:
    """The command that makes some targets."""
    return [str(w) for w in (PIPELINES / "study.sh", config, directory, "--cores", "2", *words)]


def make(config: Path, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Make targets to their end."""
    done = subprocess.run(
        start(config, directory, *words),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done


def planned(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Rule → how many jobs of it a dry run counts, and the total."""
    table = (done.stdout + done.stderr).rpartition("Job stats:")[2].partition("\n\n")[0]
    words = [line.split() for line in table.splitlines()]
    return {w[0]: int(w[1]) for w in words if len(w) == 2 and w[1].isdigit()}


KNOWN = {k: v for k, v in COMPARE.items() if k not in ("seeds", "kept", "resamples")}
PLAN = Plan(("soap-37",), folds=3, seeds=1, kept={"soap-37": (5,)})
JOBS = (
    Training("soap-37", "fold", 0, kept=5),  # which needs that of all components
    Training("soap-37", "fold", 0, model="boosting"),
    Training("soap-37", "whole", 0),
    Training(STEINHARDT, "preparation", 0, model="logistic"),
)
"""Trainings that Snakemake does, as users start them."""


def finish(directory: Path) -> None:
    """Do what is missing by the commands that Snakemake would give, without a process for each."""
    place, settings = directory / "comparison", Settings.of(KNOWN)

    def step(name: str, *words: object, of: dict) -> None:
        if not (output := place / "results" / f"{name}.json").exists():
            command = [*words, "--settings", json.dumps(of), "-o", output]
            main.main([str(word) for word in command], standalone_mode=False)

    for name, k in product(PLAN.stores, range(PLAN.folds)):
        of = {"train_rows": settings.train_rows}
        step(separation_name(name, k), "separate", place, name, k, of=of)
    for one in sorted(PLAN.trainings(), key=lambda job: len(job.needs(PLAN.folds))):
        store = ["--store", directory / "features" / f"{one.features}.h5"] * one.whole
        job = json.dumps(asdict(one))
        step(one.name, "train", place, "--job", job, *store, of=one.settings(settings))


@dataclass(frozen=True)
class Comparison:
    """A comparison that was killed on the way and finished.

    Attributes
    ----------
    begun, before, after
        What was done, and when: before it was killed, before the last start, and in the end.
    """

    config: Path
    directory: Path
    begun: dict[str, int]
    before: dict[str, int]
    after: dict[str, int]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Comparison:
    base = tmp_path_factory.mktemp("comparison")
    directory, config, log = base / "study", base / "config.yaml", base / "log"
    write_reference(base / "data.h5", few_trajectories())
    config.write_text(yaml.safe_dump({**CONFIG, "data": str(base / "data.h5")}))
    wanted = [f"comparison/results/{job.name}.json" for job in JOBS]
    wanted += [f"comparison/results/{name}.json" for name in ("timing", PLAN.separations()[0])]
    with open(log, "wb") as file:
        process = subprocess.Popen(
            start(config, directory, *wanted),
            env=ENVIRONMENT,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until = time.monotonic() + PATIENCE
    while len(list(directory.glob("comparison/results/soap-37_*.json"))) < 2:
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    begun = results(directory)
    make(config, directory, *wanted)
    finish(directory)
    before = results(directory)
    make(config, directory, "compare")
    return Comparison(config, directory, begun, before, results(directory))


@pytest.fixture(scope="module")
def study(finished) -> Study:
    return Study(finished.directory / "comparison", Settings.of(KNOWN))


def test_a_killed_comparison_goes_on_without_redoing(finished):
    # Snakemake does again what it had not recorded as complete when the kill came: a job a core
    again = [name for name, when in finished.begun.items() if finished.after[name] != when]
    assert len({name.partition(".")[0] for name in again}) <= 3, again
    assert len(finished.after) > len(finished.begun) >= 2
    assert finished.after == finished.before


def test_a_setting_makes_anew_only_what_depends_on_it(finished, tmp_path):
    """Of what Snakemake made; the others it knows nothing of but that they are there."""
    content = yaml.safe_load(finished.config.read_text())
    content["compare"] = {**COMPARE, "boosting-rounds": 4}
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(content))
    jobs = planned(make(other, finished.directory, "--dry-run", "compare"))
    boosted = [job for job in JOBS if job.model == "boosting"]
    assert jobs == {"training": len(boosted), "compare": 1, "total": len(boosted) + 1}


def test_no_preparation_is_on_two_sides(study):
    table = read_rows(study.rows_path("soap-37"))
    trainings = list(PLAN.trainings())
    assert len({t.name for t in trainings}) == len(trainings)
    honest = [t for t in trainings if t.protocol not in ("molecule", "whole")]
    assert len(honest) > 20
    for job in honest:
        sides = sides_of(job, table, 60)
        groups = [
            {table.trajectories[i].group for i in np.unique(table.trajectory[rows])}
            for rows in (sides.train, sides.validation, sides.test)
        ]
        for i in range(3):
            assert not groups[i] & groups[i - 1], job
        seen = {table.trajectories[i].group for i in np.unique(table.trajectory[sides.seen])}
        assert seen == groups[0]
        assert not set(sides.seen) & set(sides.train)
        per_phase = np.bincount(table.target(table.classes)[sides.train], minlength=3)
        assert set(per_phase[per_phase > 0]) == {60}, job


def test_both_splits_train_on_as_many_molecules(study):
    table = read_rows(study.rows_path("soap-37"))
    random = sides_of(Training("soap-37", "molecule", 1), table, 60)
    rows = [random.train, random.validation, random.test]
    assert len(np.unique(np.concatenate(rows))) == sum(map(len, rows))
    assert np.unique(np.bincount(table.trajectory[random.train])).tolist() == [36]
    other = sides_of(Training("soap-37", "molecule", 2), table, 60)
    assert not np.array_equal(random.test, other.test)


def test_the_whole_split_leaves_no_molecule_out(finished):
    directory = finished.directory
    table = FeatureStore.open(directory / "features" / "soap-37.h5").load()
    sides = sides_of(Training("soap-37", "whole", 1), table, 60)
    rows = [sides.train, sides.validation, sides.test]
    assert np.unique(np.concatenate(rows)).size == sum(map(len, rows)) == len(table)
    assert len(sides.train) == pytest.approx(0.6 * len(table), abs=1)


def test_accuracy_is_that_of_the_labels_kept(finished, study):
    directory = finished.directory
    right = total = 0
    for k in range(3):
        found = study.result(Training("soap-37", "fold", k).name)
        phases = {t.name: t.phase for t in study.trajectories}
        for name, counts in found["test"].items():
            right += counts[found["classes"].index(phases[name])]
            total += sum(counts)
    assert total == 3 * 3 * 150
    out = directory / "comparison"
    with open(out / "accuracy.csv", newline="") as file:
        rows = {(r["features"], r["protocol"], r["metric"]): r for r in csv.DictReader(file)}
    row = rows["soap-37", "folds", "accuracy"]
    assert float(row["value"]) == pytest.approx(right / total, abs=1e-5)
    assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
    page = (out / "study.md").read_text()
    assert f"{100 * right / total:.2f} [{100 * float(row['low']):.1f}" in page
    assert "nan" not in page
    numbers = json.loads((out / "study.json").read_text())
    assert numbers["features"]["soap-37"]["folds"]["accuracy"]["value"] == pytest.approx(
        right / total, abs=1e-5
    )


def test_numbers_tell_of_preparations_and_features(finished):
    directory = finished.directory
    numbers = json.loads((directory / "comparison" / "study.json").read_text())
    assert numbers["classes"] == list(WANTED)
    each = numbers["features"]["soap-37"]["preparations"]
    assert {phase: len(own) for phase, own in each.items()} == WANTED
    recall = numbers["features"]["soap-37"]["folds"]["recall 0"]["value"]
    assert recall == pytest.approx(
        np.mean([one["unseen"] for one in each["ih"].values()]), abs=1e-5
    )
    for values in (numbers["importance"]["soap-37"], numbers["alone"]["soap-37"]["ih"]):
        assert len(values) == 37
    assert list(numbers["importance"]["soap-37"].values()) == sorted(
        numbers["importance"]["soap-37"].values(), reverse=True
    )
    best = next(iter(numbers["alone"]["soap-37"]["ih"].values()))
    assert 0.5 < best["area_under_roc"] <= 1


def test_page_has_its_figures_and_answers(finished):
    directory = finished.directory
    page = (directory / "comparison" / "study.md").read_text()
    for figure in ("protocols", "learning", "single", "components", "deletion"):
        assert f"({figure}.png)" in page
        assert (directory / "comparison" / f"{figure}.png").read_bytes()[:4] == b"\x89PNG"
    for said in ("75.23", "**MDA: ", "CHILL+", "PTM, RMSD ≤ 0.1", "steinhardt network", "Best: "):
        assert said in page


def test_chill_plus_knows_the_ice_and_every_molecule_is_counted(study):
    ices = Results(study, PLAN, 100).ices()
    assert ices["CHILL+"]["folds"]["recall 0"].value > 0.95
    assert ices["CHILL+"]["folds"]["recall 2"].value > 0.9
    loose, strict = ("PTM, RMSD ≤ 0.2", "PTM, RMSD ≤ 0.1")
    assert ices[loose]["folds"]["recall 0"].value >= ices[strict]["folds"]["recall 0"].value
    assert "soap-37" in ices
    for t in study.trajectories:
        assert study.result(f"classical_{t.phase}")[t.name]["molecules"] == t.n_rows


def test_results_of_another_number_of_preparations_are_refused(study):
    with pytest.raises(InputError, match="3 preparations in the data, the configuration says 4"):
        Results(study, replace(PLAN, folds=4), 100)
    with pytest.raises(InputError, match="run the study again"):
        study.result("soap-37_network_fold_9")


def test_steinhardt_rows_are_those_of_the_store(finished, study):
    directory = finished.directory
    mine, store = (read_rows(study.rows_path(name)) for name in (STEINHARDT, "soap-37"))
    np.testing.assert_array_equal(mine.molecule, store.molecule)
    q4 = mine.features[mine.phase == "ih", mine.feature_names.index("q4 of 4")]
    assert q4.mean() == pytest.approx(0.509, abs=0.01)  # of a perfect tetrahedron
    data = {t.name: t for t in load_reference(directory.parent / "data.h5")}
    for row in (0, 149, 400):
        whole = data[mine.trajectories[mine.trajectory[row]].name]
        frame = whole.frames[mine.frame[row]]
        (molecule,) = np.flatnonzero(frame.ids == mine.molecule[row])
        np.testing.assert_array_equal(mine.features[row], steinhardt(frame)[molecule])
    files = [study.directory / "results" / f"classical_{phase}.npz" for phase in ("ih", "lda")]
    with pytest.raises(InputError, match="make the store from the whole data set"):
        steinhardt_rows(store, files)
    with pytest.raises(InputError, match="hold no trajectory of ii"):
        classify([directory.parent / "data.h5"], "ii", (0.1,), directory / "x.npz")


def test_fewer_components_are_the_most_important_ones(study):
    whole = study.result(Training("soap-37", "fold", 0).name)
    assert len(whole["importance"]["ig"]) == 37
    assert whole["importance"]["completeness"] < 1e-2
    assert whole["deletion"]["counts"][-1] == 37
    starts = {c[0] for each in whole["deletion"]["curves"].values() for c in each}
    ends = {c[-1] for each in whole["deletion"]["curves"].values() for c in each}
    assert len(starts) == len(ends) == 1
    fewer = Training("soap-37", "fold", 0, kept=5)
    assert fewer.needs(3) == [Training("soap-37", "fold", 0)]
    assert study.result(fewer.name)["features"] == 5


def test_random_split_remembers_what_the_honest_one_cannot(tmp_path):
    """Four preparations of three phases, told apart by their own offsets far more than by phase."""
    rng = np.random.default_rng(8)
    signal_of = 0.4 * rng.normal(size=(3, 37))
    cell = 12.0 * np.eye(3)
    with FeatureStore.create(tmp_path / "soap-37.h5", descriptor("soap-37")) as store:
        for c, phase in enumerate(("ih", "ii", "v")):
            for k in range(4):
                x = rng.normal(size=(300, 37)) + signal_of[c] + rng.normal(size=37)
                frame = Frame(positions=12 * rng.random((300, 3)), cell=cell)
                store.append_trajectory(trajectory(phase, k), [(frame, x)])
    settings = Settings(train_rows=100, epochs=30, explained=10, random_orders=1)
    study = Study(tmp_path, settings)
    write_rows(study.rows_path("soap-37"), FeatureStore.open(tmp_path / "soap-37.h5").load())
    random = Training("soap-37", "molecule", 0)
    table = read_rows(study.rows_path("soap-37"))
    for job in (random, *(Training("soap-37", "fold", k) for k in range(4))):
        result = train_and_test(study, job, table, table.classes)
        write_result(study.directory / "results" / f"{job.name}.json", result)
    found = Results(study, Plan(("soap-37",), folds=4, seeds=1), 500)
    memory = found.memory("soap-37")
    assert memory["protocols"].low > 0.1
    assert memory["rows"].low > 0.1
    split = sum(found.groups([random]).values())
    assert np.trace(split) / split.sum() > 0.95


def test_results_depend_on_their_own_settings_only():
    settings = Settings(weight_decay={"soap-37": 0.4}, boosting_rounds=7)
    network = Training("soap-37", "fold", 0)
    assert network.settings(settings)["weight_decay"] == {"soap-37": 0.4}
    assert "boosting_rounds" not in network.settings(settings)
    for model, names in (
        ("logistic", {"train_rows"}),
        ("boosting", {"train_rows", "boosting_rounds"}),
    ):
        assert set(Training("soap-37", "fold", 0, model).settings(settings)) == names
    assert "weight_decay" not in Training(STEINHARDT, "fold", 0).settings(settings)
    assert "explained" not in Training("soap-37", "fold", 0, kept=5).settings(settings)
    for job in PLAN.trainings():
        again = Settings.of(json.loads(json.dumps(job.settings(settings))))
        assert again.training(1, job.features) == settings.training(1, job.features) or (
            job.model != "network"
        )
        assert Training(**json.loads(json.dumps(asdict(job)))) == job
    assert settings.training(0, "soap-37").weight_decay == 0.4
    assert settings.training(0, STEINHARDT).weight_decay == 0.0


def test_settings_that_cannot_be_are_told(tmp_path):
    with pytest.raises(InputError, match="weight_decay is -1"):
        Settings(weight_decay={"soap-37": -1})
    with pytest.raises(InputError, match="train_rows is 0"):
        Settings(train_rows=0)
    with pytest.raises(InputError, match=r"train-row.*train_rows"):
        Settings.of({"train-row": 5})
    with pytest.raises(InputError, match="two or more"):
        Plan(("soap-37",), folds=1)
    with pytest.raises(InputError, match="may not be called 'steinhardt'"):
        Plan((STEINHARDT,), folds=3)
