"""``iceclass label`` on real trajectories, and on everything that can be wrong with one."""

import gzip
import json
import shutil
from pathlib import Path

import ase.io
import numpy as np
import pytest

import iceclass
from iceclass.generation.formats import write_structure
from iceclass.generation.lattices import build
from iceclass.generation.water_models import water_model
from iceclass.model.file import resolve_model
from tests.cli.test_main import imported_by, run
from tests.helpers.outputs import check_output

DEMO = Path(__file__).parents[2] / "demo" / "melting-slab.lammpstrj.gz"

BOX = "ITEM: BOX BOUNDS pp pp pp\n0 20\n0 20\n0 20\n"
WATER = "1 1 1 1 1\n2 2 1.6 1.7 1\n3 2 0.4 1.7 1\n"


def dump(rows=WATER, box=BOX, atoms=3, columns="id type x y z"):
    return f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{atoms}\n{box}ITEM: ATOMS {columns}\n{rows}"


@pytest.fixture(scope="module")
def slab(tmp_path_factory):
    """Two frames of the melting slab, uncompressed."""
    path = tmp_path_factory.mktemp("slab") / "slab.lammpstrj"
    text = gzip.decompress(DEMO.read_bytes()).decode()
    frames = text.split("ITEM: TIME\n")
    path.write_text("ITEM: TIME\n".join(frames[:3]))
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def label(*arguments):
    return run("label", *map(str, arguments))


def test_everything_is_written_beside_the_input(slab, here, capsys):
    shutil.copy(slab, "traj.lammpstrj")
    assert label("traj.lammpstrj") == 0
    assert sorted(p.name for p in here.iterdir()) == [
        "traj.labels.lammpstrj",
        "traj.lammpstrj",
        "traj.phases.csv",
        "traj.phases.json",
        "traj.phases.png",
    ]
    printed = capsys.readouterr().out
    assert "oxygen: type 1" in printed
    assert "ice Ih" in printed
    summary = json.loads(Path("traj.phases.json").read_text())
    classes = [summary["legend"][str(k)] for k in range(len(summary["legend"]) - 1)]
    header, *rows = Path("traj.phases.csv").read_text().splitlines()
    assert header == ",".join(["frame", "timestep", "molecules", *classes, "unknown"])
    assert [row.split(",")[:3] for row in rows] == [["0", "0", "720"], ["1", "1000", "720"]]
    fractions = np.array([[float(x) for x in row.split(",")[3:]] for row in rows])
    assert fractions.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    before = ase.io.read("traj.lammpstrj", index=":", format="lammps-dump-text")
    after = ase.io.read("traj.labels.lammpstrj", index=":", format="lammps-dump-text")
    for frame, (a, b) in enumerate(zip(before, after, strict=True)):
        assert np.array_equal(a.positions, b.positions)
        phase = b.arrays["i_phase"]
        assert phase.shape == (2160,)
        oxygen = np.array(b.get_atomic_numbers()) == 8
        counts = [np.mean(phase[oxygen] == k) for k in [*range(len(classes)), -1]]
        assert fractions[frame] == pytest.approx(counts, abs=1e-5)
        assert np.array_equal(np.repeat(phase[oxygen], 2), phase[~oxygen]), "hydrogens inherit"


def test_the_slab_holds_ice_and_water(slab):
    result = iceclass.label(slab)
    share = result.mean_fractions
    assert share["ih"] > 0.2
    assert share["water"] > 0.4
    # ice is where the layers were held: the lower half of the box
    (frame, *_), (labels, *_) = list(iceclass.read(slab)), result.labels
    height = (frame.positions[:, 2] - frame.origin[2]) / frame.cell[2, 2]
    inside = (height > 0.15) & (height < 0.35)
    assert np.mean(labels[inside] == result.classes.index("ih")) > 0.9
    melted = (height > 0.65) & (height < 0.85)
    assert np.mean(labels[melted] == result.classes.index("water")) > 0.9


