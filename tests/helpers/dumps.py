"""Dumps as text, a slow reader to compare with, and water to fill them with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "data" / "io"


def dump_text(
    columns: str,
    rows: Sequence[Sequence[object]],
    *,
    bounds: str = "0 20\n0 20\n0 20",
    box: str = "pp pp pp",
    timestep: int = 0,
    before: str = "",
    n: int | None = None,
) -> str:
    """One frame of a dump."""
    count = len(rows) if n is None else n
    lines = "".join(" ".join(str(field) for field in row) + "\n" for row in rows)
    return (
        f"{before}ITEM: TIMESTEP\n{timestep}\nITEM: NUMBER OF ATOMS\n{count}\n"
        f"ITEM: BOX BOUNDS {box}\n{bounds}\nITEM: ATOMS {columns}\n{lines}"
    )


def water_positions(
    n: int, edge: float = 20.0, seed: int = 0, distance: float = 0.9572, m_site: float = 0.0
) -> NDArray[np.float64]:
    """(n, 3 or 4, 3) Å: O, H, H (and M) of molecules in random orientations on a grid."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(n ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    centres = (grid[:n] + 0.5) * edge / side
    half = np.radians(104.52 / 2)
    body = distance * np.array(
        [[0.0, 0.0, 0.0], [np.sin(half), np.cos(half), 0.0], [-np.sin(half), np.cos(half), 0.0]]
    )
    if m_site:
        body = np.vstack([body, [0.0, m_site, 0.0]])
    out = np.empty((n, len(body), 3))
    for i in range(n):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        out[i] = centres[i] + body @ turn
    return out


def water_rows(n: int, edge: float = 20.0, seed: int = 0) -> list[list[object]]:
    """Rows ``id type x y z`` with O = 1 and H = 2."""
    atoms = water_positions(n, edge, seed).reshape(-1, 3)
    return [
        [i + 1, 1 if i % 3 == 0 else 2, *(f"{x:.6g}" for x in atoms[i])] for i in range(len(atoms))
    ]


def slow_read(path: Path) -> list[dict[str, object]]:
    """Header and columns of each frame as plain Python reads them (well-formed dumps only)."""
    frames = []
    lines = path.read_text().splitlines()
    at = 0
    extra: dict[str, str] = {}
    while at < len(lines):
        item = lines[at].strip()
        if item in ("ITEM: UNITS", "ITEM: TIME"):
            extra[item[6:].lower()] = lines[at + 1].strip()
            at += 2
            continue
        assert item == "ITEM: TIMESTEP"
        n = int(lines[at + 3])
        words = lines[at + 4].split()[3:]
        bounds = [[float(w) for w in lines[at + 5 + i].split()] for i in range(3)]
        names = lines[at + 8].split()[2:]
        rows = [line.split() for line in lines[at + 9 : at + 9 + n]]
        if words[:1] == ["abc"]:
            cell = np.array([b[:3] for b in bounds])
            origin = np.array([b[3] for b in bounds])
        elif words[:1] == ["xy"]:
            (xlo, xhi, xy), (ylo, yhi, xz), (zlo, zhi, yz) = bounds
            xlo -= min(0.0, xy, xz, xy + xz)
            xhi -= max(0.0, xy, xz, xy + xz)
            ylo -= min(0.0, yz)
            yhi -= max(0.0, yz)
            cell = np.array([[xhi - xlo, 0, 0], [xy, yhi - ylo, 0], [xz, yz, zhi - zlo]])
            origin = np.array([xlo, ylo, zlo])
        else:
            cell = np.diag([hi - lo for lo, hi in bounds])
            origin = np.array([lo for lo, hi in bounds])
        frames.append(
            {
                "timestep": int(lines[at + 1]),
                "cell": cell,
                "origin": origin,
                "columns": {name: [row[k] for row in rows] for k, name in enumerate(names)},
            }
            | extra
        )
        at += 9 + n
    return frames
