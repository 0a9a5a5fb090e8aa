"""Whether a file that a command wrote holds what its name says."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import iceclass
from iceclass.io.text.streams import ByteSource


def drawn(path: Path) -> None:
    """A figure that is no empty canvas: of several colours, and much of it not background."""
    from matplotlib.image import imread

    pixels = imread(path)[..., :3].reshape(-1, 3)
    colours = (pixels * 8).astype(int) @ (1, 9, 81)  # a number each, for rows sort slowly
    assert len(np.unique(colours)) >= 3, f"{path}: one colour"
    assert np.mean(np.any(pixels != pixels[0], axis=1)) > 0.01, f"{path}: an empty canvas"


def labelled(path: Path) -> None:
    """A trajectory in whose every frame some molecule has a phase."""
    frames = list(iceclass.read(path))
    assert frames, f"{path}: no frame"
    for frame in frames:
        assert frame.atoms is not None
        assert frame.atoms.columns["i_phase"].max() >= 0, f"{path}: no phase"


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, compressed or not."""
    with ByteSource(path) as source:
        text = b"".join(iter(lambda: source.read(1 << 20), b"")).decode("utf-8")
    return list(csv.DictReader(text.splitlines()))


def tabulated(path: Path) -> None:
    """A table with rows; in one of phases, each frame's fractions add up."""
    rows = rows_of(path)
    assert rows, f"{path}: no row"
    assert all(None not in row.values() for row in rows), f"{path}: a row is cut short"
    if path.name.endswith("phases.csv"):
        for row in rows:
            shares = [float(row[name]) for name in list(row)[3:]]
            assert abs(sum(shares) - 1.0) < 1e-5, f"{path}: {row}"


def described(path: Path) -> None:
    """A JSON object, and not an empty one."""
    found: Any = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict), f"{path}: no object"
    assert found, f"{path}: nothing in it"


def opened_page(path: Path) -> None:
    """A page that holds frames, and the molecules to draw in them."""
    text = path.read_text(encoding="utf-8")
    embedded = dict(re.findall(r'<script id="(\w+)" type="[\w/]+">(.*?)</script>', text, re.DOTALL))
    frames = json.loads(embedded["meta"])["frames"]
    assert frames, f"{path}: no frame"
    assert len(embedded["data"]) > 100 * len(frames), f"{path}: no molecules"
    assert text.endswith("</html>\n"), f"{path}: cut short"


CHECKS: dict[str, Callable[[Path], None]] = {
    ".png": drawn,
    ".lammpstrj": labelled,
    ".extxyz": labelled,
    ".csv": tabulated,
    ".csv.gz": tabulated,
    ".json": described,
    ".html": opened_page,
}


def check_output(path: Path) -> None:
    """Fail unless the file holds what its suffix says."""
    (check,) = [check for suffix, check in CHECKS.items() if path.name.endswith(suffix)]
    check(path)
