"""The page of a labelled trajectory, opened in a real browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.errors import InputError, OutputError
from iceclass.frame import Frame
from iceclass.io.options import ReadOptions
from iceclass.labelling.reading import LabelledTrajectory
from iceclass.model.file import load_model, save_model
from iceclass.reports.page import page_of, trajectory_page
from tests.cli.test_main import run
from tests.helpers.browser import browser, opened, pixels
from tests.helpers.labelled import DEMO

CLASSES = ("ih", "ic", "water")
HOSTILE = "<script>hacked=1<script>&amp;<img src=x onerror=hacked=1>.extxyz"


def write_labelled(
    path: Path,
    frames: list[tuple[Frame, np.ndarray]],
    classes: tuple[str, ...] = CLASSES,
    columns: dict[str, np.ndarray] | None = None,
) -> Path:
    """A labelled extended XYZ file of frames and labels."""
    columns = columns or {}
    legend = " ".join(f"{k}={name}" for k, name in enumerate(classes))
    with path.open("w", encoding="utf-8") as file:
        for k, (frame, labels) in enumerate(frames):
            cell = " ".join(f"{v:.8f}" for v in frame.cell.ravel())
            pbc = " ".join("FT"[int(p)] for p in frame.pbc)
            properties = "species:S:1:pos:R:3:id:I:1:i_phase:I:1:d_confidence:R:1"
            properties += "".join(f":{name}:R:1" for name in columns)
            file.write(
                f'{frame.n_molecules}\nLattice="{cell}" Properties={properties} timestep={100 * k} '
                f'iceclass_model=0123456789ab time={2.0 * k} pbc="{pbc}" '
                f'phases="{legend} -1=unknown"\n'
            )
            for i, (x, y, z) in enumerate(frame.positions):
                further = "".join(f" {values[i]:.4f}" for values in columns.values())
                confidence = 0.5 + 0.5 * i / frame.n_molecules
                file.write(
                    f"O {x:.4f} {y:.4f} {z:.4f} {frame.ids[i]} {labels[i]} {confidence:.4f}"
                    f"{further}\n"
                )
    return path


def two_phases(n: int = 400, boundary: float = 15.0, seed: int = 0) -> tuple[Frame, np.ndarray]:
    """Random molecules in a box of 30 Å, ice below the boundary along z and water above it."""
    positions = np.random.default_rng(seed).uniform(0.0, 30.0, (n, 3))
    return Frame(positions, 30.0 * np.eye(3)), np.where(positions[:, 2] < boundary, 0, 2)


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def growing(tmp_path_factory) -> tuple[Path, Path]:
    """A labelled file whose boundary moves up, and its page; its name is an attack."""
    folder = tmp_path_factory.mktemp("page")
    frames = [two_phases(boundary=b, seed=1) for b in (0.0, 10.0, 20.0)]
    disagree = (np.arange(400) % 7 == 0).astype(float)
    path = write_labelled(
        folder / HOSTILE.replace("/", ""), frames, columns={"i_disagree": disagree}
    )
    page_of(path, folder / "page.html")
    return path, folder / "page.html"


def shares(page) -> tuple[float, float]:
    """Shares of the view's pixels that are the blue of ice and the grey of water."""
    r, g, b = np.moveaxis(pixels(page, "#view"), -1, 0)
    blue = (b > r + 50) & (b > 60)
    grey = (np.abs(r - b) < 12) & (np.abs(r - g) < 12) & (r > 100) & (r < 240)
    return float(blue.mean()), float(grey.mean())


def test_molecules_are_drawn_hidden_and_cut(chromium, growing) -> None:
    with opened(chromium, growing[1]) as page:
        page.locator("#cell").uncheck()
        blue, grey = shares(page)
        assert blue > 0.03
        assert grey > 0.03
        boxes = page.locator("#phases input")
        assert boxes.count() == 2  # phases that are never there are not listed
        boxes.nth(0).uncheck()
        assert shares(page)[0] == 0.0
        boxes.nth(0).check()
        boxes.nth(1).uncheck()
        assert shares(page)[1] < 0.002  # edges of spheres
        boxes.nth(1).check()
        page.get_by_label("lower slice plane along z").fill("0.7")
        assert shares(page)[0] == 0.0  # the ice ends at two thirds
        page.get_by_label("lower slice plane along z").fill("0")
        page.locator("#colour").select_option("confidence")
        assert shares(page)[1] < 0.25 * grey


def test_slider_curve_and_profile_go_together(chromium, growing) -> None:
    with opened(chromium, growing[1]) as page:
        assert page.inner_text("#now") == "frame 2, timestep 200, 4 ps"
        counts = page.locator("#phases label")
        assert counts.nth(0).inner_text().split()[-2:-1] != ["0.0"]
        later, profile = pixels(page, "#curve"), pixels(page, "#profile")
        page.locator("#frame").fill("0")
        assert page.inner_text("#now") == "frame 0, timestep 0, 0 ps"
        assert shares(page)[0] == 0.0  # no ice yet
        assert "0.0 %" in counts.nth(0).inner_text()
        assert (pixels(page, "#profile") != profile).mean() > 0.1
        assert (pixels(page, "#curve") != later).any()  # its line has moved
        width = page.locator("#curve").bounding_box()["width"]
        page.locator("#curve").click(position={"x": width / 2, "y": 50})
        assert page.inner_text("#now").startswith("frame 1, ")


