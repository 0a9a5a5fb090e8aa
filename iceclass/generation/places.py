"""Recipes of places where molecules are not in a bulk: interfaces, nuclei, free surfaces, walls.

What each molecule is, is settled by how the simulation is put together
(:mod:`iceclass.generation.construction`): molecules that are held while the others melt, and the
layers of a crystal by their depth below its surface. Trajectories are short, so that the
boundaries are still where they were made.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, unknown_name
from iceclass.generation.construction import GROUPS, Arrangement
from iceclass.generation.engine import Stage
from iceclass.generation.lattices import Structure
from iceclass.generation.other_sites import Others
from iceclass.generation.recipes import Crystal, Recipe
from iceclass.generation.slabs import (
    BONDED,
    check_right_angles,
    cut_open,
    fitted,
    fractional_oxygens,
    squeezed,
    stacked,
)
from iceclass.generation.stages import (
    BATH,
    THERMOSTAT,
    Dynamics,
    State,
    dump,
    integrator,
    npt,
    relax,
    thermo,
)
from iceclass.neighbours.lattice import heights

AXES = {"x": 0, "y": 1, "z": 2}

WARM = 4.0
"""ps that the crystal is simulated before a part of it is held: two periods of the slowest sound in
a cell of 4 nm (2 km/s), so that what is held is a crystal in motion."""


@dataclass(frozen=True)
class _Held(Recipe):
    """A crystal of which a part is held while the rest melts and cools, and is then let go.

    Each state point starts from the crystal anew, with a melt of its own.

    Attributes
    ----------
    melt_temperature, melt_time
        K, ps: of what is not held, at the crystal's volume. In practice 900 K for one-site
        models, which crystallise easily, 500 K for others.
    cool_time, settle_time
        ps from there to the state point, at constant volume, and ps there beside the held
        crystal, at the state's pressure where the recipe says so. Growth goes on meanwhile, so
        both are short.
    let_go_time
        ps from the release to the first frame, at a quarter of the time step.
    melt
        Name of what the melt becomes: water, or a glass where the state point is cold.
    growing
        Whether the run is so long that the crystal grows: only what was held has a truth then.
    """

    coupling: ClassVar[str] = "aniso"
    pure: ClassVar[bool] = False
    environment: ClassVar[str] = "interface"
    settles_at_pressure: ClassVar[bool] = False

    melt_temperature: float = 500.0
    melt_time: float = 10.0
    cool_time: float = 5.0
    settle_time: float = 2.0
    let_go_time: float = 0.5
    equilibration: float = 0.0
    melt: str = "water"
    growing: bool = False

    @abstractmethod
    def holds(self, structure: Structure) -> NDArray[np.bool_]:
        """(N,) bool: the molecules that are held."""

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The crystal, with what is held of it."""
        held = self.holds(structure)
        if held.all() or not held.any():
            raise InputError(
                f"{int(held.sum())} of {len(held)} molecules would be held, expected a part",
                hint="choose a larger box or another radius",
            )
        made = Arrangement.half_melted(structure, phase, self.melt, held)
        return replace(made, uncertain=~held) if self.growing else made

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        yield relax(self.relax_time, first.temperature, seed)
        yield npt("crystal", first, first, WARM, self.barostat(triclinic), md)

    def end_of_preparation(self, first: State) -> State:
        return first

    def visit(
        self, k: int, before: State, state: State, md: Dynamics, triclinic: bool, output: str
    ) -> Iterator[Stage]:
        hot, cold, seed = self.melt_temperature, state.temperature, 7919 * k + 11
        gentle = replace(md, timestep=md.timestep / 2)
        start = (f"include {GROUPS}", "velocity held set 0 0 0")
        create = f"velocity melted create {hot:g} {seed} mom yes rot no dist gaussian"
        yield Stage(
            f"state{k}-melt",
            gentle.steps(self.melt_time),
            (*start, create, *_nvt("melted", hot, hot, gentle)),
            after="crystal",
        )
        cool = (*start, *_nvt("melted", hot, cold, gentle))
        yield Stage(f"state{k}-cool", gentle.steps(self.cool_time), cool)
        if self.settle_time > 0:
            settle = _nvt("melted", cold, cold, md)
            if self.settles_at_pressure:
                settle = [*thermo(), *integrator(state, state, "iso", md, group="melted")]
                settle[-1] += " dilate melted"
            yield Stage(f"state{k}-settle", md.steps(self.settle_time), (*start, *settle))
        couple, careful = self.barostat(triclinic), replace(md, timestep=md.timestep / 4)
        yield Stage(
            f"state{k}-let-go",
            careful.steps(self.let_go_time),
            (
                f"include {GROUPS}",
                # the held crystal was caught in motion: it is given back its velocities
                f"velocity held create {cold:g} {seed + 1} mom yes rot no dist gaussian",
                *thermo(),
                *integrator(state, state, couple, careful),
            ),
        )
        if self.equilibration > 0:
            yield npt(f"state{k}-equilibrate", state, state, self.equilibration, couple, md)
        yield npt(f"state{k}-sample", state, state, md.production, couple, md, output=output)


