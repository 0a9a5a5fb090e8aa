"""Means over rows of results, weighted by molecules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Rows = Sequence[dict[str, Any]]


def mean_over(rows: Rows, key: str, weights: Sequence[float] | None = None) -> float:
    """Mean of a column over all molecules (or with these weights); rows of None weigh nothing."""
    n = np.array([row["molecules"] for row in rows] if weights is None else weights, dtype=float)
    values = np.array([np.nan if row[key] is None else row[key] for row in rows], dtype=float)
    n[np.isnan(values)] = 0.0
    return float(np.nansum(n * values) / n.sum()) if n.sum() else float("nan")


def conditions(rows: Rows) -> list[str]:
    """The conditions in the order of growing temperature, displaced lattices after the others."""
    found = dict.fromkeys(row["condition"] for row in rows)
    hot = {c: float(c.split()[0]) for c in found if c.endswith(" K")}
    return [*sorted(hot, key=lambda c: hot[c]), *(c for c in found if c not in hot)]
