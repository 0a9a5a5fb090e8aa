"""One figure for each part of the validation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.datasets.table import order_classes
from iceclass.phases import label_of
from iceclass.reports.style import COLUMN, PAGE, SEQUENTIAL, new_figure, on_colour, save, style
from iceclass.validation.means import conditions, mean_over
from iceclass.validation.perturbations import by_phase

_COLOURS = {"iceclass": "#0072B2", "CHILL+": "#D55E00", "PTM": "#999999"}


def stacking_figure(part: dict[str, Any], path: Path) -> None:
    """Accuracy by condition: model, CHILL+, template matching."""
    rows = part["rows"]
    names = conditions(rows)
    keys = {"iceclass": "accuracy", "CHILL+": "chill_plus_accuracy", "PTM": "ptm_accuracy"}
    with style():
        figure = new_figure(COLUMN, 2.6)
        axes = figure.subplots()
        for label, key in keys.items():
            shares = [mean_over([r for r in rows if r["condition"] == n], key) for n in names]
            axes.plot(
                [100 * share for share in shares], "o", ms=4, label=label, color=_COLOURS[label]
            )
        axes.axhline(98, color="black", lw=0.6, ls=":")
        ticks = [n.replace("lattice, ", "") for n in names]
        axes.set_xticks(range(len(names)), ticks, rotation=40, ha="right")
        axes.set_ylabel("Ih or Ic right, % of molecules")
        axes.set_ylim(top=101)
        figure.legend(loc="outside upper center", ncols=3)
        save(figure, path)


def novelty_figure(part: dict[str, Any], path: Path) -> None:
    """AUROC and share called unknown, one row a kind of structure and condition."""
    rows = part["rows"]
    with style():
        figure = new_figure(PAGE, 0.115 * len(rows) + 0.9)
        axes = figure.subplots(1, 2, sharey=True)
        y = np.arange(len(rows))
        marks = [("#0072B2" if r["expected"] == "unknown" else "#E69F00") for r in rows]
        axes[0].scatter([r["auroc_confidence"] for r in rows], y, c="#BBBBBB", s=6)
        axes[0].scatter([r["auroc"] for r in rows], y, c=marks, s=12)
        axes[0].axvline(0.99, color="black", lw=0.6, ls=":")
        axes[0].set_xlabel("AUROC against the classes")
        axes[0].set_title("grey: of 1 − confidence")
        axes[1].barh(y, [100 * r["unknown"] for r in rows], color=marks, height=0.7)
        axes[1].set_xlabel("called unknown, %")
        axes[1].set_title("orange: a class, or its twin")
        axes[0].set_yticks(y, [f"{r['name']}: {r['condition']}" for r in rows], fontsize=5)
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        save(figure, path)


def robustness_figure(part: dict[str, Any], path: Path) -> None:
    """Accuracy of every phase under every perturbation."""
    cells = by_phase(part["rows"])
    phases = order_classes(row["phase"] for row in part["rows"])
    values = np.array([[cells[head].get(p, np.nan) for p in phases] for head in cells])
    with style():
        figure = new_figure(PAGE, 0.17 * len(cells) + 0.9)
        axes = figure.subplots()
        image = axes.imshow(values, vmin=0.5, vmax=1.0, cmap=SEQUENTIAL, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                red, green, blue, _ = image.to_rgba(value)
                colour = on_colour((red, green, blue))
                text = f"{100 * value:.1f}"
                axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=6)
        axes.set_xticks(range(len(phases)), [label_of(p) for p in phases])
        axes.set_yticks(range(len(cells)), [f"{a}: {b}" for a, b in cells], fontsize=6)
        figure.colorbar(image, label="accuracy", shrink=0.6)
        save(figure, path)


def interfaces_figure(part: dict[str, Any], path: Path) -> None:
    """What is ice by the distance from the interface, and where the two agree."""
    systems = list(dict.fromkeys(row["system"] for row in part["rows"]))
    with style():
        figure = new_figure(PAGE, 2.5)
        panels = figure.subplots(1, len(systems), sharey=True, squeeze=False)[0]
        for axes, system in zip(panels, systems, strict=True):
            rows = [r for r in part["rows"] if r["system"] == system]
            x = [(r["from"] + r["to"]) / 2 for r in rows]
            for key, label, look in (
                ("ice_model", "ice, iceclass", {"color": _COLOURS["iceclass"]}),
                ("ice_chill_plus", "ice, CHILL+", {"color": _COLOURS["CHILL+"]}),
                ("agreement", "agreement", {"color": "black", "ls": ":"}),
                ("unknown", "unknown", {"color": "#999999", "lw": 0.8}),
            ):
                axes.plot(x, [100 * r[key] for r in rows], label=label, **look)
            axes.set_title(system)
            axes.set_xlabel("distance into the ice, Å")
        panels[0].set_ylabel("% of molecules")
        panels[0].legend(loc="center left")
        save(figure, path)


def nuclei_figure(part: dict[str, Any], path: Path) -> None:
    """Recall over excess as ice is made likelier, with what other methods reach.

    Nothing is drawn where there are no nuclei that are large enough.
    """
    rows, curves = part["rows"], part["trade_off"]
    if not curves:
        return
    kinds = list(dict.fromkeys(point["nuclei"] for point in curves))
    with style():
        figure = new_figure(PAGE, 2.8)
        panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=True):
            own = [point for point in curves if point["nuclei"] == kind]
            x, y = ([100 * point[key] for point in own] for key in ("excess", "recall"))
            axes.plot(x, y, "-", lw=0.8, color=_COLOURS["iceclass"])
            chosen = [k for k, point in enumerate(own) if point["leaning"] == 0]
            axes.plot([x[k] for k in chosen], [y[k] for k in chosen], "o", label="iceclass")
            large = [r for r in rows if r["group"] in own[0]["groups"]]
            for name, label, mark in (
                ("chill_plus", "CHILL+", "s"),
                ("chill_plus_interfacial", "CHILL+ with interfacial ice", "D"),
                ("q6", "q̄₆", "^"),
            ):
                means = [np.mean([r[f"{name}_{w}"] for r in large]) for w in ("excess", "recall")]
                axes.plot(*(100 * np.array(means)[:, None]), mark, label=label)
            axes.set_xlim(0, 50)
            axes.set_title(f"nuclei of {own[0]['least']} and more, {kind}")
            axes.set_xlabel("called ice beside the seed, % of it")
        panels[0].set_ylabel("of the seed called ice, %")
        panels[0].legend(loc="lower right")
        save(figure, path)


def glasses_figure(part: dict[str, Any], path: Path) -> None:
    """Cold liquids right over glasses right as glasses are made likelier.

    Nothing is drawn where there are not both.
    """
    curve = part["trade_off"]
    if not curve:
        return
    as_it_is = [k for k, point in enumerate(curve) if point["leaning"] == 0]
    with style():
        figure = new_figure(COLUMN, 2.6)
        axes = figure.subplots()
        for prefix, label, look in (
            ("", "mean of the trajectories", "-"),
            ("least_", "the worst of each", ":"),
        ):
            x, y = ([100 * p[f"{prefix}{kind}"] for p in curve] for kind in ("glass", "liquid"))
            axes.plot(x, y, look, lw=0.8, color=_COLOURS["iceclass"], label=label)
            axes.plot([x[k] for k in as_it_is], [y[k] for k in as_it_is], "o", color="black")
        axes.set_xlim(80, 100.5)
        axes.set_ylim(80, 100.5)
        axes.set_xlabel("glasses right, % of molecules")
        axes.set_ylabel("coldest liquids right, %")
        axes.legend(loc="lower left")
        save(figure, path)


FIGURES: dict[str, Callable[[dict[str, Any], Path], None]] = {
    "stacking": stacking_figure,
    "novelty": novelty_figure,
    "robustness": robustness_figure,
    "interfaces": interfaces_figure,
    "glasses": glasses_figure,
    "nuclei": nuclei_figure,
}
"""Part → its figure."""
