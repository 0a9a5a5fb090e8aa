"""Integrated Gradients against a plain quadrature, and what they must add up to."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from iceclass.errors import InputError
from iceclass.evaluation import explain as explanation
from iceclass.evaluation.attributions import attributions
from iceclass.evaluation.explain import explain, leading_values, single_feature_separation
from iceclass.model.network import Model
from tests.helpers.iceframes import ice_table, trained


def forward(model: Model, z: np.ndarray, classes=slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, C) of classes and their gradients (N, C, F), written out in float64."""
    (w1, w2, w3), (b1, b2, b3) = (
        [np.asarray(a, np.float64) for a in arrays] for arrays in (model.weights, model.biases)
    )
    h1 = np.tanh(z @ w1.T + b1)
    h2 = np.tanh(h1 @ w2.T + b2)
    w3, b3 = w3[classes], b3[classes]
    inner = np.einsum("ch,nh,hk,nk->nck", w3, 1 - h2**2, w2, 1 - h1**2, optimize=True)
    return h2 @ w3.T + b3, inner @ w1


def reference(model: Model, z: np.ndarray, target: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """(N, F) attributions of the target logits by Simpson's rule with 400 intervals."""
    total = np.zeros_like(z)
    weights = np.array([1, *[4, 2] * 199, 4, 1]) / 1200
    for c in np.unique(target):
        rows = target == c
        for a, w in zip(np.linspace(0.0, 1.0, 401), weights, strict=True):
            total[rows] += w * forward(model, origin + a * (z[rows] - origin), [c])[1][:, 0]
    return (z - origin) * total


@pytest.mark.parametrize("baseline", ["training mean", "iii"])
def test_attributions_agree_with_a_plain_quadrature(baseline: str):
    model, table = trained().model, ice_table()
    table = table.rows(np.arange(0, len(table), 101))
    found = explain(model, table, per_class=10**6, baseline=baseline)
    z = model.standardise(table.features).astype(np.float64)
    target = table.target(model.classes)
    origin = np.zeros(model.n_features)
    if baseline == "iii":
        origin = z[target == 3].mean(axis=0)
    expected = reference(model, z, target, origin)
    for c in range(5):
        own = np.abs(expected[target == c]).mean(axis=0)
        np.testing.assert_allclose(found.mean_absolute[c], own, rtol=1e-4, atol=1e-5)
        signed = expected[target == c].mean(axis=0)
        np.testing.assert_allclose(found.mean_signed[c], signed, rtol=1e-4, atol=1e-5)
    assert found.rows.sum() == len(table)
    assert found.baseline == baseline


@pytest.mark.parametrize("output", ["logit", "probability"])
def test_attributions_are_complete(output: str):
    model, table = trained().model, ice_table()
    found = explain(model, table, per_class=40, output=output)
    done = found.completeness
    assert 0 <= done.mean <= done.worst
    assert done.worst_relative < 1e-3
    assert done.steps >= 64
    # The signed attributions of a class add up to the mean rise of its output.
    rows = table.rows(np.flatnonzero(table.phase == "ii"))
    every = explain(model, rows, per_class=10**6, output=output)
    z = model.standardise(rows.features).astype(np.float64)
    rise = []
    for x in (z, np.zeros((1, model.n_features))):
        logits = forward(model, x)[0]
        if output == "probability":
            scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / model.temperature)
            logits = scaled / scaled.sum(axis=1, keepdims=True)
        rise.append(logits[:, 2])
    assert every.mean_signed[2].sum() == pytest.approx((rise[0] - rise[1]).mean(), rel=1e-3)


@pytest.mark.parametrize("output", ["logit", "probability"])
@pytest.mark.parametrize("baseline", ["training mean", "iii"])
def test_captum_and_the_closed_form_agree(output: str, baseline: str, monkeypatch):
    model, table = trained().model, ice_table()
    by_captum = explain(model, table, per_class=30, output=output, baseline=baseline)
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    assert explanation._by_captum(model, output) is None
    found = explain(model, table, per_class=30, output=output, baseline=baseline)
    assert found.completeness.steps == by_captum.completeness.steps
    np.testing.assert_allclose(found.mean_absolute, by_captum.mean_absolute, atol=1e-6, rtol=0)
    np.testing.assert_allclose(found.mean_signed, by_captum.mean_signed, atol=1e-6, rtol=0)
    assert by_captum.mean_absolute.max() > 0.01


def test_attributions_of_single_molecules_are_those_of_the_explanation():
    """In float32, with fewer nodes: within a thousandth of the largest."""
    model, table = trained().model, ice_table().rows(np.arange(0, 4000, 101))
    z = model.standardise(table.features).astype(np.float64)
    target = np.arange(len(z)) % model.n_classes
    expected = reference(model, z, target, np.zeros(model.n_features))
    found = attributions(model, table.features, target)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    likeliest = model.logits(table.features).argmax(axis=1)
    np.testing.assert_array_equal(
        attributions(model, table.features), attributions(model, table.features, likeliest)
    )


