"""A run of ``iceclass label`` that is killed and started again ends with the same bytes."""

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
from pathlib import Path

import pytest

from iceclass.errors import OutputError
from iceclass.io.output.records import record_line
from iceclass.io.output.resumable import ResumableFile, journal_path
from iceclass.io.output.tables import table_writer
from tests.cli.test_main import run as command

DEMO = Path(__file__).parents[3] / "demo" / "melting-slab.lammpstrj.gz"
LABEL = ["label", "traj.lammpstrj", "--model", "soap-37"]
COMMAND = [sys.executable, "-m", "iceclass.cli", *LABEL]
OPTIONS = ["--clusters", "--profile", "z"]


@pytest.fixture(scope="module")
def text():
    return gzip.decompress(DEMO.read_bytes())


@pytest.fixture
def here(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    Path("traj.lammpstrj").write_bytes(text)
    return tmp_path


def run(*arguments, status=0):
    assert command(*LABEL, *arguments) == status


def contents(folder=Path()):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != "traj.lammpstrj"}


def kill_after(frames, output, *arguments):
    """Start the command and kill it as soon as so many frames are in the journal."""
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.DEVNULL) as process:
        journal = journal_path(output)
        while process.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") > frames:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)
    assert process.returncode == -signal.SIGKILL, "it was over before it could be killed"


@pytest.mark.parametrize("output", ["out.lammpstrj", "out.lammpstrj.zst", "out.extxyz.gz"])
def test_killed_again_and_again(here, output):
    run("-o", output, *OPTIONS)
    expected = contents()
    for name in expected:
        Path(name).unlink()
    for frames in (1, 11):
        kill_after(frames, output, "-o", output, *OPTIONS)
        assert not Path(output).exists()
        part = Path(f".{output}.part")
        with part.open("ab") as file:  # what a write under way leaves behind
            file.write(b"half a fra")
        with journal_path(output).open("a") as file:
            file.write('{"frame": 99, "en')
    kept = len(journal_path(output).read_text().splitlines()) - 2
    assert kept >= 11
    run("-o", output, *OPTIONS)
    assert contents() == expected


def test_killed_while_final_names_are_written(here):
    """The journal is the last to go, so that files of the same run may be replaced."""
    run("-o", "out.lammpstrj")
    expected = contents()
    kill_after(3, "out.lammpstrj", "-o", "out.lammpstrj", "--force")
    with journal_path("out.lammpstrj").open("ab") as file:
        file.write(record_line({"finishing": True}))
    run("-o", "out.lammpstrj")  # needs no --force
    assert contents() == expected


def test_what_a_killed_run_was_writing_is_removed(here):
    """Of the files of this run only, and not what a process that is there is writing."""
    run("-o", "out.lammpstrj", *OPTIONS)
    expected = contents()
    kill_after(3, "out.lammpstrj", "-o", "out.lammpstrj", "--force", *OPTIONS)
    with subprocess.Popen(["true"]) as process:
        gone = process.pid
    abandoned = [Path(f".{gone}.part.{name}") for name in expected]
    others = [
        Path(f".{os.getppid()}.part.out.profile.png"),
        Path(f".{gone}.part.other.phases.csv"),
        Path(f".{gone}.part.a.part.out.phases.csv"),
        Path(".x.part.out.phases.csv"),
        Path(f".{10**30}.part.out.phases.csv"),
        Path(f".{gone}.part.out.html"),  # which this run does not write
    ]
    for path in abandoned + others:
        path.write_bytes(b"half a file")
    run("-o", "out.lammpstrj", "--force", *OPTIONS)
    for path in others:
        assert path.read_bytes() == b"half a file"
        path.unlink()
    assert contents() == expected


def test_a_killed_page_is_written_again(here):
    """The page comes last, when nothing but its own half is there to go on with."""
    run("-o", "out.lammpstrj", "--stop", "1", "--page")
    expected = contents()
    with subprocess.Popen(["true"]) as process:
        Path(f".{process.pid}.part.out.html").write_bytes(b"half a page")
    run("-o", "out.lammpstrj", "--stop", "1", "--page", "--force")
    assert contents() == expected


def test_other_settings_or_another_input_start_again(here, text):
    kill_after(3, "out.lammpstrj", "-o", "out.lammpstrj")
    run("-o", "out.lammpstrj", "--no-unknown")
    other = contents()
    Path("out.lammpstrj").unlink()
    run("-o", "fresh.lammpstrj", "--no-unknown")
    assert Path("fresh.lammpstrj").read_bytes() == other["out.lammpstrj"]
    kill_after(3, "two.lammpstrj", "-o", "two.lammpstrj")
    os.utime("traj.lammpstrj", (1, 1))
    file = ResumableFile("two.lammpstrj", {}, sources=[Path("traj.lammpstrj")])
    assert list(file.records) == []
    file.abort()


