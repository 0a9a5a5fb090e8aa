"""Which atoms are the molecules' sites (oxygens), which are hydrogens, which are neither.

The witnesses, in the order in which they are heard:

1. what the user says (``types``),
2. element names: an ``element`` column, type labels, atom names,
3. stoichiometry together with distances: a water molecule is an atom with exactly two others
   0.75 to 1.25 Å away, at an angle between 90° and 130°, and nothing else before 1.55 Å;
   closer points are virtual sites,
4. masses, only where nothing else decides (published files exist whose masses are exchanged
   on purpose, and heavy hydrogens are common).

Atoms of a single kind are oxygens, or the sites of a one-site model such as mW. What cannot be
decided is an error that names the flag ``--types``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.water.distances import Lattice
from iceclass.io.water.geometry import find_water, neighbours_of, sample_of
from iceclass.io.water.kinds import (
    HYDROGEN,
    OTHER,
    OXYGEN,
    Key,
    SiteDecision,
    Species,
    role_of_name,
)

STRICT_NAMES = ("element column", "chemical symbols")  # names that must be elements
_MASSES = ((15.999, 0.6, OXYGEN), (18.015, 0.4, OXYGEN), (1.008, 0.1, HYDROGEN))


def decide(
    species: Species,
    positions: NDArray[np.float64],
    lattice: Lattice,
    types: Mapping[str, str] | None = None,
) -> SiteDecision:
    """Decide what the kinds of atoms are.

    Parameters
    ----------
    species
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
        return _by_types(species, positions, lattice, types)
    decision = _by_name(species, positions, lattice)
    if decision is not None:
        return decision
    if len(species.keys) == 1:
        return _only_kind(species, positions, lattice)
    decision, finding = _by_distance(species, positions, lattice)
    return decision or _by_mass(species) or _undecided(species, finding)


def _decision(species: Species, roles: Mapping[Key, int], evidence: str) -> SiteDecision:
    keys: dict[int, list[Key]] = {OXYGEN: [], HYDROGEN: [], OTHER: []}
    for key in species.keys:
        keys[roles.get(key, OTHER)].append(key)
    return SiteDecision(
        species.kind, tuple(keys[OXYGEN]), tuple(keys[HYDROGEN]), tuple(keys[OTHER]), evidence
    )


def _flag(species: Species) -> str:
    example = [f"{key}={element}" for key, element in zip(species.keys, "OH", strict=False)]
    return f"say which is which, for example --types {','.join(example)}"


def _list(keys: tuple[Key, ...]) -> str:
    return ", ".join(str(key) for key in keys[:12]) + (" …" if len(keys) > 12 else "")


def _by_types(
    species: Species,
    positions: NDArray[np.float64],
    lattice: Lattice,
    types: Mapping[str, str],
) -> SiteDecision:
    given = {str(key).strip(): str(value).strip() for key, value in types.items()}
    for key, value in given.items():
        if not re.fullmatch(r"[A-Za-z]{1,8}\d*", value):
            raise InputError(
                f"types give {value!r} for {key}, expected an element", hint="write 1=O,2=H"
            )
    if not any(role_of_name(value) == OXYGEN for value in given.values()):
        raise InputError(f"types name no oxygen: {given}", hint=_flag(species))
    texts = {str(key): key for key in species.keys}
    if not texts.keys() & given.keys():  # elements or labels in place of type numbers
        named: dict[Key, str] = {
            key: given[name]
            for key, name in zip(species.keys, species.names, strict=True)
            if name in given
        }
        unknown = given.keys() - set(species.names)
    else:
        named = {texts[text]: given[text] for text in given if text in texts}
        unknown = given.keys() - texts.keys()
    if unknown:
        raise InputError(
            f"no atom has {species.kind or 'type'} {_list(tuple(sorted(unknown)))}, "
            f"found: {_list(species.keys) if species.kind else 'no type column'}",
            hint="correct --types",
        )
    roles: dict[Key, int] = {k: role_of_name(value) or OTHER for k, value in named.items()}
    evidence = "as given"
    return _with_hydrogen(species, roles, evidence, positions, lattice)


def _with_hydrogen(
    species: Species,
    roles: dict[Key, int],
    evidence: str,
    positions: NDArray[np.float64],
    lattice: Lattice,
) -> SiteDecision:
    """The decision where the oxygens are known; hydrogens are looked for if none are named."""
    if HYDROGEN not in roles.values():
        oxygens = tuple(key for key, role in roles.items() if role == OXYGEN)
        rest = [k for k in range(len(species.keys)) if roles.get(species.keys[k]) is None]
        named = [k for k in rest if role_of_name(species.names[k] or "") == HYDROGEN]
        if named:
            roles = roles | {species.keys[k]: HYDROGEN for k in named}
            evidence += f"; hydrogen from the {species.names_from}"
        elif rest:
            water, _ = find_water(species, positions, lattice, oxygens)
            if water is not None and set(water.hydrogens) <= set(rest):
                roles = roles | {species.keys[k]: HYDROGEN for k in water.hydrogens}
                evidence += "; hydrogen from the distances"
    return _decision(species, roles, evidence)


