"""From values of molecules to values of atoms, for the plugins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iceclass.frame import Frame


def per_atom(frame: Frame, values: ArrayLike, elsewhere: Any) -> NDArray[Any]:
    """(M,) the value of each atom's molecule, ``elsewhere`` for atoms of no molecule.

    Parameters
    ----------
    frame
        A frame that holds its atoms.
    values
        (N,) of the molecules.
    elsewhere
        For what is no water.
    """
    assert frame.atoms is not None
    molecule = frame.atoms.molecule
    return np.where(molecule < 0, elsewhere, np.asarray(values)[molecule])
