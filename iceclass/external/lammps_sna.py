"""The reference of the bispectrum: LAMMPS's ``compute sna/atom``, run in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import SimulationError
from iceclass.external.lammps import lammps_class
from iceclass.frame import Frame
from iceclass.neighbours.cell_list import make_bins

if TYPE_CHECKING:
    from iceclass.descriptors.bispectrum.descriptor import Bispectrum

_ROOM = 1.0
"""Å. Left free around the molecules along open directions; LAMMPS drops what is on the edge."""


def sna_atom(bispectrum: Bispectrum, frame: Frame) -> NDArray[np.float64]:
    """(N, F) features of a ``Bispectrum`` by LAMMPS.

    Any cell and boundaries: the frame is handed over in the compact equivalent of its cell, and
    turned (or mirrored, which changes no component) so that it is lower triangular.

    Raises
    ------
    MissingDependencyError
        LAMMPS or its MPI library is not installed.
    SimulationError
        LAMMPS stopped with an error.
    """
    bins = make_bins(frame, bispectrum.r_cut)
    n, triangle = frame.n_molecules, np.linalg.qr(bins.cell.T)[1].T
    triangle = triangle * np.sign(np.diag(triangle))
    fractional = bins.positions @ np.linalg.inv(bins.cell)
    positions = np.ascontiguousarray(fractional @ triangle)
    low = np.where(bins.periodic, 0.0, -_ROOM)
    high = np.diag(triangle) + np.where(bins.periodic, 0.0, _ROOM)
    tilt = (triangle[1, 0], triangle[2, 0], triangle[2, 1])
    box = [value for pair in zip(low, high, strict=True) for value in pair]
    boundary = " ".join("p" if periodic else "f" for periodic in bins.periodic)
    b = bispectrum
    commands = [
        "units metal",
        "atom_style atomic",
        "atom_modify sort 0 0.0",
        f"boundary {boundary}",
        "box tilt large",
        "region box prism " + " ".join(f"{value:.17g}" for value in (*box, *tilt)),
        "create_box 1 box",
        "mass 1 1.0",
        f"pair_style zero {b.r_cut + 0.1:.17g}",
        "pair_coeff * *",
        "neighbor 0.1 bin",
        f"comm_modify cutoff {b.r_cut + 0.3:.17g}",
        f"compute b all sna/atom {b.r_cut:.17g} {b.rfac0:.17g} {b.two_j_max} 0.5 {b.weight:.17g} "
        f"rmin0 {b.rmin0:.17g} switchflag {b.switch:d} bzeroflag {b.bzero:d} "
        f"quadraticflag {b.quadratic:d}",
    ]
    found = np.empty((n, bispectrum.n_features))
    quiet = ["-log", "none", "-screen", "none", "-nocite", "-echo", "none"]
    with lammps_class()(cmdargs=quiet) as session:
        try:
            for command in commands:
                session.command(command)
            ids = list(range(1, n + 1))
            session.create_atoms(n, ids, [1] * n, positions.ravel().tolist())
            session.command("run 0 post no")
        except Exception as error:  # LAMMPS raises no other class
            raise SimulationError(f"LAMMPS's compute sna/atom stopped: {error}") from error
        values = session.numpy.extract_compute("b", 1, 2)  # per atom, array
        rows = session.numpy.extract_atom("id")[:n] - 1
        found[bins.order[rows]] = np.reshape(values[:n], found.shape)
    return found
