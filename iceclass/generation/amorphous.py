"""More ways to the glasses: HDA that was given time to relax, LDA by warming HDA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from iceclass.generation.engine import Stage
from iceclass.generation.recipes import HighDensityAmorphous
from iceclass.generation.stages import Dynamics, State, npt


@dataclass(frozen=True)
class RelaxedHighDensity(HighDensityAmorphous):
    """HDA annealed under moderate pressure, then recovered: what experiments call eHDA.

    Nelmes et al., Nature Physics 2, 414 (2006), doi 10.1038/nphys313: annealed at 0.18–0.3 GPa it
    expands and becomes the denser glass's relaxed form.

    Attributes
    ----------
    anneal_temperature, anneal_pressure, anneal_time
        K, GPa, ps.
    """

    anneal_temperature: float = 150.0
    anneal_pressure: float = 0.2
    anneal_time: float = 100.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        yield from super().prepare(first, seed, md, triclinic)
        peak = self._peak
        low = State(self.temperature, self.anneal_pressure)
        warm = State(self.anneal_temperature, self.anneal_pressure)
        couple = self.barostat(triclinic)
        time = (peak.pressure - low.pressure) / self.compression_rate
        yield npt("decompress", peak, low, time, couple, md)
        ramp = abs(warm.temperature - low.temperature) / self.heating_rate
        yield npt("warm", low, warm, max(1.0, ramp), couple, md)
        yield npt("anneal", warm, warm, self.anneal_time, couple, md)

    def end_of_preparation(self, first: State) -> State:
        return State(self.anneal_temperature, self.anneal_pressure)


@dataclass(frozen=True)
class LowDensityFromHigh(HighDensityAmorphous):
    """LDA by warming recovered HDA at 0 GPa until it expands, then cooling it again.

    Mishima, Calvert, Whalley, Nature 314, 76 (1985), doi 10.1038/314076a0. Simulations warm so
    much faster than experiments that the transformation needs a higher temperature.

    Attributes
    ----------
    warm_temperature, warm_time
        K, ps: where and how long it is held to expand.
    """

    warm_temperature: float = 190.0
    warm_time: float = 200.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        yield from super().prepare(first, seed, md, triclinic)
        peak = self._peak
        recovered = State(self.temperature, 0.0)
        warm = self.end_of_preparation(first)
        couple = self.barostat(triclinic)
        yield npt("decompress", peak, recovered, peak.pressure / self.compression_rate, couple, md)
        ramp = abs(warm.temperature - recovered.temperature) / self.heating_rate
        yield npt("warm", recovered, warm, max(1.0, ramp), couple, md)
        yield npt("expand", warm, warm, self.warm_time, couple, md)

    def end_of_preparation(self, first: State) -> State:
        return State(self.warm_temperature, 0.0)
