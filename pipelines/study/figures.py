"""The figures of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from iceclass.evaluation.bootstrap import Interval
from iceclass.reports.style import COLUMN, PAGE, new_figure, save, style

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
RANDOM = "0.55"


def _errorbar(
    axes: Axes, x: ArrayLike, intervals: Iterable[Interval], form: str = "o-", **more: Any
) -> None:
    """Draw values with their intervals, in %."""
    value, low, high = 100 * np.array([(i.value, i.low, i.high) for i in intervals]).T
    bars = np.maximum([value - low, high - value], 0.0)
    axes.errorbar(x, value, bars, fmt=form, capsize=2, **more)


def protocols_figure(
    rows: Mapping[str, tuple[float, Interval, float | None]], path: Path, level: float
) -> Path:
    """Draw, for each feature set, the random split, the cross-validation, the published figure."""
    with style():
        figure = new_figure(COLUMN, 2.4)
        axes = figure.subplots()
        for i, (molecule, folds, published) in enumerate(rows.values()):
            names = ("random split of molecules", f"unseen preparations, {100 * level:g} %")
            labels = ("_", "_") if i else names  # once in the legend
            axes.plot(i - 0.15, 100 * molecule, "s", color=COLOURS[0], label=labels[0])
            _errorbar(axes, [i + 0.15], [folds], "o", color=COLOURS[1], label=labels[1])
            if published is not None:
                axes.plot(
                    [i - 0.35, i + 0.35],
                    [100 * published] * 2,
                    color="0.4",
                    linewidth=0.9,
                    linestyle=":",
                )
        if any(published is not None for *_, published in rows.values()):
            axes.plot([], [], color="0.4", linewidth=0.9, linestyle=":", label="published")
        axes.set_xticks(range(len(rows)), list(rows), rotation=20, ha="right")
        axes.set_xlim(-0.6, len(rows) - 0.4)
        axes.set_ylabel("accuracy / %")
        figure.legend(loc="outside upper left", ncols=1)
        return save(figure, path)


def learning_figure(curves: Mapping[str, Mapping[int, Interval]], path: Path) -> Path:
    """Draw the accuracy over the number of preparations that train."""
    with style():
        figure = new_figure(COLUMN, 2.4)
        axes = figure.subplots()
        numbers: set[int] = set()
        for i, (name, curve) in enumerate(curves.items()):
            numbers |= set(curve)
            shift = 0.05 * (i - (len(curves) - 1) / 2)
            x, colour = np.array(list(curve)) + shift, COLOURS[i % len(COLOURS)]
            _errorbar(axes, x, curve.values(), color=colour, markersize=3, label=name)
        axes.set_xticks(sorted(numbers))
        axes.set_xlabel("preparations of each phase that train")
        axes.set_ylabel("accuracy / %")
        figure.legend(loc="outside upper left", ncols=3, columnspacing=1.0)
        return save(figure, path)


def components_figure(found: Mapping[int, Mapping[str, Any]], name: str, path: Path) -> Path:
    """Draw the accuracy over the number of features kept."""
    with style():
        figure = new_figure(COLUMN, 2.2)
        axes = figure.subplots()
        for key, label, colour in (
            ("ig", "of largest mean |IG|", COLOURS[0]),
            ("random", "any", RANDOM),
        ):
            curve = {k: one[key] for k, one in found.items() if one[key] is not None}
            _errorbar(axes, [*curve], curve.values(), color=colour, markersize=3, label=label)
        axes.set_xscale("log")
        axes.set_xticks(list(found), [str(k) for k in found])
        axes.minorticks_off()
        axes.set_xlabel(f"components of {name} kept, trained again")
        axes.set_ylabel("accuracy / %")
        axes.legend(loc="lower right")
        return save(figure, path)


def deletion_figure(found: Mapping[str, Mapping[str, Any]], path: Path) -> Path:
    """Draw a panel for each feature set: accuracy as features are replaced by the baseline."""
    columns = min(2, len(found))
    lines = ceil(len(found) / columns)
    with style():
        figure = new_figure(PAGE * columns / 2, 1.9 * lines + 0.4)
        panels = figure.subplots(lines, columns, squeeze=False, sharey=True)
        for axes, (name, one) in zip(panels.flat, found.items(), strict=False):
            counts: Sequence[int] = one["counts"]
            low, high = 100 * np.quantile(one["curves"]["random"], (0.05, 0.95), axis=0)
            axes.fill_between(counts, low, high, color=RANDOM, alpha=0.3, linewidth=0)
            for key, label, colour in (
                ("random", "random order, 5–95 %", RANDOM),
                ("permutation", "permutation importance", COLOURS[1]),
                ("ig", "Integrated Gradients", COLOURS[0]),
            ):
                mean = 100 * one["curves"][key].mean(axis=0)
                axes.plot(counts, mean, color=colour, label=label)
            axes.set_xscale("symlog", linthresh=1)
            axes.set_xlim(0, counts[-1])
            ticks = [k for k in (0, 1, 3, 10, 30, 100, 300) if k <= counts[-1]]
            axes.set_xticks(ticks, [str(k) for k in ticks])
            axes.minorticks_off()
            axes.set_title(name, loc="left")
        for axes in panels.flat[len(found) :]:
            axes.set_axis_off()
        for axes in panels[:, 0]:
            axes.set_ylabel("accuracy / %")
        figure.supxlabel("features replaced by the training mean", fontsize=8)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        return save(figure, path)
