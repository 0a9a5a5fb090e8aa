"""What each descriptor is timed against: DScribe, LAMMPS, einsum, ready to run and nothing else.

The reference of a frame is prepared once, and what is returned is the work alone, so that making
objects, opening LAMMPS and handing over positions are not counted against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from iceclass.descriptors.acsf.descriptor import Acsf
from iceclass.descriptors.acsf.functions import G2, G3, G4, G5, Cosine
from iceclass.descriptors.base import NO_AVERAGE, Descriptor
from iceclass.descriptors.bispectrum.descriptor import Bispectrum
from iceclass.descriptors.mtp.descriptor import MomentTensors
from iceclass.descriptors.soap.descriptor import Soap
from iceclass.frame import Frame

Work = Callable[[], Any]

FEW = 216
"""Molecules that are enough for a reference that takes milliseconds for one."""


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
    if isinstance(same, MomentTensors):
        return "NumPy einsum"
    return "LAMMPS compute sna/atom"


def reference_size(descriptor: Descriptor, molecules: int) -> int:
    """How many molecules the reference is given where the descriptor has so many."""
    return min(molecules, FEW) if isinstance(descriptor, MomentTensors) else molecules


@contextmanager
def reference(descriptor: Descriptor, frame: Frame) -> Iterator[Work]:
    """The work of the reference of :func:`comparable` on ``frame``; it returns (N, F) features.

    Raises
    ------
    MissingDependencyError
        The reference is not installed.
    """
    same = comparable(descriptor)
    if isinstance(same, MomentTensors):
        yield partial(same.compute, frame, backend="einsum")
        return
    if not isinstance(same, Acsf | Bispectrum | Soap):
        raise AssertionError(f"{descriptor.name} has no reference")
    with same.reference_work(frame) as work:
        yield work


def _values(function: Any) -> list[float]:
    """A symmetry function's parameters in their order."""
    return [getattr(function, key) for key in function.symbols]
