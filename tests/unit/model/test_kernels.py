"""The compiled answer of a model against the NumPy one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iceclass.descriptors import descriptor
from iceclass.model.file import load_model, shipped_models
from iceclass.model.kernels import COLUMNS, _activate, filled, first_rows
from iceclass.model.network import Model
from iceclass.model.novelty import Novelty


def random_model(n_classes, k, other=False):
    rng = np.random.default_rng(k)
    made = descriptor("soap-37")
    f = made.n_features

    def normal(*shape, scale=1.0):
        return (scale * rng.normal(size=shape)).astype(np.float32)

    novelty = None
    if k:
        components = np.linalg.qr(rng.normal(size=(f, k)))[0].T.astype(np.float32)
        novelty = Novelty(
            components=np.ascontiguousarray(components),
            means=normal(n_classes, k),
            whitening=np.tril(normal(n_classes, k, k)) if k % 2 else normal(n_classes, k, k),
            residual=np.exp(normal(n_classes)),
            threshold=3.0,
            quantile=0.99,
            margin=1.0,
            other=normal(101, scale=0.3) if other else None,
        )
    return Model(
        descriptor=made,
        classes=tuple(map(str, range(n_classes))),
        mean=normal(f),
        scale=np.exp(normal(f)),
        weights=(normal(100, f, scale=0.2), normal(100, 100, scale=0.2), normal(n_classes, 100)),
        biases=(normal(100), normal(100), normal(n_classes)),
        temperature=1.3,
        novelty=novelty,
    )


def predictions(model, features, monkeypatch):
    for kind in ("vector", "plain"):
        monkeypatch.setenv("ICECLASS_KERNELS", kind)
        yield model.predict(features)


@pytest.mark.parametrize(
    ("n_classes", "k", "other"), [(2, 0, False), (9, 5, True), (17, 16, False), (3, 33, True)]
)
def test_it_equals_numpy(n_classes, k, other, monkeypatch):
    model = random_model(n_classes, k, other)
    features = np.random.default_rng(0).normal(size=(245, model.n_features))
    fast, plain = predictions(model, features, monkeypatch)
    np.testing.assert_allclose(fast.probabilities, plain.probabilities, atol=2e-5)
    np.testing.assert_allclose(fast.novelty, plain.novelty, rtol=1e-3)


@pytest.mark.parametrize("name", sorted(set(shipped_models()) - {"default"}))
def test_shipped_models_answer_alike(name, monkeypatch):
    model = load_model(name)
    noise = np.random.default_rng(1).normal(size=(300, model.n_features))
    fast, plain = predictions(model, model.mean + 0.3 * model.scale * noise, monkeypatch)
    np.testing.assert_array_equal(fast.labels, plain.labels)
    np.testing.assert_allclose(fast.probabilities, plain.probabilities, atol=2e-5)
    np.testing.assert_allclose(fast.novelty, plain.novelty, rtol=5e-3)


def test_what_overflows_is_unknown_or_refused(monkeypatch):
    model = random_model(4, 7)
    large = replace(model, scale=np.full_like(model.scale, 1e-30))
    fast, plain = predictions(large, np.ones((3, model.n_features)), monkeypatch)
    np.testing.assert_array_equal(fast.labels, plain.labels)
    assert (fast.labels == -1).all()


def test_tanh_is_that_of_numpy():
    x = np.concatenate([np.linspace(-12, 12, 4001), [0.0, 1e-20, np.inf, -np.inf, np.nan]])
    x = x.astype(np.float32)
    out = np.empty_like(x)
    _activate(x, np.zeros_like(x), out)
    np.testing.assert_allclose(out, np.tanh(x.astype(np.float64)), atol=3e-7)


def test_rows_that_are_zero_are_left_out():
    lower = filled(np.tril(np.ones((2, 2 * COLUMNS, 2 * COLUMNS), dtype=np.float32)))
    np.testing.assert_array_equal(first_rows(lower), [[0, COLUMNS]] * 2)
    lower[0, 3, -1] = 1.0
    np.testing.assert_array_equal(first_rows(lower), [[0, 0], [0, COLUMNS]])
