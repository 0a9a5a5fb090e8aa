"""Is a trajectory what it was made to be? Accepted or rejected by physics, with the reasons.

A trajectory's label is how it was made and nothing else; what is measured here never becomes a
label. It only rejects a trajectory that melted, crystallised, transformed or was simulated badly.
:class:`iceclass.acceptance.criteria.Thresholds` says what each check asks for, and why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.acceptance.criteria import Thresholds, violations
from iceclass.acceptance.densities import expected_density
from iceclass.acceptance.results import Checks
from iceclass.acceptance.structure import (
    RadialDistribution,
    ice_fractions,
    mean_square_displacement,
    radial_distribution,
)
from iceclass.errors import InputError
from iceclass.files import write_text
from iceclass.frame import Frame

FORMAT = "iceclass-checks"
FORMAT_VERSION = 1


def check(
    metadata: Mapping[str, Any],
    frames: Sequence[Frame],
    *,
    name: str = "",
    thresholds: Thresholds | None = None,
) -> Checks:
    """Measure a trajectory and judge it.

    Parameters
    ----------
    metadata
        As in the ``.json`` file beside a trajectory made by ``iceclass generate``.
    frames
        T frames of N oxygens, equally far apart in time.
    name
        For the record; default: preparation and state point.
    thresholds
        Default: :class:`Thresholds`.

    Raises
    ------
    InputError
        The metadata lacks something, or the frames are none or not of one simulation.
    MissingDependencyError
        OVITO is not installed.
    """
    limits = thresholds or Thresholds()
    needed = ("phase", "preparation", "temperature", "pressure", "water_model", "energy_drift")
    for key in (*needed, "mean_temperature"):
        if key not in metadata:
            raise InputError(f"the metadata lacks {key!r}", hint="see iceclass generate --md")
    phase = str(metadata["phase"])
    temperature, pressure = float(metadata["temperature"]), float(metadata["pressure"])
    model = str(metadata["water_model"])
    g = radial_distribution(frames)
    moved = mean_square_displacement(frames)
    interval = _interval(metadata, frames)
    hexagonal, cubic = ice_fractions(frames)
    expected = expected_density(phase, model, temperature, pressure)
    facts: dict[str, Any] = {
        "name": name or f"{metadata['preparation']}_{temperature:g}K_{pressure:g}GPa",
        "phase": phase,
        "preparation": str(metadata["preparation"]),
        "water_model": model,
        "temperature": temperature,
        "pressure": pressure,
        "frames": len(frames),
        "molecules": frames[0].n_molecules,
        "interval": interval,
        "density": float(np.mean([f.density for f in frames])),
        "expected_density": expected.density if expected else None,
        "density_tolerance": expected.tolerance if expected else None,
        **{
            f.name: getattr(g, f.name)
            for f in fields(RadialDistribution)
            if f.name not in ("r", "g")
        },
        "mean_square_displacement": tuple(float(x) for x in moved[1:]),
        "diffusion": _diffusion(moved, interval),
        "hexagonal": hexagonal,
        "cubic": cubic,
        "energy_drift": float(metadata["energy_drift"]),
        "mean_temperature": float(metadata["mean_temperature"]),
    }
    # what is printed is what is stored; digits beyond are noise
    facts = {k: _rounded(v) for k, v in facts.items()}
    draft = Checks(**facts, g=tuple(round(float(x), 3) for x in g.g), reasons=())
    return replace(draft, reasons=tuple(violations(draft, limits)))


def _interval(metadata: Mapping[str, Any], frames: Sequence[Frame]) -> float:
    """ps between frames: what the file says, or else what the run was told."""
    times = [f.time for f in frames]
    if len(times) > 1 and times[0] is not None and times[-1] is not None:
        return (times[-1] - times[0]) / (len(times) - 1)
    dynamics = metadata.get("definition", {}).get("dynamics", {})
    if "interval" not in dynamics:
        raise InputError("neither the frames nor the metadata tell the time between frames")
    return float(dynamics["interval"])


def _diffusion(moved: NDArray[np.float64], interval: float) -> float | None:
    """Å²/ps from the displacement at 1 ps and at half the trajectory, where noise is small."""
    half, start = (len(moved) - 1) // 2, max(1, round(1.0 / interval))
    if half <= start:
        return None
    slope = np.polyfit(interval * np.arange(start, half + 1), moved[start : half + 1], 1)[0]
    return float(slope) / 6.0


def _rounded(value: Any) -> Any:
    """Six significant digits of numbers, the rest as it is."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, tuple):
        return tuple(_rounded(v) for v in value)
    return value


def write_checks(path: Path, checks: Sequence[Checks], thresholds: Thresholds) -> None:
    """Write the checks of many trajectories to one JSON file, replacing it."""
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "thresholds": asdict(thresholds),
        "trajectories": [c.to_dict() for c in checks],
    }
    write_text(path, _json(content) + "\n", force=True)


def _json(content: Mapping[str, Any]) -> str:
    """JSON with one line for each trajectory."""
    rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in content["trajectories"])
    head = json.dumps({k: v for k, v in content.items() if k != "trajectories"}, indent=1)
    return f'{head[:-2]},\n "trajectories": [\n{rows}\n ]\n}}'


def read_checks(path: Path) -> tuple[Checks, ...]:
    """The checks in a file of :func:`write_checks`.

    Raises
    ------
    InputError
        The file is missing or is something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"not a file of checks: {error}", path=path) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError("not a file of checks", path=path)
    if content.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"checks of version {content.get('format_version')}, expected {FORMAT_VERSION}",
            path=path,
        )
    return tuple(Checks.from_dict(row) for row in content["trajectories"])
