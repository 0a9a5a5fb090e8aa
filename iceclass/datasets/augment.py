"""Variations of training trajectories, and ice of known stacking, to train a robust model on.

Of every trajectory that trains, some frames are changed at random: in density and in the shape of
the cell, and with more or less motion, as other water models and first-principles potentials
differ from the one of the data set. Lattices without dynamics are changed in the same way, those of
other proton orders too. Stacking-disordered ice I, of sequences that no test uses, brings molecules
whose neighbours are of the other phase; so do interfaces of ice with water and glasses, cut and
joined from frames that train. Lattices that are none of the classes teach what is unknown. All
keep the preparation they come from and the side of the split it is on; preparations that validate
or test are not touched.

What trained shows in the names of preparations, which a model's record keeps:
:data:`LATTICE`, :data:`STACKING` and :data:`INTERFACE` begin those made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iceclass.datasets.joining import Cut, join
from iceclass.datasets.pack import Described
from iceclass.datasets.perturb import displaced, random_strain, scaled, shrunk, strained
from iceclass.datasets.reference import ReferenceTrajectory, find_data, load_reference
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.phases import CRYSTALS, GLASSES, OTHER, PHASE_OF_LETTER

LATTICE, STACKING, INTERFACE = "lattice_", "stacking_", "interface_"
"""How the names of preparations begin that are made here."""

RANDOM = "random_"
"""How the names begin, among the other lattices, of points at random."""

JOINED = {
    ("ih", "water"): 32,
    ("ic", "water"): 32,
    ("ii", "water"): 12,
    ("iii", "water"): 12,
    ("v", "water"): 12,
    ("ih", "lda"): 12,
    ("ic", "lda"): 12,
    ("ih", "hda"): 12,
    ("ih", "mda"): 12,
}
"""Pair of phases that share an interface → how many are made."""

CURVATURES = (0.0, 0.0, 0.05, 0.1)
"""1/Å. Planes, and spheres of the first phase with radii of 20 and 10 Å."""

LATTICE_DRAWS = {"ii": 6, "iii": 4, "vii": 3, "cs1": 8, "cs2": 4, "sh": 4, "TS1": 4, "HS1": 4}
"""Class or lattice → how many times it is drawn, where once is too little for it to be known:
Gaussian displacements change the distances of neighbours more than motion does, and hydrates have
the same molecules in another order."""


COMPRESSIBLE = {"vii": 0.18}
"""Class → largest relative change of its lattices' density, where that is more than of others: ice
VIII keeps its structure from nothing to tens of GPa, 1.46 to over 2 g/cm³."""

STACKING_DRAWS = 6
"""How many times a stacking-disordered ice is drawn: few are there, and nothing else teaches what a
hexagonal molecule among cubic ones looks like."""


@dataclass(frozen=True)
class Variation:
    """How much frames are changed.

    Attributes
    ----------
    density, glassy_density
        Largest relative change of the density, up and down; the latter in amorphous ices, whose
        densities tell them apart.
    strain
        Largest stretch, before the volume is restored, and half of the largest shear.
    motion, glassy
        Å. Largest standard deviation of an added Gaussian displacement in each direction; the
        latter in amorphous ices: a glass that moves more is a liquid, so that there is none.
    still
        Smallest factor that displacements from the mean places are multiplied by, in solids.
    frames
        How many of a trajectory, each changed in its own way.
    displaced, shaken
        How many of a lattice in a draw (:data:`LATTICE_DRAWS`), and the largest standard deviation
        of their displacement, Å: there is no other motion in them.
    seed
        Of all random numbers.
    """

    density: float = 0.06
    strain: float = 0.02
    motion: float = 0.15
    glassy: float = 0.0
    glassy_density: float = 0.02
    still: float = 0.0
    frames: int = 11
    displaced: int = 24
    shaken: float = 0.25
    seed: int = 0

    def random(self, name: str) -> np.random.Generator:
        """Random numbers for the trajectory of that name."""
        return np.random.default_rng([self.seed, *name.encode()])

    def of(self, trajectory: ReferenceTrajectory) -> tuple[Frame, ...]:
        """Changed frames: half of them, in solids, with less motion, the others with more."""
        rng = self.random(trajectory.name)
        frames = trajectory.frames
        chosen = np.sort(rng.permutation(len(frames))[: self.frames])
        glass = trajectory.phase in GLASSES
        motion = self.glassy if glass else self.motion
        density = self.glassy_density if glass else self.density
        varied = []
        for place, k in enumerate(chosen):
            if trajectory.phase != "water" and place % 2:
                changed = shrunk(frames, rng.uniform(self.still, 1.0))[k]
            else:
                changed = displaced(frames[k], rng.uniform(0.0, motion), rng)
            varied.append(self.deformed(changed, density, rng))
        return tuple(varied)

    def moving(
        self, lattice: Frame, count: int, rng: np.random.Generator, density: float | None = None
    ) -> tuple[Frame, ...]:
        """So many frames of a lattice, deformed and shaken, a quarter without any motion."""
        density = self.density if density is None else density
        frames = []
        for k in range(count):
            motion = rng.uniform(0.0, self.shaken) if k % 4 else 0.0
            frames.append(self.deformed(displaced(lattice, motion, rng), density, rng))
        return tuple(frames)

    def deformed(self, frame: Frame, density: float, rng: np.random.Generator) -> Frame:
        """The frame at another density, changed by so much at most, and strained."""
        dense = scaled(frame, 1.0 + rng.uniform(-density, density))
        return strained(dense, random_strain(self.strain, rng))


def training(path: Path) -> list[ReferenceTrajectory]:
    """The trajectories of a compact data set that train.

    Raises
    ------
    InputError
        The data set has no fixed split, so that nobody knows yet which these are.
    """
    found = [trajectory for trajectory in load_reference(path) if trajectory.split == "train"]
    if not found:
        raise InputError(
            "no trajectory is marked to train", path=path, hint="pack four or five preparations"
        )
    return found


def varied(
    trajectories: Iterable[ReferenceTrajectory], variation: Variation
) -> Iterator[Described]:
    """Changed frames of trajectories that train."""
    for trajectory in trajectories:
        metadata = {**trajectory.metadata, "varied": asdict(variation)}
        yield f"{trajectory.name}_varied", metadata, variation.of(trajectory)


def lattices(path: Path, variation: Variation) -> Iterator[Described]:
    """The classes' lattices without dynamics, a quarter of the frames without any motion."""
    for trajectory in load_reference(path):
        phase = trajectory.metadata["twin"] or trajectory.phase
        if not trajectory.is_lattice or phase not in CRYSTALS:
            continue
        metadata = {
            **trajectory.metadata,
            "phase": phase,
            "preparation": LATTICE + trajectory.name,
            "split": "train",
            "varied": asdict(variation),
        }
        for draw in range(LATTICE_DRAWS.get(phase, 1)):
            name = f"{trajectory.name}_lattice" + (f"_{draw + 1}" if draw else "")
            rng = variation.random(name if draw else trajectory.name)
            yield name, metadata, variation.moving(trajectory.frames[0], variation.displaced, rng)


