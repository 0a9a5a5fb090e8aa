"""Water models: force-field numbers, geometry, and the LAMMPS commands that express them.

Energies in kcal/mol, charges in e, lengths in Å, masses in g/mol, as in LAMMPS ``units real``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, unknown_name
from iceclass.generation.other_sites import Others

MASS_O = 15.9994
MASS_H = 1.008
MASS_H_HEAVY = 3.0
LJ_CUT_OFF = 8.5
"""Å; of other atoms beside a one-site model."""
MW_THREE_BODY = 23.15
"""λ of mW. Between 21 and 24 the Stillinger–Weber liquids are tetrahedral like water's."""


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
    three_body
        Of one-site models: λ, the strength of the term that favours tetrahedral angles.
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
    three_body: float = MW_THREE_BODY

    @property
    def one_site(self) -> bool:
        """Whether a molecule is a single particle."""
        return self.q_h == 0.0

    @property
    def potential(self) -> str:
        """Content of the file ``mW.sw`` that :meth:`force_field` of a one-site model reads."""
        return _STILLINGER_WEBER.format(
            label=self.label,
            reference=self.reference,
            epsilon=self.epsilon,
            sigma=self.sigma,
            three_body=self.three_body,
        )

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

    def force_field(self, *, heavy_hydrogen: bool, others: Others | None = None) -> list[str]:
        """LAMMPS commands of the interactions, to follow ``read_data`` or ``read_restart``.

        ``heavy_hydrogen`` gives each hydrogen 3 g/mol at the oxygen's expense, which leaves
        every equilibrium average of a rigid model as it is and allows a 4 fs step. ``others``
        are of the type after water's.
        """
        if self.one_site:
            mass = f"mass 1 {MASS_O + 2 * MASS_H}"
            if others is None:
                return ["pair_style sw", "pair_coeff * * mW.sw mW", mass]
            return [
                f"pair_style hybrid sw lj/cut {LJ_CUT_OFF}",
                "pair_coeff * * sw mW.sw mW NULL",
                f"pair_coeff 1 2 lj/cut {others.water_epsilon} {others.water_sigma}",
                f"pair_coeff 2 2 lj/cut {others.epsilon} {others.sigma}",
                mass,
                f"mass 2 {others.mass}",
            ]
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
            *(_others(others) if others else ()),
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
            *([f"mass 3 {others.mass}"] if others else ()),
            "fix rigid all shake 1.0e-5 50 0 b 1 a 1",
        ]


def _others(others: Others) -> tuple[str, ...]:
    """Interactions of a third type, without charge."""
    return (
        f"pair_coeff 1 3 {others.water_epsilon} {others.water_sigma}",
        "pair_coeff 2 3 0.0 0.0",
        f"pair_coeff 3 3 {others.epsilon} {others.sigma}",
    )


_STILLINGER_WEBER = """\
# {label} water, Stillinger-Weber form, kcal/mol and Å; doi {reference}  UNITS: real
# elements epsilon sigma a lambda gamma costheta0 A B p q tol
mW mW mW {epsilon} {sigma} 1.80 {three_body} 1.2 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0
"""  # noqa: E501

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
            name="tip4p-ew",
            label="TIP4P-Ew",
            epsilon=0.16275,
            sigma=3.16435,
            q_h=0.52422,
            d_om=0.125,
            r_oh=0.9572,
            angle=104.52,
            r_cut=8.5,
            reference="10.1063/1.1683075",
        ),
        WaterModel(
            name="tip4p-fb",
            label="TIP4P/FB",
            epsilon=0.179082,
            sigma=3.16555,
            q_h=0.52587,
            d_om=0.10527,
            r_oh=0.9572,
            angle=104.52,
            r_cut=8.5,
            reference="10.1021/jz500737m",
        ),
        WaterModel(
            name="opc",
            label="OPC",
            epsilon=0.2128,
            sigma=3.16655,
            q_h=0.67914,
            d_om=0.1594,
            r_oh=0.8724,
            angle=103.6,
            r_cut=8.5,
            reference="10.1021/jz501780a",
        ),
        WaterModel(
            name="tip3p",
            label="TIP3P",
            epsilon=0.1521,
            sigma=3.1506,
            q_h=0.417,
            d_om=0.0,
            r_oh=0.9572,
            angle=104.52,
            r_cut=8.5,
            reference="10.1063/1.445869",
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

MW_POTENTIAL = WATER_MODELS["mw"].potential
"""mW's own."""


def stillinger_weber(three_body: float) -> WaterModel:
    """mW with another λ: a liquid that is more tetrahedral (larger λ) or less.

    Molinero, Sastry, Angell, Phys. Rev. Lett. 97, 075701 (2006), doi
    10.1103/PhysRevLett.97.075701. Ice melts at a higher temperature the larger λ is.

    Parameters
    ----------
    three_body
        λ, 18 to 30. At 23.15 it is mW itself.

    Raises
    ------
    InputError
        λ outside that range, where the liquid is no longer tetrahedral.
    """
    if not 18.0 <= three_body <= 30.0:
        raise InputError(
            f"Stillinger–Weber λ of {three_body:g}: expected 18 to 30",
            hint="mW has 23.15; written as sw-22.5",
        )
    return replace(
        WATER_MODELS["mw"],
        name=f"sw-{three_body:g}",
        label=f"SW λ = {three_body:g}",
        three_body=three_body,
        reference="10.1103/PhysRevLett.97.075701",
    )


def water_model(name: str) -> WaterModel:
    """The water model called ``name``; ``sw-LAMBDA`` is :func:`stillinger_weber`'s.

    Raises
    ------
    InputError
        None of that name; the nearest known one is named.
    """
    key = name.lower().replace("/", "-").replace("_", "-")
    if key.startswith("sw-"):
        try:
            return stillinger_weber(float(key.removeprefix("sw-")))
        except ValueError:
            raise unknown_name("water model", name, WATER_MODELS) from None
    if key not in WATER_MODELS:
        raise unknown_name("water model", name, WATER_MODELS)
    return WATER_MODELS[key]
