"""``iceclass info``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from iceclass.cli.options import PATH, types_option


@click.command(short_help="Tell what a trajectory, feature store or model holds.")
@click.argument("file", type=PATH)
@types_option
def command(file: Path, types: dict[str, str] | None) -> None:
    """Tell what a trajectory, feature store or model holds.

    \b
    Examples:
      iceclass info traj.lammpstrj
      iceclass info soap-325.h5
      iceclass info default
    """
    from iceclass.model.file import shipped_models

    if file.suffix == ".safetensors":
        lines = _model(file)
    elif not file.exists() and str(file) in shipped_models():
        lines = _model(shipped_models()[str(file)])
    elif _is_hdf5(file):
        lines = _hdf5(file)
    else:
        lines = _trajectory(file, types)
    click.echo("\n".join(f"{name + ':':<14}{value}" for name, value in lines))


Lines = list[tuple[str, str]]


def _model(path: Path) -> Lines:
    from iceclass.model.file import load_model
    from iceclass.model.summary import facts_of

    facts = facts_of(load_model(path), path)
    lines = [
        ("model", f"{facts.name}, id {facts.model_id}"),
        ("descriptor", f"{facts.descriptor}, {facts.n_features} features"),
        ("parameters", _pairs(facts.parameters)),
        ("classes", ", ".join(f"{k}={name}" for k, name in enumerate(facts.classes))),
        ("unknown", "detected" if facts.novelty else "never"),
        ("temperature", f"{facts.temperature:.3f}"),
    ]
    if facts.versions:
        lines.append(("made with", _pairs(facts.versions)))
    if facts.test is not None:
        lines.append(("test", _pairs(facts.test.figures)))
    for name, side in facts.sides.items():
        lines.append(
            (
                name,
                f"{side.rows} environments, {side.trajectories} trajectories, "
                f"{side.n_preparations} preparations",
            )
        )
    return lines


def _is_hdf5(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def _hdf5(path: Path) -> Lines:
    from iceclass.datasets.reference import is_reference, load_reference
    from iceclass.datasets.store import FeatureStore

    if is_reference(path):
        data = load_reference(path)
        lines = [("trajectories", str(len(data)))]
        groups = [(t.phase, t.preparation, 1) for t in data]
    else:
        store = FeatureStore.open(path)
        lines = [
            ("features", f"{store.descriptor.name}, {store.descriptor.n_features} features"),
            ("parameters", _pairs(store.descriptor.to_dict())),
            ("trajectories", str(len(store.trajectories))),
            ("environments", str(store.n_rows)),
        ]
        groups = [(t.phase, t.preparation, t.n_rows) for t in store.trajectories]
    for phase in dict.fromkeys(phase for phase, _, _ in groups):
        own = [(p, n) for ph, p, n in groups if ph == phase]
        rows = f", {sum(n for _, n in own)} environments" if not is_reference(path) else ""
        preparations = len({p for p, _ in own})
        lines.append((phase, f"{len(own)} trajectories of {preparations} preparations{rows}"))
    return lines


def _trajectory(path: Path, types: dict[str, str] | None) -> Lines:
    from iceclass.io import Trajectory

    steps: list[int] = []
    molecules: list[int] = []
    densities: list[float] = []
    with Trajectory(path, types=types) as trajectory:
        for frame in trajectory:
            if not steps:
                first = frame
            steps.append(frame.timestep)
            molecules.append(frame.n_molecules)
            if frame.pbc.all():
                densities.append(frame.density)
        lines = [("format", trajectory.format), ("sites", str(trajectory.atom_roles))]
    columns = ", ".join(first.atoms.columns) if first.atoms is not None else "positions"
    a, b, c = np.linalg.norm(first.cell, axis=1)
    boundary = " ".join("periodic" if p else "open" for p in first.pbc)
    return [
        *lines,
        ("frames", f"{len(steps)}, timesteps {steps[0]} to {steps[-1]}"),
        ("molecules", _span(molecules, "d")),
        ("atoms", str(len(first.atoms)) if first.atoms is not None else str(molecules[0])),
        ("columns", columns),
        ("first cell", f"{a:.3f} × {b:.3f} × {c:.3f} Å, {boundary}"),
        (
            "density",
            _span(densities, ".4f") + " g/cm³" if densities else "unknown, open boundaries",
        ),
    ]


def _span(values: list[float] | list[int], form: str) -> str:
    low, high = min(values), max(values)
    return f"{low:{form}}" if low == high else f"{low:{form}} to {high:{form}}"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{k} {v:.5g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items()
    )
