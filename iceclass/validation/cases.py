"""The test sets as cases: frames, what they are, and what a model should say.

Everything is made on the spot from the compact files and a seed; the same call gives the same
cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.perturb import displaced, random_points, scaled, with_vacuum
from iceclass.datasets.reference import ReferenceTrajectory
from iceclass.errors import InputError
from iceclass.frame import AMU_PER_A3_IN_G_PER_CM3, MASS_WATER, Frame
from iceclass.generation.lattices import lattice_names, oxygens
from iceclass.phases import CRYSTALS, PHASE_OF_LATTICE, PHASE_OF_LETTER, UNKNOWN

SEED = 20240
AMPLITUDES = (0.10, 0.15, 0.20, 0.25)
"""Å, standard deviation in each direction, of the displaced lattices."""
DENSITIES = (0.97, 1.0, 1.03)
"""Factors of GenIce2's density."""
VACUUM = 20.0
"""Å between the faces of the slab."""
MOTION = (0.10, 0.15)
"""Å, the same for every lattice that GenIce2 knows."""
GAS = 20 * MASS_WATER * AMU_PER_A3_IN_G_PER_CM3 / 100.0**3
"""g/cm³ of 20 molecules in (100 Å)³."""

NO_LATTICES = ("one", "CRN1", "CRN2", "CRN3", "A15", "C15")
"""Of GenIce2's: what needs a stacking sequence, random networks, which model amorphous ice, and
hydrates sI and sII with bonds a third longer than others."""


@dataclass(frozen=True, eq=False)
class Case:
    """Frames of one kind and what is right for them.

    Attributes
    ----------
    name
        What it is: an ice, a stacking sequence.
    condition
        How it was made or changed.
    frames
        Oxygens.
    expected
        The phase, ``unknown`` where it is none of the catalogue's, or "" where ``truth`` says it
        by molecule. For a model that lacks the phase as a class, unknown is right:
        :meth:`right_for`.
    twin
        Class that oxygens alone cannot tell it from, if any.
    truth
        (N,) class names, the same in every frame.
    counted
        Per frame (N,) which molecules count; None: all.
    """

    name: str
    condition: str
    frames: tuple[Frame, ...]
    expected: str = ""
    twin: str = ""
    truth: NDArray[np.str_] | None = None
    counted: tuple[NDArray[np.bool_], ...] | None = None

    def right_for(self, classes: Sequence[str]) -> str:
        """What a model of these classes should call it."""
        return self.expected if self.expected in (*classes, "") else UNKNOWN


def random_generator(*words: Any) -> np.random.Generator:
    """Random numbers that depend on these words and on nothing else."""
    return np.random.default_rng([SEED, *"|".join(map(str, words)).encode()])


def displaced_by(name: str, frame: Frame, sigma: float, density: float = 1.0) -> Frame:
    """A lattice at another density with thermal motion."""
    rng = random_generator(name, sigma, density)
    return displaced(scaled(frame, density), sigma, rng)


def stacking_cases(
    data: Iterable[ReferenceTrajectory], amplitudes: Sequence[float] = AMPLITUDES
) -> Iterator[Case]:
    """Stacking-disordered ices: truth for every molecule.

    Each sequence as in short dynamics, and displaced without.
    """
    for t in data:
        truth = np.array([PHASE_OF_LETTER[c] for c in t.metadata["letters"]])
        name = str(t.metadata["sequence"])
        if not t.is_lattice:
            yield Case(name, f"{t.temperature:g} K", t.frames, truth=truth)
            continue
        for sigma in amplitudes:
            frames = (displaced_by(t.name, t.frames[0], sigma),)
            yield Case(name, f"lattice, σ = {sigma:.2f} Å", frames, truth=truth)


def other_ices(
    lattices: Iterable[ReferenceTrajectory],
    amplitudes: Sequence[float] = AMPLITUDES,
    densities: Sequence[float] = DENSITIES,
) -> Iterator[Case]:
    """Ices beside the study's, among them twins of three that oxygens cannot tell from them."""
    for t in lattices:
        if t.phase in CRYSTALS:
            continue
        twin = str(t.metadata["twin"])
        expected = PHASE_OF_LATTICE.get(str(t.metadata["lattice"]), UNKNOWN)
        if not t.is_lattice:
            yield Case(
                t.phase, f"{t.temperature:g} K, {t.pressure:g} GPa", t.frames, expected, twin
            )
            continue
        for sigma in amplitudes:
            frames = tuple(displaced_by(t.name, t.frames[0], sigma, d) for d in densities)
            yield Case(t.phase, f"lattice, σ = {sigma:.2f} Å", frames, expected, twin)


