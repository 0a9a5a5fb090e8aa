"""Sets of symmetry functions: the default, a published ladder, and a builder from grids.

``DEFAULT``, 45 functions; Fermi cut-offs have α = 8 Å⁻¹ and ε_c = 1 Å, with R_c = 7 Å for
distances and 6 Å for angles:

| kind | parameters | cut-off | functions |
|---|---|---|---|
| G2 | η = 0.036, 0.179, 0.714 Å⁻²; R_s = 0 | Fermi | 3 |
| G2 | η = 7.142 Å⁻²; R_s = 2.4, 2.7, 3.0, 3.3 Å | Fermi | 4 |
| G2 | η = 3.571 Å⁻²; R_s = 3.7, 4.1, 4.5, 4.9, 5.3, 5.7, 6.1, 6.5 Å | Fermi | 8 |
| G3 | κ = 1.4, 2.3 Å⁻¹ (one wave to the second, to the first shell) | Fermi | 2 |
| G4 | η = 0.036, 0.071 Å⁻²; ζ = 1, 2, 4, 16; λ = ±1 | Fermi | 16 |
| G8 | η = 1, 2, 3, 4; α = 1.9106 (tetrahedral angle) | band 2.4–3.1 Å (first shell) | 4 |
| G8 | the same | band 3.4–3.9 Å (interstitial, high density) | 4 |
| G8 | the same | band 4.2–4.8 Å (second shell) | 4 |

All bands have ν = 5.236 Å⁻¹: their edges are 0.3 Å wide.

``FAR``, 52 functions, is ``DEFAULT`` and seven more G2, to be used with R_c = 10 Å for distances:

| kind | parameters | cut-off | functions |
|---|---|---|---|
| G2 | η = 3.571 Å⁻²; R_s = 6.9, 7.3, 7.7, 8.1, 8.5, 8.9, 9.3 Å | Fermi | 7 |

``LADDER``, 35 functions with Behler's cosine, all of which DScribe has too: the values are from
Zuo et al., J. Phys. Chem. A 124, 731 (2020), doi:10.1021/acs.jpca.9b08723, tables S1–S6, those
that differ from 0 at O–O distances:

| kind | parameters | functions |
|---|---|---|
| G2 | η = 0.036, 0.071, 0.179, 0.357, 0.714 Å⁻²; R_s = 0 | 5 |
| G2 | η = 0.714, 1.786, 3.571 Å⁻²; R_s = 3, 4 Å | 6 |
| G4 | η = 0.036, 0.071, 0.179 Å⁻²; ζ = 1, 2, 4, 16; λ = ±1 | 24 |
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from iceclass.descriptors.acsf.functions import (
    G2,
    G3,
    G4,
    G5,
    G8,
    Ani,
    Band,
    Cosine,
    CutOff,
    Fermi,
    SymmetryFunction,
)
from iceclass.errors import InputError, unknown_name

_KINDS: dict[str, tuple[type[SymmetryFunction], tuple[str, ...]]] = {
    "G2": (G2, ("eta", "r_s")),
    "G3": (G3, ("kappa",)),
    "G4": (G4, ("eta", "zeta", "lambda_")),
    "G5": (G5, ("eta", "zeta", "lambda_")),
    "G8": (G8, ("eta", "alpha")),
    "ANI": (Ani, ("eta", "r_s", "zeta", "theta_s", "lambda_")),
}


def grid(
    kind: str,
    *,
    cut_off: CutOff | Sequence[CutOff] = Fermi(),  # noqa: B008 (a frozen value)
    **values: float | Sequence[float],
) -> tuple[SymmetryFunction, ...]:
    """Every combination of the given parameters, the last one running fastest.

    Parameters
    ----------
    kind
        ``"G2"`` (eta, r_s), ``"G3"`` (kappa), ``"G4"`` and ``"G5"`` (eta, zeta, lambda_),
        ``"G8"`` (eta, alpha) or ``"ANI"`` (eta, r_s, zeta, theta_s, lambda_).
    cut_off
        One or several; the outermost loop.
    values
        The kind's parameters: a number or several of each.

    Raises
    ------
    InputError
        Unknown kind or parameter, a missing parameter, a value out of range.

    Examples
    --------
    >>> [str(f) for f in grid("G4", eta=0.036, zeta=[1, 4], lambda_=-1)]
    ['G4 η=0.036 ζ=1 λ=−1', 'G4 η=0.036 ζ=4 λ=−1']
    """
    if kind not in _KINDS:
        raise unknown_name("symmetry function", kind, _KINDS)
    made, parameters = _KINDS[kind]
    for key in values:
        if key not in parameters:
            raise unknown_name(f"parameter of {kind}", key, parameters)
    missing = [key for key in parameters if key not in values]
    if missing:
        raise InputError(f"the {kind} grid lacks {', '.join(missing)}")
    cut_offs = [cut_off] if isinstance(cut_off, CutOff) else list(cut_off)
    axes = [
        [v] if isinstance(v, int | float) else list(v) for v in (values[key] for key in parameters)
    ]
    return tuple(
        made(**dict(zip(parameters, numbers, strict=True)), cut_off=cut)  # type: ignore[arg-type]
        for cut, *numbers in product(cut_offs, *axes)
    )


_BANDS = [Band(low, high, 5.236) for low, high in ((2.4, 3.1), (3.4, 3.9), (4.2, 4.8))]

DEFAULT: tuple[SymmetryFunction, ...] = (
    *grid("G2", eta=[0.036, 0.179, 0.714], r_s=0),
    *grid("G2", eta=7.142, r_s=[2.4, 2.7, 3.0, 3.3]),
    *grid("G2", eta=3.571, r_s=[3.7, 4.1, 4.5, 4.9, 5.3, 5.7, 6.1, 6.5]),
    *grid("G3", kappa=[1.4, 2.3]),
    *grid("G4", eta=[0.036, 0.071], zeta=[1, 2, 4, 16], lambda_=[1, -1]),
    *grid("G8", eta=[1, 2, 3, 4], alpha=1.9106, cut_off=_BANDS),
)
"""The default set: see the table above."""

FAR: tuple[SymmetryFunction, ...] = (
    *DEFAULT,
    *grid("G2", eta=3.571, r_s=[6.9, 7.3, 7.7, 8.1, 8.5, 8.9, 9.3]),
)
"""The default set and functions of the fourth and fifth shell: see the tables above."""

LADDER: tuple[SymmetryFunction, ...] = (
    *grid("G2", eta=[0.036, 0.071, 0.179, 0.357, 0.714], r_s=0, cut_off=Cosine()),
    *grid("G2", eta=[0.714, 1.786, 3.571], r_s=[3, 4], cut_off=Cosine()),
    *grid("G4", eta=[0.036, 0.071, 0.179], zeta=[1, 2, 4, 16], lambda_=[1, -1], cut_off=Cosine()),
)
"""The published ladder: see the table above."""
