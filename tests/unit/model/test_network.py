"""The NumPy network says what PyTorch's says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from iceclass.errors import InputError, ModelError
from iceclass.model.file import load_model, save_model
from iceclass.prediction import UNKNOWN_LABEL
from iceclass.training.optimise import build_network
from tests.helpers.iceframes import features, ice_table, trained


def test_a_loaded_model_predicts_what_torch_predicted(tmp_path):
    """Against a float32 network filled by PyTorch's own loader, softmax by PyTorch."""
    model = trained().model
    save_model(model, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    x = ice_table().features
    network = build_network(model.n_features, model.n_classes)
    state = {}
    for layer, index in ((0, 0), (1, 2), (2, 4)):
        state[f"{index}.weight"] = torch.from_numpy(model.weights[layer])
        state[f"{index}.bias"] = torch.from_numpy(model.biases[layer])
    network.load_state_dict(state)
    with torch.inference_mode():
        z = (torch.from_numpy(x) - torch.from_numpy(model.mean)) / torch.from_numpy(model.scale)
        logits = network(z)
        expected = torch.softmax(logits / model.temperature, dim=1).numpy()
        hidden = network[:4](z).numpy()
    prediction = loaded.predict(x, unknown=False)
    np.testing.assert_allclose(prediction.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(loaded.logits(x), logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(loaded.hidden(x), hidden, atol=1e-5)
    np.testing.assert_array_equal(prediction.labels, expected.argmax(axis=1))
    np.testing.assert_array_equal(prediction.confidence, prediction.probabilities.max(axis=1))
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1, atol=1e-6)
    assert prediction.probabilities.dtype == np.float32
    assert prediction.labels.dtype == np.int64
    assert loaded.model_id == model.model_id == prediction.model_id


def test_rows_are_independent_of_their_block():
    model = trained().model
    x = np.tile(ice_table().features, (2, 1))
    assert len(x) > 2 * 4096
    whole = model.predict(x)
    part = model.predict(x[4000:4300])
    np.testing.assert_allclose(whole.probabilities[4000:4300], part.probabilities, atol=1e-6)
    np.testing.assert_allclose(whole.novelty[4000:4300], part.novelty, rtol=1e-4)


def test_float64_features_give_the_same():
    model = trained().model
    x = features("ii", 1)
    np.testing.assert_array_equal(
        model.predict(x).probabilities, model.predict(x.astype(np.float64)).probabilities
    )


def test_no_molecules():
    model = trained().model
    prediction = model.predict(np.empty((0, model.n_features)))
    assert prediction.labels.shape == (0,)
    assert prediction.probabilities.shape == (0, 5)


def test_unknown_can_be_switched_off():
    model = trained().model
    far = model.mean + 50 * model.scale[None] * np.ones((3, 1), np.float32)
    assert (model.predict(far).labels == UNKNOWN_LABEL).all()
    assert (model.predict(far).names == "unknown").all()
    assert (model.predict(far, unknown=False).labels >= 0).all()
    assert (replace(model, novelty=None).predict(far).labels >= 0).all()


def test_features_that_are_no_features():
    model = trained().model
    with pytest.raises(ModelError, match=r"shape \(4, 36\), expected \(N, 37\) of soap-37"):
        model.predict(np.zeros((4, 36)))
    x = np.array(features("ii", 1), dtype=np.float64)
    x[7, 3] = np.nan
    with pytest.raises(InputError, match="row 7"):
        model.predict(x)
    with pytest.raises(ValueError, match="layer 3"):
        model.hidden(x, layer=3)


def test_the_id_is_of_what_predictions_depend_on():
    model = trained().model
    assert replace(model, record={}).model_id == model.model_id
    assert replace(model, temperature=model.temperature * 1.01).model_id != model.model_id
    assert replace(model, classes=model.classes[::-1]).model_id != model.model_id
    assert len(model.model_id) == 12
