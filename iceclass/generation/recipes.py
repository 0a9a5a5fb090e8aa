"""How molecular dynamics makes each phase: the stages of a preparation, then its state points.

A recipe is a frozen set of documented parameters. Its :meth:`Recipe.prepare` gives the stages
that turn the starting ice into the phase; afterwards the preparation visits its state points
one after the other, each approached at the recipe's rates, equilibrated, and sampled.

All phases but the crystals follow published protocols: liquid by melting; LDA by cooling the
melt slowly through the temperatures where it still relaxes; HDA by compressing ice Ih at low
temperature (Mishima, Calvert, Whalley, Nature 310, 393 (1984)); MDA by repeated shear of ice Ih
at low temperature, the simulation's counterpart of ball-milling (Rosu-Finsen et al., Science
379, 474 (2023)).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from iceclass.generation.construction import Arrangement
from iceclass.generation.engine import Stage
from iceclass.generation.lattices import Structure
from iceclass.generation.stages import THERMOSTAT, Dynamics, State, integrator, npt, relax, thermo


@dataclass(frozen=True)
class Recipe(ABC):
    """Base of the recipes; parameters common to all.

    Attributes
    ----------
    relax_time
        ps of displacement-limited Langevin dynamics that removes bad contacts.
    heating_rate
        K/ps between state points.
    compression_rate
        GPa/ps between state points.
    equilibration
        ps at each state point before frames are written.
    """

    coupling: ClassVar[str] = "iso"
    """Barostat: ``iso``, ``aniso`` or, once the box is triclinic, ``tri``."""
    pure: ClassVar[bool] = True
    """Whether the trajectories hold one phase only, and so may train a classifier."""
    environment: ClassVar[str] = "crystal"
    """What surrounds the molecules: crystal, liquid, glass, interface, nucleus, surface …"""

    relax_time: float = 1.0
    heating_rate: float = 10.0
    compression_rate: float = 0.1
    equilibration: float = 6.0

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """Where the molecules start, and what each is made to be: all of ``phase``."""
        return Arrangement.of_one(structure, phase)

    @abstractmethod
    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        """The stages before the first state point."""

    @abstractmethod
    def end_of_preparation(self, first: State) -> State:
        """The state the last stage of :meth:`prepare` ends in."""

    def equilibration_at(self, state: State) -> float:
        """ps of equilibration at a state point."""
        return self.equilibration

    def barostat(self, triclinic: bool) -> str:
        """The coupling that suits the box."""
        return "tri" if triclinic and self.coupling != "iso" else self.coupling

    def visit(
        self, k: int, before: State, state: State, md: Dynamics, triclinic: bool, output: str
    ) -> Iterator[Stage]:
        """Approach, equilibrate and sample the ``k``-th state point."""
        ramp = max(
            abs(state.temperature - before.temperature) / self.heating_rate,
            abs(state.pressure - before.pressure) / self.compression_rate,
        )
        couple = self.barostat(triclinic)
        if ramp > 0:
            yield npt(f"state{k}-approach", before, state, ramp, couple, md)
        time = self.equilibration_at(state)
        yield npt(f"state{k}-equilibrate", state, state, time, couple, md)
        yield npt(f"state{k}-sample", state, state, md.production, couple, md, output=output)


@dataclass(frozen=True)
class Crystal(Recipe):
    """The ice as GenIce2 gives it, brought to its first state point."""

    coupling: ClassVar[str] = "aniso"

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The crystal as it is, at whose sites the molecules stay."""
        return Arrangement.of_one(structure, phase, solid=True)

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        yield relax(self.relax_time, first.temperature, seed)

    def end_of_preparation(self, first: State) -> State:
        return first


@dataclass(frozen=True)
class Liquid(Recipe):
    """Ice Ih melted and brought to its first state point.

    Attributes
    ----------
    melt_temperature, melt_pressure, melt_time
        K, GPa, ps: where and how long the ice loses every memory of itself.
    supercooled_below, supercooled_equilibration
        K, ps: colder states get this equilibration instead, since the liquid relaxes slowly.
    """

    environment: ClassVar[str] = "liquid"

    equilibration: float = 20.0
    supercooled_below: float = 270.0
    supercooled_equilibration: float = 60.0
    melt_temperature: float = 500.0
    melt_pressure: float = 0.2
    melt_time: float = 10.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        hot = self._hot
        yield relax(self.relax_time, hot.temperature, seed)
        # half the time step while the crystal breaks up
        gentle = replace(md, timestep=md.timestep / 2)
        yield npt("melt", hot, hot, self.melt_time, "iso", gentle)

    def end_of_preparation(self, first: State) -> State:
        return self._hot

    def equilibration_at(self, state: State) -> float:
        cold = state.temperature < self.supercooled_below
        return self.supercooled_equilibration if cold else self.equilibration

    @property
    def _hot(self) -> State:
        return State(self.melt_temperature, self.melt_pressure)


@dataclass(frozen=True)
class LowDensityAmorphous(Liquid):
    """LDA: the melt cooled slowly where it still relaxes, then to its first state point.

    Attributes
    ----------
    hold_temperature, hold_time
        K, ps: the liquid before cooling.
    slow_from, slow_to, slow_time
        K, K, ps: the slow part; 250 to 205 K in 600 ps gives 0.967–0.976 g/cm³ at 100 K, an
        even 0.9 K/ps leaves a denser, hyperquenched glass.
    """

    environment: ClassVar[str] = "glass"

    heating_rate: float = 1.75
    compression_rate: float = 0.02
    equilibration: float = 10.0
    hold_temperature: float = 280.0
    hold_time: float = 10.0
    slow_from: float = 250.0
    slow_to: float = 205.0
    slow_time: float = 600.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        yield from super().prepare(first, seed, md, triclinic)
        hold = State(self.hold_temperature, 0.0)
        top, bottom = State(self.slow_from, 0.0), State(self.slow_to, 0.0)
        yield npt("cool-to-liquid", self._hot, hold, 20.0, "iso", md)
        yield npt("hold", hold, hold, self.hold_time, "iso", md)
        yield npt("cool", hold, top, abs(hold.temperature - top.temperature), "iso", md)
        yield npt("cool-slowly", top, bottom, self.slow_time, "iso", md)

    def end_of_preparation(self, first: State) -> State:
        return State(self.slow_to, 0.0)

    def equilibration_at(self, state: State) -> float:
        return self.equilibration  # a glass: it does not relax however long it is held


