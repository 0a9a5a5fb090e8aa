"""One preparation from structure to trajectories: builds, runs, checks what came out, records.

Files of a preparation, all in one directory of its own name:

``preparation.json``
    What was asked for; a directory made for something else is refused.
``start.data``, ``groups.lmp`` and per stage ``*.in``, ``*.log``, ``*.restart``
    Where it starts, and which molecules are held; input, log and end of every stage; the last
    stays for continuation.
``NAME_240K_0.1GPa.lammpstrj`` and ``.json``
    A trajectory and what it is: phase, preparation, state point, model, density, provenance.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from iceclass._version import __version__
from iceclass.datasets.metadata import METADATA_VERSION
from iceclass.errors import InputError
from iceclass.external.lammps import lammps_version, read_thermo
from iceclass.files import write_json
from iceclass.generation.catalogue import RECIPES
from iceclass.generation.construction import GROUPS, Arrangement
from iceclass.generation.engine import run_stages
from iceclass.generation.formats import write_lammps_data
from iceclass.generation.lattices import Size, Structure, build
from iceclass.generation.other_sites import Others
from iceclass.generation.recipes import Recipe
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import WaterModel
from iceclass.phases import PHASES


@dataclass(frozen=True)
class Preparation:
    """One independent sample of a phase and the state points it is taken to.

    Attributes
    ----------
    phase
        Phase name, or any GenIce2 lattice, which is then treated as a crystal.
    model
        Water model.
    seed
        Of proton disorder, velocities and random shear planes: what makes it independent.
    states
        Visited in this order.
    recipe
        Default: the phase's own.
    size
        Of the starting structure.
    """

    phase: str
    model: WaterModel
    seed: int
    states: tuple[State, ...]
    recipe: Recipe
    dynamics: Dynamics = field(default_factory=Dynamics)
    size: Size = field(default_factory=Size)

    def __post_init__(self) -> None:
        self.dynamics.check(self.model.one_site)

    @property
    def name(self) -> str:
        """Unique among preparations: phase, model, seed."""
        made = "" if self.recipe.pure else f"_{type(self.recipe).__name__.lower()}"
        return f"{self.phase}_{self.model.name}{made}_p{self.seed}"

    def trajectory_name(self, state: State) -> str:
        """File name of the trajectory at a state point."""
        return f"{self.name}_{state}.lammpstrj"

    def to_dict(self) -> dict[str, Any]:
        """Everything that defines the runs, JSON-serialisable; the states are not part of it."""
        return {
            "phase": self.phase,
            "water_model": self.model.name,
            "seed": self.seed,
            "recipe": {"kind": type(self.recipe).__name__, **asdict(self.recipe)},
            "dynamics": asdict(self.dynamics),
            **asdict(self.size),
        }


def recipe_of(phase: str) -> Recipe:
    """The default recipe of a phase; a lattice that is no phase of ours is a crystal."""
    return RECIPES[PHASES[phase].recipe if phase in PHASES else "crystal"]


def run(
    preparation: Preparation, root: Path, report: Callable[[str], None] = lambda text: None
) -> list[Path]:
    """Make every trajectory of ``preparation`` under ``root``; what is complete is not redone.

    Returns the trajectory files, in the order of the states.

    Raises
    ------
    InputError
        The directory holds a preparation of the same name made with other settings.
    SimulationError
        LAMMPS stopped with an error.
    """
    if not preparation.states:
        raise InputError(f"{preparation.name}: no state point given")
    directory = root / preparation.name
    directory.mkdir(parents=True, exist_ok=True)
    resolved = preparation.to_dict() | {"states": [str(s) for s in preparation.states]}
    _claim(directory / "preparation.json", resolved)
    structure = build(
        preparation.phase, preparation.model, seed=preparation.seed, size=preparation.size
    )
    for note in structure.notes:
        report(note)
    arrangement = preparation.recipe.arrange(structure, preparation.phase)
    write_lammps_data(arrangement.structure, directory / "start.data", arrangement.others)
    (directory / GROUPS).write_text(arrangement.groups(), encoding="utf-8")
    if preparation.model.one_site:
        (directory / "mW.sw").write_text(preparation.model.potential, encoding="utf-8")
    paths = [directory / preparation.trajectory_name(state) for state in preparation.states]
    stages = _stages(preparation, arrangement.structure)
    done = 0
    for k, (state, path) in enumerate(zip(preparation.states, paths, strict=True)):
        upto = next(i for i, s in enumerate(stages) if s.output == path.name) + 1
        run_stages(
            stages[:upto],
            directory,
            prologue=_prologue(preparation, arrangement.others),
            force_field=tuple(
                preparation.model.force_field(
                    heavy_hydrogen=preparation.dynamics.heavy_hydrogen, others=arrangement.others
                )
            ),
            data_file="start.data",
            report=lambda text: report(f"{preparation.name}: {text}"),
        )
        names = [s.name for s in stages[:upto]]
        metadata_path = path.with_suffix(".json")
        if not metadata_path.exists():
            write_json(
                metadata_path,
                _describe(preparation, arrangement, state, directory, names),
                force=True,
            )
        done = k + 1
    assert done == len(preparation.states)
    return paths


def _stages(preparation: Preparation, structure: Structure) -> list[Any]:
    """All stages of a preparation with its state points."""
    recipe, md = preparation.recipe, preparation.dynamics
    first = preparation.states[0]
    triclinic = bool(np.abs(np.tril(structure.cell, -1)).max() > 1e-9)
    stages = list(recipe.prepare(first, 7919 * preparation.seed + 17, md, triclinic))
    before = recipe.end_of_preparation(first)
    for k, state in enumerate(preparation.states, 1):
        output = preparation.trajectory_name(state)
        stages += recipe.visit(k, before, state, md, triclinic, output)
        before = state
    return stages


def _prologue(preparation: Preparation, others: Others | None) -> tuple[str, ...]:
    """LAMMPS commands before any configuration is read."""
    one_site = preparation.model.one_site
    elements = "element O" if one_site else "element O H"
    elements += f" {others.element}" if others else ""
    columns = "id type element x y z" if one_site else "id mol type element x y z"
    whole = "group melted union melted" if one_site else "group melted include molecule"
    return (
        "units real",
        f"atom_style {'atomic' if one_site else 'full'}",
        "boundary p p p",
        f'variable columns string "{columns}"',
        f'variable elements string "{elements}"',
        f'variable whole_molecules string "{whole}"',
        f'variable kspace string "{preparation.model.kspace}"',
        "box tilt large",
    )


def _describe(
    preparation: Preparation,
    arrangement: Arrangement,
    state: State,
    directory: Path,
    stages: Sequence[str],
) -> dict[str, Any]:
    """The content of a trajectory's ``.json`` file."""
    structure = arrangement.structure
    table = read_thermo(directory / f"{stages[-1]}.log")
    scripts = hashlib.sha256()
    for name in stages:
        scripts.update((directory / f"{name}.in").read_bytes())
    conserved, times = np.array(table["Econserve"]), np.array(table["Step"])
    picoseconds = times * preparation.dynamics.timestep / 1000.0
    drift = float(np.polyfit(picoseconds, conserved, 1)[0]) if len(times) > 2 else 0.0
    return {
        "iceclass_trajectory": METADATA_VERSION,
        "phase": preparation.phase if preparation.recipe.pure else "",
        "preparation": preparation.name,
        "temperature": state.temperature,
        "pressure": state.pressure,
        "water_model": preparation.model.name,
        "molecules": structure.n_molecules,
        "density": float(np.mean(table["Density"])),
        "density_deviation": float(np.std(table["Density"])),
        "mean_temperature": float(np.mean(table["Temp"])),
        "energy_per_molecule": float(np.mean(table["PotEng"])) / structure.n_molecules,
        "energy_drift": drift / structure.n_molecules,
        "definition": preparation.to_dict(),
        "environment": preparation.recipe.environment,
        "construction": arrangement.to_dict(),
        "lattice": structure.lattice,
        "repetition": list(structure.repetition),
        "stages": list(stages),
        "scripts_sha256": scripts.hexdigest(),
        "versions": {
            "iceclass": __version__,
            "lammps": lammps_version(),
            "genice2": metadata.version("genice2"),
        },
        "units": {
            "temperature": "K",
            "pressure": "GPa",
            "density": "g/cm3",
            "energy_per_molecule": "kcal/mol",
            "energy_drift": "kcal/mol/ps per molecule",
        },
    }


def _claim(path: Path, definition: Mapping[str, Any]) -> None:
    """Write a directory's definition, or make sure it is the one that is there."""
    wanted = json.loads(json.dumps(definition))
    if not path.exists():
        write_json(path, wanted, force=True)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"not a preparation's definition: {error}", path=path) from error
    different = sorted(k for k in {*wanted, *found} if wanted.get(k) != found.get(k))
    if different:
        k = different[0]
        raise InputError(
            f"was made with {k} = {found.get(k)}, now asked for {wanted.get(k)}",
            path=path,
            hint="use another output directory or the same settings",
        )
