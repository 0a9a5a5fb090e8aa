"""Coverage-guided fuzzing of the dump reader with atheris (libFuzzer), which is installed apart.

    pip install atheris
    python -m pipelines.fuzz.guided corpus/ -runs=20000 -max_len=20000 -rss_limit_mb=2048

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

KERNELS = ("fields", "formatting", "geometry", "parsing", "text_blocks")

with atheris.instrument_imports(
    include=["iceclass.io", "iceclass.frame"], exclude=[f"iceclass.io.{name}" for name in KERNELS]
):
    from iceclass.io import Trajectory, lammps_dump  # noqa: F401

from iceclass.errors import IceclassError  # noqa: E402
from pipelines.fuzz.cases import DATA  # noqa: E402


def main() -> None:
    """Fuzz until libFuzzer is content; anything but an ``IceclassError`` ends it."""
    corpus = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    for folder in corpus:
        folder.mkdir(parents=True, exist_ok=True)
        for seed in DATA.glob("*.lammpstrj"):
            (folder / seed.name).write_bytes(seed.read_bytes()[:6000])
    path = Path(tempfile.mkdtemp()) / "a.lammpstrj"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        for on_error in ("raise", "skip"):
            try:
                with Trajectory(path, on_error=on_error) as trajectory:  # type: ignore[arg-type]
                    for frame in trajectory:
                        assert frame.atoms is not None
                        dict(frame.atoms.columns)
            except IceclassError as error:
                text = str(error)
                if str(path) not in text or not text.isprintable():
                    raise AssertionError(text) from error

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
