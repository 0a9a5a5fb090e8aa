from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from iceclass.kernels.elementary import exponential, sine_cosine


@njit
def apply_exponential(x, y):
    for k in range(len(x)):
        y[k] = exponential(x[k])


@njit
def apply_sine_cosine(x, sine, cosine):
    for k in range(len(x)):
        sine[k], cosine[k] = sine_cosine(x[k])


def test_exponential():
    x = np.concatenate([np.random.default_rng(0).uniform(-700, 700, 20000), [0.0, -1e-300]])
    found = np.empty_like(x)
    apply_exponential(x, found)
    np.testing.assert_allclose(found, np.exp(x), rtol=5e-16)
    beyond = np.array([-1e4, 1e4])
    apply_exponential(beyond, found[:2])
    np.testing.assert_allclose(found[:2], np.exp([-700.0, 700.0]), rtol=5e-16)


@pytest.mark.parametrize(("bound", "tolerance"), [(3.2, 4e-16), (30.0, 5e-16), (1e5, 2e-11)])
def test_sine_and_cosine(bound, tolerance):
    x = np.concatenate([np.linspace(-bound, bound, 20001), np.pi * np.arange(-5, 6) / 2])
    sine, cosine = np.empty_like(x), np.empty_like(x)
    apply_sine_cosine(x, sine, cosine)
    np.testing.assert_allclose(sine, np.sin(x), rtol=0, atol=tolerance)
    np.testing.assert_allclose(cosine, np.cos(x), rtol=0, atol=tolerance)
