"""One page of figures: what the phases of a data set look like, and that they are what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iceclass.acceptance.results import Checks
from iceclass.acceptance.structure import BIN
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.phases import PHASES, colour_of, label_of
from iceclass.reports.snapshot import draw_snapshot
from iceclass.reports.style import DARK, PAGE, new_figure, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3


def phase_checks_figure(
    checks: Sequence[Checks], snapshots: Mapping[str, Frame], path: str | Path
) -> Path:
    """Per phase a slice of a snapshot and g(r); below, all densities beside the expected ones.

    Parameters
    ----------
    checks
        Of all trajectories; those of g(r) are the accepted ones of a phase, if there are any.
    snapshots
        Phase → frame to draw.
    path
        The figure; its suffix picks the format.

    Raises
    ------
    InputError
        No checks.
    """
    if not checks:
        raise InputError("no trajectory was checked, so there is nothing to draw")
    phases = sorted({c.phase for c in checks}, key=_order)
    rows = -(-len(phases) // COLUMNS)
    with style():
        figure = new_figure(PAGE, 2.45 * rows + 2.6)
        grid = figure.add_gridspec(
            2 * rows + 1, 6, height_ratios=[1.55, 0.9] * rows + [2.4], hspace=0.02
        )
        for k, phase in enumerate(phases):
            row, column = 2 * (k // COLUMNS), 2 * (k % COLUMNS)
            of_phase = [c for c in checks if c.phase == phase]
            picture = figure.add_subplot(grid[row, column : column + 2])
            curve = figure.add_subplot(grid[row + 1, column : column + 2])
            accepted = sum(c.accepted for c in of_phase)
            kept = "" if accepted == len(of_phase) else f", {len(of_phase) - accepted} rejected"
            many = "trajectory" if len(of_phase) == 1 else "trajectories"
            picture.set_title(f"{label_of(phase)} ({len(of_phase)} {many}{kept})")
            picture.set_axis_off()
            if phase in snapshots:
                draw_snapshot(picture, snapshots[phase], colour_of(phase, phases))
            _curve(curve, of_phase, colour_of(phase, phases))
            if column == 0:
                curve.set_ylabel("g(r)")
            curve.set_xlabel("r / Å")
        densities = [figure.add_subplot(grid[2 * rows, part]) for part in (slice(3), slice(3, 6))]
        for axes, quantity, label in zip(
            densities, ("temperature", "pressure"), ("T / K", "p / GPa"), strict=True
        ):
            _densities(axes, checks, phases, quantity)
            axes.set_xlabel(label)
        densities[0].set_ylabel("density / g cm⁻³")
        figure.legend(
            *densities[0].get_legend_handles_labels(), loc="outside lower center", ncols=6
        )
    return save(figure, path)


def _order(phase: str) -> tuple[int, str]:
    """Phases in the order of the catalogue, then all others."""
    names = list(PHASES)
    return (names.index(phase) if phase in names else len(names), phase)


def _curve(axes: Axes, of_phase: Sequence[Checks], colour: str) -> None:
    """g(r) of each trajectory, and their mean."""
    shown = [c for c in of_phase if c.accepted] or list(of_phase)
    curves = np.array([c.g for c in shown])
    r = BIN * (np.arange(curves.shape[1]) + 0.5)
    axes.plot(r, curves.T, color=colour, linewidth=0.5, alpha=0.6)
    axes.plot(r, curves.mean(axis=0), color=DARK, linewidth=0.9)
    axes.axhline(1.0, color=DARK, linewidth=0.3, linestyle=":")
    axes.set_xlim(2.0, r[-1])
    axes.set_ylim(0.0, 4.0)
    axes.set_xticks([2, 4, 6, 8, 10])
    axes.set_yticks([0, 1, 2, 3])


def _densities(axes: Axes, checks: Sequence[Checks], phases: Sequence[str], quantity: str) -> None:
    """Measured densities as points, accepted ranges as bars behind them."""
    expected = [c for c in checks if c.expected_density is not None]
    middle = np.array([c.expected_density or np.nan for c in expected])
    half = middle * np.array([c.density_tolerance or 0.0 for c in expected])
    if expected:
        axes.vlines(
            [getattr(c, quantity) for c in expected],
            middle - half,
            middle + half,
            colors=[colour_of(c.phase, phases) for c in expected],
            linewidth=2.2,
            alpha=0.35,
            label="expected",
        )
    for phase in phases:
        own = [c for c in checks if c.phase == phase]
        axes.scatter(
            [getattr(c, quantity) for c in own],
            [c.density for c in own],
            s=9,
            color=colour_of(phase, phases),
            edgecolors=DARK,
            linewidths=0.3,
            label=label_of(phase),
            zorder=3,
        )
    rejected = [c for c in checks if not c.accepted]
    if rejected:
        axes.scatter(
            [getattr(c, quantity) for c in rejected],
            [c.density for c in rejected],
            s=30,
            marker="x",
            color="black",
            linewidths=0.8,
            label="rejected",
            zorder=4,
        )
