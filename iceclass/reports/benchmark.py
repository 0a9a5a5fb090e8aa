"""The benchmark as text, CSV, JSON and figures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.benchmark.results import STUDY_MINUTES, Benchmark, Comparison
from iceclass.benchmark.timing import Ratio, Timing
from iceclass.errors import OutputError
from iceclass.files import check_output, write_json
from iceclass.io.output.csv_tables import write_csv
from iceclass.reports.style import COLUMN, PAGE, new_figure, save, style
from iceclass.tables import terminal_table

FILES = ("bench.csv", "growth.csv", "bench.json", "bench.png", "growth.png")

_BUSY = (
    "\nother programs were using the processors: wall clocks, and so all figures for several "
    "threads, are too slow"
)

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")


def check_directory(directory: Path) -> None:
    """Make the directory and see that the files can be written, before the work is done.

    Raises
    ------
    OutputError
        They cannot.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror}", path=directory) from error
    for name in FILES:
        check_output(directory / name, force=True)


def write_benchmark(benchmark: Benchmark, directory: Path) -> list[Path]:
    """Write the tables and figures; ``growth.*`` only where growth was measured."""
    _write_csv(directory / "bench.csv", [_row(c) for c in benchmark.comparisons])
    write_json(directory / "bench.json", _content(benchmark), force=True)
    written = [directory / "bench.csv", directory / "bench.json"]
    if any(c.ratio is not None for c in benchmark.comparisons):
        written.append(ratio_figure(benchmark, directory / "bench.png"))
    if benchmark.growth:
        rows = [
            {"subject": g.subject, "molecules": g.molecules, **_columns("", g.ours)}
            for g in benchmark.growth
        ]
        _write_csv(directory / "growth.csv", rows)
        written += [directory / "growth.csv", growth_figure(benchmark, directory / "growth.png")]
    return written


def as_text(benchmark: Benchmark) -> str:
    """Everything for the terminal: the table, growth, the study's table, the goals."""
    machine = benchmark.machine
    parts = [
        f"{machine['processor']}, {machine['cores']} cores, load before {machine['load_before']}; "
        "µs per molecule, medians; 1 thread: processor time, else wall clock"
        + (_BUSY if machine["load_before"] > 0.3 else ""),
        _comparison_table(benchmark),
    ]
    if benchmark.growth:
        parts.append(_growth_table(benchmark))
    study = _study_table(benchmark)
    if study:
        parts.append(study)
    if benchmark.goals:
        parts.append(_goal_table(benchmark))
    parts += [f"not measured: {name}: {why}" for name, why in benchmark.missing.items()]
    return "\n\n".join(parts)


def ratio_figure(benchmark: Benchmark, path: str | Path, *, force: bool = True) -> Path:
    """Draw how many times as fast as its reference everything is on one thread, with the goals."""
    rows = [c for c in benchmark.comparisons if c.threads == 1 and c.ratio is not None]
    subjects = list(dict.fromkeys(map(_bar_name, rows)))
    configurations = list(dict.fromkeys(c.configuration for c in rows))
    thick = 0.8 / len(configurations)
    with style():
        figure = new_figure(PAGE, 0.36 * len(subjects) + 1.1)
        axes = figure.subplots()
        for k, configuration in enumerate(configurations):
            chosen = [c for c in rows if c.configuration == configuration]
            places = np.array([subjects.index(_bar_name(c)) for c in chosen])
            ratios = [c.ratio for c in chosen if c.ratio is not None]
            middle = np.array([r.median for r in ratios])
            spread = [middle - [r.low for r in ratios], [r.high for r in ratios] - middle]
            axes.barh(
                places + (k + 0.5) * thick - 0.4,
                middle,
                thick,
                xerr=spread,
                color=_COLOURS[k],
                error_kw={"linewidth": 0.6},
                label=configuration,
            )
        goals = {subjects.index(_bar_name(c)): c.goal for c in rows if c.goal is not None}
        for n, (place, goal) in enumerate(goals.items()):
            label = "goal" if n == 0 else None
            axes.plot(
                [goal, goal],
                [place - 0.48, place + 0.48],
                color="black",
                lw=2,
                zorder=3,
                label=label,
            )
        axes.axvline(1.0, color="0.6", linewidth=0.8, linestyle="--")
        axes.set_xscale("log")
        axes.set_xticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
        axes.minorticks_off()
        axes.set_yticks(range(len(subjects)), subjects)
        axes.set_ylim(len(subjects) - 0.4, -0.6)
        axes.set_xlabel("times as fast as the reference, one thread, processor time")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return save(figure, path, force=force)


def growth_figure(benchmark: Benchmark, path: str | Path, *, force: bool = True) -> Path:
    """Draw time per molecule against the number of molecules."""
    with style():
        figure = new_figure(COLUMN, 2.8)
        axes = figure.subplots()
        for k, subject in enumerate(dict.fromkeys(g.subject for g in benchmark.growth)):
            rows = [g for g in benchmark.growth if g.subject == subject]
            middle = np.array([g.ours.median("cpu") for g in rows])
            spread = [
                middle - [min(g.ours.cpu) for g in rows],
                [max(g.ours.cpu) for g in rows] - middle,
            ]
            axes.errorbar(
                [g.molecules for g in rows],
                middle,
                yerr=spread,
                fmt="o-",
                markersize=3,
                elinewidth=0.8,
                color=_COLOURS[k % len(_COLOURS)],
                label=subject,
            )
        axes.set_xscale("log")
        sizes = sorted({g.molecules for g in benchmark.growth})
        axes.set_xticks(sizes, [str(size) for size in sizes], rotation=30, ha="right")
        axes.minorticks_off()
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("molecules")
        axes.set_ylabel("µs per molecule, one thread")
        figure.legend(loc="outside upper center", ncols=3)
        return save(figure, path, force=force)


