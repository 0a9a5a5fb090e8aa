"""Which kinds of atoms are the molecules' sites (oxygens), which are hydrogens, which are neither.

The evidence, in the order in which it counts:

1. what the user says (``types``),
2. bonds: where there are hydrogens, an oxygen is water's only if exactly two of them and nothing
   else are bound to it, by the file's topology or else by distance. That is looked at atom by
   atom in every frame (:mod:`.molecules`); the kinds are what it is looked for among:
3. names that speak of O and H: an ``element`` column, type labels, atom names; and kinds of other
   names whose atoms have two hydrogens (:mod:`.geometry`),
4. where no name speaks of oxygen, the geometry of water alone: an atom with exactly two others
   0.75 to 1.25 Å away, at an angle between 90° and 130°, and nothing else before 1.55 Å;
   closer points are virtual sites,
5. masses, only where nothing else decides (published files exist whose masses are exchanged
   on purpose, and heavy hydrogens are common).

Atoms of a single kind are oxygens, or the sites of a one-site model such as mW. What cannot be
decided is an error that says how to tell the ``types``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.water.geometry import (
    check_bonds,
    check_contacts,
    find_water,
    sample_of,
    surroundings,
    virtual_kinds,
)
from iceclass.io.water.kinds import (
    HYDROGEN,
    IGNORED,
    OTHER,
    OXYGEN,
    SHOWN,
    AtomKinds,
    AtomRoles,
    Key,
    is_hydrogen_name,
    is_site_name,
    is_virtual_name,
    listed,
    role_of_name,
)
from iceclass.neighbours import Lattice

STRICT_NAMES = ("element column", "chemical symbols")  # names that must be elements
"""Where names come from that are elements or nothing."""

_MASSES = ((15.999, 0.6, OXYGEN), (18.015, 0.4, OXYGEN), (1.008, 0.1, HYDROGEN))
"""Mass in g/mol, what it may differ by, role: oxygen (16 to 16.5 are met), a whole molecule as one
site, hydrogen."""

_NO_ATOM = 0.5
"""g/mol. What weighs less is no atom."""

_TOUCHING = 1.3
"""Å. Sites of water's oxygens are never this close; an O and its H are."""

_FEW = 0.1
"""Of the atoms of a kind, that may be too close to each other: a bad contact, a damaged row."""


def decide(
    kinds: AtomKinds,
    positions: NDArray[np.float64],
    lattice: Lattice,
    types: Mapping[str, str] | None = None,
) -> AtomRoles:
    """Decide what the kinds of atoms are.

    Parameters
    ----------
    kinds
        The kinds, M atoms.
    positions
        (M, 3) Å.
    lattice
        The periodic cell.
    types
        Key (as text) → element, as the user gave it.

    Raises
    ------
    InputError
        No oxygen, ``types`` that do not fit the file, or no decision.
    """
    if types is not None:
        decision = _by_types(kinds, positions, lattice, types)
    else:
        decision = _by_name(kinds, positions, lattice) or _unnamed(kinds, positions, lattice)
    if not decision.hydrogen:
        oxygen = np.array([key in decision.oxygen for key in kinds.keys])
        check_contacts(positions[oxygen[kinds.codes]], lattice)
    return _without_ignored(decision, kinds, positions, lattice)


def _unnamed(kinds: AtomKinds, positions: NDArray[np.float64], lattice: Lattice) -> AtomRoles:
    if len(kinds.keys) == 1:
        return _only_kind(kinds, positions, lattice)
    decision = _by_distance(kinds, positions, lattice)
    if decision is None:
        check_bonds(kinds, positions, lattice)
        decision = _by_mass(kinds) or _undecided(kinds)
    return decision


