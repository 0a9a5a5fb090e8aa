"""The network in PyTorch: what is trained, and what Captum explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iceclass.model.network import HIDDEN, Model

if TYPE_CHECKING:
    import torch


def build_network(n_features: int, n_classes: int) -> torch.nn.Sequential:
    """The network, weights unset: F → 100 → tanh → 100 → tanh → C."""
    from torch import nn
    from torch.nn.utils import skip_init  # leaves the global random numbers alone

    return nn.Sequential(
        skip_init(nn.Linear, n_features, HIDDEN),
        nn.Tanh(),
        skip_init(nn.Linear, HIDDEN, HIDDEN),
        nn.Tanh(),
        skip_init(nn.Linear, HIDDEN, n_classes),
    )


def torch_network(model: Model) -> torch.nn.Sequential:
    """The model's network in float64; takes standardised features, gives logits."""
    import torch

    network = build_network(model.n_features, model.n_classes).double()
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for layer, weight, bias in zip(linear, model.weights, model.biases, strict=True):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    return network
