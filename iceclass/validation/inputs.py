"""What every part of a validation works on: the model, the data sets, what trained the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from iceclass.datasets.augment import INTERFACE, LATTICE, RANDOM, STACKING
from iceclass.datasets.environments import (
    EnvironmentTrajectory,
    environment_files,
    load_environments,
)
from iceclass.datasets.reference import (
    BESIDE,
    ReferenceSet,
    ReferenceTrajectory,
    find_data,
    load_reference,
)
from iceclass.errors import InputError
from iceclass.evaluation.held_out import training_preparations
from iceclass.model.network import Model


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is validated, and on what.

    Attributes
    ----------
    model
        The model.
    frames
        How many of each trajectory are taken, spread evenly.
    directory
        Where the compact data sets of the validation are; None: ``pipelines/data`` of a checkout.
    sources
        Compact data sets with the classes' trajectories; None is the shipped one.
    """

    model: Model
    frames: int = 3
    directory: Path | None = None
    sources: tuple[Path | None, ...] = (None,)

    def data(self, name: str) -> ReferenceSet:
        """The data set in the file of that name.

        Raises
        ------
        InputError
            There is none.
        """
        return load_reference(find_data(name, self.directory))

    @cached_property
    def held_out(self) -> list[ReferenceTrajectory]:
        """The trajectories of the model's classes that neither trained nor validated it.

        Raises
        ------
        InputError
            The model's record does not tell what it was made with, or there are none.
        """
        known = training_preparations(self.model)
        if not known:
            raise InputError(
                "the model's record does not tell which preparations it was trained on"
            )
        found = [
            t
            for source in self.sources
            for t in load_reference(source)
            if t.phase in self.model.classes and (t.phase, t.preparation) not in known
        ]
        if not found:
            raise InputError("every trajectory of the reference has trained or validated the model")
        return found

    def transferred(self) -> Iterator[ReferenceTrajectory]:
        """The trajectories of other water models, of the model's classes."""
        return (t for t in self.data("transfer.h5") if t.phase in self.model.classes)

    @cached_property
    def environments(self) -> tuple[EnvironmentTrajectory, ...]:
        """The data set of environments in the directory; empty where there is none."""
        place = BESIDE if self.directory is None else self.directory
        return load_environments(place).trajectories if environment_files(place) else ()

    def some_of(self, total: int) -> list[int]:
        """Which of so many frames are taken."""
        return evenly_spread(total, self.frames)

    @cached_property
    def training_preparations(self) -> frozenset[str]:
        """Names of the preparations that trained or validated the model."""
        return frozenset(name for _, name in training_preparations(self.model))

    def trained_on(self, kind: str, name: str = "") -> bool:
        """Whether what ``iceclass augment`` makes trained the model.

        Parameters
        ----------
        kind
            "stacking", "lattice", "random" (points), "interface" (cut and joined), or "variation"
            (frames changed in density, strain and motion, which it makes together with all the
            others).
        name
            Of the lattice.
        """
        beginnings = {
            "stacking": STACKING,
            "lattice": LATTICE + name,
            "random": LATTICE + RANDOM,
            "interface": INTERFACE,
        }
        beginning = beginnings.get(kind, LATTICE)
        if name:
            return beginning in self.training_preparations
        return any(known.startswith(beginning) for known in self.training_preparations)

    def water_model_trained(self, water_model: str, phase: str) -> bool:
        """Whether a preparation of that water model's phase trained.

        The reference's are told by their names (``ih_mw_p1``), the environments' by the data set.
        """
        return any(
            name.startswith(f"{phase}_{water_model}_") for name in self.training_preparations
        ) or any(
            t.model == water_model
            and phase in t.metadata["phases"]
            and t.preparation in self.training_preparations
            for t in self.environments
        )


def evenly_spread(total: int, wanted: int) -> list[int]:
    """``wanted`` indices spread evenly over so many frames, both ends among them."""
    return sorted({round(x) for x in np.linspace(0, total - 1, min(wanted, total))})
