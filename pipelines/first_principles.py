"""Liquid and ice as a first-principles potential makes them, for tests.

    python -m pipelines.first_principles hdnnp:revpbe0-d3 work/ -o environments-NN.h5

Liquid water at 300 K and ices Ih and Ic, at the density of experiment. The liquid
starts from one of TIP4P/2005. Hydrogens are heavy, which changes how fast molecules move and not
where they are. A run that was stopped goes on when the same command is given again.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
from ase import Atoms, units
from ase.io import read, write
from ase.md.langevin import Langevin

from iceclass._version import __version__
from iceclass.acceptance.environments import EnvironmentChecks
from iceclass.acceptance.structure import mean_square_displacement, radial_distribution
from iceclass.crystals.calculators import calculator
from iceclass.datasets.reference import write_reference
from iceclass.external.ovito import chill_plus
from iceclass.files import replacing
from iceclass.frame import Frame
from iceclass.generation.formats import to_ase
from iceclass.generation.lattices import Size, build
from iceclass.generation.water_models import water_model

HYDROGEN = 4.0
"""u; with it a time step of 1 fs is an eighteenth of the period of the O–H bond's vibration."""
FRICTION = 1.0 / 200.0
"""1/fs of the Langevin thermostat."""
EVERY = 250
"""fs between the frames that are kept."""


@dataclass(frozen=True)
class Run:
    """One trajectory: density in g/cm³, times in fs."""

    phase: str
    temperature: float
    density: float
    molecules: int
    equilibration: int = 2000
    production: int = 1500

    @property
    def name(self) -> str:
        """As in ``water_300K``."""
        return f"{self.phase}_{self.temperature:g}K"


RUNS = (
    Run("water", 300.0, 0.997, 170),
    Run("ih", 250.0, 0.919, 64, 1000, 1000),
    Run("ic", 200.0, 0.924, 64, 1000, 1000),
)
"""Densities: of the liquid at 1 bar (CRC Handbook); of ice Ih by Röttger et al., Acta Cryst. B 50,
644 (1994), doi:10.1107/S0108768194004933, ice Ic as Ih."""


def start(run: Run, work: Path) -> Atoms:
    """The structure that a run begins with."""
    if run.phase != "water":
        small = replace(water_model("tip4p-ice"), r_cut=2.0)
        size = Size(molecules=run.molecules, density=run.density)
        atoms = to_ase(build(run.phase, small, seed=9, size=size))
        del atoms.arrays["mol"]
        return atoms
    where = work / f"classical-{run.temperature:g}K"
    words = ["--md", "--water-model", "tip4p-2005", "--molecules", str(run.molecules)]
    words += ["--states", f"{run.temperature:g}@0", "--quiet"]
    command = [sys.executable, "-m", "iceclass.cli", "generate", "water", *words, "-o", str(where)]
    subprocess.run(command, check=True)
    (dump,) = where.rglob("*.lammpstrj")
    last: Any = read(dump, format="lammps-dump-text", index=-1, specorder=["O", "H"])
    atoms = Atoms(last.symbols, last.positions, cell=last.cell, pbc=True)
    grams = atoms.get_masses().sum() / units.mol / (atoms.get_volume() * 1e-24)
    atoms.set_cell(atoms.cell * (grams / run.density) ** (1 / 3), scale_atoms=True)
    return atoms


