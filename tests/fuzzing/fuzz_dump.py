"""Coverage-guided fuzzing of the dump reader with atheris (libFuzzer), which is installed apart.

    pip install atheris
    python -m tests.fuzzing.fuzz_dump corpus/ -dict=tests/data/fuzz/dump.dict -max_len=20000

The Python of the reader is instrumented: headers, boxes, rows, columns, kinds of atoms, frames.
The Numba kernels are not: what they compile would hold the calls that count coverage, which they
do not understand. To libFuzzer they are one step each; the inputs that reach them do so by the
branches before and after. The corpus starts from the dumps of tests/data.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "tests" / "data" / "io"
KERNELS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "iceclass").rglob("*.py")
    if "numba" in path.read_text(encoding="utf-8")
]
"""Modules with compiled functions."""

with atheris.instrument_imports(include=["iceclass.io", "iceclass.frame"], exclude=KERNELS):
    from iceclass.io import Trajectory

from iceclass.errors import IceclassError  # noqa: E402


def read(path: Path) -> None:
    """Every column of every frame, damaged frames left out or not."""
    for on_error in ("raise", "skip"):
        try:
            with Trajectory(path, on_error=on_error) as trajectory:
                for frame in trajectory:
                    assert frame.atoms is not None
                    dict(frame.atoms.columns)
        except IceclassError as error:
            text = str(error)
            if str(path) not in text or not text.isprintable():
                raise AssertionError(text) from error


def main() -> None:
    """Fuzz until libFuzzer is content; anything but an ``IceclassError`` ends it."""
    for folder in (Path(word) for word in sys.argv[1:] if not word.startswith("-")):
        folder.mkdir(parents=True, exist_ok=True)
        for seed in SEEDS.glob("*.lammpstrj"):
            (folder / seed.name).write_bytes(seed.read_bytes()[:6000])
    path = Path(tempfile.mkdtemp()) / "a.lammpstrj"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        read(path)

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
