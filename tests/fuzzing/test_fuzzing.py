"""Damaged and hostile files: each ends in a result or in an error that says which file it is.

A hundred cases or so of each kind, the same every time, and what was found once. With
ICECLASS_FUZZ=20000 in the environment so many are tried, other ones each time; what fails is made
small by Hypothesis, printed, and tried first the next time.
"""

from __future__ import annotations

import gzip
import json
import os
import pickle
import shutil
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from iceclass.datasets.featurize import find_trajectories
from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.reference import is_reference, load_reference
from iceclass.datasets.store import FeatureStore
from iceclass.errors import InputError, ModelError
from iceclass.io import read
from iceclass.io.output.records import sound_records
from iceclass.io.output.resumable import ResumableFile, journal_path, was_finishing
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.bonds import REACH
from iceclass.model.file import load_model, shipped_models
from iceclass.neighbours import Lattice
from tests.fuzzing.hdf5_files import reference_bytes, store_bytes
from tests.fuzzing.strategies import DEEP
from tests.fuzzing.targets import (
    DATA_HEAD,
    DUMP_HEAD,
    TARGETS,
    bomb,
    use_trajectory,
    whole_model,
    xyz_text,
)
from tests.fuzzing.watch import Watch
from tests.helpers.dumps import DATA, dump_text, water_rows

CASES = {"dump": 75, "data": 100, "extxyz": 80, "metadata": 150, "model": 100, "store": 75}
CASES |= {"reference": 75, "journal": 60, "index": 60}
"""Kind → how many are tried by default."""

MANY = int(os.environ.get("ICECLASS_FUZZ", "0"))


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    """Every kind of work is done once: what is compiled and imported is not a case's fault."""
    folder = tmp_path_factory.mktemp("warm")
    for name, data in (
        ("w.lammpstrj", (DATA / "ortho.lammpstrj").read_bytes()),
        ("w.data", (DATA / "labels.data").read_bytes()),
        ("w.extxyz", xyz_text(True).encode()),
    ):
        (folder / name).write_bytes(data)
        for action in ("read", "label", "label-skip", "label-npz"):
            use_trajectory(name, folder, action)
            for path in folder.glob("out.*"):
                path.unlink()
    return Watch()


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("name", CASES)
def test_every_case_ends_in_a_result_or_a_clear_error(name, watch, tmp_path, monkeypatch):
    if name == "index":  # only dumps of 64 MiB have one otherwise
        monkeypatch.setattr("iceclass.io.lammps.index.WORTHWHILE", 0)
    target, place = TARGETS[name](), tmp_path / "case"
    ends: Counter[str] = Counter()

    @settings(
        max_examples=MANY or CASES[name],
        derandomize=not MANY,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=bool(MANY),
    )
    @given(case=target.cases)
    def try_case(case):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for file, data in case.files.items():
            (place / file).write_bytes(data)
        # the descriptor may complain of a frame without knowing its file, and that nothing was
        # found in a folder is about none
        named = None if case.action.startswith(("label", "find")) else str(place)
        ends[watch.attempt(lambda: target.use(place, case.action), named)] += 1

    watch.growth = 0
    try_case()
    print(f"{name}: {dict(ends)}, {watch.growth >> 20} MiB")
    assert ends["accepted"] > 0
    assert ends["refused"] > 0 or not target.refuses


def test_a_violation_is_noticed(watch, tmp_path):
    """The watch sees what it is there to see."""

    def wrong(kind):
        if kind == "exception":
            raise ValueError("no IceclassError")
        if kind == "nameless":
            raise InputError("something is wrong")
        if kind == "escape":
            raise InputError("a\x1b[2Jb", path=tmp_path)
        if kind == "executed":
            os.system("true")
        if kind == "unpickled":
            pickle.loads(pickle.dumps(InputError))
        if kind == "memory":
            np.ones(600 << 20, np.uint8)

    kinds = ("exception", "nameless", "executed", "unpickled", "memory")
    for kind in kinds:
        with pytest.raises(AssertionError):
            watch.attempt(lambda kind=kind: wrong(kind), str(tmp_path))
    assert watch.attempt(lambda: wrong("nothing"), str(tmp_path)) == "accepted"
    assert watch.attempt(lambda: wrong("escape"), str(tmp_path)) == "refused"  # shown as \\x1b


