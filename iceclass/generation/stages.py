"""State points, time stepping, and the LAMMPS stages that every recipe is put together from."""

from __future__ import annotations

from dataclasses import dataclass

from iceclass.errors import InputError
from iceclass.generation.engine import Stage

ATM_PER_GPA = 9869.232667
LONGEST_STEP = 10.0
"""fs; what the authors of mW use. Rigid molecules bear 4 fs with heavy hydrogens, 2 without."""

THERMOSTAT = 200.0
"""fs, Nosé and Hoover's relaxation time: some 50 to 100 steps, as LAMMPS's manual advises."""

BATH = 100.0
"""fs, Langevin's, while overlaps and strain go: it takes their heat within a picosecond."""


@dataclass(frozen=True)
class State:
    """A state point: temperature in K, pressure in GPa."""

    temperature: float
    pressure: float

    def __post_init__(self) -> None:
        if not 1.0 <= self.temperature <= 2000.0 or not -1.0 <= self.pressure <= 20.0:
            raise InputError(
                f"state {self}: expected 1 to 2000 K and −1 to 20 GPa",
                hint="states are written TEMPERATURE@PRESSURE, as in 240@0.1",
            )

    def __str__(self) -> str:
        return f"{self.temperature:g}K_{self.pressure:g}GPa"


@dataclass(frozen=True)
class Dynamics:
    """What is the same in every stage of a run.

    Attributes
    ----------
    timestep
        fs.
    heavy_hydrogen
        3 g/mol on each hydrogen; needed for time steps above 2 fs.
    production
        ps at each state point during which frames are written.
    interval
        ps between frames.
    """

    timestep: float = 4.0
    heavy_hydrogen: bool = True
    production: float = 10.0
    interval: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.timestep <= LONGEST_STEP:
            raise InputError(
                f"time step {self.timestep:g} fs: expected at most {LONGEST_STEP:g} fs"
            )
        if not 0 < self.interval <= self.production:
            raise InputError(
                f"frames every {self.interval:g} ps of {self.production:g} ps: expected a "
                "positive interval no longer than the production"
            )

    def check(self, one_site: bool) -> None:
        """Raise InputError where the time step is too long for molecules with hydrogens."""
        limit = LONGEST_STEP if one_site else 4.0 if self.heavy_hydrogen else 2.0
        if self.timestep > limit:
            raise InputError(
                f"time step {self.timestep:g} fs: expected at most {limit:g} fs with "
                f"{'heavy' if self.heavy_hydrogen else 'ordinary'} hydrogens"
            )

    def steps(self, picoseconds: float) -> int:
        """Time steps in so many ps, at least one."""
        return max(1, round(picoseconds * 1000.0 / self.timestep))


def thermo(every: int = 250) -> list[str]:
    """Commands for the table in the log; ``econserve`` is the integrator's conserved energy."""
    return [
        "thermo_style custom step temp press pe etotal econserve vol density",
        "thermo_modify flush yes",
        f"thermo {every}",
    ]


def integrator(
    start: State,
    end: State,
    coupling: str,
    md: Dynamics,
    *,
    pressure: str | None = None,
    group: str = "all",
) -> list[str]:
    """Commands of Nosé–Hoover NPT: 200 fs and 2 ps relaxation times, linear ramps."""
    p0, p1 = start.pressure * ATM_PER_GPA, end.pressure * ATM_PER_GPA
    box = pressure or f"{coupling} {p0:.4f} {p1:.4f} 2000.0"
    return [
        f"timestep {md.timestep:g}",
        f"fix md {group} npt temp {start.temperature:g} {end.temperature:g} {THERMOSTAT} {box}",
    ]


def npt(
    name: str,
    start: State,
    end: State,
    time: float,
    coupling: str,
    md: Dynamics,
    *,
    output: str | None = None,
) -> Stage:
    """A stage at constant or linearly changing temperature and pressure, ``time`` in ps."""
    setup = [*thermo(), *integrator(start, end, coupling, md)]
    steps = md.steps(time)
    if output is not None:
        writing, steps = dump(output, md)
        setup += writing
    return Stage(name, steps, tuple(setup), output)


def dump(output: str, md: Dynamics) -> tuple[list[str], int]:
    """Commands that write frames during the production, and its length in whole intervals."""
    every = md.steps(md.interval)
    commands = [
        f"dump trajectory all custom {every} {output}.part ${{columns}}",
        "dump_modify trajectory sort id ${elements} format float %.4f units yes time yes",
    ]
    return commands, max(1, round(md.steps(md.production) / every)) * every


def relax(time: float, temperature: float, seed: int) -> Stage:
    """Bad contacts away: moves limited to 0.1 Å a step under a Langevin thermostat."""
    return Stage(
        "relax",
        max(1, round(time * 1000.0)),
        (
            *thermo(),
            f"velocity all create {temperature:g} {seed} mom yes rot yes dist gaussian",
            "timestep 1.0",
            "fix md all nve/limit 0.1",
            f"fix bath all langevin {temperature:g} {temperature:g} {BATH} {seed + 1}",
        ),
    )