@dataclass(frozen=True)
class HighDensityAmorphous(Recipe):
    """HDA: ice Ih compressed at low temperature, then decompressed to its first state point.

    Attributes
    ----------
    temperature
        K, of the compression.
    peak_pressure, compression_time
        GPa, ps: from 0 to the peak.
    hold_time
        ps at the peak.
    """

    coupling: ClassVar[str] = "aniso"
    environment: ClassVar[str] = "glass"

    compression_rate: float = 0.02
    equilibration: float = 10.0
    temperature: float = 100.0
    peak_pressure: float = 2.0
    compression_time: float = 200.0
    hold_time: float = 10.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        start, peak = State(self.temperature, 0.0), self._peak
        couple = self.barostat(triclinic)
        yield relax(self.relax_time, self.temperature, seed)
        yield npt("settle", start, start, 5.0, couple, md)
        yield npt("compress", start, peak, self.compression_time, couple, md)
        yield npt("hold", peak, peak, self.hold_time, couple, md)

    def end_of_preparation(self, first: State) -> State:
        return self._peak

    @property
    def _peak(self) -> State:
        return State(self.temperature, self.peak_pressure)


@dataclass(frozen=True)
class MediumDensityAmorphous(Recipe):
    """MDA: ice Ih sheared at low temperature in one random plane after the other.

    Attributes
    ----------
    temperature
        K, of the shearing.
    segments
        Number of shears, never twice in a row in the same plane.
    strain
        Engineering shear strain of each segment.
    strain_rate
        1/ps.
    rest_time
        ps without shear between segments.
    """

    coupling: ClassVar[str] = "aniso"
    environment: ClassVar[str] = "glass"

    equilibration: float = 10.0
    temperature: float = 100.0
    segments: int = 8
    strain: float = 1.0
    strain_rate: float = 0.04
    rest_time: float = 2.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        rng = np.random.default_rng(seed)
        state = self.end_of_preparation(first)
        yield relax(self.relax_time, self.temperature, seed)
        yield npt("settle", state, state, 5.0, self.barostat(triclinic), md)
        plane = ""
        for k in range(1, self.segments + 1):
            plane = str(rng.choice([p for p in ("xy", "xz", "yz") if p != plane]))
            rate = float(rng.choice([-1.0, 1.0])) * self.strain_rate / 1000.0
            diagonal = "x 0.0 0.0 2000.0 y 0.0 0.0 2000.0 z 0.0 0.0 2000.0 couple none"
            setup = (
                *(
                    ["change_box all triclinic", "kspace_style ${kspace}"]
                    if k == 1 and not triclinic
                    else []
                ),
                *thermo(),
                *integrator(state, state, "", md, pressure=diagonal),
                f"fix shear all deform 1 {plane} erate {rate:.3e} remap x flip yes",
            )
            yield Stage(f"shear{k}", md.steps(self.strain / self.strain_rate), setup)
            yield npt(f"rest{k}", state, state, self.rest_time, "aniso", md)

    def end_of_preparation(self, first: State) -> State:
        return State(self.temperature, 0.0)


@dataclass(frozen=True)
class Slab(Recipe):
    """Half of the ice melted while the other half is held, then let go: ice against water.

    The trajectory holds two phases and their interfaces, so it trains nothing; above the
    melting point it shows ice melting, below it ice growing.

    Attributes
    ----------
    melt_temperature, melt_time
        K, ps: of the upper half of the box along z, at constant volume.
    settle_time
        ps, during which the melted half cools to the first state point, still beside held ice.
    """

    coupling: ClassVar[str] = "aniso"
    pure: ClassVar[bool] = False
    environment: ClassVar[str] = "interface"

    melt_temperature: float = 500.0
    melt_time: float = 15.0
    settle_time: float = 5.0
    equilibration: float = 1.0

    def melts(self) -> str:
        """LAMMPS's words for the region that is melted: the upper half."""
        return "block INF INF INF INF $(0.5*(zlo+zhi)) INF"

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        hot, target = self.melt_temperature, first.temperature
        gentle = replace(md, timestep=md.timestep / 2)
        group = (f"region melts {self.melts()}", "group melted region melts", "${whole_molecules}")
        yield relax(self.relax_time, target, seed)
        for name, t0, t1, time, commands in (
            ("melt-half", hot, hot, self.melt_time, group),
            ("cool-half", hot, target, self.settle_time, ()),
        ):
            nvt = f"fix md melted nvt temp {t0:g} {t1:g} {THERMOSTAT}"
            setup = (*commands, *thermo(), f"timestep {gentle.timestep:g}", nvt)
            yield Stage(name, gentle.steps(time), setup)
        # the held half has stood still: give it, too, its share of motion
        yield Stage(
            "let-go",
            1000,
            (
                *thermo(),
                f"velocity all create {target:g} {seed + 2} mom yes rot yes dist gaussian",
                *integrator(first, first, self.barostat(triclinic), replace(md, timestep=1.0)),
            ),
        )

    def end_of_preparation(self, first: State) -> State:
        return first
