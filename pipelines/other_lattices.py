"""Make ``other-lattices.h5``: ices and frameworks that are none of the nine phases, to train on.

    python -m pipelines.other_lattices

GenIce2 knows about 150 lattices of four-coordinated water that are none of the nine phases: real
ices, hydrates, and hypothetical frameworks. The real ones and two in three of the others teach a
model what to call unknown, the rest is left to ``iceclass validate``. Many are one structure under
several names or proton orders, which may not be divided: two are the same if their molecules have
the same surroundings.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import click
import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.pack import Described
from iceclass.datasets.perturb import scaled
from iceclass.datasets.reference import BESIDE, write_reference
from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from iceclass.phases import OTHER
from iceclass.validation.cases import different_lattices

SOAP = "soap(n_max=6, l_max=6, r_cut=5.0, sigma=0.4, normalise=False)"
"""What tells structures apart; not a preset, so that the choice stays when presets change."""

SAME = 0.02
"""Distance of two mean SOAP vectors, relative to their length, up to which two lattices are one."""

REAL = ("0", "4", "6", "7", "12", "16", "17", "CS1", "DOH")
"""GenIce2's names of what has been made, in the laboratory or in simulations of freezing."""


def surroundings(frame: Frame) -> NDArray[np.float64]:
    """Of the lattice at a molecule's volume of 30 Å³: the mean of its molecules' SOAP vectors."""
    alike = scaled(frame, frame.volume / (30.0 * frame.n_molecules))
    return descriptor(SOAP).compute(alike).mean(axis=0)


def structures() -> list[list[tuple[str, Frame]]]:
    """The lattices by structure, each with its names and frames."""
    groups: list[tuple[NDArray[np.float64], list[tuple[str, Frame]]]] = []
    for name, phase, frame in different_lattices():
        if phase:
            continue
        mean = surroundings(frame)
        for known, group in groups:
            if np.linalg.norm(mean - known) < SAME * np.linalg.norm(known):
                group.append((name, frame))
                break
        else:
            groups.append((mean, [(name, frame)]))
    return [group for _, group in groups]


def chosen() -> Iterator[Described]:
    """The real structures, and two thirds of the others, drawn by their names."""
    for group in structures():
        real = any(name in REAL for name, _ in group)
        if not real and zlib.crc32(group[0][0].encode()) % 3 == 0:
            continue
        for name, frame in group:
            metadata = {
                "phase": OTHER,
                "twin": "",
                "preparation": name,
                "split": "train",
                "water_model": "none",
                "temperature": 0.0,
                "pressure": 0.0,
                "density": frame.density,
                "lattice": name,
            }
            yield name, metadata, (frame,)


@click.command(help=__doc__.splitlines()[0])
def main() -> None:
    path = BESIDE / "other-lattices.h5"
    write_reference(path, chosen(), force=True)
    click.echo(str(path))


if __name__ == "__main__":
    main()
