"""``iceclass info``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from iceclass.cli.options import PATH, read_options
from iceclass.errors import InputError, UnitsError
from iceclass.frame import Frame
from iceclass.io.options import ReadOptions


@click.command(short_help="Tell what a trajectory, feature store or model holds.")
@click.argument("file", type=PATH)
@read_options("types", "cell", "force_cell", "units", "topology")
def command(file: Path, reading: ReadOptions) -> None:
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
        lines = _trajectory(file, reading)
    click.echo("\n".join(f"{name + ':':<14}{value}" for name, value in lines))


Lines = list[tuple[str, str]]


def _model(path: Path) -> Lines:
    from iceclass.model.file import load_model
    from iceclass.model.summary import summary_of

    facts = summary_of(load_model(path), path)
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


def _trajectory(path: Path, reading: ReadOptions) -> Lines:
    """About ten lines on a trajectory, the last of them what labels it."""
    try:
        return _trajectory_lines(path, reading, "")
    except UnitsError as error:
        units = replace(reading, units=error.units)
        return _trajectory_lines(
            path, units, f"{error.units}, guessed: {error.message.partition(': ')[2]}"
        )


def _trajectory_lines(path: Path, reading: ReadOptions, guessed: str) -> Lines:
    from iceclass.io import Trajectory

    steps: list[int] = []
    molecules: list[int] = []
    atoms: list[int] = []
    densities: list[float] = []
    with Trajectory(path, reading) as trajectory:
        for frame in trajectory:
            if not steps:
                first = frame
            steps.append(frame.timestep)
            molecules.append(frame.n_molecules)
            atoms.append(frame.n_molecules if frame.atoms is None else len(frame.atoms))
            if frame.pbc.all():
                densities.append(frame.density)
        roles = trajectory.atom_roles
        given = trajectory.options
    if not steps:
        raise InputError("there is no frame", path=path)
    assert roles is not None
    header = {} if first.atoms is None else first.atoms.header
    told = f"{header['units']}, as the file says" if "units" in header else "Å"
    if given.units is not None:
        told = guessed or f"{given.units}, as given"
    oxygen, *others = str(roles).split("; ")
    lines = [
        ("format", trajectory.format),
        ("frames", f"{len(steps)}, timesteps {steps[0]} to {steps[-1]}"),
        ("atoms", _span(atoms, "d")),
        ("molecules", f"{_span(molecules, 'd')} of water"),
        ("sites", "; ".join([oxygen, *(part for part in others if "hydrogen" in part)])),
        ("carried", _after(others, "carried unlabelled: ") or "nothing but water"),
        ("columns", ", ".join(first.atoms.columns) if first.atoms is not None else "positions"),
        ("first cell", _cell_of(first)),
        ("units", told),
        (
            "density",
            _span(densities, ".4f") + " g/cm³" if densities else "unknown, open boundaries",
        ),
    ]
    if roles.warning:
        lines.append(("warning", roles.warning))
    return [*lines, ("to label", _label_line(path, given, first))]


def _after(parts: list[str], beginning: str) -> str:
    return next((p.removeprefix(beginning) for p in parts if p.startswith(beginning)), "")


def _cell_of(frame: Frame) -> str:
    if not np.any(frame.cell):
        return "none"
    lengths = np.linalg.norm(frame.cell, axis=1)
    cosines = frame.cell @ frame.cell.T / np.outer(lengths, lengths)
    angles = np.degrees(np.arccos(cosines[[1, 0, 0], [2, 2, 1]]))
    text = " × ".join(f"{length:.3f}" for length in lengths) + " Å"
    if np.any(np.abs(angles - 90.0) > 1e-3):
        text += ", " + " ".join(f"{angle:.2f}°" for angle in angles)
    return text + ", " + " ".join("periodic" if p else "open" for p in frame.pbc)


def _label_line(path: Path, given: ReadOptions, first: Frame) -> str:
    """What labels the file as it was read here; for a file without a cell, with room for one."""
    from ase.geometry import cell_to_cellpar

    words = ["iceclass", "label", str(path)]
    if given.types is not None:
        words += ["--types", ",".join(f"{key}={element}" for key, element in given.types.items())]
    if given.topology is not None:
        words += ["--topology", str(given.topology)]
    if given.units is not None:
        words += ["--units", given.units]
    if given.cell is not None:
        words += ["--cell", ",".join(f"{number:.6g}" for number in cell_to_cellpar(given.cell))]
        words += ["--force-cell"] if given.force_cell else []
    line = shlex.join(words)
    return line if np.any(first.cell) else f"{line} --cell A,B,C"


def _span(values: list[float] | list[int], form: str) -> str:
    low, high = min(values), max(values)
    return f"{low:{form}}" if low == high else f"{low:{form}} to {high:{form}}"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{k} {v:.5g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items()
    )
