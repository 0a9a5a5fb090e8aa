"""Letters of a stacking sequence against CHILL+, which knows nothing of GenIce2."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.external.ovito import chill_plus, template_matching
from iceclass.generation.lattices import Size, build
from iceclass.generation.stacking import (
    closes,
    molecule_letters,
    random_sequence,
    same_sequence,
)
from iceclass.generation.water_models import WATER_MODELS
from iceclass.phases import PHASE_OF_LETTER

MODEL = WATER_MODELS["mw"]


@pytest.mark.parametrize("sequence", ["hhccc", "hh", "ccc", "hccccccchc", "chhchhhcch"])
def test_letters_are_what_chill_plus_and_template_matching_see(sequence):
    assert closes(sequence)
    structure = build(f"one[{sequence}]", MODEL, size=Size(repetition=(2, 3, 2)))
    truth = [PHASE_OF_LETTER[c] for c in molecule_letters(structure, sequence)]
    assert truth.count("ic") / len(truth) == sequence.count("c") / len(sequence)
    assert chill_plus(structure.frame()).tolist() == truth
    assert template_matching(structure.frame()).tolist() == truth


@pytest.mark.parametrize(("layers", "cubic"), [(10, 2), (11, 9), (16, 8)])
def test_random_sequences_have_their_share_and_can_be_repeated(layers, cubic):
    found = {random_sequence(layers, cubic, seed) for seed in range(5)}
    assert len(found) > 1
    for sequence in found:
        assert len(sequence) == layers
        assert sequence.count("c") == cubic
        assert closes(sequence)
    assert random_sequence(layers, cubic, 3) == random_sequence(layers, cubic, 3)


def test_sequences_that_cannot_be_repeated_are_refused_by_us_and_by_genice():
    with pytest.raises(InputError, match="must be even"):
        random_sequence(10, 3, 1)
    with pytest.raises(InputError, match="no sequence"):
        random_sequence(4, 4, 1)
    assert not closes("hcc")
    with pytest.raises(InputError, match="cannot make the lattice"):
        build("one[hcc]", MODEL)


def test_a_sequence_is_the_same_turned_over_or_begun_elsewhere():
    assert same_sequence("hhccc", "cchhc")
    assert same_sequence("hhcchcchcch", "hhcchcchcch"[::-1])
    assert not same_sequence("hhccc", "hhhhc")
    assert not same_sequence("hh", "hhhh")


def test_displaced_molecules_and_other_lattices_are_refused():
    structure = build("one[hhccc]", MODEL, size=Size(repetition=(2, 2, 1)))
    with pytest.raises(InputError, match="expected one"):
        molecule_letters(structure, "hhhhccc")
    moved = structure.molecules + np.random.default_rng(1).normal(
        scale=0.3, size=structure.molecules.shape
    )
    object.__setattr__(structure, "molecules", moved)
    with pytest.raises(InputError, match="not on the sites"):
        molecule_letters(structure, "hhccc")
