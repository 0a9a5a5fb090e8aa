"""LAMMPS unit styles: how long their lengths and times are."""

from __future__ import annotations

from iceclass.errors import InputError

# style: (length in Å, time in ps); https://docs.lammps.org/units.html
UNITS: dict[str, tuple[float, float]] = {
    "real": (1.0, 1e-3),
    "metal": (1.0, 1.0),
    "si": (1e10, 1e12),
    "cgs": (1e8, 1e12),
    "electron": (0.529177210903, 1e-3),
    "micro": (1e4, 1e6),
    "nano": (10.0, 1e3),
}


def scale_of(style: str) -> tuple[float, float]:
    """Å per unit of length and ps per unit of time of a LAMMPS unit style.

    Raises
    ------
    InputError
        ``lj`` units, which have no length, or an unknown style.
    """
    if style == "lj":
        raise InputError(
            "the file is in lj units: its lengths are multiples of an unknown σ, "
            "and water needs lengths in Å",
            hint="multiply box and positions by σ and write units real",
        )
    if style not in UNITS:
        raise InputError(f"unknown unit style {style!r}", hint=f"known: {', '.join(UNITS)}")
    return UNITS[style]