def test_library_and_command_agree(slab, here):
    assert label(slab, "-o", "out.extxyz", "-q") == 0
    result = iceclass.label(slab)
    frames = ase.io.read("out.extxyz", index=":")
    assert frames[0].info["phases"].startswith("0=")
    assert frames[0].info["iceclass_model"] == result.parameters["model_id"]
    for atoms, labels in zip(frames, result.labels, strict=True):
        oxygen = atoms.get_atomic_numbers() == 8
        assert np.array_equal(atoms.arrays["i_phase"][oxygen], labels)


def test_frames_atoms_and_files_give_the_same(slab):
    frames = list(iceclass.read(slab))
    of_file = iceclass.label(slab)
    atoms = ase.io.read(slab, index=":", format="lammps-dump-text")
    for a in atoms:
        a.set_chemical_symbols(["O", "H", "H"] * 720)
    for source in (frames, atoms):
        result = iceclass.label(source)
        for got, expected in zip(result.labels, of_file.labels, strict=True):
            assert np.array_equal(got, expected)
    second = iceclass.label(frames, start=1, every=2)
    assert second.frames.tolist() == [1]
    assert np.array_equal(second.labels[0], of_file.labels[1])
    assert len(iceclass.label(frames[0]).labels) == 1
    assert len(iceclass.label(atoms[0]).labels) == 1


