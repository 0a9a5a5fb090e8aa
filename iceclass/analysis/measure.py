"""Numbers of a labelled trajectory for a paper: interfaces, nuclei, surface layers, stacking.

Each is one row a frame, in constant memory but for those rows, and a summary over the frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis.comparison import OPINIONS, calls_ice, opinions
from iceclass.analysis.interfaces import SMOOTHING, Interfaces, find_interfaces
from iceclass.analysis.nuclei import (
    R_CUT,
    Nucleus,
    crystals,
    ice_i,
    is_one_of,
    largest_nucleus,
)
from iceclass.analysis.observer import AXES
from iceclass.analysis.stacking import Stacking, cubicity, followers, runs, stacking
from iceclass.analysis.statistics import block_average
from iceclass.analysis.surfaces import find_slab
from iceclass.analysis.trend import trend
from iceclass.errors import InputError, unknown_name
from iceclass.frame import Frame
from iceclass.neighbours import neighbour_list

MEASURES = ("interfaces", "nuclei", "surfaces", "stacking")
"""What can be measured."""

DEFINITIONS = ("ice", "crystal", "chill+", "q6bar")
"""Of what a nucleus is made: ice I, any crystal, or what the second opinions call ice."""

MAX_INTERFACES = 8
"""Interfaces of a frame that have columns of their own."""

FEMTOSECONDS_IN_PICOSECOND = 1000.0
METRES_PER_SECOND = 100.0  # in an Å per ps

Row = dict[str, Any]


@dataclass(frozen=True)
class MeasureOptions:
    """How to measure.

    Attributes
    ----------
    axis
        Across interfaces and surfaces, as of :class:`iceclass.analysis.profile.Profile`.
    ordered
        Classes that are the ordered phase of interfaces and surfaces; default: all crystals.
    definitions
        From :data:`DEFINITIONS`.
    r_cut
        Å, within which molecules of a nucleus are connected.
    smoothing
        Å, of the profile in which interfaces are looked for.
    timestep
        fs of a step, where the file does not tell the time.

    Raises
    ------
    InputError
        Unknown definition, or a time step that is not positive.
    """

    axis: str = "z"
    ordered: tuple[str, ...] | None = None
    definitions: tuple[str, ...] = ("ice", "crystal")
    r_cut: float = R_CUT
    smoothing: float = SMOOTHING
    timestep: float | None = None

    def __post_init__(self) -> None:
        for name in self.definitions:
            if name not in DEFINITIONS:
                raise unknown_name("definition of a nucleus", name, DEFINITIONS)
        if self.timestep is not None and not 0.0 < self.timestep < np.inf:
            raise InputError(f"time step {self.timestep} fs, expected a positive time")


@dataclass
class Measured:
    """One measure of all frames.

    Attributes
    ----------
    name
        From :data:`MEASURES`.
    rows
        One a frame (and definition, for nuclei): column → value, ``None`` where there is none.
    summary
        Over the frames; JSON-serialisable.
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