@dataclass(frozen=True)
class Coexistence(_Held):
    """Half of a crystal held while the other half melts, then let go: crystal against liquid.

    For ice Ih (lattice ``1h``) the interface is basal with ``axis=y``, the primary prism with
    ``x`` and the secondary prism with ``z``.

    Attributes
    ----------
    axis
        Of the cell, across which the halves lie.
    fraction
        Of the cell that is held.
    """

    equilibration: float = 3.0
    axis: str = "z"
    fraction: float = 0.5

    def holds(self, structure: Structure) -> NDArray[np.bool_]:
        along = fractional_oxygens(structure)[:, _axis(self.axis)]
        return np.asarray(along < self.fraction)


@dataclass(frozen=True)
class Nucleus(_Held):
    """All of a crystal melted but for a nucleus in its middle, then let go.

    Attributes
    ----------
    radius
        Å, of the sphere that is held, or of the disc.
    height
        Å, of the disc along z; 0: a sphere.
    """

    environment: ClassVar[str] = "nucleus"
    coupling: ClassVar[str] = "iso"
    settles_at_pressure: ClassVar[bool] = True

    melt_temperature: float = 900.0
    radius: float = 12.0
    height: float = 0.0

    def holds(self, structure: Structure) -> NDArray[np.bool_]:
        fractional = fractional_oxygens(structure)
        away = (fractional - 0.5) @ structure.cell
        if self.height > 0:
            flat = np.abs(away[:, 2]) < self.height / 2
            return np.asarray(flat & (np.linalg.norm(away[:, :2], axis=1) < self.radius))
        return np.asarray(np.linalg.norm(away, axis=1) < self.radius)


@dataclass(frozen=True)
class TwoCrystals(Crystal):
    """A crystal that lies against another along z, of the cell that fits it best across.

    Attributes
    ----------
    other
        A phase or GenIce2 lattice with right angles, strained sideways to fit, as thick as the
        first, about.
    """

    environment: ClassVar[str] = "interface"
    pure: ClassVar[bool] = False

    equilibration: float = 3.0
    other: str = "ih"

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The two, as far apart at both faces as oxygens are that are bonded."""
        check_right_angles(structure)
        other = fitted(self.other, structure)
        for gap in np.arange(0.0, BONDED + 0.1, 0.1):
            both, second = stacked(structure, other, float(gap))
            if not squeezed(both, second):
                break
        return Arrangement.of_two(both, (phase, self.other), second)


@dataclass(frozen=True)
class _Opened(Recipe):
    """Molecules beside a vacuum, at constant volume.

    Attributes
    ----------
    vacuum
        Å of it.
    """

    environment: ClassVar[str] = "surface"
    pure: ClassVar[bool] = False
    moving: ClassVar[str] = "all"
    """LAMMPS's group that is integrated."""

    equilibration: float = 20.0
    vacuum: float = 30.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        yield relax(self.relax_time, first.temperature, seed)

    def end_of_preparation(self, first: State) -> State:
        return first

    def visit(
        self, k: int, before: State, state: State, md: Dynamics, triclinic: bool, output: str
    ) -> Iterator[Stage]:
        t0, t1 = before.temperature, state.temperature
        groups = (f"include {GROUPS}",) if self.moving != "all" else ()
        if t0 != t1:
            ramp = md.steps(abs(t1 - t0) / self.heating_rate)
            yield Stage(f"state{k}-approach", ramp, (*groups, *_nvt(self.moving, t0, t1, md)))
        steps, held = md.steps(self.equilibration), _nvt(self.moving, t1, t1, md)
        yield Stage(f"state{k}-equilibrate", steps, (*groups, *held))
        writing, steps = dump(output, md)
        yield Stage(f"state{k}-sample", steps, (*groups, *held, *writing), output)


@dataclass(frozen=True)
class Surface(_Opened):
    """A crystal slab in vacuum, cut where its layers are furthest apart.

    At constant volume: what the model's crystal measures sideways at that temperature is set
    with the density of the starting structure. Molecules within ``skin`` of the surface have no
    truth: the first bilayer of ice is disordered from far below melting, the second from about
    16 K below it (Sánchez et al., Proc. Natl Acad. Sci. 114, 227 (2017), doi
    10.1073/pnas.1612893114).

    Attributes
    ----------
    axis
        Of the cell, along which the vacuum lies; see :class:`Coexistence`.
    vacuum
        Å of it.
    skin
        Å below the outermost molecules without truth.
    """

    axis: str = "z"
    skin: float = 5.0

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The crystal opened along the axis, the skin uncertain."""
        opened, depth = cut_open(structure, _axis(self.axis), self.vacuum)
        whole = Arrangement.of_one(structure, phase, solid=True)
        return replace(whole, structure=opened, uncertain=depth < self.skin)


@dataclass(frozen=True)
class _Melted(_Opened):
    """Liquid beside a vacuum: a crystal melted there and cooled.

    Attributes
    ----------
    melt_temperature, melt_time
        K, ps: hot enough that the crystal melts at once, with surfaces where that begins.
    """

    melt_temperature: float = 420.0
    melt_time: float = 20.0

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        yield relax(self.relax_time, self.melt_temperature, seed)
        gentle = replace(md, timestep=md.timestep / 2)
        hot = self.melt_temperature
        yield Stage("melt", gentle.steps(self.melt_time), tuple(_nvt("all", hot, hot, gentle)))

    def end_of_preparation(self, first: State) -> State:
        return State(self.melt_temperature, 0.0)


@dataclass(frozen=True)
class LiquidSurface(_Melted):
    """A slab of liquid in vacuum; a thin one is a film.

    Attributes
    ----------
    axis
        Of the cell, along which the vacuum lies.
    """

    axis: str = "z"

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The crystal opened along the axis; all of it will be liquid."""
        opened, _ = cut_open(structure, _axis(self.axis), self.vacuum)
        return Arrangement.of_one(opened, "water")


