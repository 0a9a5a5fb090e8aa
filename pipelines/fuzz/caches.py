"""What iceclass leaves beside a trajectory, under attack: the index of frames, the journal."""

from __future__ import annotations

import json
import os
import pickle
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from iceclass.io import Trajectory
from iceclass.io.lammps import index
from iceclass.io.output.resumable import journal_path
from iceclass.labelling.label import label
from iceclass.labelling.labels import Labels
from iceclass.model.file import load_model
from pipelines.fuzz.cases import DATA, Case
from pipelines.fuzz.models import Payload
from pipelines.fuzz.mutate import BINARY, TEXT, mutated, odd_json

NAME = "a.lammpstrj"
TIME = 1_700_000_000_000_000_000


def many_frames(n: int = 6) -> bytes:
    """A dump of ``n`` frames with timesteps of their own."""
    text = (DATA / "ortho.lammpstrj").read_text()
    frame = text[: text.index("ITEM: TIMESTEP", 1)]
    first = frame.split("\n")[1]
    return "".join(
        frame.replace(f"TIMESTEP\n{first}\n", f"TIMESTEP\n{100 * k}\n", 1) for k in range(n)
    ).encode()


def put_dump(folder: Path, dump: bytes) -> Path:
    """The dump with a date that is always the same."""
    path = folder / NAME
    path.write_bytes(dump)
    os.utime(path, ns=(TIME, TIME))
    return path


class IndexTarget:
    """The index of the frames of a dump; whatever it holds, frames come in order and whole."""

    def __init__(self) -> None:
        index.WORTHWHILE = 0  # else only dumps of 64 MiB have one
        self.dump = many_frames()
        with TemporaryDirectory() as folder:
            path = put_dump(Path(folder), self.dump)
            with Trajectory(path) as trajectory:
                trajectory.index()
            self.seed = index.index_path(path).read_bytes()
            self.name = index.index_path(path).name

    def make(self, rng: Random) -> Case:
        how = rng.random()
        data = mutated(rng, self.seed, BINARY) if how < 0.4 else self._changed(rng)
        dump = self.dump if how < 0.9 else mutated(rng, self.dump, TEXT)[: 2 * len(self.dump)]
        damage = "harmless" if how < 0.4 else "any"
        return Case({NAME: dump, self.name: data}, damage)

    def _changed(self, rng: Random) -> bytes:
        with np.load(BytesIO(self.seed)) as file:
            arrays: dict[str, Any] = dict(file)
        for _ in range(rng.randint(1, 2)):
            name = rng.choice(sorted(arrays))
            array = arrays[name]
            how = rng.randrange(8)
            if how == 0:
                del arrays[name]
                return _npz(arrays)
            if how == 1:
                payload = np.empty(1, object)
                payload[0] = Payload()
                arrays[name] = payload
            elif how == 2 and array.dtype != object:
                with suppress(ValueError, TypeError):  # not all that is text is a number
                    arrays[name] = array.astype(rng.choice(("f8", "U20", "i4", "?", "S8")))
            elif how == 3:
                arrays[name] = rng.choice((array[None], array.ravel()[:1], array.ravel()[:-1]))
            elif array.dtype.kind == "i" and array.size:
                arrays[name] = array.astype(np.int64)
                shift = rng.choice((1, -1, 7, -7, 10**6, 2**62, -(2**62)))
                arrays[name].flat[rng.randrange(array.size)] += np.int64(shift)
            elif how == 5:
                arrays[name] = np.array(pickle.dumps(Payload()))
            elif how == 6 and array.ndim:
                arrays[name] = np.concatenate([array, array])
            else:
                arrays[name] = np.zeros(2_000_000, np.int64)
        data = _npz(arrays)
        if rng.random() < 0.2:  # an array announced to be huge
            data = data.replace(b"(7,), }      ", b"(999999999,),")
        return data

    def run(self, folder: Path, action: str) -> None:
        path = folder / NAME
        os.utime(path, ns=(TIME, TIME))
        for start, every in ((1, 2), (3, 1)):
            there = {}
            with Trajectory(path, start=start, every=every, on_error="skip") as trajectory:
                for frame in trajectory:
                    there[trajectory.frame_index] = frame.timestep
            if action == "harmless":
                assert there == {k: 100 * k for k in range(start, 6, every)}, there


def _npz(arrays: dict[str, Any]) -> bytes:
    out = BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


class Stopped(Exception):
    """Ends a run as a kill would, as far as files are concerned."""


class JournalTarget:
    """The journal of an unfinished run; whatever is damaged, the output is what it should be.

    The journal holds the path of the input, so that every case has the same folder.
    """

    OUT = "o.lammpstrj"
    PLACE = "/the/place/of/the/input"

    def __init__(self) -> None:
        self.dump = many_frames()
        self.model = load_model("soap-37")
        with TemporaryDirectory() as folder:
            where = Path(folder)
            path = put_dump(where, self.dump)
            self.expected = self._label(path).counts.tolist()
            self.output = (where / self.OUT).read_bytes()
            (where / self.OUT).unlink()
            with suppress(Stopped):
                self._label(path, stop=True)
            journal = journal_path(where / self.OUT)
            self.journal = journal.read_text().replace(str(path.resolve()), self.PLACE)
            self.part = (where / f".{self.OUT}.part").read_bytes()
        assert self.journal.count("\n") == 8, self.journal

    def _label(self, path: Path, stop: bool = False) -> Labels:
        def finish(labels: Labels) -> None:
            if stop:
                raise Stopped

        output = path.with_name(self.OUT)
        return label(path, self.model, output=output, keep_labels=False, finish=finish)

    def make(self, rng: Random) -> Case:
        journal, part, how = self.journal.encode(), self.part, rng.random()
        if how < 0.6:
            journal = mutated(rng, journal, TEXT)
        elif how < 0.9:
            lines = journal.splitlines(keepends=True)
            at = rng.randrange(len(lines))
            try:
                lines[at] = json.dumps(odd_json(rng, json.loads(lines[at]))).encode() + b"\n"
            except ValueError:
                lines[at] = b""
            journal = b"".join(lines[: rng.choice((at + 1, len(lines)))])
        if how > 0.85:
            part = part[: rng.randrange(len(part))]
        files = {NAME: self.dump, journal_path(self.OUT).name: journal, f".{self.OUT}.part": part}
        return Case(files, "go on")

    def run(self, folder: Path, action: str) -> None:
        path = folder / NAME
        os.utime(path, ns=(TIME, TIME))
        journal = journal_path(folder / self.OUT)
        text = journal.read_bytes().replace(self.PLACE.encode(), str(path.resolve()).encode())
        journal.write_bytes(text)
        found = self._label(path)
        assert found.counts.tolist() == self.expected, found.counts.tolist()
        assert (folder / self.OUT).read_bytes() == self.output
        assert {p.name for p in folder.iterdir()} == {NAME, self.OUT}
