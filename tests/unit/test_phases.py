"""The catalogue of phases: colours that stay apart, families, lattices."""

from itertools import combinations

import numpy as np
import pytest

from iceclass.generation.catalogue import RECIPES
from iceclass.phases import (
    FAMILIES,
    PHASE_OF_LATTICE,
    PHASES,
    STUDY,
    UNKNOWN,
    colour_of,
    family_of,
    label_of,
)

# Machado, Oliveira & Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009), full severity
VISIONS = {
    "ordinary": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, vision: str) -> np.ndarray:
    """CIELAB of a hex colour (D65, IEC 61966-2-1), as seen with a colour-vision deficiency."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(VISIONS[vision]) @ linear, 0, 1)
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = np.asarray(to_xyz) @ seen / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_stay_apart(vision):
    colours = {name: colour_of(name) for name in (*PHASES, UNKNOWN)}
    for one, two in combinations(colours, 2):
        apart = np.linalg.norm(lab(colours[one], vision) - lab(colours[two], vision))
        assert apart > (9.8 if {one, two} <= {*STUDY, UNKNOWN} else 20.0), (one, two)


def test_every_phase_has_a_family_and_a_recipe():
    assert len(PHASES) == 18
    assert {phase.family for phase in PHASES.values()} == set(FAMILIES)
    assert {phase.recipe for phase in PHASES.values()} <= set(RECIPES)
    assert [name for name in PHASES if family_of(name) == "hydrate"] == ["cs1", "cs2", "sh"]
    assert family_of("mine") == "mine"
    assert label_of("hydrate") == "hydrate"
    assert label_of("cs2") == "hydrate sII"


def test_a_lattice_is_of_one_phase():
    names = [
        name
        for phase in PHASES.values()
        if phase.recipe == "crystal"
        for name in (phase.lattice, *phase.lattices)
    ]
    assert len(set(names)) == len(names) == len(PHASE_OF_LATTICE)
    assert PHASE_OF_LATTICE["8"] == "vii"
    assert PHASE_OF_LATTICE["16"] == "cs2"
