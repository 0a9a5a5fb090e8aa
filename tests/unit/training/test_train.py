"""Training: the published network, reproducible, honest about what it was validated on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from iceclass.datasets.store import FeatureStore
from iceclass.datasets.table import SPLITS
from iceclass.descriptors import descriptor
from iceclass.errors import InputError
from iceclass.evaluation.held_out import training_preparations
from iceclass.model.network import softmax
from iceclass.model.torch_network import build_network, torch_network
from iceclass.prediction import UNKNOWN_LABEL
from iceclass.training.optimise import Edge, Fit
from iceclass.training.train import TrainingConfig, train
from tests.helpers.iceframes import (
    DESCRIPTOR,
    features,
    ice_table,
    thermal_frame,
    trained,
    trajectory,
)

SHORT = TrainingConfig(epochs=3, batch_size=128, threads=1, seed=3)


def test_the_network_is_the_published_one():
    layers = list(build_network(325, 9))
    assert [type(layer).__name__ for layer in layers] == ["Linear", "Tanh"] * 2 + ["Linear"]
    shapes = [tuple(layer.weight.shape) for layer in layers[::2]]
    assert shapes == [(100, 325), (100, 100), (9, 100)]


def test_it_learns_the_ices():
    result = trained()
    assert result.evaluation.accuracy > 0.9
    assert result.evaluation.support.sum() == (result.split.rows == "test").sum()
    losses = [e.train_loss for e in result.history]
    assert losses[-1] < losses[0] / 4
    assert result.evaluation.calibration_error < 0.03


def test_the_same_seed_gives_the_same_weights():
    state = torch.get_rng_state()
    first, again = (train(ice_table(), SHORT).model for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])
    assert first.model_id == again.model_id
    other = train(ice_table(), replace(SHORT, seed=4)).model
    assert other.model_id != first.model_id


def test_threads_are_given_back():
    before = torch.get_num_threads()
    train(ice_table(("ih", "ii")), replace(SHORT, epochs=1, threads=before + 1))
    assert torch.get_num_threads() == before


def test_inputs_are_standardised_on_the_training_rows_alone():
    table, result = ice_table(), trained()
    own = table.features[result.split.index("train")].astype(np.float64)
    np.testing.assert_allclose(result.model.mean, own.mean(axis=0), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(result.model.scale, own.std(axis=0), rtol=1e-3, atol=1e-7)


def test_constant_features_stay_finite():
    """One constant, one constant but for rounding."""
    table = ice_table(("ih", "ii"))
    x = table.features.copy()
    x[:, 4] = 0.3
    x[:, 5] = np.float32(0.7) * (1 + 1e-7 * (np.arange(len(x)) % 2))
    model = train(replace(table, features=x), SHORT).model
    assert model.scale[4] == model.scale[5] == 1
    assert model.predict(x).labels.shape == (len(x),)


def test_the_best_epoch_is_kept_and_patience_ends_the_run():
    config = replace(SHORT, epochs=80, patience=2, learning_rate=0.02, schedule="constant")
    result = train(ice_table(), config)
    losses = np.array([e.validation_loss for e in result.history])
    assert len(losses) == result.best_epoch + 2 < 80
    assert losses.argmin() == result.best_epoch - 1
    rows = result.split.index("validation")
    table = ice_table()
    target = table.target(result.model.classes)[rows]
    p = softmax(result.model.logits(table.features[rows]))
    weight = len(rows) / (5 * np.bincount(target))
    loss = (-np.log(p[np.arange(len(rows)), target]) * weight[target]).mean()
    assert loss == pytest.approx(losses.min(), rel=1e-4)


def test_the_temperature_is_the_one_of_least_validation_loss():
    result, table = trained(), ice_table()
    rows = result.split.index("validation")
    target = table.target(result.model.classes)[rows]
    logits = result.model.logits(table.features[rows])
    weight = (len(rows) / (5 * np.bincount(target)))[target]

    def loss(temperature: float) -> float:
        p = softmax(logits, temperature)[np.arange(len(rows)), target]
        return float((-np.log(p) * weight).mean())

    best = result.model.temperature
    assert loss(best) <= min(loss(best * 1.02), loss(best / 1.02), loss(1.0))
    assert train(table, replace(SHORT, calibrate=False)).model.temperature == 1.0


def test_schedules_lower_the_learning_rate():
    table = ice_table(("ih", "ic"))
    rates = {
        schedule: [
            e.learning_rate
            for e in train(table, replace(SHORT, epochs=12, patience=3, schedule=schedule)).history
        ]
        for schedule in ("plateau", "cosine", "constant")
    }
    assert set(rates["constant"]) == {1e-3}
    assert (np.diff(rates["cosine"]) < 0).all()
    assert set(np.round(np.divide(rates["plateau"][:-1], rates["plateau"][1:]), 9)) <= {1.0, 2.0}


def test_weight_decay_shrinks_weights_and_leaves_biases_alone():
    """Without a gradient a step multiplies the weights by 1 − rate × decay."""
    config = replace(SHORT, weight_decay=0.5, learning_rate=0.1)
    z = {"train": np.ones((4, 3), np.float32), "validation": np.ones((0, 3), np.float32)}
    fit = Fit(z, {"train": np.arange(4) % 2, "validation": np.arange(0)}, 2, config)
    optimiser = fit._optimiser()
    for parameter in fit.network.parameters():
        parameter.grad = torch.zeros_like(parameter)
        parameter.data.fill_(2.0)
    optimiser.step()
    for parameter in fit.network.parameters():
        expected = 2.0 * (1.0 - 0.1 * 0.5) if parameter.ndim > 1 else 2.0
        assert torch.allclose(parameter, torch.full_like(parameter, expected))


def test_the_mean_of_the_weights_follows_them():
    """w̄ ← β w̄ + (1 − β) w, from the weights after the first step on."""
    config = replace(SHORT, weight_average=0.8, batch_size=2, learning_rate=0.05)
    rng = np.random.default_rng(0)
    z = {"train": rng.normal(size=(8, 3)).astype(np.float32), "validation": np.ones((0, 3), "f4")}
    fit = Fit(z, {"train": np.arange(8) % 2, "validation": np.arange(0)}, 2, config)
    seen = []
    fit.network.register_forward_pre_hook(
        lambda *_: seen.append([p.detach().clone() for p in fit.network.parameters()])
    )
    fit._epoch(fit._optimiser())
    seen.append([p.detach().clone() for p in fit.network.parameters()])
    expected = seen[1]
    for now in seen[2:]:
        expected = [0.8 * mean + 0.2 * w for mean, w in zip(expected, now, strict=True)]
    for found, wanted in zip(fit.evaluated_network.parameters(), expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-6)


def test_without_a_mean_the_last_weights_are_kept():
    table = ice_table(("ih", "ic"))
    fit = {}
    for average in (0.0, 0.9):
        result = train(table, replace(SHORT, weight_average=average, epochs=4))
        fit[average] = [e.train_loss for e in result.history], result.model.weights[0]
    assert fit[0.0][0] == fit[0.9][0]  # the path is the same, what is kept is not
    assert np.abs(fit[0.0][1] - fit[0.9][1]).max() > 1e-4


def overlapping(biases: tuple[float, float]) -> Fit:
    """Two classes on a line that overlap, and a network that knows them but for these biases."""
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 2000)
    z = (rng.normal(size=4000) + np.where(y == 0, -1.0, 1.0)).astype(np.float32)[:, None]
    sides = dict.fromkeys(("train", "validation"))
    fit = Fit({s: z for s in sides}, {s: y for s in sides}, 2, replace(SHORT, epochs=30))
    fit.run(None)
    with torch.no_grad():
        fit.evaluated_network[-1].bias += torch.tensor(biases)
    return fit


def test_corrected_biases_have_the_least_validation_loss():
    fit = overlapping((1.5, 0.0))
    shifted, before = fit.validate()[0], fit.evaluated_network[-1].bias.detach().clone()
    fit.correct_biases(1.0)
    whole = fit.evaluated_network[-1].bias.detach() - before
    assert float(whole[1] - whole[0]) == pytest.approx(1.5, abs=0.15)
    best, accuracy = fit.validate()
    assert best < shifted - 0.1
    assert accuracy > 0.82
    for step in (-0.1, 0.1):
        with torch.no_grad():
            fit.evaluated_network[-1].bias[0] += step
        assert fit.validate()[0] > best - 1e-5
        with torch.no_grad():
            fit.evaluated_network[-1].bias[0] -= step
    half = overlapping((1.5, 0.0))
    half.correct_biases(0.5)
    assert torch.allclose(half.evaluated_network[-1].bias - before, 0.5 * whole, atol=1e-3)
    none = overlapping((1.5, 0.0))
    none.correct_biases(0.0)
    assert torch.equal(none.evaluated_network[-1].bias, before)


def biases_added(target: np.ndarray, balance: str = "weights") -> np.ndarray:
    """To three overlapping classes by a validation of these, after an even training."""
    rng = np.random.default_rng(4)
    even = np.repeat([0, 1, 2], 1500)
    z, y = {}, {"train": even, "validation": target}
    for side, own in y.items():
        z[side] = (rng.normal(size=(len(own), 1)) + 1.5 * own[:, None]).astype(np.float32)
    fit = Fit(z, y, 3, replace(SHORT, epochs=20, balance=balance))
    fit.run(None)
    before = fit.evaluated_network[-1].bias.detach().clone()
    fit.correct_biases(1.0)
    return (fit.evaluated_network[-1].bias.detach() - before).numpy()


def test_a_factor_is_how_much_likelier_a_class_is_taken_to_be():
    result = {}
    for factors in ((), (("ih", 20.0),)):
        result[factors] = train(ice_table(("ih", "ic")), replace(SHORT, factors=factors)).model
    table = ice_table(("ih", "ic"))
    even, shifted = (m.logits(table.features) for m in result.values())
    assert (shifted[:, 0] - shifted[:, 1]).mean() > (even[:, 0] - even[:, 1]).mean() + 0.5
    with pytest.raises(InputError, match="factor of ih is 0"):
        replace(SHORT, factors=(("ih", 0.0),))
    with pytest.raises(InputError, match="has two factors"):
        replace(SHORT, factors=(("ih", 2.0), ("ih", 3.0)))
    with pytest.raises(InputError, match="phase with a factor 'v'"):
        train(ice_table(), replace(SHORT, classes=("ih", "ic"), factors=(("v", 2.0),)))


def test_factors_of_both_biases_and_boundary():
    """Where two Gaussians one apart from 0 overlap, the odds are e^(2z) times the factor's."""
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 2000)
    z = (rng.normal(size=4000) + np.where(y == 0, -1.0, 1.0)).astype(np.float32)[:, None]
    sides = ("train", "validation")
    fit = Fit(
        dict.fromkeys(sides, z),
        dict.fromkeys(sides, y),
        2,
        replace(SHORT, epochs=30),
        factors=np.array([1.0, 8.0]),
    )
    fit.run(None)
    fit.correct_biases(1.0)
    network = fit.evaluated_network
    x = torch.linspace(-3, 2, 2001)[:, None]
    with torch.inference_mode():
        odds = network(x)[:, 1] - network(x)[:, 0]
    assert float(x[odds.abs().argmin()]) == pytest.approx(-np.log(8.0) / 2, abs=0.1)


