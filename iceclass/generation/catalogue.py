"""All recipes by name, with their default parameters."""

from __future__ import annotations

from iceclass.errors import unknown_name
from iceclass.generation.amorphous import LowDensityFromHigh, RelaxedHighDensity
from iceclass.generation.guests import (
    FilledCoexistence,
    FilledHydrate,
    FilledTwoCrystals,
    Solution,
)
from iceclass.generation.places import (
    Coexistence,
    Droplet,
    LiquidSurface,
    Nucleus,
    Surface,
    TwoCrystals,
    Wall,
)
from iceclass.generation.recipes import (
    Crystal,
    HighDensityAmorphous,
    Liquid,
    LowDensityAmorphous,
    MediumDensityAmorphous,
    Recipe,
    Slab,
)

RECIPES: dict[str, Recipe] = {
    "crystal": Crystal(),
    "liquid": Liquid(),
    "lda": LowDensityAmorphous(),
    "hda": HighDensityAmorphous(),
    "mda": MediumDensityAmorphous(),
    "relaxed-hda": RelaxedHighDensity(),
    "lda-from-hda": LowDensityFromHigh(),
    "slab": Slab(),
    "coexistence": Coexistence(),
    "two-crystals": TwoCrystals(),
    "nucleus": Nucleus(),
    "surface": Surface(),
    "liquid-surface": LiquidSurface(),
    "droplet": Droplet(),
    "wall": Wall(),
    "solution": Solution(),
    "filled-hydrate": FilledHydrate(),
    "filled-coexistence": FilledCoexistence(),
    "filled-two-crystals": FilledTwoCrystals(),
}
"""Default recipe by its name in :class:`iceclass.phases.Phase`, and others for any crystal."""


def find_recipe(name: str) -> Recipe:
    """The default recipe called ``name``; the error names the nearest known one."""
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]
