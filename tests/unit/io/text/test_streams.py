"""Compressed files, told by their content; damaged ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from iceclass.io.text.streams import ByteSource
from tests.helpers.dumps import dump_text, water_rows

PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
TEXT = b"".join(
    dump_text("id type x y z", water_rows(64, seed=k), timestep=k).encode() for k in range(40)
)


@pytest.mark.parametrize("kind", PACK)
def test_compressed(kind: str, tmp_path: Path) -> None:
    packed = PACK[kind](TEXT)
    for name in (f"t.lammpstrj.{kind}", "t.lammpstrj", "noname"):
        path = tmp_path / name
        path.write_bytes(packed)
        with Trajectory(path) as trajectory:
            assert trajectory.position == (0, len(packed))
            done = []
            for frame in trajectory:
                assert frame.n_molecules == 64
                done.append(trajectory.position[0])
        assert len(done) == 40
        assert done == sorted(done)
        assert trajectory.position == (len(packed), len(packed))
    # members one after the other, as appending programs leave them
    path.write_bytes(packed + packed)
    assert len(list(read(path))) == 80


def test_the_suffix_may_lie(tmp_path: Path) -> None:
    path = tmp_path / "t.lammpstrj.gz"
    path.write_bytes(TEXT)
    assert len(list(read(path))) == 40


@pytest.mark.parametrize("kind", PACK)
def test_compressed_and_cut_short(kind: str, tmp_path: Path) -> None:
    text = b"".join(
        dump_text("id type x y z", water_rows(64, seed=1000 + k), timestep=k).encode()
        for k in range(60)
    )
    packed = PACK[kind](text)
    path = tmp_path / f"t.lammpstrj.{kind}"
    path.write_bytes(packed[: len(packed) * 9 // 10])
    with pytest.raises(InputError, match=r"cut short|damaged"):
        list(read(path))
    if kind == "bz2":  # one block holds all: nothing can be recovered
        with pytest.raises(InputError, match="damaged"):
            Trajectory(path, on_error="skip")
        return
    with Trajectory(path, on_error="skip") as trajectory:
        frames = list(trajectory)
    assert len(frames) > 10
    assert len(trajectory.skipped) == 1


def test_damaged_from_the_start(tmp_path: Path) -> None:
    for kind, magic in (("gz", b"\x1f\x8b"), ("xz", b"\xfd7zXZ\0"), ("zst", b"\x28\xb5\x2f\xfd")):
        path = tmp_path / "t.lammpstrj"
        path.write_bytes(magic + b"\xff" * 50)
        with pytest.raises(InputError, match=f"{kind} data are damaged"):
            list(read(path))


def test_bytes(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(TEXT)
    with ByteSource(path) as source:
        assert source.read(10) == TEXT[:10]
    with ByteSource(path) as source:
        assert source.read() == TEXT
        assert source.position == (len(TEXT), len(TEXT))
