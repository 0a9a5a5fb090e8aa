"""Figures of merit, on cases counted by hand and by scikit-learn."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from iceclass.datasets.table import Table
from iceclass.errors import InputError
from iceclass.evaluation.metrics import compare, evaluate
from iceclass.prediction import Prediction
from tests.helpers.iceframes import features, ice_table, trained, trajectory

CLASSES = ("ih", "ic", "ii")


def table_of(phases: list[str]) -> Table:
    """One row for each entry, one trajectory for each phase."""
    unique = sorted(set(phases))
    n = len(phases)
    return Table(
        features=np.zeros((n, 1), np.float32),
        trajectory=np.array([unique.index(p) for p in phases], np.int32),
        frame=np.zeros(n, np.int32),
        timestep=np.zeros(n, np.int64),
        molecule=np.arange(n),
        trajectories=tuple(trajectory(p, 1) for p in unique),
        descriptor={"family": "x"},
        feature_names=("x",),
    )


def prediction_of(labels: list[int], confidence: list[float]) -> Prediction:
    """Probabilities with the given maximum at the given class (class 0 where unknown)."""
    labels, top = np.array(labels), np.array(confidence, np.float32)
    p = np.repeat(((1 - top) / 2)[:, None], 3, axis=1)
    p[np.arange(len(top)), np.maximum(labels, 0)] = top
    return Prediction(labels, p, top, np.zeros(len(top), np.float32), CLASSES, "0" * 12)


def test_a_case_counted_by_hand():
    table = table_of(["ih", "ih", "ih", "ih", "ic", "ic", "vi", "vi"])
    prediction = prediction_of([0, 0, 1, -1, 1, 1, -1, 0], [0.9, 0.9, 0.6, 0.9, 0.9, 0.6, 0.5, 0.5])
    found = compare(prediction, table)
    assert found.truth == ("ih", "ic", "ii", "vi")
    assert found.columns == ("ih", "ic", "ii", "unknown")
    assert found.confusion.tolist() == [[2, 1, 0, 1], [0, 2, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]
    np.testing.assert_allclose(found.precision, [1.0, 2 / 3, np.nan])
    np.testing.assert_allclose(found.recall, [0.5, 1.0, np.nan])
    np.testing.assert_allclose(found.f1, [2 / 3, 0.8, np.nan])
    assert found.support.tolist() == [4, 2, 0]
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.balanced_accuracy == pytest.approx(0.75)
    assert found.macro_f1 == pytest.approx((2 / 3 + 0.8) / 2)
    # Confidence 0.9: four rows, all right by their most probable class; 0.6: one of two.
    assert found.calibration_error == pytest.approx((4 * 0.1 + 2 * 0.1) / 6, abs=1e-6)
    np.testing.assert_allclose(found.normalised[0], [0.5, 0.25, 0, 0.25])
    assert np.isnan(found.normalised[2]).all()
    by_name = {t.phase: t for t in found.trajectories}
    assert (by_name["ih"].accuracy, by_name["ih"].unknown) == (0.5, 0.25)
    assert by_name["ic"].mistaken_for == ""
    assert by_name["vi"].accuracy == 0.0


def test_agreement_with_scikit_learn():
    result = trained()
    table = ice_table().rows(result.split.index("test"))
    truth = table.phase
    given = result.model.predict(table.features, unknown=False).names
    found = evaluate(result.model, table, unknown=False)
    order = list(result.model.classes)
    np.testing.assert_array_equal(
        found.confusion[:, :-1], metrics.confusion_matrix(truth, given, labels=order)
    )
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, given))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, given))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(truth, given, average="macro"))
    assert found.confusion[:, -1].sum() == 0


def test_tables_on_disk(tmp_path):
    found = trained().evaluation
    paths = found.to_csv(tmp_path / "report")
    assert {p.name for p in paths} == {p.name for p in (tmp_path / "report").iterdir()}
    with open(tmp_path / "report" / "confusion.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["phase", "ih", "ic", "ii", "iii", "v", "unknown"]
    assert [[int(x) for x in row[1:]] for row in rows[1:]] == found.confusion.tolist()
    with open(tmp_path / "report" / "per_class.csv", newline="") as file:
        per_class = list(csv.DictReader(file))
    np.testing.assert_allclose([float(r["f1"]) for r in per_class], found.f1, rtol=1e-5)
    with open(tmp_path / "report" / "trajectories.csv", newline="") as file:
        trajectories = list(csv.DictReader(file))
    assert len(trajectories) == 5
    assert trajectories[0]["temperature"] == "200"
    summary = json.loads((tmp_path / "report" / "summary.json").read_text())
    assert summary["accuracy"] == pytest.approx(found.accuracy, abs=1e-6)
    found.to_csv(tmp_path / "report")


def test_text_for_the_terminal_is_aligned():
    lines = trained().evaluation.as_text().splitlines()
    assert lines[0].split() == ["phase", "precision", "recall", "F1", "rows"]
    assert len({len(line) for line in lines[:6]}) == 1
    matrix = lines[-6:]
    assert len({len(line) for line in matrix}) == 1
    assert matrix[0].split()[-1] == "unknown"


def test_phases_the_model_does_not_know_stay_out_of_its_figures():
    model, known = trained().model, trained().evaluation
    table = ice_table().rows(trained().split.index("test"))
    x = features("7", 1)
    n = len(x)
    both = replace(
        table,
        features=np.concatenate([table.features, x]),
        trajectory=np.append(table.trajectory, np.full(n, 15, np.int32)).astype(np.int32),
        frame=np.append(table.frame, np.zeros(n, np.int32)),
        timestep=np.append(table.timestep, np.zeros(n, np.int64)),
        molecule=np.append(table.molecule, np.arange(n)),
        trajectories=(*table.trajectories, trajectory("vii", 1)),
    )
    found = evaluate(model, both)
    assert found.truth == (*model.classes, "vii")
    assert found.accuracy == known.accuracy
    assert found.macro_f1 == known.macro_f1
    assert found.confusion[-1].sum() == n
    assert "vii" in found.as_text()


def test_only_unknown_phases(tmp_path):
    found = compare(prediction_of([-1, 0], [0.9, 0.8]), table_of(["vi", "vi"]))
    assert np.isnan(found.accuracy)
    found.to_csv(tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())["accuracy"] is None


def test_other_features_and_no_rows_are_refused():
    model = trained().model
    with pytest.raises(InputError, match=r"r_cut is 5\.0, expected 6\.0"):
        evaluate(
            model, replace(ice_table(), descriptor={**model.descriptor.to_dict(), "r_cut": 5.0})
        )
    with pytest.raises(InputError, match="no rows"):
        evaluate(model, ice_table().rows(np.array([], int)))
