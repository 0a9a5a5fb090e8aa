"""``iceclass label`` killed at random moments, or out of disk, ends with the bytes it should.

The command runs once undisturbed. Then it is started, killed by SIGKILL at a random time after its
journal appeared or a random frame is in it, and started again, until it comes to its end by
itself; all files that are left must be those of the undisturbed run, byte for byte. A limit on
the size of files (RLIMIT_FSIZE) stands for a disk that is full. With ICECLASS_FUZZ in the
environment so many kills are tried.
"""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from iceclass.io.output.resumable import journal_path

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo" / "melting-slab.lammpstrj.gz"
INPUT = "traj.lammpstrj"
FRAMES = 42
"""Of the input: the demo, twice."""
KILLS = int(os.environ.get("ICECLASS_FUZZ", "4"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def command(output: str) -> list[str]:
    words = ["label", INPUT, "--model", "soap-37", "--quiet", "-o", output]
    return [sys.executable, "-m", "iceclass.cli", *words, "--clusters", "--profile", "z"]


def run(folder: Path, output: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(output),
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def take_files(folder: Path) -> dict[str, bytes]:
    """All files but the input, which are removed."""
    paths = [path for path in sorted(folder.iterdir()) if path.name != INPUT]
    found = {path.name: path.read_bytes() for path in paths}
    for path in paths:
        path.unlink()
    return found


def kill_after_a_while(folder: Path, output: str, rng: Random) -> str:
    """Start, kill at a random time after the journal is there; when that was, in words."""
    journal = journal_path(folder / output)
    # most of the time goes into figures at the end: most kills wait for a number of frames
    frames = rng.randint(1, FRAMES) if rng.random() < 0.7 else -1
    wait = rng.random() * (1.5 if frames < 0 else 0.02)
    began = None
    with subprocess.Popen(command(output), cwd=folder, env=ENVIRONMENT) as child:
        while child.poll() is None:
            if began is None and journal.exists() and journal.read_bytes().count(b"\n") > frames:
                began = time.monotonic()
            if began is not None and time.monotonic() - began >= wait:
                child.send_signal(signal.SIGKILL)
                break
            time.sleep(0.0005)
    if child.returncode == 0:
        return "ended before"
    assert child.returncode == -signal.SIGKILL
    if not journal.exists():
        return "after the last frame"
    text = journal.read_text(errors="replace")
    if '"finishing"' in text:
        return "while or after final names were written"
    return "before the first frame" if text.count("\n") < 2 else "between frames or within one"


@pytest.fixture(scope="module", params=["o.lammpstrj", "o.lammpstrj.gz"])
def undisturbed(request, tmp_path_factory):
    """Folder, output, and what the command leaves."""
    folder, output = tmp_path_factory.mktemp("killed"), request.param
    (folder / INPUT).write_bytes(2 * gzip.decompress(DEMO.read_bytes()))
    done = run(folder, output)
    assert done.returncode == 0, done.stderr
    expected = take_files(folder)
    assert len(expected) > 3
    return folder, output, expected


def test_a_killed_run_ends_with_the_bytes_of_an_undisturbed_one(undisturbed):
    folder, output, expected = undisturbed
    rng, when, kills = Random(output), Counter[str](), 0
    while kills < KILLS // 2:
        for _ in range(rng.randint(1, 4)):  # the same run, killed again and again
            moment = kill_after_a_while(folder, output, rng)
            when[moment] += 1
            kills += moment != "ended before"
            if moment in ("ended before", "after the last frame"):
                break
        if moment == "after the last frame" and (folder / output).exists():
            assert take_files(folder) == expected
            continue
        if moment != "ended before":
            done = run(folder, output)
            assert done.returncode == 0, done.stderr
        assert take_files(folder) == expected, when
    print(output, dict(when))


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(undisturbed):
    folder, output, expected = undisturbed
    rng = Random(output)
    for _ in range(max(1, KILLS // 10)):
        size = rng.randrange(1, len(expected[output]))

        def limited(size: int = size) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        done = run(folder, output, preexec_fn=limited)
        assert done.returncode != 0
        assert "cannot be written" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (folder / output).exists()
        done = run(folder, output)
        assert done.returncode == 0, done.stderr
        assert take_files(folder) == expected, size
