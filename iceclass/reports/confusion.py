"""Confusion matrices, as counts and row by row in percent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.evaluation.metrics import Evaluation
from iceclass.phases import label_of
from iceclass.reports.style import new_figure, on_colour, save, style

_COLOURS = "Blues"

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def confusion_figure(
    evaluation: Evaluation, path: str | Path, *, normalised: bool = True, force: bool = True
) -> Path:
    """Draw the confusion matrix: in percent of each true phase, or as counts."""
    values = evaluation.normalised * 100 if normalised else evaluation.confusion.astype(float)
    rows = [label_of(name) for name in evaluation.truth]
    columns = [label_of(name) for name in evaluation.columns]
    cell = 0.44
    with style():
        figure = new_figure(cell * len(columns) + 1.3, cell * len(rows) + 1.15)
        axes = figure.add_subplot()
        shares = np.nan_to_num(evaluation.normalised)
        axes.imshow(shares, cmap=_COLOURS, vmin=0.0, vmax=1.0, aspect="equal")
        _write_cells(axes, values, shares, normalised)
        turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(columns)), columns, **turned)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xticks(np.arange(len(columns) - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
        axes.grid(which="minor", color="0.85", linewidth=0.5)
        axes.tick_params(which="both", length=0)
        axes.axvline(len(evaluation.classes) - 0.5, color="0.4", linewidth=0.8)
        axes.spines[:].set(visible=True, color="0.85")
        axes.set_xlabel("labelled")
        axes.set_ylabel("true phase")
        unit = "% of true phase" if normalised else "molecules"
        axes.set_title(f"{unit}, accuracy {100 * evaluation.accuracy:.2f} %", loc="left")
        return save(figure, path, force=force)


def _write_cells(
    axes: Axes, values: NDArray[np.float64], shares: NDArray[np.float64], normalised: bool
) -> None:
    """Numbers in the cells; nothing where nothing was counted."""
    import matplotlib

    colours = matplotlib.colormaps[_COLOURS]
    for (i, j), value in np.ndenumerate(values):
        if not value > 0:
            continue
        colour: Any = colours(shares[i, j])
        axes.text(
            j,
            i,
            _percent(value) if normalised else _count(value),
            ha="center",
            va="center",
            fontsize=6.5,
            color=on_colour(colour[:3]),
        )


def _percent(value: float) -> str:
    if value >= 99.95:
        return "100"
    return f"{value:.1f}" if value >= 0.05 else "<0.1"


def _count(value: float) -> str:
    """At most five characters: 999, 12345, 123k, 12.3M."""
    if value < 1e5:
        return f"{value:.0f}"
    if value < 1e6:
        return f"{value / 1e3:.0f}k"
    return f"{value / 1e6:.1f}M"
