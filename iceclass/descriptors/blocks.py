"""Features of a frame computed some molecules at a time, so that not all of them need be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FeatureBlocks:
    """What computes the features of any part of a frame's N molecules; thread-safe.

    Attributes
    ----------
    order
        (N,) int64. The molecules in the order in which they are best computed, neighbours in
        space one soon after the other.
    n_features, dtype
        F, and what the features are computed in: float64 or float32.
    fill
        ``fill(out, rows, start, stop)`` writes the features of the molecules
        ``order[start:stop]`` to the rows ``out[rows]``; ``out`` is (at least
        stop − start, at least F), ``rows`` (stop − start,) int64. Releases the GIL.
    """

    order: NDArray[np.int64]
    n_features: int
    dtype: np.dtype[Any]
    fill: Callable[[NDArray[Any], NDArray[np.int64], int, int], None]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """Of (N, F) features that are computed already."""

        def fill(out: NDArray[Any], rows: NDArray[np.int64], start: int, stop: int) -> None:
            out[rows, : values.shape[1]] = values[start:stop]

        return cls(np.arange(len(values)), values.shape[1], values.dtype, fill)

    @property
    def n_molecules(self) -> int:
        """N."""
        return len(self.order)

    def only(self, selected: NDArray[np.bool_]) -> Self:
        """The features of some molecules: those for which ``selected``, by molecule, is true."""
        places = np.flatnonzero(selected[self.order])

        def fill(out: NDArray[Any], rows: NDArray[np.int64], start: int, stop: int) -> None:
            part = places[start:stop]
            gaps = np.flatnonzero(np.diff(part) > 1) + 1
            for first, last in pairwise([0, *gaps.tolist(), len(part)]):
                self.fill(out, rows[first:last], int(part[first]), int(part[last - 1]) + 1)

        return replace(self, order=self.order[places], fill=fill)
