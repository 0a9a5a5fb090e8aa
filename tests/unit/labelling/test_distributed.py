"""Labelling by the workers of a real Dask cluster ends with the bytes of one process."""

import gzip
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from iceclass import label
from iceclass.analysis.clusters import Clusters
from iceclass.analysis.observer import Observer
from iceclass.cli.cluster import slurm_cluster
from iceclass.errors import IceclassError, InputError, OutputError
from iceclass.io.lammps.index import ReadPosition
from iceclass.io.options import ReadOptions
from iceclass.io.output.resumable import journal_path
from iceclass.labelling.chunks import Chunk, Work, label_chunk
from iceclass.labelling.distributed import ClusterError, label_distributed
from iceclass.labelling.run import Labeller
from iceclass.model.file import load_model
from tests.cli.test_main import imported_by
from tests.cli.test_main import run as command

DEMO = Path(__file__).parents[3] / "demo" / "melting-slab.lammpstrj.gz"
SOURCE = "traj.lammpstrj"
CHUNK = 160_000
"""Bytes: about two frames of the demo."""


@dataclass(frozen=True, eq=False)
class Trap(Observer):
    """Kills its process at a frame as long as a file is there, which it removes if it is to."""

    flag: str = ""
    timestep: int = 0
    once: bool = True

    @property
    def parameters(self):
        return {}

    def record(self, frame, prediction):
        flag = Path(self.flag)
        if frame.timestep == self.timestep and flag.exists():
            if self.once:
                flag.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"process": os.getpid()}

    def write(self, path, records=None, *, force=False):
        raise AssertionError


@pytest.fixture(scope="module")
def text():
    return gzip.decompress(DEMO.read_bytes())


@pytest.fixture(scope="module")
def model():
    return load_model("soap-37")


@pytest.fixture(scope="module")
def client():
    import dask.distributed
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            worker_dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def here(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    Path(SOURCE).write_bytes(text)
    return tmp_path


def frames_of(text):
    """The frames of the demo, each beginning by its ITEM: TIME; the first by ITEM: UNITS."""
    starts = [m.start() for m in re.finditer(b"ITEM: TIME\n", text)][1:]
    return [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]


def both(output, model, client, chunk_bytes=CHUNK, **options):
    """The results of one process and of the cluster, whose outputs are compared."""
    expected = label(SOURCE, model, output=f"one.{output}", keep_labels=False, **options)
    found = label_distributed(
        SOURCE, model, f"many.{output}", client=client, chunk_bytes=chunk_bytes, **options
    )
    assert Path(f"many.{output}").read_bytes() == Path(f"one.{output}").read_bytes()
    assert found.parameters == expected.parameters
    assert found.skipped == expected.skipped
    observed = [{k: [*rows] for k, rows in r.observed.items()} for r in (found, expected)]
    assert observed[0] == observed[1]
    for name in ("frames", "timesteps", "molecules", "counts", "mean_confidence"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
    hidden = [p.name for p in Path().iterdir() if p.name.startswith(".")]
    assert hidden == [], "nothing else is left"
    return found


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("lammpstrj", {}),
        ("lammpstrj.zst", {"start": 2, "stop": 20}),
        ("lammpstrj.gz", {"start": 1, "every": 3}),
        ("extxyz", {"every": 4}),
    ],
)
def test_bytes_are_those_of_one_process(here, model, client, output, options):
    observers = {"clusters": Clusters(model.classes)}
    found = both(output, model, client, observers=observers, **options)
    assert len(found.frames) == len(
        range(21)[options.get("start", 0) :: options.get("every", 1)]
    ) - ("stop" in options)


def test_frames_left_out(here, text, model, client):
    """Damage within a chunk, at its end and in all of it; rows too many between two."""
    frames = frames_of(text)
    for k in (0, 6, 7, 20):
        frames[k] = frames[k][:5000] + b"\x00 nonsense\n" + frames[k][5000:]
    frames[3] += b"1 1 1 1.0 2.0 3.0\n"
    frames[11] += b"and more\n"
    frames[12] = frames[12].replace(b"ITEM: ATOMS", b"ITEM: ATOMS of ice", 1)
    frames[15] += b"\n \n"
    Path(SOURCE).write_bytes(b"".join(frames))
    for every, size in ((1, 1), (1, CHUNK), (2, CHUNK)):
        output = f"{every}.{size}.lammpstrj"
        found = both(output, model, client, size, on_error="skip", every=every)
        assert len(found.skipped) >= 2
        assert all(message.startswith(f"{SOURCE}, frame ") for message in found.skipped)
    assert len(found.frames) < 11


