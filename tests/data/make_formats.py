"""Makes tests/data/formats: LAMMPS dumps of each style, beside a text dump of the same frames.

Run by hand: ``python -m tests.data.make_formats``. The files are committed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from iceclass.external.lammps import lammps_command
from tests.data.make_dumps import Run

HERE = Path(__file__).parent / "formats"
TILTS = (3.1, -4.2, 2.3)
FINE = "format float %.17g"


def dumps(run: Run, name: str, columns: str, modify: str = "", suffix: str = ".bin") -> None:
    """A binary (or YAML) dump and the text dump of the same three frames."""
    style = "yaml" if suffix == ".yaml" else "custom"
    run.run(f"dump other all {style} 1 {HERE / (name + suffix)} {columns}")
    run.run(f"dump text all custom 1 {HERE / (name + suffix + '.lammpstrj')} {columns}")
    run.run(f"dump_modify text {FINE} {modify}")
    if suffix == ".yaml":
        modify += f" {FINE}"
    if modify:
        run.run(f"dump_modify other {modify}")
    run.run("run 1\nchange_box all x scale 1.01 z scale 0.995 remap\nrun 1")
    run.run("undump other\nundump text")


def main() -> None:
    HERE.mkdir(exist_ok=True)
    run = Run("1 1 1", boundary="p p f")
    dumps(run, "rich", "id mol type element q vx ix xu yu zu", "element O H units yes time yes")
    dumps(Run("1 1 1", units="nano"), "nano", "zs ys xs type id", "units yes time yes")
    dumps(Run("1 1 1", tilts=TILTS, origin=(1.5, -2.5, 3.0)), "tilted", "id type x y z")
    run = Run("1 1 1", tilts=TILTS, general=True)
    dumps(run, "general", "id type x y z", "triclinic/general yes")
    dumps(Run("1 1 1"), "elements", "element x y z", "element O H")

    run = Run("1 1 1", boundary="p p f")
    run.run("thermo 1")
    dumps(
        run, "rich", "id mol type element q vx xu yu zu", "units yes time yes element O H", ".yaml"
    )
    dumps(Run("1 1 1", tilts=TILTS), "tilted", "id type x y z", "", ".yaml")

    run = Run("1 1 1")
    run.run(f"dump a all atom 1 {HERE / 'atom.bin'}\ndump b all atom 1 {HERE / 'images.bin'}")
    run.run(f"dump_modify b image yes scale no\ndump c all xyz 1 {HERE / 'types.xyz'}")
    run.run(f"dump d all cfg 1 {HERE / 'types.*.cfg'} mass type xs ys zs id vx")
    run.run(f"dump e all cfg 1 {HERE / 'elements.*.cfg'} mass type xs ys zs")
    run.run("dump_modify e element O H\ncompute l all pair/local dist\nrun 1")
    run.run(f"dump f all local 1 {HERE / 'local.lammpstrj'} index c_l\nrun 0 post no")
    run.run(f"write_restart {HERE / 'ice.restart'}\nwrite_data {HERE / 'ice.data'} nocoeff")

    binary, environment = lammps_command()
    script = f"""units real
atom_style full
read_data {HERE / "ice.data"}
replicate 2 2 1
mass * 1.0
pair_style zero 4.0 nocoeff
pair_coeff * *
velocity all create 250.0 4321
fix move all nve
dump other all custom 1 {HERE / "parts.bin"} id type x y z
dump text all custom 1 {HERE / "parts.bin.lammpstrj"} id type x y z
dump_modify text {FINE}
run 1
"""
    (HERE / "in.parts").write_text(script)
    mpirun = Path(sys.executable).with_name("mpirun")
    words = [str(mpirun), "-np", "4", str(binary), "-in", str(HERE / "in.parts")]
    subprocess.run([*words, "-log", "none", "-screen", "none"], env=environment, check=True)
    (HERE / "in.parts").unlink()


if __name__ == "__main__":
    main()
