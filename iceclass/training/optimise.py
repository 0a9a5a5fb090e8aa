"""The optimisation of the network, in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.splits import class_weights
from iceclass.errors import InputError
from iceclass.model.torch_network import build_network
from iceclass.training.config import TrainingConfig

if TYPE_CHECKING:
    import torch

BIAS_PENALTY = 1e-4
"""Nats that a class bias of 1 costs: little beside any real gain, enough to have one minimum where
the validation has classes that no bias can help."""

IMPROVEMENT = 1e-4
"""Share by which a loss must fall to count as better: below it is the noise of the batches."""

LAST_RATE = 0.01
"""Learning rate at the end of the cosine schedule, in units of the first (Loshchilov & Hutter, ICLR
(2017), arXiv:1608.03983, with an end that still moves)."""

TEMPERATURES = (0.2, 10.0)
"""Range in which the softmax temperature is looked for; Guo et al. (2017) found 0.5 to 5."""

EDGE = 1e-3
"""Of ln T: as close to the end of the range as this, the search has found no minimum."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows; losses in nats, NaN without validation."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float


@dataclass(frozen=True, eq=False)
class Edge:
    """Molecules at boundaries, each of one of several classes.

    Attributes
    ----------
    z
        (E, F) float32 standardised features.
    kind
        (E,) int64. Which row of ``sets`` says of which.
    sets
        (B, C) bool.
    """

    z: NDArray[np.float32]
    kind: NDArray[np.int64]
    sets: NDArray[np.bool_]


