"""Symmetry functions: sums over a molecule's neighbours and their pairs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.acsf.functions import (
    Band,
    Cosine,
    SymmetryFunction,
    function_from_dict,
)
from iceclass.descriptors.acsf.sets import DEFAULT, FAR, LADDER
from iceclass.descriptors.base import Descriptor
from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.kernels.choice import run


@dataclass(frozen=True, kw_only=True)
class Acsf(Descriptor):
    """A set of symmetry functions of the oxygens, one feature each.

    The functions and cut-offs are values of :mod:`.functions`, which states their formulas;
    :mod:`.sets` has the default set (a table in its docstring) and a builder from grids.
    Dimensionless. Calculated in float64 whatever the dtype of the result.

    A function with Behler's cosine or a band is smooth. One with a Fermi cut-off jumps when
    a neighbour crosses R_c: by up to 1/(1 + exp(α ε_c)) of that neighbour's term, 0.00034 with the
    default α and ε_c. G4 with a Fermi cut-off also jumps so when a pair's R_jk crosses R_c.

    Parameters
    ----------
    functions
        The symmetry functions, none of them twice; or their dicts, as ``to_dict`` gives them.
    r_cut
        Å. R_c of the cut-offs of distances (G2, G3), and the reach of any band.
    r_angular
        Å, at most r_cut. R_c of the cut-offs of functions of angles (G4, G5, G8, ANI).

    Raises
    ------
    InputError
        No function, one twice, a parameter out of range, or a band that reaches beyond R_c.
    """

    family: ClassVar[str] = "acsf"
    backends: ClassVar[tuple[str, ...]] = ("numba", "dscribe")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "acsf": {},
        "acsf-52": {"functions": FAR, "r_cut": 10.0},
        "acsf-ladder": {"functions": LADDER, "r_cut": 6.0, "r_angular": 6.0},
    }
    stated: ClassVar[tuple[str, ...]] = ("r_cut", "r_angular")

    r_cut: float = 7.0
    r_angular: float = 6.0
    functions: tuple[SymmetryFunction, ...] = DEFAULT

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range("r_angular", 0.0, self.r_cut, open_below=True)
        if not isinstance(self.functions, Sequence) or isinstance(self.functions, str):
            raise InputError(f"acsf: functions are {self.functions!r}, expected a list")
        if not self.functions:
            raise InputError("acsf: there are no functions")
        made = tuple(
            f if isinstance(f, SymmetryFunction) else function_from_dict(f) for f in self.functions
        )
        object.__setattr__(self, "functions", made)
        twice = [str(f) for f, count in Counter(made).items() if count > 1]
        if twice:
            raise InputError(f"acsf: {twice[0]} is there more than once")
        for f in made:
            limit = self.r_angular if f.angular else self.r_cut
            if isinstance(f.cut_off, Band) and f.cut_off.reach > limit:
                name = "r_angular" if f.angular else "r_cut"
                raise InputError(
                    f"acsf: {f} reaches {f.cut_off.reach:.3f} Å, beyond {name}, {limit} Å",
                    hint=f"raise {name} or move the band",
                )

    @property
    def base_names(self) -> tuple[str, ...]:
        """``G4 η=0.036 ζ=4 λ=−1``, with the cut-off where it is not the usual Fermi function."""
        return tuple(map(str, self.functions))

    @property
    def n_base(self) -> int:
        """the number of functions."""
        return len(self.functions)

    @property
    def name(self) -> str:
        """The preset's name or ``acsf(r_cut=…, r_angular=…)``.

        Another set of functions is named by their number and the start of a SHA-256 of their
        definitions, ``acsf(r_cut=6.0, r_angular=6.0, functions=12:3f2a91c0)``; only its
        :meth:`to_dict` leads back to it.
        """
        return super().name

    def _parameters(self) -> str:
        text = f"r_cut={self.r_cut!r}, r_angular={self.r_angular!r}"
        if self.functions == DEFAULT:
            return text
        definition = json.dumps(self.to_dict()["functions"], sort_keys=True)
        digest = hashlib.sha256(definition.encode()).hexdigest()[:8]
        return f"{text}, functions={len(self.functions)}:{digest}"

    def to_dict(self) -> dict[str, Any]:
        """Plain dict: ``family`` and every parameter, the functions as a list of dicts."""
        return super().to_dict() | {"functions": [f.to_dict() for f in self.functions]}

    def _blocks(self, frame: Frame, dtype: np.dtype[Any]) -> FeatureBlocks:
        from iceclass.descriptors.acsf.kernel import symmetry_functions
        from iceclass.descriptors.acsf.plan import acsf_plan
        from iceclass.neighbours.bins import make_bins
        from iceclass.neighbours.cell_list import check_crowded

        plan = acsf_plan(self.functions, self.r_cut, self.r_angular)
        bins = make_bins(frame, self.r_cut)

        def fill(out: NDArray[Any], rows: NDArray[np.int64], start: int, stop: int) -> None:
            values = np.empty((stop - start, self.n_base))  # always in float64
            crowded_molecule = run(symmetry_functions, bins, plan, values, start, stop)
            check_crowded(crowded_molecule, frame, self.r_cut)
            out[rows, : self.n_base] = values

        return FeatureBlocks(bins.order, self.n_base, dtype, fill)

    def _reference(self, frame: Frame, backend: str) -> NDArray[np.float64]:
        with self.reference_work(frame) as work:
            return work()

    def reference_work(
        self, frame: Frame
    ) -> AbstractContextManager[Callable[[], NDArray[np.float64]]]:
        """What gives the (N, F) features by DScribe.

        Raises
        ------
        InputError
            DScribe has them not: it knows G2 to G5 with Behler's cosine, and one R_c.
        MissingDependencyError
            DScribe is not installed.
        """
        from iceclass.external.dscribe import KINDS, symmetry_functions

        for f in self.functions:
            if f.kind not in KINDS or not isinstance(f.cut_off, Cosine):
                raise InputError(
                    f"DScribe has no {f}, only G2, G3, G4 and G5 with the cosine cut-off",
                    hint="leave out the backend",
                )
        if self.r_angular != self.r_cut:
            raise InputError(
                f"DScribe has one cut-off radius; r_cut is {self.r_cut} and "
                f"r_angular {self.r_angular}"
            )
        theirs = [f for kind in KINDS for f in self.functions if f.kind == kind]
        parameters: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
        for f in theirs:
            parameters[f.kind].append([getattr(f, key) for key in f.symbols])
        work = symmetry_functions(frame, parameters, self.r_cut)
        columns = [theirs.index(f) for f in self.functions]
        if columns == list(range(len(columns))):
            return nullcontext(work)
        return nullcontext(lambda: work()[:, columns])
