"""The memory of a run does not grow with the number of its frames, whatever is recorded of them."""

from __future__ import annotations

import csv
import gc
import json
import pickle
import subprocess
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from iceclass import label
from iceclass.analysis.clusters import Clusters
from iceclass.analysis.profile import Profile
from iceclass.benchmark.labels import write_dump
from iceclass.benchmark.systems import ice
from iceclass.io.output.csv_tables import read_rows
from iceclass.io.text import blocks, columns
from iceclass.io.water import molecules
from iceclass.kernels.threads import threads
from iceclass.labelling.options import OutputOptions
from iceclass.model.file import load_model
from iceclass.reports.clusters import largest_cluster_figure
from iceclass.reports.phases import phase_fractions_figure
from iceclass.reports.thinning import Thinned

KEPT = 1300
"""Bytes a frame that were kept of it once, without observers: what is allowed is a small part."""


def write_tiny(path: Path, frames: int) -> Path:
    """A dump of four sites, two frames of which differ."""
    sites = [(3.0, 3.0), (5.8, 3.0), (3.0, 5.8), (5.8, 5.8)]
    head = "ITEM: NUMBER OF ATOMS\n4\nITEM: BOX BOUNDS pp pp pp\n" + 3 * "0 12\n"
    with path.open("w") as file:
        for t in range(frames):
            rows = "".join(
                f"{k + 1} 1 {x + 0.1 * (t % 7)} {y} 5\n" for k, (x, y) in enumerate(sites)
            )
            file.write(f"ITEM: TIMESTEP\n{t}\n{head}ITEM: ATOMS id type x y z\n{rows}")
    return path


@pytest.fixture
def model():
    return load_model("soap-37")


@pytest.fixture
def watched(model):
    """Observers whose records are larger than a frame's own."""
    return {"clusters": Clusters(model.classes), "profile": Profile(model.classes, width=0.5)}


@pytest.mark.parametrize("output", ["out.lammpstrj", "out.npz", None])
def test_nothing_is_kept_of_a_frame(tmp_path, model, watched, output):
    begin, first, last = 100, 200, 1200
    source = write_tiny(tmp_path / "traj.lammpstrj", last)
    seen = {}

    def progress(frames, molecules, position):
        if frames == begin:
            tracemalloc.start()
        elif frames in (first, last):
            gc.collect()
            seen[frames] = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()

    def finish(labels):
        for name, observer in watched.items():
            observer.write(tmp_path / f"{name}.csv", labels.observed[name])
        labels.write_csv(tmp_path / "phases.csv")
        labels.write_summary(tmp_path / "phases.json")
        seen["peak"] = tracemalloc.get_traced_memory()[1] - seen[last]
        tracemalloc.stop()

    result = label(
        source,
        model,
        None if output is None else tmp_path / output,
        keep_labels=False,
        types={1: "O"},
        observers=watched,
        progress=progress,
        finish=finish,
    )
    assert seen[last] - seen[first] < 0.1 * KEPT * (last - first)
    assert seen["peak"] < 4_000_000, "files beside it are written row by row"
    assert len((tmp_path / "phases.csv").read_text().splitlines()) == 1 + last
    assert json.loads((tmp_path / "phases.json").read_text())["frames"] == last
    assert result.labels is None


def test_what_is_known_of_each_frame_is_read_when_it_is_asked_for(tmp_path, model):
    """The journal has lost its name by then, and the result can be sent to another process."""
    source = write_tiny(tmp_path / "traj.lammpstrj", 20)
    options = {"types": {1: "O"}, "observers": {"clusters": Clusters(model.classes)}}
    in_memory = label(source, model, **options)
    for output in (tmp_path / "out.lammpstrj", tmp_path / "out.csv", None):
        result = label(source, model, output, keep_labels=False, **options)
        again = pickle.loads(pickle.dumps(result))
        for name in ("frames", "timesteps", "molecules", "counts", "mean_confidence", "fractions"):
            expected = getattr(in_memory, name)
            for found in (result, again):
                assert getattr(found, name).dtype == expected.dtype
                assert np.array_equal(getattr(found, name), expected)
        assert [*result.observed["clusters"]] == [*in_memory.observed["clusters"]]
        assert result.mean_fractions == in_memory.mean_fractions
        assert result.statistics == in_memory.statistics == again.statistics
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "out.csv",
        "out.lammpstrj",
        "traj.lammpstrj",
    ]