def test_a_file_that_has_grown_is_gone_on_with(here, text):
    middle = text.index(b"ITEM: TIME\n", len(text) // 2)
    run("-o", "all.lammpstrj")
    Path("traj.lammpstrj").write_bytes(text[:middle])
    kill_after(3, "out.lammpstrj", "-o", "out.lammpstrj")
    before = journal_path("out.lammpstrj").read_text().splitlines()
    with Path("traj.lammpstrj").open("ab") as file:
        file.write(text[middle:])
    run("-o", "out.lammpstrj")
    assert Path("out.lammpstrj").read_bytes() == Path("all.lammpstrj").read_bytes()
    assert len(before) > 3


def test_two_processes_do_not_write_the_same_file(here, capsys):
    with ResumableFile("out.lammpstrj", {}) as first:
        first.write(b"mine")
        run("-o", "out.lammpstrj", status=2)
        assert "is being written by another process" in capsys.readouterr().err
    assert Path("out.lammpstrj").read_bytes() == b"mine"


def test_a_killed_table_leaves_nothing_for_the_next_run(here, capsys):
    """Tables start again; what a killed run left is removed."""
    run("-o", "all.csv")
    writer = table_writer("out.csv")
    run("-o", "out.csv", status=2)
    assert "is being written by another process" in capsys.readouterr().err
    writer.abort()
    assert not list(here.glob(".*"))
    process = subprocess.Popen([*COMMAND, "-o", "out.csv"], stdout=subprocess.DEVNULL)
    part = Path(f".{process.pid}.part.out.csv")
    while not part.exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert part.exists()
    assert Path(".out.csv.lock").exists()
    run("-o", "out.csv")
    assert Path("out.csv").read_bytes() == Path("all.csv").read_bytes()
    assert not list(here.glob(".*"))


def limited(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_a_full_disk_loses_nothing(here):
    """A limit on the size of files stands for it; the error of the system differs in a word."""
    run("-o", "all.lammpstrj")
    done = subprocess.run(
        [*COMMAND, "-o", "out.lammpstrj"],
        preexec_fn=lambda: limited(600_000),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "out.lammpstrj: cannot be written (File too large)" in done.stderr
    assert "run the same command again" in done.stderr
    assert not Path("out.lammpstrj").exists()
    assert journal_path("out.lammpstrj").read_text().count("\n") > 3
    run("-o", "out.lammpstrj")
    assert Path("out.lammpstrj").read_bytes() == Path("all.lammpstrj").read_bytes()


def test_frames_left_out_are_told_of_after_going_on(here, text, capsys):
    lines = text.decode().splitlines(keepends=True)
    broken = [k for k, line in enumerate(lines) if line == "ITEM: TIME\n"][2] + 40
    lines[broken] = "1 2 three\n"
    Path("traj.lammpstrj").write_text("".join(lines))
    run("-o", "all.lammpstrj", "--on-error", "skip")
    expected = json.loads(Path("all.phases.json").read_text())
    assert len(expected["skipped"]) == 1
    kill_after(6, "out.lammpstrj", "-o", "out.lammpstrj", "--on-error", "skip")
    capsys.readouterr()
    run("-o", "out.lammpstrj", "--on-error", "skip")
    assert capsys.readouterr().err.count("skipped:") == 1
    assert json.loads(Path("out.phases.json").read_text()) == expected
    assert Path("out.lammpstrj").read_bytes() == Path("all.lammpstrj").read_bytes()


def test_nothing_is_left_of_a_run_without_a_frame(here):
    Path("traj.lammpstrj").write_text("ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n")
    run("-o", "out.lammpstrj", status=2)
    assert [p.name for p in here.iterdir()] == ["traj.lammpstrj"]


def test_a_journal_of_nonsense_is_ignored(here):
    run("-o", "all.lammpstrj")
    expected = Path("all.lammpstrj").read_bytes()
    for content in (b"\x00\xff\n\n", b"[]\n", b"{}\n" * 3, b'{"journal": 1, "source": 5}\n'):
        journal_path("out.lammpstrj").write_bytes(content)
        Path(".out.lammpstrj.part").write_bytes(b"no")
        run("-o", "out.lammpstrj")
        assert Path("out.lammpstrj").read_bytes() == expected
        Path("out.lammpstrj").unlink()
        for path in Path().glob("out.phases*"):
            path.unlink()


def test_the_lock_is_of_the_file(tmp_path):
    file = ResumableFile(tmp_path / "x.dump", {})
    with pytest.raises(OutputError, match="being written by another process"):
        ResumableFile(tmp_path / "x.dump", {})
    with ResumableFile(tmp_path / "y.dump", {}) as other:
        other.write(b"1")
    file.abort()
    assert [path.name for path in tmp_path.iterdir()] == ["y.dump"]


def follow(*arguments):
    """The command, following a dump that grows; its first two frames are there."""
    return subprocess.Popen(
        [*COMMAND, "-o", "out.lammpstrj", "--follow", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_frames(frames, process):
    journal = journal_path("out.lammpstrj")
    while not journal.exists() or journal.read_bytes().count(b"\n") <= frames:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


@pytest.mark.parametrize("ending", ["interrupt", "idle"])
def test_following_a_running_simulation(here, text, ending):
    run("-o", "all.lammpstrj", "--stop", "5")
    starts = [m.start() for m in re.finditer(b"ITEM: TIME\n", text)]
    dump = Path("traj.lammpstrj")
    dump.write_bytes(text[: starts[2]])
    with follow(*(["3"] if ending == "idle" else [])) as process:
        wait_for_frames(2, process)
        for first in range(starts[2], starts[5], 70_001):
            with dump.open("ab") as file:
                file.write(text[first : min(first + 70_001, starts[5])])
        wait_for_frames(5, process)
        if ending == "interrupt":
            with dump.open("ab") as file:
                file.write(text[starts[5] : starts[5] + 5000])  # the next frame has begun
            process.send_signal(signal.SIGINT)
        out, error = process.communicate()
    assert process.returncode == 0, error
    assert "5 frames" in out
    assert Path("out.lammpstrj").read_bytes() == Path("all.lammpstrj").read_bytes()
    assert Path("out.phases.csv").read_bytes() == Path("all.phases.csv").read_bytes()
