"""Mean |Integrated Gradients| of the leading features, over all classes and for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iceclass.evaluation.explain import Explanation
from iceclass.phases import label_of
from iceclass.reports.style import PAGE, SEQUENTIAL, new_figure, save, style


def importance_figure(
    explanation: Explanation, path: str | Path, *, n: int = 20, force: bool = True
) -> Path:
    """Draw the n leading features: bars of their mean |IG|, a heat map class by class."""
    order = explanation.leading(n)
    names = [explanation.feature_names[i] for i in order]
    with style():
        figure = new_figure(PAGE, 0.17 * len(order) + 1.5)
        bars, heat = figure.subplots(1, 2, sharey=True, width_ratios=(2, 3))
        rows = np.arange(len(order))
        bars.barh(rows, explanation.overall[order], color="#0072B2", height=0.75)
        bars.set_yticks(rows, names, fontsize=6.5)
        bars.set_ylim(len(order) - 0.5, -0.5)
        bars.tick_params(axis="y", length=0)
        bars.set_xlabel(f"mean |IG| of the {explanation.output}")
        bars.set_title("all classes", loc="left")
        values = explanation.mean_absolute[:, order].T
        image = heat.imshow(values, cmap=SEQUENTIAL, aspect="auto", vmin=0.0)
        labels = [label_of(name) for name in explanation.classes]
        heat.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
        heat.tick_params(length=0, labelleft=False)
        heat.spines[:].set_visible(False)
        heat.set_title("class by class", loc="left")
        figure.colorbar(image, ax=heat, label="mean |IG|", shrink=0.9)
        done = explanation.completeness
        figure.supxlabel(
            f"baseline: {explanation.baseline}; completeness error: worst "
            f"{100 * done.worst_relative:.2g} %, mean {100 * done.mean_relative:.2g} %",
            fontsize=6.5,
            x=0.01,
            ha="left",
        )
        return save(figure, path, force=force)