def measure(
    frames: Iterable[tuple[int, Frame, NDArray[np.int64]]],
    classes: Sequence[str],
    what: Sequence[str] = MEASURES,
    options: MeasureOptions = MeasureOptions(),
) -> dict[str, Measured]:
    """Measure labelled frames.

    Parameters
    ----------
    frames
        Number, frame and (N,) labels of each; −1 unknown. Molecules that were not asked about are
        to be left out.
    classes
        The C class names.
    what
        From :data:`MEASURES`.

    Returns
    -------
    dict
        Those of ``what`` for which there was anything to measure: interfaces only where there are
        two phases along the axis, surfaces only of a slab in vacuum, stacking only of ice I.

    Raises
    ------
    InputError
        Unknown measure or class, no frames.
    MissingDependencyError
        A definition needs mdapy or freud.
    """
    for name in what:
        if name not in MEASURES:
            raise unknown_name("measure", name, MEASURES)
    ordered = crystals(classes) if options.ordered is None else options.ordered
    for name in ordered:
        if name not in classes:
            raise unknown_name("class", name, classes)
    if options.axis not in AXES:
        raise unknown_name("axis", options.axis, AXES)
    number = -1
    found = {name: Measured(name) for name in MEASURES if name in what}
    for number, frame, labels in frames:
        start = {"frame": number, "timestep": int(frame.timestep), "time": _time(frame, options)}
        solid = is_one_of(labels, classes, ordered)
        across = _reaches(frame, options.axis)
        if "interfaces" in found and across:
            found["interfaces"].rows.append({**start, **_interfaces(frame, solid, options)})
        if "surfaces" in found and across:
            row = _surfaces(frame, solid, options)
            if row is not None:
                found["surfaces"].rows.append({**start, **row})
        if "nuclei" in found or "stacking" in found:
            ice = None
            for definition in options.definitions if "nuclei" in found else ():
                member = _members(definition, frame, labels, classes)
                nucleus = largest_nucleus(frame, member, options.r_cut)
                row = _nucleus(nucleus, labels, classes)
                layers = _layers(frame, nucleus, labels, classes)
                row["stacking"] = "" if layers is None else layers.sequence
                found["nuclei"].rows.append({**start, "definition": definition, **row})
                if definition == "ice":
                    ice = nucleus, layers
            if "stacking" in found:
                if ice is None:
                    nucleus = largest_nucleus(
                        frame, _members("ice", frame, labels, classes), options.r_cut
                    )
                    ice = nucleus, _layers(frame, nucleus, labels, classes)
                row = _stacking(ice[1], labels, classes)
                if row is not None:
                    found["stacking"].rows.append({**start, **row})
    if number < 0:
        raise InputError("there are no frames to measure")
    summaries = {
        "interfaces": _interfaces_summary,
        "nuclei": _nuclei_summary,
        "surfaces": _surfaces_summary,
        "stacking": _stacking_summary,
    }
    if "interfaces" in found and not any(row["interfaces"] for row in found["interfaces"].rows):
        del found["interfaces"]
    found = {name: measured for name, measured in found.items() if measured.rows}
    for name, measured in found.items():
        measured.summary = {
            "measure": name,
            "frames": len({row["frame"] for row in measured.rows}),
            "options": asdict(options) | {"ordered": list(ordered)},
            **summaries[name](measured.rows),
        }
    return found


def _reaches(frame: Frame, axis: str) -> bool:
    """Whether the cell has an extent along the axis: a droplet in vacuum has not."""
    if axis in "abc":
        return bool(frame.cell["abc".index(axis)].any())
    return bool(frame.cell[:, "xyz".index(axis)].any())


def _time(frame: Frame, options: MeasureOptions) -> float | None:
    """ps."""
    if options.timestep is not None:
        return frame.timestep * options.timestep / FEMTOSECONDS_IN_PICOSECOND
    return frame.time


def _members(
    definition: str, frame: Frame, labels: NDArray[np.int64], classes: Sequence[str]
) -> NDArray[np.bool_]:
    if definition == "ice":
        return is_one_of(labels, classes, ice_i(classes))
    if definition == "crystal":
        return is_one_of(labels, classes, crystals(classes))
    column = opinions(frame, [definition], labels, classes)[OPINIONS[definition].column]
    return calls_ice(definition, column)


def _interfaces(frame: Frame, solid: NDArray[np.bool_], options: MeasureOptions) -> Row:
    result: Interfaces = find_interfaces(frame, solid, options.axis, smoothing=options.smoothing)
    row: Row = {
        "interfaces": len(result.interfaces),
        "thickness": result.thickness,
        "extent": result.extent,
    }
    for k in range(MAX_INTERFACES):
        there = result.interfaces[k] if k < len(result.interfaces) else None
        row[f"position{k + 1}"] = None if there is None else there.position
        row[f"width{k + 1}"] = None if there is None else there.width
        row[f"ordered_above{k + 1}"] = None if there is None else there.rises
    return row


def _interfaces_summary(rows: Sequence[Row]) -> dict[str, Any]:
    counts = [row["interfaces"] for row in rows]
    there = [n for n in counts if n]
    if not there:
        return {"interfaces": 0, "velocity": None}
    usual = max(sorted(set(there)), key=there.count)
    own = [row for row in rows if row["interfaces"] == usual]
    widths = [
        np.mean([row[f"width{k + 1}"] for k in range(min(usual, MAX_INTERFACES))]) for row in own
    ]
    told: dict[str, Any] = {
        "interfaces": usual,
        "frames_with_as_many": len(own),
        "width": _average(widths),
        "velocity": None,
    }
    timed = all(row["time"] is not None for row in own)
    times = [row["time"] if timed else row["timestep"] for row in own]
    if len(set(times)) > 1:
        found = trend(times, [row["thickness"] / usual for row in own])
        scale = METRES_PER_SECOND if timed else 1.0
        error = None if found.standard_error is None else scale * found.standard_error
        told["velocity"] = {
            "value": scale * found.slope,
            "standard_error": error,
            "unit": "m/s" if timed else "Å/step",
            "positive": "the ordered phase grows",
            "frames": found.frames,
            "block": found.block,
            "blocks": found.blocks,
            "converged": found.converged,
        }
    return told