@dataclass(frozen=True)
class Droplet(_Melted):
    """The largest sphere that fits in the crystal, melted in vacuum: about half its molecules."""

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """A ball in a cubic box, vacuum all around."""
        away = (fractional_oxygens(structure) - 0.5) @ structure.cell
        radius = heights(structure.cell).min() / 2
        inside = np.linalg.norm(away, axis=1) < radius
        edge = 2 * radius + self.vacuum
        moved = structure.molecules[inside] - structure.molecules[inside][:, :1]
        molecules = moved + (away[inside] + edge / 2)[:, None]
        ball = replace(structure, cell=np.eye(3) * edge, molecules=molecules)
        return Arrangement.of_one(ball, "water")


@dataclass(frozen=True)
class Wall(_Melted):
    """Liquid between walls of other atoms: an fcc crystal of fixed Lennard-Jones atoms.

    Attributes
    ----------
    vacuum
        Å that the wall fills.
    wall_epsilon, wall_sigma
        kcal/mol and Å, between an atom of the wall and a molecule.
    wall_spacing
        Å between neighbouring atoms, about.
    """

    environment: ClassVar[str] = "wall"
    moving: ClassVar[str] = "water"

    vacuum: float = 14.0
    wall_epsilon: float = 0.3
    wall_sigma: float = 3.2
    wall_spacing: float = 3.0

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The crystal opened along z and the gap filled with the wall."""
        opened, _ = cut_open(structure, 2, self.vacuum)
        top = float(opened.molecules[:, 0, 2].max()) + self.wall_sigma
        bottom = float(opened.molecules[:, 0, 2].min()) - self.wall_sigma + opened.cell[2, 2]
        edge = self.wall_spacing * np.sqrt(2.0)
        across = np.maximum(1, np.round(np.diag(opened.cell)[:2] / edge)).astype(int)
        layers = max(2, int((bottom - top) / (edge / 2)) + 1)
        x, y, z = np.meshgrid(*(np.arange(2 * n) for n in across), np.arange(layers))
        grid = np.stack([x, y, z], axis=-1).reshape(-1, 3)
        grid = grid[grid.sum(axis=1) % 2 == 0]
        steps = np.array(
            [*(np.diag(opened.cell)[:2] / (2 * across)), (bottom - top) / (layers - 1)]
        )
        atoms = grid * steps + [0.0, 0.0, top]
        wall = Others("C", atoms, 12.011, 0.0, 1.0, self.wall_epsilon, self.wall_sigma)
        return replace(Arrangement.of_one(opened, "water"), others=wall)

    def prepare(self, first: State, seed: int, md: Dynamics, triclinic: bool) -> Iterator[Stage]:
        hot = self.melt_temperature
        limited = replace(md, timestep=1.0)
        start = (f"include {GROUPS}", "velocity all set 0 0 0")
        create = f"velocity water create {hot:g} {seed} mom yes rot no dist gaussian"
        bath = f"fix bath water langevin {hot:g} {hot:g} {BATH} {seed + 1}"
        setup = (*start, create, *thermo(), "timestep 1.0", "fix md water nve/limit 0.1", bath)
        yield Stage("relax", limited.steps(self.relax_time), setup)
        gentle = replace(md, timestep=md.timestep / 2)
        melt = (start[0], *_nvt("water", hot, hot, gentle))
        yield Stage("melt", gentle.steps(self.melt_time), melt)


def _nvt(group: str, start: float, end: float, md: Dynamics) -> list[str]:
    """Nosé–Hoover dynamics of a group at constant volume; the log has the group's temperature."""
    own = [f"compute own {group} temp", "thermo_modify temp own"] if group != "all" else []
    return [
        *thermo(),
        *own,
        f"timestep {md.timestep:g}",
        f"fix md {group} nvt temp {start:g} {end:g} {THERMOSTAT}",
    ]


def _axis(name: str) -> int:
    """0, 1, 2 for x, y, z."""
    if name not in AXES:
        raise unknown_name("axis", name, AXES)
    return AXES[name]