def test_units_that_change_and_new_types(here, text, model, client):
    """What the frames before a chunk tell it, not all of which can be foretold."""
    frames = frames_of(text)
    for k in (5, 9):
        frames[k] = b"ITEM: UNITS\nmetal\n" + frames[k]
        frames[k + 2] = b"ITEM: UNITS\nreal\n" + frames[k + 2]
    frames[9] = frames[9].replace(b" O ", b" O x ", 20)  # named before, but not to be read
    first, row, rest = frames[10].partition(b"1 1 1 O ")
    frames[10] = first + row.replace(b"1 O", b"3 O") + rest
    Path(SOURCE).write_bytes(b"".join(frames))
    found = both("lammpstrj", model, client, on_error="skip")
    assert len(found.skipped) >= 1
    assert Path("many.lammpstrj").read_bytes().count(b"ITEM: UNITS") == 5
    rows = [row.split() for row in Path("many.lammpstrj").read_text().splitlines()]
    new = [row for row in rows if len(row) == len(rows[-1]) and row[2:4] == ["3", "O"]]
    assert len(new) == 1
    assert float(new[0][-1]) > 0.0  # labelled, though no frame before had the type


@pytest.mark.parametrize("damage", ["row", "header", "more rows"])
def test_a_damaged_frame_ends_it_as_in_one_process(here, text, model, client, damage):
    frames = frames_of(text)
    if damage == "row":
        frames[7] = frames[7].replace(b" O ", b" O x", 1)
    elif damage == "header":
        frames[8] = frames[8].replace(b"NUMBER OF ATOMS\n2160", b"NUMBER OF ATOMS\nmany")
    else:
        frames[7] += b"1 1 1 1.0 2.0 3.0\n"
    Path(SOURCE).write_bytes(b"".join(frames))
    errors = []
    with pytest.raises(InputError) as error:
        label(SOURCE, model, output="one.lammpstrj", keep_labels=False)
    errors.append(error.value)
    with pytest.raises(InputError) as error:
        label_distributed(SOURCE, model, "many.lammpstrj", client=client, chunk_bytes=CHUNK)
    errors.append(error.value)
    assert str(errors[0]) == str(errors[1])
    assert re.match(rf"{SOURCE}, frame [78], line \d+: ", str(errors[1]))
    kept = [len(journal_path(f"{k}.lammpstrj").read_text().splitlines()) for k in ("one", "many")]
    assert kept == [9 if damage == "header" else kept[0]] * 2
    assert Path(".many.lammpstrj.part").read_bytes() == Path(".one.lammpstrj.part").read_bytes()


def test_a_worker_is_killed(here, model, client):
    Path("flag").touch()
    trap = Trap(model.classes, str(here / "flag"), timestep=9000)
    before = client.run(os.getpid)
    found = label_distributed(
        SOURCE, model, "many.lammpstrj", client=client, chunk_bytes=CHUNK, observers={"trap": trap}
    )
    assert not Path("flag").exists(), "it was in this run that it died"
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != set(before.values())
    workers = {record["process"] for _, record in found.observed["trap"]}
    assert os.getpid() not in workers
    label(SOURCE, model, output="one.lammpstrj", keep_labels=False)
    assert Path("many.lammpstrj").read_bytes() == Path("one.lammpstrj").read_bytes()
    assert found.frames.tolist() == list(range(21))


def test_what_takes_every_worker_down_is_an_error_and_the_rest_is_kept(here, model, client):
    Path("flag").touch()
    trap = {"trap": Trap(model.classes, str(here / "flag"), timestep=9000, once=False)}
    arguments = (SOURCE, model, "many.lammpstrj")
    with pytest.raises(ClusterError, match=r"frames 9 to 10: 2 workers died.*memory"):
        label_distributed(*arguments, client=client, chunk_bytes=CHUNK, observers=trap)
    assert len(journal_path("many.lammpstrj").read_text().splitlines()) == 1 + 9
    Path("flag").unlink()
    found = label_distributed(*arguments, client=client, chunk_bytes=CHUNK, observers=trap)
    assert found.frames.tolist() == list(range(21))
    label(SOURCE, model, output="one.lammpstrj", keep_labels=False)
    assert Path("many.lammpstrj").read_bytes() == Path("one.lammpstrj").read_bytes()


def test_a_killed_client_is_gone_on_with_by_either(here, model, client):
    arguments = ["label", SOURCE, "-m", "soap-37", "--profile", "z", "-q", "-o"]
    assert command(*arguments, "one.lammpstrj") == 0
    address = client.scheduler.address
    code = [sys.executable, "-m", "iceclass.cli", *arguments]
    for output in ("a.lammpstrj", "b.lammpstrj"):
        with subprocess.Popen([*code, output, "--scheduler", address]) as process:
            journal = journal_path(output)
            while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
                assert process.poll() is None, "it was over before it could be killed"
                time.sleep(0.01)
            process.kill()
        assert list(here.glob(f".{output}.segments-*"))
    assert command(*arguments, "a.lammpstrj") == 0
    assert command(*arguments, "b.lammpstrj", "--scheduler", address) == 0
    for path in here.glob("one.*"):
        for name in "ab":
            assert path.with_stem(path.stem.replace("one", name)).read_bytes() == path.read_bytes()
    assert not [p for p in here.iterdir() if p.name.startswith(".")]