def test_a_class_without_validation_keeps_its_bias():
    added = biases_added(np.repeat([0, 1], 1500))
    assert added[2] == 0.0
    assert np.abs(added).max() < 0.3
    assert added.sum() == pytest.approx(0.0, abs=0.01)
    assert not biases_added(np.zeros(100, np.int64)).any()


@pytest.mark.parametrize("balance", ["weights", "sample"])
def test_a_rare_class_of_the_validation_weighs_as_much(balance):
    even = biases_added(np.repeat([0, 1, 2], 1500), balance)
    rare = biases_added(np.repeat([0, 1, 2], (1500, 75, 1500)), balance)
    assert np.abs(even - rare).max() < 0.5
    none = biases_added(np.repeat([0, 1, 2], (1500, 75, 1500)), "none")
    assert none[1] < rare[1] - 0.5


def test_weight_decay_makes_smaller_weights():
    sizes = []
    for decay in (0.0, 1.0):
        model = train(ice_table(("ih", "ic")), replace(SHORT, weight_decay=decay)).model
        sizes.append(sum(float(np.square(w).sum()) for w in model.weights))
    assert sizes[1] < sizes[0]


def test_the_record_tells_how_the_model_was_made(tmp_path):
    result = trained()
    record = json.loads(json.dumps(result.model.record, allow_nan=False))
    assert record["command"] == "iceclass train ices.h5"
    assert record["config"]["seed"] == 7
    assert record["feature_names"] == list(descriptor(DESCRIPTOR).names)
    assert set(record["versions"]) == {"iceclass", "numpy", "torch"}
    assert record["split"]["by"] == "preparation"
    for phase in ("ih", "v"):
        drawn = [p for side in SPLITS for p in record["split"][side]["preparations"][phase]]
        assert sorted(drawn) == ["seed-1", "seed-2", "seed-3"]
    assert sum(record["split"][side]["rows"] for side in SPLITS) == len(ice_table())
    assert record["validation"]["early_stopping"] == "validation loss"
    assert record["test"]["accuracy"] == pytest.approx(result.evaluation.accuracy, abs=1e-6)
    assert len(record["history"]) == len(result.history)
    assert record["best_epoch"] == result.best_epoch
    text = result.write_history(tmp_path / "history.csv").read_text().splitlines()
    assert text[0] == "epoch,train_loss,validation_loss,validation_accuracy,learning_rate"
    assert len(text) == len(result.history) + 1


