"""Make the data sets of ``iceclass validate`` from lattices and short molecular dynamics.

    iceclass environments run pipelines/config/validation.yaml -o runs-validation
    python -m pipelines.validation_sets runs-validation

The second writes pipelines/data (iceclass.datasets.reference): oxygens alone. Every stacking
sequence and lattice is there undisplaced, as trajectory NAME, and what the first has made of it, as
NAME_200K_0GPa.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np

from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.pack import Described
from iceclass.datasets.reference import BESIDE, write_reference
from iceclass.datasets.unwrapping import unwrapped
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.generation.construction import LEFT_SITE
from iceclass.generation.lattices import Size, Structure, build
from iceclass.generation.plan import Job, read_plan
from iceclass.generation.stacking import molecule_letters
from iceclass.generation.water_models import water_model
from iceclass.io import Trajectory
from iceclass.phases import CRYSTALS, PHASE_OF_LATTICE

STACKING = {side: BESIDE / f"stacking-{side}.h5" for side in ("train", "test")}
LATTICES = BESIDE / "lattices.h5"
INTERFACES = BESIDE / "interfaces.h5"

MODEL = water_model("tip4p-ice")

STILL = {
    "test": ("chhhhhhhcchchhhh", "cchhccccccchccch", "chhhchhhchchccc"),
    "train": ("chhchhcchccchhch", "cchcchccccchcch", "hhhccchhhhhhh"),
}
"""Stacking sequences without dynamics."""

BASAL = Size(repetition=(2, 3, 6))
"""Of ice Ih with the basal plane along x and y, which a slab in vacuum is made of."""

OTHER_ICES = {
    "ice-0": "ice0",
    "iv": "4",
    "vi": "6",
    "vii": "7",
    "viii": "8",
    "ix": "9",
    "xi": "11",
    "xii": "12",
    "xiii": "13",
    "xvii": "17",
    "cs1": "CS1",
    "cs2": "CS2",
}
"""What is written in tables → GenIce2's name."""


@cache
def planned() -> dict[str, Job]:
    """Lattice → what is simulated of it."""
    jobs = read_plan(Path(__file__).parent / "config" / "validation.yaml")
    return {job.preparation.phase: job for job in jobs}


def sequences(side: str) -> tuple[str, ...]:
    """The stacking sequences that train, or test."""
    jobs = (job for job in planned().values() if job.group.startswith(f"stacking-{side}"))
    return (*(job.preparation.phase[len("one[") : -1] for job in jobs), *STILL[side])


def undisplaced(name: str, lattice: str, frame: Frame, **more: Any) -> Described:
    """The lattice itself, at 0 K."""
    metadata = {
        "preparation": lattice,
        "water_model": "none",
        "temperature": 0.0,
        "pressure": 0.0,
        "density": frame.density,
        "lattice": lattice,
        **more,
    }
    return name, metadata, (frame,)


def simulated(
    name: str, lattice: str, runs: Path, every: int = 1, **more: Any
) -> Iterator[Described]:
    """Every complete trajectory of what is planned of a lattice, if anything."""
    job = planned().get(lattice)
    if job is None:
        return
    for state in job.preparation.states:
        path = job.folder(runs) / job.preparation.trajectory_name(state)
        metadata = read_metadata(path) if path.is_file() else None
        if metadata is None:
            click.echo(f"{job.name}: {state} is not complete yet, left out", err=True)
            continue
        with Trajectory(path) as trajectory:
            frames = tuple(islice(trajectory, 0, None, every))
        yield f"{name}_{state}", {**metadata, **more}, frames


def whole(name: str, structure: Structure, runs: Path, **more: Any) -> Iterator[Described]:
    """A lattice undisplaced, and its dynamics with how far molecules are from their sites."""
    lattice, frame = structure.lattice, structure.frame()
    yield undisplaced(name, lattice, frame, repetition=list(structure.repetition), **more)
    for one, metadata, frames in simulated(name, lattice, runs, **more):
        yield one, metadata | displacement(frame, frames), frames


def displacement(lattice: Frame, frames: tuple[Frame, ...]) -> dict[str, float]:
    """How far molecules are from their sites in the breathing lattice, Å: largest, and RMS."""
    path, cells = unwrapped((lattice, *frames))
    away = (path[1:] - path[0]) @ cells[1:].mean(axis=0)
    far = np.linalg.norm(away - away.mean(axis=1, keepdims=True), axis=2)
    return {
        "largest_displacement": round(float(far.max()), 3),
        "rms_displacement": round(float(np.sqrt((far**2).mean())), 3),
    }


def stacking_sequences(side: str, runs: Path) -> Iterator[Described]:
    """Stacking-disordered ices; ``letters`` of the metadata has one letter a molecule."""
    for sequence in sequences(side):
        structure = build(f"one[{sequence}]", MODEL, size=Size(repetition=(2, 3, 1)))
        more: dict[str, Any] = {
            "phase": "stacking",
            "sequence": sequence,
            "letters": "".join(molecule_letters(structure, sequence)),
            "split": side,
        }
        for name, metadata, frames in whole(sequence, structure, runs, **more):
            if (far := metadata.get("largest_displacement", 0.0)) > LEFT_SITE:
                raise InputError(f"{name}: a molecule is {far} Å from its site, not to be told")
            yield name, metadata, frames


def lattices(runs: Path) -> Iterator[Described]:
    """The five crystals, and the ices that are none of the nine."""
    for name in CRYSTALS:
        yield from whole(name, build(name, MODEL), runs, phase=name, twin=name)
    basal = build("one[hh]", MODEL, size=BASAL)
    more = {"repetition": list(basal.repetition), "phase": "ih", "twin": "ih"}
    yield undisplaced("basal", basal.lattice, basal.frame(), **more)
    for name, lattice in OTHER_ICES.items():
        phase = PHASE_OF_LATTICE.get(lattice, "")
        twin = phase if phase in CRYSTALS else ""  # oxygens alone cannot tell it from that
        structure = build(lattice, MODEL, size=Size(molecules=400))
        yield from whole(name, structure, runs, phase=name, twin=twin)


def interfaces(runs: Path) -> Iterator[Described]:
    """Ice beside water."""
    yield from simulated("slab", "one[hh]", runs, every=2, phase="interface", shape="slab")
    yield from simulated("nucleus", "ih", runs, phase="interface", shape="nucleus")


@click.command(help=__doc__.splitlines()[0])
@click.argument("runs", type=click.Path(path_type=Path))
def main(runs: Path) -> None:
    for side, path in STACKING.items():
        write_reference(path, stacking_sequences(side, runs), force=True)
    write_reference(LATTICES, lattices(runs), force=True)
    if found := list(interfaces(runs)):
        write_reference(INTERFACES, found, force=True)


if __name__ == "__main__":
    main()
