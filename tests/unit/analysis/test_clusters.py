"""Clusters against SciPy's connected components and OVITO's cluster analysis."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from iceclass.analysis.clusters import COLUMNS, R_CUT, Clusters, cluster_sizes, default_groups
from iceclass.errors import InputError, OutputError
from iceclass.frame import Frame
from iceclass.generation.lattices import build
from iceclass.generation.water_models import WATER_MODELS
from iceclass.phases import PHASES, STUDY
from tests.helpers.configurations import CONFIGURATIONS, liquid_like, random_triclinic
from tests.helpers.labelled import CLASSES, demo_frames, prediction, random_labels


def by_scipy(frame: Frame, labels: np.ndarray, r_cut: float) -> np.ndarray:
    """(N,) cluster sizes from ASE's neighbours and SciPy's graph search."""
    atoms = Atoms(f"O{len(labels)}", frame.positions, cell=frame.cell, pbc=frame.pbc)
    first, second = neighbor_list("ij", atoms, r_cut, self_interaction=True)
    same = (labels[first] == labels[second]) & (labels[first] >= 0)
    shape = (len(labels), len(labels))
    graph = coo_array((np.ones(same.sum()), (first[same], second[same])), shape=shape)
    _, component = connected_components(graph, directed=False)
    return np.where(labels >= 0, np.bincount(component)[component], 0)


def by_ovito(frame: Frame, chosen: np.ndarray, r_cut: float) -> list[int]:
    """Cluster sizes among the chosen molecules, largest first, from OVITO."""
    from ovito.data import DataCollection
    from ovito.modifiers import ClusterAnalysisModifier

    data = DataCollection()
    data.create_cell(np.column_stack([frame.cell.T, frame.origin]), pbc=tuple(frame.pbc.tolist()))
    particles = data.create_particles(count=frame.n_molecules)
    particles.create_property("Position", data=frame.positions)
    particles.create_property("Selection", data=chosen.astype(np.int8))
    data.apply(ClusterAnalysisModifier(cutoff=r_cut, only_selected=True))
    cluster = data.particles["Cluster"][...]
    of_clusters = np.unique(cluster[chosen], return_counts=True)[1]
    return np.sort(of_clusters)[::-1].tolist()


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("kinds", [1, 3])
def test_random_labels_as_scipy(name: str, kinds: int) -> None:
    """Any cell, any boundaries; a cell thinner than the cut-off too."""
    frame = CONFIGURATIONS[name]()
    labels = np.random.default_rng(kinds).integers(-1, kinds, frame.n_molecules)
    for r_cut in (2.5, R_CUT, 5.0):
        found = cluster_sizes(frame, labels, r_cut)
        np.testing.assert_array_equal(found, by_scipy(frame, labels, r_cut))


@pytest.mark.parametrize("seed", range(4))
def test_random_labels_as_ovito(seed: int) -> None:
    pbc = [(True, True, True), (True, True, False), (False, True, True), (False,) * 3][seed]
    frame = random_triclinic(400, seed=seed, pbc=pbc, size=25.0)
    labels = random_labels(400, seed)
    record = Clusters(CLASSES, groups={"rest": ("water", "unknown")}).record(frame, labels)
    wanted = {name: labels.labels == k for k, name in enumerate(CLASSES)}
    wanted["rest"] = np.isin(labels.labels, (2, -1))
    for name, chosen in wanted.items():
        sizes = by_ovito(frame, chosen, R_CUT)
        assert record["clusters"][name] == [len(sizes), *[*sizes, 0][:2]], name


def test_melting_ice_as_ovito() -> None:
    """Real labels: the demo trajectory with the default model."""
    for frame, labelled in demo_frames():
        record = Clusters(labelled.classes).record(frame, labelled)
        assert record["molecules"] == 720
        crystals = [k for k, c in enumerate(labelled.classes) if PHASES[c].recipe == "crystal"]
        wanted = {name: labelled.labels == k for k, name in enumerate(labelled.classes)}
        wanted["ice"] = np.isin(labelled.labels, crystals)
        for name, chosen in wanted.items():
            sizes = by_ovito(frame, chosen, R_CUT) if chosen.any() else []
            expected = [len(sizes), *[*sizes, 0, 0][:2]]
            assert record["clusters"].get(name, [0, 0, 0]) == expected, name
        assert record["clusters"]["ice"][1] > 100


def test_a_nucleus_of_two_ices_is_one_of_ice() -> None:
    """Layers of Ih and Ic by turns: many clusters of each, one of both."""
    frame = build("one[hhccchhccc]", WATER_MODELS["tip4p-ice"]).frame()
    layer = np.floor((frame.positions @ np.linalg.inv(frame.cell))[:, 2] * 4).astype(int) % 4
    labels = prediction(np.where(layer % 2, 1, 0))
    record = Clusters(CLASSES, r_cut=3.2).record(frame, labels)
    assert record["clusters"]["ice"] == [1, frame.n_molecules, 0]
    for name in ("ih", "ic"):
        number, largest, second = record["clusters"][name]
        assert number == 2
        assert largest + second == (labels.labels == CLASSES.index(name)).sum()
    assert "water" not in record["clusters"]


def test_a_chain_through_a_boundary_is_one_cluster() -> None:
    """Only the periodic image joins the two halves; an open boundary parts them."""
    x = np.array([0.5, 3.0, 27.0, 29.5, 15.0])
    positions = np.column_stack([x, np.full(5, 5.0), np.full(5, 5.0)])
    cell = np.diag([30.0, 20.0, 20.0])
    labels = np.zeros(5, dtype=int)
    assert cluster_sizes(Frame(positions, cell), labels).tolist() == [4, 4, 4, 4, 1]
    open_frame = Frame(positions, cell, pbc=np.array([False, True, True]))
    assert cluster_sizes(open_frame, labels).tolist() == [2, 2, 2, 2, 1]


def test_order_wrapping_and_turning_do_not_matter() -> None:
    frame, labelled = demo_frames()[1]
    observer = Clusters(labelled.classes)
    expected = observer.record(frame, labelled)
    rng = np.random.default_rng(3)
    order = rng.permutation(frame.n_molecules)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shifts = rng.integers(-2, 3, (frame.n_molecules, 3)) @ frame.cell
    moved = Frame((frame.positions + shifts)[order] @ turn, frame.cell @ turn)
    found = observer.record(moved, prediction(labelled.labels[order], labelled.classes))
    assert found["clusters"] == expected["clusters"]


def test_groups() -> None:
    ices = ("ih", "ic", "ii", "iii", "v")
    assert default_groups(STUDY) == {"ice": ices}
    assert default_groups(PHASES)["hydrate"] == ("cs1", "cs2", "sh")
    assert default_groups(("ih", "cs1", "water")) == {}
    assert default_groups(["ih", "water", "vii", "lda"]) == {"ice": ("ih", "vii")}
    assert default_groups(["ih", "water"]) == {}
    assert default_groups(["ice", "ih", "ic"]) == {}
    assert Clusters(CLASSES).parameters == {"r_cut": 3.5, "groups": {"ice": ["ih", "ic"]}}
    assert Clusters(CLASSES, groups={}).parameters["groups"] == {}
    json.dumps(Clusters(CLASSES).parameters)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"r_cut": 0.0}, "cut-off"),
        ({"r_cut": float("nan")}, "cut-off"),
        ({"groups": {"ih": ("ih", "ic")}}, "as a phase is"),
        ({"groups": {"all": ()}}, "names no phase"),
        ({"groups": {"all": ("ih", "ices")}}, "unknown phase 'ices'"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Clusters(CLASSES, **options)


def test_wrong_frames() -> None:
    frame = liquid_like()
    with pytest.raises(InputError, match="3 labels for 60 molecules"):
        cluster_sizes(frame, np.zeros(3))
    dense = Frame(np.zeros((20_100, 3)), np.eye(3) * 20.0)
    with pytest.raises(InputError, match="more than 20000 neighbours"):
        cluster_sizes(dense, np.zeros(20_100))


def test_table(tmp_path: Path) -> None:
    """From records that went through JSON, the same bytes; frames numbered as told."""
    frame = liquid_like()
    observer = Clusters(CLASSES)
    for k in range(3):
        observer.add(frame, random_labels(60, k), number=10 * k)
    path = observer.write(tmp_path / "a.csv")
    through_json = ((n, json.loads(json.dumps(r))) for n, r in observer.records)
    other = Clusters(CLASSES).write(tmp_path / "b.csv", through_json)
    assert path.read_bytes() == other.read_bytes()
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(r["frame"], r["phase"]) for r in rows] == [
        (n, p) for n in ("0", "10", "20") for p in (*CLASSES, "ice")
    ]
    assert {r["classes"] for r in rows if r["phase"] == "ice"} == {"ih ic"}
    for row in rows:
        record = observer.records[int(row["frame"]) // 10][1]
        expected = record["clusters"].get(row["phase"], [0, 0, 0])
        assert [int(row[c]) for c in COLUMNS[-3:]] == expected
    with pytest.raises(OutputError, match="exists already"):
        observer.write(path)
    observer.write(path, force=True)


def test_phases_that_are_not_there_have_rows_of_zeros(tmp_path: Path) -> None:
    observer = Clusters(CLASSES)
    observer.add(liquid_like(), prediction(np.full(60, 2)))
    lines = observer.write(tmp_path / "c.csv").read_text().splitlines()
    assert "0,0,60,ih,ih,0,0,0" in lines
    assert "0,0,60,ice,ih ic,0,0,0" in lines


def test_no_frames_make_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frames"):
        Clusters(CLASSES).write(tmp_path / "c.csv")
    assert not list(tmp_path.iterdir())
