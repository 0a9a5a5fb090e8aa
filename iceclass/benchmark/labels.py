"""Labelling, all of it, ready to be timed: from the text of a dump to a labelled dump."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from iceclass.benchmark.systems import ice, liquid
from iceclass.frame import Frame
from iceclass.io.text.pairs import parse_pairs
from iceclass.labelling.label import label
from iceclass.model.network import Model

O_H = 0.9572
"""Å."""

CONTENTS = {"O H H": ("1=O", "2=H"), "O": ("1=O",)}
"""What a molecule in the dump consists of → the types the command line would be given."""


def trajectory(configuration: str, molecules: int, frames: int) -> list[Frame]:
    """Different frames of one of the configurations."""
    if configuration == "liquid":
        return [liquid(molecules, k)[0] for k in range(frames)]
    return [ice(molecules, k) for k in range(frames)]


def write_dump(path: Path, frames: list[Frame], content: str) -> None:
    """A text dump with the columns id, type, x, y, z, as LAMMPS writes them by default.

    Hydrogens are placed at the length of the bond and the angle of TIP4P, turned at random.
    """
    rng = np.random.default_rng(2)
    half = np.radians(104.52 / 2)
    hydrogens = O_H * np.array(
        [[np.sin(half), 0.0, np.cos(half)], [-np.sin(half), 0.0, np.cos(half)]]
    )
    with path.open("w", encoding="ascii") as file:
        for frame in frames:
            sites = frame.positions[:, None, :]
            if content == "O H H":
                turns = np.linalg.qr(rng.normal(size=(frame.n_molecules, 3, 3)))[0]
                sites = np.concatenate([sites, sites + hydrogens @ turns], axis=1)
            atoms = sites.reshape(-1, 3)
            file.write(f"ITEM: TIMESTEP\n{frame.timestep}\nITEM: NUMBER OF ATOMS\n{len(atoms)}\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n")
            file.writelines(f"0 {length:.10g}\n" for length in np.diag(frame.cell))
            file.write("ITEM: ATOMS id type x y z\n")
            per_molecule = sites.shape[1]
            file.writelines(
                f"{k + 1} {1 + (k % per_molecule > 0)} {x:.6g} {y:.6g} {z:.6g}\n"
                for k, (x, y, z) in enumerate(atoms.tolist())
            )


def labelling(path: Path, content: str, model: Model) -> Callable[[], object]:
    """Reading, neighbours, features, network and writing of the dump at ``path``."""
    types = parse_pairs(CONTENTS[content])
    output = path.with_suffix(".labels.lammpstrj")
    return lambda: label(path, model, types=types, output=output, force=True, keep_labels=False)
