"""Integrated Gradients of this network, molecule by molecule, in NumPy.

IG_i(x) = z_i ∫₀¹ ∂F(a z)/∂z_i da for standardised features z, F the logit of a class and the
baseline the mean of training, z = 0 (Sundararajan, Taly, Yan, ICML 2017, arXiv:1703.01365).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.model.network import Model

NODES = 48
"""Of the Gauss–Legendre integral; they add up to F(z) − F(0) to about 1e-3 of it."""

_BLOCK = 4096


def attributions(
    model: Model, features: NDArray[Any], classes: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """(N, F) float32, share of each feature in the logit of a class of each molecule.

    Parameters
    ----------
    features
        (N, F) of the model's descriptor.
    classes
        (N,) index of the class whose logit it is; default: the most probable one.
    """
    classes = model.logits(features).argmax(axis=1) if classes is None else classes
    out = np.empty((len(features), model.n_features), dtype=np.float32)
    for start in range(0, len(features), _BLOCK):
        rows = slice(start, start + _BLOCK)
        out[rows] = _block(model, model.standardise(features[rows]), classes[rows])
    return out


def _block(model: Model, z: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    first, top = z @ model.weights[0].T, model.weights[2][classes]
    total = np.zeros_like(first)
    for node, weight in zip(0.5 * (nodes + 1.0), 0.5 * weights, strict=True):
        h1 = np.tanh(np.float32(node) * first + model.biases[0])
        h2 = np.tanh(h1 @ model.weights[1].T + model.biases[1])
        total += np.float32(weight) * ((top * (1 - h2**2)) @ model.weights[1]) * (1 - h1**2)
    # the gradient is linear in what the nodes differ by
    return z * (total @ model.weights[0])
