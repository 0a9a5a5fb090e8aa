"""Classifying a frame block by block equals predicting from all of its features."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.frame import Frame
from iceclass.generation.lattices import build
from iceclass.generation.water_models import water_model
from iceclass.kernels.threads import threads
from iceclass.model.file import load_model


@pytest.fixture(scope="module")
def frame():
    """Ice III beside vacuum, molecules shaken."""
    ice = build("iii", water_model("tip4p-2005")).frame()
    rng = np.random.default_rng(3)
    copies = [ice.positions + k * ice.cell[0] for k in range(4)]
    positions = np.concatenate(copies)
    cell = ice.cell * np.array([[6.0], [1.0], [1.0]])
    return Frame(positions=positions + rng.normal(0.0, 0.12, positions.shape), cell=cell)


@pytest.mark.parametrize("name", ["soap-37", "default"])
def test_it_equals_predicting_from_the_features(frame, name):
    model = load_model(name)
    whole = model.predict(model.descriptor.compute(frame))
    blocks = model.classify(frame)
    np.testing.assert_allclose(blocks.probabilities, whole.probabilities, atol=2e-4)
    single = model.predict(model.descriptor.compute(frame, dtype=np.float32))
    np.testing.assert_allclose(blocks.novelty, single.novelty, rtol=1e-3)
    # what float32 features cost, where 1 is the threshold for unknown
    np.testing.assert_allclose(blocks.novelty, whole.novelty, rtol=1e-3, atol=5e-4)
    assert np.mean(blocks.labels == whole.labels) > 0.999
    assert blocks.model_id == whole.model_id


@pytest.mark.parametrize("count", [2, 3])
def test_threads_change_no_bit(frame, count):
    model = load_model("default")
    with threads(1):
        alone = model.classify(frame)
    with threads(count):
        together = model.classify(frame)
    for key in ("labels", "probabilities", "novelty", "confidence"):
        np.testing.assert_array_equal(getattr(together, key), getattr(alone, key))


@pytest.mark.parametrize("name", ["soap-37", "default"])
def test_some_molecules_are_labelled_as_among_all(frame, name):
    model = load_model(name)
    everything = model.classify(frame)
    selected = np.random.default_rng(1).random(frame.n_molecules) < 0.3
    selected[100:400] = True
    some = model.classify(frame, selected=selected)
    np.testing.assert_array_equal(some.labels[selected], everything.labels[selected])
    np.testing.assert_allclose(
        some.probabilities[selected], everything.probabilities[selected], atol=1e-5
    )
    assert (some.labels[~selected] == -2).all()
    assert set(some.names[~selected]) == {""}
    none = model.classify(frame, selected=np.zeros(frame.n_molecules, bool))
    assert (none.labels == -2).all()