def test_two_preparations_train_without_validation_and_say_so():
    result = train(ice_table(("ih", "ii", "v"), preparations=2), replace(SHORT, epochs=8))
    assert all(np.isnan(e.validation_loss) for e in result.history)
    told = result.model.record["validation"]
    assert told["phases_without"] == ["ih", "ii", "v"]
    assert told["early_stopping"].startswith("training loss")
    assert result.model.temperature == 1.0
    assert result.evaluation.accuracy > 0.8
    json.dumps(result.model.record, allow_nan=False)


@pytest.mark.parametrize("further", ["v", "ih+ii"])
def test_without_validation_others_and_boundaries_train_as_well(further):
    table = ice_table(("ih", "ii", "v"), preparations=2)
    infos = tuple(
        replace(t, phase=further if t.phase == "v" else t.phase) for t in table.trajectories
    )
    config = replace(SHORT, epochs=4, classes=("ih", "ii"))
    result = train(replace(table, trajectories=infos), config)
    assert result.model.record["validation"]["phases_without"] == ["ih", "ii"]
    assert np.isfinite(result.model.novelty.threshold)


def test_phases_with_and_without_validation():
    table = ice_table(("ih", "ii", "v"))
    infos = tuple(
        replace(t, split={"seed-1": "train", "seed-2": "train", "seed-3": "test"}[t.preparation])
        if t.phase == "ih"
        else t
        for t in table.trajectories
    )
    result = train(replace(table, trajectories=infos), SHORT)
    told = result.model.record["validation"]
    assert told["phases_without"] == ["ih"]
    assert told["early_stopping"] == "validation loss (of the phases other than ih)"
    assert np.isfinite(result.history[-1].validation_loss)


