"""Is a trajectory of an environment what it was made to be? Checks that suit mixed frames.

Like :mod:`iceclass.acceptance.check`, but part by part: crystals must still be on their sites,
liquids must move, glasses must not, and next to nothing may have frozen. What is measured here
accepts or rejects a trajectory as a whole and never labels a molecule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.acceptance.criteria import Thresholds
from iceclass.acceptance.densities import expected_density
from iceclass.acceptance.structure import mean_square_displacement, radial_distribution
from iceclass.external.ovito import chill_plus
from iceclass.frame import Frame
from iceclass.generation.construction import NO_TRUTH, made, on_sites
from iceclass.generation.water_models import water_model
from iceclass.phases import GLASSES

BULK = ("liquid", "crystal", "glass")
"""Kinds of environment without any boundary, where a density means something."""

LIQUID_DENSITY_KNOWN = (270.0, 330.0)
"""K, between which the models' liquids are as dense as water; their maxima of density are up to
90 K apart, so that colder ones differ."""

ONE_SITE_PRESSURE = 0.3
"""GPa, up to which mW's liquid is as dense as water within the tolerance; it is less compressible
(1.058 g/cm³ at 300 K and 0.5 GPa, water 1.147)."""


@dataclass(frozen=True)
class Limits:
    """What a trajectory of an environment must fulfil.

    Attributes
    ----------
    first_peak
        Å. Of the O–O g(r): hydrogen bonds, as in :class:`~iceclass.acceptance.criteria.Thresholds`
        but wider, since ices at several GPa and liquids at 550 K are among them.
    left_sites
        Largest share of a crystal's molecules that have left their sites, away from its surface.
        Interstitials near melting are one for hundreds; a crystal that melts or transforms loses
        all.
    lost_truth
        Beside liquid, the largest share of the crystal's molecules with truth in the first frame
        that have none in the last: those that have left their sites, and those that a moving
        liquid has come near. The boundary may move to and fro by a layer, not eat up the crystal.
    relaxation_time
        ps in which a molecule of a liquid moves its own diameter, at most. A liquid colder than
        ``may_be_slow`` that is slower is taken, and said to be slow.
    may_be_slow
        K, of liquids.
    glass_amplitude
        A glass's root-mean-square displacement over the trajectory, at most, in units of the first
        peak: as in solids in :class:`~iceclass.acceptance.criteria.Thresholds`. Its growth over a
        few ps is too small to be measured.
    foreign_ice
        Share of the liquid's or glass's molecules with truth that CHILL+ calls ice I or hydrate, at
        most.
    on_sites
        Share of the liquid's molecules with truth that are at sites of the crystal that was
        melted, at most: of a dense liquid 7 % are by chance.
    temperature, temperature_share
        Deviation of the mean temperature, at most: in standard deviations of the instantaneous
        one, or as a share of it, whichever is more. A large box just let go is a few K off.
    """

    first_peak: tuple[float, float] = (2.55, 3.0)
    left_sites: float = 0.02
    lost_truth: float = 0.3
    relaxation_time: float = Thresholds().relaxation_time
    may_be_slow: float = 245.0
    glass_amplitude: float = Thresholds().solid_amplitude
    foreign_ice: float = Thresholds().foreign_ice
    on_sites: float = 0.25
    temperature: float = 3.0
    temperature_share: float = 0.04


@dataclass(frozen=True)
class EnvironmentChecks:
    """What was measured of a trajectory.

    Attributes
    ----------
    kind, temperature
        Of its description.
    first_peak
        Å, of the O–O g(r).
    density, expected_density
        g/cm³; ``None`` where there is a boundary, or where nothing is known.
    displacement
        Å². Mean-square displacement over the trajectory, by phase, of the molecules that have
        truth in all frames.
    diffusion
        Å²/ps. Of the molecules that are not solid: a sixth of its growth between the first
        interval and the whole; ``None`` of a solid, or of a trajectory of fewer than three frames.
    slow
        A liquid that moves more slowly than one should.
    left_sites
        Share of a crystal's molecules that are off their sites at the end or, beside a liquid,
        that have lost their truth since the first frame.
    without_truth
        Share of all molecules.
    ice
        Share of the liquid's or glass's molecules that CHILL+ calls ice I or hydrate.
    on_sites
        Share of the liquid's molecules beside a crystal that are at sites of it, had it not
        melted; ``None`` where its sites are not known.
    reasons
        Why it is rejected; empty: it is accepted.
    """

    kind: str
    temperature: float
    first_peak: float
    density: float | None
    expected_density: float | None
    displacement: dict[str, float]
    diffusion: float | None
    slow: bool
    left_sites: float | None
    without_truth: float
    ice: float | None
    on_sites: float | None
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)


def check_environment(
    description: Mapping[str, Any],
    kind: str,
    frames: Sequence[Frame],
    truth: NDArray[np.int8],
    limits: Limits = Limits(),
    *,
    sites: Frame | None = None,
) -> EnvironmentChecks:
    """Measure a trajectory and judge it.

    Parameters
    ----------
    description
        Of a trajectory that ``iceclass generate`` made, with its construction.
    kind
        Of environment.
    frames, truth
        T frames, and (T, N) what :func:`iceclass.generation.construction.truth` says of them.
    sites
        The undisplaced molecules of the crystal that a part of was melted.

    Raises
    ------
    InputError
        No frame, or no construction in the description.
    MissingDependencyError
        OVITO is not installed.
    """
    construction = description["construction"]
    own, phases = made(construction), list(construction["phases"])
    solid = np.array(construction["solid"], dtype=bool)[own]
    known = (truth != NO_TRUTH).all(axis=0)
    moved = {
        phase: round(float(mean_square_displacement(_only(frames, chosen))[-1]), 4)
        for k, phase in enumerate(phases)
        if (chosen := (own == k) & known).any() and len(frames) > 1
    }
    temperature = float(description["temperature"])
    density = expected = None
    if kind in BULK:
        density = float(np.mean([f.density for f in frames]))
        low, high = LIQUID_DENSITY_KNOWN
        model, pressure = str(description["water_model"]), float(description["pressure"])
        like_water = low <= temperature <= high and (
            pressure <= ONE_SITE_PRESSURE or not water_model(model).one_site
        )
        if phases[0] != "water" or like_water:
            expected = expected_density(phases[0], model, temperature, pressure)
    melted = ~solid & (truth[-1] != NO_TRUTH)
    found = EnvironmentChecks(
        kind=kind,
        temperature=temperature,
        first_peak=round(radial_distribution(frames).first_peak, 3),
        density=None if density is None else round(density, 4),
        expected_density=None if expected is None else round(expected.density, 4),
        displacement=moved,
        diffusion=_diffusion(frames, ~solid & known),
        slow=False,
        left_sites=_left_sites(construction, truth, solid),
        without_truth=round(float((truth == NO_TRUTH).mean()), 4),
        ice=_ice(frames[-1], melted),
        on_sites=_on_sites(sites, frames[-1], solid, melted),
    )
    mobile = found.first_peak**2 / (6 * limits.relaxation_time)
    liquid = "water" in phases and found.diffusion is not None and found.diffusion < mobile
    found = replace(found, slow=liquid and temperature < limits.may_be_slow)
    reasons = list(_reasons(found, description, limits, mobile, phases))
    if expected and density and not expected.low <= density <= expected.high:
        reasons.append(
            f"density {density:.3f} g/cm³, expected {expected.low:.3f} to {expected.high:.3f}"
        )
    return replace(found, reasons=tuple(reasons))


def _reasons(
    c: EnvironmentChecks,
    description: Mapping[str, Any],
    limits: Limits,
    mobile: float,
    phases: Sequence[str],
) -> list[str]:
    """One line for each failed check, but for the density's."""
    failed = []
    low, high = limits.first_peak
    if not low <= c.first_peak <= high:
        failed.append(f"first peak of g(r) at {c.first_peak:.2f} Å, expected {low:g} to {high:g}")
    most = (
        limits.lost_truth
        if len(set(description["construction"]["parts"])) > 1
        else limits.left_sites
    )
    if c.left_sites is not None and c.left_sites > most:
        failed.append(
            f"{100 * c.left_sites:.1f} % of the crystal left its sites, expected at most "
            f"{100 * most:g} %: it melts or transforms"
        )
    if c.diffusion is not None and "water" in phases and c.diffusion < mobile and not c.slow:
        failed.append(
            f"diffuses at {c.diffusion:.4f} Å²/ps, expected at least {mobile:.4f} in a liquid"
        )
    for glass in set(phases) & set(GLASSES) & set(c.displacement):
        amplitude = float(np.sqrt(c.displacement[glass])) / c.first_peak
        if amplitude > limits.glass_amplitude:
            failed.append(
                f"molecules move by {amplitude:.2f} of their distance, expected at most "
                f"{limits.glass_amplitude:g} in a glass"
            )
    if c.ice is not None and c.ice > limits.foreign_ice:
        failed.append(
            f"{100 * c.ice:.1f} % of what is not crystal is ice I or hydrate by CHILL+, expected "
            f"at most {100 * limits.foreign_ice:g} %: it crystallises, or never melted"
        )
    if c.on_sites is not None and c.on_sites > limits.on_sites:
        failed.append(
            f"{100 * c.on_sites:.1f} % of the liquid are at sites of the crystal, expected at most "
            f"{100 * limits.on_sites:g} %: it crystallises, or never melted"
        )
    freedom = 3 if water_model(str(description["water_model"])).one_site else 6
    spread = c.temperature * np.sqrt(2.0 / (freedom * int(description["molecules"])))
    allowed = max(limits.temperature * spread, limits.temperature_share * c.temperature)
    if abs(float(description["mean_temperature"]) - c.temperature) > allowed:
        failed.append(
            f"mean temperature {float(description['mean_temperature']):.1f} K, expected "
            f"{c.temperature:g} ± {allowed:.1f} K"
        )
    return failed


