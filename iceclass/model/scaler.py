"""The scaler of features: the one that training fits and labelling uses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_BLOCK = 65536
"""Rows whose sums are taken at a time: the differences need no copy of all features."""

_RESOLUTION = 1e-6
"""Deviation beside the mean below which float32 (2⁻²³) leaves little but rounding of a feature."""

_TINY = 1e-20
"""Deviation below which a feature of mean 0 is taken for constant: its square is no float32."""


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardises features: z = (x − mean) · (1 / scale), in float32.

    Attributes
    ----------
    mean, scale
        (F,) float32; scale is positive.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit(cls, features: NDArray[np.float32], rows: NDArray[np.int64]) -> Self:
        """Mean and standard deviation over some rows; scale 1 for features that are constant.

        Constant: varying by less than float32 resolves beside the mean, so that dividing by the
        deviation would blow up rounding.
        """
        mean = np.zeros(features.shape[1])
        square = np.zeros(features.shape[1])
        parts = np.array_split(rows, max(1, len(rows) // _BLOCK))
        for part in parts:
            mean += features[part].sum(axis=0, dtype=np.float64) / len(rows)
        for part in parts:
            square += ((features[part] - mean) ** 2).sum(axis=0) / len(rows)
        scale = np.sqrt(square)
        scale[scale <= np.maximum(_RESOLUTION * np.abs(mean), _TINY)] = 1.0
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    @cached_property
    def inverse(self) -> NDArray[np.float32]:
        """(F,) 1 / scale."""
        return np.reciprocal(self.scale)

    def standardise(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """(N, F) float32 of (N, F) features; infinite or NaN where they do not fit into float32."""
        return self.with_squares(features)[0]

    def with_squares(
        self, features: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """:meth:`standardise`, and the (N,) squared lengths of its rows."""
        z = np.subtract(features, self.mean, dtype=np.float32, casting="same_kind")
        z *= self.inverse
        return z, np.einsum("nf,nf->n", z, z)