def test_split_by_molecule_is_named_so():
    result = train(ice_table(("ih", "ii")), replace(SHORT, split="molecule"))
    assert result.model.record["split"]["by"] == "molecule"
    assert "split by molecule" in result.evaluation.description


def test_balanced_subsample_and_row_limit():
    record = train(ice_table(), replace(SHORT, balance="sample", max_rows=100)).model.record
    assert record["split"]["train"]["rows"] == 500
    assert record["split"]["test"]["rows"] == 500


def test_training_from_a_feature_store(tmp_path):
    path = tmp_path / "ices.h5"
    with FeatureStore.create(path, descriptor(DESCRIPTOR)) as store:
        for phase in ("ih", "ii", "CS1"):
            for k in (1, 2, 3):
                frames = [(thermal_frame(phase, k), features(phase, k))]
                store.append_trajectory(trajectory(phase, k), frames)
    seen = []
    result = train(path, replace(SHORT, max_rows=200), progress=seen.append)
    assert result.model.classes == ("ih", "ii", "CS1")
    assert seen == list(result.history)
    assert result.model.record["split"]["train"]["rows"] <= 600


def test_the_torch_copy_is_the_model():
    model = trained().model
    x = features("v", 2)
    with torch.inference_mode():
        logits = torch_network(model)(torch.from_numpy(model.standardise(x)).double())
    np.testing.assert_allclose(model.logits(x), logits.numpy(), atol=1e-4)


def test_what_cannot_be_trained():
    with pytest.raises(InputError, match="only ih"):
        train(ice_table(("ih",)), SHORT)
    table = ice_table(("ih", "ii"))
    infos = tuple(replace(t, split="test") if t.phase == "ii" else t for t in table.trajectories)
    with pytest.raises(InputError, match="phase ii has no rows to train on"):
        train(replace(table, trajectories=infos), SHORT)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "frame"}, "split is 'frame', expected one of preparation, molecule"),
        ({"balance": "x"}, "balance"),
        ({"schedule": "x"}, "schedule"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"novelty_quantile": 2.0}, "novelty_quantile"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"weight_average": 1.0}, "weight_average is 1.0"),
        ({"bias_correction": 1.5}, "bias_correction is 1.5"),
        ({"weight_decay": float("nan")}, "weight_decay"),
        ({"seed": -1}, "seed"),
    ],
)
def test_configurations_are_checked(wrong: dict, message: str):
    with pytest.raises(InputError, match=message):
        TrainingConfig(**wrong)


