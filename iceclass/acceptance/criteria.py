"""What a trajectory must fulfil to be taken for what it was made to be, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from iceclass.acceptance.results import Checks
from iceclass.errors import InputError
from iceclass.phases import PHASES

BOLTZMANN = 0.0019872043
"""kcal/mol/K."""


@dataclass(frozen=True)
class Thresholds:
    """What a trajectory must fulfil.

    Attributes
    ----------
    minimum_frames, minimum_interval
        At least 10 frames, 1 ps apart or more: closer ones repeat each other, since the
        vibrations of the cage take up to about 1 ps.
    first_peak
        Å. A hydrogen bond's O–O distance, 2.7 to 2.85 Å in every phase of water here; the
        one-site model's reaches a little beyond to either side.
    tetrahedral_ratio
        Second by first peak of g(r) in ih, ic and lda. In a perfect tetrahedral network it is
        √(8/3) = 1.633; 5 % to either side. In high-density structures a molecule sits closer.
    gap
        Largest g(r) at its first minimum in ih and ic, between whose shells there is nothing but
        what heat moves there: 0.1 is about one neighbour there for every five molecules, of whom
        near melting it is one for a hundred.
    glass_gap
        The same in lda: below the 0.5 of the liquid at 250 K, of which it is the colder and
        better ordered kin.
    lda_coordination, hda_coordination
        Neighbours within 3.3 Å: four and hardly more in lda, nearer to five in hda, by neutron
        diffraction 3.9 ± 0.1 and 5.0 ± 0.1 (Finney et al., Phys. Rev. Lett. 88, 225503 (2002)).
        At most and at least the midpoint, 4.45.
    crystal_order
        Least root mean square of g − 1 between 7 and 10 Å in a crystal. Liquids and glasses have
        lost order there: 0.05 and less, with the noise of ten frames of 400 molecules.
    relaxation_time
        ps in which a molecule of a liquid moves its own diameter, at most, and one of a solid at
        least, by the growth of the mean-square displacement from 1 ps to half the trajectory.
        The liquid is equilibrated for 60 ps; what moves three times more slowly than that has
        not become an equilibrium liquid, what moves faster is no solid.
    solid_amplitude
        A solid's root-mean-square displacement over half the trajectory, at most, in units of
        the first peak. Lindemann's rule has crystals melt when molecules vibrate by 0.15 of the
        distance; two positions taken at random times differ by √2 of the vibration, which makes
        0.21; the coupling to the crystal's slow sound waves adds some.
    ice_fraction
        ih must be hexagonal, ic cubic ice to CHILL+ in 0.9 of its molecules at least. Heat makes
        it miss 1 or 2 %; one stacking fault turns one layer of six to eight, more than 10 %.
    foreign_ice
        In every other phase at most 0.15 are hexagonal or cubic ice. In boxes of a few hundred
        molecules that is some 60, fewer than the critical nucleus of ice in water above 240 K
        (hundreds): a larger cluster grows, and the trajectory is on its way to ice. Of ih the
        cubic and of ic the hexagonal fraction are limited by ``ice_fraction``.
    energy_drift
        Change of the conserved energy over the trajectory, at most, as a fraction of the kinetic
        energy: 5 %. More would heat or cool the sample by that much but for the thermostat.
    temperature
        Deviation of the mean temperature, at most, in standard deviations of the instantaneous
        one, T √(2 / degrees of freedom): the mean of a run of some ps is well inside two.
    """

    minimum_frames: int = 10
    minimum_interval: float = 1.0
    first_peak: tuple[float, float] = (2.6, 2.9)
    tetrahedral_ratio: tuple[float, float] = (1.55, 1.715)
    gap: float = 0.1
    glass_gap: float = 0.5
    lda_coordination: float = 4.45
    hda_coordination: float = 4.45
    crystal_order: float = 0.08
    relaxation_time: float = 200.0
    solid_amplitude: float = 0.3
    ice_fraction: float = 0.9
    foreign_ice: float = 0.15
    energy_drift: float = 0.05
    temperature: float = 2.0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Thresholds:
        """Defaults, but for the given ones.

        Raises
        ------
        InputError
            A name that is none of the thresholds.
        """
        known = {f.name for f in fields(cls)}
        for key in values:
            if key not in known:
                raise InputError(
                    f"unknown threshold {key!r}", hint=f"known: {', '.join(sorted(known))}"
                )
        pairs: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**pairs)


def violations(c: Checks, limits: Thresholds) -> Iterator[str]:
    """One line for each check that the measured trajectory fails."""
    recipe = PHASES[c.phase].recipe if c.phase in PHASES else "crystal"
    if c.frames < limits.minimum_frames:
        yield f"{c.frames} frames, expected at least {limits.minimum_frames}"
    if c.interval < limits.minimum_interval * 0.999:
        yield f"frames {c.interval:g} ps apart, expected at least {limits.minimum_interval:g} ps"
    if c.expected_density is not None and c.density_tolerance is not None:
        deviation = abs(c.density / c.expected_density - 1.0)
        if not deviation <= c.density_tolerance:
            yield (
                f"density {c.density:.3f} g/cm³, expected {c.expected_density:.3f} "
                f"± {100 * c.density_tolerance:.1f} %"
            )
    yield from _structure(c, recipe, limits)
    yield from _motion(c, recipe, limits)
    wanted = {"ih": c.hexagonal, "ic": c.cubic}
    if c.phase in wanted and wanted[c.phase] < limits.ice_fraction:
        kind = "hexagonal" if c.phase == "ih" else "cubic"
        yield (
            f"{100 * wanted[c.phase]:.1f} % of the molecules are {kind} ice by CHILL+, expected "
            f"at least {100 * limits.ice_fraction:g} %"
        )
    if c.phase not in wanted and c.hexagonal + c.cubic > limits.foreign_ice:
        yield (
            f"{100 * (c.hexagonal + c.cubic):.1f} % of the molecules are ice I by CHILL+, "
            f"expected at most {100 * limits.foreign_ice:g} %: it crystallises"
        )
    freedom = 3 if c.water_model == "mw" else 6
    kinetic = freedom / 2 * BOLTZMANN * c.temperature
    change = abs(c.energy_drift) * c.interval * (c.frames - 1)
    if change > limits.energy_drift * kinetic:
        yield (
            f"the conserved energy changes by {change:.3f} kcal/mol a molecule over the "
            f"trajectory, expected at most {limits.energy_drift * kinetic:.3f}"
        )
    spread = c.temperature * np.sqrt(2.0 / (freedom * c.molecules))
    if abs(c.mean_temperature - c.temperature) > limits.temperature * spread:
        yield (
            f"mean temperature {c.mean_temperature:.1f} K, expected {c.temperature:g} "
            f"± {limits.temperature * spread:.1f} K"
        )


def _structure(c: Checks, recipe: str, limits: Thresholds) -> Iterator[str]:
    """The checks of g(r)."""
    low, high = limits.first_peak
    if not low <= c.first_peak <= high:
        yield f"first peak of g(r) at {c.first_peak:.2f} Å, expected {low:g} to {high:g} Å"
    if c.phase in ("ih", "ic", "lda"):
        low, high = limits.tetrahedral_ratio
        ratio = c.second_peak / c.first_peak
        if not low <= ratio <= high:
            yield (
                f"second peak of g(r) at {c.second_peak:.2f} Å, {ratio:.2f} of the first: "
                f"expected {low:g} to {high:g}, as in a tetrahedral network"
            )
        gap = limits.glass_gap if c.phase == "lda" else limits.gap
        if c.first_minimum_height > gap:
            yield (
                f"g(r) is {c.first_minimum_height:.2f} at its first minimum, expected at most "
                f"{gap:g}: molecules between the shells"
            )
    if c.phase == "lda" and c.coordination > limits.lda_coordination:
        yield (
            f"{c.coordination:.2f} neighbours within 3.3 Å, expected at most "
            f"{limits.lda_coordination:g} in a low-density glass"
        )
    if c.phase == "hda" and c.coordination < limits.hda_coordination:
        yield (
            f"{c.coordination:.2f} neighbours within 3.3 Å, expected at least "
            f"{limits.hda_coordination:g} in a high-density glass"
        )
    if recipe == "crystal" and c.long_range_order < limits.crystal_order:
        yield (
            f"g(r) differs from 1 by {c.long_range_order:.3f} beyond 7 Å, expected at least "
            f"{limits.crystal_order:g} in a crystal"
        )


def _motion(c: Checks, recipe: str, limits: Thresholds) -> Iterator[str]:
    """The checks of the mean-square displacement."""
    if c.diffusion is None:
        yield "too short to tell a liquid from a solid: expected 5 frames at least"
        return
    # Å²/ps at which a molecule moves its own diameter within the relaxation time
    mobile = c.first_peak**2 / (6 * limits.relaxation_time)
    if recipe == "liquid":
        if c.diffusion < mobile:
            yield (
                f"molecules diffuse at {c.diffusion:.4f} Å²/ps, expected at least {mobile:.4f} "
                "in a liquid: it froze or turned to glass"
            )
        return
    if c.diffusion > mobile:
        yield (
            f"molecules diffuse at {c.diffusion:.4f} Å²/ps, expected at most {mobile:.4f} in a "
            "solid: it melts"
        )
    half = c.mean_square_displacement[(c.frames - 1) // 2 - 1]
    amplitude = float(np.sqrt(half)) / c.first_peak
    if amplitude > limits.solid_amplitude:
        yield (
            f"molecules move by {amplitude:.2f} of their distance, expected at most "
            f"{limits.solid_amplitude:g} in a solid: it melts"
        )
