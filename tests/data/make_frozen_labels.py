"""Write ``frozen_labels.npz``: what every shipped model says of the same frames, once and for all.

python tests/data/make_frozen_labels.py [MODEL ...]

The table guards changes of the code: with the same model file the labels stay the same, and the
probabilities to 1e-5. Make a model's part again only where the model file itself was made again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import iceclass
from iceclass import Frame
from iceclass.phases import STUDY

HERE = Path(__file__).parent
TABLE = HERE / "frozen_labels.npz"
DEMO = HERE.parents[1] / "demo" / "melting-slab.lammpstrj.gz"
FIXTURES = (
    "atom_images.lammpstrj",
    "four_sites.lammpstrj",
    "general.lammpstrj",
    "hybrid.data",
    "ions.lammpstrj",
    "nano.lammpstrj",
    "rich.lammpstrj.gz",
    "scaled_only.lammpstrj",
    "triclinic.lammpstrj",
)
FEW = 25
"""Probabilities are kept of so many molecules of a frame, evenly spread; labels of all."""


def frames() -> Iterator[tuple[str, Frame]]:
    """Name and frame: ice that melts, what the readers read, every phase, what nobody simulates."""
    for frame in iceclass.read(DEMO, start=0, stop=21, every=10):
        yield f"demo-{frame.timestep}", frame
    for name in FIXTURES:
        yield name, next(iter(iceclass.read(HERE / "io" / name)))
    chosen = {}
    seen: set[str] = set()
    for trajectory in iceclass.load_reference():
        if trajectory.split == "test":
            chosen.setdefault(trajectory.phase, trajectory)
    for phase, trajectory in sorted(chosen.items()):
        yield phase, trajectory.frames[0]
    for trajectory in iceclass.load_environments():
        if trajectory.split == "test" and trajectory.phase not in (*STUDY, "", *seen):
            seen.add(trajectory.phase)
            yield trajectory.phase, trajectory.frames[0]
    rng = np.random.default_rng(0)
    grid = np.argwhere(np.ones((5, 5, 5))) * 3.0 + rng.normal(0.0, 0.25, (125, 3))
    skew = np.array([[15.0, 0.0, 0.0], [4.0, 15.0, 0.0], [-3.0, 5.0, 15.0]])
    yield "droplet", Frame(grid, np.zeros((3, 3)))
    yield "skewed", Frame(grid / 15.0 @ skew, skew)
    yield "film", Frame(grid, np.eye(3) * 15.0, pbc=np.array([True, True, False]))
    yield "alone", Frame(np.ones((1, 3)), np.zeros((3, 3)))


def answers(model: str) -> dict[str, np.ndarray]:
    """``MODEL/FRAME/labels`` and ``MODEL/FRAME/probabilities`` → array, of all frames."""
    found: dict[str, np.ndarray] = {}
    for name, frame in frames():
        result = iceclass.label(frame, model)
        few = np.linspace(0, frame.n_molecules - 1, min(FEW, frame.n_molecules)).astype(int)
        found[f"{model}/{name}/labels"] = result.labels[0].astype(np.int8)
        # to 1e-6, which packs better
        found[f"{model}/{name}/probabilities"] = np.round(result.probabilities[0][few], 6).astype(
            np.float32
        )
    return found


if __name__ == "__main__":
    shipped = sorted(p.stem for p in (HERE / "../../iceclass/models").glob("*.s*"))
    models = sys.argv[1:] or shipped
    kept: dict[str, np.ndarray] = {}
    if TABLE.exists():
        with np.load(TABLE, allow_pickle=False) as table:
            kept = {key: table[key] for key in table.files if key.split("/")[0] in shipped}
    for name in models:
        kept |= answers(name)
    np.savez_compressed(TABLE, **kept)