def test_a_part_of_the_frames(slab, here):
    assert label(slab, "-o", "out.lammpstrj", "--start", 1, "--every", 5, "-q") == 0
    rows = Path("out.phases.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["1"]


@pytest.mark.parametrize("kind", ["lammps", "extxyz", "gro"])
@pytest.mark.parametrize("phase", ["ih", "v"])
def test_structure_files_label(kind, phase, here):
    path = write_structure(build(phase, water_model("tip4p-2005")), here / phase, kind)
    assert label(path, "-q") == 0
    rows = Path(f"{phase}.phases.json").read_text()
    assert json.loads(rows)["mean_fractions"][phase] > 0.95


def test_a_file_that_lost_its_cell_is_said_to_be_a_droplet(here, capsys):
    ice = build("ih", water_model("tip4p-2005")).frame()
    rows = "".join(f"O {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in ice.positions)
    cell = " ".join(f"{x:.4f}" for x in ice.cell.ravel())
    for comment, told, least, most in (
        ("", True, 0.1, 0.7),
        (f'Lattice="{cell}"', False, 1.0, 1.0),
    ):
        Path("ice.xyz").write_text(f"{ice.n_molecules}\n{comment}\n{rows}")
        assert label("ice.xyz", "--force") == 0
        assert ("no periodic boundary in 1 of 1 frame:" in capsys.readouterr().err) == told
        summary = json.loads(Path("ice.phases.json").read_text())
        assert summary["open_frames"] == told
        assert least <= summary["mean_fractions"]["ih"] <= most  # what is deep enough
        assert run("info", "ice.xyz") == 0
        assert ("density:      unknown" in capsys.readouterr().out) == told


def test_json_is_for_machines(slab, here, capsys):
    assert label(slab, "-o", "out.lammpstrj", "--json") == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 2


def test_dscribe_backend_gives_the_same_labels(slab):
    fast = iceclass.label(slab, stop=1)
    slow = iceclass.label(slab, stop=1, backend="dscribe")
    assert np.array_equal(fast.labels[0], slow.labels[0])


def test_labelling_imports_no_heavy_package(slab, here):
    done, modules = imported_by("label", str(slab), "-o", "out.lammpstrj")
    assert done.returncode == 0
    roots = {name.partition(".")[0] for name in modules}
    assert not {"torch", "sklearn", "genice2", "lammps", "dscribe", "captum"} & roots
    assert not {"scipy.linalg", "scipy.stats", "rich.console"} & modules
    assert (
        not {f"iceclass.descriptors.{other}" for other in ("acsf", "bispectrum", "mtp")} & modules
    )


def test_without_figures_none_is_drawn_and_nothing_that_draws_imported(slab, here):
    done, modules = imported_by("label", str(slab), "-o", "out.csv", "--no-figures", "--clusters")
    assert done.returncode == 0
    assert not {"matplotlib", "PIL"} & modules
    tables = ["out.clusters.csv", "out.csv", "out.phases.csv", "out.phases.json"]
    assert sorted(path.name for path in here.iterdir()) == tables


NEGATIVE = BOX.replace("0 20\n0 20\n0 20", "0 20\n20 0\n0 20")
FLAT = BOX.replace("0 20\n0 20\n0 20", "0 20\n5 5\n0 20")

BAD = {
    "empty": ("", "frame 0, line 1", "empty"),
    "not a dump": ("Once upon a time\nthere was ice\n", "", "bad.lammpstrj"),
    "too few rows": (dump(atoms=4), "frame 0, line", "4"),
    "too many rows": (dump(atoms=2), "frame 0, line", ""),
    "words for numbers": (dump("1 1 1 1 cold\n2 2 1.6 1.7 1\n3 2 0.4 1.7 1\n"), "line 10", "cold"),
    "nan": (dump("1 1 1 1 1\n2 2 nan 1.7 1\n3 2 0.4 1.7 1\n"), "line 11", "nan"),
    "infinite": (dump("1 1 1 1 1\n2 2 1.6 1.7 1\n3 2 inf 1.7 1\n"), "line 12", "inf"),
    "negative volume": (dump(box=NEGATIVE), "line 7", ""),
    "no volume": (dump(box=FLAT), "line 7", ""),
    "no oxygen": (dump("1 1 1 1 1\n", atoms=1), "", "--types"),
    "no coordinates": (dump(columns="id type a b c"), "line 9", ""),
    "absurd number": (dump(atoms=10**12), "line", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_status_2_with_its_place_and_leaves_nothing(name, here, capsys):
    text, place, said = BAD[name]
    Path("bad.lammpstrj").write_text(text)
    types = ["--types", "1=H"] if name == "no oxygen" else []
    assert label("bad.lammpstrj", *types) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert error.startswith("Error: bad.lammpstrj")
    assert place in error
    assert said in error
    assert [p.name for p in here.iterdir()] == ["bad.lammpstrj"]


def test_after_damage_in_a_later_frame_it_goes_on_without_it(slab, here, capsys):
    text = slab.read_text()
    Path("bad.lammpstrj").write_text(text[: int(0.8 * len(text))])
    assert label("bad.lammpstrj") == 2
    assert "frame 1" in capsys.readouterr().err
    hidden = {".bad.labels.lammpstrj.part", ".bad.labels.lammpstrj.journal"}
    assert {p.name for p in here.iterdir()} == {"bad.lammpstrj", *hidden}
    assert label("bad.lammpstrj", "--on-error", "skip") == 0
    assert not hidden & {p.name for p in here.iterdir()}
    assert "skipped: bad.lammpstrj, frame 1" in capsys.readouterr().err
    assert len(Path("bad.phases.csv").read_text().splitlines()) == 2
    assert len(json.loads(Path("bad.phases.json").read_text())["skipped"]) == 1


def test_a_box_thinner_than_the_cutoff_is_handled_by_images(here):
    """One unit cell of ice Ic, 6.35 Å wide, labels as the crystal it is."""
    frame = build("ic", water_model("tip4p-2005")).frame()
    cell = frame.cell / 4
    fractional = np.linalg.solve(frame.cell.T, frame.positions.T).T
    first = np.all(fractional - np.floor(fractional) < 0.25 - 1e-6, axis=1)
    small = iceclass.Frame(positions=frame.positions[first], cell=cell)
    assert small.density == pytest.approx(frame.density)
    result = iceclass.label(small)
    assert (result.labels[0] == result.classes.index("ic")).all()


def test_outputs_are_protected(slab, here, capsys):
    Path("out.phases.csv").write_text("mine")
    assert label(slab, "-o", "out.lammpstrj") == 2
    assert "out.phases.csv: exists already" in capsys.readouterr().err
    assert [p.name for p in here.iterdir()] == ["out.phases.csv"]
    assert label(slab, "-o", "out.lammpstrj", "--force", "-q") == 0
    assert Path("out.phases.csv").read_text() != "mine"
    assert label(slab, "-o", "missing/out.lammpstrj") == 2
    assert "does not exist" in capsys.readouterr().err
    assert label(slab, "-o", "other.docx") == 2
    assert "unknown suffix" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["csv.gz", "parquet", "npz"])
def test_a_table_instead_of_a_trajectory(slab, here, suffix):
    assert label(slab, "-o", f"labels.{suffix}", "-q") == 0
    expected = iceclass.label(slab)
    if suffix == "npz":
        with np.load("labels.npz", allow_pickle=False) as arrays:
            found, ids = arrays["labels"].ravel(), np.tile(arrays["ids"], 2)
            assert tuple(arrays["classes"]) == expected.classes
    else:
        from pyarrow import csv, parquet

        read = csv.read_csv if suffix == "csv.gz" else parquet.read_table
        rows = read(f"labels.{suffix}").to_pydict()
        number = {name: k for k, name in enumerate(expected.classes)} | {"unknown": -1}
        found, ids = np.array([number[name] for name in rows["phase"]]), np.array(rows["id"])
        assert rows["frame"] == [0] * 720 + [1] * 720
    assert np.array_equal(found, np.concatenate(expected.labels))
    assert ids.tolist() == 2 * list(range(1, 2161, 3))


def test_clusters_and_profile(slab, here):
    assert label(slab, "-o", "out.lammpstrj", "--clusters", "--profile", "z", "-q") == 0
    rows = [line.split(",") for line in Path("out.clusters.csv").read_text().splitlines()]
    largest = {(r[0], r[3]): int(r[6]) for r in rows[1:]}
    assert largest["0", "ih"] > 200, "the ice is one slab"
    assert largest["0", "ice"] >= largest["0", "ih"]
    header, *layers = Path("out.profile.csv").read_text().splitlines()
    column = header.split(",").index("ih")
    ice = [float(layer.split(",")[column]) for layer in layers]
    assert max(ice) > 0.9
    assert min(ice) < 0.1
    check_output(Path("out.clusters.png"))
    check_output(Path("out.profile.png"))


def test_unwritable_directory(slab, here, capsys):
    assert label(slab, "-o", "/proc/out.lammpstrj") == 2
    assert "/proc/out.lammpstrj" in capsys.readouterr().err
    Path("file").write_text("")
    assert label(slab, "-o", "file/out.lammpstrj") == 2
    assert "does not exist" in capsys.readouterr().err


def test_bad_models_are_explained(slab, here, capsys):
    assert label(slab, "-m", "sop-325") == 2
    assert "unknown model" in capsys.readouterr().err
    assert label(slab, "-m", "missing.safetensors") == 2
    assert "missing.safetensors" in capsys.readouterr().err
    damaged = bytearray(resolve_model("default").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    Path("damaged.safetensors").write_bytes(damaged)
    assert label(slab, "-m", "damaged.safetensors") == 2
    assert "damaged.safetensors" in capsys.readouterr().err
    Path("no.safetensors").write_text("not a model")
    assert label(slab, "-m", "no.safetensors") == 2
    assert sorted(p.name for p in here.iterdir()) == ["damaged.safetensors", "no.safetensors"]


def test_features_of_another_descriptor_are_refused(slab, here, capsys):
    assert run("featurize", str(slab), "--phase", "ih", "-d", "soap-37", "-o", "f.h5", "-q") == 0
    for command in (["evaluate"], ["explain", "-o", "out"]):
        assert run(command[0], "soap-325", "f.h5", *command[1:]) == 2
        assert "another descriptor" in capsys.readouterr().err
    assert not Path("out").exists()


def test_what_the_descriptor_cannot_take_is_told_with_its_place(here, capsys):
    rng = np.random.default_rng(0)
    text = ""
    for edge in (20, 1):  # the second as if in other units
        box = "ITEM: BOX BOUNDS pp pp pp\n" + f"0 {edge}\n" * 3
        places = rng.uniform(0, edge, (200, 3))
        rows = "".join(f"{k + 1} 1 {x} {y} {z}\n" for k, (x, y, z) in enumerate(places))
        text += dump(rows, box, atoms=200)
    Path("traj.lammpstrj").write_text(text)
    assert label("traj.lammpstrj", "--types", "1=O") == 2
    told = capsys.readouterr().err
    assert "traj.lammpstrj, frame 1: " in told
    assert "more than 20000 neighbours" in told
    assert not Path("traj.labels.lammpstrj").exists()
