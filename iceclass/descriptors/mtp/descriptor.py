"""Moment tensors (MTP): contractions of tensors that are sums over a molecule's neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.base import Descriptor
from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.errors import InputError
from iceclass.frame import Frame


@dataclass(frozen=True, kw_only=True)
class MomentTensors(Descriptor):
    """Scalars of the moment tensors of the oxygens around each oxygen.

    M_{μ,ν}(i) = Σ_j f_μ(R_ij) r_ij ⊗ … ⊗ r_ij (ν times), f_μ(R) = T_μ(x) (r_cut − R)², T_μ being
    Chebyshev's polynomials and x going from −1 at ``r_min`` to 1 at ``r_cut``. The features are
    all contractions of products of at most four moments to a scalar whose level,
    Σ (2 + 4μ + ν), is at most ``level``, each once: 5, 9, 16, 29, 52 or 92 of them for the level
    6, 8, 10, 12, 14 or 16 (:mod:`iceclass.descriptors.mtp.plan`). In Å to the power of Σ (2 + ν).

    Everything is smooth: f_μ and its slope vanish at r_cut. Below ``r_min`` T_μ goes on as the
    polynomial it is.

    Backend ``numba`` sums polynomials of the tensors' components, ``einsum`` is the reference: the
    tensors written out, and contracted by NumPy.

    Parameters
    ----------
    level
        2 to 20.
    r_min, r_cut
        Å. The closest oxygens of any ice or water are about 2.4 Å apart.

    Raises
    ------
    InputError
        A parameter out of range.

    References
    ----------
    Shapeev, Multiscale Model. Simul. 14, 1153 (2016), doi:10.1137/15M1054183; Novikov, Gubaev,
    Podryabinkin, Shapeev, Mach. Learn.: Sci. Technol. 2, 025002 (2021),
    doi:10.1088/2632-2153/abc9fe.
    """

    family: ClassVar[str] = "mtp"
    backends: ClassVar[tuple[str, ...]] = ("numba", "einsum")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        f"mtp-{level}": {"level": level} for level in (6, 8, 10, 12, 14, 16)
    }
    stated: ClassVar[tuple[str, ...]] = ("level", "r_cut")

    level: int = 16
    r_min: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range("level", 2, 20)
        if not 0.0 <= self.r_min < self.r_cut:
            raise InputError(f"mtp: r_min is {self.r_min}, expected 0 to below r_cut, {self.r_cut}")

    @property
    def base_names(self) -> tuple[str, ...]:
        """``M(0,1)·M(0,2)·M(0,1) {12,23}``: moments (μ,ν), and which of them share an index."""
        from iceclass.descriptors.mtp.plan import scalar_names

        return scalar_names(self.level)

    @property
    def n_base(self) -> int:
        """The number of scalars."""
        from iceclass.descriptors.mtp.plan import scalars

        return len(scalars(self.level))

    def _blocks(self, frame: Frame, dtype: np.dtype[Any]) -> FeatureBlocks:
        from iceclass.descriptors.mtp.kernel import moment_scalars
        from iceclass.descriptors.mtp.plan import mtp_plan
        from iceclass.neighbours.bins import make_bins
        from iceclass.neighbours.cell_list import check_crowded

        plan, bins = mtp_plan(self.level), make_bins(frame, self.r_cut)

        def fill(features: NDArray[Any], rows: NDArray[np.int64], start: int, stop: int) -> None:
            crowded_molecule = moment_scalars(bins, plan, self.r_min, features, rows, start, stop)
            check_crowded(crowded_molecule, frame, self.r_cut)

        return FeatureBlocks(bins.order, self.n_base, dtype, fill)

    def _reference(self, frame: Frame, backend: str) -> NDArray[np.float64]:
        """Tensors with all their 3^ν elements, contracted as each graph says."""
        from iceclass.descriptors.mtp.plan import contractions, scalars
        from iceclass.neighbours.cell_list import neighbour_list

        offsets, _, vectors, distances = neighbour_list(frame, self.r_cut)
        parts = contractions(self.level)
        values = np.empty((frame.n_molecules, len(parts)))
        x = (2.0 * distances - self.r_min - self.r_cut) / (self.r_cut - self.r_min)
        fading = (self.r_cut - distances) ** 2
        for i in range(frame.n_molecules):
            own = slice(offsets[i], offsets[i + 1])
            tensors: dict[tuple[int, int], NDArray[np.float64]] = {}
            for c, part in enumerate(parts):
                operands: list[Any] = []
                letters: list[list[int]] = [[] for _ in part.mus]
                fresh = count()
                for pair, times in part.pairs.items():
                    for index in (next(fresh) for _ in range(times)):
                        for node in pair:
                            letters[node].append(index)
                for moment, indices in zip(
                    zip(part.mus, part.nus, strict=True), letters, strict=True
                ):
                    if moment not in tensors:
                        mu, nu = moment
                        chebyshev = np.polynomial.Chebyshev.basis(mu)
                        weights = chebyshev(x[own]) * fading[own]
                        tensors[moment] = _moment(weights, vectors[own], nu)
                    operands += [tensors[moment], indices]
                values[i, c] = np.einsum(*operands, [], optimize=True)
        return np.stack(
            [np.prod(values[:, list(factors)], axis=1) for factors in scalars(self.level)], axis=1
        )


def _moment(
    weights: NDArray[np.float64], vectors: NDArray[np.float64], nu: int
) -> NDArray[np.float64]:
    """(3, …, 3) Σ_j w_j r_j ⊗ … ⊗ r_j of (Z,) weights and (Z, 3) vectors, ν times."""
    operands: list[Any] = [weights, [0]]
    for k in range(nu):
        operands += [vectors, [0, k + 1]]
    return np.asarray(np.einsum(*operands, list(range(1, nu + 1))))
