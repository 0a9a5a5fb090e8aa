"""Whether a confidence of 90 % is right nine times in ten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iceclass.evaluation.metrics import Evaluation
from iceclass.reports.style import COLUMN, new_figure, save, style


def reliability_figure(evaluation: Evaluation, path: str | Path, *, force: bool = True) -> Path:
    """Draw accuracy against confidence, and how many molecules have which confidence."""
    rows, confidence, accuracy = evaluation.bins.T
    edges = np.linspace(0.0, 1.0, len(rows) + 1)
    filled = rows > 0
    with style():
        figure = new_figure(COLUMN, 3.7)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="--")
        low, high = _wilson(accuracy[filled], rows[filled])
        upper.errorbar(
            confidence[filled],
            accuracy[filled],
            yerr=(accuracy[filled] - low, high - accuracy[filled]),
            fmt="o-",
            markersize=3,
            color="#0072B2",
            elinewidth=0.8,
        )
        upper.set_ylabel("fraction right")
        upper.set_ylim(-0.02, 1.02)
        upper.set_title(
            f"expected calibration error {100 * evaluation.calibration_error:.2f} %", loc="left"
        )
        lower.bar(edges[:-1], rows, width=np.diff(edges), align="edge", color="#56B4E9", ec="white")
        lower.set_yscale("log")
        lower.set_ylim(bottom=0.7)
        lower.set_ylabel("molecules")
        lower.set_xlabel("confidence")
        lower.set_xlim(0.0, 1.0)
        figure.align_ylabels()
        return save(figure, path, force=force)


def _wilson(
    share: NDArray[np.float64], n: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's interval of one standard deviation for a share of n; clipped to hold the share."""
    centre = (share + 0.5 / n) / (1 + 1 / n)
    half = np.sqrt(share * (1 - share) / n + 0.25 / n**2) / (1 + 1 / n)
    return np.minimum(centre - half, share), np.maximum(centre + half, share)