def test_steps_are_doubled_until_the_integral_is_complete():
    found = explain(trained().model, ice_table(), per_class=20, steps=2, tolerance=1e-4)
    assert found.completeness.steps > 2
    assert found.completeness.worst_relative <= 1e-4
    rough = explain(trained().model, ice_table(), per_class=20, steps=2, tolerance=np.inf)
    assert rough.completeness.steps == 2
    assert rough.completeness.worst > found.completeness.worst


def test_a_feature_the_network_ignores_has_no_importance():
    model = trained().model
    first = model.weights[0].copy()
    first[:, 8] = 0
    deaf = replace(model, weights=(first, *model.weights[1:]))
    found = explain(deaf, ice_table(), per_class=20)
    assert (found.mean_absolute[:, 8] == 0).all()
    assert found.leading(37)[-1] == 8
    assert (np.diff(found.overall[found.leading(37)]) <= 0).all()
    assert found.leading(1, "ii")[0] == found.mean_absolute[2].argmax()


def test_rows_are_drawn_evenly_and_by_seed():
    model, table = trained().model, ice_table()
    found = explain(model, table, per_class=25, seed=1)
    assert found.rows.tolist() == [25] * 5
    again = explain(model, table, per_class=25, seed=1)
    np.testing.assert_array_equal(found.mean_absolute, again.mean_absolute)
    other = explain(model, table, per_class=25, seed=2)
    assert not np.array_equal(found.mean_absolute, other.mean_absolute)


def test_separation_of_single_features_is_the_area_under_their_roc_curves():
    rng = np.random.default_rng(2)
    target = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 4)) + target[:, None] * (0.0, 0.5, -1.0, 0.0)
    x[:, 3] = np.round(x[:, 3])
    found = single_feature_separation(x, target, 4)
    for c in range(3):
        for f in range(4):
            area = roc_auc_score(target == c, x[:, f])
            assert found[c, f] == pytest.approx(max(area, 1 - area))
    assert np.isnan(found[3]).all()


def test_a_feature_that_singles_out_a_class_is_found():
    table = ice_table()
    x = table.features.copy()
    x[:, 5] = np.where(table.phase == "ii", x[:, 5].max() + 1, x[:, 5])
    found = explain(trained().model, replace(table, features=x), per_class=30)
    assert found.separation[2, 5] == 1.0
    assert found.separation[2].argmax() == 5


def test_tables_on_disk(tmp_path):
    found = explain(trained().model, ice_table(), per_class=20)
    paths = found.to_csv(tmp_path)
    assert [p.name for p in paths] == [
        "importance.csv",
        "importance_signed.csv",
        "separation.csv",
        "explanation.json",
    ]
    with open(paths[0], newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["feature"] for r in rows] == [found.feature_names[i] for i in found.leading(37)]
    np.testing.assert_allclose(
        [float(r["ii"]) for r in rows], found.mean_absolute[2][found.leading(37)], rtol=1e-4
    )
    told = json.loads(paths[-1].read_text())
    assert told["baseline"] == "training mean"
    assert told["rows"] == dict.fromkeys(("ih", "ic", "ii", "iii", "v"), 20)
    assert set(told["completeness"]) >= {"worst", "mean", "worst_relative", "mean_relative"}
    text = found.as_text(5)
    assert rows[0]["feature"] in text
    assert "completeness error" in text


def test_values_of_the_leading_features():
    found = explain(trained().model, ice_table(), per_class=20)
    values = leading_values(found, ice_table(), 3)
    first = found.leading(1)[0]
    assert list(values) == [found.feature_names[i] for i in found.leading(3)]
    np.testing.assert_array_equal(
        values[found.feature_names[first]]["iii"],
        ice_table().features[ice_table().phase == "iii", first],
    )


def test_a_class_without_rows():
    table = ice_table(("ih", "ii"))
    found = explain(trained().model, table, per_class=10)
    assert found.rows.tolist() == [10, 0, 10, 0, 0]
    assert np.isnan(found.mean_absolute[1]).all()
    assert np.isfinite(found.overall).all()
    assert "nan" not in found.as_text()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"output": "logits"}, "did you mean 'logit'"),
        ({"baseline": "iv"}, "unknown baseline 'iv'"),
        ({"per_class": 0}, "per_class"),
    ],
)
def test_wrong_options(wrong: dict, message: str):
    with pytest.raises(InputError, match=message):
        explain(trained().model, ice_table(), **wrong)


def test_rows_that_cannot_be_explained():
    table = ice_table(("ih", "ii"))
    with pytest.raises(InputError, match="no rows of v to take"):
        explain(trained().model, table, baseline="v")
    with pytest.raises(InputError, match=r"r_cut is 5\.0"):
        explain(trained().model, replace(table, descriptor={**table.descriptor, "r_cut": 5.0}))
    foreign = replace(table, trajectories=tuple(replace(t, phase="vi") for t in table.trajectories))
    with pytest.raises(InputError, match="no rows of the model's classes"):
        explain(trained().model, foreign)
