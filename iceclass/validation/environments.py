"""What the parts share that are tested on places where molecules are not in a bulk.

The truth is by construction (:mod:`iceclass.datasets.environments`); molecules within about a
layer of a boundary have none and count in the share of ghosts only. Trajectories of preparations
that trained or validated the model do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.environments import CLASSES, NO_TRUTH, EnvironmentTrajectory
from iceclass.frame import Frame
from iceclass.phases import GLASSES, UNKNOWN
from iceclass.validation.inputs import Inputs


@dataclass(frozen=True, eq=False)
class Scene:
    """One frame of an environment and what a model says of it.

    Attributes
    ----------
    truth
        (N,) names; empty where construction does not say.
    made
        (N,) names of what each molecule was made to be, at boundaries too.
    right
        (N,) what a model of these classes should say of what it was made to be: unknown where
        that is none of them.
    named
        (N,) what the model calls them.
    probabilities
        (N, C) of the model's classes.
    """

    frame: Frame
    truth: NDArray[np.str_]
    made: NDArray[np.str_]
    right: NDArray[np.str_]
    named: NDArray[np.str_]
    probabilities: NDArray[np.float32]

    @property
    def sure(self) -> NDArray[np.bool_]:
        """(N,) which molecules have a truth."""
        return self.truth != ""

    @property
    def ghosts(self) -> NDArray[np.bool_]:
        """(N,) which molecules are called an amorphous ice or unknown, which nothing here is.

        At the boundary with a glass, ice that is called that glass is no ghost.
        """
        strange = {*GLASSES, UNKNOWN} - set(self.right)
        return np.isin(self.named, list(strange))


def unseen_trajectories(inputs: Inputs, *kinds: str) -> list[EnvironmentTrajectory]:
    """The trajectories of these kinds that neither trained nor validated the model."""
    known = inputs.training_preparations
    return [t for t in inputs.environments if t.kind in kinds and t.preparation not in known]


def scenes(inputs: Inputs, trajectory: EnvironmentTrajectory) -> Iterator[Scene]:
    """Some frames of a trajectory, classified."""
    names = np.array([*CLASSES, ""])
    made = names[np.where(trajectory.made == NO_TRUTH, len(CLASSES), trajectory.made)]
    for k in inputs.some_of(len(trajectory.frames)):
        frame, codes = trajectory.frames[k], trajectory.truth[k]
        truth = names[np.where(codes == NO_TRUTH, len(CLASSES), codes)]
        right = np.where(np.isin(made, inputs.model.classes), made, UNKNOWN)
        said = inputs.model.classify(frame)
        yield Scene(frame, truth, made, right, said.names, said.probabilities)


def head(inputs: Inputs, trajectory: EnvironmentTrajectory) -> dict[str, Any]:
    """The first columns of every row of a trajectory."""
    return {
        "environment": trajectory.kind,
        "group": trajectory.group,
        "trajectory": trajectory.name,
        "water_model": trajectory.model,
        "temperature": trajectory.temperature,
        "pressure": trajectory.pressure,
    }


def trained(inputs: Inputs, trajectory: EnvironmentTrajectory) -> bool:
    """Whether that kind of environment, of that water model, trained the model."""
    return any(
        t.kind == trajectory.kind and t.model == trajectory.model
        for t in inputs.environments
        if t.preparation in inputs.training_preparations
    )
