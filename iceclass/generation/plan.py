"""Plans of many preparations, in YAML, and what is missing of them.

A plan has one list, ``environments``, of groups of simulations in the order in which they are worth
their time. Its entries have

``name``, ``kind``
    Of the group, for good; what surrounds its molecules (default: the recipe's).
``phase``, ``model``, ``recipe``
    A phase or GenIce2 lattice, a water model, a recipe (default: the phase's own).
``seed``, ``split``
    Of the first preparation; the side of each, ``[train, test, …]``: so many are there.
``states``
    ``240@0 220@0.1``, in K and GPa; or a list of such rows, which take turns.
``molecules``, ``repetition``, ``density``
    Of the starting structure.
``settings``
    Of recipe and dynamics, as ``iceclass generate --set`` takes them.
``variants``
    Other values of these, each with a ``name`` and, unless it gives its own, seeds ten further on.
``later``
    So many places further back in the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceclass.datasets.environments import RESERVED_KINDS, RESERVED_MODELS
from iceclass.datasets.splits import SPLITS
from iceclass.errors import (
    IceclassError,
    InputError,
    MissingDependencyError,
    OutputError,
    unknown_name,
)
from iceclass.files import OutputLock, write_text
from iceclass.generation.catalogue import find_recipe
from iceclass.generation.lattices import Size
from iceclass.generation.runs import Preparation, recipe_of, run
from iceclass.generation.settings import apply_settings
from iceclass.generation.stages import Dynamics
from iceclass.generation.states import parse_state
from iceclass.generation.water_models import water_model

KEYS = {
    "name",
    "kind",
    "phase",
    "model",
    "recipe",
    "seed",
    "split",
    "states",
    "molecules",
    "repetition",
    "density",
    "settings",
    "variants",
    "later",
}

FAILED = "failed.txt"
"""Why LAMMPS could not finish a preparation, which is not tried again before this is removed."""


@dataclass(frozen=True)
class Job:
    """One preparation to run.

    Attributes
    ----------
    group
        Name of the entry of the plan it belongs to, with that of the variant.
    kind
        What surrounds its molecules: liquid, crystal, glass, interface, nucleus, surface …
    split
        ``train``, ``validation`` or ``test``.
    preparation
        What is simulated.
    """

    group: str
    kind: str
    split: str
    preparation: Preparation

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise unknown_name("split", self.split, SPLITS)
        model = self.preparation.model.name
        if self.split != "test" and (model in RESERVED_MODELS or self.kind in RESERVED_KINDS):
            raise InputError(f"{model} {self.kind} is for tests only, not {self.split}")

    @property
    def name(self) -> str:
        """Unique in the plan."""
        return f"{self.group}-p{self.preparation.seed}"

    def folder(self, runs: Path) -> Path:
        """Where the preparation lies, of the runs in a directory."""
        return runs / self.group / self.preparation.name

    def state(self, runs: Path) -> str:
        """``complete``, every trajectory with its description; ``failed``; or ``missing``."""
        folder, made = self.folder(runs), self.preparation
        paths = [folder / made.trajectory_name(state) for state in made.states]
        if all(p.is_file() and p.with_suffix(".json").is_file() for p in paths):
            return "complete"
        return "failed" if (folder / FAILED).exists() else "missing"


def read_plan(path: Path) -> list[Job]:
    """All jobs, so that all kinds are there early, on the training and on the test side.

    First the first preparation of every entry's first variant, in the order of the file; then the
    second of these and the first of the second variants; and so on. An entry's ``later`` puts it
    so many places back.

    Raises
    ------
    InputError
        The file is no plan; the entry and what is wrong with it are named.
    MissingDependencyError
        PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError("a plan", "PyYAML", "generate") from error
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"not a plan of environments: {error}", path=path) from error
    entries = content.get("environments") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise InputError("expected a list 'environments'", path=path)
    ranked: list[tuple[int, Job]] = []
    for entry in entries:
        try:
            ranked += _expanded(entry)
        except InputError as error:
            name = entry.get("name", entry) if isinstance(entry, dict) else entry
            raise InputError(f"{name}: {error.message}", path=path, hint=error.hint) from error
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(f"entry {entry!r}: {error}", path=path) from error
    jobs = [job for _, job in sorted(ranked, key=lambda pair: pair[0])]
    names = [job.name for job in jobs]
    if twice := {n for n in names if names.count(n) > 1}:
        raise InputError(f"{sorted(twice)[0]} is planned twice", path=path)
    return jobs


def _expanded(entry: Mapping[str, Any]) -> Iterator[tuple[int, Job]]:
    """The jobs of one entry, each with how late it comes.

    A variant's keys replace the entry's, its settings add to them.
    """
    for number, variant in enumerate(entry.get("variants", [{}])):
        merged = {**entry, **variant}
        merged["settings"] = {**entry.get("settings", {}), **variant.get("settings", {})}
        for one, other in (("repetition", "molecules"), ("molecules", "repetition")):
            if one in variant:
                merged.pop(other, None)
        for key in merged:
            if key not in KEYS:
                raise unknown_name("key", key, KEYS)
        group = entry["name"] + (f"-{variant['name']}" if "name" in variant else "")
        seed = int(merged["seed"]) + (0 if "seed" in variant else 10 * number)
        for k, split in enumerate(merged["split"]):
            yield number + k + int(merged.get("later", 0)), _job(group, merged, seed + k, split, k)


def _job(group: str, entry: Mapping[str, Any], seed: int, split: str, k: int) -> Job:
    """The ``k``-th preparation of an entry; several rows of states take turns."""
    phase = str(entry["phase"])
    recipe = find_recipe(entry["recipe"]) if "recipe" in entry else recipe_of(phase)
    settings = {key: str(value) for key, value in entry["settings"].items()}
    made, dynamics = apply_settings(recipe, Dynamics(), settings)
    rows = entry["states"] if isinstance(entry["states"], list) else [entry["states"]]
    states = tuple(parse_state(word) for word in str(rows[k % len(rows)]).split())
    size = Size(
        tuple(entry["repetition"]) if "repetition" in entry else None,
        entry.get("molecules"),
        entry.get("density"),
    )
    model = water_model(str(entry["model"]))
    preparation = Preparation(phase, model, seed, states, made, dynamics, size)
    return Job(group, str(entry.get("kind", made.environment)), split, preparation)


def perform(job: Job, runs: Path) -> str:
    """Do what is missing of a job, unless another process does; a line on what became of it.

    A process that is killed leaves nothing that keeps another one from going on.
    """
    folder = job.folder(runs)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = OutputLock(folder)
    except OutputError as error:
        return f"{job.name}: {error.message}"
    try:
        if (state := job.state(runs)) == "failed":
            return f"{job.name}: failed before, see {folder / FAILED}"
        if state == "missing":
            run(job.preparation, folder.parent)
            state = "done"
    except IceclassError as error:
        folder.mkdir(exist_ok=True)
        write_text(folder / FAILED, f"{error}\n", force=True)
        state = f"failed: {error}"
    finally:
        lock.release()
    return f"{job.name}: {state}"
