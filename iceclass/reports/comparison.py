"""How far other methods agree with the labels: a table for the terminal, and a figure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from iceclass.analysis.comparison import Comparison
from iceclass.analysis.observer import Observer, Record
from iceclass.io.output.csv_tables import as_numbers, read_csv
from iceclass.phases import colour_of, label_of
from iceclass.reports.style import COLUMN, DARK, new_figure, save, style
from iceclass.reports.words import NOTHING
from iceclass.tables import terminal_table

_AGREES, _MEAN = "agrees with ", "mean "


def agreement_text(comparison: Observer, records: Iterable[tuple[int, Record]]) -> str:
    """The agreement by phase, as ``Comparison`` wrote it, for the terminal."""
    assert isinstance(comparison, Comparison)
    columns = comparison.columns
    rows = []
    for row in comparison.rows(records):
        shown = [label_of(row[0]), str(row[1])]
        for name, value in zip(columns[2:], row[2:], strict=True):
            text = NOTHING if value is None else f"{value:.3f}"
            shown.append(f"{100 * value:.1f} %" if name.startswith(_AGREES) else text)
        rows.append(shown)
    return terminal_table(columns, rows)


def agreement_figure(table: str | Path, path: str | Path, *, force: bool = True) -> Path:
    """Draw the table of :class:`iceclass.analysis.comparison.Comparison`: a panel a method.

    Raises
    ------
    InputError
        A file that is no such table.
    """
    columns = read_csv(table, ("phase", "molecules"), "a table of agreement")
    phases = columns["phase"].tolist()
    panels = [name for name in columns if name.startswith((_AGREES, _MEAN))]
    with style():
        figure = new_figure(COLUMN, 0.5 + len(panels) * (0.45 + 0.16 * len(phases)))
        axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        rows = np.arange(len(phases))
        for panel, name in zip(axes, panels, strict=True):
            values = as_numbers(columns[name], name, table)
            if name.startswith(_AGREES):
                values = 100 * values
                panel.set_xlim(0, 112)
            colours = [DARK if p == "all" else colour_of(p, phases) for p in phases]
            panel.barh(rows, np.nan_to_num(values), color=colours, height=0.75)
            for row, value in zip(rows, values, strict=True):
                text = NOTHING if np.isnan(value) else f"{value:.3g}"
                x = max(0.0, float(np.nan_to_num(value)))
                panel.annotate(
                    text, (x, row), (3, 0), textcoords="offset points", va="center", fontsize=7
                )
            panel.set_yticks(rows, [label_of(p) for p in phases])
            panel.tick_params(axis="y", length=0)
            panel.set_ylim(len(phases) - 0.5, -0.5)
            unit = ", % of molecules" if name.startswith(_AGREES) else ""
            panel.set_xlabel(name + unit)
        return save(figure, path, force=force)