def _decision(kinds: AtomKinds, roles: Mapping[Key, int], evidence: str) -> AtomRoles:
    keys: dict[int, list[Key]] = {OXYGEN: [], HYDROGEN: [], OTHER: []}
    for key in kinds.keys:
        keys[roles.get(key, OTHER)].append(key)
    return AtomRoles(
        kinds.kind, tuple(keys[OXYGEN]), tuple(keys[HYDROGEN]), tuple(keys[OTHER]), evidence
    )


def _without_ignored(
    decision: AtomRoles, kinds: AtomKinds, positions: NDArray[np.float64], lattice: Lattice
) -> AtomRoles:
    """The decision with virtual sites and hydrogens of other molecules apart from other atoms."""
    if not (decision.other and decision.hydrogen):
        return decision
    strict = kinds.names_from in STRICT_NAMES
    ignored, asked = set(), []
    for k, (key, label) in enumerate(zip(kinds.keys, kinds.labels, strict=True)):
        if key not in decision.other:
            continue
        mass = kinds.masses[k] if kinds.masses else None
        virtual = not strict and (is_virtual_name(label) or is_hydrogen_name(label))
        if virtual or (mass is not None and (mass < _NO_ATOM or abs(mass - 1.008) <= 0.1)):
            ignored.add(k)
        else:
            asked.append(k)
    oxygens = np.array([key in decision.oxygen for key in kinds.keys])
    ignored |= virtual_kinds(kinds, asked, oxygens, positions, lattice)
    apart = tuple(kinds.keys[k] for k in sorted(ignored))
    rest = tuple(key for key in decision.other if key not in apart)
    return replace(decision, other=rest, ignored=apart)


def _flag(kinds: AtomKinds) -> str:
    example = [f'{key!r}: "{element}"' for key, element in zip(kinds.keys, "OH", strict=False)]
    return f"say which is which, for example types={{{', '.join(example)}}}"


def _by_types(
    kinds: AtomKinds,
    positions: NDArray[np.float64],
    lattice: Lattice,
    types: Mapping[str, str],
) -> AtomRoles:
    given = {str(key).strip(): str(value).strip() for key, value in types.items()}
    for key, value in given.items():
        if not re.fullmatch(r"[A-Za-z]{1,8}\d*", value):
            raise InputError(
                f"types give {value!r} for {key}, expected an element", hint="write 1=O,2=H"
            )
    if not any(role_of_name(value) == OXYGEN for value in given.values()):
        raise InputError(f"types name no oxygen: {given}", hint=_flag(kinds))
    texts = {str(key): key for key in kinds.keys}
    if not texts.keys() & given.keys():  # elements or labels in place of type numbers
        named: dict[Key, str] = {
            key: given[name]
            for key, name in zip(kinds.keys, kinds.names, strict=True)
            if name in given
        }
        unknown = given.keys() - set(kinds.names)
    else:
        named = {texts[text]: given[text] for text in given if text in texts}
        unknown = given.keys() - texts.keys()
    if unknown:
        raise InputError(
            f"no atom has {kinds.kind or 'type'} {listed(tuple(sorted(unknown)))}, "
            f"found: {listed(kinds.keys) if kinds.kind else 'no type column'}",
            hint="correct the types",
        )
    roles: dict[Key, int] = {k: role_of_name(value) or OTHER for k, value in named.items()}
    evidence = "as given"
    return _with_hydrogen(kinds, roles, evidence, positions, lattice)


def _with_hydrogen(
    kinds: AtomKinds,
    roles: dict[Key, int],
    evidence: str,
    positions: NDArray[np.float64],
    lattice: Lattice,
) -> AtomRoles:
    """The decision where the oxygens are known; hydrogens are looked for if none are named."""
    if HYDROGEN not in roles.values():
        oxygens = tuple(key for key, role in roles.items() if role == OXYGEN)
        rest = [k for k in range(len(kinds.keys)) if roles.get(kinds.keys[k]) is None]
        named = [k for k in rest if role_of_name(kinds.names[k] or "") == HYDROGEN]
        if named:
            roles = roles | {kinds.keys[k]: HYDROGEN for k in named}
            evidence += f"; hydrogen from the {kinds.names_from}"
        elif rest:
            water = find_water(kinds, positions, lattice, oxygens)
            if water is not None and set(water.hydrogens) <= set(rest):
                roles = roles | {kinds.keys[k]: HYDROGEN for k in water.hydrogens}
                evidence += "; hydrogen from the distances"
    return _decision(kinds, roles, evidence)