# -- what was found once --------------------------------------------------------------------------


def written(tmp_path: Path, name: str, data: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def outcome_of(path: Path) -> str:
    """What reading ends in; the message of an error names the file."""
    try:
        return "frames" if list(read(path)) else "nothing"
    except InputError as error:
        return "refused" if path.name in str(error) else str(error)


@pytest.mark.parametrize("edge", ["0.004", "1e-9", "1e-150", "1e-308"])
def test_a_cell_much_thinner_than_a_molecule(tmp_path, edge):
    """Its images within reach would not fit into memory, or their number into 64 bits."""
    bounds = "\n".join([f"0 {edge}"] * 3)
    path = written(tmp_path, "a.dump", dump_text("id type x y z", water_rows(2), bounds=bounds))
    with pytest.raises(InputError, match=r"no volume .* or next to none|too thin to search"):
        list(read(path))
    assert len(Lattice.of(np.eye(3) * 0.5, np.ones(3, bool), REACH).shifts) > 1


def test_a_timestep_of_more_than_64_bits(tmp_path):
    path = written(tmp_path, "a.dump", dump_text("id type x y z", water_rows(2), timestep=10**30))
    with pytest.raises(InputError, match=r"frame 0.*timestep 1000.* does not fit into 64 bits"):
        list(read(path))


def test_messages_are_one_line_that_a_terminal_can_show(tmp_path):
    text = dump_text("id type x y z", water_rows(2)).replace("OF ATOMS", "OF \x1b[2J\x07\u2028x")
    path = written(tmp_path, "a.dump", text)
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert "ITEM: NUMBER OF \\x1b[2J\\x07" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(InputError("x" * 10_000, hint="y" * 10_000))) < 3000
    assert str(InputError("half a character: \ud800")).encode()


def test_what_is_no_blank_is_shown_in_the_field(tmp_path):
    path = written(tmp_path, "a.dump", dump_text("id type x y z", [(1, 1, "1\x0b2", 3, 4)]))
    with pytest.raises(InputError, match=r"y of row 1 is not a number: '\\x0b'"):
        list(read(path))


def test_a_field_of_a_megabyte_does_not_widen_the_column_of_all_rows(tmp_path):
    rows = [[*row, "a"] for row in water_rows(200)]
    rows[0][-1] = "b" * (1 << 20)
    path = written(tmp_path, "a.dump", dump_text("id type x y z note", rows))
    frame = next(read(path))
    with pytest.raises(InputError, match="column note has a field of 1048576 characters"):
        frame.atoms.columns["note"]


def test_the_position_of_a_file_that_is_just_being_closed(tmp_path):
    """Another thread reads; its file number may be gone before the file says it is closed."""
    source = ByteSource(written(tmp_path, "a.dump", b"x" * 100))
    source.read(10)
    source.close()
    assert source.position == (10, 100)


class TestBombs:
    """Much in some kilobytes."""

    @pytest.mark.parametrize("fill", [b"1 1 0 0 0\n", b"x", b"\n"])
    def test_a_dump(self, tmp_path, fill):
        path = written(tmp_path, "a.dump", bomb(DUMP_HEAD, fill))
        with pytest.raises(InputError, match=r"rows? "):
            list(read(path))

    def test_a_data_file(self, tmp_path):
        path = written(tmp_path, "a.data", bomb(DATA_HEAD, b"1 1 0 0 0\n"))
        with pytest.raises(InputError, match="expand to more than 100 times their size"):
            list(read(path))

    def test_extended_xyz(self, tmp_path):
        path = written(tmp_path, "a.extxyz", bomb("1000\n", b"x"))
        with pytest.raises(InputError, match=r"\d+ characters or more in \d+ of 1000 rows"):
            list(read(path))


