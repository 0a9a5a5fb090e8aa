"""What may be wrong with a crystal structure from a CIF file, found and named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from iceclass.frame import AMU_PER_A3_IN_G_PER_CM3

CLOSEST = 0.8
"""Å. Two different atoms closer than this: no bond is shorter but that of H2, 0.74 Å."""

DENSITY_RANGE = (0.05, 25.0)
"""g/cm³. Aerogels are lighter and no element is heavier (osmium, 22.6)."""

DENSITY_TOLERANCE = 0.3
"""Relative difference of the density of the cell and of the one that the file states, beyond which
atoms or molecules are missing or too many; hydrogens of ice are 11 % of its mass."""


class Fault(StrEnum):
    """The kinds of faults, in the order in which they are looked for."""

    UNREADABLE = "unreadable"
    MEANINGLESS = "meaningless"
    AMBIGUOUS_SITE = "ambiguous site"
    HYDROGENS = "hydrogens"
    UNFINISHED = "unfinished relaxation"


MEANINGS: Mapping[Fault, str] = {
    Fault.UNREADABLE: "the file cannot be read",
    Fault.MEANINGLESS: "no atoms, an impossible cell or density",
    Fault.AMBIGUOUS_SITE: "a site that cannot be placed uniquely",
    Fault.HYDROGENS: "hydrogens missing or misplaced: two different atoms closer than 0.8 Å",
    Fault.UNFINISHED: "the relaxation did not end, or left what was put in",
}
"""Fault → what it means."""


@dataclass(frozen=True)
class Finding:
    """A fault and what shows it."""

    fault: Fault
    message: str


def meaningless(atoms: Any, density: float | None) -> Finding | None:
    """A structure of ASE's ``Atoms`` that cannot be one.

    ``density`` is the one that the file states, g/cm³.
    """
    if len(atoms) == 0:
        return Finding(Fault.MEANINGLESS, "there are no atoms")
    cell = np.asarray(atoms.cell)
    if not (np.isfinite(cell).all() and np.isfinite(atoms.positions).all()):
        return Finding(Fault.MEANINGLESS, "cell or positions are not finite")
    if atoms.cell.rank < 3 or atoms.cell.volume < 1e-3:
        return Finding(Fault.MEANINGLESS, "the cell has no volume")
    found = mass_density(atoms)
    low, high = DENSITY_RANGE
    if not low <= found <= high:
        return Finding(
            Fault.MEANINGLESS, f"the density is {found:.3g} g/cm³, expected {low:g} to {high:g}"
        )
    if density is not None and abs(found / density - 1.0) > DENSITY_TOLERANCE:
        return Finding(
            Fault.MEANINGLESS,
            f"the density is {found:.3f} g/cm³, the file states {density:.3f}",
        )
    return None


def misplaced(atoms: Any, formula: Mapping[str, float] | None) -> Finding | None:
    """Hydrogens that are missing or misplaced; ``formula`` is the file's, element → number."""
    from iceclass.neighbours import pairs

    near = pairs(atoms.positions, np.asarray(atoms.cell), np.ones(3, dtype=bool), CLOSEST)
    if len(near.indices):
        k = int(np.argmin(near.distances))
        i = int(np.searchsorted(near.offsets, k, side="right")) - 1
        names = (atoms.symbols[i], atoms.symbols[int(near.indices[k])])
        return Finding(
            Fault.HYDROGENS,
            f"atoms {i + 1} and {int(near.indices[k]) + 1} ({'–'.join(names)}) are "
            f"{near.distances[k]:.2f} Å apart, expected at least {CLOSEST} Å",
        )
    counts = atoms.symbols.formula.count()
    if formula and "H" in formula:
        heavy = {e: n for e, n in formula.items() if e != "H" and counts.get(e)}
        ratios = [counts[e] / n for e, n in heavy.items()]
        expected = formula["H"] * (ratios[0] if ratios else 1.0)
        if ratios and abs(counts.get("H", 0) - expected) > 0.01 * expected:
            return Finding(
                Fault.HYDROGENS,
                f"{counts.get('H', 0)} hydrogens, the formula of the file has {expected:g}",
            )
    if set(counts) <= {"O", "H"} and counts.get("H", 0) != 2 * counts.get("O", 0):
        return Finding(
            Fault.HYDROGENS,
            f"{counts.get('H', 0)} hydrogens of {counts.get('O', 0)} oxygens, expected two of each",
        )
    return None


def mass_density(atoms: Any) -> float:
    """g/cm³ of a periodic structure."""
    return float(atoms.get_masses().sum() * AMU_PER_A3_IN_G_PER_CM3 / atoms.cell.volume)


def parse_formula(text: str) -> dict[str, float]:
    """Element → number, of ``_chemical_formula_sum`` (``"C6 H12 O6"``)."""
    found: dict[str, float] = {}
    for element, number in re.findall(r"([A-Z][a-z]?)\s*(\d*\.?\d*)", text):
        found[element] = found.get(element, 0.0) + float(number or 1.0)
    return {"H" if e == "D" else e: n for e, n in found.items()}
