"""``iceclass view``, ``measure``, and ``label`` with ``--page`` and ``--compare``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.cli.main import main
from iceclass.labelling.reading import LabelledTrajectory
from iceclass.model.file import load_model
from tests.helpers.labelled import DEMO


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of the demo with labels, second opinions and a page."""
    pytest.importorskip("mdapy")
    pytest.importorskip("freud")
    folder = tmp_path_factory.mktemp("view")
    output = folder / "slab.labels.lammpstrj"
    options = ("--every", "8", "--compare", "chill+,q6bar,q,lsi,f4,density", "--page", "-q")
    assert run("label", DEMO, "-o", output, *options) == 0
    return output


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_labels_are_read_back(labelled: Path) -> None:
    expected = iceclass.label(DEMO, every=8)
    found = list(LabelledTrajectory(labelled))
    assert expected.labels is not None
    assert expected.probabilities is not None
    assert len(found) == len(expected.labels)
    for frame, labels, probabilities in zip(
        found, expected.labels, expected.probabilities, strict=True
    ):
        assert (frame.labels == labels).all()
        assert frame.confidence == pytest.approx(probabilities.max(axis=1), abs=1e-6)
        assert set(frame.columns) == {
            *("i_chill", "d_q6bar", "d_q", "d_lsi", "d_f4", "d_density", "i_disagree")
        }
    trajectory = LabelledTrajectory(labelled)
    assert trajectory.classes == load_model("default").classes
    assert trajectory.model_id == load_model("default").model_id


