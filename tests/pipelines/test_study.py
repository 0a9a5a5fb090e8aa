"""The study from nothing to a model, small and with a fast water model, every step for real."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import iceclass
from iceclass.datasets.pack import trajectories_to_pack
from iceclass.model.file import load_model
from tests.helpers.outputs import check_output

ROOT = Path(__file__).parents[2]

GENERATE = "--preparations 3 --jobs 2 --water-model mw --states 250@0"
SETTINGS = (
    "relax_time=0.5 melt_time=5 heating_rate=50 equilibration=1 supercooled_equilibration=1 "
    "production=1 interval=0.5"
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """pipelines/first_model.sh: two ices and water of mW, three preparations each."""
    directory = tmp_path_factory.mktemp("study")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "STUDY": str(directory),
        "DATA": str(directory / "data.h5"),
        "PHASES": "ih ic water",
        "GENERATE": " ".join([GENERATE, *(f"--set {s}" for s in SETTINGS.split())]),
        "DESCRIPTOR": "soap-37-avg",
        "VARY": "",
        "TRAIN": "--epochs 15",
    }
    done = subprocess.run(
        [ROOT / "pipelines" / "first_model.sh"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return directory, done


def test_study_makes_a_model_that_recognises_its_phases(study):
    directory, _ = study
    model = load_model(directory / "soap-37-avg.safetensors")
    assert model.classes == ("ih", "ic", "water")
    with open(directory / "evaluation" / "per_class.csv") as file:
        recall = {row["phase"]: float(row["recall"]) for row in csv.DictReader(file)}
    assert min(recall.values()) > 0.9


def test_further_preparations_are_packed_to_train(study):
    directory, _ = study
    sides = {d["split"] for _, d, _ in trajectories_to_pack([directory / "runs"], "train")}
    assert sides == {"train"}
    free = trajectories_to_pack([directory / "runs"])  # three of each
    assert all("split" not in metadata for _, metadata, _ in free)


def test_study_splits_by_preparation(study):
    directory, _ = study
    split = load_model(directory / "soap-37-avg.safetensors").record["split"]
    sides = [split[side]["preparations"] for side in ("train", "validation", "test")]
    for phase in ("ih", "ic", "water"):
        names = [name for side in sides for name in side[phase]]
        assert sorted(names) == sorted(set(names))
        assert len(names) == 3


def test_study_leaves_tables_and_figures(study):
    directory, _ = study
    for folder, files in {
        "report": ("training.png", "confusion.png", "confusion_normalised.png", "history.csv"),
        "evaluation": ("confusion.csv", "per_class.csv", "reliability.png", "summary.json"),
        "explain": ("importance.csv", "importance.png", "distributions.png", "explanation.json"),
    }.items():
        for name in files:
            check_output(directory / folder / name)


def test_study_data_hold_what_was_simulated(study):
    directory, _ = study
    data = iceclass.load_reference(directory / "data.h5")
    assert len(data) == 9
    for trajectory in data:
        assert trajectory.model == "mw"
        assert len(trajectory.frames) == 3
        assert trajectory.frames[0].density == pytest.approx(trajectory.density, rel=0.05)
