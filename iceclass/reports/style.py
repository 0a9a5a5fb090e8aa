"""One look for all figures: readable at column width, colours told apart by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceclass.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN = 3.5
"""Width of a journal's column, inches."""

PAGE = 7.2
"""Width of a journal's page, inches."""

DARK = "#333333"
"""Of outlines, and of lines that stand for no phase."""

SEQUENTIAL = "viridis"

DPI = 250
"""Of PNG files."""

_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "figure.dpi": 100,
    "savefig.dpi": DPI,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "iceclass",
    "pdf.fonttype": 42,
}

_UNDATED: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""Suffix → the metadata that are left out, so that the same figure is the same file."""


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib with this look, for the time of the block."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """A figure that belongs to no window and no global state; inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: str | Path, *, force: bool = True) -> Path:
    """Write a figure, whole or not at all; the suffix picks the format (png, pdf, svg).

    The same figure gives the same bytes.
    """
    path = Path(path)
    with replacing(path, force=force) as temporary, style():
        figure.savefig(temporary, metadata=_UNDATED.get(path.suffix.lower()))
    return path


def on_colour(colour: str | tuple[float, float, float]) -> str:
    """Black or white, whichever is read better on a background of this colour."""
    from matplotlib.colors import to_rgb

    r, g, b = to_rgb(colour)
    return "black" if 0.299 * r + 0.587 * g + 0.114 * b > 0.5 else "white"
