"""Check what the environments' simulations have made and pack what is new of it.

    python -m pipelines.environments.pack RUNS

Every complete trajectory that is in no ``pipelines/data/environments-*.h5`` yet is checked; the
accepted ones go to a new file with the next number, so that no file is ever written twice. What
is rejected is recorded, with the reasons, in ``environments-rejected.json`` beside them. Those of
the plan ``ices.yaml`` are called ``ices``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from iceclass.acceptance.environments import check_environment
from iceclass.datasets.environments import (
    CHECKOUT,
    RESERVED_KINDS,
    RESERVED_MODELS,
    environment_files,
    load_environments,
)
from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.reference import write_reference
from iceclass.errors import IceclassError, InputError
from iceclass.files import write_json
from iceclass.frame import Frame
from iceclass.generation.construction import Arrangement, made, truth
from iceclass.generation.lattices import build
from iceclass.io import Trajectory
from pipelines.environments.plan import CONFIG, Job, read_plan

NAMES = ("environments", "ices")
"""What the files of the two plans begin with."""

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
"""What is taken over from a trajectory's description."""


def record_of(output: Path, name: str) -> Path:
    """The file of what was rejected."""
    return output / f"{name}-rejected.json"


def rejections(output: Path, name: str) -> dict[str, Any]:
    """Name → what was wrong with a trajectory."""
    record = record_of(output, name)
    found: dict[str, Any] = json.loads(record.read_text("utf-8")) if record.exists() else {}
    return found


def arranged(job: Job) -> Arrangement:
    """What a job starts from."""
    p = job.preparation
    return p.recipe.arrange(build(p.phase, p.model, seed=p.seed, size=p.size), p.phase)


def described(job: Job, description: dict[str, Any]) -> dict[str, Any]:
    """The description of a trajectory in the data set."""
    model, phases = job.preparation.model.name, description["construction"]["phases"]
    if job.split != "test" and (model in RESERVED_MODELS or job.kind in RESERVED_KINDS):
        raise InputError(f"{job.name}: {model} {job.kind} is for tests only, not {job.split}")
    return {
        "phase": phases[0] if len(phases) == 1 else "",
        "preparation": job.name,
        "group": job.group,
        "environment": job.kind,
        "split": job.split,
        "phases": phases,
        **{key: description[key] for key in KEPT},
    }


def new(
    jobs: list[Job], runs: Path, known: set[str]
) -> Iterator[tuple[str, dict[str, Any], tuple[Frame, ...], dict[str, NDArray[np.int8]]]]:
    """Name, description (with its checks), frames and arrays of what is not known yet."""
    for job in jobs:
        start: Arrangement | None = None
        for state in job.preparation.states:
            name = f"{job.name}_{state}"
            folder = job.directory(runs) / job.preparation.name
            path = folder / job.preparation.trajectory_name(state)
            if name in known or not path.is_file():
                continue
            description = read_metadata(path)
            if description is None:
                continue  # still being written
            start = start or arranged(job)
            construction = description["construction"]
            if start.to_dict() != construction:
                click.echo(f"{name}: left out, was made with another arrangement than the plan's")
                continue
            with Trajectory(path) as trajectory:
                frames = tuple(trajectory)
            told = truth(construction, start.structure.frame(), frames)
            checks = check_environment(description, job.kind, frames, told)
            arrays = {"made": made(construction), "truth": told}
            yield name, described(job, description) | {"checks": checks.to_dict()}, frames, arrays


@click.command(help=__doc__.splitlines()[0])
@click.argument("runs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--plan", type=click.Path(path_type=Path), default=CONFIG, show_default=True)
@click.option("--name", default=NAMES[0], show_default=True, help="What the files begin with.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=CHECKOUT)
def main(runs: Path, plan: Path, name: str, output: Path) -> None:
    try:
        files = environment_files(output)
        packed = {t.name for t in load_environments(output)} if files else set()
        rejected = rejections(output, name)
        entries, arrays = [], {}
        for one, description, frames, own in new(read_plan(plan), runs, packed | set(rejected)):
            reasons = description["checks"].pop("reasons")
            if reasons:
                rejected[one] = {"reasons": list(reasons), "checks": description["checks"]}
                click.echo(f"{one}: rejected: {'; '.join(reasons)}")
                continue
            entries.append((one, description, frames))
            arrays[one] = own
        if entries:
            numbers = [f.stem.removeprefix(f"{name}-") for f in files]
            number = 1 + max([int(one) for one in numbers if one.isdigit()], default=0)
            path = output / f"{name}-{number:02d}.h5"
            write_reference(path, entries, arrays=arrays)
            click.echo(
                f"{path}: {len(entries)} trajectories, {path.stat().st_size / 2**20:.2f} MiB"
            )
        write_json(record_of(output, name), rejected, force=True)
    except IceclassError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
