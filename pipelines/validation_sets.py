"""Make the data sets of ``iceclass validate``: short molecular dynamics, then compact files.

    python -m pipelines.validation_sets simulate -o runs-validation
    python -m pipelines.validation_sets build runs-validation

The first runs one preparation after the other; what is complete is not redone, a killed run goes
on where it was. The second writes pipelines/data (iceclass.datasets.reference): oxygens alone.
Every stacking sequence and lattice is there undisplaced, as trajectory NAME, and in short
dynamics, as NAME_200K_0GPa.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import click
import numpy as np

from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.pack import Described
from iceclass.datasets.reference import write_reference
from iceclass.datasets.unwrapping import unwrapped
from iceclass.errors import IceclassError, InputError
from iceclass.frame import Frame
from iceclass.generation.lattices import Size, Structure, build
from iceclass.generation.recipes import Crystal, Slab
from iceclass.generation.runs import Preparation, run
from iceclass.generation.stacking import molecule_letters, random_sequence, same_sequence
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import WATER_MODELS
from iceclass.io import Trajectory
from iceclass.phases import CRYSTALS

DATA = Path(__file__).parent / "data"
STACKING = {side: DATA / f"stacking-{side}.h5" for side in ("train", "test")}
LATTICES = DATA / "lattices.h5"
INTERFACES = DATA / "interfaces.h5"

MODEL = WATER_MODELS["tip4p-ice"]
ACROSS = (2, 3)
"""Cells of ``one[...]`` along x and y: 48 molecules a bilayer."""

TEMPERATURES = (120.0, 200.0, 250.0)
"""K, of the stacking-disordered ices, at 0 GPa."""


@dataclass(frozen=True)
class StackingSequence:
    """A stacking-disordered ice: a random sequence, and whether dynamics is run of it."""

    layers: int
    cubic: int
    seed: int
    dynamics: bool = True

    @property
    def letters(self) -> str:
        """Its letters."""
        return random_sequence(self.layers, self.cubic, self.seed)

    @property
    def lattice(self) -> str:
        """GenIce2's name."""
        return f"one[{self.letters}]"

    @property
    def size(self) -> Size:
        """Of the box."""
        return Size(repetition=(*ACROSS, 1))


SEQUENCES = {
    "test": (
        StackingSequence(10, 2, 101),
        StackingSequence(10, 6, 102),
        StackingSequence(11, 9, 103),
        StackingSequence(12, 4, 104),
        StackingSequence(12, 8, 105),
        StackingSequence(14, 8, 106),
        StackingSequence(16, 4, 107, dynamics=False),
        StackingSequence(16, 12, 108, dynamics=False),
        StackingSequence(15, 7, 109, dynamics=False),
    ),
    "train": (
        StackingSequence(10, 4, 201),
        StackingSequence(10, 8, 202),
        StackingSequence(11, 5, 203),
        StackingSequence(12, 6, 204),
        StackingSequence(16, 8, 205, dynamics=False),
        StackingSequence(15, 11, 206, dynamics=False),
        StackingSequence(13, 3, 207, dynamics=False),
    ),
}


@dataclass(frozen=True)
class OtherIce:
    """A lattice that is looked at as GenIce2 gives it and, perhaps, by dynamics.

    Attributes
    ----------
    name
        As a phase: what is written in tables.
    lattice
        GenIce2's name.
    twin
        The class it differs from by proton order alone; "" where unknown is expected.
    state
        K and GPa of a short simulation, if any.
    """

    name: str
    lattice: str
    twin: str = ""
    state: State | None = None


BASAL = Size(repetition=(2, 3, 6))
"""Of ice Ih with the basal plane along x and y, which a slab in vacuum is made of."""

OTHER_ICES = (
    OtherIce("ice-0", "ice0", state=State(150, 0.0)),
    OtherIce("iv", "4"),
    OtherIce("vi", "6", state=State(220, 1.2)),
    OtherIce("vii", "7", state=State(200, 4.0)),
    OtherIce("viii", "8", state=State(200, 4.0)),
    OtherIce("ix", "9", "iii"),
    OtherIce("xi", "11", "ih"),
    OtherIce("xii", "12", state=State(180, 0.5)),
    OtherIce("xiii", "13", "v"),
    OtherIce("xvii", "17"),
    OtherIce("cs1", "CS1", state=State(200, 0.0)),
    OtherIce("cs2", "CS2", state=State(200, 0.0)),
)

