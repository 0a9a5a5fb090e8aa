"""Text files under attack: LAMMPS dumps, LAMMPS data files, extended XYZ, descriptions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import zstandard

from iceclass.datasets.featurize import find_trajectories
from iceclass.datasets.metadata import read_sidecar
from iceclass.io import Trajectory
from iceclass.labelling.label import label
from iceclass.model.file import load_model
from iceclass.model.network import Model
from pipelines.fuzz.cases import DATA, DEMO, Case
from pipelines.fuzz.mutate import EXTREMES, TEXT, layered, mutated, odd_json_text

BOMB = 1 << 30
"""Bytes that the bombs expand to."""
BOMBS = ("zst", "zst", "zst", "gz")

ACTIONS = ("read", "read", "skip", "slice", "label", "label", "label-skip", "label-npz")

DUMP_WORDS = tuple(
    word.encode()
    for word in (
        *("ITEM: TIMESTEP", "ITEM: NUMBER OF ATOMS", "ITEM: BOX BOUNDS pp pp pp", "ITEM:", "ITEM"),
        *(
            "ITEM: BOX BOUNDS xy xz yz pp pp ff",
            "ITEM: BOX BOUNDS abc origin pp pp pp",
            "ITEM: TIME",
        ),
        *("ITEM: NUMBER OF ATOMS\n1000000000000", "ITEM: NUMBER OF ATOMS\n90000000", "ITEM: UNITS"),
        *("ITEM: NUMBER OF ATOMS\n-1", "ITEM: NUMBER OF ATOMS\n0", "ITEM: TIMESTEP\n" + "9" * 30),
        *("ITEM: NUMBER OF ATOMS\n" + "9" * 5000, "ITEM: ATOMS id type x y z", "ITEM: ATOMS id"),
        *("ITEM: UNITS\nlj", "ITEM: UNITS\nmetal", "ITEM: UNITS\nnano", "ITEM: UNITS\nsi"),
        *("ITEM: TIME\nnan", "ITEM: TIME\n1e400", "ITEM: UNITS\nreal\nITEM: TIME\n1e308"),
        *("ITEM: BOX BOUNDS pp pp pp\n0 1e308\n0 1e308\n0 1e308", "ITEM: BOX BOUNDS mm mm mm"),
        *("ITEM: BOX BOUNDS pp pp pp\n0 1e-9\n0 1e-9\n0 1e-9", "ITEM: ATOMS element x y z"),
        *("ITEM: BOX BOUNDS pp pp pp\n0 0.1\n0 1000000\n0 1000000", "ITEM: ATOMS id type xs ys zs"),
        *("ITEM: BOX BOUNDS pp pp pp\n0 1000000\n0 1000000\n0 1000000", "ITEM: ATOMS x y z"),
        *(
            "ITEM: BOX BOUNDS ff ff ff\n0 0.001\n0 0.001\n0 0.001",
            "ITEM: ATOMS id type xsu ysu zsu",
        ),
        *(
            "ITEM: BOX BOUNDS xy xz yz pp pp pp\n-1e9 1e9 1e9\n0 20 1e5\n0 20 -1e5",
            "ITEM: NUMBER OF",
        ),
        *("id", "type", "mol", "element", "mass", "typelabel", "x", "xs", "xu", "xsu", "pp", "ff"),
        *(
            "id id type type x x y y z z",
            "O",
            "H",
            "Na",
            "1 1 0 0 0",
            "ITEM: GRID",
            "---\nkeywords: [a]",
        ),
    )
)

DATA_WORDS = tuple(
    word.encode()
    for word in (
        *("Atoms", "Atoms # full", "Atoms # atomic", "Atoms # hybrid sphere bond", "Atoms # tdpd"),
        *(
            "Masses",
            "Velocities",
            "Bonds",
            "Atom Type Labels",
            "Pair Coeffs",
            "1000000000000 atoms",
        ),
        *("-1 atoms", "0 atoms", "1e3 atoms", "1.5 atoms", "nan atoms", "90000000 atoms", "atoms"),
        *("0 1e308 xlo xhi", "0 1e-9 xlo xhi", "5 5 ylo yhi", "1e9 1e5 -1e5 xy xz yz", "xlo xhi"),
        *(
            "1 0 0 avec",
            "0 0 0 bvec",
            "1 1 1 cvec",
            "0 0 0 abc origin",
            "-3 atom types",
            "#",
            "# full",
        ),
        *(
            "1000000 atom types",
            "LAMMPS data file units = lj timestep = " + "9" * 40,
            "units = nano",
        ),
        *("1 O", "2 H", "1 15.9994", "Atoms\n\n", "Masses\n\n1 nan", "Masses\n\n1 -1 # O"),
        *("Atom Type Labels\n\n1 O\n1 H", "Atom Type Labels\n\n99999999999999999999 O"),
    )
)

XYZ_WORDS = tuple(
    word.encode()
    for word in (
        *("1000000000000", "1", "0", "-1", "90000000", "Lattice=", 'Lattice="0 0 0 0 0 0 0 0 0"'),
        *('Lattice="1e308 0 0 0 1e308 0 0 0 1e308"', 'Lattice="9 0 0"', 'Lattice="a b c"', "pbc=F"),
        *('Lattice="nan 0 0 0 9 0 0 0 9"', 'Lattice="1e-9 0 0 0 1e-9 0 0 0 1e-9"', 'pbc="T F"'),
        *(
            "Properties=species:S:1:pos:R:1000000000000",
            "Properties=species:S:1:pos:R:3:a:R:99999999",
        ),
        *(
            "Properties=species:S:1:pos:R:-3",
            "Properties=pos:R:3",
            "Properties=species:S:1",
            "T",
            "F",
        ),
        *(
            "Properties=species:S:1:pos:S:3",
            "Properties=id:I:1:pos:R:3:Z:I:1",
            "Properties=a:b:c:d",
        ),
        *(
            "Properties=species:S:1:pos:R:3:pos:R:3",
            "Properties=species:L:1:pos:R:3:q:X:1",
            "Properties",
        ),
        *(
            "Properties=species:S:1:pos:R:3:momenta:R:3:forces:R:3",
            "step=1e30",
            "timestep=" + "9" * 40,
        ),
        *(
            'timestep="1 2 3"',
            '_JSON {"a": 1}',
            "a=_JSON [1",
            "x=[[1,2],[3]]",
            'a="[1, 2',
            "energy=nan",
        ),
        *(
            'stress="1 2"',
            "charge=1e400",
            "=",
            "==",
            "a=b=c",
            'virial="1 2 3 4 5 6 7 8 9"',
            "O 1 2 3",
        ),
        *(
            "celldisp=1",
            'cell_origin="0 0"',
            "constraint=x",
            "Xx 0 0 0",
            "999 0 0 0",
            "H nan nan nan",
        ),
        *(
            "move_mask:L:1",
            "__class__=1",
            "calculator=emt",
            "%PBC\n1 2 3",
            "VEC1 1 0 0",
            "pbc=maybe",
        ),
    )
)


@cache
def _model() -> Model:
    return load_model("soap-37")


def use(path: Path, action: str) -> None:
    """Read or label a trajectory; every column of every frame is looked at."""
    if action.startswith("label"):
        suffix = {"label-skip": "extxyz.gz", "label-npz": "npz"}.get(action, "lammpstrj")
        skip = action == "label-skip"
        output = path.with_name(f"out.{suffix}")
        found = label(path, _model(), output=output, on_error="skip" if skip else "raise")
        assert len(found.labels or ()) == len(found.frames) > 0
        assert output.stat().st_size > 0
        return
    options = {
        "read": {},
        "skip": {"on_error": "skip"},
        "slice": {"start": 1, "every": 2, "on_error": "skip"},
    }[action]
    with Trajectory(path, **options) as trajectory:  # type: ignore[arg-type]
        for frame in trajectory:
            repr(frame)
            if frame.atoms is not None:
                assert all(len(column) for column in frame.atoms.columns.values())
        for error in trajectory.skipped:
            str(error)
        repr(trajectory)


@cache
def bomb(head: str, fill: bytes, kind: str = "zst") -> bytes:
    """A file of some kilobytes that expands to a gibibyte (``gz``: a quarter) of ``fill``."""
    block = fill * ((1 << 22) // len(fill))
    if kind == "gz":
        return gzip.compress(head.encode() + block * (BOMB // len(block) // 4), 1, mtime=0)
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [packer.compress(head.encode())]
    parts += [packer.compress(block) for _ in range(BOMB // len(block))]
    return b"".join([*parts, packer.flush()])


class TextTarget:
    """Seeds, words that mean something in them, and the name they are written to."""

    def __init__(
        self, name: str, seeds: Sequence[bytes], words: Sequence[bytes], bomb: tuple[str, str]
    ) -> None:
        self.name, self.seeds, self.words, self.bomb = name, seeds, words, bomb

    def make(self, rng: Random) -> Case:
        action = rng.choice(ACTIONS)
        how = rng.random()
        if how < 0.002:
            head, row = self.bomb
            fills = (b"\x00", b"\n", b" ", b"9", b"x", row.encode())
            return Case({self.name: bomb(head, rng.choice(fills), rng.choice(BOMBS))}, action)
        data = mutated(rng, rng.choice(self.seeds), TEXT, self.words)
        if how < 0.02:
            data = data[: len(data) // 2] + rng.choice(self.seeds)[len(data) // 2 :]
        if rng.random() < 0.15:
            data = layered(rng, data)
        return Case({self.name: data}, action)

    def run(self, folder: Path, action: str) -> None:
        use(folder / self.name, action)


def dump_target() -> TextTarget:
    """LAMMPS dumps."""
    paths = sorted(DATA.glob("*.lammpstrj"))
    seeds = [path.read_bytes() for path in paths]
    with gzip.open(DEMO) as file:
        head = file.read(60_000)
    seeds.append(head[: head.rfind(b"\n") + 1])  # real, and cut short
    head_of_bomb = seeds[0][: seeds[0].index(b"ITEM: NUMBER OF ATOMS")].decode()
    head_of_bomb += "ITEM: NUMBER OF ATOMS\n1000000\nITEM: BOX BOUNDS pp pp pp\n"
    head_of_bomb += "0 1000\n0 1000\n0 1000\nITEM: ATOMS id type x y z\n"
    return TextTarget("a.lammpstrj", seeds, DUMP_WORDS, (head_of_bomb, "1 1 0 0 0\n"))


def data_target() -> TextTarget:
    """LAMMPS data files."""
    seeds = [path.read_bytes() for path in sorted(DATA.glob("*.data"))]
    head = "title\n\n1000000 atoms\n2 atom types\n\n0 99 xlo xhi\n0 99 ylo yhi\n0 99 zlo zhi\n\n"
    return TextTarget("a.data", seeds, DATA_WORDS, (head + "Atoms # atomic\n\n", "1 1 0 0 0\n"))


def extxyz_target() -> TextTarget:
    """Extended XYZ, and plain."""
    return TextTarget(
        "a.extxyz",
        [xyz_text(extended).encode() for extended in (True, True, False)],
        XYZ_WORDS,
        ('1000000\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\n', "O 0 0 0\n"),
    )


def xyz_text(extended: bool, n_frames: int = 3) -> str:
    """Some frames of 27 molecules."""
    rng = np.random.default_rng(5)
    sites = np.stack(np.meshgrid(*[np.arange(3) * 3.1] * 3), axis=-1).reshape(-1, 3)
    text = ""
    for frame in range(n_frames):
        text += f"{3 * len(sites)}\n"
        text += (
            'Lattice="9.3 0 0 0.5 9.3 0 0 0 9.3" Properties=species:S:1:pos:R:3:id:I:1:forces:R:3 '
            f'energy=-1.5 timestep={100 * frame} note="a b" pbc="T T F"\n'
            if extended
            else f"frame {frame}\n"
        )
        for k, site in enumerate(sites):
            for name, shift in (("O", (0, 0, 0)), ("H", (0.76, 0.59, 0)), ("H", (-0.76, 0.59, 0))):
                x, y, z = site + shift + rng.normal(0, 0.01, 3)
                text += f"{name} {x:.5f} {y:.5f} {z:.5f}" + f" {3 * k + 1} 0.1 0 0\n" * extended
                text += "\n" * (not extended)
    return text


class SidecarTarget:
    """The description beside a trajectory."""

    def __init__(self) -> None:
        self.dump = (DATA / "ortho.lammpstrj").read_bytes()
        self.seed = json.dumps(
            {
                "iceclass_trajectory": 1,
                "phase": "ih",
                "preparation": "ih_p1",
                "temperature": 220.0,
                "pressure": 0.0,
                "water_model": "tip4p-ice",
                "split": "train",
                "stages": [{"name": "hold", "steps": 5000}],
                "checks": {"density": 0.913, "accepted": True},
            }
        )

    def make(self, rng: Random) -> Case:
        if rng.random() < 0.03:
            return Case({"a.lammpstrj": self.dump, "a.json": b" " * (64 << 20) + b"{}"}, "read")
        text = odd_json_text(rng, self.seed)
        if rng.random() < 0.2:
            text = odd_json_text(rng, text)
        raw = text.encode("utf-8", "surrogateescape")
        if rng.random() < 0.2:
            raw = raw.replace(b"1", rng.choice(EXTREMES).encode(), 1)
        return Case({"a.lammpstrj": self.dump, "a.json": raw}, rng.choice(("read", "find")))

    def run(self, folder: Path, action: str) -> None:
        if action == "read":
            read_sidecar(folder / "a.lammpstrj")
        else:
            find_trajectories([folder])
