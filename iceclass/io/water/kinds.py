"""The kinds of atoms of a trajectory, and what was decided about them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.io.text.pairs import parse_pairs

Key = int | str
OTHER, OXYGEN, HYDROGEN, IGNORED = 0, 1, 2, 3
"""Roles. OTHER are atoms that may be bound to an oxygen or hydrogen, which is then not water's;
IGNORED are virtual sites and hydrogens of other molecules."""

SHOWN = 12
"""Keys that are listed in a message."""


@dataclass(frozen=True)
class AtomRoles:
    """What the atoms of a trajectory are, and how that was found; ``str()`` is one line.

    Attributes
    ----------
    kind
        What the keys are: ``"type"``, ``"element"``, ``"atom name"``; empty where the file does
        not distinguish its atoms.
    oxygen, hydrogen, other, ignored
        The keys: type numbers, type labels or element names. ``ignored``: virtual sites, and
        hydrogens of other molecules.
    evidence
        What decided.
    water_only
        Whether, in every frame anew, an oxygen is a site only if two hydrogens and nothing else
        are bound to it. ``False`` where the file has no hydrogens, or none that are bound.
    carried
        What was left unlabelled in the frame in which that was decided, by groups of atoms.
    warning
        What a user should know of the decision; empty: nothing.
    """

    kind: str
    oxygen: tuple[Key, ...]
    hydrogen: tuple[Key, ...]
    other: tuple[Key, ...]
    evidence: str
    ignored: tuple[Key, ...] = ()
    water_only: bool = False
    carried: str = ""
    warning: str = ""

    def __str__(self) -> str:
        parts = [f"oxygen: {self._named(self.oxygen)} ({self.evidence})"]
        if self.hydrogen:
            parts.append(f"hydrogen: {self._named(self.hydrogen)}")
        if self.carried:
            parts.append(f"carried unlabelled: {self.carried}")
        elif self.other or self.ignored:
            parts.append(f"carried unlabelled: {self._named(self.other + self.ignored)}")
        return "; ".join(parts)

    def _named(self, keys: tuple[Key, ...]) -> str:
        return f"{self.kind} {listed(keys)}" if self.kind else "every atom"

    def role(self, key: Key) -> int | None:
        """OTHER, OXYGEN, HYDROGEN or IGNORED; ``None`` for a key that was not there to decide
        about."""
        for role, keys in (
            (OXYGEN, self.oxygen),
            (HYDROGEN, self.hydrogen),
            (OTHER, self.other),
            (IGNORED, self.ignored),
        ):
            if key in keys:
                return role
        return None


@dataclass(frozen=True, eq=False)
class AtomKinds:
    """The kinds of atoms of one frame and what is known of each.

    Attributes
    ----------
    kind
        As in :class:`AtomRoles`.
    keys
        K names of the kinds.
    codes
        (M,) int64, the kind of each atom: an index into ``keys``.
    names
        K element or atom names, ``None`` where unknown.
    names_from
        Where the names come from (``"element column"``).
    masses
        K masses in g/mol, ``None`` where unknown.
    """

    kind: str
    keys: tuple[Key, ...]
    codes: NDArray[np.int64]
    names: tuple[str | None, ...]
    names_from: str = ""
    masses: tuple[float | None, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """K names, the keys where there are none."""
        return tuple(str(n or k) for n, k in zip(self.names, self.keys, strict=True))


def listed(keys: tuple[Key, ...]) -> str:
    """The keys for a message, the first ones of many."""
    return ", ".join(str(key) for key in keys[:SHOWN]) + (" …" if len(keys) > SHOWN else "")


def parse_types(text: str) -> dict[str, str]:
    """``"1=O,2=H"`` → ``{"1": "O", "2": "H"}``.

    Raises
    ------
    InputError
        Anything else, or a type that comes twice.
    """
    return parse_pairs(text.split(","), "TYPE=ELEMENT,…, as in 1=O,2=H")


def role_of_name(name: str) -> int | None:
    """The role of an element or atom name: O, OW, OH2, O_water …; H, HW1, D …; else ``None``."""
    match = re.fullmatch(
        r"(OH|OT|O|HO|HT|H|D|T)([_\-.]?(?:w|wt|wat|water|ice))?[\d_\-+*']*", name, re.I
    )
    if match is None or name in ("Oh", "Ho"):
        return None
    return OXYGEN if match[1][0] in "Oo" else HYDROGEN


def is_site_name(name: str) -> bool:
    """Whether a name is that of a one-site water model: mW, MW.

    MW is also the virtual site of four-site models, where there are oxygens as well.
    """
    return name.lower() == "mw"


def is_virtual_name(name: str) -> bool:
    """Whether an atom name is that of a virtual site: M, MW, EP (AMBER), LP1, L2, OM, DUM …"""
    return re.fullmatch(r"(M|MW|OM|EPW?|LPW?|L|VS|DUM|MCH3)\d*", name, re.I) is not None


def is_hydrogen_name(name: str) -> bool:
    """Whether an atom name of a force field is a hydrogen's: HA, HB2, 1HH1, HN …"""
    return re.fullmatch(r"\d?H[A-Z]{0,2}\d*['*]*", name) is not None


def is_oxygen_like(name: str) -> bool:
    """Whether a name that is not taken for oxygen's may be one: fOW, OXT, Ow_frozen."""
    return re.fullmatch(r"[a-z]{0,2}O([WTXDEGHS]?[^a-z]*|w.*)", name) is not None