_SHORT = Dynamics(production=4.0, interval=2.0)
_CRYSTAL = replace(Crystal(), relax_time=0.5, heating_rate=40.0, equilibration=2.5)


def sequence_preparation(one: StackingSequence) -> Preparation:
    """The dynamics of a stacking-disordered ice."""
    states = tuple(State(t, 0.0) for t in TEMPERATURES)
    return Preparation(one.lattice, MODEL, one.seed, states, _CRYSTAL, _SHORT, one.size)


def lattice_preparation(ice: OtherIce) -> Preparation:
    """The dynamics of an ice that is none of the classes."""
    assert ice.state is not None
    recipe, size = replace(_CRYSTAL, equilibration=4.0), Size(molecules=400)
    return Preparation(ice.lattice, MODEL, 301, (ice.state,), recipe, _SHORT, size)


SLAB = Preparation(
    "one[hh]",
    MODEL,
    401,
    (State(270, 0.0),),
    replace(Slab(), relax_time=0.5, melt_time=6.0, settle_time=3.0),
    Dynamics(production=4.0, interval=1.0),
    Size(repetition=(*ACROSS, 8)),
)
"""Basal face of ice Ih against water, just below the melting point of TIP4P/Ice (272 K)."""


@dataclass(frozen=True)
class Nucleus(Slab):
    """All ice melted but for a sphere in the middle, then let go: a nucleus in water.

    Attributes
    ----------
    radius
        Å, of the sphere that is held.
    """

    coupling: ClassVar[str] = "iso"

    radius: float = 15.0

    def melts(self) -> str:
        """LAMMPS's words for the region that is melted: all outside the sphere."""
        centre = " ".join(f"$(0.5*({a}lo+{a}hi))" for a in "xyz")
        return f"sphere {centre} {self.radius:g} side out"


NUCLEUS = Preparation(
    "ih",
    WATER_MODELS["mw"],
    402,
    (State(240, 0.0),),
    replace(Nucleus(), relax_time=0.5, melt_time=5.0, settle_time=3.0),
    Dynamics(production=4.0, interval=2.0),
    Size(repetition=(6, 6, 6)),
)
"""A sphere of ice Ih in supercooled water, of mW since that is cheap; mW melts at 274 K."""


def preparations() -> list[Preparation]:
    """All the dynamics; first a part of everything."""
    moving = {side: [p for p in sequences if p.dynamics] for side, sequences in SEQUENCES.items()}
    first = [*moving["test"][:2], *moving["train"][:2]]
    rest = [p for sequences in moving.values() for p in sequences if p not in first]
    ices = [lattice_preparation(ice) for ice in OTHER_ICES if ice.state is not None]
    return [
        *map(sequence_preparation, first),
        SLAB,
        NUCLEUS,
        *ices,
        *map(sequence_preparation, rest),
    ]


HALF_BOND = 1.38
"""Å; a molecule of ice that is further from its site than this has left it."""


def undisplaced(name: str, structure: Structure, **more: Any) -> Described:
    """The lattice itself, at 0 K."""
    metadata = {
        "preparation": structure.lattice,
        "water_model": "none",
        "temperature": 0.0,
        "pressure": 0.0,
        "density": structure.density,
        "lattice": structure.lattice,
        "repetition": list(structure.repetition),
        **more,
    }
    return name, metadata, (structure.frame(),)


def simulated(
    name: str, preparation: Preparation, runs: Path, every: int = 1, **more: Any
) -> Iterator[Described]:
    """Every trajectory of a preparation that is complete."""
    for state in preparation.states:
        path = runs / preparation.name / preparation.trajectory_name(state)
        metadata = read_metadata(path) if path.is_file() else None
        if metadata is None:
            click.echo(f"{preparation.name}: {state} is not complete yet, left out", err=True)
            continue
        with Trajectory(path) as trajectory:
            frames = tuple(islice(trajectory, 0, None, every))
        yield f"{name}_{state}", {**metadata, **more}, frames


