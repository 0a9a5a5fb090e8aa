"""Families of phases: probabilities add up."""

import csv

import numpy as np
import pytest

from iceclass.analysis.families import Families
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.prediction import Prediction
from tests.cli.test_main import run
from tests.helpers.labelled import DEMO

CLASSES = ("ih", "ic", "water", "cs1", "cs2", "mine")


def prediction(rows, labels=None):
    p = np.array(rows, dtype=np.float32)
    labels = p.argmax(axis=1) if labels is None else np.array(labels)
    return Prediction(labels, p, p.max(axis=1), np.zeros(len(p), np.float32), CLASSES, "x")


def test_probabilities_of_a_family_add_up(tmp_path):
    observer = Families(CLASSES)
    assert observer.columns == ("ice", "hydrate", "liquid", "mine", "unknown")
    frame = Frame(np.arange(15.0).reshape(5, 3), np.eye(3) * 20, timestep=7)
    told = prediction(
        [
            [0.3, 0.3, 0.4, 0, 0, 0],  # labelled water, more likely ice
            [0.1, 0, 0.46, 0.2, 0.24, 0],  # water, the two hydrates are less likely together
            [0, 0, 0.4, 0.3, 0.3, 0],
            [0, 0, 0.1, 0, 0, 0.9],
            [1.0, 0, 0, 0, 0, 0],
        ],
        labels=[2, 2, 2, 5, -1],
    )
    observer.add(frame, told)
    assert observer.records[0][1]["counts"] == [1, 1, 1, 1, 1]
    with observer.write(tmp_path / "f.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["timestep"] == "7"
    assert float(row["unknown"]) == pytest.approx(0.2)


def test_no_frames(tmp_path):
    with pytest.raises(InputError, match="no frames"):
        Families(CLASSES).write(tmp_path / "f.csv")


def test_phases_by_family_on_the_command_line(tmp_path, capsys):
    for by in ("phase", "family"):
        out = tmp_path / by / "a.lammpstrj"
        out.parent.mkdir()
        words = ["label", str(DEMO), "--frames", "0:1", "-o", str(out), "--by", by]
        assert run(*words) == 0
        assert ("crystalline ice" in capsys.readouterr().out) == (by == "family")
    tables = []
    for by in ("phase", "family"):
        with (tmp_path / by / "a.phases.csv").open() as file:
            tables += list(csv.DictReader(file))
    phases, families = tables
    assert list(families)[3:] == ["ice", "amorphous", "liquid", "unknown"]
    assert float(families["unknown"]) == float(phases["unknown"])
    ices = sum(float(phases[name]) for name in ("ih", "ic", "ii", "iii", "v"))
    assert float(families["ice"]) == pytest.approx(ices, abs=0.02)
    assert (tmp_path / "family" / "a.phases.png").exists()
    assert not (tmp_path / "family" / "a.families.csv").exists()