def _only(frames: Sequence[Frame], chosen: NDArray[np.bool_]) -> list[Frame]:
    """Frames of some molecules."""
    return [
        replace(f, positions=f.positions[chosen], ids=f.ids[chosen], atoms=None) for f in frames
    ]


def _diffusion(frames: Sequence[Frame], chosen: NDArray[np.bool_]) -> float | None:
    """Å²/ps of the chosen molecules, from the growth of their mean-square displacement."""
    times = [f.time for f in frames]
    if len(frames) < 3 or not chosen.any() or times[0] is None or times[-1] is None:
        return None
    moved = mean_square_displacement(_only(frames, chosen))
    interval = (times[-1] - times[0]) / (len(times) - 1)
    return round(float(moved[-1] - moved[1]) / (6 * interval * (len(times) - 2)), 6)


def _left_sites(
    construction: Mapping[str, Any], truth: NDArray[np.int8], solid: NDArray[np.bool_]
) -> float | None:
    """Share of solid molecules without truth in the last frame that had it before."""
    inner = solid & (truth[0] != NO_TRUTH)
    if solid.all() and len(set(construction["parts"])) == 1:
        # nothing but its motion takes the truth of a molecule below the surface
        inner = np.frombuffer(construction["uncertain"].encode(), np.uint8) == ord("0")
    if not inner.any():
        return None
    return round(float((truth[-1][inner] == NO_TRUTH).mean()), 4)


def _ice(frame: Frame, melted: NDArray[np.bool_]) -> float | None:
    """Share of the molecules that are not solid that CHILL+ calls ice I or hydrate."""
    if not melted.any():
        return None
    return round(float(np.isin(chill_plus(frame)[melted], ("ih", "ic", "hydrate")).mean()), 4)


def _on_sites(
    sites: Frame | None, frame: Frame, solid: NDArray[np.bool_], melted: NDArray[np.bool_]
) -> float | None:
    """Share of the molecules that are not solid that are at sites of the crystal."""
    if sites is None or not melted.any() or not solid.any():
        return None
    return round(float(on_sites(sites, frame, solid)[melted].mean()), 4)