def _bar_name(c: Comparison) -> str:
    what = c.subject if c.family in ("label", "read") else f"{c.subject}, {c.dtype}"
    return f"{what}\n{c.reference}"


def _columns(prefix: str, timing: Timing | None) -> dict[str, float | str]:
    """Six columns of a timing, µs per molecule."""
    values: dict[str, float | str] = {}
    for basis in ("wall", "cpu"):
        samples = None if timing is None else timing.by(basis)
        for name, of in (("", np.median), ("_min", min), ("_max", max)):
            values[f"{prefix}{basis}_us{name}"] = "" if samples is None else float(of(samples))
    return values


def _row(c: Comparison) -> dict[str, Any]:
    """A row of bench.csv; an empty field is something that there is not."""
    ratio = c.ratio
    row = {
        "subject": c.subject,
        "family": c.family,
        "configuration": c.configuration,
        "molecules": c.molecules,
        "F": c.features,
        "dtype": c.dtype,
        "threads": c.threads,
        **_columns("", c.ours),
        "reference": c.reference,
        **_columns("reference_", c.theirs),
        "ratio": None if ratio is None else ratio.median,
        "ratio_min": None if ratio is None else ratio.low,
        "ratio_max": None if ratio is None else ratio.high,
        "ratio_of": c.basis,
        "goal": c.goal,
        "met": c.met,
        "error": c.error,
        "error_bound": c.error_bound,
        "speed_up": None if c.speed_up is None else c.speed_up.median,
        "machine_speed_up": None if c.ceiling is None else c.ceiling.median,
        "memory_MB": c.memory,
        "reference_memory_MB": c.reference_memory,
    }
    return {key: "" if value is None else value for key, value in row.items()}


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    values = (row.values() for row in rows)
    write_csv(path, rows[0] if rows else (), values, force=True, digits=4, may_be_empty=True)


def _content(benchmark: Benchmark) -> dict[str, Any]:
    """Everything with every sample, for bench.json."""
    return {
        "machine": benchmark.machine,
        "settings": benchmark.settings,
        "missing": benchmark.missing,
        "memory_molecules": benchmark.memory_molecules,
        "goals": [asdict(g) | {"met": g.met} for g in benchmark.goals],
        "comparisons": [asdict(c) | {"met": c.met} for c in benchmark.comparisons],
        "growth": [asdict(g) for g in benchmark.growth],
    }


def _comparison_table(benchmark: Benchmark) -> str:
    rows = []
    for c in benchmark.comparisons:
        spread = "–" if c.ratio is None else f"({c.ratio.low:.1f}–{c.ratio.high:.1f})"
        row = {
            "": c.subject,
            "configuration": c.configuration,
            "reference": c.reference,
            "N": str(c.molecules),
            "F": str(c.features),
            "type": c.dtype,
            "threads": str(c.threads),
            "µs": f"{c.ours.median(c.basis):.2f}",
            "reference µs": "–" if c.theirs is None else f"{c.theirs.median(c.basis):.1f}",
            "ratio": _times(c.ratio),
            "(min–max)": spread,
            "goal": _number(c.goal, "g"),
            "met": _yes(c.met),
            "error": _number(c.error, ".0e"),
            "speed-up": _times(c.speed_up),
            "machine's": _times(c.ceiling),
            "MB": _number(c.memory, ".0f"),
            "reference MB": _number(c.reference_memory, ".0f"),
        }
        rows.append(row)
    return terminal_table(list(rows[0]), [list(row.values()) for row in rows], 3) if rows else ""


def _growth_table(benchmark: Benchmark) -> str:
    sizes = list(dict.fromkeys(g.molecules for g in benchmark.growth))
    found = {(g.subject, g.molecules): g.ours.median("cpu") for g in benchmark.growth}
    subjects = dict.fromkeys(g.subject for g in benchmark.growth)
    rows = [(s, *(f"{found[s, n]:.2f}" for n in sizes)) for s in subjects]
    title = "growth: µs per molecule, one thread, of ice Ih of so many molecules"
    return f"{title}\n{terminal_table(('', *map(str, sizes)), rows, 1)}"


def _study_table(benchmark: Benchmark) -> str:
    """The study's computing times and what the same descriptors take here."""
    rows, threads = [], max((c.threads for c in benchmark.comparisons), default=1)
    for name, minutes in STUDY_MINUTES.items():
        here = [
            c
            for c in benchmark.comparisons
            if c.subject == name and c.threads == threads and c.dtype == "float64"
        ]
        if here:
            slowest = max(c.ours.median("wall") for c in here)
            published = "not comparable" if minutes is None else f"{minutes:g} min"
            million = f"{slowest:.1f} s"
            rows.append((name, str(here[0].features), published, f"{slowest:.2f}", million))
    if not rows:
        return ""
    head = (
        "descriptor",
        "F",
        "published, 16 cores",
        f"µs, {threads} threads here",
        "10⁶ molecules",
    )
    return (
        "computing time / number of features\n"
        + terminal_table(head, rows, 1)
        + "\nThe published times (i7-12700K) are for a number of molecules that is not stated: "
        "the columns cannot be divided."
    )


def _goal_table(benchmark: Benchmark) -> str:
    rows = [
        (g.what, f"{g.value:.2f}", f"{'≤' if g.at_most else '≥'} {g.bound:g}", _yes(g.met))
        for g in benchmark.goals
    ]
    return "goals (the worst configuration of each)\n" + terminal_table(
        ("", "found", "goal", "met"), rows, 1
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _times(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"{ratio.median:.2f}×"


def _yes(met: bool | None) -> str:
    return "–" if met is None else ("yes" if met else "no")
