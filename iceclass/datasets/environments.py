"""The second data set: molecules where people look, each with its truth by construction.

Beside the reference set, which holds bulk phases of one model only, this one holds liquids far
below melting, interfaces, nuclei, free surfaces, crystals under pressure, and other water models.
Files have the reference set's layout (:mod:`iceclass.datasets.reference`) with, for each
trajectory::

    made       (N,) int8, what each molecule was made to be: index into the metadata's ``phases``
    truth      (T, N) int8, the same, or −9 where construction does not say, at a boundary

The files are part of a checkout, not of an installed iceclass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.hdf5 import checked_dataset, one_line
from iceclass.datasets.reference import BESIDE, ReferenceSet, ReferenceTrajectory, load_reference
from iceclass.errors import InputError
from iceclass.phases import EITHER, PHASES

NO_TRUTH = -9
"""Truth of a molecule within about a layer of a boundary."""

CLASSES = tuple(PHASES)
"""What the numbers in ``truth`` and ``made`` of a loaded trajectory mean; first the nine."""

RESERVED_MODELS = ("opc", "sw-24", "revpbe0-d3")
"""Water models that are for tests only: none of their trajectories is on another side."""

FIRST_PRINCIPLES = {"revpbe0-d3": ("revPBE0-D3", "10.1073/pnas.1815117116")}
"""Potentials fitted to first-principles energies, which are none of the water models that LAMMPS
runs here: name → label, and where they are published."""

RESERVED_KINDS = ("wall", "solution")
"""Kinds of environment that are for tests only."""

CHECKOUT = BESIDE
"""Where the files are in a checkout."""

PATTERNS = ("environments-*.h5", "ices-*.h5")
"""Their names: places where people look, and the ices and hydrates beside the study's."""


@dataclass(frozen=True, eq=False)
class EnvironmentTrajectory(ReferenceTrajectory):
    """One trajectory; ``phase`` is empty where there are several phases."""

    @property
    def kind(self) -> str:
        """What surrounds the molecules: liquid, crystal, glass, interface, nucleus, surface …"""
        return str(self.metadata["environment"])

    @property
    def group(self) -> str:
        """Which preparations are alike but for their seeds and states."""
        return str(self.metadata["group"])

    @cached_property
    def truth(self) -> NDArray[np.int8]:
        """(T, N) int8. Index into :data:`CLASSES`, or :data:`NO_TRUTH`."""
        return self._codes("truth", 2)

    @cached_property
    def made(self) -> NDArray[np.int8]:
        """(N,) int8. Index into :data:`CLASSES`: what each molecule was made to be.

        Other than ``truth`` it is told at boundaries as well, where it need not hold any longer.
        """
        return self._codes("made", 1)

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases that :attr:`of_phases` tells of."""
        return tuple(self.of_phases)

    @cached_property
    def of_phases(self) -> dict[str, NDArray[np.bool_] | None]:
        """Class → (T, N) which molecules are of it by their truth; classes that none is of: not.

        At the edge of a nucleus, which was held until shortly before, a molecule is what it was
        made to be, but for the test, which goes by the truth alone. At a free surface it is that or
        liquid (``ih+water``), at other boundaries one of the phases that meet there, and of ice Ih
        and Ic either: ``ih+ic+water``.
        """
        truth = self.truth
        if self.kind == "nucleus" and self.split != "test":
            truth = np.where(truth == NO_TRUTH, self.made, truth)
        found: dict[str, NDArray[np.bool_] | None] = {
            CLASSES[c]: truth == c for c in np.unique(truth[truth != NO_TRUTH])
        }
        if (truth == NO_TRUTH).any():
            meeting = {CLASSES[c] for c in np.unique(self.made[self.made != NO_TRUTH])}
            if self.kind == "surface":
                meeting.add("water")
            elif meeting & {"ih", "ic"}:
                meeting |= {"ih", "ic"}
            found[EITHER.join(sorted(meeting, key=CLASSES.index))] = truth == NO_TRUTH
        return found

    def _codes(self, name: str, ndim: int) -> NDArray[np.int8]:
        """An array of the file, its indices into ``phases`` turned into ones into CLASSES."""
        import h5py

        try:
            names = list(self.metadata["phases"])
            if strange := [name for name in names if name not in CLASSES]:
                raise ValueError(f"{strange[0]!r} is none of the classes")
            codes = np.array([CLASSES.index(n) for n in names] + [NO_TRUTH], dtype=np.int8)
            with h5py.File(self._path, "r") as file:
                group = file["trajectories"][self.name]
                stored = checked_dataset(group, name, "i", ndim)[:]
                positions = group["positions"].shape
            if stored.shape != positions[2 - ndim : 2]:
                raise ValueError(f"{name} has shape {stored.shape}, of positions {positions}")
            known = (stored >= 0) & (stored < len(names))
            if not (known | (stored == NO_TRUTH)).all():
                raise ValueError(f"{name} refers to phases that are not there")
            return np.asarray(codes[np.where(known, stored, len(names))])
        except Exception as error:  # HDF5 answers damage with errors of every kind
            raise InputError(
                f"damaged data set: trajectory {self.name!r}: {one_line(error)}", path=self._path
            ) from error


@dataclass(frozen=True, eq=False)
class EnvironmentSet(ReferenceSet):
    """Trajectories of environments, in the order of the files."""

    trajectories: tuple[EnvironmentTrajectory, ...]

    def __iter__(self) -> Iterator[EnvironmentTrajectory]:
        return iter(self.trajectories)

    def __repr__(self) -> str:
        kinds = list(dict.fromkeys(t.kind for t in self))
        return f"EnvironmentSet({len(self)} trajectories: {', '.join(kinds)})"


def load_compact(path: Path) -> ReferenceSet:
    """The compact data set at ``path``, one of environments or not.

    Raises
    ------
    InputError
        As :func:`~iceclass.datasets.reference.load_reference`.
    """
    found = load_reference(path)
    mixed = any("phases" in trajectory.metadata for trajectory in found)
    return load_environments(path) if mixed else found


def environment_files(path: str | Path | None = None) -> list[Path]:
    """The files at ``path``: itself, or those of a directory; default: the checkout's."""
    place = CHECKOUT if path is None else Path(path)
    if not place.is_dir():
        return [place]
    return [file for pattern in PATTERNS for file in sorted(place.glob(pattern))]


def load_environments(path: str | Path | None = None) -> EnvironmentSet:
    """The environments of this checkout, or those in a file or directory.

    Raises
    ------
    InputError
        There is none (an installed iceclass has none: give a path), or a file is not a data set
        of environments of a version this iceclass reads, or two trajectories have one name.
    """
    found = environment_files(path)
    if not found or not all(file.is_file() for file in found):
        raise InputError(
            f"no data set of environments ({', '.join(PATTERNS)})",
            path=CHECKOUT if path is None else Path(path),
            hint="it is in pipelines/data of the repository, not in the package; give its path",
        )
    trajectories = []
    for file in found:
        for one in load_reference(file):
            for key in ("environment", "phases", "group"):
                if key not in one.metadata:
                    raise InputError(
                        f"trajectory {one.name!r} has no {key!r}: not a data set of environments",
                        path=file,
                    )
            trajectories.append(EnvironmentTrajectory(one.name, one.metadata, file))
    names = [t.name for t in trajectories]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"trajectory {twice!r} is there twice", path=found[-1])
    return EnvironmentSet(tuple(trajectories))
