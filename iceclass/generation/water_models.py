"""Water models: force-field numbers, geometry, and the LAMMPS commands that express them.

Energies in kcal/mol, charges in e, lengths in Å, masses in g/mol, as in LAMMPS ``units real``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import unknown_name

MASS_O = 15.9994
MASS_H = 1.008
MASS_H_HEAVY = 3.0


@dataclass(frozen=True)
class WaterModel:
    """A rigid three-site geometry, with or without a fourth massless charge, or one site.

    Attributes
    ----------
    name, label
        Name on the command line; name in print.
    epsilon, sigma
        Lennard-Jones well depth (kcal/mol) and diameter (Å) of the oxygen.
    q_h
        Charge of each hydrogen, e; the negative charge is twice it.
    d_om
        Distance from the oxygen to the negative charge, Å; 0 puts it on the oxygen.
    r_oh, angle
        Bond length (Å) and H–O–H angle (degrees).
    r_cut
        Cut-off of the forces in real space, Å.
    reference
        DOI of the parameters.
    """

    name: str
    label: str
    epsilon: float
    sigma: float
    q_h: float
    d_om: float
    r_oh: float
    angle: float
    r_cut: float
    reference: str

    @property
    def one_site(self) -> bool:
        """Whether a molecule is a single particle."""
        return self.q_h == 0.0

    @property
    def kspace(self) -> str:
        """LAMMPS's solver of the long-range Coulomb forces, with its relative accuracy."""
        return "pppm/tip4p 1.0e-4" if self.d_om > 0 else "pppm 1.0e-4"

    @property
    def geometry(self) -> NDArray[np.float64]:
        """(3, 3) float64, Å. O, H, H in the molecular frame: bisector along z, H–H along y."""
        half = radians(self.angle) / 2
        y, z = self.r_oh * sin(half), self.r_oh * cos(half)
        return np.array([[0.0, 0.0, 0.0], [0.0, y, z], [0.0, -y, z]])

    def force_field(self, *, heavy_hydrogen: bool) -> list[str]:
        """LAMMPS commands of the interactions, to follow ``read_data`` or ``read_restart``.

        ``heavy_hydrogen`` gives each hydrogen 3 g/mol at the oxygen's expense, which leaves
        every equilibrium average of a rigid model as it is and allows a 4 fs step.
        """
        if self.one_site:
            return ["pair_style sw", "pair_coeff * * mW.sw mW", f"mass 1 {MASS_O + 2 * MASS_H}"]
        mass_h = MASS_H_HEAVY if heavy_hydrogen else MASS_H
        mass_o = MASS_O - 2 * (mass_h - MASS_H)
        if self.d_om > 0:
            style = f"lj/cut/tip4p/long 1 2 1 1 {self.d_om} {self.r_cut}"
        else:
            style = f"lj/cut/coul/long {self.r_cut}"
        return [
            f"pair_style {style}",
            f"pair_coeff 1 1 {self.epsilon} {self.sigma}",
            "pair_coeff 1 2 0.0 0.0",
            "pair_coeff 2 2 0.0 0.0",
            "pair_modify mix arithmetic tail yes",
            "bond_style harmonic",
            f"bond_coeff 1 450.0 {self.r_oh}",
            "angle_style harmonic",
            f"angle_coeff 1 55.0 {self.angle}",
            f"kspace_style {self.kspace}",
            f"mass 1 {mass_o:.6f}",
            f"mass 2 {mass_h:.6f}",
            f"set type 1 charge {-2 * self.q_h:.6f}",
            f"set type 2 charge {self.q_h:.6f}",
            "fix rigid all shake 1.0e-5 50 0 b 1 a 1",
        ]


WATER_MODELS: dict[str, WaterModel] = {
    model.name: model
    for model in (
        WaterModel(
            name="tip4p-ice",
            label="TIP4P/Ice",
            epsilon=0.21084,
            sigma=3.1668,
            q_h=0.5897,
            d_om=0.1577,
            r_oh=0.9572,
            angle=104.52,
            r_cut=8.5,
            reference="10.1063/1.1931662",
        ),
        WaterModel(
            name="tip4p-2005",
            label="TIP4P/2005",
            epsilon=0.1852,
            sigma=3.1589,
            q_h=0.5564,
            d_om=0.1546,
            r_oh=0.9572,
            angle=104.52,
            r_cut=8.5,
            reference="10.1063/1.2121687",
        ),
        WaterModel(
            name="spc-e",
            label="SPC/E",
            epsilon=0.1553,
            sigma=3.166,
            q_h=0.4238,
            d_om=0.0,
            r_oh=1.0,
            angle=109.47,
            r_cut=8.5,
            reference="10.1021/j100308a038",
        ),
        WaterModel(
            name="mw",
            label="mW",
            epsilon=6.189,
            sigma=2.3925,
            q_h=0.0,
            d_om=0.0,
            r_oh=0.0,
            angle=0.0,
            r_cut=4.3065,
            reference="10.1021/jp805227c",
        ),
    )
}

MW_POTENTIAL = """\
# mW water, Stillinger-Weber form, kcal/mol and Å; doi 10.1021/jp805227c  UNITS: real
# elements epsilon sigma a lambda gamma costheta0 A B p q tol
mW mW mW 6.189 2.3925 1.80 23.15 1.2 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
"""


def water_model(name: str) -> WaterModel:
    """The water model called ``name``; the error names the nearest known one."""
    key = name.lower().replace("/", "-").replace("_", "-")
    if key not in WATER_MODELS:
        raise unknown_name("water model", name, WATER_MODELS)
    return WATER_MODELS[key]
