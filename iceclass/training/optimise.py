"""What a training run is told, and the optimisation itself, in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.splits import FRACTIONS, class_weights
from iceclass.errors import InputError
from iceclass.model.network import HIDDEN, Model

if TYPE_CHECKING:
    import torch

_STIFFNESS = 1e-4
"""Nats that a class bias of 1 costs."""
SPLITS = ("preparation", "molecule")
BALANCES = ("weights", "sample", "none")
SCHEDULES = ("plateau", "cosine", "constant")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides what a training run gives, beside its data.

    Attributes
    ----------
    split
        "preparation", or "molecule" to compare with figures obtained that way.
    fractions
        Shares of train, validation and test.
    seed
        Of the split, the subsampling, the initial weights and the order of the batches.
    max_rows
        At most so many rows of each trajectory; None: all.
    balance
        "weights" (every class weighs the same in the loss), "sample" (as many rows of each class
        as the smallest has), or "none".
    epochs
        At most so many passes over the training rows.
    patience
        Stop after so many epochs without a better validation loss.
    batch_size, learning_rate, schedule
        Rows in a batch; Adam's step; "plateau" (halved after patience/3 epochs without a better
        loss), "cosine" (to 1 % at the last epoch) or "constant".
    weight_decay
        Share of the learning rate by which every step shrinks the weights, not the biases, apart
        from Adam's own step: Loshchilov & Hutter, ICLR (2019), arXiv:1711.05101. 0: plain Adam.
    weight_average
        β of an exponential mean of the weights over the steps, w̄ ← β w̄ + (1 − β) w, which is
        validated and kept in place of the last weights; it takes several times 1/(1 − β) steps to
        forget the first ones: Polyak & Juditsky, SIAM J. Control Optim.
        30, 838 (1992), doi:10.1137/0330046. 0: none.
    bias_correction
        Share of the class biases of least validation loss that is added to the outputs, 0 to 1.
        Varied training data moves the borders between classes; the validation, which is not
        varied, moves them back: Alexandari, Kundaje & Shrikumar, ICML (2020), arXiv:1901.06852.
        It is one preparation a phase, so all of it may be too much.
    calibrate
        Fit the softmax temperature on the validation rows.
    novelty_quantile, novelty_margin
        The threshold for unknown: margin × this quantile of the validation rows' novelty scores,
        which are squared distances. 0.99 and 1: 1 % of false alarms on the validation. A margin
        above 1 is for other water models and potentials, whose motion differs.
    threads
        Of PyTorch; None: as they are. The same seed, data and threads give the same weights.
    """

    split: str = "preparation"
    fractions: tuple[float, float, float] = FRACTIONS
    seed: int = 0
    max_rows: int | None = None
    balance: str = "weights"
    epochs: int = 200
    patience: int = 20
    batch_size: int = 512
    learning_rate: float = 1e-3
    schedule: str = "plateau"
    weight_decay: float = 0.0
    weight_average: float = 0.0
    bias_correction: float = 0.0
    calibrate: bool = True
    novelty_quantile: float = 0.99
    novelty_margin: float = 1.0
    threads: int | None = None

    def __post_init__(self) -> None:
        for what, value, known in (
            ("split", self.split, SPLITS),
            ("balance", self.balance, BALANCES),
            ("schedule", self.schedule, SCHEDULES),
        ):
            if value not in known:
                raise InputError(f"{what} is {value!r}, expected one of {', '.join(known)}")
        for what in ("epochs", "patience", "batch_size", "learning_rate", "novelty_margin"):
            if not getattr(self, what) > 0:
                raise InputError(f"{what} is {getattr(self, what)}, expected a positive number")
        if not self.weight_decay >= 0:
            raise InputError(f"weight_decay is {self.weight_decay}, expected 0 or more")
        if not 0 <= self.weight_average < 1:
            raise InputError(
                f"weight_average is {self.weight_average}, expected 0 or more and less than 1"
            )
        if not 0 <= self.bias_correction <= 1:
            raise InputError(f"bias_correction is {self.bias_correction}, expected 0 to 1")
        if not 0.5 <= self.novelty_quantile <= 1.0:
            raise InputError(f"novelty_quantile is {self.novelty_quantile}, expected 0.5 to 1")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}, expected 0 or more")


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows; losses in nats, NaN without validation."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float