def different_lattices(names: Iterable[str] | None = None) -> Iterator[tuple[str, str, Frame]]:
    """Name, phase or "", and oxygens of every lattice that GenIce2 knows; 160 molecules or more.

    Each cell once whatever its names; those that GenIce2 itself fails to make are left out.
    """
    seen = set()
    for name in sorted(names or lattice_names(), key=lambda n: (n not in PHASE_OF_LATTICE, n)):
        if name in NO_LATTICES:
            continue
        try:
            frame = oxygens(name, 160)
        except InputError:
            continue
        shape = np.round(frame.positions, 3).tobytes()
        if shape not in seen:
            seen.add(shape)
            yield name, PHASE_OF_LATTICE.get(name, ""), frame


def all_lattices(
    amplitudes: Sequence[float] = MOTION, names: Iterable[str] | None = None
) -> Iterator[Case]:
    """:func:`different_lattices` with thermal motion."""
    for name, phase, frame in different_lattices(names):
        for sigma in amplitudes:
            frames = (displaced_by(name, frame, sigma),)
            yield Case(name, f"σ = {sigma:.2f} Å", frames, phase or UNKNOWN, phase)


def lattice_named(lattices: Iterable[ReferenceTrajectory], name: str) -> Frame:
    """The lattice of that name.

    Raises
    ------
    InputError
        It is not among them.
    """
    for t in lattices:
        if t.name == name:
            return t.frames[0]
    raise InputError(f"the data set of lattices has no {name!r}")


def crystals_at_0_kelvin(
    lattices: Iterable[ReferenceTrajectory], densities: Iterable[float] = (0.95, 1.0, 1.05)
) -> Iterator[Case]:
    """The five crystals straight from GenIce2, without any motion."""
    for name in CRYSTALS:
        for density in densities:
            condition = "lattice at 0 K" + ("" if density == 1.0 else f", density × {density}")
            frame = scaled(lattice_named(lattices, name), density)
            yield Case(name, condition, (frame,), name)


def compressed_ices(
    lattices: Iterable[ReferenceTrajectory],
    trajectories: Iterable[ReferenceTrajectory],
    sigma: float = 0.15,
) -> Iterator[Case]:
    """The five crystals in nine tenths of their volume, lattices and trajectories.

    A compressed ice is that ice.
    """
    trajectories = list(trajectories)
    for phase in CRYSTALS:
        ice = lattice_named(lattices, phase)
        squeezed = tuple(displaced_by(f"{phase} {k}", ice, sigma, 1 / 0.9) for k in range(3))
        cases = [(f"lattice, σ = {sigma:.2f} Å", squeezed)]
        for t in trajectories:
            if t.phase == phase:
                frames = tuple(scaled(frame, 1 / 0.9) for frame in t.frames[::4])
                cases.append((f"{t.temperature:g} K, {t.pressure:g} GPa", frames))
        for made, frames in cases:
            density = np.mean([frame.density for frame in frames])
            condition = f"volume × 0.90, {made}, {density:.3f} g/cm³"
            yield Case(f"{phase}, compressed", condition, frames, phase)


def no_ices(lattices: Iterable[ReferenceTrajectory], sigma: float = 0.15) -> Iterator[Case]:
    """A surface, a gas, and points at random."""
    slab = with_vacuum(lattice_named(lattices, "basal"), VACUUM)
    frames = tuple(displaced(slab, sigma, random_generator("surface", k)) for k in range(3))
    z = slab.positions[:, 2]
    depth = np.minimum(z - z.min(), z.max() - z)
    made = f"ice Ih in vacuum, σ = {sigma:.2f} Å"
    outer, inner = (depth < 2.0,) * len(frames), (depth > 8.0,) * len(frames)
    yield Case("surface", f"{made}, outer bilayer", frames, "ih", counted=outer)
    yield Case("slab", f"{made}, deeper than 8 Å", frames, "ih", counted=inner)
    gas = tuple(random_points(20, GAS, random_generator("gas", k), 2.6) for k in range(10))
    yield Case("gas", "20 molecules in (100 Å)³", gas, UNKNOWN)
    for apart in (0.0, 2.4):
        points = tuple(random_points(432, 1.0, random_generator(apart, k), apart) for k in range(3))
        condition = "at the density of water" + (f", {apart:g} Å apart" if apart else "")
        yield Case("random points", condition, points, UNKNOWN)
