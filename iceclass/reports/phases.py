"""Fractions of molecules in every phase, over the frames of a trajectory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.output.csv_tables import read_rows
from iceclass.phases import UNKNOWN, colour_of, label_of
from iceclass.reports.style import COLUMN, PAGE, new_figure, save, style
from iceclass.reports.thinning import POINTS, Thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOT_PHASES = ("frame", "timestep", "time", "molecules")


def phase_fractions_figure(
    fractions: str | Path | Mapping[str, NDArray[Any]],
    path: str | Path,
    *,
    x: NDArray[Any] | None = None,
    x_label: str = "frame",
    force: bool = True,
) -> Path:
    """Draw the fractions stacked over the frames, or as bars where there is one frame only.

    Parameters
    ----------
    fractions
        A ``*.phases.csv`` (``frame,timestep,molecules``, then a column for every class and
        ``unknown``), or class name → (T,) fractions.
    x
        (T,) increasing numbers to draw over; default: timestep for a CSV whose steps increase,
        else the frame's number.

    Raises
    ------
    InputError
        No frames, or a file without phase columns.
    """
    if isinstance(fractions, str | Path):
        if x is None:
            fractions, x, x_label = _read(Path(fractions), POINTS)
        else:
            fractions, _, _ = _read(Path(fractions), len(x))
    columns = {name: np.asarray(values, np.float64) for name, values in fractions.items()}
    n_frames = len(next(iter(columns.values()), ()))
    if n_frames == 0:
        raise InputError("there are no frames to draw phase fractions of")
    x = np.arange(n_frames) if x is None else np.asarray(x)
    names = list(columns)
    present = [name for name in names if columns[name].max() > 0]
    with style():
        if n_frames == 1:
            figure = new_figure(COLUMN, 0.22 * len(names) + 0.8)
            _bars(figure.add_subplot(), columns)
        else:
            figure = new_figure(PAGE * 0.75, 2.5)
            axes = figure.add_subplot()
            _stack(axes, columns, present, x)
            axes.set_xlabel(x_label)
            handles, labels = axes.get_legend_handles_labels()
            figure.legend(handles[::-1], labels[::-1], loc="outside right upper")
        return save(figure, path, force=force)


def _stack(
    axes: Axes, columns: Mapping[str, NDArray[np.float64]], present: list[str], x: NDArray[Any]
) -> None:
    stride = max(1, len(x) // POINTS)
    axes.stackplot(
        x[::stride],
        *(100 * columns[name][::stride] for name in present),
        colors=[colour_of(name, list(columns)) for name in present],
        labels=[label_of(name) for name in present],
        edgecolor="white",
        linewidth=0.2,
    )
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(0, 100)
    axes.set_ylabel("molecules / %")
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 6), useMathText=True)


def _bars(axes: Axes, columns: Mapping[str, NDArray[np.float64]]) -> None:
    names = list(columns)
    values = np.array([100 * columns[name][0] for name in names])
    rows = np.arange(len(names))
    axes.barh(rows, values, color=[colour_of(name, names) for name in names], height=0.75)
    for row, value in zip(rows, values, strict=True):
        axes.annotate(
            f"{value:.1f}",
            (value, row),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axes.set_yticks(rows, [label_of(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("molecules / %")


def _read(path: Path, most: int) -> tuple[dict[str, NDArray[np.float64]], NDArray[Any], str]:
    """Fractions, what to draw them over, and its name, of ``most`` frames of a ``*.phases.csv``."""
    points = Thinned[dict[str, str]](most)
    increasing, before = True, -math.inf  # in all frames
    try:
        for row in read_rows(path, ("frame", "timestep"), "phase fractions"):
            step = int(row["timestep"])
            increasing, before = increasing and step > before, step
            points.add(row)
        rows = points.items()
        names = [name for name in rows[0] if name not in _NOT_PHASES]
        columns = {name: np.array([float(row[name]) for row in rows]) for name in names}
        axis = "timestep" if increasing and len(rows) > 1 else "frame"
        steps = np.array([int(row[axis]) for row in rows])
    except ValueError as error:
        raise InputError(f"cannot be read as phase fractions: {error}", path=path) from error
    if not names or set(names) == {UNKNOWN}:
        raise InputError("has no columns of phase fractions", path=path)
    return columns, steps, axis
