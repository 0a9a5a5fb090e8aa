"""How unlike anything in the training set a molecule's environment is; NumPy only.

The standardised features z are split into their projection p on the leading principal components
and the rest r. For every class c with mean μ_c and covariance Σ_c in the subspace::

    s_c = max( (p − μ_c)ᵀ Σ_c⁻¹ (p − μ_c) / q_c ,  |r|² / t_c )

where q_c and t_c are high quantiles of the two over the class's own training rows. The distance
of a molecule is the smaller s_c of the two classes that the network finds most probable: what is
called ice V has to look like ice V, or like what it could be instead. It is about 1 at the edge of
the training set and grows as a squared distance.

Thermal motion hides the density from it. So the density is read from the features, ln ρ_c(p) being
linear in p, and has to be one of those that the class of the molecule's label has trained in, about
m_c ± h_c. The score is the larger of the distance and ::

    (ln ρ_c(p) − m_c)² / h_c²

Above the threshold (a high quantile over the validation rows, 1 at least, times
a margin, both stated in :class:`Novelty`) a molecule is called unknown. The threshold is meant to
be generous: another water model or temperature is not a new phase.

The subspace takes only as many components as explain most of the variance, and the residual what
the training data has none of: Lee et al., NeurIPS 31 (2018), arXiv:1807.03888, for
class-conditional Gaussians; Jackson & Mudholkar, Technometrics 21, 341 (1979), for the residual.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from iceclass.kernels.choice import run

_LIKELY = 2
"""Classes whose distance counts: what a molecule is called, and what it could be instead."""
_SHRINKAGE = 0.002
"""Of a class's covariance towards a sphere of its mean variance (Ledoit & Wolf, J. Multivar. Anal.
88, 365 (2004)): keeps directions in which a class has next to no variance from deciding."""
_FLOOR = 1e-6
"""Least variance in units of the mean one over all classes: for classes that vary in nothing."""
_MAX_COMPONENTS = 96
"""Of the subspace, so that the score costs no more than the network's first layer of 100."""
_EXPLAINED = 0.999
"""Share of the variance that the subspace has to hold; what is left is the residual."""
_LEAST_RESIDUAL = 1e-4
"""Mean square of a standardised feature that every class may have outside of the subspace."""
_RIDGE = 1e-3
"""Of the regression on densities, beside features of unit variance."""
_LEAST_EXPLAINED = 0.95
"""Share of the variance of ln ρ that features must explain for it to be read from them."""
_LEAST_RANGE = 0.08
"""Half of the logarithmic range of densities in which a class is known at least: water models
differ by as much for one ice at one temperature and pressure."""


