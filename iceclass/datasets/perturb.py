"""Frames changed on purpose, and frames made of nothing: what a classifier has to bear.

All random numbers come from a given generator. A Gaussian displacement has the given standard
deviation, in Å, in each of the three directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.unwrapping import unwrapped
from iceclass.errors import InputError
from iceclass.frame import AMU_PER_A3_IN_G_PER_CM3, MASS_WATER, Frame

_TRIES = 2000


def bare(frame: Frame) -> Frame:
    """The sites and their cell, without what was carried through."""
    return replace(frame, atoms=None)


def displaced(frame: Frame, sigma: float, rng: np.random.Generator) -> Frame:
    """Every site moved by a Gaussian."""
    moved = frame.positions + rng.normal(scale=sigma, size=frame.positions.shape)
    return replace(bare(frame), positions=moved)


def scaled(frame: Frame, density: float) -> Frame:
    """Sites and cell scaled alike in all directions; ``density`` is the factor it changes by."""
    length = density ** (-1 / 3)
    return _placed(frame, (frame.positions - frame.origin) * length, frame.cell * length)


def strained(frame: Frame, gradient: NDArray[np.float64]) -> Frame:
    """Sites and cell deformed alike: x → x (1 + G), with a (3, 3) G without dimension.

    Where G is lower-triangular, the cell keeps the form that LAMMPS writes.
    """
    deformation = np.eye(3) + gradient
    return _placed(frame, (frame.positions - frame.origin) @ deformation, frame.cell @ deformation)


def random_strain(largest: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A lower-triangular (3, 3) gradient for :func:`strained` that leaves the volume as it is.

    The three stretches and half of the three shears are uniform up to ``largest``, a number; the
    stretches are then multiplied by what restores the volume.
    """
    gradient = np.tril(rng.uniform(-largest, largest, (3, 3)))
    stretch = 1.0 + np.diag(gradient)
    stretch /= np.prod(stretch) ** (1 / 3)
    return 2.0 * np.tril(gradient, -1) + np.diag(stretch - 1.0)


def shrunk(frames: Sequence[Frame], factor: float) -> list[Frame]:
    """Displacements from each molecule's mean place times ``factor``: 0 leaves the mean alone.

    For crystals and glasses; where molecules diffuse, the mean place means nothing.
    """
    path, cells = _paths(frames)
    mean = path.mean(axis=0)
    return [
        _placed(frame, (mean + factor * (here - mean)) @ cell, cell)
        for frame, here, cell in zip(frames, path, cells, strict=True)
    ]


def averaged(frames: Sequence[Frame], window: int = 3) -> list[Frame]:
    """Running means over ``window`` frames in a row, in the cells of the middle ones."""
    if not 1 <= window <= len(frames) or window % 2 == 0:
        raise InputError(f"window of {window} frames: expected an odd number up to {len(frames)}")
    path, cells = _paths(frames)
    half = window // 2
    return [
        _placed(frames[k], path[k - half : k + half + 1].mean(axis=0) @ cells[k], cells[k])
        for k in range(half, len(frames) - half)
    ]


def _paths(frames: Sequence[Frame]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`~iceclass.datasets.unwrapping.unwrapped` without the drift of the whole."""
    path, cells = unwrapped(frames)
    return path - path.mean(axis=1, keepdims=True), cells


def _placed(frame: Frame, positions: NDArray[np.float64], cell: NDArray[np.float64]) -> Frame:
    """The frame's sites elsewhere, in a cell that begins at the origin."""
    return replace(bare(frame), positions=positions, cell=cell, origin=np.zeros(3))


def with_vacancies(frame: Frame, share: float, rng: np.random.Generator) -> Frame:
    """So large a share of the sites taken out at random, one at least; the box as it is."""
    count = max(1, round(share * frame.n_molecules))
    kept = np.ones(frame.n_molecules, dtype=bool)
    kept[rng.permutation(frame.n_molecules)[:count]] = False
    return bare(frame).only(kept)


def waved(frame: Frame, amplitude: float, rng: np.random.Generator) -> Frame:
    """A standing wave as long as the box, of so many Å, in a random direction along each vector.

    Neighbours move together, as in a long acoustic phonon, and the lattice is strained unevenly.
    """
    inside = (frame.positions - frame.origin) @ np.linalg.inv(frame.cell)
    directions = rng.normal(size=(3, 3))
    directions *= amplitude / np.linalg.norm(directions, axis=1, keepdims=True)
    moved = np.sin(2 * np.pi * (inside + rng.uniform(size=3))) @ directions
    return replace(bare(frame), positions=frame.positions + moved)


def rounded(frame: Frame, step: float) -> Frame:
    """Coordinates as a file holds them that keeps multiples of so many Å."""
    return replace(bare(frame), positions=np.round(frame.positions / step) * step)


def with_vacuum(frame: Frame, thickness: float) -> Frame:
    """A slab: the box cut at its lower and upper face along z and drawn apart by so many Å.

    Raises
    ------
    InputError
        The third cell vector is not along z.
    """
    if np.abs(frame.cell[2, :2]).max() > 1e-9 or np.abs(frame.cell[:2, 2]).max() > 1e-9:
        raise InputError("a slab needs a cell whose third vector is along z")
    fractional = (frame.positions - frame.origin) @ np.linalg.inv(frame.cell)
    positions = (fractional - np.floor(fractional)) @ frame.cell
    cell = frame.cell.copy()
    cell[2, 2] += thickness
    return _placed(frame, positions, cell)


def random_points(
    molecules: int, density: float, rng: np.random.Generator, apart: float = 0.0
) -> Frame:
    """Points at random in a cube of the density (g/cm³) of so many waters, ``apart`` Å at least.

    One after the other, each drawn until it fits.

    Raises
    ------
    InputError
        They cannot be placed so far apart.
    """
    edge = (molecules * MASS_WATER * AMU_PER_A3_IN_G_PER_CM3 / density) ** (1 / 3)
    if apart == 0.0:
        return Frame(positions=rng.uniform(0, edge, (molecules, 3)), cell=np.eye(3) * edge)
    placed = np.empty((molecules, 3))
    for k in range(molecules):
        for _ in range(_TRIES):
            point = rng.uniform(0, edge, 3)
            step = placed[:k] - point
            step -= edge * np.round(step / edge)
            if not k or (np.einsum("kd,kd->k", step, step) >= apart**2).all():
                placed[k] = point
                break
        else:
            raise InputError(
                f"{molecules} points {apart:g} Å apart do not fit at random at {density:g} g/cm³"
            )
    return Frame(positions=placed, cell=np.eye(3) * edge)
