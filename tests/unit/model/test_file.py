"""The model file: exact on the way out and in, an error whenever it is not whole."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from iceclass.descriptors import from_dict
from iceclass.errors import InputError, ModelError, OutputError
from iceclass.model import file as model_file
from iceclass.model.file import load_model, resolve_model, save_model, shipped_models
from iceclass.model.summary import summary_of
from tests.helpers.iceframes import features, trained

DATA = Path(__file__).parents[2] / "data" / "model"
DENSITIES = "novelty.densities.known"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A model file."""
    path = tmp_path / "ices.safetensors"
    save_model(trained().model, path)
    return path


def rewritten(path: Path, change) -> Path:
    """The file with metadata and arrays changed, and the digest made right again."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata, arrays = header["__metadata__"], load_file(path)
    contents = {k: json.loads(v) for k, v in metadata.items() if k not in ("format", "sha256")}
    change(contents, arrays)
    metadata = {k: json.dumps(v) for k, v in contents.items()}
    metadata |= {"format": "iceclass-model", "sha256": model_file._digest(metadata, arrays)}
    save_file(arrays, path, metadata)
    return path


def test_everything_comes_back(path: Path):
    model, loaded = trained().model, load_model(path)
    assert loaded.classes == model.classes
    assert loaded.descriptor == model.descriptor
    assert loaded.temperature == model.temperature
    assert loaded.record == json.loads(json.dumps(model.record))
    assert loaded.model_id == model.model_id
    for name, array in model.arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array)
    assert loaded.novelty.threshold == model.novelty.threshold
    x = features("iii", 4)
    np.testing.assert_array_equal(loaded.predict(x).novelty, model.predict(x).novelty)


def test_the_output_for_none_of_the_classes_comes_back(tmp_path: Path):
    model = trained().model
    other = np.linspace(-0.1, 20.0, 101, dtype=np.float32)
    model = replace(model, novelty=replace(model.novelty, other=other))
    save_model(model, tmp_path / "other.safetensors")
    loaded = load_model(tmp_path / "other.safetensors")
    assert loaded.model_id == model.model_id != trained().model.model_id
    x = features("iii", 4)
    np.testing.assert_array_equal(loaded.predict(x).novelty, model.predict(x).novelty)
    assert (model.predict(x).novelty > trained().model.predict(x).novelty).any()
    with pytest.raises(ModelError, match=r"novelty.other is float32 of shape \(100,\)"):
        replace(model, novelty=replace(model.novelty, other=other[1:]))


def test_a_model_without_novelty(tmp_path: Path):
    model = replace(trained().model, novelty=None, record=None)
    save_model(model, tmp_path / "plain.safetensors")
    loaded = load_model(tmp_path / "plain.safetensors")
    assert loaded.novelty is None
    assert loaded.record == {}
    assert (loaded.predict(features("ih", 1)).novelty == 0).all()


def test_the_same_model_is_the_same_file(path: Path, tmp_path: Path):
    save_model(load_model(path), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_files_are_not_replaced_unless_forced(path: Path, tmp_path: Path):
    with pytest.raises(OutputError, match="exists already"):
        save_model(trained().model, path)
    save_model(replace(trained().model, temperature=2.0), path, force=True)
    assert load_model(path).temperature == 2.0
    with pytest.raises(OutputError, match="nowhere"):
        save_model(trained().model, tmp_path / "nowhere" / "m.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["ices.safetensors"]


def test_a_record_that_is_no_json_leaves_no_file(tmp_path: Path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_model(replace(trained().model, record={"x": np.nan}), tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickles_are_refused_and_not_opened(tmp_path: Path):
    path, trace = tmp_path / "m.safetensors", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Hostile(trace)))
    with pytest.raises(ModelError, match=r"m.safetensors: not a model file, or damaged"):
        load_model(path)
    assert not trace.exists()


@pytest.mark.parametrize("size", [0, 4, 8, 100, 5000, -1])
def test_truncated_files_are_refused(path: Path, size: int):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelError, match="damaged"):
        load_model(path)


def test_trailing_garbage_is_refused(path: Path):
    path.write_bytes(path.read_bytes() + b"\0" * 8)
    with pytest.raises(ModelError, match="damaged"):
        load_model(path)


def test_no_flipped_bit_goes_unnoticed(path: Path):
    """Anywhere: header length, JSON, arrays. (Blanks of the header may turn into others.)"""
    data = path.read_bytes()
    length = 8 + int.from_bytes(data[:8], "little")
    rng = np.random.default_rng(11)
    header = rng.integers(0, length, 400)
    for at in [*range(16), *header, *rng.integers(length, len(data), 60)]:
        flipped = bytearray(data)
        flipped[at] ^= 1 << int(rng.integers(8))
        if bytes([data[at]]).isspace() and at >= length - 8:
            continue
        path.write_bytes(flipped)
        with pytest.raises(ModelError) as caught:
            load_model(path)
        assert "\n" not in str(caught.value)


def shift_class(contents, arrays) -> None:
    contents["classes"][1] = contents["classes"][0]


def set_value(key: str, value):
    return lambda contents, arrays: contents.__setitem__(key, value)


def set_array(name: str, change):
    def apply(contents, arrays) -> None:
        arrays[name] = change(arrays[name])

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shift_class, "not two or more different names"),
        (set_value("classes", ["ih", "ic"]), r"weights.2 is float32 of shape \(5, 100\), expected"),
        (set_value("classes", "ih"), "expected a list of names"),
        (set_value("classes", [1, 2, 3, 4, 5]), "expected a list of names"),
        (set_value("classes", ["ih", "ic", "ii", "iii", "unknown"]), "different names"),
        (set_value("temperature", 0.0), "temperature is 0.0"),
        (set_value("temperature", "hot"), "damaged"),
        (set_value("temperature", float("nan")), "Out of range float"),
        (set_value("novelty", {"threshold": 1.0}), "lacks 'quantile'"),
        (set_value("record", []), "not a JSON object"),
        (set_value("format_version", 99), "of format 99, expected 2 or 3"),
        (set_value("format_version", "1"), "of format 1, expected"),
        (set_value("format_version", -3), "of format -3, expected 2 or 3"),
        (set_value("descriptor", {"family": "soop"}), "did you mean 'soap'"),
        (set_value("descriptor", None), "needs a 'family'"),
        (lambda c, a: c.pop("classes"), "lacks 'classes'"),
        (lambda c, a: a.pop("weights.1"), "lacks 'weights.1'"),
        (lambda c, a: a.update(extra=np.zeros(3)), "unexpected arrays extra"),
        (set_array("mean", lambda x: x[:-1]), r"mean is float32 of shape \(36,\), expected"),
        (set_array("mean", lambda x: x.astype(np.float64)), "mean is float64"),
        (set_array("scale", lambda x: 0 * x), "scale is not positive"),
        (set_array("biases.0", lambda x: x * np.float32("nan")), "biases.0 has NaN"),
        (set_array("weights.0", lambda x: x * np.float32("inf")), "weights.0 has NaN or inf"),
        (set_array("novelty.residual", lambda x: -x), "residual is not positive"),
        (set_array("novelty.means", lambda x: np.ascontiguousarray(x.T)), "novelty.means is"),
        (set_array("novelty.components", lambda x: np.zeros((), np.float32)), "damaged"),
        (lambda c, a: a.update({DENSITIES: np.ones((5, 2), np.float32)}), f"arrays {DENSITIES}"),
    ],
)
def test_contents_that_do_not_fit_are_refused(path: Path, change, message: str):
    with pytest.raises(ModelError, match=message):
        load_model(rewritten(path, change))


def test_a_model_of_other_features_is_refused(path: Path):
    def change(contents, arrays) -> None:
        contents["descriptor"]["l_max"] = 8

    with pytest.raises(ModelError, match=r"shape \(37,\), expected float32 of \(55,\)"):
        load_model(rewritten(path, change))


def test_deeply_nested_metadata_is_refused(path: Path):
    arrays = load_file(path)
    metadata = {"record": "[" * 100_000, "format_version": "1"}
    digest = model_file._digest(metadata, arrays)
    save_file(arrays, path, metadata | {"format": "iceclass-model", "sha256": digest})
    with pytest.raises(ModelError, match="damaged"):
        load_model(path)


def test_other_safetensors_and_huge_and_missing_files(tmp_path: Path):
    path = tmp_path / "other.safetensors"
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(ModelError, match="is safetensors, but not a model of iceclass"):
        load_model(path)
    with open(path, "wb") as file:
        file.truncate(model_file.MAX_BYTES + 1)
    with pytest.raises(ModelError, match="bytes, a model file at most"):
        load_model(path)
    with pytest.raises(ModelError, match=r"none.safetensors: cannot be read: No such file"):
        load_model(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize("version", [2, model_file.FORMAT_VERSION])
def test_a_file_that_was_kept_predicts_what_it_did(version: int):
    """Its record says what it predicted when it was written."""
    model = load_model(DATA / f"version-{version}.safetensors")
    kept = model.record["kept"]
    rows = np.array(kept["features"], dtype=np.float32)
    np.testing.assert_allclose(model.predict(rows).probabilities, kept["probabilities"], atol=1e-5)
    assert (model.model_id == kept["model_id"]) == (version > 2)  # which had densities, too


def test_the_densities_of_format_2_are_left_out_of_account():
    older, newer = (load_model(DATA / f"version-{version}.safetensors") for version in (2, 3))
    assert DENSITIES in load_file(DATA / "version-2.safetensors")
    assert older.model_id == newer.model_id
    x = features("iii", 4)
    np.testing.assert_array_equal(older.predict(x).novelty, newer.predict(x).novelty)


def test_names_of_stored_parameters_are_those_of_the_files_that_are_out():
    """Parameters have been renamed since; files, and the identity of models, have not."""
    for name in shipped_models():
        model = load_model(name)
        assert "average_own" in model.descriptor.to_dict()
        assert model.descriptor.concatenate_self == model.descriptor.to_dict()["average_own"]
        assert model.descriptor == from_dict(model.descriptor.to_dict())
    assert load_model("soap-148-scales").descriptor.concatenate_self
    (figures,) = summary_of(load_model("default")).tests.values()
    assert sum(len(one.confused_with) for one in figures.per_class.values()) > 0


def test_models_are_found_by_name_alias_and_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    models = tmp_path / "models"
    models.mkdir()
    save_model(trained().model, models / "soap-37.safetensors")
    (models / "models.json").write_text('{"default": "soap-37", "gone": "soap-1"}')
    monkeypatch.setattr(model_file, "files", lambda package: tmp_path)
    assert set(shipped_models()) == {"soap-37", "default"}
    assert resolve_model("default") == resolve_model("soap-37") == models / "soap-37.safetensors"
    with pytest.raises(InputError, match=r"did you mean 'soap-37'.*or give the path"):
        resolve_model("soap-73")
    assert resolve_model("x/y") == Path("x/y")
    assert resolve_model("mine.safetensors") == Path("mine.safetensors")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("")
    assert resolve_model("mine") == Path("mine")
