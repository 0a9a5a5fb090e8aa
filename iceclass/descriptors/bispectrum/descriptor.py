"""Bispectrum (SNAP): the neighbour density on the 3-sphere in rotationally invariant triples."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.base import Descriptor
from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.kernels.choice import run


@dataclass(frozen=True, kw_only=True)
class Bispectrum(Descriptor):
    """Bispectrum components of the oxygens, equal to those of LAMMPS's ``compute sna/atom``.

    A neighbour at (x, y, z), r < r_cut, is a point on the 3-sphere, the rotation of SU(2) with
    a = cos θ₀ − i (z/r) sin θ₀, b = (y − i x)/r sin θ₀, θ₀ = rfac0 π (r − rmin0)/(r_cut − rmin0).
    Its weight is ``weight`` · ½[1 + cos(π (r − rmin0)/(r_cut − rmin0))] (1 for r ≤ rmin0). Summed
    over the neighbours and the molecule itself (weight 1, θ₀ = 0),

        B_j1j2j = Σ_mm' conj(U^j_mm') Σ C^jm_{j1m1 j2m2} C^jm'_{j1m1' j2m2'} U^j1_m1m1' U^j2_m2m2'

    with Clebsch–Gordan coefficients C; dimensionless. The features are those with j2 ≤ j1 ≤ j, in
    LAMMPS's order; :attr:`names` state the doubled indices, as ``B 2j1=4 2j2=2 2j=4``.

    The same in LAMMPS: ``compute b all sna/atom RCUTFAC rfac0 TWOJMAX R weight rmin0 RMIN0
    switchflag SWITCH bzeroflag BZERO quadraticflag QUADRATIC`` with one atom type, the radius R
    and RCUTFAC such that r_cut = 2 · R · RCUTFAC; so with R = 0.5, RCUTFAC is r_cut in Å.

    Everything is smooth: the weight and its slope vanish at r_cut. Without ``switch``
    a neighbour that crosses r_cut comes and goes with its full weight.

    Parameters
    ----------
    two_j_max
        2J_max, 1 to 14. 6 gives 30 components, 8 gives 55.
    r_cut
        Å.
    rfac0
        Fraction of the sphere that is used, above 0 and at most 1.
    rmin0
        Å, from 0 to below r_cut/2. Distance that is mapped on the molecule itself.
    switch
        Whether the weight fades towards r_cut.
    bzero
        Subtract what a molecule without neighbours has: 2j + 1.
    weight
        Weight of a neighbour relative to the molecule itself, −100 to 100, not 0.
    quadratic
        Append the products B_a B_b, a ≤ b, row by row of the upper triangle, the squares halved:
        ½ B_a² (as LAMMPS does).

    Raises
    ------
    InputError
        A parameter out of range.

    References
    ----------
    Thompson et al., J. Comput. Phys. 285, 316 (2015), doi:10.1016/j.jcp.2014.12.018; quadratic:
    Wood & Thompson, J. Chem. Phys. 148, 241721 (2018), doi:10.1063/1.5017641.
    """

    family: ClassVar[str] = "bispectrum"
    backends: ClassVar[tuple[str, ...]] = ("numba", "lammps")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "bispectrum-30": {"two_j_max": 6},
        "bispectrum-55": {"two_j_max": 8},
    }
    stated: ClassVar[tuple[str, ...]] = ("two_j_max", "r_cut")

    two_j_max: int = 6
    rfac0: float = 0.99363
    rmin0: float = 0.0
    switch: bool = True
    bzero: bool = False
    weight: float = 1.0
    quadratic: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range("two_j_max", 1, 14)
        self._check_range("rfac0", 0.0, 1.0, open_below=True)
        self._check_range("weight", -100.0, 100.0)
        if not 0.0 <= self.rmin0 < 0.5 * self.r_cut:
            raise InputError(
                f"bispectrum: rmin0 is {self.rmin0}, expected 0 to below half of r_cut, "
                f"{0.5 * self.r_cut}"
            )
        if self.weight == 0.0:
            raise InputError("bispectrum: weight is 0, expected another number")

    @property
    def base_names(self) -> tuple[str, ...]:
        """``B 2j1=4 2j2=2 2j=4``; of products, the two names with × between them."""
        from iceclass.descriptors.bispectrum.plan import triples

        plain = [f"B 2j1={j1} 2j2={j2} 2j={j}" for j1, j2, j in triples(self.two_j_max)]
        if not self.quadratic:
            return tuple(plain)
        products = [f"{a} × {b}" for k, a in enumerate(plain) for b in plain[k:]]
        return (*plain, *products)

    @property
    def n_base(self) -> int:
        """the n components, and n(n + 1)/2 products with ``quadratic``."""
        from iceclass.descriptors.bispectrum.plan import triples

        n = len(triples(self.two_j_max))
        return n + self.quadratic * (n * (n + 1) // 2)

    def _blocks(self, frame: Frame, dtype: np.dtype[Any]) -> FeatureBlocks:
        from iceclass.descriptors.bispectrum.kernel import bispectra
        from iceclass.descriptors.bispectrum.plan import bispectrum_plan
        from iceclass.neighbours.bins import make_bins
        from iceclass.neighbours.cell_list import check_crowded

        plan = bispectrum_plan(self.two_j_max, dtype.name)
        bins = make_bins(frame, self.r_cut)
        mapping = np.array([self.r_cut, self.rfac0, self.rmin0, self.switch, self.weight])
        isolated = plan.isolated.astype(dtype)

        def fill(out: NDArray[Any], rows: NDArray[np.int64], start: int, stop: int) -> None:
            plain = np.empty((stop - start, plan.n_features), dtype)
            crowded_molecule = run(bispectra, bins, plan, mapping, plain, start, stop)
            check_crowded(crowded_molecule, frame, self.r_cut)
            if self.bzero:
                plain -= isolated
            out[rows, : self.n_base] = self._with_products(plain) if self.quadratic else plain

        return FeatureBlocks(bins.order, self.n_base, dtype, fill)

    def _with_products(self, plain: NDArray[Any]) -> NDArray[Any]:
        """(N, F): the (N, n) components, then their products, squares halved."""
        n = plain.shape[1]
        features = np.empty((len(plain), self.n_base), dtype=plain.dtype)
        features[:, :n] = plain
        place = n
        for k in range(n):
            np.multiply(plain[:, k : k + 1], plain[:, k:], out=features[:, place : place + n - k])
            features[:, place] *= 0.5
            place += n - k
        return features

    def _reference(self, frame: Frame, backend: str) -> NDArray[np.float64]:
        with self.reference_work(frame) as work:
            return work()

    def reference_work(
        self, frame: Frame
    ) -> AbstractContextManager[Callable[[], NDArray[np.float64]]]:
        """What gives the (N, F) components by LAMMPS, open as long as the context."""
        from iceclass.external.lammps_sna import sna_atom

        return sna_atom(
            frame,
            two_j_max=self.two_j_max,
            r_cut=self.r_cut,
            rfac0=self.rfac0,
            rmin0=self.rmin0,
            switch=self.switch,
            bzero=self.bzero,
            weight=self.weight,
            quadratic=self.quadratic,
        )