class TestExtendedXYZ:
    def test_blank_lines_without_end(self, tmp_path):
        """Passed over all at once, with their number."""
        path = written(tmp_path, "a.extxyz", bomb(xyz_text(True, 1), b" \n") + bomb("x\n", b"x"))
        with pytest.raises(InputError, match=r"line 67108948: found 'x'"):
            list(read(path))

    @pytest.mark.parametrize("digits", [12, 18, 5000])
    def test_an_absurd_count(self, tmp_path, digits):
        path = written(tmp_path, "a.extxyz", "1" + "0" * digits + "\n\nO 0 0 0\n")
        with pytest.raises(InputError, match=r"line 1: announces 10+ atoms: that takes"):
            list(read(path))

    @pytest.mark.parametrize("many", ["1000000000000", "999999", "1_000_000"])
    def test_a_property_of_many_columns(self, tmp_path, many):
        text = f'1\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:{many}\nO 0 0 0\n'
        with pytest.raises(InputError, match=r"line 2: a property of \d+ columns"):
            list(read(written(tmp_path, "a.extxyz", text)))


class TestDataFile:
    GOOD = (DATA / "atomic.data").read_text()

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("atoms\n", "a" + " " * 200_000 + "toms\n"),
            ("Atoms # atomic", "Atoms # atomic" + " " * 200_000 + "x"),
            ("Atoms # atomic\n", "Atoms # atomic\n" + "\n" * 200_000 + "# " + " " * 200_000),
        ],
    )
    def test_long_blanks_take_no_longer_than_their_length(self, tmp_path, old, new):
        """Expressions that try every way to divide them took hours."""
        assert old in self.GOOD
        path = written(tmp_path, "a.data", self.GOOD.replace(old, new, 1))
        assert outcome_of(path) in ("frames", "refused")

    def test_numbers_that_are_no_digits_and_text_that_is_none(self, tmp_path):
        good = (DATA / "labels.data").read_bytes()
        section = good.index(b"Atom Type Labels")
        for digits in ("²".encode(), b"1" * 5000):
            start = good.index(b"1 ", section)
            path = written(tmp_path, "a.data", good[:start] + digits + good[start + 1 :])
            assert outcome_of(path) in ("frames", "refused")
        text = b"title\n\n1 atoms\n2 atom types\n0 9 xlo xhi\n\nAtoms\n\n\xff" + b" 1" * 12
        path = written(tmp_path, "a.data", text + b"\n")
        with pytest.raises(InputError, match="atom style cannot be told"):
            list(read(path))
        path = written(tmp_path, "a.data", self.GOOD.replace("units = real", "units = lightyears"))
        with pytest.raises(InputError, match=r"a.data, .*unknown unit style 'lightyears'"):
            list(read(path))


class TestMetadata:
    GOOD = {"iceclass_trajectory": 1, "phase": "ih", "preparation": "p"}  # noqa: RUF012

    @pytest.mark.parametrize(
        "change",
        [
            *({"temperature": None}, {"pressure": "1"}, {"density": True}, {"name": 5}),
            *({"split": 1.5}, {"split": "tset"}, {"water_model": []}, {"temperature": 10**400}),
            *({"phase": None}, {"preparation": {}}, {"iceclass_trajectory": "x" * 100_000}),
        ],
    )
    def test_values_of_another_type(self, tmp_path, change):
        written(tmp_path, "a.lammpstrj", (DATA / "ortho.lammpstrj").read_bytes())
        written(tmp_path, "a.json", json.dumps(self.GOOD | change))
        with pytest.raises(InputError, match=r"a\.json"):
            find_trajectories([tmp_path])

    def test_nested_deep_or_huge(self, tmp_path):
        path = written(tmp_path, "a.json", DEEP)
        with pytest.raises(InputError, match="not trajectory metadata"):
            read_metadata(path)
        written(tmp_path, "a.json", b" " * (17 << 20) + json.dumps(self.GOOD).encode())
        assert read_metadata(path) is None


