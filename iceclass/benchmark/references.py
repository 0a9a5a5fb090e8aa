"""What each descriptor is timed against: DScribe, LAMMPS and OVITO, ready to run and nothing else.

Each function prepares the reference for a frame once and returns the work alone, so that making
objects, opening LAMMPS and handing over positions are not counted against the reference. All
frames here are periodic with an orthogonal cell.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.acsf.descriptor import Acsf
from iceclass.descriptors.acsf.functions import G2, G3, G4, G5, Cosine
from iceclass.descriptors.base import NO_AVERAGE, Descriptor
from iceclass.descriptors.bispectrum.descriptor import Bispectrum
from iceclass.descriptors.soap.descriptor import Soap
from iceclass.errors import MissingDependencyError
from iceclass.external.lammps import lammps_class
from iceclass.frame import Frame

Work = Callable[[], NDArray[np.float64] | None]


def comparable(descriptor: Descriptor) -> Descriptor:
    """The part of a descriptor that its reference computes too.

    Without averaging; SOAP without its norm; of symmetry functions G2 to G5, with Behler's cosine
    and the cut-off of the angular ones for all.
    """
    plain = descriptor.with_(**NO_AVERAGE)
    if isinstance(plain, Soap):
        return plain.with_(normalise=False)
    if isinstance(plain, Acsf):
        kinds = [f for f in plain.functions if isinstance(f, G2 | G3 | G4 | G5)]
        functions = dict.fromkeys(type(f)(*_values(f), cut_off=Cosine()) for f in kinds)
        return plain.with_(functions=tuple(functions), r_cut=plain.r_angular)
    return plain


def reference_name(descriptor: Descriptor) -> str:
    """What is run in words: the program, and which part of the descriptor it has."""
    same = comparable(descriptor)
    if isinstance(same, Soap):
        return "DScribe SOAP"
    if isinstance(same, Acsf):
        counts = Counter(f.kind for f in same.functions)
        return "DScribe ACSF, " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
    return "LAMMPS compute sna/atom"


@contextmanager
def reference(descriptor: Descriptor, frame: Frame) -> Iterator[Work]:
    """The work of the reference of :func:`comparable` on ``frame``; it returns (N, F) features.

    Raises
    ------
    MissingDependencyError
        The reference is not installed.
    """
    same = comparable(descriptor)
    if isinstance(same, Bispectrum):
        with _sna_atom(same, frame) as work:
            yield work
    elif isinstance(same, Soap):
        yield _soap(same, frame)
    elif isinstance(same, Acsf):
        yield _acsf(same, frame)
    else:
        raise AssertionError(f"{descriptor.name} has no reference")


def chill_plus(frame: Frame) -> Work:
    """OVITO's CHILL+ modifier on the oxygens, and nothing else."""
    modifiers = _ovito()
    return _modifier(frame, modifiers.ChillPlusModifier())


def template_matching(frame: Frame) -> Work:
    """OVITO's polyhedral template matching, for the two diamond structures that ice I has."""
    kind = _ovito().PolyhedralTemplateMatchingModifier
    modifier = kind()
    for structure in modifier.structures:
        diamond = structure.id in (int(kind.Type.CUBIC_DIAMOND), int(kind.Type.HEX_DIAMOND))
        structure.enabled = diamond
    return _modifier(frame, modifier)


def _values(function: Any) -> list[float]:
    """A symmetry function's parameters in their order."""
    return [getattr(function, key) for key in function.symbols]


def _atoms(frame: Frame) -> Any:
    from ase import Atoms

    atoms = Atoms(f"O{frame.n_molecules}", frame.positions, cell=frame.cell, pbc=True)
    atoms.wrap()  # DScribe finds the images of molecules inside the cell only
    return atoms