@dataclass(frozen=True, eq=False)
class DensityReading:
    """How dense a molecule's surroundings are, read from its features, and how dense they may be.

    Attributes
    ----------
    axes
        (C, K) float32. Change of ln ρ with the K components, by class; zero where nobody knows.
    offsets
        (C,) float32. ln ρ at the origin, ρ in g/cm³.
    known
        (C, 2) float32, g/cm³. Least and largest density that the class trained in, or more.
    """

    axes: NDArray[np.float32]
    offsets: NDArray[np.float32]
    known: NDArray[np.float32]

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The arrays by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def read(
        self, projected: NDArray[np.float32], classes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(N,) ln ρ of (N, K) projections of molecules of the (N,) classes."""
        slopes = np.einsum("nk,nk->n", projected, self.axes[classes])
        logarithm: NDArray[np.float32] = slopes + self.offsets[classes]
        return logarithm

    def excess(
        self, projected: NDArray[np.float32], classes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(N,) squared distances from the middle of the known range; 1 at its ends."""
        middle, half = self._ranges
        scaled = (self.read(projected, classes) - middle[classes]) / half[classes]
        return np.square(scaled)

    def range_at(self, excess: float) -> NDArray[np.float32]:
        """(C, 2) least and largest density, g/cm³, whose :meth:`excess` is so large."""
        middle, half = self._ranges
        reach = np.sqrt(excess) * half
        return np.exp(np.column_stack([middle - reach, middle + reach])).astype(np.float32)

    @cached_property
    def _ranges(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(C,) middle and half width of the known ranges of ln ρ."""
        low, high = np.log(self.known.T)
        return (low + high) / 2, (high - low) / 2


@dataclass(frozen=True, eq=False)
class Novelty:
    """The score's parameters; K components, C classes.

    Attributes
    ----------
    components
        (K, F) float32. Orthonormal rows.
    means
        (C, K) float32. Class means in the subspace.
    whitening
        (C, K, K) float32. W with Σ⁻¹ = W Wᵀ, divided by √q of the class.
    residual
        (C,) float32. t of every class.
    threshold
        Scores above it are unknown; margin × (the quantile of the scores it was set on).
    quantile, margin
        How the threshold was set.
    densities
        None: of no class that trained anybody knew any.
    """

    components: NDArray[np.float32]
    means: NDArray[np.float32]
    whitening: NDArray[np.float32]
    residual: NDArray[np.float32]
    threshold: float
    quantile: float
    margin: float
    densities: DensityReading | None = None

    def known_range(self, c: int) -> tuple[float, float] | None:
        """Below and above which density (g/cm³) class ``c`` is unknown; None where any will do."""
        if self.densities is None or not self.densities.axes[c].any():
            return None
        low, high = self.densities.range_at(self.threshold)[c].tolist()
        return low, high

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The arrays by name."""
        names = ("components", "means", "whitening", "residual")
        found = {name: getattr(self, name) for name in names}
        if self.densities is not None:
            found |= {f"densities.{name}": x for name, x in self.densities.arrays.items()}
        return found

    def shapes(self, n_features: int, n_classes: int) -> dict[str, tuple[int, ...]]:
        """The shape every array must have."""
        k = len(self.components)
        return {
            "components": (k, n_features),
            "means": (n_classes, k),
            "whitening": (n_classes, k, k),
            "residual": (n_classes,),
            "densities.axes": (n_classes, k),
            "densities.offsets": (n_classes,),
            "densities.known": (n_classes, 2),
        }

    def score(
        self, z: NDArray[np.float32], likely: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """(N,) scores of (N, F) standardised features; inf where they overflow float32.

        Parameters
        ----------
        likely
            (N, L) classes whose distance counts, the label's last, :func:`likely_classes`. None:
            all, and there is no label, so that the density does not count.
        """
        if likely is None:
            every = np.broadcast_to(np.arange(len(self.means)), (len(z), len(self.means)))
            return replace(self, densities=None).score(z, every)
        with np.errstate(over="ignore", invalid="ignore"):
            projected = z @ self.components.T
            return self.score_of(projected, 0, np.einsum("nf,nf->n", z, z), likely)

    def score_of(
        self,
        products: NDArray[np.float32],
        before: int,
        squares: NDArray[np.float32],
        likely: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """:meth:`score` from projections on the components and (N,) squared lengths.

        The (N, K) projections are the columns of ``products`` from ``before`` on.
        """
        from iceclass.model.kernels import distances

        score = np.full(len(products), np.inf, dtype=np.float32)
        run(
            distances,
            products,
            before,
            squares,
            likely,
            self.means,
            *self._padded,
            self.residual,
            score,
        )
        if self.densities is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                projected = products[:, before : before + len(self.components)]
                excess = self.densities.excess(projected, likely[:, -1])
                np.fmax(score, excess, out=score)
        return score

    @cached_property
    def _padded(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """What :func:`iceclass.model.kernels.distances` takes: ``whitening`` and ``begin``."""
        from iceclass.model.kernels import COLUMNS

        n_classes, k = self.means.shape
        groups = -(-k // COLUMNS)
        size = groups * COLUMNS
        padded = np.zeros((n_classes, size, size), dtype=np.float32)
        padded[:, :k, :k] = self.whitening
        used = (padded.reshape(n_classes, size, groups, COLUMNS) != 0.0).any(axis=3)
        return padded, np.where(used.any(axis=1), used.argmax(axis=1), size) // 4 * 4


def likely_classes(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N, 2) the most probable classes, the most probable last, from (N, C) logits, C ≥ 2."""
    order = np.argpartition(logits, range(-_LIKELY, 0), axis=1)
    return order[:, -_LIKELY:].astype(np.int64, copy=False)


def fit_novelty(
    z: NDArray[np.float32],
    target: NDArray[np.int64],
    n_classes: int,
    *,
    quantile: float,
    margin: float,
    held_out: NDArray[np.float32] | None = None,
    likely: NDArray[np.int64] | None = None,
    density: NDArray[np.float32] | None = None,
) -> Novelty:
    """The score fitted to (R, F) standardised training features and their classes.

    Parameters
    ----------
    quantile, margin
        The threshold is ``margin`` × the ``quantile`` of the scores of ``held_out``.
    held_out
        (V, F) standardised features of preparations not trained on; None: the training rows.
    likely
        :func:`likely_classes` of the rows that the threshold is set on; None: all classes.
    density
        (R,) g/cm³, NaN where unknown; None: everywhere.
    """
    components = _principal_components(z, target, n_classes)
    k = len(components)
    projected = (z @ components.T).astype(np.float64)
    rest = np.einsum("nf,nf->n", z, z, dtype=np.float64) - (projected**2).sum(axis=1)
    means = np.zeros((n_classes, k))
    whitening = np.zeros((n_classes, k, k))
    residual = np.zeros(n_classes)
    spread = projected.var(axis=0).mean()
    for c in range(n_classes):
        own = projected[target == c]
        means[c] = own.mean(axis=0)
        covariance = np.cov(own, rowvar=False, ddof=0).reshape(k, k)
        covariance += (_SHRINKAGE * np.trace(covariance) / k + _FLOOR * spread) * np.eye(k)
        whitening[c] = np.linalg.cholesky(np.linalg.inv(covariance))
        inside = (((own - means[c]) @ whitening[c]) ** 2).sum(axis=1)
        whitening[c] /= np.sqrt(max(np.quantile(inside, quantile), 1.0))
        residual[c] = max(np.quantile(rest[target == c], quantile), _LEAST_RESIDUAL * z.shape[1])
    unset = Novelty(
        components=components.astype(np.float32),
        means=means.astype(np.float32),
        whitening=whitening.astype(np.float32),
        residual=residual.astype(np.float32),
        threshold=float("inf"),
        quantile=quantile,
        margin=margin,
        densities=None
        if density is None
        else _known_densities(projected, target, n_classes, density),
    )
    scores = unset.score(z if held_out is None else held_out, likely)
    threshold = margin * max(float(np.quantile(scores, quantile)), 1.0)
    return replace(unset, threshold=threshold)


def _known_densities(
    projected: NDArray[np.float64],
    target: NDArray[np.int64],
    n_classes: int,
    density: NDArray[np.float32],
) -> DensityReading | None:
    """The regression of every class on its rows of known density; None if there is none.

    A class is left out if the densities of most of its rows are unknown, or if the features tell
    too little of their variance. Noise in the features flattens a regression by the share of
    the variance that it leaves unexplained; the slope is set right for it, so that the reading has
    no bias at a given density (inverse regression: Krutchkoff, Technometrics 9, 425 (1967)).
    """
    k = projected.shape[1]
    axes, offsets = np.zeros((n_classes, k)), np.zeros(n_classes)
    known = np.tile(np.exp([-1.0, 1.0]), (n_classes, 1))
    for c in range(n_classes):
        rows = np.flatnonzero((target == c) & (density > 0) & np.isfinite(density))
        if 2 * len(rows) < np.count_nonzero(target == c):
            continue
        own, logarithm = projected[rows], np.log(density[rows].astype(np.float64))
        centre, mean = own.mean(axis=0), logarithm.mean()
        own = own - centre
        moment = own.T @ own / len(rows) + _RIDGE * np.eye(k)
        slopes = np.linalg.solve(moment, own.T @ (logarithm - mean) / len(rows))
        explained = (own @ slopes) @ (logarithm - mean) / len(rows)
        if explained <= _LEAST_EXPLAINED * logarithm.var():
            continue
        axes[c] = slopes * logarithm.var() / explained
        offsets[c] = mean - centre @ axes[c]
        low, high = logarithm.min(), logarithm.max()
        half = max((high - low) / 2, _LEAST_RANGE)
        known[c] = np.exp((low + high) / 2 + np.array([-half, half]))
    if not axes.any():
        return None
    return DensityReading(
        axes=axes.astype(np.float32),
        offsets=offsets.astype(np.float32),
        known=known.astype(np.float32),
    )


def _principal_components(
    z: NDArray[np.float32], target: NDArray[np.int64], n_classes: int
) -> NDArray[np.float32]:
    """(K, F) leading principal axes about the origin, every class weighing the same."""
    moment = np.zeros((z.shape[1], z.shape[1]))
    for c in range(n_classes):
        own = z[target == c]
        moment += own.T @ own / (max(len(own), 1) * n_classes)
    variances, axes = np.linalg.eigh(moment)
    variances, axes = variances[::-1], axes[:, ::-1]
    explained = np.cumsum(variances) / variances.sum()
    k = int(min(np.searchsorted(explained, _EXPLAINED) + 1, _MAX_COMPONENTS, z.shape[1]))
    return np.ascontiguousarray(axes[:, :k].T, dtype=np.float32)
