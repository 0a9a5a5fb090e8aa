"""What the network makes of the environments: its last hidden layer, in the plane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.splits import balanced_rows
from iceclass.datasets.table import Table, order_classes
from iceclass.errors import InputError, MissingDependencyError, unknown_name
from iceclass.model.network import Model
from iceclass.phases import colour_of, label_of
from iceclass.prediction import Prediction
from iceclass.reports.mistakes import wrong_rows
from iceclass.reports.style import COLUMN, new_figure, save, style

METHODS = ("pca", "tsne")

MIN_ROWS = 5
"""Fewer make no map."""


@dataclass(frozen=True, eq=False)
class HiddenMap:
    """P rows of a table, placed by the 100 tanh units before the softmax.

    Attributes
    ----------
    method
        One of :data:`METHODS`.
    positions
        (P, K) float64: principal components, K at most 4; or the plane of t-SNE.
    explained
        (K,) float64. Share of the units' variance each component holds; NaN for t-SNE.
    rows
        (P,) int64. Their places in the table.
    phase
        (P,) strings. Of the trajectory.
    wrong
        (P,) bool. Labelled as another.
    """

    method: str
    positions: NDArray[np.float64]
    explained: NDArray[np.float64]
    rows: NDArray[np.int64]
    phase: NDArray[np.str_]
    wrong: NDArray[np.bool_]


def hidden_map(
    model: Model,
    table: Table,
    prediction: Prediction | None = None,
    *,
    method: str = "pca",
    per_phase: int = 300,
    mistakes: int = 100,
    seed: int = 0,
) -> HiddenMap:
    """The map of some rows of a table.

    Parameters
    ----------
    prediction
        What the model says of the table; default: it is asked.
    method
        "pca": principal components of ``per_phase`` rows of each phase, on which the others are
        projected. "tsne": t-SNE of all of them, which keeps neighbours together and distances not.
    per_phase
        Rows drawn of each phase.
    mistakes
        At most so many rows labelled wrong, drawn beside those.

    Raises
    ------
    InputError
        Unknown method, or fewer than :data:`MIN_ROWS` rows.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise MissingDependencyError("the map", "scikit-learn", "train") from error
    prediction = model.predict(table.features) if prediction is None else prediction
    wrong = wrong_rows(prediction, table)
    drawn = balanced_rows(table.target(order_classes(table.phase.tolist())), per_phase, seed)
    if len(drawn) < MIN_ROWS:
        raise InputError(f"a map of {len(drawn)} environments, expected {MIN_ROWS} or more")
    others = np.setdiff1d(np.flatnonzero(wrong), drawn)
    others = np.sort(np.random.default_rng(seed).permutation(others)[:mistakes])
    rows = np.concatenate([drawn, others]).astype(np.int64)
    units = model.hidden(table.features[rows]).astype(np.float64)
    if method == "pca":
        fit = PCA(n_components=4, svd_solver="full").fit(units[: len(drawn)])
        positions, explained = fit.transform(units), fit.explained_variance_ratio_
    else:
        perplexity = min(30.0, (len(rows) - 1) / 3)
        embedding = TSNE(init="pca", perplexity=perplexity, random_state=seed)
        positions = embedding.fit_transform(units).astype(np.float64)
        explained = np.full(2, np.nan)
    return HiddenMap(
        method=method,
        positions=positions,
        explained=explained,
        rows=rows,
        phase=table.phase[rows],
        wrong=wrong[rows],
    )


def hidden_map_figure(
    found: HiddenMap, path: str | Path, *, axes: tuple[int, int] = (0, 1), force: bool = True
) -> Path:
    """Draw two of the map's axes: dots in the colour of their phase, a cross on mistakes."""
    x, y = found.positions[:, axes[0]], found.positions[:, axes[1]]
    phases = order_classes(found.phase.tolist())
    with style():
        figure = new_figure(COLUMN, 4.0)
        plane = figure.add_subplot()
        for name in phases:
            own = found.phase == name
            colour = colour_of(name, phases)
            plane.scatter(x[own], y[own], s=6, color=colour, alpha=0.6, linewidths=0)
            plane.scatter([], [], s=22, color=colour, label=label_of(name))
        if found.wrong.any():
            plane.scatter(
                x[found.wrong],
                y[found.wrong],
                s=7,
                marker="x",
                color="black",
                linewidths=0.5,
                label="mistake",
            )
        for set_label, k in ((plane.set_xlabel, axes[0]), (plane.set_ylabel, axes[1])):
            share = found.explained[k]
            set_label(
                f"t-SNE {k + 1}" if np.isnan(share) else f"component {k + 1} ({100 * share:.0f} %)"
            )
        figure.legend(loc="outside upper center", ncols=4, columnspacing=1.0, handletextpad=0.3)
        return save(figure, path, force=force)
