"""Tables of labels hold what they were given, in every format, or are not there at all."""

from __future__ import annotations

import csv
import gzip
import io
import json
import resource
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import zstandard

from iceclass.errors import MissingDependencyError, OutputError
from iceclass.frame import Frame
from iceclass.io.output.tables import COLUMNS, table_writer
from iceclass.prediction import Prediction
from tests.helpers.labelled import demo_frames, prediction, random_labels

SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".parquet", ".npz")
ODD = ("ih", "my phase", 'a "quoted", one', "0.5", "été")


def frames(
    sizes: tuple[int, ...] = (50, 50, 50), classes: tuple[str, ...] = ("ih", "ic", "water")
) -> list[tuple[Frame, Prediction]]:
    """Random frames with random labels; ids in an order of their own, the same in each frame."""
    rng = np.random.default_rng(1)
    order = rng.permutation(max(sizes)) * 3 + 10**10
    return [
        (
            Frame(
                rng.uniform(0, 20, (n, 3)), np.eye(3) * 20, ids=order[:n], timestep=10**9 + 500 * k
            ),
            random_labels(n, k, classes),
        )
        for k, n in enumerate(sizes)
    ]


def written(path: Path, what: list[tuple[Frame, Prediction]], **options) -> Path:
    with table_writer(path, **options) as writer:
        for k, (frame, labelled) in enumerate(what):
            writer.write(frame, labelled, number=2 * k)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV, compressed or not."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(data).read()
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_csv(suffix: str, tmp_path: Path) -> None:
    """Exact numbers; class names with blanks, quotes and commas."""
    what = frames((50, 60, 1), ODD)
    rows = rows_of(written(tmp_path / f"t{suffix}", what, probabilities=True))
    assert list(rows[0]) == [*COLUMNS, *(f"p_{name}" for name in ODD)]
    assert len(rows) == 111
    start = 0
    for k, (frame, labelled) in enumerate(what):
        part = rows[start : (start := start + frame.n_molecules)]
        assert {row["frame"] for row in part} == {str(2 * k)}
        assert {row["timestep"] for row in part} == {str(frame.timestep)}
        assert [int(row["id"]) for row in part] == frame.ids.tolist()
        assert [row["phase"] for row in part] == labelled.names.tolist()
        found = np.array([row["confidence"] for row in part]).astype(np.float32)
        np.testing.assert_array_equal(found, labelled.confidence)
        for c, name in enumerate(ODD):
            found = np.array([row[f"p_{name}"] for row in part]).astype(np.float32)
            np.testing.assert_array_equal(found, labelled.probabilities[:, c])


def test_csv_in_blocks(tmp_path: Path) -> None:
    """A frame longer than a block of rows."""
    what = frames((70_000,))
    rows = rows_of(written(tmp_path / "t.csv", what))
    assert list(rows[0]) == list(COLUMNS)
    assert [int(row["id"]) for row in rows] == what[0][0].ids.tolist()
    assert [row["phase"] for row in rows] == what[0][1].names.tolist()


@pytest.mark.parametrize("probabilities", [False, True])
def test_parquet(probabilities: bool, tmp_path: Path) -> None:
    """Small frames share a group of rows, large ones have their own."""
    what = frames((50, 60, 140_000, 20), ODD)
    path = written(tmp_path / "t.parquet", what, probabilities=probabilities)
    file = parquet.ParquetFile(path)
    groups = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
    assert groups == [140_110, 20]
    assert json.loads(file.schema_arrow.metadata[b"iceclass_classes"]) == list(ODD)
    assert file.schema_arrow.metadata[b"iceclass_model_id"] == b"0123456789ab"
    table = file.read()
    more = [f"p_{name}" for name in ODD] if probabilities else []
    assert table.column_names == [*COLUMNS, *more]
    column = {name: table[name].to_numpy() for name in table.column_names if name != "phase"}
    assert table["phase"].to_pylist() == np.concatenate([p.names for _, p in what]).tolist()
    sizes = [f.n_molecules for f, _ in what]
    np.testing.assert_array_equal(column["frame"], np.repeat([0, 2, 4, 6], sizes))
    np.testing.assert_array_equal(
        column["timestep"], np.repeat([f.timestep for f, _ in what], sizes)
    )
    np.testing.assert_array_equal(column["id"], np.concatenate([f.ids for f, _ in what]))
    for name, expected in {
        "confidence": np.concatenate([p.confidence for _, p in what]),
        **{n: np.concatenate([p.probabilities[:, c] for _, p in what]) for c, n in enumerate(more)},
    }.items():
        assert column[name].dtype == np.float32
        np.testing.assert_array_equal(column[name], expected)


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_npz(precision: str, tmp_path: Path) -> None:
    what = frames(classes=ODD)
    path = written(tmp_path / "t.npz", what, probabilities=True, precision=precision)
    with np.load(path, allow_pickle=False) as data:
        assert data["labels"].dtype == np.int8
        np.testing.assert_array_equal(data["labels"], [p.labels for _, p in what])
        np.testing.assert_array_equal(data["confidence"], [p.confidence for _, p in what])
        expected = np.array([p.probabilities for _, p in what]).astype(precision)
        assert data["probabilities"].dtype == expected.dtype
        np.testing.assert_array_equal(data["probabilities"], expected)
        np.testing.assert_array_equal(data["ids"], what[0][0].ids)
        assert data["frames"].tolist() == [0, 2, 4]
        assert data["timesteps"].tolist() == [f.timestep for f, _ in what]
        assert data["offsets"].tolist() == [0, 50, 100, 150]
        assert data["classes"].tolist() == list(ODD)
        assert str(data["model_id"]) == "0123456789ab"


