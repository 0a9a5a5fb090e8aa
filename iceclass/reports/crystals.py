"""Relaxed crystals against the experiment: histograms, tables, and a page that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.crystals.deviations import PUBLISHED, Comparison, Normal
from iceclass.files import replacing
from iceclass.io.output.csv_tables import write_csv
from iceclass.reports.style import COLUMN, DARK, new_figure, save, style
from iceclass.tables import markdown_table

COLUMNS = ("calculator", "structure", "phase before", "phase after", "volume / %", "a1 / %")


def write_report(
    comparisons: Sequence[Comparison], directory: str | Path, *, force: bool = False
) -> Path:
    """Write ``crystals.md``, ``crystals.csv`` and a histogram of each calculator to a directory.

    Raises
    ------
    OutputError
        A file exists, without ``force``, or cannot be written.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    rows = [
        (c.calculator, *rest)
        for c in comparisons
        for rest in zip(
            c.sources,
            c.before,
            c.after,
            (f"{v:.3f}" for v in c.volume),
            (f"{v:.3f}" for v in c.length),
            strict=True,
        )
    ]
    write_csv(directory / "crystals.csv", COLUMNS, rows, force=force)
    figures = [
        histogram_figure(c, directory / f"{_safe(c.calculator)}.png", force=force)
        for c in comparisons
    ]
    text = "\n\n".join(["# Relaxed crystals", *_page(comparisons, figures)]) + "\n"
    page = directory / "crystals.md"
    with replacing(page, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def histogram_figure(comparison: Comparison, path: str | Path, *, force: bool = False) -> Path:
    """Histograms of the errors of volume and |a₁|, with the fitted Gaussians."""
    with style():
        figure = new_figure(COLUMN, 1.9)
        axes = figure.subplots(1, 2, sharey=True)
        for ax, values, normal, name in zip(
            axes,
            (comparison.volume, comparison.length),
            comparison.fits,
            ("ΔV / %", "Δ|a₁| / %"),
            strict=True,
        ):
            _histogram(ax, values, normal)
            ax.set_xlabel(name)
        axes[0].set_ylabel("structures")
        figure.suptitle(comparison.calculator, fontsize=8)
    return save(figure, path, force=force)


def _histogram(ax: Any, values: NDArray[np.float64], normal: Normal) -> None:
    if not len(values):
        ax.text(0.5, 0.5, "none relaxed", transform=ax.transAxes, ha="center")
        return
    _, edges, _ = ax.hist(values, bins="auto", color="#4477aa", alpha=0.7)
    if normal.deviation > 0:
        x = np.linspace(edges[0] - normal.deviation, edges[-1] + normal.deviation, 200)
        density = np.exp(-0.5 * ((x - normal.mean) / normal.deviation) ** 2)
        scale = len(values) * (edges[1] - edges[0]) / (normal.deviation * np.sqrt(2 * np.pi))
        ax.plot(x, scale * density, color=DARK)
    ax.set_title(f"μ = {normal.mean:.1f}, σ = {normal.deviation:.1f}", fontsize=7)


def _page(comparisons: Sequence[Comparison], figures: Sequence[Path]) -> list[str]:
    head = ("calculator", "relaxed", "failed", "ΔV: μ, σ / %", "Δ\\|a₁\\|: μ, σ / %")
    rows = []
    for c in comparisons:
        volume, length = c.fits
        relaxed, failed = str(len(c.sources)), str(len(c.failed))
        rows.append((c.calculator, relaxed, failed, str(volume), str(length)))
    for name, (v, dv, a, da) in PUBLISHED.items():
        rows.append((f"{name}, published", "3000", "–", f"{v}, {dv}", f"{a}, {da}"))
    parts = [
        "Relative errors of relaxed cells against the experiment: mean and standard deviation of a "
        "Gaussian fitted by maximum likelihood, standard errors in brackets. The published rows "
        "are of molecular crystals of all kinds.",
        markdown_table(head, rows),
        *(f"![{c.calculator}]({f.name})" for c, f in zip(comparisons, figures, strict=True)),
        "## The phase, before and after",
        _phases(comparisons),
    ]
    failed_rows = [(c.calculator, s, why) for c in comparisons for s, why in c.failed.items()]
    if failed_rows:
        parts += [
            "## What failed",
            markdown_table(("calculator", "structure", "reason"), failed_rows, left=3),
        ]
    return parts


def _phases(comparisons: Sequence[Comparison]) -> str:
    """How many structures are labelled as before, and what became of the others."""
    rows = []
    for c in comparisons:
        water = [(b, a) for b, a in zip(c.before, c.after, strict=True) if b]
        moved = [f"{b} → {a}" for b, a in water if a != b]
        counted = [f"{moved.count(m)} {m}" for m in dict.fromkeys(moved)]
        same = f"{len(water) - len(moved)} of {len(water)}"
        rows.append((c.calculator, same, ", ".join(counted) or "–"))
    return markdown_table(("calculator", "same label", "changed"), rows)


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name.rsplit("/", 1)[-1])