def _soap(soap: Soap, frame: Frame) -> Work:
    with warnings.catch_warnings():  # of ill-conditioned overlap matrices
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            from dscribe.descriptors import SOAP
        except ImportError as error:
            raise MissingDependencyError("timing SOAP", "DScribe", "reference") from error
        made = SOAP(
            species=["O"],
            r_cut=soap.r_cut,
            n_max=soap.n_max,
            l_max=soap.l_max,
            sigma=soap.sigma,
            rbf="gto",
            periodic=True,
        )
    atoms = _atoms(frame)
    return lambda: made.create(atoms)


def _acsf(acsf: Acsf, frame: Frame) -> Work:
    try:
        from dscribe.descriptors import ACSF
    except ImportError as error:
        raise MissingDependencyError("timing symmetry functions", "DScribe", "reference") from error
    kinds = (G2, G3, G4, G5)
    listed = {kind: [f for f in acsf.functions if isinstance(f, kind)] for kind in kinds}
    parameters = {
        f"{kind.kind.lower()}_params": [
            _values(f) if len(f.symbols) > 1 else _values(f)[0] for f in functions
        ]
        for kind, functions in listed.items()
        if functions
    }
    made = ACSF(r_cut=acsf.r_cut, species=["O"], periodic=True, **parameters)
    atoms = _atoms(frame)
    theirs: list[Any] = [f for kind in kinds for f in listed[kind]]
    columns = [1 + theirs.index(f) for f in acsf.functions]  # the first is Σ f_c
    in_order = columns == list(range(1, 1 + len(columns)))
    return lambda: made.create(atoms)[:, slice(1, None) if in_order else columns]


@contextmanager
def _sna_atom(b: Bispectrum, frame: Frame) -> Iterator[Work]:
    """``compute sna/atom`` with its own list of neighbours, in a LAMMPS that stays open."""
    lengths = np.diag(frame.cell)
    positions = frame.positions - np.floor(frame.positions / lengths) * lengths
    box = " ".join(f"0 {length:.17g}" for length in lengths)
    commands = [
        "units metal",
        "atom_style atomic",
        "atom_modify map array sort 0 0.0",
        f"region box block {box}",
        "create_box 1 box",
        "mass 1 1.0",
        f"pair_style zero {b.r_cut + 0.1:.17g} nocoeff",
        "pair_coeff * *",
        "neighbor 0.1 bin",
        f"comm_modify cutoff {b.r_cut + 0.3:.17g}",
        f"compute b all sna/atom {b.r_cut:.17g} {b.rfac0:.17g} {b.two_j_max} 0.5 {b.weight:.17g} "
        f"rmin0 {b.rmin0:.17g} switchflag {b.switch:d} bzeroflag {b.bzero:d} "
        f"quadraticflag {b.quadratic:d}",
    ]
    quiet = ["-log", "none", "-screen", "none", "-nocite", "-echo", "none"]
    with lammps_class()(cmdargs=quiet) as session:
        for command in commands:
            session.command(command)
        n = frame.n_molecules
        session.create_atoms(n, list(range(1, n + 1)), [1] * n, positions.ravel().tolist())

        def work() -> NDArray[np.float64]:
            session.command("run 0 post no")  # 2 % of it; without, LAMMPS computes nothing anew
            values = session.numpy.extract_compute("b", 1, 2)  # per atom, array
            rows = session.numpy.extract_atom("id")[:n] - 1
            found = np.empty((n, b.n_features))
            found[rows] = np.reshape(values[:n], found.shape)
            return found

        yield work


def _ovito() -> Any:
    try:
        from ovito import modifiers
    except ImportError as error:
        raise MissingDependencyError("timing CHILL+ and PTM", "OVITO", "ovito") from error
    return modifiers


def _modifier(frame: Frame, modifier: Any) -> Work:
    """One modifier applied to the frame's oxygens."""
    from ovito.data import DataCollection

    data = DataCollection()
    particles = data.create_particles(count=frame.n_molecules)
    particles.create_property("Position", data=frame.positions)
    data.create_cell(frame.cell.T, pbc=(True, True, True))

    def work() -> None:
        data.apply(modifier)

    return work
