"""The kinds of atoms of a trajectory, and what was decided about them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError

Key = int | str
OTHER, OXYGEN, HYDROGEN = 0, 1, 2
_NAME = re.compile(r"(OH|OT|O|HO|HT|H|D|T)([_\-.]?(?:w|wt|wat|water|ice))?[\d_\-+*']*", re.I)


@dataclass(frozen=True)
class SiteDecision:
    """What the atoms of a trajectory are, and how that was found; ``str()`` is one line.

    Attributes
    ----------
    kind
        What the keys are: ``"type"``, ``"element"``, ``"atom name"``; empty where the file does
        not distinguish its atoms.
    oxygen, hydrogen, other
        The keys: type numbers, type labels or element names.
    evidence
        What decided.
    """

    kind: str
    oxygen: tuple[Key, ...]
    hydrogen: tuple[Key, ...]
    other: tuple[Key, ...]
    evidence: str

    def __str__(self) -> str:
        parts = [f"oxygen: {self._named(self.oxygen)} ({self.evidence})"]
        if self.hydrogen:
            parts.append(f"hydrogen: {self._named(self.hydrogen)}")
        if self.other:
            parts.append(f"carried unlabelled: {self._named(self.other)}")
        return "; ".join(parts)

    def _named(self, keys: tuple[Key, ...]) -> str:
        if not self.kind:
            return "every atom"
        return f"{self.kind} " + ", ".join(str(key) for key in keys)

    def role(self, key: Key) -> int | None:
        """OTHER, OXYGEN or HYDROGEN; ``None`` for a key that was not there to decide about."""
        for role, keys in ((OXYGEN, self.oxygen), (HYDROGEN, self.hydrogen), (OTHER, self.other)):
            if key in keys:
                return role
        return None


@dataclass(frozen=True, eq=False)
class Species:
    """The kinds of atoms of one frame and what is known of each.

    Attributes
    ----------
    kind
        As in :class:`SiteDecision`.
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


def parse_types(text: str) -> dict[str, str]:
    """``"1=O,2=H"`` → ``{"1": "O", "2": "H"}``.

    Raises
    ------
    InputError
        Anything else.
    """
    types: dict[str, str] = {}
    for part in text.split(","):
        key, equals, element = (piece.strip() for piece in part.partition("="))
        if not (key and equals and element) or key in types:
            raise InputError(
                f"--types {text!r} is not understood at {part!r}", hint="write --types 1=O,2=H"
            )
        types[key] = element
    return types


def role_of_name(name: str) -> int | None:
    """The role of an element or atom name: O, OW, OH2, O_water …; H, HW1, D …; else ``None``."""
    match = re.fullmatch(
        r"(OH|OT|O|HO|HT|H|D|T)([_\-.]?(?:w|wt|wat|water|ice))?[\d_\-+*']*", name, re.I
    )
    if match is None or name in ("Oh", "Ho"):
        return None
    return OXYGEN if match[1][0] in "Oo" else HYDROGEN