def _by_name(
    species: Species, positions: NDArray[np.float64], lattice: Lattice
) -> SiteDecision | None:
    names = [name for name in species.names if name is not None]
    if not names:
        return None
    roles: dict[Key, int] = {
        key: role
        for key, name in zip(species.keys, species.names, strict=True)
        if (role := role_of_name(name or "")) is not None
    }
    if OXYGEN in roles.values():
        evidence = f"by the {species.names_from}"
        if species.names_from in STRICT_NAMES:
            return _decision(species, roles, evidence)
        return _with_hydrogen(species, roles, evidence, positions, lattice)
    different = set(names)
    if species.names_from not in STRICT_NAMES:
        return None  # free text that does not speak of oxygen
    if len(different) == 1 and (len(species.keys) > 1 or not _is_element(names[0])):
        return None  # the same name for all says nothing: LAMMPS writes C where it knows none
    raise InputError(
        f"no oxygen: the {species.names_from} has {_list(tuple(sorted(different)))}",
        hint=_flag(species) + ", if one of these is the site of a water model",
    )


def _is_element(name: str) -> bool:
    from ase.data import atomic_numbers

    return name != "X" and name in atomic_numbers


def _only_kind(species: Species, positions: NDArray[np.float64], lattice: Lattice) -> SiteDecision:
    sample = sample_of(np.arange(len(positions)))
    _, distances, counts = neighbours_of(sample, positions, lattice)
    filled = np.arange(distances.shape[1]) < counts[:, None]
    close = np.where(filled, distances, np.inf).min(axis=1)
    if np.mean(close < 1.3) > 0.1:
        raise InputError(
            f"all atoms are of one kind, but lie {np.median(close[close < 1.3]):.3f} Å apart: "
            "oxygens and hydrogens cannot be told apart, or lengths are not in Å",
            hint="write a dump with types or elements",
        )
    evidence = (
        "the only type: oxygens alone or a one-site model"
        if species.kind
        else ("no types: oxygens alone or a one-site model")
    )
    return _decision(species, {species.keys[0]: OXYGEN}, evidence)


def _by_distance(
    species: Species, positions: NDArray[np.float64], lattice: Lattice
) -> tuple[SiteDecision | None, str]:
    """The decision by the geometry of water, or none and what was found instead."""
    water, finding = find_water(species, positions, lattice)
    if water is None:
        return None, finding
    roles = {species.keys[k]: OXYGEN for k in water.oxygens}
    roles |= {species.keys[k]: HYDROGEN for k in water.hydrogens}
    evidence = f"stoichiometry 1:{water.ratio:.3g} and O–H distance {water.distance:.3f} Å"
    return _decision(species, roles, evidence), ""


def _by_mass(species: Species) -> SiteDecision | None:
    roles: dict[Key, int] = {}
    for key, mass in zip(species.keys, species.masses, strict=False):
        for centre, width, role in _MASSES:
            if mass is not None and abs(mass - centre) <= width:
                roles[key] = role
    if list(roles.values()).count(OXYGEN) != 1:
        return None
    return _decision(species, roles, "by mass alone, for want of a better witness")


def _undecided(species: Species, finding: str) -> SiteDecision:
    counts = np.bincount(species.codes, minlength=len(species.keys))
    found = ", ".join(f"{k} ({n} atoms)" for k, n in zip(species.keys[:12], counts, strict=False))
    raise InputError(
        f"which {species.kind} is oxygen cannot be decided: found {found}; {finding}",
        hint=_flag(species),
    )


class SiteFinder:
    """The decision of the first frame, applied to every frame.

    Parameters
    ----------
    types
        As in :func:`decide`.
    """

    def __init__(self, types: Mapping[str, str] | None = None) -> None:
        self.types = types
        self.decision: SiteDecision | None = None

    def roles(
        self, species: Species, positions: NDArray[np.float64], lattice: Lattice
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
            self.decision = decide(species, positions, lattice, self.types)
        old = self.decision
        fresh = [key for key in species.keys if old.role(key) is None]
        if fresh:
            self.decision = self._extended(old, fresh, species, positions, lattice)
        return np.array([self.decision.role(key) for key in species.keys], np.int8)

    def _extended(
        self,
        old: SiteDecision,
        fresh: list[Key],
        species: Species,
        positions: NDArray[np.float64],
        lattice: Lattice,
    ) -> SiteDecision:
        if self.types is not None:
            wanted = {str(key): role_of_name(str(e)) or OTHER for key, e in self.types.items()}
            roles = {key: wanted.get(str(key), OTHER) for key in fresh}
        else:
            new = decide(species, positions, lattice)
            for key in species.keys:
                if old.role(key) not in (None, new.role(key)):
                    raise InputError(
                        f"{species.kind} {_list(tuple(fresh))} was not in the frames before, and "
                        f"with it the decision would be another: first {old}; now {new}",
                        hint=_flag(species),
                    )
            roles = {key: new.role(key) or OTHER for key in fresh}
        return replace(
            old,
            oxygen=old.oxygen + tuple(k for k in fresh if roles[k] == OXYGEN),
            hydrogen=old.hydrogen + tuple(k for k in fresh if roles[k] == HYDROGEN),
            other=old.other + tuple(k for k in fresh if roles[k] == OTHER),
        )
