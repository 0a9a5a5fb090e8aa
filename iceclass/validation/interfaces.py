"""Ice beside water: labels against CHILL+'s by the distance from the interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis.nuclei import ICE_I
from iceclass.datasets.reference import find_data
from iceclass.errors import InputError
from iceclass.external.ovito import chill_plus
from iceclass.frame import Frame
from iceclass.io import Trajectory
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN
from iceclass.validation.inputs import Inputs
from iceclass.validation.means import mean_over

WIDTH = 2.0
"""Å, of the layers distances are counted in."""
BULK = 8.0
"""Å from the interface, beyond which a molecule is in the bulk."""
SMOOTHING = 1.5
"""Å, standard deviation of the smoothing of the profile the interface is found in."""
DEMO = "../../demo/melting-slab.lammpstrj.gz"
"""From the data sets of a checkout to its demo."""
_FINE = 0.25


def slab_distance(frame: Frame, ice: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N,) Å to the nearer of the two faces of a slab across the third vector, positive in ice.

    The faces are where half of the molecules of a smoothed profile are ice.

    Raises
    ------
    InputError
        There are not two faces.
    """
    length = float(np.linalg.det(frame.cell) / np.linalg.norm(np.cross(*frame.cell[:2])))
    bins = max(8, round(length / _FINE))
    place = ((frame.positions - frame.origin) @ np.linalg.inv(frame.cell))[:, 2] % 1.0
    all_, own = (np.histogram(x, bins, (0.0, 1.0))[0] for x in (place, place[ice]))
    width = length / bins
    away = np.minimum(np.arange(bins), bins - np.arange(bins)) * width
    kernel = np.fft.rfft(np.exp(-0.5 * (away / SMOOTHING) ** 2))
    smooth = [np.fft.irfft(np.fft.rfft(x) * kernel, bins) for x in (own, all_)]
    share = smooth[0] / np.maximum(smooth[1], 1e-9)
    after = np.roll(share, -1)
    crossing = np.flatnonzero((share > 0.5) != (after > 0.5))
    if len(crossing) != 2:
        raise InputError(f"found {len(crossing)} faces between ice and water, expected 2")
    faces = (crossing + 0.5 + (0.5 - share[crossing]) / (after - share)[crossing]) * width
    z = place * length
    apart = np.abs(z[:, None] - faces)
    nearest = np.minimum(apart, length - apart).min(axis=1)
    rising = share[crossing[0]] < 0.5  # ice between the two faces, or around the boundary
    between = (z > faces[0]) & (z < faces[1])
    return np.where(between == rising, nearest, -nearest)


def nucleus_distance(frame: Frame, ice: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N,) Å to the surface of a sphere with as many molecules as are ice, positive in ice.

    About the middle of the molecules that are ice, as the circular mean of each coordinate.

    Raises
    ------
    InputError
        Nothing is ice.
    """
    if not ice.any():
        raise InputError("no molecule is ice, expected a nucleus")
    place = (frame.positions - frame.origin) @ np.linalg.inv(frame.cell)
    angle = np.angle(np.exp(2j * np.pi * place[ice]).mean(axis=0)) / (2 * np.pi)
    step = place - angle
    away = np.linalg.norm((step - np.round(step)) @ frame.cell, axis=1)
    radius = np.sort(away)[np.count_nonzero(ice) - 1]
    return np.asarray(radius - away)


def measure(inputs: Inputs) -> dict[str, Any]:
    """Rows of the layers of every system, and their sums over ice, interface and liquid.

    Raises
    ------
    MissingDependencyError
        OVITO is not installed.
    """
    trained = inputs.trained_on("interface")
    rows = [
        {**row, "trained": trained}
        for system in systems(inputs)
        for row in interface_rows(inputs.model, *system)
    ]
    return {"bulks": bulks(rows), "rows": rows}


def systems(inputs: Inputs) -> Iterator[tuple[str, str, Sequence[Frame]]]:
    """Name, shape and frames of everything with an interface."""
    for t in inputs.data("interfaces.h5"):
        name = f"{t.metadata['shape']}, {t.model}, {t.temperature:g} K"
        yield name, str(t.metadata["shape"]), t.frames
    with Trajectory(find_data(DEMO, inputs.directory)) as trajectory:
        frames = tuple(trajectory)[:6:2]  # later, there is no ice left
    yield "melting slab, tip4p-ice, 310 K", "slab", frames


DISTANCES = {"slab": slab_distance, "nucleus": nucleus_distance}


def interface_rows(
    model: Model, name: str, shape: str, frames: Sequence[Frame]
) -> list[dict[str, Any]]:
    """One row a layer: how model and CHILL+ agree on what is ice, and what each calls it.

    ``agreement``: both say ice (Ih or Ic) or neither does; a molecule called unknown never
    agrees. ``same_phase``: among those both call ice, Ih or Ic alike.
    """
    distances, called, said = [], [], []
    for frame in frames:
        chill = chill_plus(frame)
        distances.append(DISTANCES[shape](frame, np.isin(chill, ICE_I)))
        called.append(chill)
        said.append(model.classify(frame).names)
    d, c, m = np.concatenate(distances), np.concatenate(called), np.concatenate(said)
    layer = np.floor(d / WIDTH).astype(int)
    rows = []
    for k in np.unique(layer):
        chosen = layer == k
        rows.append(
            {
                "system": name,
                "from": float(k * WIDTH),
                "to": float((k + 1) * WIDTH),
                **_agreement(c[chosen], m[chosen]),
            }
        )
    return rows


def _agreement(called: NDArray[np.str_], said: NDArray[np.str_]) -> dict[str, Any]:
    ice, ours = np.isin(called, ICE_I), np.isin(said, ICE_I)
    both = ice & ours
    return {
        "molecules": len(called),
        "agreement": float(np.mean((ice == ours) & (said != UNKNOWN))),
        "same_phase": float(np.mean(called[both] == said[both])) if both.any() else None,
        "ice_model": float(np.mean(ours)),
        "ice_chill_plus": float(np.mean(ice)),
        "water": float(np.mean(said == "water")),
        "unknown": float(np.mean(said == UNKNOWN)),
    }


def bulks(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per system: agreement in the ice, in the liquid, and between."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        where = "ice" if row["from"] >= BULK else "liquid" if row["to"] <= -BULK else "interface"
        found.setdefault((row["system"], where), []).append(row)
    keys = ("agreement", "ice_model", "ice_chill_plus", "water", "unknown")
    return [
        {
            "system": system,
            "where": where,
            "molecules": sum(row["molecules"] for row in parts),
            **{key: mean_over(parts, key) for key in keys},
        }
        for (system, where), parts in found.items()
    ]