def _by_name(
    kinds: AtomKinds, positions: NDArray[np.float64], lattice: Lattice
) -> AtomRoles | None:
    names = [name for name in kinds.names if name is not None]
    if not names:
        return None
    roles: dict[Key, int] = {
        key: role
        for key, name in zip(kinds.keys, kinds.names, strict=True)
        if (role := role_of_name(name or "")) is not None
    }
    if OXYGEN in roles.values():
        evidence = f"by the {kinds.names_from}"
        if kinds.names_from in STRICT_NAMES:
            return _decision(kinds, roles, evidence)
        roles, evidence = _with_other_names(kinds, roles, evidence, positions, lattice)
        return _with_hydrogen(kinds, roles, evidence, positions, lattice)
    sites: dict[Key, int] = {
        key: OXYGEN
        for key, name in zip(kinds.keys, kinds.names, strict=True)
        if name is not None and is_site_name(name)
    }
    if sites and HYDROGEN not in roles.values():
        return _decision(kinds, sites, f"sites of mW by the {kinds.names_from}")
    different = set(names)
    if kinds.names_from not in STRICT_NAMES:
        return None  # free text that does not speak of oxygen
    if len(different) == 1 and (len(kinds.keys) > 1 or not _is_element(names[0])):
        return None  # the same name for all says nothing: LAMMPS writes C where it knows none
    raise InputError(
        f"no oxygen: the {kinds.names_from} has {listed(tuple(sorted(different)))}",
        hint=_flag(kinds) + ", if one of these is the site of a water model",
    )


def _with_other_names(
    kinds: AtomKinds,
    roles: dict[Key, int],
    evidence: str,
    positions: NDArray[np.float64],
    lattice: Lattice,
) -> tuple[dict[Key, int], str]:
    """Roles and evidence with the kinds that names do not tell of, but two hydrogens do."""
    rest = tuple(
        key
        for key, label in zip(kinds.keys, kinds.labels, strict=True)
        if key not in roles and not is_virtual_name(label) and not is_hydrogen_name(label)
    )
    water = find_water(kinds, positions, lattice, rest) if rest else None
    if water is None:
        return roles, evidence
    found = tuple(kinds.keys[k] for k in water.oxygens)
    roles = roles | {key: OXYGEN for key in found}
    roles |= {kinds.keys[k]: HYDROGEN for k in water.hydrogens}
    return roles, f"{evidence}, {listed(found)} by two hydrogens at {water.distance:.3f} Å"


def _is_element(name: str) -> bool:
    from ase.data import atomic_numbers

    return name != "X" and name in atomic_numbers


def _only_kind(kinds: AtomKinds, positions: NDArray[np.float64], lattice: Lattice) -> AtomRoles:
    around = surroundings(sample_of(np.arange(len(positions))), positions, lattice, _TOUCHING)
    close = np.array([min(atom.distances, default=np.inf) for atom in around])
    touching = close[np.isfinite(close)]
    if len(touching) > _FEW * len(close):
        check_contacts(positions, lattice)
        raise InputError(
            f"all atoms are of one kind, but lie {np.median(touching):.3f} Å apart: "
            "oxygens and hydrogens cannot be told apart, or lengths are not in Å",
            hint="write a dump with types or elements",
        )
    evidence = (
        "the only type: oxygens alone or a one-site model"
        if kinds.kind
        else ("no types: oxygens alone or a one-site model")
    )
    return _decision(kinds, {kinds.keys[0]: OXYGEN}, evidence)


