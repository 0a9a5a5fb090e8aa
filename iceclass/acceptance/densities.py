"""The density a phase should have at a state point, by water model, with how sure that is.

Where it comes from
-------------------
``measured``
    Simulations with the recipes of :mod:`iceclass.generation.recipes` on boxes of 324 to 512
    molecules; last step of a run, so each value carries its fluctuation (about 0.5 %).
``published``
    Values of the model's authors.
``scaled``
    TIP4P/Ice's value times 1.017, by which TIP4P/2005 is denser in the other four ices.
Liquid water
    Density of the real liquid (IAPWS-95, Wagner & Pruß, J. Phys. Chem. Ref. Data 31, 387 (2002);
    below the melting line it is an extrapolation), times how the model compares with it at 298 K.

From there to the state asked for: ln ρ is linear in the pressure between two known pressures,
and beyond them goes on with the phase's compressibility κ; temperature changes it by the
expansivity α. The liquid's table is interpolated in both, ln ρ bilinearly, and not extended
beyond its edges.

The tolerance is the phase's own, 2 % for crystals, 4 % for liquid and glasses, and a quarter of
the change of ln ρ from the nearest known state: κ and α are those of real ices, known and
transferable to a model to about a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np

from iceclass.phases import PHASES

CRYSTAL_TOLERANCE = 0.02
TOLERANCE = 0.04
UNCERTAINTY = 0.25
"""Relative, of κ and α."""


@dataclass(frozen=True)
class KnownDensity:
    """One state of one model: K, GPa, g/cm³, and where the value is from."""

    phase: str
    model: str
    temperature: float
    pressure: float
    density: float
    source: str


@dataclass(frozen=True)
class Expectation:
    """``density`` in g/cm³ and the relative ``tolerance`` around it."""

    density: float
    tolerance: float

    @property
    def low(self) -> float:
        """g/cm³."""
        return self.density * (1.0 - self.tolerance)

    @property
    def high(self) -> float:
        """g/cm³."""
        return self.density * (1.0 + self.tolerance)


@dataclass(frozen=True)
class Response:
    """Compressibility (1/GPa) and volume expansivity (1/K) of a phase, and where they are from."""

    compressibility: float
    expansivity: float
    source: str


_IH = "ice Ih: Neumeier, JPCRD 47, 033101 (2018); Röttger et al., Acta Cryst. B 50, 644 (1994)"
_II = "Fortes et al., J. Appl. Cryst. 38, 612 (2005)"
_TULK = "Tulk et al., J. Phys. Chem. B 101, 6154 (1997); expansivity: ice II's"
RESPONSES: dict[str, Response] = {
    "ih": Response(0.11, 1.3e-4, _IH),
    "ic": Response(0.11, 1.3e-4, _IH),
    "ii": Response(0.08, 2.5e-4, _II),
    "iii": Response(0.10, 2.5e-4, _TULK),
    "v": Response(0.07, 2.5e-4, _TULK),
    "lda": Response(0.11, 1.3e-4, _IH),
    "mda": Response(0.11, 1.3e-4, _IH),
    "hda": Response(0.07, 1.3e-4, "compressibility: its densities at 0 and 2 GPa; " + _IH),
}

_MEASURED = "measured"
_MW = "published: Molinero & Moore, J. Phys. Chem. B 113, 4008 (2009)"
KNOWN: tuple[KnownDensity, ...] = tuple(
    KnownDensity(*row)
    for row in (
        ("ih", "tip4p-ice", 230.0, 0.0, 0.9125, _MEASURED),
        ("ic", "tip4p-ice", 210.0, 0.0, 0.915, _MEASURED),
        ("ii", "tip4p-ice", 200.0, 0.3, 1.180, _MEASURED),
        ("iii", "tip4p-ice", 230.0, 0.3, 1.152, _MEASURED),
        ("v", "tip4p-ice", 235.0, 0.5, 1.255, _MEASURED),
        ("lda", "tip4p-ice", 100.0, 0.0, 0.976, _MEASURED),
        ("lda", "tip4p-ice", 125.0, 0.05, 0.976, _MEASURED),
        ("hda", "tip4p-ice", 100.0, 2.0, 1.341, _MEASURED),
        ("hda", "tip4p-ice", 120.0, 0.8, 1.222, _MEASURED),
        ("hda", "tip4p-ice", 100.0, 0.0, 1.163, _MEASURED),
        ("mda", "tip4p-ice", 100.0, 0.0, 1.052, _MEASURED),
        ("mda", "tip4p-ice", 125.0, 0.1, 1.059, _MEASURED),
        ("ih", "tip4p-2005", 230.0, 0.0, 0.925, _MEASURED),
        ("ic", "tip4p-2005", 200.0, 0.0, 0.933, _MEASURED),
        ("ii", "tip4p-2005", 160.0, 0.2, 1.199, _MEASURED),
        ("iii", "tip4p-2005", 225.0, 0.3, 1.180, _MEASURED),
        ("v", "tip4p-2005", 235.0, 0.5, 1.276, "scaled"),
        ("lda", "tip4p-2005", 100.0, 0.0, 0.994, _MEASURED),
        ("hda", "tip4p-2005", 100.0, 2.0, 1.381, _MEASURED),
        ("hda", "tip4p-2005", 120.0, 0.8, 1.241, _MEASURED),
        ("hda", "tip4p-2005", 100.0, 0.0, 1.153, _MEASURED),
        ("mda", "tip4p-2005", 100.0, 0.0, 1.043, _MEASURED),
        ("mda", "tip4p-2005", 125.0, 0.1, 1.036, _MEASURED),
        ("ih", "mw", 274.0, 0.0, 0.978, _MW),
        ("ic", "mw", 274.0, 0.0, 0.978, _MW),
    )
)

LIQUID_TEMPERATURES = (245.0, 275.0, 300.0, 325.0, 350.0)
"""K, of the rows of :data:`LIQUID_DENSITIES`."""
LIQUID_PRESSURES = (0.0001, 0.1, 0.2, 0.4, 0.6, 0.8)
"""GPa, of its columns."""
LIQUID_DENSITIES = (
    (0.9862, 1.0470, 1.0888, 1.1488, 1.1948, 1.2338),
    (0.9999, 1.0449, 1.0813, 1.1378, 1.1820, 1.2188),
    (0.9966, 1.0372, 1.0711, 1.1257, 1.1692, 1.2058),
    (0.9872, 1.0266, 1.0595, 1.1131, 1.1564, 1.1929),
    (0.9737, 1.0136, 1.0466, 1.1002, 1.1436, 1.1803),
)
"""g/cm³, IAPWS-95."""
LIQUID_FACTORS = {
    "tip4p-ice": 0.996,
    "tip4p-2005": 1.001,
    "spc-e": 1.001,
    "mw": 1.0,
    "tip4p-ew": 0.998,
    "tip4p-fb": 0.999,
    "opc": 1.0,
    "tip3p": 0.987,
}
"""The model's density at 298 K and 0 GPa by the real one: 0.993, 0.998, 0.998, 0.997, 0.995,
0.996, 0.997, 0.984 g/cm³, by the model's authors; TIP3P with long-range Coulomb forces (Price &
Brooks, J. Chem. Phys. 121, 10096 (2004): 0.982 to 0.987)."""


def expected_density(
    phase: str, model: str, temperature: float, pressure: float
) -> Expectation | None:
    """The density of ``phase`` in a water model at K and GPa; ``None`` where nothing is known."""
    if phase == "water":
        return _liquid(model, temperature, pressure)
    known = [k for k in KNOWN if (k.phase, k.model) == (phase, model)]
    if not known:
        return None
    kappa, alpha = RESPONSES[phase].compressibility, RESPONSES[phase].expansivity
    # each known state, brought to the temperature asked for; in the order of pressure
    points = sorted(
        (k.pressure, log(k.density) - alpha * (temperature - k.temperature)) for k in known
    )
    pressures, values = np.array(points).T
    value = float(np.interp(pressure, pressures, values))
    value += kappa * (pressure - float(np.clip(pressure, pressures[0], pressures[-1])))
    away = min(
        kappa * abs(pressure - k.pressure) + alpha * abs(temperature - k.temperature) for k in known
    )
    crystal = phase in PHASES and PHASES[phase].recipe == "crystal"
    own = CRYSTAL_TOLERANCE if crystal else TOLERANCE
    return Expectation(exp(value), own + UNCERTAINTY * away)


def _liquid(model: str, temperature: float, pressure: float) -> Expectation | None:
    """The liquid's, from the table of the real one."""
    if model not in LIQUID_FACTORS:
        return None
    table = np.log(np.array(LIQUID_DENSITIES))
    at_pressure = [float(np.interp(pressure, LIQUID_PRESSURES, row)) for row in table]
    value = float(np.interp(temperature, LIQUID_TEMPERATURES, at_pressure))
    ambient = float(np.interp(298.0, LIQUID_TEMPERATURES, table[:, 0]))
    return Expectation(
        exp(value) * LIQUID_FACTORS[model], TOLERANCE + UNCERTAINTY * abs(value - ambient)
    )
