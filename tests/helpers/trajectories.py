"""Real trajectories for the plugins' tests: the demo, and ice made with GenIce2."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

import iceclass
from iceclass.frame import AtomTable, Frame
from iceclass.generation.lattices import Structure, build
from iceclass.generation.water_models import WATER_MODELS

DEMO = Path(__file__).parents[2] / "demo" / "melting-slab.lammpstrj.gz"


def plain_demo(folder: Path) -> Path:
    """The demo, decompressed."""
    path = folder / "melting-slab.lammpstrj"
    path.write_bytes(gzip.decompress(DEMO.read_bytes()))
    return path


@cache
def demo_frames(n: int) -> tuple[Frame, ...]:
    """The first frames of the demo."""
    return tuple(iceclass.read(DEMO, stop=n))


@cache
def ice(name: str) -> Structure:
    """TIP4P/Ice, its hydrogens included."""
    return build(name, WATER_MODELS["tip4p-ice"])


def ice_frames(name: str, n: int) -> tuple[Frame, ...]:
    """A lattice, every molecule moved by some tenths of an Å, differently in every frame."""
    structure = ice(name)
    frames = []
    for k in range(n):
        rng = np.random.default_rng([k, *name.encode()])
        moved = structure.molecules + rng.normal(scale=0.15, size=(structure.n_molecules, 1, 3))
        columns = {axis: moved.reshape(-1, 3)[:, i] for i, axis in enumerate("xyz")}
        molecule = np.repeat(np.arange(structure.n_molecules), 3)
        frames.append(
            Frame(
                moved[:, 0],
                structure.cell,
                ids=3 * np.arange(structure.n_molecules) + 1,
                timestep=500 * k,
                time=2.0 * k,
                atoms=AtomTable(columns, molecule),
            )
        )
    return tuple(frames)


def write_mda(
    path: Path, frames: Sequence[Frame], *, boxed: bool = True, velocities: bool = False
) -> Path:
    """All atoms of the frames, written by MDAnalysis in the format of the suffix."""
    import MDAnalysis
    from MDAnalysis.lib.mdamath import triclinic_box

    tables = [frame.atoms for frame in frames if frame.atoms is not None]
    assert len(tables) == len(frames)
    n_atoms = len(tables[0])
    universe = MDAnalysis.Universe.empty(
        n_atoms, trajectory=True, velocities=velocities, forces=velocities
    )
    now = universe.trajectory.ts
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No dimensions set", UserWarning)
        with MDAnalysis.Writer(str(path), n_atoms=n_atoms) as writer:
            for frame, atoms in zip(frames, tables, strict=True):
                positions = np.stack([atoms.columns[axis] for axis in "xyz"], axis=1)
                universe.atoms.positions = positions
                if velocities:
                    universe.atoms.velocities = 0.1 * positions
                    universe.atoms.forces = 2.0 * positions
                now.dimensions = triclinic_box(*frame.cell) if boxed else None
                now.time, now.data["step"] = frame.time, frame.timestep
                writer.write(universe.atoms)
    return path


def run_python(code: str, folder: Path, *warnings_ignored: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own (LAMMPS and Qt leave things behind)."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    ignored = [word for text in warnings_ignored for word in ("-W", f"ignore:{text}")]
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-W", "error", *ignored, script.name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
