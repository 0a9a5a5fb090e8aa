"""Label one huge frame, or a huge trajectory, and tell time and peak memory.

    python pipelines/large.py --molecules 1000000 -o large/
    python pipelines/large.py --molecules 32000 --gigabytes 10 -o large/

Displaced ice Ih, three atoms a molecule, as LAMMPS writes it; the trajectory repeats a few frames.
What is written is taken away again. The command is ``iceclass label`` in a process of its own, with
``--model soap-325`` unless another is given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click

from iceclass.benchmark.labels import write_dump
from iceclass.benchmark.systems import ice

DIFFERENT = 3
"""Frames that a trajectory repeats."""


def write_trajectory(path: Path, molecules: int, size: float) -> tuple[int, int]:
    """A dump of at least ``size`` bytes and one frame; molecules in a frame, and frames."""
    frames = [ice(molecules, k) for k in range(DIFFERENT if size > 0 else 1)]
    texts = []
    for frame in frames:
        write_dump(path, [frame], "O H H")
        texts.append(path.read_bytes())
    count = 0
    with path.open("wb") as file:
        while count == 0 or file.tell() < size:
            file.write(texts[count % len(texts)])
            count += 1
    return frames[0].n_molecules, count


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
@click.option("--model", default="default", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(molecules: int, gigabytes: float, model: str, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    dump, labelled = output / "large.lammpstrj", output / "large.labels.lammpstrj"
    made = [output / f"large.phases.{kind}" for kind in ("csv", "png", "json")]
    label = [sys.executable, "-m", "iceclass.cli", "label", "--force", "--model", model]
    try:
        write_dump(output / "small.lammpstrj", [ice(432)], "O H H")
        run([*label, str(output / "small.lammpstrj")])  # whatever is compiled on first use
        _, least = run([*label, str(output / "small.lammpstrj")])
        n_molecules, frames = write_trajectory(dump, molecules, gigabytes * 1e9)
        size = dump.stat().st_size
        seconds, peak = run([*label, str(dump), "-o", str(labelled)])
    finally:
        for path in (dump, labelled, *made, *output.glob("small.*")):
            path.unlink(missing_ok=True)
    result = {
        "model": model,
        "molecules_per_frame": n_molecules,
        "frames": frames,
        "gigabytes": round(size / 1e9, 3),
        "seconds": round(seconds, 2),
        "molecules_per_second": round(n_molecules * frames / seconds),
        "peak_MiB": round(peak),
        "peak_of_a_small_frame_MiB": round(least),
        "bytes_per_molecule_of_a_frame": round((peak - least) * 2**20 / n_molecules),
        "text_bytes_per_molecule": round(size / frames / n_molecules),
    }
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
