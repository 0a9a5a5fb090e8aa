"""Small real ices for tests: GenIce2 lattices with thermal displacement, their features, a model.

Everything is seeded and made once for each test run.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from iceclass.datasets.table import Table, TrajectoryInfo
from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from iceclass.generation.lattices import build
from iceclass.generation.water_models import WATER_MODELS
from iceclass.training.train import TrainingConfig, TrainingResult, train

ICES = ("ih", "ic", "ii", "iii", "v")
DESCRIPTOR = "soap-37"


@cache
def lattice_frame(name: str) -> Frame:
    """The oxygens of a perfect lattice, a few hundred of them."""
    return build(name, WATER_MODELS["tip4p-ice"]).frame()


@cache
def thermal_frame(name: str, seed: int, amplitude: float = 0.15) -> Frame:
    """The lattice with every oxygen displaced by ``amplitude`` Å (Gaussian, each direction)."""
    frame = lattice_frame(name)
    rng = np.random.default_rng([seed, *name.encode()])
    moved = frame.positions + rng.normal(scale=amplitude, size=frame.positions.shape)
    return Frame(positions=moved, cell=frame.cell, timestep=1000 * seed)


def neighbour_distances(frame: Frame, k: int) -> np.ndarray:
    """(N,) Distance of every molecule to its k-th neighbour, Å."""
    inside = frame.positions @ np.linalg.inv(frame.cell) % 1.0
    steps = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), axis=-1).reshape(-1, 1, 3)
    tree = cKDTree(((inside + steps) @ frame.cell).reshape(-1, 3))
    return tree.query(inside @ frame.cell, k=k + 1)[0][:, k]


@cache
def features(name: str, seed: int, amplitude: float = 0.15) -> np.ndarray:
    """(N, F) float32 of :func:`thermal_frame`."""
    return descriptor(DESCRIPTOR).compute(thermal_frame(name, seed, amplitude), dtype=np.float32)


def trajectory(
    name: str, preparation: int, temperature: float = 200.0, **more: Any
) -> TrajectoryInfo:
    """One trajectory of a phase; ``preparation`` also seeds its displacements."""
    info: dict[str, Any] = dict(
        name=f"{name}-{preparation}-{temperature:g}", phase=name, water_model="tip4p-ice"
    )
    return TrajectoryInfo(
        **info, preparation=f"seed-{preparation}", temperature=temperature, pressure=0.0, **more
    )


@cache
def ice_table(
    phases: tuple[str, ...] = ICES, preparations: int = 3, amplitude: float = 0.15
) -> Table:
    """One frame of every preparation of every phase."""
    infos, blocks = [], []
    for phase in phases:
        for preparation in range(1, preparations + 1):
            infos.append(trajectory(phase, preparation))
            blocks.append(features(phase, preparation, amplitude))
    counts = [len(block) for block in blocks]
    rows = sum(counts)
    soap = descriptor(DESCRIPTOR)
    return Table(
        features=np.concatenate(blocks),
        trajectory=np.repeat(np.arange(len(infos), dtype=np.int32), counts),
        frame=np.zeros(rows, np.int32),
        timestep=np.zeros(rows, np.int64),
        molecule=np.concatenate([np.arange(1, n + 1) for n in counts]),
        trajectories=tuple(infos),
        descriptor=soap.to_dict(),
        feature_names=soap.names,
    )


@cache
def trained() -> TrainingResult:
    """A model of the five ices, to which hotter ones than it has seen are known."""
    config = TrainingConfig(
        epochs=60, patience=15, batch_size=128, threads=1, seed=7, novelty_margin=8.0
    )
    return train(ice_table(), config, command="iceclass train ices.h5")