class TestModel:
    @pytest.fixture
    def parts(self):
        data = shipped_models()["soap-37"].read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        header.pop("sha256")
        model = load_model("soap-37")
        return header, dict(model.arrays)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            *(("record", '{"x": NaN}'), ("classes", '["a", "\\ud800"]'), ("record", DEEP)),
            *(
                ("novelty", '{"threshold": 1, "quantile": "nan", "margin": 1}'),
                ("record", '{"split": 1.5}'),
                ("record", '{"test": 3}'),
                ("record", '{"split": null}'),
            ),
            ("record", '{"split": {"train": {"rows": 1}}}'),
        ],
    )
    def test_metadata_that_cannot_be_shown_or_saved(self, tmp_path, parts, key, value):
        contents, arrays = parts
        path = written(tmp_path, "m.safetensors", whole_model(contents | {key: value}, arrays))
        with pytest.raises(ModelError, match=r"m\.safetensors"):
            load_model(path)

    def test_the_shipped_ones_pass(self, tmp_path, parts):
        for name in shipped_models():
            load_model(name)
        load_model(written(tmp_path, "m.safetensors", whole_model(*parts)))


def in_hdf5(tmp_path: Path, data: bytes, change) -> Path:
    path = written(tmp_path, "s.h5", data)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(name: str, **options):
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **options)

    return change


SECRET = [("/etc/hostname", 0, 144 * 4)]


class TestFeatureStore:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (replaced("trajectories/n_rows", shape=(10**12,), dtype="i8"), "next to nothing"),
            (replaced("trajectories/name", shape=(10**12,), dtype=h5py.string_dtype()), "next to"),
            (replaced("rows/frame", shape=(144,), dtype="i4", external=SECRET), "in another file"),
            (replaced("rows/frame", shape=(144,), dtype=h5py.ref_dtype), "rows|frame is object"),
            (replaced("trajectories/phase", data=np.arange(3)), "phase is int64"),
            (lambda file: file.attrs.__setitem__("format", np.arange(9)), "not a feature store"),
            (lambda file: file.attrs.__setitem__("descriptor", "[[]]"), "not a JSON object"),
            (lambda file: file.attrs.__setitem__("descriptor", DEEP[:60_000]), "not a feature"),
            (lambda file: file["trajectories/n_rows"].__setitem__(0, -48), "less than no rows"),
            (lambda file: file["trajectories/name"].__setitem__(0, "ic_a"), "the same name"),
        ],
    )
    def test_is_refused_before_it_is_read(self, tmp_path, change, message):
        with pytest.raises(InputError, match=f"s.h5: .*{message}"):
            FeatureStore.open(in_hdf5(tmp_path, store_bytes(), change)).load()

    def test_links_out_of_the_file(self, tmp_path):
        other = written(tmp_path, "other.h5", store_bytes())

        def change(file: h5py.File) -> None:
            del file["rows/features"]
            file["rows/features"] = h5py.ExternalLink(str(other), "/rows/features")

        with pytest.raises(InputError, match="no data set of this file"):
            FeatureStore.open(in_hdf5(tmp_path, store_bytes(), change))

    def test_sizes_that_agree_and_are_huge(self, tmp_path):
        def change(file: h5py.File) -> None:
            file["trajectories/n_rows"][0] = 10**12 - 96
            for name in list(file["rows"]):
                shape, kind = file["rows"][name].shape[1:], file["rows"][name].dtype
                del file["rows"][name]
                file["rows"].create_dataset(name, (10**12, *shape), kind, chunks=(8192, *shape))

        with pytest.raises(InputError, match="of which next to nothing is stored"):
            FeatureStore.open(in_hdf5(tmp_path, store_bytes(), change)).load()

    def test_texts_announced_to_be_longer_than_the_file(self, tmp_path):
        data = store_bytes()
        with h5py.File(written(tmp_path, "a.h5", data)) as file:
            place = file["feature_names"].id.get_offset()
        data = data[:place] + (2**31).to_bytes(4, "little") + data[place + 4 :]
        with pytest.raises(InputError, match=r"texts of /feature_names are longer than the file"):
            FeatureStore.open(written(tmp_path, "a.h5", data))