def test_agreement_is_that_of_the_columns(labelled: Path) -> None:
    """The table and the list of disagreement, worked out again from the labelled file."""
    frames = list(LabelledTrajectory(labelled))
    classes = LabelledTrajectory(labelled).classes
    ours = np.concatenate([np.isin(f.labels, [0, 1]) for f in frames])
    labels = np.concatenate([f.labels for f in frames])
    chill = np.concatenate([f.columns["i_chill"] for f in frames])
    q6 = np.concatenate([f.columns["d_q6bar"] for f in frames])
    f4 = np.concatenate([f.columns["d_f4"] for f in frames])
    rows = {row["phase"]: row for row in table(labelled.with_name("slab.comparison.csv"))}
    for phase in ("ih", "water"):
        own = labels == classes.index(phase)
        row = rows[phase]
        assert int(row["molecules"]) == own.sum()
        agrees = np.isin(chill, [1, 2, 3])[own] == ours[own]
        assert float(row["agrees with CHILL+"]) == pytest.approx(agrees.mean(), abs=1e-5)
        agrees = (q6 > 0.358)[own] == ours[own]
        assert float(row["agrees with q̄6"]) == pytest.approx(agrees.mean(), abs=1e-5)
        assert float(row["mean F4"]) == pytest.approx(np.nanmean(f4[own]), abs=1e-4)
    assert int(rows["all"]["molecules"]) == len(labels)
    listed = table(labelled.with_name("slab.disagreement.csv"))
    differing = [
        (f.number, int(i)) for f in frames for i in f.frame.ids[f.columns["i_disagree"] > 0]
    ]
    assert [(int(row["frame"]) // 8, int(row["id"])) for row in listed] == differing
    assert labelled.with_name("slab.comparison.png").is_file()


def test_a_region_is_compared_with_all_neighbours_seen(labelled: Path, tmp_path: Path) -> None:
    """What CHILL+ calls a molecule does not depend on which molecules are labelled."""
    output = tmp_path / "part.labels.lammpstrj"
    options = ("--compare", "chill+,q6bar", "--region", "z:5:15", "--every", "8", "-q")
    assert run("label", DEMO, "-o", output, *options) == 0
    for part, whole in zip(LabelledTrajectory(output), LabelledTrajectory(labelled), strict=True):
        inside = part.labels >= -1
        assert 0 < inside.sum() < len(inside)
        assert (part.columns["i_chill"] == whole.columns["i_chill"]).all()
        assert (part.columns["i_disagree"][~inside] == 0).all()
        assert (part.columns["i_disagree"] == whole.columns["i_disagree"])[inside].all()


def test_view_writes_the_same_page(labelled: Path, tmp_path: Path, capsys) -> None:
    page = tmp_path / "page.html"
    assert run("view", labelled, "-o", page, "--title", labelled.name) == 0
    assert "written: page.html (3 of 3 frames, " in capsys.readouterr().out
    assert page.read_bytes() == labelled.with_name("slab.html").read_bytes()
    assert run("view", labelled, "-o", page) == 2  # it exists
    assert "exists already" in capsys.readouterr().err
    assert run("view", labelled, "-o", page, "--no-details", "--force", "-q") == 0
    assert page.stat().st_size < labelled.with_name("slab.html").stat().st_size
    assert run("view", labelled, "-o", labelled) == 2
    assert run("view", labelled, "--no-details", "--explain") == 2


def test_measure_writes_tables_summaries_and_figures(
    labelled: Path, tmp_path: Path, capsys
) -> None:
    stem = tmp_path / "m"
    assert run("measure", labelled, "-o", stem, "--nucleus", "ice,chill+", "--timestep", "4") == 0
    told = capsys.readouterr().out
    assert "interfaces: 2, width " in told
    assert "m/s" in told
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(
        f"m.{what}.{kind}"
        for what in ("interfaces", "nuclei", "stacking")
        for kind in ("csv", "json", "png")
    )
    rows = table(tmp_path / "m.nuclei.csv")
    assert len(rows) == 6
    frames = list(LabelledTrajectory(labelled))
    ice = [int(row["size"]) for row in rows if row["definition"] == "ice"]
    assert all(0.9 * np.isin(f.labels, [0, 1]).sum() < n for f, n in zip(frames, ice, strict=True))
    summary = json.loads((tmp_path / "m.interfaces.json").read_text(encoding="utf-8"))
    assert summary["velocity"]["unit"] == "m/s"
    assert summary["velocity"]["value"] < 0  # it melts
    assert run("measure", labelled, "-o", stem) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--what", "nucleii"), "did you mean 'nuclei'"),
        (("--nucleus", "chill"), "did you mean 'chill+'"),
        (("--ordered", "ih,iv"), "unknown class 'iv'"),
        (("--timestep", "-1"), "time step -1.0 fs"),
        (("--what", "surfaces"), "nothing to measure of surfaces"),
        (("--cutoff", "0"), "cut-off"),
    ],
)
def test_measure_refuses(labelled: Path, tmp_path: Path, capsys, options, said) -> None:
    assert run("measure", labelled, "-o", tmp_path / "m", *options) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_not_labelled_is_refused(tmp_path: Path, capsys) -> None:
    assert run("view", DEMO, "-o", tmp_path / "page.html") == 2
    assert run("measure", DEMO, "-o", tmp_path / "m") == 2
    assert "nothing tells what the class indices mean" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"legend": {"0": "ih", "2": "ic"}, "model": "m", "model_id": "0"}', "legend of classes"),
        ('{"legend": []}', "no summary of labels"),
        ("{", "no summary of labels"),
        ('{"legend": {"0": "ih", "1": "ic"}, "model": "m", "model_id": "0"}', "expected −2 to 1"),
    ],
)
def test_a_damaged_summary_is_named(labelled: Path, tmp_path: Path, capsys, text, said) -> None:
    copy = tmp_path / "slab.labels.lammpstrj"
    copy.write_bytes(labelled.read_bytes())
    (tmp_path / "slab.phases.json").write_text(text, encoding="utf-8")
    assert run("measure", copy, "-o", tmp_path / "m") == 2
    assert said in capsys.readouterr().err


def test_label_says_what_a_page_is_made_of(tmp_path: Path, capsys) -> None:
    assert run("label", DEMO, "-o", tmp_path / "a.csv", "--page") == 2
    assert "labelled trajectory" in capsys.readouterr().err
    assert run("label", DEMO, "-o", tmp_path / "a.extxyz", "--compare", "ptm") == 2
    assert "unknown method to compare with 'ptm'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
