"""Dumps that LAMMPS wrote, against a slow reader, ASE and OVITO; and dialects made up here."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.dumps import DATA, dump_text, slow_read, water_rows

DUMPS = sorted(p.name for p in DATA.glob("*.lammpstrj") if p.name != "lj.lammpstrj")
LENGTH = {"si": 1e10, "nano": 10.0}
FAMILIES = ["x y z", "xs ys zs", "xu yu zu", "xsu ysu zsu"]


def unscaled(columns: dict, names: list[str], cell: np.ndarray, origin: np.ndarray) -> np.ndarray:
    xyz = np.array([columns[name] for name in names], float).T
    return xyz @ cell + origin if "s" in names[0] else xyz


@pytest.mark.parametrize("name", DUMPS)
def test_every_dump_of_lammps_against_a_slow_reader(name: str) -> None:
    with Trajectory(DATA / name) as trajectory:
        frames = list(trajectory)
        assert trajectory.format == "lammps-dump"
        assert trajectory.position == ((DATA / name).stat().st_size,) * 2
        assert "oxygen" in str(trajectory.atom_roles)
    expected = slow_read(DATA / name)
    assert len(frames) == len(expected) == 3
    for frame, raw in zip(frames, expected, strict=True):
        factor = LENGTH.get(raw.get("units", "real"), 1.0)
        assert frame.timestep == raw["timestep"]
        np.testing.assert_allclose(frame.cell, raw["cell"] * factor, rtol=1e-13, atol=1e-12)
        np.testing.assert_allclose(frame.origin, raw["origin"] * factor, rtol=1e-13, atol=1e-12)
        columns = raw["columns"]
        assert list(frame.atoms.columns) == list(columns)
        for key, texts in columns.items():
            column = frame.atoms.columns[key]
            if column.dtype.kind in "if":
                assert np.array_equal(column, np.array(texts, dtype=float)), key
            else:
                assert column.tolist() == texts
        triple = next(f.split() for f in FAMILIES if set(f.split()) <= columns.keys())
        positions = unscaled(columns, triple, raw["cell"], raw["origin"]) * factor
        oxygen = "2" if name.startswith(("swapped", "atom_images")) else "1"
        rows = np.flatnonzero(np.array(columns["type"]) == oxygen)
        np.testing.assert_allclose(frame.positions, positions[rows], rtol=1e-12, atol=1e-9)
        ids = columns.get("id", range(1, len(positions) + 1))
        assert frame.ids.tolist() == [int(ids[row]) for row in rows]
        assert frame.atoms.molecule[rows].tolist() == list(range(len(rows)))
        assert np.bincount(frame.atoms.molecule + 1)[1:].tolist() == [3] * len(rows)
        ice = frame.density if frame.pbc.all() else 0.918
        assert 0.90 < ice < 0.94


@pytest.mark.parametrize("name", ["triclinic.lammpstrj", "general.lammpstrj"])
def test_the_four_kinds_of_coordinates_agree(name: str, tmp_path: Path) -> None:
    """LAMMPS wrote all of them to one file; every one must give the same places in the box."""
    text = (DATA / name).read_text()
    reference = list(read(DATA / name))
    for family in FAMILIES[1:]:
        hidden = text
        for other in FAMILIES:
            if other != family:
                hidden = hidden.replace(f" {other} ", " " + other.upper() + " ")
        path = tmp_path / "one.lammpstrj"
        path.write_text(hidden)
        for frame, known in zip(read(path), reference, strict=True):
            turns = (frame.positions - known.positions) @ np.linalg.inv(frame.cell)
            np.testing.assert_allclose(turns, np.rint(turns), atol=1e-9)
            if family == "xs ys zs":
                np.testing.assert_allclose(frame.positions, known.positions, atol=1e-8)


@pytest.mark.parametrize("name", ["ortho.lammpstrj", "swapped.lammpstrj", "triclinic.lammpstrj"])
def test_same_as_ase(name: str) -> None:
    """Unscaled positions only: ASE leaves the box origin out of scaled ones."""
    from ase.io import read as ase_read

    images = ase_read(DATA / name, index=":", format="lammps-dump-text")
    for frame, atoms in zip(read(DATA / name), images, strict=True):
        np.testing.assert_allclose(frame.cell, atoms.cell.array, atol=1e-9)
        np.testing.assert_allclose(frame.origin, atoms.get_celldisp().ravel(), atol=1e-9)
        ids = frame.atoms.columns["id"]
        order = np.argsort(ids)
        oxygens = np.isin(np.sort(ids), frame.ids)
        mine = frame.positions[np.argsort(frame.ids)]
        turns = (mine - atoms.positions[oxygens]) @ np.linalg.inv(frame.cell)
        np.testing.assert_allclose(turns, np.rint(turns), atol=1e-9)
        if "type" in atoms.arrays:
            assert np.array_equal(frame.atoms.columns["type"][order], atoms.arrays["type"])


@pytest.mark.parametrize(
    "name",
    [
        "ortho.lammpstrj",
        "atom_images.lammpstrj",
        "triclinic.lammpstrj",
        "general.lammpstrj",
        "scaled_only.lammpstrj",
        "rich.lammpstrj.gz",
    ],
)
def test_same_as_ovito(name: str) -> None:
    from ovito.io import import_file

    pipeline = import_file(DATA / name)
    frames = list(read(DATA / name))
    assert pipeline.num_frames == len(frames)
    for index, frame in enumerate(frames):
        data = pipeline.compute(index)
        np.testing.assert_allclose(frame.cell, np.array(data.cell)[:, :3].T, atol=1e-6)
        np.testing.assert_allclose(frame.origin, np.array(data.cell)[:, 3], atol=1e-6)
        assert tuple(frame.pbc) == data.cell.pbc
        rows = np.flatnonzero(np.isin(np.array(data.particles.identifiers), frame.ids))
        theirs = np.array(data.particles.positions)[rows]
        turns = (frame.positions - theirs) @ np.linalg.inv(frame.cell)
        np.testing.assert_allclose(turns, np.rint(turns), atol=1e-6)


def test_units_and_time() -> None:
    plain = next(read(DATA / "ortho.lammpstrj"))
    assert plain.time is None
    for name, step in (("si.lammpstrj", 5e-4), ("nano.lammpstrj", 5e-4), ("rich.lammpstrj", 5e-4)):
        frames = list(read(DATA / name))
        np.testing.assert_allclose([f.time for f in frames], [0, step, 2 * step], rtol=1e-6)
        assert frames[-1].atoms.header["units"] in ("si", "nano", "real")
    real = slow_read(DATA / "four_sites.lammpstrj")[0]["cell"]
    np.testing.assert_allclose(next(read(DATA / "si.lammpstrj")).cell, real, rtol=1e-9)


def test_lj_units_are_refused() -> None:
    with pytest.raises(InputError, match=r"lj units.*unknown σ"):
        next(read(DATA / "lj.lammpstrj"))


def test_frames_asked_for(tmp_path: Path) -> None:
    rows = water_rows(8)
    path = tmp_path / "t.lammpstrj"
    first = dump_text("id type x y z", rows, timestep=0, before="ITEM: UNITS\nmetal\n")
    path.write_text(
        first + "".join(dump_text("id type x y z", rows, timestep=k) for k in range(1, 10))
    )

    def steps(**what: int) -> list[int]:
        return [frame.timestep for frame in read(path, **what)]

    assert steps() == list(range(10))
    assert steps(start=2, stop=9, every=3) == [2, 5, 8]
    assert steps(start=10) == []
    assert steps(stop=0) == []
    assert [f.atoms.header["units"] for f in read(path, start=8)] == ["metal"] * 2
    with pytest.raises(InputError, match="10 frames"):
        steps(start=11)
    for wrong in ({"start": -1}, {"every": 0}, {"stop": -2}):
        with pytest.raises(InputError, match="count from"):
            steps(**wrong)
    with Trajectory(path, start=4) as trajectory:
        assert next(iter(trajectory)).timestep == 4
        assert trajectory.frame_index == 4
        assert [f.timestep for f in trajectory] == list(range(4, 10))


@pytest.mark.parametrize(
    ("flags", "pbc"),
    [
        ("pp pp pp", (True, True, True)),
        ("pp ff pp", (True, False, True)),
        ("ss mm pp", (False, False, True)),
        ("fs pp sm", (False, True, False)),
        ("", (True, True, True)),
    ],
)
def test_boundaries(flags: str, pbc: tuple[bool, ...], tmp_path: Path) -> None:
    path = tmp_path / "t.dump"
    path.write_text(dump_text("id type x y z", water_rows(8), box=flags))
    assert tuple(next(read(path)).pbc) == pbc


def test_triclinic_bounds_enclose_the_box(tmp_path: Path) -> None:
    path = tmp_path / "t.dump"
    bounds = "-3.0 27.5 -2\n1 23.25 5.5\n10 30 2.25"
    path.write_text(dump_text("id type x y z", water_rows(8), box="xy xz yz", bounds=bounds))
    frame = next(read(path))
    np.testing.assert_allclose(frame.origin, [-1.0, 1.0, 10.0])
    np.testing.assert_allclose(frame.cell, [[23, 0, 0], [-2, 20, 0], [5.5, 2.25, 20]])


def test_large_tilts_and_atoms_on_the_edge(tmp_path: Path) -> None:
    rows = water_rows(27)
    path = tmp_path / "t.dump"
    plain = "\n".join("0 20 0" for _ in range(3))
    path.write_text(dump_text("id type x y z", rows, box="xy xz yz pp pp pp", bounds=plain))
    known = next(read(path))
    # the same lattice, tilted by whole vectors: 3a and −7a + 2b
    bounds = "-140 80 60\n0 60 -140\n0 20 40"
    edge = [row.copy() for row in rows]
    for row in edge:
        if row[0] % 3 == 1:
            row[2] = float(row[2]) + 40.0
    path.write_text(dump_text("id type x y z", edge, box="xy xz yz pp pp pp", bounds=bounds))
    tilted = next(read(path))
    assert np.array_equal(tilted.atoms.molecule, known.atoms.molecule)
    edge_rows = [[1, 1, 0, 0, 0], [2, 1, 20, 10, 20], [3, 1, 10, -1e-17, 31.5]]
    path.write_text(dump_text("id type x y z", edge_rows))
    assert next(read(path)).n_molecules == 3


def test_counts_boxes_and_order_may_change(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    path = tmp_path / "t.dump"
    text = ""
    sizes = [27, 8, 20, 27]
    for step, n in enumerate(sizes):
        rows = water_rows(n, edge=20.0 + step)
        rng.shuffle(rows)
        bounds = "\n".join(f"0 {20 + step}" for _ in range(3))
        text += dump_text("id type x y z", rows, bounds=bounds, timestep=step)
    path.write_text(text)
    for step, frame in enumerate(read(path)):
        assert frame.n_molecules == sizes[step]
        assert frame.cell[1, 1] == 20.0 + step
        ids = frame.atoms.columns["id"]
        owner = frame.ids[frame.atoms.molecule]
        assert np.array_equal(owner, ids - (ids - 1) % 3)


def test_no_ids(tmp_path: Path) -> None:
    path = tmp_path / "t.dump"
    path.write_text(
        "".join(dump_text("type x y z", [row[1:] for row in water_rows(8, seed=k)]) for k in (1, 1))
    )
    for frame in read(path):
        assert frame.ids.tolist() == list(range(1, 25, 3))


def test_line_ends_blanks_and_repeated_columns(tmp_path: Path) -> None:
    rows = water_rows(8)
    path = tmp_path / "t.dump"
    text = dump_text("id type x y z x", [[*row, 7] for row in rows])
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", " \r\n").encode() + b"\r\n  \r\n")
    frame = next(read(path))
    assert frame.n_molecules == 8
    assert list(frame.atoms.columns) == ["id", "type", "x", "y", "z", "x_2"]
    assert set(frame.atoms.columns["x_2"].tolist()) == {7}
    path.write_text(dump_text("id type x y z", rows)[:-1])  # no line end at the end
    assert next(read(path)).n_molecules == 8


def test_unknown_items_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.dump"
    text = dump_text("id type x y z", water_rows(8))
    path.write_text(text.replace("ITEM: BOX", "ITEM: LABEL\nmy run\nITEM: BOX"))
    assert next(read(path)).atoms.header["ITEM: LABEL"] == "my run"


def test_columns_of_every_kind(tmp_path: Path) -> None:
    rows = water_rows(2)
    odd = ["nan", "-inf", "1e400", "5", "-0.5", "7"]
    words = ["a", "bé", "H_water_long", "1", "2", "3"]
    path = tmp_path / "t.dump"
    path.write_text(
        dump_text(
            "id type x y z c_1[1] v_name f_i",
            [[*r, a, b, 3] for r, a, b in zip(rows, odd, words, strict=True)],
        )
    )
    columns = next(read(path)).atoms.columns
    np.testing.assert_array_equal(columns["c_1[1]"], [float(x) for x in odd])
    assert columns["v_name"].tolist() == words
    assert columns["f_i"].dtype == np.int64
    with pytest.raises(KeyError):
        columns["v_other"]
    with pytest.raises(ValueError, match="read-only"):
        columns["f_i"][0] = 1


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_order_of_columns(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Random dialects: columns shuffled, blanks, styles of numbers, boxes, scaled or not."""
    names = ["id", "type", "a", "b", "c", "mass", "v_extra"]
    family = data.draw(st.sampled_from(FAMILIES)).split()
    order = data.draw(st.permutations(names))
    edge = data.draw(st.floats(18.0, 60.0))
    low = np.array(data.draw(st.lists(st.floats(-90.0, 90.0), min_size=3, max_size=3)))
    atoms = np.array([[float(x) for x in row[2:]] for row in water_rows(27, edge)])
    written = atoms / edge if "s" in family[0] else atoms + low
    digits = data.draw(st.integers(10, 17))
    gap = data.draw(st.sampled_from([" ", "  ", "\t", " \t "]))
    known = dict(zip("abc", family, strict=True))
    lines = []
    for i, xyz in enumerate(written):
        fields = {
            "id": str(500 - i),
            "type": "2" if i % 3 else "1",
            "mass": "1.008",
            "v_extra": str(-i),
        } | {key: f"{x:.{digits}g}" for key, x in zip("abc", xyz, strict=True)}
        lines.append(gap.join(fields[name] for name in order))
    bounds = "\n".join(f"{lo!r} {lo + edge!r}" for lo in low.tolist())
    text = dump_text(" ".join(known.get(name, name) for name in order), [], bounds=bounds, n=81)
    path = tmp_path_factory.mktemp("fuzz") / "t.lammpstrj"
    path.write_text(text + "\n".join(lines) + "\n")
    frame = next(read(path))
    np.testing.assert_allclose(frame.positions, (atoms + low)[::3], atol=1e-6)
    assert frame.ids.tolist() == list(range(500, 419, -3))
    assert frame.atoms.molecule.tolist() == [i // 3 for i in range(81)]
    assert frame.atoms.columns["v_extra"].tolist() == [-i for i in range(81)]


def test_the_file_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames larger and smaller than the buffer, met at every offset."""
    from iceclass.io.text import blocks as text_blocks

    path = tmp_path / "t.dump"
    text = "".join(dump_text("id type x y z", water_rows(n), timestep=n) for n in (1, 27, 2, 64))
    path.write_text(text)
    expected = list(read(path))
    for size, large in product((16, 37, 100, 1001, 4096), (1, 200, 1 << 20)):
        monkeypatch.setattr(text_blocks, "BUFFER", size)
        monkeypatch.setattr(text_blocks, "_STEP", size)
        monkeypatch.setattr(text_blocks, "_HANDED_OVER", large)
        for frame, known in zip(read(path), expected, strict=True):
            assert np.array_equal(frame.positions, known.positions)
            assert frame.atoms.columns.rows == known.atoms.columns.rows


def test_columns_that_are_not_kept_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from iceclass.io.text import columns as text_columns

    path = tmp_path / "t.dump"
    rows = [(1, 1, 2, 2, 2), (2, 2, 2.96, 2, 2), (3, 2, 1.76, 2.93, 2)]  # z of whole numbers
    path.write_text(dump_text("id type x y z", rows))
    (kept,) = read(path)
    monkeypatch.setattr(text_columns, "_MANY", 1)
    (frame,) = read(path)
    for name, column in kept.atoms.columns.items():
        assert frame.atoms.columns[name].dtype == column.dtype
        assert np.array_equal(frame.atoms.columns[name], column)
        assert not frame.atoms.columns[name].flags.writeable


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tracemalloc

    from iceclass.io.text import blocks as text_blocks

    monkeypatch.setattr(text_blocks, "BUFFER", 1 << 14)
    path = tmp_path / "t.dump"
    path.write_text(dump_text("id type x y z", water_rows(125)) * 400)
    assert path.stat().st_size > 3_000_000
    next(read(path))
    tracemalloc.start()
    try:
        assert sum(frame.n_molecules for frame in read(path)) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def test_a_flood_of_rows_is_not_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows without end where few are announced: an error long before the end of the file."""
    from iceclass.io.text import blocks as text_blocks

    monkeypatch.setattr(text_blocks, "BUFFER", 1 << 10)
    monkeypatch.setattr(text_blocks, "_RECHECK", 1 << 12)
    good = dump_text("id type x y z", water_rows(8))
    path = tmp_path / "t.dump"
    path.write_text(good + good + "1 2 3 4 5\n" * 200_000 + good)
    with Trajectory(path) as trajectory:
        frames = iter(trajectory)
        next(frames)
        with pytest.raises(InputError, match="more rows than the 24 announced") as caught:
            next(frames)
    assert caught.value.line == 2 * good.count("\n") + 1
    assert trajectory.position[0] < trajectory.position[1]
    with Trajectory(path, on_error="skip") as trajectory:
        assert len(list(trajectory)) == 2
    assert len(trajectory.skipped) == 1


def test_reading_is_light() -> None:
    """Dumps are read without ASE, torch or any other heavy package."""
    import subprocess
    import sys

    code = (
        "import sys; from iceclass.io import read, output_writer\n"
        f"next(read({str(DATA / 'rich.lammpstrj.gz')!r}))\n"
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('ase', 'torch', 'sklearn', 'pandas', 'lammps', 'ovito', 'matplotlib')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