class TestReference:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda file: file.attrs.__delitem__("format_version"), "damaged data set"),
            (lambda file: file["trajectories/t0"].attrs.__delitem__("description"), "damaged"),
            (lambda file: file["trajectories/t0"].attrs.__setitem__("description", "5"), "object"),
            (lambda file: file["trajectories/t0"].attrs.__setitem__("description", "{}"), "lacks"),
            (lambda file: file.__setitem__("trajectories/t2", h5py.SoftLink("/no")), "damaged"),
            (replaced("trajectories", data=5), "damaged"),
            (replaced("trajectories/t0/positions", shape=(3, 10**9, 3), dtype="i4"), "announces"),
            (replaced("trajectories/t0/timestep", data=np.arange(9)), "damaged data set"),
        ],
    )
    def test_damage_is_an_error(self, tmp_path, change, message):
        path = in_hdf5(tmp_path, reference_bytes(), change)
        with pytest.raises(InputError, match=f"s.h5: .*({message})"):
            [t.frames for t in load_reference(path)]

    def test_what_is_none_is_told_without_an_exception(self, tmp_path):
        strange = in_hdf5(
            tmp_path, reference_bytes(), lambda file: file.attrs.__setitem__("format", [1, 2])
        )
        assert not is_reference(strange)
        assert not is_reference(written(tmp_path, "t.h5", strange.read_bytes()[:3000]))


def test_a_journal_counts_no_further_than_its_first_damaged_line(tmp_path):
    source = written(tmp_path, "in.dump", b"source")
    file = ResumableFile(tmp_path / "o", {}, sources=[source])
    for k in range(5):
        file.write(b"frame")
        file.keep({"frame": k, "text": "a\u2028b"})
    file.abort()
    journal = journal_path(tmp_path / "o")
    good = journal.read_text()

    def kept_entries() -> int:
        with journal.open("rb") as lines:
            return sum(1 for _ in sound_records(lines))

    assert kept_entries() == 6
    for old, new, kept in (
        ('"frame":3', '"frame":4', 4),
        ('"frame":0', '"frame": 0', 1),
        ('"end":10', '"end":"10"', 2),
        (good.splitlines()[0], DEEP, 0),
        ("\\u2028b" if "\\u2028b" in good else "a\u2028b", "a\\ud800b", 1),
    ):
        journal.write_text(good.replace(old, new))
        assert kept_entries() == kept, new


def test_a_run_that_was_killed_while_finishing_and_then_again(tmp_path):
    """The files beside the output are still its own: the third run may replace them."""
    source, place = written(tmp_path, "in.dump", b"source"), tmp_path / "o"
    for k in range(3):
        file = ResumableFile(place, {"a": 1}, sources=[source])
        assert [record["frame"] for record in file.records] == [0] * (k > 0)
        if k == 0:
            file.write(b"frame")
            file.keep({"frame": 0})
            file.finishing()
        file.abort()
        assert was_finishing(place)
    file = ResumableFile(place, {"a": 1}, sources=[source])
    file.commit()
    assert place.read_bytes() == b"frame"
    assert not was_finishing(place)


def test_a_compressed_dump_may_hold_much_of_the_same(tmp_path):
    """Only what is announced counts, not how well it is compressed."""
    frame = dump_text("id type x y z", water_rows(8)).encode()
    path = written(tmp_path, "a.dump.gz", gzip.compress(frame * 2000))
    assert sum(1 for _ in read(path)) == 2000
