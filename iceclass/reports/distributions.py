"""How the leading features are distributed in every phase."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.phases import colour_of, label_of
from iceclass.reports.style import PAGE, new_figure, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINS = 120


def distributions_figure(
    values: Mapping[str, Mapping[str, NDArray[Any]]], path: str | Path, *, force: bool = True
) -> Path:
    """Draw a panel for every feature and a curve for every phase.

    Parameters
    ----------
    values
        Feature name → phase → values, from :func:`iceclass.evaluation.explain.leading_values`.
    """
    phases = list(dict.fromkeys(name for each in values.values() for name in each))
    columns = min(3, len(values))
    lines = ceil(len(values) / columns)
    with style():
        figure = new_figure(PAGE * columns / 3, 1.55 * lines + 0.55)
        panels = figure.subplots(lines, columns, squeeze=False)
        for axes, (feature, each) in zip(panels.flat, values.items(), strict=False):
            _draw(axes, each, phases)
            axes.set_title(feature, loc="left", fontsize=7.5)
        for axes in panels.flat[len(values) :]:
            axes.set_axis_off()
        for row in panels:
            row[0].set_ylabel("density")
        handles = panels[0, 0].get_lines()
        figure.legend(
            handles,
            [line.get_label() for line in handles],
            loc="outside lower center",
            ncols=min(len(phases), 9),
            columnspacing=1.0,
            handlelength=1.3,
        )
        return save(figure, path, force=force)


def _draw(axes: Axes, each: Mapping[str, NDArray[Any]], phases: list[str]) -> None:
    """One feature: its density in every phase, from fine histograms smoothed by a Gaussian."""
    everything = np.concatenate([np.asarray(v, np.float64) for v in each.values()])
    low, high = np.quantile(everything, (0.001, 0.999))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    margin = 0.08 * (high - low)
    edges = np.linspace(low - margin, high + margin, _BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    tallest = []
    for phase in phases:
        values = np.asarray(each.get(phase, ()), np.float64)
        counts = np.histogram(values, edges)[0] / max(len(values), 1) / (edges[1] - edges[0])
        density = _smooth(counts, values, edges[1] - edges[0])
        colour = colour_of(phase, phases)
        axes.plot(centres, density, color=colour, label=label_of(phase), linewidth=1.0)
        axes.fill_between(centres, density, color=colour, alpha=0.07, linewidth=0)
        tallest.append(density.max())
    # A phase of almost no spread would press all others to the axis.
    axes.set_ylim(0, min(max(tallest), 4 * float(np.median(tallest))) * 1.08)
    axes.set_yticks([])
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 4), useMathText=True)
    axes.locator_params(axis="x", nbins=5)


def _smooth(
    counts: NDArray[np.float64], values: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Histogram smoothed by Silverman's rule, at least a bin wide."""
    if len(values) < 2:
        return counts
    sigma = max(0.9 * values.std() * len(values) ** -0.2 / width, 0.7)
    reach = min(int(4 * sigma) + 1, len(counts) // 2 - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(counts, kernel / kernel.sum(), mode="same")