def displacement(structure: Structure, frames: tuple[Frame, ...]) -> dict[str, float]:
    """How far molecules are from their sites in the breathing lattice, Å: largest, and RMS."""
    path, cells = unwrapped((structure.frame(), *frames))
    away = (path[1:] - path[0]) @ cells[1:].mean(axis=0)
    far = np.linalg.norm(away - away.mean(axis=1, keepdims=True), axis=2)
    return {
        "largest_displacement": round(float(far.max()), 3),
        "rms_displacement": round(float(np.sqrt((far**2).mean())), 3),
    }


def stacking_sequences(side: str, runs: Path) -> Iterator[Described]:
    """Stacking-disordered ices; ``letters`` of the metadata has one letter a molecule."""
    for one in SEQUENCES[side]:
        sequence = one.letters
        structure = build(one.lattice, MODEL, seed=one.seed, size=one.size)
        letters = "".join(molecule_letters(structure, sequence))
        more: dict[str, Any] = {
            "phase": "stacking",
            "sequence": sequence,
            "letters": letters,
            "split": side,
        }
        yield undisplaced(sequence, structure, **more)
        if one.dynamics:
            preparation = sequence_preparation(one)
            for name, metadata, frames in simulated(sequence, preparation, runs, **more):
                metadata |= displacement(structure, frames)
                if metadata["largest_displacement"] > HALF_BOND:
                    raise InputError(
                        f"{name}: a molecule is {metadata['largest_displacement']} Å from its "
                        "site, so its letter is no longer certain"
                    )
                yield name, metadata, frames


def lattices(runs: Path) -> Iterator[Described]:
    """The five crystals, and the ices that are none of the nine."""
    for name in CRYSTALS:
        yield undisplaced(name, build(name, MODEL), phase=name, twin=name)
    yield undisplaced("basal", build("one[hh]", MODEL, size=BASAL), phase="ih", twin="ih")
    for ice in OTHER_ICES:
        structure = build(ice.lattice, MODEL, size=Size(molecules=400))
        more: dict[str, Any] = {"phase": ice.name, "twin": ice.twin}
        yield undisplaced(ice.name, structure, **more)
        if ice.state is not None:
            for name, metadata, frames in simulated(
                ice.name, lattice_preparation(ice), runs, **more
            ):
                yield name, metadata | displacement(structure, frames), frames


def interfaces(runs: Path) -> Iterator[Described]:
    """Ice beside water."""
    yield from simulated("slab", SLAB, runs, every=2, phase="interface", shape="slab")
    yield from simulated("nucleus", NUCLEUS, runs, phase="interface", shape="nucleus")


@click.group(help=__doc__.splitlines()[0])
def main() -> None:
    """The commands are below."""


@main.command("simulate")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def simulate_command(output: Path) -> None:
    """Run the molecular dynamics."""
    for preparation in preparations():
        try:
            run(preparation, output, report=click.echo)
        except IceclassError as error:
            raise click.ClickException(f"{preparation.name}: {error}") from error


@main.command("build")
@click.argument("runs", type=click.Path(path_type=Path))
def build_command(runs: Path) -> None:
    """Write the data sets from GenIce2's lattices and the runs."""
    for one in SEQUENCES["train"]:
        if any(same_sequence(one.letters, other.letters) for other in SEQUENCES["test"]):
            raise click.ClickException(f"{one.letters} is on both sides")
    for side, path in STACKING.items():
        write_reference(path, stacking_sequences(side, runs), force=True)
    write_reference(LATTICES, lattices(runs), force=True)
    if (runs / SLAB.name / SLAB.trajectory_name(SLAB.states[0])).is_file():
        write_reference(INTERFACES, interfaces(runs), force=True)
    for path in (*STACKING.values(), LATTICES, INTERFACES):
        if path.is_file():
            click.echo(f"{path}: {path.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
