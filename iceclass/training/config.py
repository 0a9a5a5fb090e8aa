"""What decides what a training run gives, beside its data."""

from __future__ import annotations

import math
from dataclasses import dataclass

from iceclass.datasets.splits import FRACTIONS
from iceclass.errors import InputError

SPLITS = ("preparation", "molecule")
BALANCES = ("weights", "sample", "none")
SCHEDULES = ("plateau", "cosine", "constant")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides what a training run gives, beside its data.

    Attributes
    ----------
    classes
        The phases to tell apart. Empty: all that are there but "other". The rows of all other
        phases that are not kept for validation or test teach what is unknown, those of molecules
        at a boundary ("ih+water") that they are of one of the phases that meet there.
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
    factors
        (phase, factor) that its weight in the loss is multiplied by, in training, in correcting
        biases and in the temperature: how much likelier than the others it shall be taken to be.
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

    classes: tuple[str, ...] = ()
    split: str = "preparation"
    fractions: tuple[float, float, float] = FRACTIONS
    seed: int = 0
    max_rows: int | None = None
    balance: str = "weights"
    factors: tuple[tuple[str, float], ...] = ()
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
        if len(dict(self.factors)) < len(self.factors):
            raise InputError(f"a phase has two factors: {self.factors}")
        for phase, factor in self.factors:
            if not 0 < factor < math.inf:
                raise InputError(f"factor of {phase} is {factor}, expected a positive number")
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
