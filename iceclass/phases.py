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
    lattice
        GenIce2 lattice the preparation starts from (liquid and amorphous ices: the ice that
        is melted, compressed or sheared).
    repetition
        Cells along each vector that give a few hundred molecules and a box thicker than twice
        the force cut-off.
    recipe
        How molecular dynamics makes it; a key of :data:`iceclass.generation.recipes.RECIPES`.
    """

    name: str
    label: str
    colour: str
    lattice: str
    repetition: tuple[int, int, int]
    recipe: str


PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("ih", "ice Ih", "#0072B2", "1h", (3, 3, 3), "crystal"),
        Phase("ic", "ice Ic", "#56B4E9", "1c", (4, 4, 4), "crystal"),
        Phase("ii", "ice II", "#009E73", "2", (3, 3, 4), "crystal"),
        Phase("iii", "ice III", "#88CC44", "3", (3, 3, 3), "crystal"),
        Phase("v", "ice V", "#F0E442", "5", (2, 3, 2), "crystal"),
        Phase("water", "water", "#BBBBBB", "1h", (3, 3, 3), "liquid"),
        Phase("lda", "LDA", "#CC79A7", "1h", (3, 3, 3), "lda"),
        Phase("hda", "HDA", "#D55E00", "1h", (3, 3, 3), "hda"),
        Phase("mda", "MDA", "#E69F00", "1h", (3, 3, 3), "mda"),
    )
}

GLASSES = ("lda", "hda", "mda")
"""The amorphous ices: names of phases and of the recipes that make them."""

CRYSTALS = tuple(name for name, phase in PHASES.items() if phase.recipe == "crystal")
"""The catalogue's phases that are lattices."""

PHASE_OF_LETTER = {"h": "ih", "c": "ic"}
"""Letter of a stacking sequence → the phase of a molecule with a bond of that letter."""

_UNKNOWN_COLOUR = "#000000"
_FURTHER_COLOURS = ("#332288", "#882255", "#117733", "#AA4499", "#44AA99", "#999933", "#661100")


def label_of(name: str) -> str:
    """The phase's label for figures; the name itself where the catalogue has none."""
    return PHASES[name].label if name in PHASES else name


def colour_of(name: str, classes: Sequence[str] = ()) -> str:
    """The phase's colour, the same in every figure.

    A class the catalogue does not know gets one of a second palette, by its place among the
    unknown ones of ``classes``.
    """
    if name == UNKNOWN:
        return _UNKNOWN_COLOUR
    if name in PHASES:
        return PHASES[name].colour
    others = [c for c in classes if c not in PHASES and c != UNKNOWN]
    index = others.index(name) if name in others else 0
    return _FURTHER_COLOURS[index % len(_FURTHER_COLOURS)]