def test_npz_of_frames_that_differ_in_size(tmp_path: Path) -> None:
    what = frames((5, 0, 9))
    with np.load(written(tmp_path / "t.npz", what), allow_pickle=False) as data:
        assert "probabilities" not in data
        assert data["labels"].shape == (14,)
        offsets = data["offsets"]
        for k, (frame, labelled) in enumerate(what):
            rows = slice(offsets[k], offsets[k + 1])
            np.testing.assert_array_equal(data["labels"][rows], labelled.labels)
            np.testing.assert_array_equal(data["confidence"][rows], labelled.confidence)
            np.testing.assert_array_equal(data["ids"][rows], frame.ids)


def test_npz_of_frames_that_differ_in_their_ids(tmp_path: Path) -> None:
    what = frames()
    last, labelled = what[2]
    what[2] = Frame(last.positions, last.cell, ids=last.ids[::-1]), labelled
    with np.load(written(tmp_path / "t.npz", what), allow_pickle=False) as data:
        np.testing.assert_array_equal(data["ids"], [f.ids for f, _ in what])


def test_npz_of_too_many_classes(tmp_path: Path) -> None:
    classes = tuple(f"phase-{k}" for k in range(128))
    with (
        pytest.raises(OutputError, match="128 classes"),
        table_writer(tmp_path / "t.npz") as writer,
    ):
        writer.write(*frames((5,), classes)[0])
    assert not list(tmp_path.iterdir())


def test_formats_agree_on_the_demo(tmp_path: Path) -> None:
    """The same labels of a real trajectory from every format."""
    what = list(demo_frames())
    csv_rows = rows_of(written(tmp_path / "t.csv", what))
    table = parquet.read_table(written(tmp_path / "t.parquet", what)).to_pylist()
    assert len(table) == len(csv_rows) == 720 * len(what)
    for a, b in zip(csv_rows, table, strict=True):
        assert [int(a[c]) for c in COLUMNS[:3]] == [b[c] for c in COLUMNS[:3]]
        assert a["phase"] == b["phase"]
        assert np.float32(a["confidence"]) == np.float32(b["confidence"])
    with np.load(written(tmp_path / "t.npz", what), allow_pickle=False) as data:
        names = np.array([*data["classes"], "unknown"])[data["labels"]]
        assert names.ravel().tolist() == [row["phase"] for row in table]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_frames_make_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    a = written(tmp_path / f"t{suffix}", frames((40, 30)), probabilities=True)
    b = written(tmp_path / "b" / f"t{suffix}", frames((40, 30)), probabilities=True)
    assert a.read_bytes() == b.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whole_or_not_at_all(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    frame, labelled = frames()[0]

    def stopped() -> None:
        with table_writer(path) as writer:
            writer.write(frame, labelled)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with pytest.raises(OutputError, match="no frame"), table_writer(path):
        pass
    assert not list(tmp_path.iterdir())
    writer = table_writer(path)
    writer.write(frame, labelled)
    assert not path.exists()
    writer.commit()
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        table_writer(path)
    with table_writer(path, force=True) as writer:
        writer.write(frame, labelled)
        assert path.read_bytes() == before
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_frames_are_numbered_if_nobody_tells(tmp_path: Path) -> None:
    with table_writer(tmp_path / "t.csv") as writer:
        for frame, labelled in frames((2, 1)):
            writer.write(frame, labelled)
    assert [row["frame"] for row in rows_of(writer.path)] == ["0", "0", "1"]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_a_full_disk(suffix: str, tmp_path: Path) -> None:
    frame, labelled = frames((200_000,))[0]
    written(tmp_path / f"t{suffix}", frames()).unlink()  # compiles what is compiled

    def write() -> None:
        with table_writer(tmp_path / f"t{suffix}", probabilities=True) as writer:
            writer.write(frame, labelled)

    with largest_file(20_000), pytest.raises(OutputError, match="cannot be written"):
        write()
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_frames(tmp_path: Path) -> None:
    """npz joins arrays over all frames; they grow on disk."""
    frame, labelled = frames((4000,))[0]

    def peak(n: int) -> int:
        tracemalloc.start()
        with table_writer(tmp_path / f"{n}.npz", probabilities=True) as writer:
            for _ in range(n):
                writer.write(frame, labelled)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    few, many = peak(50), peak(200)  # more than the blocks in which they are copied
    assert many < few + 150 * 500  # 150 more frames have 2.5 MB of labels and probabilities


def test_suffixes(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"unknown suffix '\.txt'"):
        table_writer(tmp_path / "t.txt")
    for suffix in (".parquet.gz", ".npz.zst"):
        with pytest.raises(OutputError, match="compressed within"):
            table_writer(tmp_path / f"t{suffix}")
    with pytest.raises(OutputError, match="does not exist"):
        table_writer(tmp_path / "none" / "t.npz")


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependencyError, match=r"iceclass\[parquet\]"):
        table_writer(tmp_path / "t.parquet")
    assert not list(tmp_path.iterdir())


def test_a_name_that_no_row_can_hold(tmp_path: Path) -> None:
    labelled = prediction([0, 1], ("ih", "two\nlines"))
    with (
        pytest.raises(OutputError, match="phase"),
        table_writer(tmp_path / "t.csv") as writer,
    ):
        writer.write(Frame(np.zeros((2, 3)), np.eye(3)), labelled)
