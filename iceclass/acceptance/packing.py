"""What is new of a plan's simulations: checked, the accepted trajectories packed as one more file.

Files of the environments are numbered and none is written twice. What is rejected is recorded with
the reasons in ``NAME-rejected.json`` beside them, and not looked at again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.acceptance.environments import check_environment
from iceclass.datasets.environments import PATTERNS, environment_files, load_environments
from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.reference import write_reference
from iceclass.files import write_json
from iceclass.frame import Frame
from iceclass.generation.construction import Arrangement, made, truth
from iceclass.generation.lattices import build
from iceclass.generation.plan import Job
from iceclass.io import Trajectory

NAMES = tuple(pattern.removesuffix("-*.h5") for pattern in PATTERNS)
"""What the files begin with."""

KEPT = (
    "iceclass_trajectory",
    "temperature",
    "pressure",
    "water_model",
    "molecules",
    "density",
    "mean_temperature",
    "energy_per_molecule",
    "energy_drift",
    "definition",
    "lattice",
    "repetition",
    "scripts_sha256",
    "versions",
)
"""What the description in the data set takes over from the trajectory's."""


@dataclass(frozen=True, eq=False)
class Checked:
    """A trajectory that is complete, as it is packed, and what the checks said of it.

    Attributes
    ----------
    name, description, frames
        As :func:`~iceclass.datasets.reference.write_reference` takes them.
    arrays
        ``made`` and ``truth``, see :mod:`iceclass.datasets.environments`.
    reasons
        Why it is rejected; empty for one that is accepted.
    """

    name: str
    description: dict[str, Any]
    frames: tuple[Frame, ...]
    arrays: dict[str, NDArray[np.int8]]
    reasons: list[str]


def rejections(output: Path, name: str) -> dict[str, Any]:
    """Name → what was wrong with a trajectory, of all that were ever rejected."""
    record = _record(output, name)
    found: dict[str, Any] = json.loads(record.read_text("utf-8")) if record.exists() else {}
    return found


def pack_new(
    jobs: Iterable[Job], runs: Path, output: Path, name: str, report: Callable[[str], None]
) -> Path | None:
    """Check what is not packed or rejected yet; the accepted ones become a file of their own.

    Parameters
    ----------
    runs
        Directory of the simulations.
    output
        Directory of the data set.
    name
        One of :data:`NAMES`.
    report
        Told what is rejected, with the reasons, and what is left out.

    Returns the file, or None where nothing new is accepted.

    Raises
    ------
    InputError
        What is in the directory is no data set of environments.
    """
    output.mkdir(parents=True, exist_ok=True)
    files = environment_files(output)
    packed = {t.name for t in load_environments(output)} if files else set()
    rejected, accepted = rejections(output, name), []
    for one in checked(jobs, runs, packed | set(rejected), report):
        if one.reasons:
            rejected[one.name] = {"reasons": one.reasons, "checks": one.description["checks"]}
            report(f"{one.name}: rejected: {'; '.join(one.reasons)}")
        else:
            accepted.append(one)
    path = None
    if accepted:
        numbers = [f.stem.removeprefix(f"{name}-") for f in files]
        number = 1 + max([int(one) for one in numbers if one.isdigit()], default=0)
        path = output / f"{name}-{number:02d}.h5"
        entries = [(one.name, one.description, one.frames) for one in accepted]
        write_reference(path, entries, arrays={one.name: one.arrays for one in accepted})
    write_json(_record(output, name), rejected, force=True)
    return path


def checked(
    jobs: Iterable[Job], runs: Path, known: Collection[str], report: Callable[[str], None]
) -> Iterator[Checked]:
    """Every complete trajectory that is not known yet."""
    for job in jobs:
        start: Arrangement | None = None
        for state in job.preparation.states:
            name = f"{job.name}_{state}"
            path = job.folder(runs) / job.preparation.trajectory_name(state)
            if name in known or not path.is_file():
                continue
            description = read_metadata(path)
            if description is None:
                continue  # still being written
            start = start or _arranged(job)
            construction = description["construction"]
            if start.to_dict() != construction:
                report(f"{name}: left out, was made with another arrangement than the plan's")
                continue
            with Trajectory(path) as trajectory:
                frames = tuple(trajectory)
            sites = start.structure.frame()
            told = truth(construction, sites, frames)
            found = check_environment(description, job.kind, frames, told, sites=sites)
            checks = found.to_dict()
            reasons = list(checks.pop("reasons"))
            arrays = {"made": made(construction), "truth": told}
            yield Checked(
                name, _described(job, description) | {"checks": checks}, frames, arrays, reasons
            )


def _record(output: Path, name: str) -> Path:
    return output / f"{name}-rejected.json"


def _arranged(job: Job) -> Arrangement:
    """What a job starts from."""
    p = job.preparation
    return p.recipe.arrange(build(p.phase, p.model, seed=p.seed, size=p.size), p.phase)


def _described(job: Job, description: dict[str, Any]) -> dict[str, Any]:
    """The description of a trajectory in the data set."""
    phases = description["construction"]["phases"]
    return {
        "phase": phases[0] if len(phases) == 1 else "",
        "preparation": job.name,
        "group": job.group,
        "environment": job.kind,
        "split": job.split,
        "phases": phases,
        **{key: description[key] for key in KEPT},
    }