def others(path: Path, variation: Variation) -> Iterator[Described]:
    """Lattices beside the study's, changed as those of the study are."""
    for trajectory in load_reference(path):
        metadata = {
            **trajectory.metadata,
            "preparation": LATTICE + trajectory.preparation,
            "varied": asdict(variation),
        }
        known = trajectory.phase != OTHER
        count = variation.displaced if known else variation.frames
        draws = LATTICE_DRAWS.get(trajectory.phase if known else trajectory.name, 1)
        for draw in range(draws):
            name = trajectory.name + (f"_{draw + 1}" if draw else "")
            rng, density = variation.random(name), COMPRESSIBLE.get(trajectory.phase)
            frames = variation.moving(trajectory.frames[0], count, rng, density)
            yield f"{OTHER}_{name}", metadata, frames


def stacked(path: Path, variation: Variation) -> Iterator[Described]:
    """Stacking-disordered ices, once for their hexagonal and once for their cubic molecules.

    Those from dynamics as they are, and as often as lattices (:data:`STACKING_DRAWS`) changed.
    """
    for trajectory in load_reference(path):
        letters = np.array(list(trajectory.metadata["letters"]))
        still = trajectory.is_lattice
        for draw in range(STACKING_DRAWS):
            name = trajectory.name + (f"_{draw + 1}" if draw else "")
            rng = variation.random(name)
            frames = trajectory.frames
            if still or draw:
                largest = variation.shaken if still else variation.motion / 2
                frames = tuple(
                    variation.deformed(
                        displaced(frame, rng.uniform(0.0, largest), rng), variation.density, rng
                    )
                    for frame in (frames * 6 if still else frames)
                )
            for letter, phase in PHASE_OF_LETTER.items():
                metadata = {
                    **trajectory.metadata,
                    "phase": phase,
                    "preparation": STACKING + str(trajectory.metadata["sequence"]),
                    "split": "train",
                    "counted": np.flatnonzero(letters == letter).tolist(),
                }
                yield f"{name}_{phase}", metadata, frames


def joined(
    trajectories: Sequence[ReferenceTrajectory], variation: Variation
) -> Iterator[Described]:
    """Two phases side by side, once for the molecules of each; cut from trajectories that train."""
    for pair, count in JOINED.items():
        bulks = [[t for t in trajectories if t.phase == phase] for phase in pair]
        if not all(bulks):
            continue
        for k in range(count):
            name = f"{'-'.join(pair)}_{k}"
            rng = variation.random(name)
            one, two = (own[rng.integers(len(own))] for own in bulks)
            first, second = (t.frames[rng.integers(len(t.frames))] for t in (one, two))
            curvature = CURVATURES[k % len(CURVATURES)]
            frame, *counted = join(first, second, curvature, Cut(), rng)
            for trajectory, molecules in zip((one, two), counted, strict=True):
                metadata = {
                    **trajectory.metadata,
                    "preparation": INTERFACE + name,
                    "split": "train",
                    "counted": molecules.tolist(),
                }
                yield f"{INTERFACE}{name}_{trajectory.phase}", metadata, (frame,)


def augment(
    data: Sequence[Path], variation: Variation, directory: Path | None = None
) -> Iterator[Described]:
    """All variations of compact data sets.

    Parameters
    ----------
    data
        Compact data sets with a fixed split.
    variation
        How much is changed.
    directory
        Where ``lattices.h5``, ``stacking-train.h5`` and ``other-lattices.h5`` are; default:
        ``pipelines/data`` of a checkout.

    Raises
    ------
    InputError
        A data set without a fixed split, or one that is missing.
    """
    lattice_data = find_data("lattices.h5", directory)
    stacking_data = find_data("stacking-train.h5", directory)
    other_data = find_data("other-lattices.h5", directory)
    trajectories = [trajectory for path in data for trajectory in training(path)]
    yield from varied(trajectories, variation)
    yield from lattices(lattice_data, variation)
    yield from stacked(stacking_data, variation)
    yield from joined(trajectories, variation)
    yield from others(other_data, variation)
