"""The kinds of atoms in files that name them: gro, pdb, topologies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.io.water.kinds import OXYGEN, AtomKinds, role_of_name

SOURCES = (
    ("name", "atom name", "atom names"),
    ("element", "element", "chemical symbols"),
    ("type", "type", "atom types"),
)
"""Columns that tell, in the order in which they are heard: what they are called, and are."""


def named_kinds(columns: Mapping[str, NDArray[Any]]) -> AtomKinds:
    """Kinds by atom names or elements where these tell of oxygen, else by atom types, else by
    whatever names there are.

    Elements may have been guessed from the names and are no better than these, so names are heard
    first.
    """
    known = [source for source in SOURCES if source[0] in columns]
    telling = [s for s in known if _tells(columns[s[0]])]
    fallback = [s for s in known if s[0] == "type"] or known
    if not (telling or fallback):
        n = len(next(iter(columns.values())))
        return AtomKinds("", ("every atom",), np.zeros(n, np.int64), (None,))
    column, kind, where = (telling or fallback)[0]
    keys, first, codes = np.unique(columns[column], return_index=True, return_inverse=True)
    names = tuple(str(key) for key in keys)
    masses: tuple[float | None, ...] = ()
    if "mass" in columns:
        masses = tuple(columns["mass"][first].tolist())
    return AtomKinds(kind, names, codes.astype(np.int64), names, where, masses)


def _tells(texts: NDArray[Any]) -> bool:
    return any(role_of_name(text) == OXYGEN for text in np.unique(texts).astype(str).tolist())
