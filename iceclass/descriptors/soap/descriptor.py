"""SOAP: the rotationally invariant power spectrum of the smeared neighbour density."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.base import Descriptor
from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.descriptors.soap.basis import DECAY, check_independent, soap_basis
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.kernels.choice import run
from iceclass.kernels.threads import over_rows


@dataclass(frozen=True, kw_only=True)
class Soap(Descriptor):
    """SOAP of the oxygens, equal to DScribe's ``SOAP(species=["O"], rbf="gto")``.

    The density ρ(r) = Σ_j exp(−|r − r_j|²/(2σ²)) of the neighbours and of the molecule itself is
    expanded in g_n(r) Y_lm; the features are p_nn'l = π√(8/(2l+1)) Σ_m c_nlm c_n'lm for n ≤ n'.

    As DScribe defines it, neighbours count up to :attr:`search_radius` = r_cut + σ√(−2 ln 0.001)
    and the sum is sharp there: features jump when a neighbour crosses that radius, by 10⁻⁵
    (soap-37) to 4·10⁻⁴ (soap-325) of the vector's norm. Everywhere else they are smooth.
    tests/physics/test_smoothness.py measures both.

    Backend ``numba`` takes the radial functions from a table of continuous cubics and sums in the
    dtype asked for: within 6·10⁻⁹ (float64) or about 10⁻⁶ (float32) of the norm of ``plain``, which
    evaluates the formula in float64 loops. ``dscribe`` is the reference.

    Parameters
    ----------
    n_max
        Number of radial functions, 1 to 20 (fewer where they would not be independent).
    l_max
        Highest angular momentum, 0 to 20.
    r_cut
        Å, above 1 and at most 20. Where the widest radial function has decayed.
    sigma
        Å, 0.05 to 2. Width of the Gaussians.
    normalise
        Divide by the Euclidean norm |p| and append it as the last feature. Without, the features
        are DScribe's.

    Raises
    ------
    InputError
        A parameter out of range.

    References
    ----------
    Bartók, Kondor, Csányi, Phys. Rev. B 87, 184115 (2013); Himanen et al., Comput. Phys. Commun.
    247, 106949 (2020).
    """

    family: ClassVar[str] = "soap"
    backends: ClassVar[tuple[str, ...]] = ("numba", "plain", "dscribe")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "soap-37": {"n_max": 3, "l_max": 5},
        "soap-325": {"n_max": 8, "l_max": 8},
        "soap-148": {"n_max": 6, "l_max": 6, "sigma": 0.4},
    }
    stated: ClassVar[tuple[str, ...]] = ("n_max", "l_max", "r_cut", "sigma")

    n_max: int = 8
    l_max: int = 8
    sigma: float = 0.5
    normalise: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range("n_max", 1, 20)
        self._check_range("l_max", 0, 20)
        self._check_range("sigma", 0.05, 2.0)
        if self.r_cut <= 1.0:
            raise InputError(f"soap: r_cut is {self.r_cut}, expected more than 1 Å")
        check_independent(self.n_max, self.l_max, self.r_cut)

    @property
    def base_names(self) -> tuple[str, ...]:
        """``p n=1 n'=3 l=2`` in the order of l, n, n', both n counted from 1; ``|p|`` last."""
        spectrum = tuple(
            f"p n={n} n'={other} l={ell}"
            for ell in range(self.l_max + 1)
            for n in range(1, self.n_max + 1)
            for other in range(n, self.n_max + 1)
        )
        return (*spectrum, "|p|") if self.normalise else spectrum

    @property
    def n_base(self) -> int:
        """n_max(n_max + 1)/2 · (l_max + 1), and one more with ``normalise``."""
        return self.n_max * (self.n_max + 1) // 2 * (self.l_max + 1) + self.normalise

    @property
    def search_radius(self) -> float:
        """Å. r_cut + σ√(−2 ln 0.001): where a Gaussian at that distance has decayed at r_cut."""
        return self.r_cut + self.sigma * sqrt(-2.0 * log(DECAY))

    def _blocks(self, frame: Frame, dtype: np.dtype[Any]) -> FeatureBlocks:
        from iceclass.descriptors.soap.fast import fast_power_spectra
        from iceclass.descriptors.soap.tables import lanes, soap_table
        from iceclass.neighbours.bins import make_bins
        from iceclass.neighbours.cell_list import check_crowded

        table = soap_table(
            self.n_max, self.l_max, self.r_cut, self.sigma, self.search_radius, dtype
        )
        sizes = (0,) * self.n_max, (0,) * lanes(self.n_max), (0,) * (self.l_max + 1)
        bins = make_bins(frame, self.search_radius)

        def fill(out: NDArray[Any], rows: NDArray[np.int64], start: int, stop: int) -> None:
            crowded_molecule = run(
                fast_power_spectra, bins, table, *sizes, self.normalise, out, rows, start, stop
            )
            check_crowded(crowded_molecule, frame, self.search_radius)

        return FeatureBlocks(bins.order, self.n_base, dtype, fill)

    def _reference(self, frame: Frame, backend: str) -> NDArray[np.float64]:
        raw = {"plain": self._plain, "dscribe": self._dscribe}[backend](frame)
        if not self.normalise:
            return raw
        norm = np.linalg.norm(raw, axis=1, keepdims=True)  # > 0: the molecule's own Gaussian
        return np.hstack([raw / norm, norm])

    def _plain(self, frame: Frame) -> NDArray[np.float64]:
        """(N, F) power spectra by :mod:`.plain`."""
        from iceclass.descriptors.soap.plain import power_spectra
        from iceclass.neighbours.bins import make_bins
        from iceclass.neighbours.cell_list import check_crowded

        basis = soap_basis(self.n_max, self.l_max, self.r_cut, self.sigma)
        bins = make_bins(frame, self.search_radius)
        spectra = np.empty((frame.n_molecules, self.n_base - self.normalise))

        def work(start: int, stop: int) -> None:
            crowded_molecule = power_spectra(bins, basis, spectra, start, stop)
            check_crowded(crowded_molecule, frame, self.search_radius)

        over_rows(work, frame.n_molecules)
        return spectra

    def reference_work(
        self, frame: Frame
    ) -> AbstractContextManager[Callable[[], NDArray[np.float64]]]:
        """What gives the (N, F) power spectra by DScribe, without their norm."""
        from iceclass.external.dscribe import soap

        sizes = {"n_max": self.n_max, "l_max": self.l_max}
        return nullcontext(soap(frame, **sizes, r_cut=self.r_cut, sigma=self.sigma))

    def _dscribe(self, frame: Frame) -> NDArray[np.float64]:
        with self.reference_work(frame) as work:
            return work()