def test_thinned():
    few, many = Thinned[int](10), Thinned[int](10)
    for k in range(20):
        few.add(k)
    for k in range(1003):
        many.add(k)
    assert few.items() == list(range(20))
    kept = many.items()
    assert (kept[0], kept[-1]) == (0, 1002)
    assert 10 <= len(kept) <= 21
    assert len({b - a for a, b in pairwise(kept[:-1])}) == 1, "evenly"


def test_a_large_frame_takes_less_than_a_kibibyte_a_molecule(tmp_path, monkeypatch):
    for module, name in ((blocks, "_HANDED_OVER"), (columns, "_MANY"), (molecules, "_MANY")):
        monkeypatch.setattr(module, name, 1)  # what is large
    monkeypatch.setattr(blocks, "_STEP", 1 << 16)
    dump, out = tmp_path / "large.lammpstrj", tmp_path / "out.lammpstrj"
    peaks = {}
    for n in (400, 16_000, 32_000):  # the first compiles what is not
        write_dump(dump, [ice(n)], "O H H")
        gc.collect()
        tracemalloc.start()
        with threads(1):
            label(dump, output=out, writing=OutputOptions(force=True, keep_labels=False))
        peaks[n] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[32_000] - peaks[16_000] < 1024 * 16_000


def test_figures_of_many_frames_take_little_memory(tmp_path):
    phases, clusters = tmp_path / "p.csv", tmp_path / "c.csv"
    with phases.open("w") as p, clusters.open("w") as c:
        p.write("frame,timestep,molecules,ih,water,unknown\n")
        c.write("frame,timestep,molecules,phase,classes,clusters,largest,second_largest\n")
        for t in range(30_000):
            p.write(f"{t},{10 * t},400,{0.5 + 0.4 * np.sin(t / 3000):.6f},0.1,0\n")
            c.write(f"{t},{10 * t},400,ih,ih,1,{t // 100},0\n{t},{10 * t},400,ice,ih ic,1,9,0\n")
    small = tmp_path / "small.csv"
    small.write_text("".join(phases.read_text().splitlines(keepends=True)[:5000]))
    phase_fractions_figure(small, tmp_path / "p.png")  # Matplotlib's own
    peaks = {}
    for table, figure in (
        (small, phase_fractions_figure),
        (phases, phase_fractions_figure),
        (clusters, largest_cluster_figure),
    ):
        tracemalloc.start()
        figure(table, tmp_path / "p.png")
        peaks[table] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[phases] < peaks[small] + 3_000_000, "30 000 rows as dicts are 15 MB"
    assert peaks[clusters] < peaks[small] + 6_000_000
    with phases.open() as file:
        assert list(read_rows(phases, ("ih",), "fractions")) == list(csv.DictReader(file))


@pytest.mark.slow
def test_the_memory_of_the_command(tmp_path):
    """As the system sees it, reading, writing and drawing included."""
    write_tiny(tmp_path / "traj.lammpstrj", 9_000)
    code = (
        "import resource, sys; from iceclass.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for frames in ("1000", "9000"):
        arguments = ["label", "traj.lammpstrj", "-m", "soap-37", "--types", "1=O", "-q"]
        arguments += ["--force", "--stop", frames, "--clusters", "--profile", "z"]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        status, peak = done.stdout.split()
        assert status == "0", done.stderr
        peaks.append(1024 * int(peak))
    assert peaks[1] - peaks[0] < 8_000 * KEPT // 2
