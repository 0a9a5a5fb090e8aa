"""``iceclass generate``."""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path

import click

from iceclass.cli.options import PATH, force_option, parse_settings, quiet_option
from iceclass.cli.parallel import jobs_option, parallel
from iceclass.errors import InputError
from iceclass.generation.catalogue import find_recipe
from iceclass.generation.formats import WRITERS, write_structure
from iceclass.generation.lattices import Size, build
from iceclass.generation.runs import Preparation, recipe_of, run
from iceclass.generation.settings import apply_settings, settings_of_each
from iceclass.generation.stages import Dynamics
from iceclass.generation.states import default_states, parse_state
from iceclass.generation.water_models import water_model as find_model
from iceclass.phases import PHASES


@click.command(short_help="Build ice structures and, with --md, simulate phases of water.")
@click.argument("phases", nargs=-1, required=True, metavar="PHASE…")
@click.option("-o", "--output", type=PATH, default=Path("."), help="Directory for the files.")
@click.option("--molecules", type=int, help="At least so many molecules, in a cube-like box.")
@click.option("--repetition", type=int, nargs=3, help="Unit cells along a, b, c.")
@click.option("--density", type=float, help="g/cm³.  [default: the lattice's own]")
@click.option(
    "--seed",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of the proton disorder and, with --md, of everything else that is random: the number "
    "of the preparation.",
)
@click.option(
    "--preparations",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of preparations, with seeds counted from --seed.",
)
@click.option(
    "--water-model",
    default="tip4p-ice",
    show_default=True,
    help="tip4p-ice, tip4p-2005, tip4p-ew, tip4p-fb, opc, tip3p, spc-e, mw, or sw-LAMBDA, which is "
    "mW with another λ.",
)
@click.option("--format", "formats", multiple=True, help="extxyz, lammps, gro.  [default: all]")
@click.option("--md", is_flag=True, help="Run molecular dynamics with LAMMPS.")
@click.option(
    "--states",
    default="default",
    show_default=True,
    metavar="T@P,…",
    help="With --md: state points in K and GPa, visited in this order, as in 220@0,250@0.1.",
)
@click.option(
    "--recipe",
    help="With --md: how it is made; see above.  [default: the phase's own]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=parse_settings,
    metavar="NAME=VALUE",
    help="With --md: a parameter of the recipe or the dynamics; see above.",
)
@jobs_option
@force_option
@quiet_option
def command(
    phases: tuple[str, ...],
    output: Path,
    molecules: int | None,
    repetition: tuple[int, int, int] | None,
    density: float | None,
    seed: int,
    preparations: int,
    water_model: str,
    formats: tuple[str, ...],
    md: bool,
    states: str,
    recipe: str | None,
    settings: dict[str, str],
    jobs: int,
    force: bool,
    quiet: bool,
) -> None:
    """Build ice structures and, with --md, simulate phases of water.

    PHASE is ih, ic, ii, iii, v, with --md also water, lda, hda, mda; or any lattice GenIce2
    knows, with its options: 6, CS1, one[hhccc].

    Structures are written as extxyz, LAMMPS data (with bonds, angles and charges) and gro. A
    box thinner than twice the force cut-off is enlarged. With --md, each preparation gets a
    directory with its LAMMPS scripts, logs, and one trajectory (with a .json description) per
    state point; a run that was stopped continues when the same command is given again.

    \b
    --recipe, beside crystal, liquid, lda, hda, mda:
      relaxed-hda      HDA annealed under pressure, then recovered
      lda-from-hda     LDA by warming recovered HDA
      coexistence      half of the crystal melted, across --set axis=x, y, z
      slab             the same, across z, at constant volume until it is let go
      nucleus          all melted but a sphere, or a disc (radius, height)
      surface          the crystal in vacuum, cut across the axis
      liquid-surface   a slab or film of liquid in vacuum
      droplet          the largest sphere in the box, melted in vacuum
      wall             liquid between walls of other atoms
      solution         methane in water
      filled-hydrate   a guest in every cage of CS1, CS2, sH that takes it
                       (--set guest=methane, co2, thf)
      filled-coexistence   half of such a hydrate melted
    What each molecule is made to be is in the .json file as "construction".

    \b
    --set takes the fields of the recipe (relax_time, heating_rate,
    equilibration, melt_temperature, slow_time, peak_pressure, strain …)
    and of the dynamics (timestep, heavy_hydrogen, production, interval);
    docs/science/recipes.md lists them and iceclass.generation explains
    them, in ps, K, GPa, fs, Å. Of several phases each takes those its
    recipe has. mW bears a timestep of 10 fs, others 4.

    \b
    Examples:
      iceclass generate ih ic ii --molecules 432 -o structures/
      iceclass generate ih water --md --states default --jobs 2 -o runs/
      iceclass generate ih --md --recipe nucleus --water-model mw --molecules 4000
        --states 240@0 --set radius=15 --set timestep=10 -o runs/
      iceclass generate v --md --states 200@0.5,250@0.5 --set production=20 -o runs/
    """
    report = partial(click.echo, err=True) if not quiet else _silent
    size = Size(repetition, molecules, density)
    model = find_model(water_model)
    seeds = range(seed, seed + preparations)
    if not md:
        kinds = formats or tuple(WRITERS)
        for phase, number in product(phases, seeds):
            _check_is_crystal(phase)
            structure = build(phase, model, seed=number, size=size)
            for note in structure.notes:
                report(note)
            output.mkdir(parents=True, exist_ok=True)
            for kind in kinds:
                path = output / f"{phase}_{model.name}_s{number}"
                click.echo(write_structure(structure, path, kind, force=force))
        return
    todo = []
    recipes = {p: recipe_of(p) if recipe is None else find_recipe(recipe) for p in phases}
    given = settings_of_each(recipes, settings)
    for number, phase in product(seeds, phases):
        made, dynamics = apply_settings(recipes[phase], Dynamics(), given[phase])
        points = (
            default_states(phase, number)
            if states == "default"
            else tuple(parse_state(text) for text in states.split(","))
        )
        todo.append(Preparation(phase, model, number, points, made, dynamics, size))
    output.mkdir(parents=True, exist_ok=True)
    calls = [(preparation, output, report) for preparation in todo]
    for paths in parallel(run, calls, jobs):
        for path in paths:
            click.echo(path)


def _check_is_crystal(phase: str) -> None:
    """Liquid and glasses have no lattice: they exist only as the outcome of dynamics."""
    name = phase.lower()
    if name in PHASES and PHASES[name].recipe != "crystal":
        raise InputError(f"{phase} has no lattice to build", hint="add --md to simulate it")


def _silent(text: str) -> None:
    """Report nothing; a module's function, so that it reaches worker processes."""
