"""Kill ``iceclass label`` at random moments, run it to its end, and compare bytes.

    python -m pipelines.fuzz.kill --kills 50 --seed 1

For every output the command runs once undisturbed. Then it is started, killed by SIGKILL at a
random time after its journal appeared or a random frame is in it, and started again, until it gets
to its end by itself; all files that are left must be those of the undisturbed run, byte for byte.
A limit on the size of files (RLIMIT_FSIZE) stands for a disk that is full.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import click

from iceclass.io.output.resumable import journal_path
from pipelines.fuzz.cases import DEMO

OUTPUTS = ("o.lammpstrj", "o.lammpstrj.gz")
INPUT = "traj.lammpstrj"
FRAMES = 42
"""Of the input: the demo, twice."""
TEMPORARY = re.compile(r"\.\d+\.part\.")


def command(output: str) -> list[str]:
    """The command under attack."""
    label = ["label", INPUT, "--model", "soap-37", "--quiet", "-o", output]
    return [sys.executable, "-m", "iceclass.cli", *label, "--clusters", "--profile", "z"]


def left(folder: Path) -> dict[str, bytes]:
    """All files but the input."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != INPUT}


def environment(folder: Path) -> dict[str, str]:
    """Of the child: the same iceclass, one thread."""
    roots = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, roots)),
        "OMP_NUM_THREADS": "1",
    }


def killed_after_a_while(folder: Path, output: str, rng: Random, seconds: float) -> str:
    """Start, kill at a random time after the journal is there; when that was, in words."""
    journal = journal_path(folder / output)
    with subprocess.Popen(
        command(output), cwd=folder, env=environment(folder), stderr=subprocess.PIPE, text=True
    ) as child:
        began = None
        # most of the time goes into figures at the end: most kills wait for a number of frames
        frames = rng.randint(1, FRAMES) if rng.random() < 0.7 else -1
        wait = rng.random() * (seconds if frames < 0 else 0.02)
        while child.poll() is None:
            if began is None and journal.exists() and journal.read_bytes().count(b"\n") > frames:
                began = time.monotonic()
            if began is not None and time.monotonic() - began >= wait:
                child.send_signal(signal.SIGKILL)
                break
            time.sleep(0.0005)
        told = child.stderr.read() if child.stderr is not None else ""
    if child.returncode == 0:
        return "ended before"
    if child.returncode != -signal.SIGKILL:
        there = ", ".join(left(folder))
        raise SystemExit(f"the command failed by itself: {told.strip()} ({there})")
    if not journal.exists():
        return "after the last frame"
    text = journal.read_text(errors="replace")
    if '"finishing"' in text:
        return "while or after final names were written"
    return "before the first frame" if text.count("\n") < 2 else "between frames or within one"


def undisturbed(folder: Path, output: str) -> tuple[dict[str, bytes], float]:
    """What the command leaves, and how long its journal exists; all removed again."""
    there: list[float] = []
    with subprocess.Popen(command(output), cwd=folder, env=environment(folder)) as child:
        while child.poll() is None:
            if journal_path(folder / output).exists():
                there.append(time.monotonic())
            time.sleep(0.001)
    if child.returncode or not there:
        raise SystemExit(f"the command failed: status {child.returncode}")
    seconds, expected = there[-1] - there[0], left(folder)
    for name in expected:
        (folder / name).unlink()
    return expected, seconds


def full_disk(folder: Path, output: str, expected: dict[str, bytes], rng: Random) -> str:
    """Run with a limit on the size of files, then without; what was wrong, or nothing."""
    size = rng.randrange(1, len(expected[output]))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    first = subprocess.run(
        command(output),
        cwd=folder,
        env=environment(folder),
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    if first.returncode == 0 or "Traceback" in first.stderr or "internal error" in first.stderr:
        return f"limit {size}: status {first.returncode}, {first.stderr.strip()[-300:]}"
    if "cannot be written" not in first.stderr:
        return f"limit {size}: not told why: {first.stderr.strip()[-300:]}"
    if (folder / output).exists():
        return f"limit {size}: there is an output"
    return ends_right(folder, output, expected)


def ends_right(folder: Path, output: str, expected: dict[str, bytes]) -> str:
    """Run to the end and compare; what was wrong, or nothing. All files are removed."""
    done = subprocess.run(
        command(output),
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"status {done.returncode}: {done.stderr.strip()[-300:]}"
    return compare(folder, expected)


def compare(folder: Path, expected: dict[str, bytes]) -> str:
    """How the files that are left differ from the expected ones. All files are removed.

    A hidden temporary file, of the figure or table that was being written when the kill came, is
    not counted: it stays where it is, and no one takes it for a result.
    """
    found = left(folder)
    for name in found:
        (folder / name).unlink()
    names = {name for name in found if not TEMPORARY.match(name)} | expected.keys()
    different = [name for name in sorted(names) if found.get(name) != expected.get(name)]
    return f"other than undisturbed: {', '.join(different)}" if different else ""


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--full", type=int, default=10, show_default=True, help="Runs on a full disk.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "table", type=click.Path(path_type=Path), help="Write the counts here.")
def main(kills: int, full: int, seed: int, table: Path | None) -> None:
    """Kill the command so often, divided among the outputs, and count what was lost."""
    rng = Random(seed)
    rows = []
    for output in OUTPUTS:
        with TemporaryDirectory() as work:
            folder = Path(work)
            (folder / INPUT).write_bytes(2 * gzip.decompress(DEMO.read_bytes()))
            undisturbed(folder, output)  # compiles what is to be compiled
            expected, seconds = undisturbed(folder, output)
            when: Counter[str] = Counter()
            lost: list[str] = []
            n, runs = 0, 0
            while n < kills // len(OUTPUTS):
                for _ in range(rng.randint(1, 4)):  # the same run, killed again and again
                    moment = killed_after_a_while(folder, output, rng, seconds)
                    when[moment] += 1
                    if moment == "ended before":
                        for name in left(folder):
                            (folder / name).unlink()
                        break
                    n += 1
                    if moment == "after the last frame":
                        break
                if moment == "ended before":
                    continue
                runs += 1
                if moment == "after the last frame" and (folder / output).exists():
                    problem = compare(folder, expected)
                else:
                    problem = ends_right(folder, output, expected)
                lost += [problem] * bool(problem)
            rows.append({"injected": "kill -9", "output": output, "times": n, "runs": runs})
            rows[-1] |= {"when": dict(when), "lost": lost}
            lost = [p for _ in range(full // 2) if (p := full_disk(folder, output, expected, rng))]
            rows.append(
                {"injected": "disk full", "output": output, "times": full // 2, "lost": lost}
            )
    for row in rows:
        click.echo(json.dumps(row))
    if table is not None:
        table.write_text(json.dumps(rows, indent=1) + "\n")
    if any(row["lost"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
