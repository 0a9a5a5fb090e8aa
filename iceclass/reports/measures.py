"""Tables, summaries and figures of what was measured in a labelled trajectory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis.measure import MAX_INTERFACES, Measured, Row
from iceclass.files import write_text
from iceclass.io.output.csv_tables import write_csv
from iceclass.phases import colour_of
from iceclass.reports.style import COLUMN, DARK, new_figure, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
_NAMES = {"ice": "ice I", "crystal": "all crystals", "chill+": "CHILL+", "q6bar": "q̄6"}


def write_measured(measured: Measured, stem: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write ``STEM.MEASURE.csv``, ``.json`` and ``.png``.

    Raises
    ------
    OutputError
        One of them exists (without ``force``), or cannot be written.
    """
    table, summary, figure = outputs_of(stem, measured.name)
    header = list(measured.rows[0])
    write_csv(
        table, header, ([_cell(row[k]) for k in header] for row in measured.rows), force=force
    )
    text = json.dumps(measured.summary, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(summary, text + "\n", force=force)
    with style():
        save(_FIGURES[measured.name](measured), figure, force=force)
    return table, summary, figure


def outputs_of(stem: Path, name: str) -> tuple[Path, Path, Path]:
    """Table, summary and figure of a measure."""
    csv, summary, figure = (
        stem.with_name(f"{stem.name}.{name}.{suffix}") for suffix in ("csv", "json", "png")
    )
    return csv, summary, figure


def _cell(value: Any) -> Any:
    """As it stands in a table: empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else value


def in_words(measured: Mapping[str, Measured]) -> list[str]:
    """The main number of each measure, for the terminal."""
    lines = []
    for name, own in measured.items():
        told = own.summary
        if name == "interfaces":
            line = f"interfaces: {told['interfaces']}, width {_pm(told['width'], 'Å')}"
            velocity = told["velocity"]
            if velocity is not None:
                error = velocity["standard_error"]
                line += f", velocity {velocity['value']:.3g}"
                line += ("" if error is None else f" ± {error:.1g}") + f" {velocity['unit']}"
            lines.append(line)
        elif name == "nuclei":
            for definition, sizes in told["largest_cluster"].items():
                lines.append(
                    f"largest cluster of {_NAMES[definition]}: {sizes['first']} → {sizes['last']} "
                    f"molecules, at most {sizes['largest']} in frame {sizes['largest_in_frame']}"
                )
        elif name == "surfaces":
            lines.append(f"quasi-liquid layer: {_pm(told['thickness'], 'Å')} a surface")
        else:
            lines.append(
                f"ice I: cubicity {_pm(told['cubicity'], '')}, "
                f"last sequence {told['last_sequence'] or 'none'}"
            )
    return lines


def _pm(average: Mapping[str, Any] | None, unit: str) -> str:
    if average is None:
        return "–"
    error = average["standard_error"]
    text = f"{average['mean']:.3g}" + ("" if error is None else f" ± {error:.1g}")
    return f"{text} {unit}".strip()


def _abscissa(rows: Sequence[Row]) -> tuple[NDArray[np.float64], str]:
    """Time in ps or ns where it is known, else time steps or frames."""
    if all(row["time"] is not None for row in rows):
        times = np.array([row["time"] for row in rows], dtype=np.float64)
        return (times / 1000.0, "time / ns") if np.ptp(times) > 2000.0 else (times, "time / ps")
    steps = np.array([row["timestep"] for row in rows], dtype=np.float64)
    if len(steps) > 1 and (np.diff(steps) > 0).all():
        return steps, "timestep"
    return np.array([row["frame"] for row in rows], dtype=np.float64), "frame"


def _column(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)


def _panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = new_figure(COLUMN, height)
    return figure, list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])


def _curve(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], **options: Any) -> None:
    """A line, with dots where there are few points."""
    marker = "o" if len(x) <= 60 else None
    axes.plot(x, y, marker=marker, markersize=2.5, **options)


def _interfaces(measured: Measured) -> Figure:
    rows = measured.rows
    x, name = _abscissa(rows)
    figure, (top, bottom) = _panels(2, 3.6)
    for k in range(MAX_INTERFACES):
        position = _column(rows, f"position{k + 1}")
        if np.isfinite(position).any():
            top.plot(x, position, "o", markersize=2.5, color=_COLOURS[k], label=f"{k + 1}")
    top.set_ylabel(f"position along {measured.summary['options']['axis']} / Å")
    thickness = _column(rows, "thickness")
    _curve(bottom, x, thickness, color=_COLOURS[0])
    velocity = measured.summary["velocity"]
    if velocity is not None:
        slope, where = np.polyfit(x, thickness, 1) if len(set(x)) > 1 else (0.0, thickness[0])
        bottom.plot(x, slope * x + where, color=DARK, linestyle="--", linewidth=0.8)
        error = velocity["standard_error"]
        text = f"{velocity['value']:.3g}" + ("" if error is None else f" ± {error:.1g}")
        bottom.set_title(f"velocity of an interface {text} {velocity['unit']}", fontsize=8)
    bottom.set_ylabel("ordered phase / Å")
    bottom.set_xlabel(name)
    return figure


def _nuclei(measured: Measured) -> Figure:
    definitions = list(dict.fromkeys(row["definition"] for row in measured.rows))
    sized = any(row["radius_of_gyration"] is not None for row in measured.rows)
    # clusters that close on themselves through the boundary have none
    figure, panels = _panels(1 + sized, 3.6 if sized else 2.4)
    top = panels[0]
    for k, definition in enumerate(definitions):
        rows = [row for row in measured.rows if row["definition"] == definition]
        x, name = _abscissa(rows)
        colour, line = _COLOURS[k], ("-", "--", ":", "-.")[k % 4]
        _curve(
            top, x, _column(rows, "size"), color=colour, linestyle=line, label=_NAMES[definition]
        )
        if sized:
            radius = _column(rows, "radius_of_gyration")
            _curve(panels[1], x, radius, color=colour, linestyle=line)
            panels[1].set_ylabel("radius of gyration / Å")
    top.set_ylabel("largest cluster / molecules")
    top.set_ylim(bottom=0)
    panels[-1].set_xlabel(name)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _surfaces(measured: Measured) -> Figure:
    figure, (axes,) = _panels(1, 2.4)
    x, name = _abscissa(measured.rows)
    for k, side in enumerate(("lower", "upper")):
        _curve(axes, x, _column(measured.rows, side), color=_COLOURS[k], label=f"{side} surface")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("quasi-liquid layer / Å")
    axes.set_xlabel(name)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _stacking(measured: Measured) -> Figure:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    figure, (top, bottom) = _panels(2, 3.6)
    x, name = _abscissa(measured.rows)
    _curve(top, x, _column(measured.rows, "cubicity"), color=_COLOURS[0])
    top.set_ylim(0, 1)
    top.set_ylabel("cubicity")
    sequences = [row["sequence"] for row in measured.rows]
    longest = max(1, *map(len, sequences))
    colours = {"h": to_rgb(colour_of("ih")), "c": to_rgb(colour_of("ic")), "?": (0.7, 0.7, 0.7)}
    picture = np.ones((longest, len(sequences), 3))
    for k, sequence in enumerate(sequences):
        first = (longest - len(sequence)) // 2  # sequences are laid on each other's middles
        for layer, letter in enumerate(sequence, start=first):
            picture[layer, k] = colours[letter]
    half = 0.5 * (x[-1] - x[0]) / max(len(x) - 1, 1) or 0.5
    bottom.imshow(
        picture,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(x[0] - half, x[-1] + half, 0, longest),
    )
    bottom.set_ylabel("layer")
    bottom.set_xlabel(name)
    handles = [Patch(color=colours[k], label=v) for k, v in (("h", "hexagonal"), ("c", "cubic"))]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


_FIGURES: dict[str, Callable[[Measured], Figure]] = {
    "interfaces": _interfaces,
    "nuclei": _nuclei,
    "surfaces": _surfaces,
    "stacking": _stacking,
}