def test_what_is_none_of_the_classes_trains_what_is_unknown():
    """A model of three ices; the other two, in its training, are unknown without any distance."""
    config = TrainingConfig(epochs=60, batch_size=128, threads=1, seed=7)
    config = replace(config, classes=("ih", "ic", "ii"))
    result = train(ice_table(), config)
    model = result.model
    assert model.classes == result.table.classes == result.evaluation.classes
    assert model.classes == ("ih", "ic", "ii")
    assert model.record["other"] == {
        phase: ["seed-1", "seed-2", "seed-3"] for phase in ("iii", "v")
    }
    assert set(training_preparations(model)) >= {("v", "seed-1"), ("ih", "seed-1")}
    far = replace(model.novelty, whitening=model.novelty.whitening * 1e-6)
    far = replace(far, residual=model.novelty.residual * 1e6)
    for name in ("iii", "v"):
        for novelty, share in ((far, 0.9), (replace(far, other=None), 0.0)):
            prediction = replace(model, novelty=novelty).predict(features(name, 11))
            unknown = (prediction.labels == UNKNOWN_LABEL).mean()
            assert unknown >= share
            assert unknown == 0 or share > 0
    for name in ("ih", "ic", "ii"):
        labels = replace(model, novelty=far).predict(features(name, 12)).labels
        assert (labels == UNKNOWN_LABEL).mean() < 0.03


def test_others_that_validate_or_test_do_not_train():
    table = ice_table()
    held = tuple(
        replace(t, split=side)
        for t, side in zip(table.trajectories, ("train", "validation", "test") * 5, strict=True)
    )
    result = train(replace(table, trajectories=held), replace(SHORT, classes=("ih", "ic")))
    assert result.model.record["other"] == {phase: ["seed-1"] for phase in ("ii", "iii", "v")}


def test_a_class_that_is_not_there_is_named():
    with pytest.raises(InputError, match="'iv'"):
        train(ice_table(), replace(SHORT, classes=("ih", "iv")))


def test_molecules_at_boundaries_are_of_one_of_the_phases_that_meet():
    """Ice III and V as "ic+ii": probable is one of these two, not which; and nothing is lost."""
    table = ice_table()
    renamed = tuple(
        replace(t, phase="ic+ii" if t.phase in ("iii", "v") else t.phase)
        for t in table.trajectories
    )
    config = TrainingConfig(epochs=60, batch_size=128, threads=1, seed=7)
    result = train(replace(table, trajectories=renamed), config)
    assert result.model.classes == result.table.classes == ("ih", "ic", "ii")
    without = train(ice_table(("ih", "ic", "ii")), config).model
    for name in ("iii", "v"):
        rows = features(name, 11)
        either = result.model.predict(rows)
        assert np.mean(either.probabilities[:, 1:].sum(axis=1) > 0.9) > 0.9
        assert (either.labels == UNKNOWN_LABEL).mean() < 0.1
        assert (without.predict(rows).labels == UNKNOWN_LABEL).mean() > 0.25


def test_the_loss_of_a_boundary_is_that_of_its_classes_together():
    rng = np.random.default_rng(8)
    z = {side: rng.normal(size=(6, 5)).astype(np.float32) for side in ("train", "validation")}
    y = {side: np.arange(6) % 3 for side in z}
    sets = np.array([[True, False, True]])
    edge = Edge(z["train"][:2], np.zeros(2, np.int64), sets)
    fit = Fit(z, y, 3, replace(SHORT, balance="none"), edge)
    logits = torch.tensor(rng.normal(size=(3, 3)), dtype=torch.float32)
    p = softmax(logits.numpy())
    expected = -np.log([p[0, 1], p[1, 0] + p[1, 2], p[2, 0] + p[2, 2]]).sum()
    found = fit.loss(logits, torch.tensor([1, 3, 3]), "train").item()
    assert found == pytest.approx(expected, rel=1e-5)
    assert set(fit.most_probable_at_edges()) <= {0, 2}
