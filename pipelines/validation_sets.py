"""What the validation sets are made of: sequences, lattices, state points, seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from iceclass.generation.lattices import Size
from iceclass.generation.recipes import Crystal, Slab
from iceclass.generation.runs import Preparation
from iceclass.generation.stacking import random_sequence
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import WATER_MODELS

DATA = Path(__file__).parents[1] / "data"
STACKING = {side: DATA / f"stacking-{side}.h5" for side in ("train", "test")}
LATTICES = DATA / "lattices.h5"
INTERFACES = DATA / "interfaces.h5"

MODEL = WATER_MODELS["tip4p-ice"]
ACROSS = (2, 3)
"""Cells of ``one[...]`` along x and y: 48 molecules a bilayer."""

TEMPERATURES = (120.0, 200.0, 250.0)
"""K, of the stacking-disordered ices, at 0 GPa."""


@dataclass(frozen=True)
class Pile:
    """A stacking-disordered ice: a random sequence, and whether dynamics is run of it."""

    layers: int
    cubic: int
    seed: int
    dynamics: bool = True

    @property
    def sequence(self) -> str:
        """Its letters."""
        return random_sequence(self.layers, self.cubic, self.seed)

    @property
    def lattice(self) -> str:
        """GenIce2's name."""
        return f"one[{self.sequence}]"

    @property
    def size(self) -> Size:
        """Of the box."""
        return Size(repetition=(*ACROSS, 1))


PILES = {
    "test": (
        Pile(10, 2, 101),
        Pile(10, 6, 102),
        Pile(11, 9, 103),
        Pile(12, 4, 104),
        Pile(12, 8, 105),
        Pile(14, 8, 106),
        Pile(16, 4, 107, dynamics=False),
        Pile(16, 12, 108, dynamics=False),
        Pile(15, 7, 109, dynamics=False),
    ),
    "train": (
        Pile(10, 4, 201),
        Pile(10, 8, 202),
        Pile(11, 5, 203),
        Pile(12, 6, 204),
        Pile(16, 8, 205, dynamics=False),
        Pile(15, 11, 206, dynamics=False),
        Pile(13, 3, 207, dynamics=False),
    ),
}


@dataclass(frozen=True)
class Lattice:
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


CRYSTALS = ("ih", "ic", "ii", "iii", "v")
"""The classes that are lattices; for the structures at 0 K."""

BASAL = Size(repetition=(2, 3, 6))
"""Of ice Ih with the basal plane along x and y, which a slab in vacuum is made of."""

OTHER_ICES = (
    Lattice("ice-0", "ice0", state=State(150, 0.0)),
    Lattice("iv", "4"),
    Lattice("vi", "6", state=State(220, 1.2)),
    Lattice("vii", "7", state=State(200, 4.0)),
    Lattice("viii", "8", state=State(200, 4.0)),
    Lattice("ix", "9", "iii"),
    Lattice("xi", "11", "ih"),
    Lattice("xii", "12", state=State(180, 0.5)),
    Lattice("xiii", "13", "v"),
    Lattice("xvii", "17"),
    Lattice("cs1", "CS1", state=State(200, 0.0)),
    Lattice("cs2", "CS2", state=State(200, 0.0)),
)

OF_A_CLASS = {
    "ih": ("1h", "1h_unit", "11", "11alt", "11i", "eleven", "2_2_623457", "ice1hte"),
    "ic": ("1c", "XIc-a", "12_1_11", "c2te"),
    "ii": ("2", "2d", "ice2d", "ice2rect", "c1te"),
    "iii": ("3", "9"),
    "v": ("5", "5R", "13"),
}
"""GenIce2's lattices of a class's oxygens: other proton orders, cells and names, filled ices."""

NO_LATTICES = ("one", "CRN1", "CRN2", "CRN3")
"""Of GenIce2's: what needs a stacking sequence, and random networks, which model amorphous ice."""

_SHORT = Dynamics(production=4.0, interval=2.0)
_CRYSTAL = replace(Crystal(), relax_time=0.5, heating_rate=40.0, equilibration=2.5)


def pile_preparation(pile: Pile) -> Preparation:
    """The dynamics of a stacking-disordered ice."""
    states = tuple(State(t, 0.0) for t in TEMPERATURES)
    return Preparation(pile.lattice, MODEL, pile.seed, states, _CRYSTAL, _SHORT, pile.size)


def lattice_preparation(lattice: Lattice) -> Preparation:
    """The dynamics of an ice that is none of the classes."""
    assert lattice.state is not None
    recipe, size = replace(_CRYSTAL, equilibration=4.0), Size(molecules=400)
    return Preparation(lattice.lattice, MODEL, 301, (lattice.state,), recipe, _SHORT, size)


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
    moving = {side: [p for p in piles if p.dynamics] for side, piles in PILES.items()}
    first = [*moving["test"][:2], *moving["train"][:2]]
    rest = [p for piles in moving.values() for p in piles if p not in first]
    ices = [lattice_preparation(ice) for ice in OTHER_ICES if ice.state is not None]
    return [*map(pile_preparation, first), SLAB, NUCLEUS, *ices, *map(pile_preparation, rest)]