def test_what_cannot_be_shared_out(here, model, client):
    shutil.copy(DEMO, "packed.lammpstrj.gz")
    Path("ice.xyz").write_text("1\n\nO 0 0 0\n")
    for source, said in (("packed.lammpstrj.gz", "decompress it"), ("ice.xyz", "LAMMPS dump")):
        with pytest.raises(InputError, match=said):
            label_distributed(source, model, "many.lammpstrj", client=client)
    with pytest.raises(OutputError, match="table"):
        label_distributed(SOURCE, model, "many.csv", client=client)
    with pytest.raises(InputError, match="no frame to label"):
        label_distributed(SOURCE, model, "many.lammpstrj", client=client, start=21)
    with pytest.raises(InputError, match="21 frames, none to start from at 22"):
        label_distributed(SOURCE, model, "many.lammpstrj", client=client, start=22)
    assert not [p for p in here.iterdir() if "many" in p.name]


def test_a_worker_that_is_of_no_use_says_why(here, model):
    output, labeller = Path("many.lammpstrj"), Labeller.of(model)
    work = Work((here / SOURCE,), (SOURCE,), output, labeller, ReadOptions())
    chunk = Chunk(0, 2, ReadPosition(0, 0, 0), None)
    done = label_chunk(work, chunk, here / "segment")
    assert [record["frame"] for _, record in done.pieces] == [0, 1]
    with pytest.raises(InputError, match=r"missing: is not to be seen by the worker on .*common"):
        label_chunk(work, chunk, here / "missing" / "segment")
    with pytest.raises(InputError, match=r"other: is not to be seen by the worker on "):
        label_chunk(replace(work, sources=(here / "other",)), chunk, here / "segment")
    with pytest.raises(IceclassError, match=r"has iceclass .*, the client 0\.0"):
        label_chunk(replace(work, version="0.0"), chunk, here / "segment")


def test_words_about_clusters(here, capsys, monkeypatch):
    import dask.distributed

    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        assert command("label", SOURCE, "--scheduler", "tcp://127.0.0.1:9") == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    for wrong in (
        ["--scheduler", "x", "--slurm"],
        ["--jobs", "2"],
        ["--slurm", "--follow"],
        ["--slurm", "--slurm-option", "cores"],
    ):
        assert command("label", SOURCE, *wrong) == 2
    assert command("label", SOURCE, "--slurm", "--slurm-option", "que=long") == 2
    assert "did you mean 'queue'?" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(here))
    assert command("label", SOURCE, "--slurm") == 1
    assert "there is no sbatch here" in capsys.readouterr().err
    assert [p.name for p in here.iterdir()] == [SOURCE]


def test_the_job_script_is_what_slurm_is_told():
    options = {
        "queue": "long",
        "account": "ice",
        "walltime": "02:00:00",
        "cores": 4,
        "job_extra_directives": ["--exclusive", "--constraint=ib"],
        "job_script_prologue": ["module load python"],
    }
    with slurm_cluster(options) as cluster:
        lines = cluster.job_script().splitlines()
    asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")}
    assert {"-p long", "-A ice", "-t 02:00:00", "--cpus-per-task=4", "--mem=8G"} <= asked
    assert {"--exclusive", "--constraint=ib"} <= asked
    assert "module load python" in lines
    assert lines[-1].startswith(f"{sys.executable} -m distributed.cli.dask_worker tcp://")
    assert "--nthreads 4" in lines[-1]


SBATCH = """#!/bin/sh
if [ "$1" = --test-only ]; then
    grep -q '^#SBATCH -p debug$' "$2" && exit 0
    echo "sbatch: error: invalid partition specified" >&2
    exit 1
fi
script=$(mktemp job.XXXXXX)
cp "$1" $script
setsid sh $script > $script.log 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""


def test_slurm_from_submission_to_labels(here, capsys, monkeypatch):
    """No SLURM here: scripts that run the job at once stand for its two commands."""
    for name, script in {"sbatch": SBATCH, "scancel": '#!/bin/sh\nkill -TERM -- "-$1"\n'}.items():
        Path(name).write_text(script)
        Path(name).chmod(Path(name).stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(here), prepend=":")
    arguments = ["label", SOURCE, "-m", "soap-37", "--stop", "4", "-o"]
    slurm = ["--slurm", "--slurm-option", "interface=lo", "--slurm-option"]
    assert command(*arguments, "many.lammpstrj", *slurm, "queue=short") == 1
    assert "would not take the job: sbatch: error: invalid partition" in capsys.readouterr().err
    assert command(*arguments, "many.lammpstrj", *slurm, "queue=debug") == 0
    assert "waiting for the first worker" in capsys.readouterr().err
    assert len(list(here.glob("job.??????"))) == 1
    assert command(*arguments, "one.lammpstrj") == 0
    assert Path("many.lammpstrj").read_bytes() == Path("one.lammpstrj").read_bytes()


def test_without_a_cluster_dask_is_not_imported(here):
    for arguments in (["--help"], [SOURCE, "-m", "soap-37", "--stop", "1"]):
        done, modules = imported_by("label", *arguments)
        assert done.returncode == 0
        assert not {"dask", "distributed", "dask_jobqueue"} & modules