def simulate(run: Run, potential: str, work: Path) -> list[Atoms]:
    """Every frame that is kept, those of the equilibration first; from ``work`` what is there."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / f"{run.name}.extxyz"
    steps = run.equilibration + run.production
    kept: list[Atoms] = [*read(path, index=":")] if path.exists() else []
    if kept:
        atoms = kept[-1].copy()
    else:
        atoms = start(run, work)
        masses = np.where(atoms.numbers == 1, HYDROGEN, atoms.get_masses())[:, None]
        atoms.set_masses(masses[:, 0])
        normal = np.random.default_rng(9).normal(size=(len(atoms), 3))
        atoms.set_momenta(normal * np.sqrt(masses * units.kB * run.temperature))
    atoms.calc = calculator(potential)
    rng = np.random.default_rng(len(kept))
    thermostat: dict[str, Any] = {"temperature_K": run.temperature, "rng": rng, "fixcm": False}
    md = Langevin(atoms, units.fs, friction=FRICTION / units.fs, **thermostat)
    for done in range(EVERY * len(kept), steps, EVERY):
        md.run(EVERY)
        kept.append(atoms.copy())
        with replacing(path, force=True) as temporary:
            write(temporary, kept, format="extxyz")
        click.echo(f"{run.name}: {done + EVERY} of {steps} fs, {atoms.get_temperature():.0f} K")
    return kept


def checks(run: Run, frames: tuple[Frame, ...]) -> dict[str, Any]:
    """What the checks of an environment measure, of a bulk of flexible molecules.

    Molecules with heavy hydrogens diffuse more slowly than they would.
    """
    moved, liquid = mean_square_displacement(frames), run.phase == "water"
    interval = EVERY / 1000
    diffusion = float(moved[-1] - moved[1]) / (6 * interval * (len(frames) - 2))
    ice = float(np.isin(chill_plus(frames[-1]), ("ih", "ic", "hydrate")).mean())
    measured = EnvironmentChecks(
        kind="liquid" if liquid else "crystal",
        temperature=run.temperature,
        first_peak=round(radial_distribution(frames).first_peak, 3),
        density=run.density,
        expected_density=None,
        displacement={run.phase: round(float(moved[-1]), 4)},
        diffusion=round(diffusion, 6) if liquid else None,
        slow=False,
        left_sites=None,
        without_truth=0.0,
        ice=round(ice, 4) if liquid else None,
        on_sites=None,
    ).to_dict()
    del measured["reasons"]
    return measured


def entry(run: Run, number: int, made: list[Atoms], potential: str) -> tuple[str, Any, Any]:
    """What goes into the data set: name, description, frames."""
    sampled = made[run.equilibration // EVERY :]
    oxygens = [a[a.numbers == 8] for a in sampled]
    frames = tuple(Frame(positions=a.positions, cell=a.cell[:]) for a in oxygens)
    named = potential.rpartition(":")[2].rstrip("/").rpartition("/")[2]
    kind = "liquid" if run.phase == "water" else "crystal"
    temperature = float(np.mean([a.get_temperature() for a in sampled]))
    group = f"{kind}-{named}"
    description = {
        **{"phase": run.phase, "phases": [run.phase], "environment": kind, "split": "test"},
        **{"preparation": f"{group}-p{number}", "group": group, "water_model": named},
        **{"iceclass_trajectory": 1, "temperature": run.temperature, "pressure": 0.0},
        **{"molecules": len(sampled[0]) // 3, "density": run.density},
        "mean_temperature": temperature,
        "checks": checks(run, frames),
        "definition": {"recipe": {"kind": "FirstPrinciples"}, "seed": number}
        | {"hydrogen_mass": HYDROGEN}
        | {"equilibration": run.equilibration / 1000, "production": run.production / 1000},
        "versions": {"iceclass": __version__, "ase": version("ase")},
    }
    return f"{group}-p{number}_{run.temperature:g}K_0GPa", description, frames


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.argument("potential")
@click.argument("work", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(potential: str, work: Path, output: Path) -> None:
    entries, arrays = [], {}
    for number, run in enumerate(RUNS, start=9001):
        name, description, frames = entry(run, number, simulate(run, potential, work), potential)
        entries.append((name, description, frames))
        made = np.zeros(frames[0].n_molecules, np.int8)
        arrays[name] = {"made": made, "truth": np.tile(made, (len(frames), 1))}
    write_reference(output, entries, arrays=arrays)
    click.echo(f"{output}: {len(entries)} trajectories")


if __name__ == "__main__":
    main()
