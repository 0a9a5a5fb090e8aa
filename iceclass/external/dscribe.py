"""DScribe: SOAP and symmetry functions of the oxygens of a frame, any cell and boundaries.

Each function prepares the calculation and returns it as a call without arguments, so that it can
be timed by itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import MissingDependencyError
from iceclass.frame import Frame

KINDS = ("G2", "G3", "G4", "G5")
"""The symmetry functions that DScribe has, in the order of its columns, after Σ f_c."""


def soap(
    frame: Frame, *, n_max: int, l_max: int, r_cut: float, sigma: float
) -> Callable[[], NDArray[np.float64]]:
    """What gives the (N, F) power spectra; lengths in Å, a basis of Gaussian-type orbitals.

    Raises
    ------
    MissingDependencyError
        DScribe is not installed.
    """
    with warnings.catch_warnings():  # its overlap matrices are ill-conditioned, as ours
        warnings.simplefilter("ignore", RuntimeWarning)
        made = _descriptors("SOAP by DScribe").SOAP(
            species=["O"],
            r_cut=r_cut,
            n_max=n_max,
            l_max=l_max,
            sigma=sigma,
            rbf="gto",
            average="off",
            periodic=bool(frame.pbc.any()),
        )
    atoms = _atoms(frame)
    return lambda: np.asarray(made.create(atoms), dtype=np.float64)


def symmetry_functions(
    frame: Frame, parameters: Mapping[str, Sequence[Sequence[float]]], r_cut: float
) -> Callable[[], NDArray[np.float64]]:
    """What gives the (N, F) symmetry functions with Behler's cosine.

    Parameters
    ----------
    parameters
        Of :data:`KINDS`, those wanted → the parameters of each function, in DScribe's order. The
        columns are in the order of :data:`KINDS`, then in that given.
    r_cut
        Å.

    Raises
    ------
    MissingDependencyError
        DScribe is not installed.
    """
    given = {
        f"{kind.lower()}_params": [
            list(values) if len(values) > 1 else values[0] for values in parameters[kind]
        ]
        for kind in KINDS
        if parameters.get(kind)
    }
    made = _descriptors("symmetry functions by DScribe").ACSF(
        r_cut=r_cut, species=["O"], periodic=bool(frame.pbc.any()), **given
    )
    atoms = _atoms(frame)
    return lambda: np.asarray(made.create(atoms), dtype=np.float64)[:, 1:]  # without Σ f_c


def _descriptors(what: str) -> Any:
    """DScribe's descriptors."""
    try:
        import dscribe.descriptors
    except ImportError as error:
        raise MissingDependencyError(what, "dscribe", "reference") from error
    return dscribe.descriptors


def _atoms(frame: Frame) -> Any:
    """ASE's atoms of the oxygens."""
    from ase import Atoms

    atoms = Atoms(
        f"O{frame.n_molecules}", positions=frame.positions, cell=frame.cell, pbc=frame.pbc
    )
    atoms.set_cell(atoms.cell.complete())  # DScribe wants a cell wherever a direction is open
    atoms.wrap()  # and finds the images of molecules inside it only
    return atoms
