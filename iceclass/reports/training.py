"""How a training run went: losses, accuracy and step size by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from iceclass.reports.style import COLUMN, new_figure, save, style
from iceclass.training.optimise import Epoch


def _sparse_labels(value: float, _: int | None = None) -> str:
    """Labels for the minor ticks of a log axis: 0.2 and 0.5 of every decade only."""
    digit = f"{value:.0e}"[0]
    return f"{value:g}" if digit in "25" else ""


def training_figure(
    history: Sequence[Epoch], path: str | Path, *, best_epoch: int | None = None, force: bool = True
) -> Path:
    """Draw losses (log scale), validation accuracy and learning rate over the epochs."""
    epoch = np.array([e.epoch for e in history])
    validation = np.array([e.validation_loss for e in history])
    accuracy = np.array([e.validation_accuracy for e in history])
    with style():
        figure = new_figure(COLUMN, 3.4)
        losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        losses.plot(epoch, [e.train_loss for e in history], color="#0072B2", label="training")
        if not np.isnan(validation).all():
            losses.plot(epoch, validation, color="#D55E00", label="validation")
            rates.plot(epoch, 100 * accuracy, color="#D55E00")
            rates.set_ylabel("validation\naccuracy / %")
        else:
            rates.plot(epoch, [e.learning_rate for e in history], color="#0072B2")
            rates.set_yscale("log")
            rates.set_ylabel("learning rate")
        losses.set_yscale("log")
        losses.set_ylabel("cross-entropy / nat")
        for axes in (losses, rates):
            if best_epoch is not None:
                axes.axvline(best_epoch, color="0.5", linewidth=0.8, linestyle=":")
        if best_epoch is not None:
            losses.plot([], [], color="0.5", linestyle=":", label=f"kept: epoch {best_epoch}")
        figure.legend(
            *losses.get_legend_handles_labels(),
            loc="outside upper center",
            ncols=3,
            columnspacing=1.0,
            handlelength=1.5,
        )
        low, high = losses.get_ylim()
        if high < 100.0 * low:
            losses.yaxis.set_major_formatter("{x:g}")
            losses.yaxis.set_minor_formatter(_sparse_labels)
        rates.set_xlabel("epoch")
        figure.align_ylabels()
        return save(figure, path, force=force)
