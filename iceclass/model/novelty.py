"""How unlike anything in the training set a molecule's environment is; NumPy only.

The standardised features z are split into their projection p on the leading principal components
and the rest r. For every class c with mean μ_c and covariance Σ_c in the subspace::

    s_c = max( (p − μ_c)ᵀ Σ_c⁻¹ (p − μ_c) / q_c ,  |r|² / t_c )

where q_c and t_c are high quantiles of the two over the class's own training rows. The score of a
molecule is the smaller s_c of the two classes that the network finds most probable: what is called
ice V has to look like ice V, or like what it could be instead. It is about 1 at the edge of the
training set and grows as a squared distance.

Above the threshold (a high quantile over the validation rows, 1 at least, times a margin, both
stated in :class:`Novelty`) a molecule is called unknown. The threshold is meant to be generous:
another water model, temperature or density is not a new phase.

Distance alone is blind where a class is wide: water in all its places reaches around some ices.
So a network may have one output more, u, trained on structures that are none of the classes
(outlier exposure: Hendrycks, Mazeika & Dietterich, ICLR (2019), arXiv:1812.04606). With the logits
v of the classes, the odds for it are exp(u) / Σ_c exp(v_c); they count in units of those at which a
molecule is called unknown, and the score is the larger of the two::

    max( s, threshold · odds / odds₀ )

The subspace takes only as many components as explain most of the variance, and the residual what
the training data has none of: Lee et al., NeurIPS 31 (2018), arXiv:1807.03888, for
class-conditional Gaussians; Jackson & Mudholkar, Technometrics 21, 341 (1979), for the residual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_LIKELY = 2
"""Classes whose distance counts: what a molecule is called, and what it could be instead."""
_SHRINKAGE = 0.002
"""Of a class's covariance towards a sphere of its mean variance (Ledoit & Wolf, J. Multivar. Anal.
88, 365 (2004)): keeps directions in which a class has next to no variance from deciding."""
_FLOOR = 1e-6
"""Least variance in units of the mean one over all classes: for classes that vary in nothing."""
_MAX_COMPONENTS = 28
"""Of the subspace: with the 100 units of the first layer, eight vectors of 16 float32. With 95
the score took a quarter of the time of a label."""
_EXPLAINED = 0.999
"""Share of the variance that the subspace has to hold; what is left is the residual."""
_LEAST_RESIDUAL = 1e-4
"""Mean square of a standardised feature that every class may have outside of the subspace."""


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
    other
        (101,) float32. Of the output for none of the classes, the weights on the last hidden
        layer, and the bias with ln odds₀ taken off. None: there is no such output.
    """

    components: NDArray[np.float32]
    means: NDArray[np.float32]
    whitening: NDArray[np.float32]
    residual: NDArray[np.float32]
    threshold: float
    quantile: float
    margin: float
    other: NDArray[np.float32] | None = None

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The arrays by name."""
        names = ("components", "means", "whitening", "residual")
        found = {name: getattr(self, name) for name in names}
        return found if self.other is None else {**found, "other": self.other}

    def shapes(self, n_features: int, n_classes: int, n_hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape every array must have."""
        k = len(self.components)
        return {
            "components": (k, n_features),
            "means": (n_classes, k),
            "whitening": (n_classes, k, k),
            "residual": (n_classes,),
            "other": (n_hidden + 1,),
        }

    def score(
        self, z: NDArray[np.float32], likely: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """(N,) scores of (N, F) standardised features; inf where they overflow float32.

        Parameters
        ----------
        likely
            (N, L) classes whose distance counts, :func:`likely_classes`; None: all.
        """
        if likely is None:
            likely = np.broadcast_to(np.arange(len(self.means)), (len(z), len(self.means)))
        with np.errstate(over="ignore", invalid="ignore"):
            return self.score_of(z @ self.components.T, np.einsum("nf,nf->n", z, z), likely)

    def score_of(
        self,
        projected: NDArray[np.float32],
        squares: NDArray[np.float32],
        likely: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """:meth:`score` from (N, K) projections on the components and (N,) squared lengths."""
        score = np.full(len(projected), np.inf, dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            rest = squares - np.einsum("nk,nk->n", projected, projected)
            np.maximum(rest, 0.0, out=rest)
            for c in np.flatnonzero(np.bincount(likely.ravel())):
                rows = np.flatnonzero(np.logical_or.reduce([own == c for own in likely.T]))
                white = (projected[rows] - self.means[c]) @ self.whitening[c]
                apart = np.einsum("nk,nk->n", white, white)
                np.maximum(apart, rest[rows] / self.residual[c], out=apart)
                score[rows] = np.fmin(score[rows], apart)  # passes over NaN
        return score

    def with_odds(
        self,
        score: NDArray[np.float32],
        hidden: NDArray[np.float32],
        logits: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """The (N,) scores of distance, or the odds for none of the classes where these are more.

        Parameters
        ----------
        hidden, logits
            (N, 100) activations of the last hidden layer, (N, C) logits.
        """
        if self.other is None:
            return score
        return np.fmax(score, self.threshold * np.exp(log_odds(hidden, logits, self.other)))


def log_odds(
    hidden: NDArray[np.float32], logits: NDArray[np.float32], other: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N,) logarithm of the odds for none of the classes; ``other`` as in :class:`Novelty`."""
    from iceclass.model.kernels import MOST_ODDS  # which brings Numba

    highest = logits.max(axis=1)
    classes = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    odds: NDArray[np.float32] = hidden @ other[:-1] + other[-1] - classes
    return np.minimum(odds, MOST_ODDS)


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
    )
    scores = unset.score(z if held_out is None else held_out, likely)
    threshold = margin * max(float(np.quantile(scores, quantile)), 1.0)
    return replace(unset, threshold=threshold)


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
