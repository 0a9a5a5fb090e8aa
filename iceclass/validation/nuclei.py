"""Nuclei of ice or hydrate in supercooled water: how many of the seed are found, and beside it.

The seed is what was held while the rest melted. Molecules of the boundary layer have no truth, but
were made to be either: recall and excess are counted over what each was made to be, as one would
count a nucleus, and beside them over the molecules with truth alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis.comparison import Q6_ICE, Q6_REACH
from iceclass.analysis.nuclei import ICE_I, largest_nucleus
from iceclass.external.freud import averaged_steinhardt
from iceclass.external.ovito import chill_plus
from iceclass.frame import Frame
from iceclass.generation.water_models import water_model
from iceclass.phases import HYDRATES
from iceclass.validation.environments import (
    Scene,
    head,
    scenes,
    trained,
    unseen_trajectories,
)
from iceclass.validation.inputs import Inputs
from iceclass.validation.leaning import LEANINGS, leaned

Method = Callable[[Frame], NDArray[np.bool_]]


def _q6(frame: Frame) -> NDArray[np.bool_]:
    return np.asarray(np.nan_to_num(averaged_steinhardt(frame, 6, Q6_REACH)) > Q6_ICE)


OTHERS: dict[str, tuple[Method, Method | None]] = {
    "chill_plus": (
        lambda frame: np.isin(chill_plus(frame), ICE_I),
        lambda frame: chill_plus(frame) == "hydrate",
    ),
    "chill_plus_interfacial": (
        lambda frame: np.isin(chill_plus(frame), (*ICE_I, "interfacial ice")),
        lambda frame: np.isin(chill_plus(frame), ("hydrate", "interfacial hydrate")),
    ),
    "q6": (_q6, None),
}
"""Name of a column's beginning → which molecules the method calls ice, which hydrate."""

LARGE = 150
"""Molecules of the seeds over which the trade-off is averaged."""


def measure(inputs: Inputs) -> dict[str, Any]:
    """Rows of the nuclei, one a trajectory.

    Raises
    ------
    MissingDependencyError
        OVITO or freud is not installed.
    """
    rows, curves = [], []
    for t in unseen_trajectories(inputs, "nucleus"):
        if not set(inputs.model.classes) >= set(t.metadata["phases"]):
            continue
        seen = list(scenes(inputs, t))
        every = [nucleus(scene) for scene in seen]
        means = {key: _mean([one[key] for one in every]) for key in every[0]}
        rows.append({**head(inputs, t), **means, "trained": trained(inputs, t)})
        curves.append(np.mean([leaning(inputs.model.classes, scene) for scene in seen], axis=0))
    return {"rows": rows, "trade_off": trade_off(rows, curves)}


def leaning(classes: Sequence[str], scene: Scene) -> NDArray[np.float64]:
    """(len(LEANINGS), 2) recall and excess of a seed, if ice were likelier by each factor."""
    kind = np.isin(classes, HYDRATES if np.isin(scene.made, HYDRATES).any() else ICE_I)
    seed = np.isin(scene.made, np.array(classes)[kind])
    called = kind[leaned(scene.probabilities, kind)]
    inside, outside = called[:, seed].sum(axis=1), called[:, ~seed].sum(axis=1)
    return np.column_stack([inside, outside]) / seed.sum()


def trade_off(
    rows: list[dict[str, Any]], curves: list[NDArray[np.float64]]
) -> list[dict[str, Any]]:
    """Means over the larger nuclei of ice, those of one-site and of atomistic models apart."""
    found = []
    for kind, one_site in (("one-site models", True), ("atomistic models", False)):
        chosen = [
            k
            for k, row in enumerate(rows)
            if row["seed"] >= LARGE
            and row["q6_recall"] is not None  # a seed of ice
            and water_model(row["water_model"]).one_site == one_site
        ]
        if chosen:
            groups = sorted({rows[k]["group"] for k in chosen})
            mean = np.mean([curves[k] for k in chosen], axis=0).tolist()
            found += [
                {"nuclei": kind, "least": LARGE, "groups": groups, "leaning": shift}
                | {"recall": recall, "excess": excess}
                for shift, (recall, excess) in zip(LEANINGS, mean, strict=True)
            ]
    return found


def nucleus(scene: Scene) -> dict[str, float | None]:
    """What is found of the seed in one frame; excess in units of the seed's size.

    ``size`` is that of the largest cluster of ice I, or of hydrates where the seed is one, by the
    model and by the other methods.
    """
    hydrate = bool(np.isin(scene.made, HYDRATES).any())
    kind = HYDRATES if hydrate else ICE_I
    seed = np.isin(scene.made, kind)
    sure = scene.sure
    ice = np.isin(scene.named, kind)
    found: dict[str, float | None] = {
        "molecules": len(seed),
        "seed": int(seed.sum()),
        "recall": _share(ice, seed),
        "excess": float((ice & ~seed).sum() / seed.sum()),
        "recall_inside": _share(ice, seed & sure),
        "excess_outside": float((ice & ~seed & sure).sum() / seed.sum()),
        "ghosts": float(scene.ghosts.mean()),
        "size": largest_nucleus(scene.frame, ice).size,
    }
    for name, methods in OTHERS.items():
        method = methods[hydrate]
        if method is None:
            found |= {f"{name}_{what}": None for what in ("recall", "excess", "size")}
            continue
        called = method(scene.frame)
        found |= {
            f"{name}_recall": _share(called, seed),
            f"{name}_excess": float((called & ~seed).sum() / seed.sum()),
            f"{name}_size": largest_nucleus(scene.frame, called).size,
        }
    return found


def _share(which: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    return float(which[among].mean()) if among.any() else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
