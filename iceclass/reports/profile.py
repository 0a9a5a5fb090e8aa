"""Phases and density along an axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iceclass.analysis.profile import COMMON
from iceclass.errors import InputError
from iceclass.frame import AMU_PER_A3_IN_G_PER_CM3, MASS_WATER
from iceclass.io.output.csv_tables import as_numbers, read_csv
from iceclass.phases import colour_of, label_of
from iceclass.reports.style import COLUMN, new_figure, save, style

_DENSITY = MASS_WATER * AMU_PER_A3_IN_G_PER_CM3  # g/cm³ for one molecule in an Å³


def profile_figure(table: str | Path, path: str | Path, *, force: bool = True) -> Path:
    """Draw the fractions of the phases, stacked, layer by layer, and the density below.

    Parameters
    ----------
    table
        A ``*.profile.csv``, the mean profile of :class:`iceclass.analysis.profile.Profile`.
    path
        The figure; its suffix picks the format.

    Raises
    ------
    InputError
        A file that is no such table, or has no phases.
    """
    table = Path(table)
    texts = read_csv(table, COMMON, "a mean profile")
    if "frame" in texts:
        raise InputError("is a profile of every frame, expected the mean profile", path=table)
    axis = str(texts["axis"][0])
    columns = {
        name: as_numbers(text, name, table) for name, text in texts.items() if name != "axis"
    }
    names = [name for name in columns if name not in COMMON]
    if not names:
        raise InputError("has no columns of phase fractions", path=table)
    width, position = columns["width"], columns["position"]
    edges = np.append(position - width / 2, position[-1] + width[-1] / 2)
    density = _DENSITY * columns["number_density"]
    dense = bool(np.isfinite(density).any())
    with style():
        figure = new_figure(COLUMN, 3.6 if dense else 2.6)
        panels = figure.subplots(
            1 + dense, 1, sharex=True, squeeze=False, height_ratios=(2, 1)[: 1 + dense]
        )[:, 0]
        top = panels[0]
        base = np.zeros(len(position))
        for name in names:
            percent = 100 * np.nan_to_num(columns[name])
            if percent.any():
                colour = colour_of(name, names)
                top.stairs(
                    base + percent,
                    edges,
                    baseline=base,
                    fill=True,
                    color=colour,
                    label=label_of(name),
                )
                base = base + percent
        top.set_ylim(0, 100)
        top.set_xlim(edges[0], edges[-1])
        top.set_ylabel("molecules / %")
        if dense:
            panels[1].stairs(density, edges, color="black", baseline=None)
            panels[1].set_ylim(0, 1.1 * np.nanmax(density))
            panels[1].set_ylabel("density / g cm$^{-3}$")
        panels[-1].set_xlabel(f"{axis} / Å")
        figure.legend(loc="outside upper center", ncols=4, handlelength=1.2)
        return save(figure, path, force=force)