def _by_distance(
    kinds: AtomKinds, positions: NDArray[np.float64], lattice: Lattice
) -> AtomRoles | None:
    """The decision by the geometry of water, if there is any."""
    water = find_water(kinds, positions, lattice)
    if water is None:
        return None
    roles = {kinds.keys[k]: OXYGEN for k in water.oxygens}
    roles |= {kinds.keys[k]: HYDROGEN for k in water.hydrogens}
    evidence = f"stoichiometry 1:{water.ratio:.3g} and O–H distance {water.distance:.3f} Å"
    return _decision(kinds, roles, evidence)


def _by_mass(kinds: AtomKinds) -> AtomRoles | None:
    roles: dict[Key, int] = {}
    for key, mass in zip(kinds.keys, kinds.masses, strict=False):
        for centre, width, role in _MASSES:
            if mass is not None and abs(mass - centre) <= width:
                roles[key] = role
    if list(roles.values()).count(OXYGEN) != 1:
        return None
    return _decision(kinds, roles, "by mass alone, for want of better evidence")


def _undecided(kinds: AtomKinds) -> AtomRoles:
    counts = np.bincount(kinds.codes, minlength=len(kinds.keys))
    found = ", ".join(f"{k} ({n} atoms)" for k, n in zip(kinds.keys[:SHOWN], counts, strict=False))
    raise InputError(
        f"which {kinds.kind} is oxygen cannot be decided: found {found}; no kind of atom has two "
        "others at 0.75 to 1.25 Å as oxygen has in water",
        hint=_flag(kinds),
    )


class RoleAssigner:
    """The decision of the first frame, applied to every frame.

    Parameters
    ----------
    types
        As in :func:`decide`.
    """

    def __init__(self, types: Mapping[str, str] | None = None) -> None:
        self.types = types
        self.decision: AtomRoles | None = None

    def roles(
        self, kinds: AtomKinds, positions: NDArray[np.float64], lattice: Lattice
    ) -> NDArray[np.int8]:
        """(K,) the role of each of the frame's kinds.

        A kind that was not there before is decided with the whole frame, and the new decision may
        not contradict the old one.

        Raises
        ------
        InputError
            As :func:`decide`, or a contradiction.
        """
        if self.decision is None:
            self.decision = decide(kinds, positions, lattice, self.types)
        old = self.decision
        fresh = [key for key in kinds.keys if old.role(key) is None]
        if fresh:
            self.decision = self._extended(old, fresh, kinds, positions, lattice)
        return np.array([self.decision.role(key) for key in kinds.keys], np.int8)

    def _extended(
        self,
        old: AtomRoles,
        fresh: list[Key],
        kinds: AtomKinds,
        positions: NDArray[np.float64],
        lattice: Lattice,
    ) -> AtomRoles:
        if self.types is not None:
            wanted = {str(key): role_of_name(str(e)) or OTHER for key, e in self.types.items()}
            roles = {key: wanted.get(str(key), OTHER) for key in fresh}
        else:
            new = decide(kinds, positions, lattice)
            carried = {OTHER, IGNORED}
            for key in kinds.keys:
                before, now = old.role(key), new.role(key)
                if before not in (None, now) and not {before, now} <= carried:
                    raise InputError(
                        f"{kinds.kind} {listed(tuple(fresh))} was not in the frames before, and "
                        f"with it the decision would be another: first {old}; now {new}",
                        hint=_flag(kinds),
                    )
            roles = {key: new.role(key) or OTHER for key in fresh}
        return replace(
            old,
            oxygen=old.oxygen + tuple(k for k in fresh if roles[k] == OXYGEN),
            hydrogen=old.hydrogen + tuple(k for k in fresh if roles[k] == HYDROGEN),
            other=old.other + tuple(k for k in fresh if roles[k] == OTHER),
            ignored=old.ignored + tuple(k for k in fresh if roles[k] == IGNORED),
        )