def test_a_click_tells_the_molecule(chromium, growing) -> None:
    frame, labels = two_phases(boundary=20.0, seed=1)
    with opened(chromium, growing[1]) as page:
        box = page.locator("#view").bounding_box()
        seen = np.array([page.evaluate("k => iceclassPage.project(k)", k) for k in range(400)])
        apart = np.hypot(*(seen[:, None, :2] - seen[None, :, :2]).transpose(2, 0, 1))
        covers = (apart < seen[None, :, 3]) & (seen[None, :, 2] < seen[:, None, 2])
        k = int(np.flatnonzero(~covers.any(axis=1))[3])  # nothing is before its middle
        page.mouse.click(box["x"] + seen[k, 0], box["y"] + seen[k, 1])
        told = dict(re.findall(r"^(.+?)\t(.+)$", page.inner_text("#chosen table >> nth=0"), re.M))
        assert told["id"] == str(k + 1)
        assert told["phase"] == {0: "ice Ih", 2: "water"}[labels[k]]
        assert float(told["confidence"]) == pytest.approx(0.5 + 0.5 * k / 400, abs=0.011)
        where = [float(x) for x in told["position / Å"].split(",")]
        assert where == pytest.approx(frame.positions[k].tolist(), abs=0.011)
        near = frame.positions - frame.positions[k]
        near -= 30.0 * np.round(near / 30.0)
        distances = np.linalg.norm(near, axis=1)
        expected = np.flatnonzero((distances < 3.5) & (distances > 0)) + 1
        links = page.locator("#chosen a")
        assert sorted(int(text) for text in links.all_inner_texts()) == sorted(expected.tolist())
        if len(expected):
            follow = links.nth(0).inner_text()
            links.nth(0).click()
            assert page.inner_text("#chosen td >> nth=1") == follow


def test_only_disagreement_is_shown(chromium, growing) -> None:
    with opened(chromium, growing[1]) as page:
        page.locator("#cell").uncheck()
        before = sum(shares(page))
        page.locator("#disagreement").check()
        assert 0.0 < sum(shares(page)) < 0.5 * before
        page.locator("#disagreement").uncheck()
        page.locator("#colour").select_option("i_disagree")
        r, _, b = np.moveaxis(pixels(page, "#view"), -1, 0)
        assert ((r > b + 60) & (r > 80)).mean() > 0.005


def test_a_hostile_name_is_text(chromium, growing) -> None:
    path, page_path = growing
    with opened(chromium, page_path) as page:
        assert page.inner_text("#title") == path.name
        assert page.title() == path.name
        assert page.evaluate("typeof hacked") == "undefined"
        assert page.locator("img").count() == 0


def test_a_hostile_legend_is_text(chromium, tmp_path) -> None:
    frame, labels = two_phases(50)
    classes = ("<img/src=x/onerror=hacked=1>", "</script><script>hacked=1</script>", "water")
    path = write_labelled(tmp_path / "t.extxyz", [(frame, labels)], classes)
    page_of(path, tmp_path / "page.html")
    with opened(chromium, tmp_path / "page.html") as page:
        assert classes[0] in page.inner_text("#phases")
        assert page.evaluate("typeof hacked") == "undefined"


def test_details_of_the_model(chromium, tmp_path) -> None:
    """Probabilities, map and features are the model's own; the map is linked to the view."""
    model = load_model("default")
    labels = iceclass.label(DEMO, output=tmp_path / "a.extxyz", every=20)
    summary = page_of(tmp_path / "a.extxyz", tmp_path / "page.html", explain=True)
    assert (summary.frames, summary.detailed) == (2, 2)
    frame = list(iceclass.read(DEMO, every=20))[-1]
    assert labels.probabilities is not None
    with opened(chromium, tmp_path / "page.html", height=1000) as page:
        assert pixels(page, "#map").std() > 5
        box = page.locator("#view").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tables = page.locator("#chosen table")
        told = dict(re.findall(r"^(.+?)\t(.+)$", tables.nth(0).inner_text(), re.M))
        k = int(np.flatnonzero(frame.ids == int(told["id"]))[0])
        probabilities = dict(re.findall(r"^(.+?)\t(.+)$", tables.nth(1).inner_text(), re.M))
        expected = labels.probabilities[-1][k]
        found = [float(probabilities[iceclass_label(c)]) for c in model.classes]
        assert found == pytest.approx(expected.tolist(), abs=0.003)
        features = re.findall(r"^(.+?)\t(.+)$", tables.nth(2).inner_text(), re.M)
        assert len(features) == 5
        assert {name for name, _ in features} <= set(model.descriptor.names)
        # a dot of the map selects a molecule
        ids = set()
        canvas = page.locator("#map").bounding_box()
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            for height in (0.15, 0.3, 0.45, 0.6, 0.75):
                page.locator("#map").click(
                    position={"x": share * canvas["width"], "y": height * canvas["height"]}
                )
                ids.add(page.inner_text("#chosen td >> nth=1"))
        assert len(ids) > 1