def build_network(n_features: int, n_classes: int) -> torch.nn.Sequential:
    """The network in PyTorch, weights unset: F → 100 → tanh → 100 → tanh → C."""
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
    """The model's network in PyTorch, float64; takes standardised features, gives logits."""
    import torch

    network = build_network(model.n_features, model.n_classes).double()
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for layer, weight, bias in zip(linear, model.weights, model.biases, strict=True):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    return network


class Fit:
    """The network and its optimisation."""

    def __init__(
        self,
        z: Mapping[str, NDArray[np.float32]],
        y: Mapping[str, NDArray[np.int64]],
        n_classes: int,
        config: TrainingConfig,
    ) -> None:
        import torch
        from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

        self.config = config
        self.z = {side: torch.from_numpy(array) for side, array in z.items()}
        self.y = {side: torch.from_numpy(array) for side, array in y.items()}
        self.generator = torch.Generator().manual_seed(config.seed)
        self.network = build_network(z["train"].shape[1], n_classes)
        for layer in self.network:
            if isinstance(layer, torch.nn.Linear):
                torch.nn.init.xavier_uniform_(layer.weight, generator=self.generator)
                torch.nn.init.zeros_(layer.bias)
        self.mean: AveragedModel | None = None
        if config.weight_average > 0:
            follow = get_ema_multi_avg_fn(config.weight_average)
            self.mean = AveragedModel(self.network, multi_avg_fn=follow)
        self.weights = {
            side: torch.from_numpy(
                class_weights(target, n_classes)
                if config.balance == "weights"
                else np.ones(n_classes)
            ).float()
            for side, target in y.items()
        }

    @property
    def kept(self) -> torch.nn.Module:
        """The network that is validated and kept: the mean of the weights, or the last ones."""
        return self.network if self.mean is None else self.mean.module

    def loss(self, logits: torch.Tensor, target: torch.Tensor, side: str) -> torch.Tensor:
        """Cross-entropy, summed over the rows with their class's weight."""
        import torch

        return torch.nn.functional.cross_entropy(
            logits, target, weight=self.weights[side], reduction="sum"
        )

    def run(self, progress: Callable[[Epoch], None] | None) -> tuple[list[Epoch], int]:
        """Train; leave the weights of the best epoch, or their mean then, in :attr:`kept`."""
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
            if watched < best_loss * (1 - 1e-4):
                best, best_loss = number, watched
                kept = {k: v.clone() for k, v in self.kept.state_dict().items()}
            elif number - best >= config.patience:
                break
            if config.schedule == "cosine":
                share = 0.01 + 0.99 * (1 + math.cos(math.pi * number / config.epochs)) / 2
                optimiser.param_groups[0]["lr"] = config.learning_rate * share
            elif config.schedule == "plateau" and number - max(best, halved) >= wait:
                optimiser.param_groups[0]["lr"] = rate / 2
                halved = number
        assert kept is not None
        self.kept.load_state_dict(kept)
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
        """(R, C) of one side's rows, in blocks."""
        import torch

        with torch.inference_mode():
            return torch.cat([self.kept(block) for block in self.z[side].split(65536)])

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
        same unless the balance is "none"; their sum is 0. Classes that the validation has no rows
        of are left as they are, and all are where it has rows of fewer than two.
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

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            now = torch.tensor(parameters, requires_grad=True)
            scaled = (logits + now[1:]) / now[0].exp()
            entropy = torch.nn.functional.cross_entropy(scaled, target, weight=weight)
            total = entropy + _STIFFNESS * now.square().sum()
            (slope,) = torch.autograd.grad(total, now)
            return total.item(), slope.numpy()

        found = minimize(loss, np.zeros(1 + logits.shape[1]), jac=True, method="L-BFGS-B").x
        with torch.no_grad():
            *_, bias = self.kept.parameters()
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

        bounds = (math.log(0.2), math.log(10.0))
        best = float(minimize_scalar(loss, bounds=bounds, method="bounded").x)
        if min(best - bounds[0], bounds[1] - best) < 1e-3:
            return 1.0
        return round(math.exp(best), 6)

    def arrays(
        self,
    ) -> tuple[tuple[NDArray[np.float32], ...], tuple[NDArray[np.float32], ...]]:
        """Weights and biases of the three layers."""
        state = self.kept.state_dict()
        state = {name: tensor.numpy().copy() for name, tensor in state.items()}
        weights = tuple(value for name, value in state.items() if name.endswith("weight"))
        biases = tuple(value for name, value in state.items() if name.endswith("bias"))
        return weights, biases
