"""LAMMPS's ``compute sna/atom``, the bispectrum, run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import SimulationError
from iceclass.external.boxes import triangular_box
from iceclass.external.lammps import lammps_class
from iceclass.frame import Frame

_ROOM = 1.0
"""Å, at least left free around molecules along open directions: LAMMPS drops those on the edge."""


@contextmanager
def sna_atom(
    frame: Frame,
    *,
    two_j_max: int,
    r_cut: float,
    rfac0: float,
    rmin0: float,
    switch: bool,
    bzero: bool,
    weight: float,
    quadratic: bool,
) -> Iterator[Callable[[], NDArray[np.float64]]]:
    """What gives the (N, F) components, LAMMPS being open as long as the ``with`` block lasts.

    Any cell and boundaries: the frame is handed over in the compact equivalent of its cell, and
    turned (or mirrored, which changes no component) so that it is lower triangular. The parameters
    are those of :class:`~iceclass.descriptors.bispectrum.descriptor.Bispectrum`.

    Raises
    ------
    MissingDependencyError
        LAMMPS or its MPI library is not installed.
    SimulationError
        LAMMPS stopped with an error.
    """
    cell, positions, periodic = triangular_box(frame, max(_ROOM, r_cut))
    n, tilt = frame.n_molecules, (cell[1, 0], cell[2, 0], cell[2, 1])
    box = [value for length in np.diag(cell) for value in (0.0, length)]
    boundary = " ".join("p" if one else "f" for one in periodic)
    commands = [
        "units metal",
        "atom_style atomic",
        "atom_modify map array sort 0 0.0",
        f"boundary {boundary}",
        "box tilt large",
        "region box prism " + " ".join(f"{value:.17g}" for value in (*box, *tilt)),
        "create_box 1 box",
        "mass 1 1.0",
        f"pair_style zero {r_cut + 0.1:.17g} nocoeff",
        "pair_coeff * *",
        "neighbor 0.1 bin",
        f"comm_modify cutoff {r_cut + 0.3:.17g}",
        f"compute b all sna/atom {r_cut:.17g} {rfac0:.17g} {two_j_max} 0.5 {weight:.17g} "
        f"rmin0 {rmin0:.17g} switchflag {switch:d} bzeroflag {bzero:d} quadraticflag {quadratic:d}",
    ]
    quiet = ["-log", "none", "-screen", "none", "-nocite", "-echo", "none"]
    with lammps_class()(cmdargs=quiet) as session:

        def work() -> NDArray[np.float64]:
            try:
                session.command("run 0 post no")  # without it LAMMPS computes nothing anew
            except Exception as error:  # LAMMPS raises no other class
                raise _stopped(error) from error
            values = session.numpy.extract_compute("b", 1, 2)[:n]  # per atom, array
            rows = session.numpy.extract_atom("id")[:n] - 1
            found = np.empty(values.shape)
            found[rows] = values
            return found

        try:
            for command in commands:
                session.command(command)
            ids = list(range(1, n + 1))
            session.create_atoms(n, ids, [1] * n, positions.ravel().tolist())
        except Exception as error:
            raise _stopped(error) from error
        yield work


def _stopped(error: Exception) -> SimulationError:
    return SimulationError(f"LAMMPS's compute sna/atom stopped: {error}")
