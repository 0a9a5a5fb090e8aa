"""Reading and labelling, ready to be timed: from a dump to its frames, or to a labelled dump."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from iceclass.benchmark.systems import ice, liquid
from iceclass.frame import Frame
from iceclass.io import read
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


def write_binary(path: Path, text: Path) -> None:
    """The frames of a text dump as LAMMPS writes them to a ``.bin`` file, on one processor."""
    magic = b"DUMPCUSTOM"
    with path.open("wb") as file:
        for frame in read(text):
            assert frame.atoms is not None
            columns = frame.atoms.columns
            names = " ".join(columns).encode()
            data = np.stack([columns[name] for name in columns], axis=1).astype(np.float64)
            bounds = np.column_stack([np.zeros(3), np.diag(frame.cell)]).ravel()
            head = struct.pack("<q", -len(magic)) + magic + struct.pack("<ii", 1, 2)
            head += struct.pack("<qqi6i6d", frame.timestep, len(data), 0, *[0] * 6, *bounds)
            head += struct.pack("<iibi", data.shape[1], 0, 0, len(names)) + names
            file.write(head + struct.pack("<ii", 1, data.size) + data.tobytes())


def reading(path: Path, content: str) -> Callable[[], object]:
    """Reading of the dump at ``path``: its frames, one after the other."""
    types = parse_pairs(CONTENTS[content])
    return lambda: deque(read(path, types=types), maxlen=0)


def labelling(path: Path, content: str, model: Model) -> Callable[[], object]:
    """Reading, neighbours, features, network and writing of the dump at ``path``."""
    types = parse_pairs(CONTENTS[content])
    output = path.with_suffix(".labels.lammpstrj")
    return lambda: label(path, model, types=types, output=output, force=True, keep_labels=False)
