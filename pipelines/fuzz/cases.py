"""What a case and a target of the fuzzing are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "io"
DEMO = ROOT / "demo" / "melting-slab.lammpstrj.gz"


@dataclass(frozen=True)
class Case:
    """Files to be written into an empty folder, and what is to be done with them."""

    files: Mapping[str, bytes]
    action: str


class Target(Protocol):
    """A reader under attack."""

    def make(self, rng: Random) -> Case:
        """A case; the same for the same state of the generator."""

    def run(self, folder: Path, action: str) -> None:
        """Do it: return, or raise an ``IceclassError``. Anything else is a violation."""
