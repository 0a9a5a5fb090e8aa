"""Make ``other-lattices.h5``: ices and frameworks beside the nine phases, to train on.

    python -m pipelines.other_lattices

GenIce2 knows about 150 lattices of four-coordinated water that are none of the nine phases: real
ices, hydrates, and hypothetical frameworks. The phases of the catalogue are named; other real ones
and two in three of what is left teach a model what to call unknown, the rest is left to
``iceclass validate``. Many are one structure under several names or proton orders, which may not be
divided: two are the same if their molecules have the same surroundings.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import click
import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.augment import RANDOM
from iceclass.datasets.pack import Described
from iceclass.datasets.perturb import random_points, scaled
from iceclass.datasets.reference import BESIDE, write_reference
from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from iceclass.generation.lattices import oxygens
from iceclass.phases import OTHER, STUDY
from iceclass.validation.cases import different_lattices, random_generator
from pipelines.validation_sets import undisplaced

SOAP = "soap(n_max=6, l_max=6, r_cut=5.0, sigma=0.4, normalise=False)"
"""What tells structures apart; not a preset, so that the choice stays when presets change."""

SAME = 0.02
"""Distance of two mean SOAP vectors, relative to their length, up to which two lattices are one."""

REAL = ("TS1", "HS1", "T", "i")
"""GenIce2's names of what has been made, in the laboratory or in simulations of freezing, and is no
phase of the catalogue."""

SPARSE, HYDRATE = 0.75, 0.8
"""g/cm³. What is less dense than the first comes at the second as well, as empty hydrates are."""


def surroundings(frame: Frame) -> NDArray[np.float64]:
    """Of the lattice at a molecule's volume of 30 Å³: the mean of its molecules' SOAP vectors."""
    alike = scaled(frame, frame.volume / (30.0 * frame.n_molecules))
    return descriptor(SOAP).compute(alike).mean(axis=0)


def structures() -> list[list[tuple[str, Frame]]]:
    """The lattices of no phase by structure, each with its names and frames.

    Hydrates have the same surroundings in another order, and each is a structure of its own.
    """
    groups: list[tuple[NDArray[np.float64] | None, list[tuple[str, Frame]]]] = []
    cages = surroundings(oxygens("CS1", 160))
    for name, phase, frame in different_lattices():
        if phase:
            continue
        mean = surroundings(frame)
        alone = alike(mean, cages)
        known = (own for one, own in groups if one is not None and alike(mean, one))
        group = None if alone else next(known, None)
        if group is None:
            groups.append((None if alone else mean, [(name, frame)]))
        else:
            group.append((name, frame))
    return [group for _, group in groups]


def alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two structures have the same surroundings."""
    return bool(np.linalg.norm(one - other) < SAME * np.linalg.norm(other))


def chosen() -> Iterator[Described]:
    """The catalogue's phases, the other real structures, and two thirds of what is left.

    These are drawn by their names. Frameworks that GenIce2 gives far less dense than water packs
    in hydrates are there at a hydrate's density as well. Last come points at random.
    """
    for name, phase, frame in different_lattices():
        if phase and phase not in STUDY:
            yield trained(name, name, phase, frame)
    for group in structures():
        real = any(name in REAL for name, _ in group)
        if not real and zlib.crc32(group[0][0].encode()) % 3 == 0:
            continue
        for name, frame in group:
            yield trained(name, name, OTHER, frame)
            if frame.density < SPARSE:
                dense = scaled(frame, HYDRATE / frame.density)
                yield trained(f"{name}_dense", name, OTHER, dense)
    for name, frame in no_structure():
        yield trained(name, name, OTHER, frame)


def no_structure() -> Iterator[tuple[str, Frame]]:
    """Points at random, not nearer to each other than some distance."""
    for density in (0.85, 1.0, 1.15):
        for apart in (0.0, 2.0, 2.3, 2.5):
            name = f"{RANDOM}{apart:g}_{density:g}"
            yield name, random_points(216, density, random_generator(name), apart)


def trained(name: str, lattice: str, phase: str, frame: Frame) -> Described:
    """A lattice that trains."""
    return undisplaced(name, lattice, frame, phase=phase, twin="", split="train")


@click.command(help=__doc__.splitlines()[0])
def main() -> None:
    path = BESIDE / "other-lattices.h5"
    write_reference(path, chosen(), force=True)
    click.echo(str(path))


if __name__ == "__main__":
    main()
