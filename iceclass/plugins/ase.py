"""Labels on ASE ``Atoms``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iceclass.frame import Frame
from iceclass.labelling.label import label_frames
from iceclass.model.file import load_model
from iceclass.model.network import Model
from iceclass.plugins.values import per_atom

if TYPE_CHECKING:
    from ase import Atoms

OTHER = "other"
"""What ``phase`` holds for atoms that are no water."""


def label_atoms(
    atoms: Atoms,
    model: str | Path | Model = "default",
    *,
    types: Mapping[Any, str] | None = None,
    unknown: bool = True,
) -> Atoms:
    """A copy of ``atoms`` with the arrays ``phase`` and ``confidence``.

    ``phase`` holds class names, ``"unknown"``, and ``"other"`` for what is no water;
    ``confidence`` is the calibrated probability of the most probable class, 0 for what is no
    water. Hydrogens have their molecule's values. ``info["iceclass_model"]`` is the model's id.
    (For many structures, or for probabilities: :func:`iceclass.label`.)

    Parameters
    ----------
    atoms
        The structure; M atoms.
    model
        Name of a shipped model, path of a model file, or a ``Model``.
    types
        Chemical symbol → element, where they differ: ``{"X": "O"}``.
    unknown
        Whether a molecule unlike anything in the training set is called unknown.

    Raises
    ------
    InputError
        No oxygen, or ``types`` that do not fit.
    """
    network = model if isinstance(model, Model) else load_model(model)
    frame = Frame.from_ase(atoms, types=types)
    _, prediction = next(label_frames([frame], network, unknown=unknown))
    labelled = atoms.copy()
    labelled.set_array("phase", per_atom(frame, prediction.names, OTHER))
    labelled.set_array("confidence", per_atom(frame, prediction.confidence, np.float32(0.0)))
    labelled.info["iceclass_model"] = prediction.model_id
    return labelled
