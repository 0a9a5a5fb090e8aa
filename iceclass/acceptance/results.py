"""What was measured of a trajectory, and why it is rejected, if it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from iceclass.errors import InputError


@dataclass(frozen=True)
class Checks:
    """What was measured of a trajectory, and why it is rejected, if it is.

    Attributes
    ----------
    name, phase, preparation, water_model, temperature, pressure
        Which trajectory, and what it was made to be (K, GPa).
    frames, molecules, interval
        Numbers, and ps between frames.
    density, expected_density, density_tolerance
        g/cm³, mean over frames; g/cm³ and relative: what it should be, ``None`` if not known.
    first_peak, first_peak_height, first_minimum, first_minimum_height, second_peak,
    second_peak_height, coordination, long_range_order
        Of the O–O g(r), see :class:`iceclass.acceptance.structure.RadialDistribution`; in Å.
    mean_square_displacement
        Å², at 1, 2, … intervals.
    diffusion
        Å²/ps: a sixth of its growth from 1 ps to half the trajectory; ``None`` if too short.
    hexagonal, cubic
        Fractions of molecules, by CHILL+.
    energy_drift
        kcal/mol/ps per molecule of the conserved energy.
    mean_temperature
        K.
    g
        (bins,) g(r) in bins of 0.05 Å from 0 to 10 Å.
    reasons
        Why the trajectory is rejected, one line a failed check; empty: it is accepted.
    """

    name: str
    phase: str
    preparation: str
    water_model: str
    temperature: float
    pressure: float
    frames: int
    molecules: int
    interval: float
    density: float
    expected_density: float | None
    density_tolerance: float | None
    first_peak: float
    first_peak_height: float
    first_minimum: float
    first_minimum_height: float
    second_peak: float
    second_peak_height: float
    coordination: float
    long_range_order: float
    mean_square_displacement: tuple[float, ...]
    diffusion: float | None
    hexagonal: float
    cubic: float
    energy_drift: float
    mean_temperature: float
    g: tuple[float, ...]
    reasons: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether no check failed."""
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-serialisable, ``accepted`` included."""
        return {"accepted": self.accepted, **asdict(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Checks:
        """The inverse of :meth:`to_dict`.

        Raises
        ------
        InputError
            Something is missing, or there is more than there should be.
        """
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in content.items()
        }
        values.pop("accepted", None)
        known = {f.name for f in fields(cls)}
        if set(values) != known:
            odd = sorted(known ^ set(values))
            raise InputError(f"not the checks of a trajectory: {', '.join(odd)} missing or unknown")
        return cls(**values)
