"""Label one huge frame, or a huge trajectory, and tell time and peak memory.

    python pipelines/large.py --molecules 1000000 -o large/
    python pipelines/large.py --molecules 32000 --gigabytes 5 --chill-plus 40 -o large/
    python pipelines/large.py --molecules 32000 --gigabytes 5 --binary --chill-plus 40 -o large/

Displaced ice Ih, three atoms a molecule, as LAMMPS writes it; the trajectory repeats a few frames.
What is written is taken away again. The command is ``iceclass label`` in a process of its own.
Beside it, in the same run: how fast the disk gives the file, and how fast OVITO reads the first
frames of it and applies CHILL+ to their oxygens, with as many threads.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click

from iceclass.benchmark.labels import write_binary, write_dump
from iceclass.benchmark.systems import ice

DIFFERENT = 3
"""Frames that a trajectory repeats."""


@dataclass(frozen=True)
class Dump:
    """A dump that repeats a few snapshots.

    Attributes
    ----------
    path
        The file.
    molecules
        In a snapshot.
    snapshots
        The bytes of those that are repeated.
    """

    path: Path
    molecules: int
    snapshots: list[bytes]

    @classmethod
    def of(cls, path: Path, molecules: int, different: int) -> Self:
        """A text dump, or a binary one if its name ends in ``.bin``, of so many snapshots."""
        text, snapshots = path.with_suffix(".lammpstrj"), []
        frames = [ice(molecules, k) for k in range(different)]
        for frame in frames:
            write_dump(text, [frame], "O H H")
            if path != text:
                write_binary(path, text)
            snapshots.append(path.read_bytes())
        text.unlink()
        return cls(path, frames[0].n_molecules, snapshots)

    def write(self, size: float, most: float = math.inf) -> int:
        """At least one snapshot and ``size`` bytes, but not more than ``most``; how many."""
        count = 0
        with self.path.open("wb") as file:
            while count == 0 or (file.tell() < size and count < most):
                file.write(self.snapshots[count % len(self.snapshots)])
                count += 1
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # to be read from disk
        return count

    def from_disk(self) -> float:
        """Bytes a second that the disk gives; they are forgotten again."""
        began = time.perf_counter()
        with self.path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass
            rate = self.path.stat().st_size / (time.perf_counter() - began)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return rate


def chill_plus(path: Path) -> float:
    """Seconds that OVITO takes to read all frames and apply CHILL+ to their oxygens."""
    from ovito.io import import_file
    from ovito.modifiers import ChillPlusModifier, DeleteSelectedModifier, SelectTypeModifier

    began = time.perf_counter()
    pipeline = import_file(str(path))
    pipeline.modifiers.append(SelectTypeModifier(types={2}))
    pipeline.modifiers.append(DeleteSelectedModifier())
    pipeline.modifiers.append(ChillPlusModifier())
    for frame in range(pipeline.num_frames):
        pipeline.compute(frame)
    return time.perf_counter() - began


def run(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in MiB of a command.

    Raises
    ------
    click.ClickException
        It failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise click.ClickException(f"iceclass label ended with status {process.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


@click.command(help=__doc__.splitlines()[0])
@click.option("--molecules", type=click.IntRange(min=8), default=32_000, show_default=True)
@click.option("--gigabytes", type=float, default=0.0, help="Size of the dump; 0: one frame.")
@click.option("--binary", is_flag=True, help="A .bin file, as LAMMPS writes it.")
@click.option("--model", default="default", show_default=True)
@click.option("--chill-plus", "n_chill", type=int, default=0, help="Frames for OVITO's CHILL+.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(
    molecules: int, gigabytes: float, binary: bool, model: str, n_chill: int, output: Path
) -> None:
    output.mkdir(parents=True, exist_ok=True)
    path = output / ("large.bin" if binary else "large.lammpstrj")
    small, labelled = output / "small.lammpstrj", output / "large.labels.lammpstrj"
    made = [output / f"large.phases.{kind}" for kind in ("csv", "png", "json")]
    label = [sys.executable, "-m", "iceclass.cli", "label", "--force", "--model", model]
    further: dict[str, int] = {}
    try:
        write_dump(small, [ice(432)], "O H H")
        run([*label, str(small)])  # whatever is compiled on first use
        _, least = run([*label, str(small)])
        dump = Dump.of(path, molecules, DIFFERENT if gigabytes > 0 else 1)
        if n_chill:
            n_frames = dump.write(math.inf, n_chill)
            rate = n_frames * dump.molecules / chill_plus(path)
            further["chill_plus_molecules_per_second"] = round(rate)
        frames = dump.write(gigabytes * 1e9)
        size = path.stat().st_size
        from_disk = dump.from_disk() * frames * dump.molecules / size
        seconds, peak = run([*label, str(path), "-o", str(labelled)])
    finally:
        for written in (path, labelled, *made, *output.glob("small.*")):
            written.unlink(missing_ok=True)
    result = {
        "model": model,
        "format": "binary" if binary else "text",
        "molecules_per_frame": dump.molecules,
        "frames": frames,
        "gigabytes": round(size / 1e9, 3),
        "seconds": round(seconds, 2),
        "molecules_per_second": round(dump.molecules * frames / seconds),
        "disk_molecules_per_second": round(from_disk),
        **further,
        "peak_MiB": round(peak),
        "peak_of_a_small_frame_MiB": round(least),
        "bytes_per_molecule_of_a_frame": round((peak - least) * 2**20 / dump.molecules),
        "file_bytes_per_molecule": round(size / frames / dump.molecules),
    }
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
