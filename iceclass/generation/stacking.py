"""Stacking-disordered ice I: sequences of layers, and which molecules are hexagonal or cubic.

Ice I is a stack of puckered bilayers. Every molecule has three bonds within its bilayer, all
staggered, and one along the stack to the next bilayer. Letter k of GenIce2's ``one[...]`` says
how bilayer k + 1 follows on bilayer k: ``c`` in the same sense as before, so that the bonds
between the two are staggered, ``h`` in the opposite one, so that they are eclipsed. A molecule is
cubic when its four bonds are staggered and hexagonal when one is eclipsed (the definition of
CHILL+: Nguyen & Molinero, J. Phys. Chem. B 119, 9369 (2015), doi 10.1021/jp510289t), so letter k
is the truth of both halves that its bonds join: the upper half of bilayer k and the lower half of
bilayer k + 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.generation.lattices import Structure

_TRIES = 100_000


def closes(sequence: str) -> bool:
    """Whether a stack of these layers can be repeated: GenIce2 takes no others."""
    sense, shift = 1, 0
    for letter in sequence:
        shift += sense
        sense = -sense if letter == "h" else sense
    return bool(sequence) and sense == 1 and shift % 3 == 0


def random_sequence(layers: int, cubic: int, seed: int) -> str:
    """A random order of ``layers`` letters, ``cubic`` of them ``c``, that can be repeated.

    Raises
    ------
    InputError
        There is no such order (the number of ``h`` must be even).
    """
    if not 0 <= cubic <= layers or (layers - cubic) % 2:
        raise InputError(
            f"{cubic} of {layers} layers cubic: the number of others must be even, at most {layers}"
        )
    rng = np.random.default_rng(seed)
    letters = np.array(["c"] * cubic + ["h"] * (layers - cubic))
    for _ in range(_TRIES):
        sequence = "".join(rng.permutation(letters))
        if closes(sequence):
            return sequence
    raise InputError(f"no sequence of {layers} layers with {cubic} cubic ones can be repeated")


def same_sequence(one: str, other: str) -> bool:
    """Whether two sequences describe one crystal, begun at another layer or turned over."""
    if len(one) != len(other):
        return False
    return other in one + one or other[::-1] in one + one


def molecule_letters(structure: Structure, sequence: str) -> NDArray[np.str_]:
    """(N,) ``h`` or ``c`` of the molecules of an undisplaced ``one[sequence]``.

    Raises
    ------
    InputError
        The structure is of another lattice, or its molecules are not on its sites.
    """
    if structure.lattice != f"one[{sequence}]":
        raise InputError(f"structure is {structure.lattice}, expected one[{sequence}]")
    letters = np.array(list(sequence))
    bilayers = structure.repetition[2] * len(sequence)
    z = structure.molecules[:, 0, 2] / structure.cell[2, 2]
    # quarters of a bilayer: lower halves at 0, upper ones at 1
    quarters = (z - z.min()) * 4 * bilayers
    place = np.round(quarters).astype(np.int64)
    if np.abs(quarters - place).max() > 0.05 or (place % 4 > 1).any():
        raise InputError("molecules are not on the sites of one[...], expected no displacement")
    bilayer, upper = place // 4, place % 4 == 1
    return letters[np.where(upper, bilayer, bilayer - 1) % len(sequence)]