def _average(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Mean and block error over the frames that have a value."""
    own = [value for value in values if value is not None]
    return asdict(block_average(own)) if own else None


def _surfaces(frame: Frame, solid: NDArray[np.bool_], options: MeasureOptions) -> Row | None:
    if frame.volume == 0.0:
        return None
    slab = find_slab(frame, solid, options.axis)
    if slab is None:
        return None
    return {
        "low": slab.low,
        "high": slab.high,
        "number_density": slab.density,
        "lower": slab.lower,
        "upper": slab.upper,
        "thickness": slab.thickness,
    }


def _surfaces_summary(rows: Sequence[Row]) -> dict[str, Any]:
    return {key: _average([row[key] for row in rows]) for key in ("thickness", "lower", "upper")}


def _nucleus(nucleus: Nucleus, labels: NDArray[np.int64], classes: Sequence[str]) -> Row:
    own = labels[nucleus.molecules]
    hexagonal, cubic = (int(is_one_of(own, classes, [name]).sum()) for name in ("ih", "ic"))
    axes = nucleus.semi_axes
    return {
        "size": nucleus.size,
        "spans": nucleus.spans,
        "radius_of_gyration": nucleus.radius_of_gyration,
        "anisotropy": nucleus.anisotropy,
        **{f"axis{k + 1}": None if axes is None else float(axes[k]) for k in range(3)},
        "cubicity": cubicity(hexagonal, cubic),
    }


def _layers(
    frame: Frame, nucleus: Nucleus, labels: NDArray[np.int64], classes: Sequence[str]
) -> Stacking | None:
    """The layers of the molecules of ice I in a nucleus."""
    ice = is_one_of(labels[nucleus.molecules], classes, ice_i(classes))
    member = np.zeros(frame.n_molecules, dtype=bool)
    member[nucleus.molecules[ice]] = True
    if not ice.any():
        return None
    bonds = neighbour_list(frame.only(member), R_CUT)[2]
    cubic = is_one_of(labels[nucleus.molecules[ice]], classes, ["ic"])
    return stacking(nucleus.positions[ice], bonds, cubic)


def _nuclei_summary(rows: Sequence[Row]) -> dict[str, Any]:
    told = {}
    for definition in dict.fromkeys(row["definition"] for row in rows):
        own = [row for row in rows if row["definition"] == definition]
        largest = max(own, key=lambda row: row["size"])
        told[definition] = {
            "first": own[0]["size"],
            "last": own[-1]["size"],
            "largest": largest["size"],
            "largest_in_frame": largest["frame"],
            "mean": asdict(block_average([row["size"] for row in own])),
        }
    return {"largest_cluster": told}


def _stacking(
    layers: Stacking | None, labels: NDArray[np.int64], classes: Sequence[str]
) -> Row | None:
    hexagonal, cubic = (int(is_one_of(labels, classes, [name]).sum()) for name in ("ih", "ic"))
    if hexagonal + cubic == 0:
        return None
    sequence = "" if layers is None else layers.sequence
    return {
        "hexagonal": hexagonal,
        "cubic": cubic,
        "cubicity": cubicity(hexagonal, cubic),
        "sequence": sequence,
        "layers": len(sequence),
        "changes": followers([sequence])["hc"] + followers([sequence])["ch"],
        "spacing": None if layers is None else layers.spacing,
        "order": None if layers is None else layers.order,
        **{
            f"axis_{c}": None if layers is None else float(layers.axis[k])
            for k, c in enumerate("xyz")
        },
    }


def _stacking_summary(rows: Sequence[Row]) -> dict[str, Any]:
    sequences = [row["sequence"] for row in rows]
    pairs, lengths = followers(sequences), runs(sequences)

    def share(same: str, other: str) -> float | None:
        total = pairs[same] + pairs[other]
        return pairs[same] / total if total else None

    return {
        "cubicity": _average([row["cubicity"] for row in rows]),
        "last_sequence": sequences[-1],
        "pairs": pairs,
        "probability_that_cubic_follows_cubic": share("cc", "ch"),
        "probability_that_hexagonal_follows_hexagonal": share("hh", "hc"),
        "mean_run": {k: float(np.mean(v)) if v else None for k, v in lengths.items()},
    }
