"""The largest connected cluster of every phase, over the frames of a trajectory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.output.csv_tables import read_rows
from iceclass.phases import PHASES, colour_of, label_of
from iceclass.reports.style import COLUMN, new_figure, save, style
from iceclass.reports.thinning import Thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Steps = tuple[NDArray[np.float64], str]
"""What to draw over, (T,), and its name."""

_LEAST = 0.01
_FAR = 0.05
_GROUP_COLOUR = "#444444"
_STYLES = {"crystal": "-", "liquid": ":"}
_AMORPHOUS = (0, (4, 1.5))


def largest_cluster_figure(
    table: str | Path,
    path: str | Path,
    *,
    phases: Sequence[str] | None = None,
    force: bool = True,
) -> Path:
    """Draw the molecules in the largest cluster of each phase, or bars where there is one frame.

    Crystals are solid lines, amorphous phases dashed, liquids dotted, groups of phases thick and
    black. The axis of numbers is logarithmic if the curves' maxima lie far apart.

    Parameters
    ----------
    table
        A ``*.clusters.csv``, as :class:`iceclass.analysis.clusters.Clusters` writes it.
    path
        The figure; its suffix picks the format.
    phases
        Phases and groups to draw; default: the groups, and the phases of which a cluster ever
        reaches 1 % of the molecules, liquids only if there is nothing else.

    Raises
    ------
    InputError
        A file that is no such table or has no frames; phases that are not in it.
    """
    sizes, groups, steps, molecules = _read(Path(table))
    if phases is None:
        least = _LEAST * molecules.max()
        seen = [name for name in sizes if name in groups or sizes[name].max() >= least]
        phases = [name for name in seen if not _liquid(name)] or seen
    absent = [name for name in phases if name not in sizes]
    if absent:
        raise InputError(f"has no phase {absent[0]!r}", path=table, hint=f"has {', '.join(sizes)}")
    shown = {name: sizes[name] for name in phases}
    labels = {
        name: f"{name}: {groups[name]}" if name in groups else label_of(name) for name in shown
    }
    with style():
        if len(molecules) == 1:
            figure = new_figure(COLUMN, 0.24 * len(shown) + 0.8)
            _bars(figure.add_subplot(), shown, groups, labels)
        else:
            figure = new_figure(COLUMN, 2.6)
            axes = figure.add_subplot()
            _curves(axes, shown, groups, labels, steps)
            figure.legend(loc="outside upper left", ncols=2, handlelength=2.4)
        return save(figure, path, force=force)


def _read(
    table: Path,
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str], Steps, NDArray[np.float64]]:
    """Sizes (T,) by phase, the classes of each group, what to draw over, molecules (T,).

    T frames of the table, all of them or some thousand.
    """
    needed = ("frame", "timestep", "molecules", "phase", "classes", "largest")
    frames = Thinned[list[dict[str, str]]]()
    increasing, before = True, -math.inf  # in all frames
    rows = read_rows(table, needed, "a table of clusters")
    for _, group in groupby(rows, lambda row: row["frame"]):
        frame = list(group)
        step = _number(frame[0], "timestep", table)
        increasing, before = increasing and step > before, step
        frames.add(frame)
    drawn = frames.items()
    members = {row["phase"]: row["classes"] for row in drawn[0]}
    if any([row["phase"] for row in frame] != [*members] for frame in drawn):
        raise InputError("its phases have different numbers of frames", path=table)
    sizes = {
        name: np.array([_number(frame[k], "largest", table) for frame in drawn])
        for k, name in enumerate(members)
    }
    groups = {name: text for name, text in members.items() if text != name}
    axis = "timestep" if increasing else "frame"
    steps, molecules = (
        np.array([_number(frame[0], name, table) for frame in drawn])
        for name in (axis, "molecules")
    )
    return sizes, groups, (steps, axis), molecules


def _number(row: dict[str, str], column: str, table: Path) -> float:
    try:
        return float(row[column])
    except ValueError as error:
        raise InputError(f"column {column!r}: {error}", path=table) from error


def _curves(
    axes: Axes,
    sizes: Mapping[str, NDArray[np.float64]],
    groups: Mapping[str, str],
    labels: Mapping[str, str],
    steps: Steps,
) -> None:
    x, x_label = steps
    for name in sorted(sizes, key=lambda name: name not in groups):  # groups below their phases
        axes.plot(
            x,
            sizes[name],
            color=_colour(name, sizes, groups),
            linestyle=_line(name),
            linewidth=2.2 if name in groups else 1.2,
            label=labels[name],
        )
    tops = [each.max() for each in sizes.values() if each.max() > 0]
    if tops and min(tops) < _FAR * max(tops):
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.8)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(x[0], x[-1])
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(x_label)
    axes.set_ylabel("molecules in the largest cluster")
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 6), useMathText=True)


def _bars(
    axes: Axes,
    sizes: Mapping[str, NDArray[np.float64]],
    groups: Mapping[str, str],
    labels: Mapping[str, str],
) -> None:
    values = [each[0] for each in sizes.values()]
    colours = [_colour(name, sizes, groups) for name in sizes]
    bars = axes.barh(range(len(sizes)), values, color=colours, height=0.75)
    axes.bar_label(bars, fmt="%d", padding=3, fontsize=7)
    axes.set_yticks(range(len(sizes)), [labels[name] for name in sizes])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(sizes) - 0.5, -0.5)
    axes.set_xlim(0, 1.15 * max([*values, 1]))
    axes.set_xlabel("molecules in the largest cluster")


def _colour(name: str, sizes: Mapping[str, Any], groups: Mapping[str, str]) -> str:
    return _GROUP_COLOUR if name in groups else colour_of(name, list(sizes))


def _liquid(name: str) -> bool:
    return name in PHASES and PHASES[name].recipe == "liquid"


def _line(name: str) -> Any:
    return _STYLES.get(PHASES[name].recipe, _AMORPHOUS) if name in PHASES else "-"
