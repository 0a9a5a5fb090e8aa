"""Write the validation sets from GenIce2's lattices and the runs of simulate.py.

    python -m pipelines.validation.build runs-validation

Compact data sets in pipelines/data (iceclass.datasets.reference): oxygens alone. Every pile and
lattice is there undisplaced, as trajectory NAME, and in short dynamics, as NAME_200K_0GPa.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np

from iceclass.acceptance.structure import unwrapped
from iceclass.datasets.metadata import read_sidecar
from iceclass.datasets.reference import write_reference
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.generation.lattices import Size, Structure, build
from iceclass.generation.runs import Preparation
from iceclass.generation.stacking import molecule_letters, same_pile
from iceclass.io import Trajectory
from pipelines.validation.plan import (
    BASAL,
    CRYSTALS,
    INTERFACES,
    LATTICES,
    MODEL,
    NUCLEUS,
    OTHER_ICES,
    PILES,
    SLAB,
    STACKING,
    lattice_preparation,
    pile_preparation,
)

Entry = tuple[str, dict[str, Any], tuple[Frame, ...]]

HALF_BOND = 1.38
"""Å; a molecule of ice that is further from its site than this has left it."""


def undisplaced(name: str, structure: Structure, **more: Any) -> Entry:
    """The lattice itself, at 0 K."""
    description = {
        "preparation": structure.lattice,
        "water_model": "none",
        "temperature": 0.0,
        "pressure": 0.0,
        "density": structure.density,
        "lattice": structure.lattice,
        "repetition": list(structure.repetition),
        **more,
    }
    return name, description, (structure.frame(),)


def simulated(
    name: str, preparation: Preparation, runs: Path, every: int = 1, **more: Any
) -> Iterator[Entry]:
    """Every trajectory of a preparation that is complete."""
    for state in preparation.states:
        path = runs / preparation.name / preparation.trajectory_name(state)
        description = read_sidecar(path) if path.is_file() else None
        if description is None:
            click.echo(f"{preparation.name}: {state} is not complete yet, left out", err=True)
            continue
        with Trajectory(path) as trajectory:
            frames = tuple(islice(trajectory, 0, None, every))
        yield f"{name}_{state}", {**description, **more}, frames


def displacement(structure: Structure, frames: tuple[Frame, ...]) -> dict[str, float]:
    """How far molecules are from their sites in the breathing lattice, Å: largest, and RMS."""
    path, cells = unwrapped((structure.frame(), *frames))
    away = (path[1:] - path[0]) @ cells[1:].mean(axis=0)
    far = np.linalg.norm(away - away.mean(axis=1, keepdims=True), axis=2)
    return {
        "largest_displacement": round(float(far.max()), 3),
        "rms_displacement": round(float(np.sqrt((far**2).mean())), 3),
    }


def piles(side: str, runs: Path) -> Iterator[Entry]:
    """Stacking-disordered ices; ``letters`` of the description has one letter a molecule."""
    for pile in PILES[side]:
        sequence = pile.sequence
        structure = build(pile.lattice, MODEL, seed=pile.seed, size=pile.size)
        letters = "".join(molecule_letters(structure, sequence))
        more: dict[str, Any] = {
            "phase": "stacking",
            "sequence": sequence,
            "letters": letters,
            "split": side,
        }
        yield undisplaced(sequence, structure, **more)
        if pile.dynamics:
            preparation = pile_preparation(pile)
            for name, description, frames in simulated(sequence, preparation, runs, **more):
                description |= displacement(structure, frames)
                if description["largest_displacement"] > HALF_BOND:
                    raise InputError(
                        f"{name}: a molecule is {description['largest_displacement']} Å from its "
                        "site, so its letter is no longer certain"
                    )
                yield name, description, frames


def lattices(runs: Path) -> Iterator[Entry]:
    """The five crystals, and the ices that are none of the nine."""
    for name in CRYSTALS:
        yield undisplaced(name, build(name, MODEL), phase=name, twin=name)
    yield undisplaced("basal", build("one[hh]", MODEL, size=BASAL), phase="ih", twin="ih")
    for ice in OTHER_ICES:
        structure = build(ice.lattice, MODEL, size=Size(molecules=400))
        more: dict[str, Any] = {"phase": ice.name, "twin": ice.twin}
        yield undisplaced(ice.name, structure, **more)
        if ice.state is not None:
            for name, description, frames in simulated(
                ice.name, lattice_preparation(ice), runs, **more
            ):
                yield name, description | displacement(structure, frames), frames


def interfaces(runs: Path) -> Iterator[Entry]:
    """Ice beside water."""
    yield from simulated("slab", SLAB, runs, every=2, phase="interface", shape="slab")
    yield from simulated("nucleus", NUCLEUS, runs, phase="interface", shape="nucleus")


@click.command(help=__doc__.splitlines()[0])
@click.argument("runs", type=click.Path(path_type=Path))
def main(runs: Path) -> None:
    sequences = {side: [p.sequence for p in own] for side, own in PILES.items()}
    for one in sequences["train"]:
        if any(same_pile(one, other) for other in sequences["test"]):
            raise click.ClickException(f"{one} is on both sides")
    for side, path in STACKING.items():
        write_reference(path, piles(side, runs), force=True)
    write_reference(LATTICES, lattices(runs), force=True)
    if (runs / SLAB.name / SLAB.trajectory_name(SLAB.states[0])).is_file():
        write_reference(INTERFACES, interfaces(runs), force=True)
    for path in (*STACKING.values(), LATTICES, INTERFACES):
        if path.is_file():
            click.echo(f"{path}: {path.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