class Fit:
    """The network and its optimisation.

    Parameters
    ----------
    z, y
        "train" and "validation" → (R, F) standardised features, (R,) classes.
    factors
        (C,) that the weights of the classes are multiplied by. None: 1.
    edge
        Molecules whose loss is that of the sum of the probabilities of their classes (Jin &
        Ghahramani, NeurIPS 15 (2002)). All of one kind weigh as much as a class.
    other
        (O, F) standardised features of what is none of the classes: there is one output more for
        it, which weighs as much as a class and takes part in nothing but the training. None: there
        is not.
    """

    def __init__(
        self,
        z: Mapping[str, NDArray[np.float32]],
        y: Mapping[str, NDArray[np.int64]],
        n_classes: int,
        config: TrainingConfig,
        edge: Edge | None = None,
        other: NDArray[np.float32] | None = None,
        factors: NDArray[np.float64] | None = None,
    ) -> None:
        import torch
        from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

        self.config, self.n_classes, self.edge = config, n_classes, edge
        n_outputs = n_classes
        if other is not None:
            n_outputs += 1
            z = {**z, "train": np.concatenate([z["train"], other])}
            y = {**y, "train": np.append(y["train"], np.full(len(other), n_classes))}
        n_targets = n_outputs
        self.sets: torch.Tensor | None = None
        if edge is not None:
            z = {**z, "train": np.concatenate([z["train"], edge.z])}
            y = {**y, "train": np.append(y["train"], edge.kind + n_outputs)}
            n_targets += len(edge.sets)
            sets = np.eye(n_targets, n_outputs, dtype=np.float32)
            sets[n_outputs:, :n_classes] = edge.sets
            self.sets = torch.from_numpy(sets).log()
        self.z = {side: torch.from_numpy(array) for side, array in z.items()}
        self.y = {side: torch.from_numpy(array) for side, array in y.items()}
        self.generator = torch.Generator().manual_seed(config.seed)
        self.network = build_network(z["train"].shape[1], n_outputs)
        for layer in self.network:
            if isinstance(layer, torch.nn.Linear):
                torch.nn.init.xavier_uniform_(layer.weight, generator=self.generator)
                torch.nn.init.zeros_(layer.bias)
        self.mean: AveragedModel | None = None
        if config.weight_average > 0:
            follow = get_ema_multi_avg_fn(config.weight_average)
            self.mean = AveragedModel(self.network, multi_avg_fn=follow)
        self.factors = np.ones(n_classes) if factors is None else factors
        targets = {"train": n_targets, "validation": n_classes}
        self.weights = {}
        for side, target in y.items():
            weights = np.ones(targets[side])
            if config.balance == "weights":
                weights = class_weights(target, targets[side])
            weights[:n_classes] *= self.factors
            self.weights[side] = torch.from_numpy(weights).float()

    @property
    def evaluated_network(self) -> torch.nn.Module:
        """The network that is validated and kept: the mean of the weights, or the last ones."""
        return self.network if self.mean is None else self.mean.module

    def loss(self, logits: torch.Tensor, target: torch.Tensor, side: str) -> torch.Tensor:
        """Cross-entropy, summed over the rows with their class's weight."""
        import torch

        if side == "train" and self.sets is not None:
            within = torch.log_softmax(logits, dim=1) + self.sets[target]
            return -(torch.logsumexp(within, dim=1) @ self.weights[side][target])
        return torch.nn.functional.cross_entropy(
            logits, target, weight=self.weights[side], reduction="sum"
        )

    def run(self, progress: Callable[[Epoch], None] | None) -> tuple[list[Epoch], int]:
        """Train; :attr:`evaluated_network` is left with the weights of the best epoch."""
        config = self.config
        optimiser = self._optimiser()
        history: list[Epoch] = []
        best, best_loss, kept, halved = 0, math.inf, None, 0
        wait = max(1, config.patience // 3)
        for number in range(1, config.epochs + 1):
            train_loss = self._epoch(optimiser)
            validation_loss, accuracy = self.validate()
            rate = optimiser.param_groups[0]["lr"]
            history.append(Epoch(number, train_loss, validation_loss, accuracy, rate))
            if progress is not None:
                progress(history[-1])
            watched = train_loss if math.isnan(validation_loss) else validation_loss
            if not math.isfinite(watched):
                raise InputError(
                    f"the loss is {watched} at epoch {number}", hint="lower the learning rate"
                )
            if watched < best_loss * (1 - IMPROVEMENT):
                best, best_loss = number, watched
                kept = {k: v.clone() for k, v in self.evaluated_network.state_dict().items()}
            elif number - best >= config.patience:
                break
            if config.schedule == "cosine":
                share = (
                    LAST_RATE
                    + (1 - LAST_RATE) * (1 + math.cos(math.pi * number / config.epochs)) / 2
                )
                optimiser.param_groups[0]["lr"] = config.learning_rate * share
            elif config.schedule == "plateau" and number - max(best, halved) >= wait:
                optimiser.param_groups[0]["lr"] = rate / 2
                halved = number
        assert kept is not None
        self.evaluated_network.load_state_dict(kept)
        return history, best

    def _optimiser(self) -> torch.optim.Optimizer:
        """Adam; with weight decay its decoupled form, which leaves the biases alone."""
        import torch

        config = self.config
        biases = [p for p in self.network.parameters() if p.ndim == 1]
        weights = [p for p in self.network.parameters() if p.ndim > 1]
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": config.weight_decay},
            {"params": biases, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=config.learning_rate)

    def _epoch(self, optimiser: torch.optim.Optimizer) -> float:
        """One pass; the mean loss on the way."""
        import torch

        z, y = self.z["train"], self.y["train"]
        total = 0.0
        order = torch.randperm(len(z), generator=self.generator)
        for batch in order.split(self.config.batch_size):
            optimiser.zero_grad(set_to_none=True)
            loss = self.loss(self.network(z[batch]), y[batch], "train")
            (loss / len(batch)).backward()
            optimiser.step()
            if self.mean is not None:
                self.mean.update_parameters(self.network)
            total += loss.item()
        return total / len(z)

    def logits(self, side: str) -> torch.Tensor:
        """(R, C) of one side's rows."""
        return self._logits_of(self.z[side])

    def _logits_of(self, z: torch.Tensor) -> torch.Tensor:
        """(R, C) of (R, F) features, in blocks."""
        import torch

        with torch.inference_mode():
            blocks = z.split(65536)
            return torch.cat([self.evaluated_network(b)[:, : self.n_classes] for b in blocks])

    def most_probable_at_edges(self) -> NDArray[np.int64]:
        """(E,) of the classes that each molecule at a boundary may be of, the most probable."""
        assert self.edge is not None
        logits = self._logits_of(self.z["train"][-len(self.edge.z) :])  # the last rows that train
        within = np.where(self.edge.sets[self.edge.kind], logits.numpy(), -np.inf)
        return within.argmax(axis=1).astype(np.int64)

    def validate(self) -> tuple[float, float]:
        """Mean loss and accuracy of the validation rows; NaN without any."""
        target = self.y["validation"]
        if len(target) == 0:
            return math.nan, math.nan
        logits = self.logits("validation")
        loss = self.loss(logits, target, "validation").item() / len(target)
        return loss, float((logits.argmax(dim=1) == target).float().mean())

    def correct_biases(self, share: float) -> None:
        """Add a share of the class biases of least validation loss to the outputs, once.

        They are fitted together with a temperature, every class of the validation weighing the
        same unless the balance is "none", times its factor; their sum is 0. Classes that the
        validation has no rows of are left as they are, and all are where it has rows of fewer than
        two.
        """
        import torch
        from scipy.optimize import minimize

        seen, target = torch.unique(self.y["validation"], return_inverse=True)
        if share == 0.0 or len(seen) < 2:
            return
        logits = self.logits("validation").double()[:, seen]
        weight = torch.ones(len(seen), dtype=torch.float64)
        if self.config.balance != "none":
            weight = torch.from_numpy(class_weights(target.numpy(), len(seen))).float().double()
        weight *= torch.from_numpy(self.factors)[seen]

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            now = torch.tensor(parameters, requires_grad=True)
            scaled = (logits + now[1:]) / now[0].exp()
            entropy = torch.nn.functional.cross_entropy(scaled, target, weight=weight)
            total = entropy + BIAS_PENALTY * now.square().sum()
            (slope,) = torch.autograd.grad(total, now)
            return total.item(), slope.numpy()

        found = minimize(loss, np.zeros(1 + logits.shape[1]), jac=True, method="L-BFGS-B").x
        with torch.no_grad():
            *_, bias = self.evaluated_network.parameters()
            bias[seen] += torch.from_numpy(share * found[1:]).to(bias)

    def temperature(self) -> float:
        """The softmax temperature of least validation loss; 1 without validation.

        Also 1 where the loss falls all the way to the edge of the search: validation data that
        the network separates without error call for ever surer probabilities, which would be
        sure of the wrong thing at an interface.
        """
        from scipy.optimize import minimize_scalar

        target = self.y["validation"]
        if len(target) == 0:
            return 1.0
        logits = self.logits("validation").double()
        self.weights = {side: w.double() for side, w in self.weights.items()}

        def loss(log_t: float) -> float:
            return self.loss(logits / math.exp(log_t), target, "validation").item()

        bounds = (math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1]))
        best = float(minimize_scalar(loss, bounds=bounds, method="bounded").x)
        if min(best - bounds[0], bounds[1] - best) < EDGE:
            return 1.0
        return round(math.exp(best), 6)

    def arrays(
        self,
    ) -> tuple[tuple[NDArray[np.float32], ...], tuple[NDArray[np.float32], ...]]:
        """Weights and biases of the three layers, the last one's for the classes alone."""
        state = self.evaluated_network.state_dict()
        state = {name: tensor.numpy().copy() for name, tensor in state.items()}
        weights = [value for name, value in state.items() if name.endswith("weight")]
        biases = [value for name, value in state.items() if name.endswith("bias")]
        for layers in (weights, biases):
            layers[-1] = layers[-1][: self.n_classes].copy()
        return tuple(weights), tuple(biases)

    def other(self) -> NDArray[np.float32] | None:
        """(101,) weights and bias of the output for none of the classes, if there is one."""
        *_, weight, bias = self.evaluated_network.parameters()
        if len(bias) == self.n_classes:
            return None
        found: NDArray[np.float32] = np.append(
            weight[-1].detach().numpy(), bias[-1].detach().numpy()
        )
        return found
