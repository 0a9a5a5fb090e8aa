"""XTC, TRR and DCD: the frames of the dump they were written from, and clear errors."""

import subprocess
import sys

import numpy as np
import pytest

import iceclass
from iceclass.errors import InputError, MissingDependencyError
from iceclass.external.lammps import lammps_command
from iceclass.generation.formats import write_gro, write_lammps_data
from iceclass.generation.lattices import build
from iceclass.generation.water_models import MW_POTENTIAL, WATER_MODELS
from iceclass.io import ReadOptions
from iceclass.io.others.mdanalysis_frames import frames_by_mdanalysis
from tests.helpers.trajectories import (
    DEMO,
    demo_frames,
    ice,
    ice_frames,
    write_mda,
)

FORMATS = {".xtc": 0.0051, ".trr": 1e-5, ".dcd": 1e-5}
"""Å; XTC keeps hundredths, the others single precision."""


def found(path, topology, skipped=None, **changes):
    options = ReadOptions(topology=topology, **changes)
    return [frame for _, frame in frames_by_mdanalysis(path, options, skipped=skipped)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The demo and ice II (triclinic) in all formats, and topologies of the latter."""
    path = tmp_path_factory.mktemp("md")
    for suffix in FORMATS:
        write_mda(path / f"slab{suffix}", demo_frames(4))
        write_mda(path / f"ii{suffix}", ice_frames("ii", 3))
    write_gro(ice("ii"), path / "ii.gro")
    write_lammps_data(ice("ii"), path / "ii.data")
    return path


def listing(folder):
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_same_as_the_dump(folder, suffix):
    before = listing(folder)
    frames = found(folder / f"slab{suffix}", DEMO)
    assert listing(folder) == before  # no hidden files of offsets
    assert len(frames) == 4
    for frame, dump in zip(frames, demo_frames(4), strict=True):
        assert np.abs(frame.positions - dump.positions).max() < FORMATS[suffix]
        np.testing.assert_allclose(frame.cell, dump.cell, atol=2e-5)
        np.testing.assert_array_equal(frame.ids, dump.ids)
        np.testing.assert_array_equal(frame.atoms.molecule, dump.atoms.molecule)
        assert frame.pbc.all()
        if suffix != ".dcd":  # MDAnalysis writes no steps there
            assert (frame.timestep, frame.time) == (dump.timestep, pytest.approx(dump.time))
    labels = np.array(iceclass.label(frames).labels)
    expected = np.array(iceclass.label(demo_frames(4)).labels)
    if suffix == ".xtc":
        assert np.mean(labels == expected) > 0.995
    else:
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("topology", ["ii.gro", "ii.data"])
def test_triclinic_ice_with_each_topology(folder, suffix, topology):
    frames = found(folder / f"ii{suffix}", folder / topology)
    for frame, written in zip(frames, ice_frames("ii", 3), strict=True):
        assert np.abs(frame.positions - written.positions).max() < FORMATS[suffix]
        np.testing.assert_allclose(frame.cell, written.cell, atol=5e-5)
        np.testing.assert_array_equal(frame.atoms.molecule, written.atoms.molecule)
    result = iceclass.label(frames, unknown=False)
    assert result.mean_fractions["ii"] > 0.98


@pytest.mark.parametrize("suffix", FORMATS)
def test_goes_to_any_frame(folder, suffix):
    for start, stop, every in ((1, None, 2), (4, None, 1), (2, 3, 5)):
        options = {"start": start, "stop": stop, "every": every}
        pairs = list(
            frames_by_mdanalysis(folder / f"slab{suffix}", ReadOptions(topology=DEMO, **options))
        )
        assert [index for index, _ in pairs] == list(range(4))[start:stop:every]
        for index, frame in pairs:
            difference = frame.positions - demo_frames(4)[index].positions
            assert np.abs(difference).max() < FORMATS[suffix]


def test_trr_keeps_velocities_and_forces(tmp_path, folder):
    path = write_mda(tmp_path / "a.trr", ice_frames("ii", 1), velocities=True)
    (frame,) = found(path, folder / "ii.gro")
    columns = frame.atoms.columns
    np.testing.assert_allclose(columns["vz"], 0.1 * columns["z"], atol=1e-5)
    np.testing.assert_allclose(columns["fx"], 2.0 * columns["x"], atol=1e-4)
    assert set(columns["name"]) == {"OW", "HW1", "HW2"}


def test_without_a_cell_boundaries_are_open(tmp_path, folder):
    path = write_mda(tmp_path / "a.xtc", ice_frames("ii", 1), boxed=False)
    (frame,) = found(path, folder / "ii.gro")
    assert not frame.pbc.any()
    assert not frame.cell.any()


def test_written_frames_label_like_those_read(tmp_path, folder):
    """The frames go through the writers, whatever columns the topology gave."""
    for topology in ("ii.gro", "ii.data"):
        for name in ("out.lammpstrj", "out.extxyz"):
            frames = found(folder / "ii.trr", folder / topology)
            result = iceclass.label(frames, output=tmp_path / name, force=True)
            again = iceclass.label(tmp_path / name)
            np.testing.assert_array_equal(result.counts, again.counts)


def test_files_of_lammps_itself(tmp_path):
    """Triclinic mW ice, moved about by LAMMPS, which writes text, XTC and DCD side by side."""
    mw = WATER_MODELS["mw"]
    write_lammps_data(build("ii", mw), tmp_path / "ice.data")
    (tmp_path / "mW.sw").write_text(MW_POTENTIAL)
    commands = [
        *("units real", "atom_style atomic", "read_data ice.data"),
        *mw.force_field(heavy_hydrogen=False),
        "velocity all create 300 7",
        "atom_modify sort 10 3.0",
        "fix 1 all nve",
        "dump t all custom 20 run.lammpstrj id type x y z",
        "dump x all xtc 20 run.xtc",
        "dump d all dcd 20 run.dcd",
        "run 60",
    ]
    binary, environment = lammps_command()
    (tmp_path / "in.ice").write_text("\n".join(commands) + "\n")
    words = [str(binary), "-in", "in.ice", "-log", "none", "-screen", "none"]
    subprocess.run(words, cwd=tmp_path, env=environment, check=True)
    dump = list(iceclass.read(tmp_path / "run.lammpstrj"))
    assert not np.array_equal(dump[-1].ids, np.sort(dump[-1].ids))  # in no order, as LAMMPS does
    for suffix, tolerance in ((".xtc", 0.006), (".dcd", 1e-4)):
        for topology in ("ice.data", "run.lammpstrj"):
            frames = found(tmp_path / f"run{suffix}", tmp_path / topology)
            assert [frame.timestep for frame in frames] == [0, 20, 40, 60]
            for frame, text in zip(frames, dump, strict=True):
                np.testing.assert_array_equal(frame.ids, np.sort(text.ids))
                shift = frame.positions - text.positions[np.argsort(text.ids)]
                inverse = np.linalg.inv(text.cell)
                shift -= np.round(shift @ inverse) @ text.cell  # either may be wrapped
                assert np.abs(shift - shift.mean(axis=0)).max() < tolerance
                np.testing.assert_allclose(frame.cell, text.cell, atol=1e-4)
    assert frames[0].time is None  # a DCD of LAMMPS does not tell its unit of time


# -- what goes wrong ----------------------------------------------------------------------------


def test_no_topology(folder):
    with pytest.raises(InputError, match="do not tell which atoms are oxygens; give a topology"):
        found(folder / "ii.xtc", None)


def test_topology_of_another_system(folder):
    with pytest.raises(InputError, match=r"has 2160 atoms, but the topology .*ii.gro has 1296"):
        found(folder / "slab.dcd", folder / "ii.gro")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("missing.gro", None, "no such topology file"),
        ("bad.gro", "title\n3\nnonsense\n", "cannot read this as a topology"),
        ("bad.psf", "no psf\n", "cannot read this as a topology"),
        ("bad.data", "# LAMMPS\n\n3 atoms\n1 atom types\n\nAtoms\n\n1 1\n", "bad.data"),
    ],
)
def test_bad_topology(folder, tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        found(folder / "ii.xtc", tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_bad_files(folder, tmp_path, suffix):
    path = tmp_path / f"bad{suffix}"
    with pytest.raises(InputError, match="no such file"):
        found(path, folder / "ii.gro")
    for content, message in (
        (b"", "the file is empty"),
        (b"garbage" * 100, "file, or damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            found(path, folder / "ii.gro")
        assert path.name in str(caught.value)
    with pytest.raises(InputError, match=r"has 3 frames, none to start from at 4"):
        found(folder / f"ii{suffix}", folder / "ii.gro", start=4)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("cut", [4, 1000, 0.2])
def test_cut_short(folder, tmp_path, suffix, cut):
    """Bytes, or a share, of the file missing at its end: the whole frames are read."""
    whole = (folder / f"slab{suffix}").read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: -(cut if cut >= 4 else int(cut * len(whole)))])
    with pytest.raises(InputError, match=r"frame 3: .*(cut short|in the midst)"):
        found(path, DEMO, start=2)
    skipped = []
    assert len(found(path, DEMO, on_error="skip", skipped=skipped, start=1)) == 2
    assert [error.frame for error in skipped] == [3]


def test_stub_of_a_frame(folder, tmp_path):
    """The first bytes of one frame more, fewer than its header has."""
    whole = (folder / "slab.xtc").read_bytes()
    path = tmp_path / "stub.xtc"
    path.write_bytes(whole + whole[:40])
    with pytest.raises(InputError, match="frame 4: the file ends in the midst of this frame"):
        found(path, DEMO)
    assert len(found(path, DEMO, on_error="skip")) == 4


def test_a_frame_in_the_middle_is_damaged(folder, tmp_path):
    whole = bytearray((folder / "slab.xtc").read_bytes())
    whole[len(whole) // 4 + 300 : len(whole) // 4 + 3000] = bytes(2700)
    path = tmp_path / "damaged.xtc"
    path.write_bytes(whole)
    skipped = []
    pairs = list(
        frames_by_mdanalysis(path, ReadOptions(topology=DEMO, on_error="skip"), skipped=skipped)
    )
    indices = [index for index, _ in pairs] + [error.frame for error in skipped]
    assert sorted(indices) == [0, 1, 2, 3]
    for index, frame in pairs:
        if index != 1:
            assert np.abs(frame.positions - demo_frames(4)[index].positions).max() < 0.0051


def test_positions_that_are_no_numbers(folder, tmp_path):
    frames = ice_frames("ii", 2)
    whole = bytearray(write_mda(tmp_path / "a.trr", frames).read_bytes())
    whole[-8:-4] = b"\x7f\xc0\x00\x00"  # NaN, in the last atom of the last frame
    (tmp_path / "a.trr").write_bytes(whole)
    with pytest.raises(InputError, match="frame 1: the position of atom 1296 is NaN"):
        found(tmp_path / "a.trr", folder / "ii.gro")


def test_other_formats_are_not_for_here(folder):
    with pytest.raises(InputError, match="unknown suffix"):
        found(folder / "ii.gro", folder / "ii.gro")


def test_mdanalysis_missing(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "MDAnalysis", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingDependencyError, match=r"iceclass\[mdanalysis\]"):
        found(folder / "ii.xtc", folder / "ii.gro")


def test_types_overrule(folder):
    (frame, *_) = found(folder / "ii.trr", folder / "ii.gro", types={"OW": "O"})
    assert frame.n_molecules == ice("ii").n_molecules
    with pytest.raises(InputError, match="no atom has atom name XX"):
        found(folder / "ii.trr", folder / "ii.gro", types={"XX": "O"})


@pytest.mark.parametrize("suffix", FORMATS)
def test_open_trajectory_takes_a_topology(folder, suffix):
    path = folder / f"slab{suffix}"
    with iceclass.io.Trajectory(path, topology=DEMO, start=1, every=2) as trajectory:
        frames = list(trajectory)
        assert (trajectory.format, trajectory.frame_index) == (suffix[1:], 3)
        assert "oxygen: " in str(trajectory.atom_roles)
    expected = found(path, DEMO, start=1, every=2)
    for a, b in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)
    with pytest.raises(InputError, match="topology="):
        list(iceclass.read(path))
    with pytest.raises(InputError, match="leave out the topology"):
        iceclass.io.Trajectory(DEMO, topology=DEMO)
