"""What is said of the atoms that are carried unlabelled: groups that a person can take in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.io.water.kinds import (
    IGNORED,
    OXYGEN,
    AtomKinds,
    AtomRoles,
    is_hydrogen_name,
    is_oxygen_like,
    is_site_name,
    is_virtual_name,
    listed,
)

RESIDUES = ("resname", "residuenames")
"""Columns that name the residue of each atom."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AMINO_ACIDS = _words(
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL "
    "ACE NME NMA NH2 CYX CYM HID HIE HIP HSD HSE HSP ASH GLH LYN MSE SEC PYL"
)
_NUCLEOTIDES = _words("A C G T U I DA DC DG DT DU DI ADE CYT GUA THY URA RA RC RG RU")
_IONS = _words(
    "LI NA K RB CS F CL BR I MG CA SR BA ZN SOD POT CLA CES LIT CAL NA+ K+ CL- LI+ CS+ RB+ F- BR- "
    "I- MG2+ CA2+ ZN2+ MG2 CA2 ZN2 CIO CIM CIP IB"
)
_AMBIGUOUS = _words("CA CS F I IB")
"""Also atom names of organic molecules: Cα and the like."""

_WATER = _words("SOL WAT HOH H2O TIP3 TIP4 TIP5 TP3 TP4 SPC ICE T3P T4P")
"""Names of residues, in GROMACS, AMBER, CHARMM and PDB files."""

_MANY = 0.05
"""Of the oxygens, that are left out: then it is a warning."""

_MOST_GROUPS = 8
"""Groups that are told apart in a line; the rest are one."""


def carried_groups(
    columns: Mapping[str, NDArray[Any]],
    kinds: AtomKinds,
    roles: NDArray[np.int8],
    molecule: NDArray[np.int64],
) -> str:
    """``protein 1960 atoms, ions 30``: the (M,) atoms that belong to no molecule, by groups.

    By the names of their residues where the file has them, else by their kinds.
    """
    rows = np.flatnonzero(molecule < 0)
    if len(rows) == 0:
        return ""
    residues = next((columns[name] for name in RESIDUES if name in columns), None)
    counts: dict[str, int] = {}

    def add(codes: NDArray[np.int64], names: list[str]) -> None:
        for name, n in zip(names, np.bincount(codes, minlength=len(names)), strict=True):
            if n:
                counts[name] = counts.get(name, 0) + int(n)

    groups = [_group_of_kind(kinds, k) for k in range(len(kinds.keys))]
    virtual = (roles[rows] == IGNORED) & np.array([g == "virtual sites" for g in groups])[
        kinds.codes[rows]
    ]
    add(kinds.codes[rows[virtual]], groups)
    rest = rows[~virtual]
    if residues is not None and residues.dtype.kind in "US":
        names, codes = np.unique(residues[rest].astype(str), return_inverse=True)
        add(codes, [_group_of_residue(name) for name in names.tolist()])
    else:
        lone = roles[rest] == OXYGEN
        if lone.any():
            counts["oxygens that are not water's"] = int(lone.sum())
        add(kinds.codes[rest[~lone]], groups)
    largest = sorted(counts.items(), key=lambda item: -item[1])
    if len(largest) > _MOST_GROUPS:
        others = sum(n for _, n in largest[_MOST_GROUPS - 1 :])
        largest = [*largest[: _MOST_GROUPS - 1], ("others", others)]
    plural = ("ions", "virtual sites", "oxygens that are not water's")
    return ", ".join(f"{name} {n}" + ("" if name in plural else " atoms") for name, n in largest)


def _group_of_residue(name: str) -> str:
    plain = name.strip().upper()
    terminal = plain[1:] if len(plain) == 4 and plain[0] in "NC" else plain  # of AMBER: NALA
    if plain in _AMINO_ACIDS or terminal in _AMINO_ACIDS:
        return "protein"
    if plain in _IONS:
        return "ions"
    if plain in _NUCLEOTIDES:
        return "nucleic acid"
    return f"rest of {name.strip()}" if plain in _WATER else name.strip() or "no residue"


def _group_of_kind(kinds: AtomKinds, k: int) -> str:
    label = kinds.labels[k]
    if kinds.kind != "element" and is_virtual_name(label) and not is_site_name(label):
        return "virtual sites"
    atom_name = kinds.kind == "atom name"
    named = kinds.names[k] is not None and not (atom_name and label.upper() in _AMBIGUOUS)
    if named and label.upper() in _IONS:
        return "ions"
    if atom_name and is_hydrogen_name(label):
        return "hydrogens"
    return f"{kinds.kind} {kinds.keys[k]}" if kinds.kind else "atoms"


def warning_of(
    decision: AtomRoles, kinds: AtomKinds, n_oxygens: int, n_water: int, water_only: bool
) -> str:
    """What a user should know of a decision, in a line; empty: nothing."""
    lines = []
    lost = n_oxygens - n_water
    if decision.hydrogen and not water_only:
        lines.append(
            f"no hydrogen is bound to the oxygens: all {n_oxygens} are taken for water, "
            f"{decision.evidence}"
        )
    elif lost > _MANY * n_oxygens:
        lines.append(
            f"{lost} of {n_oxygens} oxygens are not water's (two hydrogens and nothing else bound "
            "to them) and carried unlabelled"
        )
    like = tuple(
        key
        for key, label in zip(kinds.keys, kinds.labels, strict=True)
        if key in decision.other and is_oxygen_like(label)
    )
    codes = [k for k, key in enumerate(kinds.keys) if key in like]
    count = int(np.isin(kinds.codes, codes).sum())
    if count > _MANY * n_oxygens:
        lines.append(
            f"{count} atoms of {kinds.kind} {listed(like)} have oxygen's name, but not two "
            "hydrogens, and are carried unlabelled"
        )
    return "; ".join(lines)
