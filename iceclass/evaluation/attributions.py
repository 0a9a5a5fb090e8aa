"""Integrated Gradients of this network in NumPy, from the closed form of its gradient.

IG_i(z) = (z_i − z'_i) ∫₀¹ ∂F(z' + a(z − z'))/∂z_i da for standardised features z, a baseline z' and
the output F of a class (Sundararajan, Taly, Yan, ICML 2017, arXiv:1703.01365). With two hidden
layers h of tanh, ∂F/∂z = {[(∂F/∂h₂ ∘ (1 − h₂²)) W₂] ∘ (1 − h₁²)} W₁, and what the nodes of the
quadrature differ by comes before the last product, which is needed once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.model.network import Model, forward

NODES = 48
"""Of the Gauss–Legendre integral; they add up to F(z) − F(0) to about 1e-3 of it."""

_BLOCK = 4096


def attributions(
    model: Model, features: NDArray[Any], classes: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """(N, F) float32, share of each feature in the logit of a class of each molecule.

    The baseline is the mean of training.

    Parameters
    ----------
    features
        (N, F) of the model's descriptor.
    classes
        (N,) index of the class whose logit it is; default: the most probable one.
    """
    classes = model.logits(features).argmax(axis=1) if classes is None else classes
    origin = np.zeros(model.n_features, dtype=np.float32)
    found: NDArray[np.float32] = integrated_gradients(
        model, model.standardise(features), classes, origin
    )
    return found


def outputs(model: Model, z: NDArray[Any], output: str = "logit") -> NDArray[Any]:
    """(N, C) logits, or with ``output`` "probability" probabilities, in the precision of z."""
    weights, biases = _network(model, z.dtype)
    logits = forward(z @ weights[0].T, weights, biases)
    return logits if output == "logit" else _softmax(logits / model.temperature)


def integrated_gradients(
    model: Model,
    z: NDArray[Any],
    classes: NDArray[np.int64],
    origin: NDArray[Any],
    *,
    output: str = "logit",
    nodes: int = NODES,
) -> NDArray[Any]:
    """(N, F) attributions, in the precision of z.

    Parameters
    ----------
    z
        (N, F) standardised features, float32 or float64.
    classes
        (N,) of which class's output.
    origin
        (F,) the baseline, of the same type.
    output
        "logit", or "probability" after the calibrated softmax.
    nodes
        Of the Gauss–Legendre quadrature.
    """
    found = np.empty_like(z)
    for start in range(0, len(z), _BLOCK):
        rows = slice(start, start + _BLOCK)
        found[rows] = _block(model, z[rows], classes[rows], origin, output, nodes)
    return found


def _block(
    model: Model,
    z: NDArray[Any],
    classes: NDArray[np.int64],
    origin: NDArray[Any],
    output: str,
    nodes: int,
) -> NDArray[Any]:
    (w1, w2, w3), (b1, b2, b3) = _network(model, z.dtype)
    apart = z - origin
    begin, first, top = origin @ w1.T + b1, apart @ w1.T, w3[classes]
    total = np.zeros_like(first)
    places, weights = np.polynomial.legendre.leggauss(nodes)
    for place, weight in zip(0.5 * (places + 1.0), 0.5 * weights, strict=True):
        h1 = np.tanh(z.dtype.type(place) * first + begin)
        h2 = np.tanh(h1 @ w2.T + b2)
        if output == "probability":  # ∂p_c/∂logit_k = p_c (δ_ck − p_k) / T
            p = _softmax((h2 @ w3.T + b3) / z.dtype.type(model.temperature))
            own = np.take_along_axis(p, classes[:, None], axis=1)
            top = own * (w3[classes] - p @ w3) / z.dtype.type(model.temperature)
        total += z.dtype.type(weight) * ((top * (1 - h2**2)) @ w2) * (1 - h1**2)
    return apart * (total @ w1)


def _network(
    model: Model, dtype: np.dtype[Any]
) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
    """Weights and biases of the three layers."""
    weights = tuple(weight.astype(dtype, copy=False) for weight in model.weights)
    return weights, tuple(bias.astype(dtype, copy=False) for bias in model.biases)


def _softmax(logits: NDArray[Any]) -> NDArray[Any]:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p