def iceclass_label(name: str) -> str:
    from iceclass.phases import label_of

    return label_of(name)


@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False), (False,) * 3])
def test_any_box_is_shown(chromium, tmp_path, pbc) -> None:
    """A tilted cell, a slab, a droplet without a cell: every molecule is seen and placed."""
    rng = np.random.default_rng(3)
    cell = np.array([[20.0, 0, 0], [6.0, 18.0, 0], [-4.0, 3.0, 24.0]]) * np.array(pbc)[:, None]
    spread = np.where(cell.any(axis=1)[:, None], cell, np.diag([20.0, 20.0, 20.0]))
    frame = Frame(rng.uniform(-0.5, 1.0, (200, 3)) @ spread, cell, pbc=np.array(pbc))
    path = write_labelled(tmp_path / "t.extxyz", [(frame, np.zeros(200, dtype=int))])
    page_of(path, tmp_path / "page.html")
    with opened(chromium, tmp_path / "page.html") as page:
        assert shares(page)[0] > 0.03
        assert page.locator("#cell").is_visible() == all(pbc)
        assert not page.locator("#time").is_visible()  # of one frame
        assert not page.locator("#curve").is_visible()
        box = page.locator("#view").bounding_box()
        seen = np.array([page.evaluate("k => iceclassPage.project(k)", k) for k in range(200)])
        assert (seen[:, 0] > 0).all()
        assert (seen[:, 0] < box["width"]).all()
        assert (seen[:, 1] > 0).all()
        assert (seen[:, 1] < box["height"]).all()


def meta_of(path: Path) -> dict:
    text = path.read_text(encoding="utf-8")
    return json.loads(text.split('type="application/json">')[1].split("</script>")[0])


def test_frames_are_left_out_evenly_and_it_is_said(tmp_path) -> None:
    frames = [two_phases(1500, boundary=float(b), seed=b) for b in range(24)]
    path = write_labelled(tmp_path / "t.extxyz", frames)
    whole = trajectory_page(LabelledTrajectory(path), tmp_path / "whole.html")
    assert (whole.frames, whole.shown) == (24, 24)
    empty = trajectory_page(
        LabelledTrajectory(path, reading=ReadOptions(every=24)), tmp_path / "one.html"
    )
    limit = empty.size + (whole.size - empty.size) // 3
    thin = trajectory_page(LabelledTrajectory(path), tmp_path / "thin.html", max_bytes=limit)
    assert thin.size == (tmp_path / "thin.html").stat().st_size <= limit
    numbers = [told["number"] for told in meta_of(tmp_path / "thin.html")["frames"]]
    apart = set(np.diff(numbers).tolist())
    assert len(apart) == 1
    every = apart.pop()
    assert thin.shown == len(numbers) == -(-24 // every) < 24
    meta = meta_of(tmp_path / "thin.html")
    assert f"One frame in {every} is shown, {len(numbers)} in all" in " ".join(meta["about"])
    assert len(meta["curve"]["x"]) == 24  # all frames
    with pytest.raises(OutputError, match="page of one frame"):
        trajectory_page(LabelledTrajectory(path), tmp_path / "no.html", max_bytes=1000)
    assert not (tmp_path / "no.html").exists()


def test_ones_own_model_is_found_beside_the_trajectory(tmp_path) -> None:
    """The details of a shipped model, and of a file of one's own, are on the page alike."""
    shipped = load_model("soap-37")
    *first, last = shipped.biases
    save_model(
        replace(shipped, biases=(*first, last + np.float32(0.01))), tmp_path / "mine.safetensors"
    )
    labelled = tmp_path / "a.extxyz"
    words = ("--model", str(tmp_path / "mine.safetensors"), "-o", str(labelled), "--stop", "1")
    assert run("label", str(DEMO), *words) == 0
    assert page_of(labelled, tmp_path / "page.html").detailed == 1
    (tmp_path / "mine.safetensors").unlink()
    assert page_of(labelled, tmp_path / "again.html").detailed == 0


def test_a_wrong_model_is_refused(tmp_path) -> None:
    iceclass.label(DEMO, output=tmp_path / "a.extxyz", stop=1)
    with pytest.raises(InputError, match="was labelled by the model"):
        page_of(tmp_path / "a.extxyz", tmp_path / "page.html", model="soap-37")
    assert not (tmp_path / "page.html").exists()


def test_an_unlabelled_file_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="class indices"):
        page_of(DEMO, tmp_path / "page.html")
    with pytest.raises(InputError, match=r"no column i_phase.*iceclass label"):
        trajectory_page(LabelledTrajectory(DEMO, CLASSES), tmp_path / "page.html")
