"""The catalogue of phases: names, labels, colours, the lattice each starts from.

A model's classes are whatever it was trained on; this catalogue only knows more about some of
them. A class that is not here is drawn in a colour of its own and labelled by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN = "unknown"
"""Name of the label −1: a molecule unlike anything in the training set."""

EITHER = "+"
"""Joins phases, in data, where a molecule is of one of them and nobody knows of which."""

OTHER = "other"
"""Phase, in data, of structures that are none of the classes: what teaches a model that."""


@dataclass(frozen=True)
class Phase:
    """One phase of water.

    Attributes
    ----------
    name
        Class name in files and on the command line.
    label
        For figures and tables.
    colour
        Hex RGB; the set is told apart under the common colour-vision deficiencies.
    family
        One of :data:`FAMILIES`.
    lattice
        GenIce2 lattice the preparation starts from (liquid and amorphous ices: the ice that
        is melted, compressed or sheared).
    repetition
        Cells along each vector that give a few hundred molecules and a box thicker than twice
        the force cut-off.
    recipe
        How molecular dynamics makes it; a key of :data:`iceclass.generation.recipes.RECIPES`.
    twins
        Other phases with the same oxygens: other proton orders, or a hydrate with and without its
        guests. They belong to this class.
    lattices
        Further names of GenIce2's for its oxygens, in other cells or proton orders.
    """

    name: str
    label: str
    colour: str
    family: str
    lattice: str
    repetition: tuple[int, int, int]
    recipe: str = "crystal"
    twins: tuple[str, ...] = ()
    lattices: tuple[str, ...] = ()


FAMILIES = {
    "ice": ("crystalline ice", "#0072B2"),
    "hydrate": ("hydrate", "#1EFFA5"),
    "amorphous": ("amorphous ice", "#D55E00"),
    "liquid": ("liquid", "#BBBBBB"),
}
"""Families of phases: name → label and colour."""

_IH = ("one[hh]", "1h_unit", "11", "11alt", "11i", "eleven", "2_2_623457", "ice1hte")
_IC = ("one[ccc]", "XIc-a", "12_1_11", "c2te")

PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("ih", "ice Ih", "#0072B2", "ice", "1h", (3, 3, 3), twins=("XI",), lattices=_IH),
        Phase("ic", "ice Ic", "#56B4E9", "ice", "1c", (4, 4, 4), twins=("XIc",), lattices=_IC),
        Phase(
            *("ii", "ice II", "#009E73", "ice", "2", (3, 3, 4)),
            lattices=("2d", "ice2d", "ice2rect", "c1te"),
        ),
        Phase("iii", "ice III", "#88CC44", "ice", "3", (3, 3, 3), twins=("IX",), lattices=("9",)),
        Phase(
            *("v", "ice V", "#F0E442", "ice", "5", (2, 3, 2)),
            twins=("XIII",),
            lattices=("5R", "13"),
        ),
        Phase("water", "water", "#BBBBBB", "liquid", "1h", (3, 3, 3), "liquid"),
        Phase("lda", "LDA", "#CC79A7", "amorphous", "1h", (3, 3, 3), "lda"),
        Phase("hda", "HDA", "#D55E00", "amorphous", "1h", (3, 3, 3), "hda"),
        Phase("mda", "MDA", "#E69F00", "amorphous", "1h", (3, 3, 3), "mda"),
        Phase("ice0", "ice 0", "#B4F0FF", "ice", "ice0", (3, 3, 2), lattices=("0",)),
        Phase("iv", "ice IV", "#003C00", "ice", "4", (2, 2, 2), lattices=("4R",)),
        Phase("vi", "ice VI", "#3C00A5", "ice", "6", (3, 3, 3), twins=("XV", "XIX")),
        Phase(
            *("vii", "ice VII", "#9600FF", "ice", "7", (3, 3, 3)),
            twins=("VIII", "X"),
            lattices=("8",),
        ),
        Phase(
            *("xii", "ice XII", "#782D5A", "ice", "12", (3, 3, 3)),
            twins=("XIV",),
            lattices=("14",),
        ),
        Phase(
            *("xvii", "ice XVII", "#9678FF", "ice", "17", (3, 2, 3)),
            twins=("C0",),
            lattices=("144_2_7301", "c0te"),
        ),
        Phase("cs1", "hydrate sI", "#1EFFA5", "hydrate", "CS1", (2, 2, 2)),
        Phase(
            *("cs2", "hydrate sII", "#E1004B", "hydrate", "CS2", (2, 1, 1)),
            twins=("XVI",),
            lattices=("16",),
        ),
        Phase("sh", "hydrate sH", "#4B0F69", "hydrate", "sH", (2, 2, 1), lattices=("DOH",)),
    )
}

STUDY = ("ih", "ic", "ii", "iii", "v", "water", "lda", "hda", "mda")
"""The nine phases of the study, which all shipped models but one tell apart."""

GLASSES = ("lda", "hda", "mda")
"""The amorphous ices: names of phases and of the recipes that make them."""

HYDRATES = tuple(name for name, phase in PHASES.items() if phase.family == "hydrate")
"""The catalogue's hydrates."""

CRYSTALS = tuple(name for name in STUDY if PHASES[name].recipe == "crystal")
"""The study's phases that are lattices."""

PHASE_OF_LATTICE = {
    lattice: phase.name
    for phase in PHASES.values()
    if phase.recipe == "crystal"
    for lattice in (phase.lattice, *phase.lattices)
}
"""GenIce2's name of a lattice → the phase whose oxygens it has."""

PHASE_OF_LETTER = {"h": "ih", "c": "ic"}
"""Letter of a stacking sequence → the phase of a molecule with a bond of that letter."""

_UNKNOWN_COLOUR = "#000000"
_FURTHER_COLOURS = ("#332288", "#882255", "#117733", "#AA4499", "#44AA99", "#999933", "#661100")


def label_of(name: str) -> str:
    """The label of a phase or family for figures; the name itself where there is none."""
    if name in FAMILIES:
        return FAMILIES[name][0]
    return PHASES[name].label if name in PHASES else name


def family_of(name: str) -> str:
    """The family of a class; one that the catalogue does not know is a family of its own."""
    return PHASES[name].family if name in PHASES else name


def is_crystal(name: str) -> bool:
    """Whether a class is a lattice; one that the catalogue does not know counts as one."""
    return name not in PHASES or PHASES[name].recipe == "crystal"


def colour_of(name: str, classes: Sequence[str] = ()) -> str:
    """The colour of a phase or family, the same in every figure.

    A class the catalogue does not know gets one of a second palette, by its place among the
    unknown ones of ``classes``.
    """
    if name == UNKNOWN:
        return _UNKNOWN_COLOUR
    if name in FAMILIES:
        return FAMILIES[name][1]
    if name in PHASES:
        return PHASES[name].colour
    others = [c for c in classes if c not in PHASES and c != UNKNOWN]
    index = others.index(name) if name in others else 0
    return _FURTHER_COLOURS[index % len(_FURTHER_COLOURS)]
