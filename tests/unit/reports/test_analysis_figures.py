"""Figures of clusters and profiles show what is in their tables."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from iceclass.analysis.clusters import Clusters
from iceclass.analysis.profile import Profile
from iceclass.errors import InputError, OutputError
from iceclass.phases import STUDY, colour_of
from iceclass.reports.clusters import largest_cluster_figure
from iceclass.reports.profile import profile_figure
from tests.helpers.configurations import liquid_like
from tests.helpers.labelled import demo_frames, prediction
from tests.unit.reports.test_figures import png_size, texts

HEADER = "frame,timestep,molecules,phase,classes,clusters,largest,second_largest\n"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables of the demo trajectory."""
    folder = tmp_path_factory.mktemp("tables")
    classes = demo_frames()[0][1].classes
    clusters, profile = Clusters(classes), Profile(classes)
    for frame, labelled in demo_frames():
        clusters.add(frame, labelled)
        profile.add(frame, labelled)
    clusters.write(folder / "x.clusters.csv")
    profile.write(folder / "x.profile.csv")
    profile.write_frames(folder / "x.profiles.csv")
    return folder


def curve(path: Path, colour: str) -> np.ndarray:
    """(points, 2) pixels of the first line of this colour in an SVG."""
    pattern = rf'<path d="([^"]*)"[^>]*style="[^"]*stroke: {colour}'
    text = re.search(pattern, path.read_text(), re.IGNORECASE).group(1)
    return np.array(re.findall(r"[ML] (\S+) (\S+)", text), dtype=float)


def test_largest_clusters_of_the_demo(tables: Path, tmp_path: Path) -> None:
    path = largest_cluster_figure(tables / "x.clusters.csv", tmp_path / "c.svg")
    found = texts(path)
    assert {"ice Ih", "timestep", "molecules in the largest cluster"} <= set(found)
    assert any(text.startswith("ice: ih") for text in found)
    assert not {"ice V", "water"} & set(found)
    both = largest_cluster_figure(
        tables / "x.clusters.csv", tmp_path / "both.svg", phases=["ih", "water"]
    )
    assert {"ice Ih", "water"} <= set(texts(both))
    heights = -curve(path, colour_of("ih"))[:, 1]  # pixels count downwards
    observer = Clusters(demo_frames()[0][1].classes)
    sizes = [observer.record(f, p)["clusters"]["ih"][1] for f, p in demo_frames()]
    assert np.corrcoef(heights, sizes)[0, 1] == pytest.approx(1.0, abs=1e-6)
    png = largest_cluster_figure(tables / "x.clusters.csv", tmp_path / "c.png")
    assert min(png_size(png)) > 500


def test_chosen_phases_and_a_small_nucleus(tmp_path: Path) -> None:
    """A nucleus far smaller than the liquid makes the axis logarithmic."""
    lines = [
        f"{k},{100 * k},5000,{row}\n"
        for k in range(20)
        for row in (
            f"ih,ih,2,{3 + k},1",
            "water,water,1,4900,0",
            "lda,lda,9,2,2",
            f"nuclei,ih ic,2,{4 + k},1",
        )
    ]
    table = tmp_path / "x.csv"
    table.write_text(HEADER + "".join(lines))
    found = texts(largest_cluster_figure(table, tmp_path / "default.svg"))
    assert "nuclei: ih ic" in found
    assert not {"ice Ih", "LDA", "water"} & set(found)  # below 1 % of the molecules, or liquid
    path = largest_cluster_figure(table, tmp_path / "all.svg", phases=["nuclei", "water"])
    assert "water" in texts(path)
    assert len(np.unique(np.diff(-curve(path, "#444444")[:, 1]).round(3))) > 10  # not a line
    chosen = largest_cluster_figure(table, tmp_path / "ice.svg", phases=["ih", "nuclei"])
    assert {"ice Ih", "nuclei: ih ic"} <= set(texts(chosen))
    assert "water" not in texts(chosen)
    assert np.ptp(np.diff(-curve(chosen, "#444444")[:, 1])) < 1e-3
    with pytest.raises(InputError, match="no phase 'ic'"):
        largest_cluster_figure(table, tmp_path / "n.svg", phases=["ic"])


def test_clusters_of_one_frame_and_of_frames_without_steps(tmp_path: Path) -> None:
    observer = Clusters(STUDY)
    frame = liquid_like()
    labels = prediction(np.arange(60) % 9, STUDY)
    observer.add(frame, labels)
    one = observer.write(tmp_path / "one.csv")
    found = texts(largest_cluster_figure(one, tmp_path / "one.svg"))
    largest = observer.records[0][1]["clusters"]
    assert {"ice V", "MDA", "ice: ih ic ii iii v", str(largest["ice"][1])} <= set(found)
    observer.add(frame, labels)
    two = observer.write(tmp_path / "two.csv")
    assert "frame" in texts(largest_cluster_figure(two, tmp_path / "two.svg"))


def test_profile_of_the_demo(tables: Path, tmp_path: Path) -> None:
    path = profile_figure(tables / "x.profile.csv", tmp_path / "p.svg")
    found = texts(path)
    assert {"ice Ih", "water", "z / Å", "molecules / %"} <= set(found)
    assert any(text.startswith("density / g") for text in found) or "density" in path.read_text()
    for name in ("ih", "water"):
        assert colour_of(name).lower() in path.read_text()
    assert min(png_size(profile_figure(tables / "x.profile.csv", tmp_path / "p.png"))) > 500


def test_profile_without_density_and_with_empty_layers(tmp_path: Path) -> None:
    table = tmp_path / "p.csv"
    table.write_text(
        "axis,bin,position,width,molecules,number_density,ih,new,unknown\n"
        "a,0,1.0,2.0,3,,0.5,0.25,0.25\na,1,3.0,2.0,0,,,,\n"
    )
    found = texts(profile_figure(table, tmp_path / "p.svg"))
    assert {"ice Ih", "new", "unknown", "a / Å"} <= set(found)
    assert not any("density" in text for text in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table of clusters: it has no column 'frame'"),
        (HEADER, "has no frames"),
        (HEADER + "0,0,10,ih,ih,1,x,0\n", "column 'largest'"),
        (HEADER + "0,0,10,ih\n", "line 2: has 4 fields, expected 8"),
        (HEADER + "0,0,9,ih,ih,1,1,0\n0,0,9,ic,ic,1,1,0\n1,1,9,ih,ih,1,1,0\n", "different numbers"),
    ],
)
def test_tables_of_clusters_that_cannot_be_drawn(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "x.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        largest_cluster_figure(table, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_profiles_that_cannot_be_drawn(tables: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="profile of every frame"):
        profile_figure(tables / "x.profiles.csv", tmp_path / "x.png")
    with pytest.raises(InputError, match="not a mean profile"):
        profile_figure(tables / "x.clusters.csv", tmp_path / "x.png")
    with pytest.raises(InputError, match="cannot be read"):
        profile_figure(tmp_path / "none.csv", tmp_path / "x.png")
    bare = tmp_path / "bare.csv"
    bare.write_text("axis,bin,position,width,molecules,number_density\nz,0,1,2,3,0.03\n")
    with pytest.raises(InputError, match="no columns of phase fractions"):
        profile_figure(bare, tmp_path / "x.png")
    (tmp_path / "mine.png").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        profile_figure(tables / "x.profile.csv", tmp_path / "mine.png", force=False)
