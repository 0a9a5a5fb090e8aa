"""Which twin of a kernel runs, and that both label alike."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numba import njit, types
from numba.extending import intrinsic

from iceclass.benchmark.systems import ice, liquid
from iceclass.descriptors import descriptor, presets
from iceclass.errors import InputError
from iceclass.kernels import choice
from iceclass.model.file import load_model, shipped_models


@intrinsic
def broken(typing_context, value):
    """An emitter that calls what LLVM's builder does not have."""

    def emit(context, builder, signature, arguments):
        return builder.no_such_instruction(*arguments)

    return types.float64(types.float64), emit


@njit
def twice(simd, value):
    if simd is None:
        return value + value
    return broken(value)


@njit
def told(simd, value):
    if simd is None:
        return value, False
    return value, True


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(choice, "_unusable", [])


def test_vectors_unless_plain_is_asked_for(monkeypatch):
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    assert choice.kernels() == "vector"
    assert choice.run(told, 3.0) == (3.0, True)
    monkeypatch.setenv(choice.VARIABLE, "plain")
    assert choice.kernels() == "plain"
    assert choice.run(told, 3.0) == (3.0, False)


def test_plain_loops_where_vectors_cannot_be_compiled(monkeypatch):
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    with pytest.warns(RuntimeWarning, match=r"vector code does not compile with Numba .*plain"):
        assert choice.run(twice, 3.0) == 6.0
    assert choice.kernels() == "plain"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once is enough
        assert choice.run(twice, 4.0) == 8.0
        assert choice.run(told, 3.0) == (3.0, False)


def test_vectors_that_are_asked_for_must_compile(monkeypatch):
    monkeypatch.setenv(choice.VARIABLE, "vector")
    with pytest.raises(Exception, match="no_such_instruction"):
        choice.run(twice, 3.0)


def test_wrong_arguments_do_not_turn_vectors_off(monkeypatch):
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    with pytest.raises(TypeError):
        choice.run(told, 1.0, 2.0)
    assert choice.kernels() == "vector"


def test_an_unknown_choice_is_refused(monkeypatch):
    monkeypatch.setenv(choice.VARIABLE, "fast")
    with pytest.raises(InputError, match="ICECLASS_KERNELS is 'fast', expected one of auto"):
        choice.kernels()


QUICK = ("soap-37", "soap-148-scales", "bispectrum-30", "acsf")
NAMES = [f"{name}{suffix}" for name in presets() for suffix in ("", "-wide")]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NAMES]
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 5e-15)])
def test_descriptors_agree(name, dtype, tolerance, monkeypatch):
    """A descriptor of either twin, relative to the length of a molecule's vector."""
    frame = ice(304)
    found = {}
    for twin in ("vector", "plain"):
        monkeypatch.setenv(choice.VARIABLE, twin)
        found[twin] = descriptor(name).compute(frame, dtype=dtype).astype(np.float64)
    apart = np.linalg.norm(found["vector"] - found["plain"], axis=1)
    assert (apart <= tolerance * np.linalg.norm(found["plain"], axis=1)).all()
    if name.startswith(("soap", "bispectrum")):  # both ran: vectors fuse what plain loops round
        assert not np.array_equal(found["vector"], found["plain"])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=() if name == "default" else pytest.mark.slow)
        for path, name in {path: name for name, path in shipped_models().items()}.items()
    ],
)
def test_labels_agree(name, monkeypatch):
    """Of every molecule whose two best probabilities are not within 10⁻⁴ of each other."""
    model = load_model(name)
    for frame in (ice(2000), liquid(2000)[0]):
        found = {}
        for twin in ("vector", "plain"):
            monkeypatch.setenv(choice.VARIABLE, twin)
            found[twin] = model.classify(frame, unknown=False)
        vector, plain = found["vector"], found["plain"]
        best = np.sort(vector.probabilities, axis=1)
        sure = best[:, -1] - best[:, -2] > 1e-4
        np.testing.assert_array_equal(vector.labels[sure], plain.labels[sure])
        assert sure.mean() > 0.99
        np.testing.assert_allclose(vector.probabilities, plain.probabilities, atol=1e-3)


SUITES = (
    "tests/unit/descriptors/test_averaging.py",
    "tests/unit/labelling/test_frozen_labels.py",
    "tests/unit/model/test_classify.py",
)
"""A part of what ``make plain`` runs."""


@pytest.mark.slow
def test_suites_pass_with_plain_loops():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *SUITES],
        env=os.environ | {choice.VARIABLE: "plain"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


CROSS = """
import re

import numpy as np
from llvmlite import binding
from iceclass.benchmark.systems import ice
from iceclass.descriptors import averaging, descriptor
from iceclass.descriptors.acsf.kernel import symmetry_functions
from iceclass.descriptors.bispectrum.kernel import bispectra
from iceclass.descriptors.soap.fast import fast_power_spectra

for name in ("soap-37-avg", "bispectrum-30", "acsf"):
    descriptor(name).compute(ice(16), dtype=np.float32)
binding.initialize_all_targets()
binding.initialize_all_asmprinters()
triple = "aarch64-unknown-linux-gnu"
machine = binding.Target.from_triple(triple).create_target_machine(cpu="generic", opt=2)
for kernel in (fast_power_spectra, averaging._average, bispectra, symmetry_functions):
    (code,) = kernel.inspect_llvm().values()
    # Numba's own counting of references, which is compiled for the host already
    runtime = r"^define [^\\n]*@(NRT_\\w+)\\([^\\n]*\\n.*?^}\\n"
    code = re.sub(runtime, r"declare void @\\1(ptr)\\n", code, flags=re.S | re.M)
    code = re.sub(r"^(target |declare i8 @llvm.x86.atomic)[^\\n]*\\n", "", code, flags=re.M)
    assert "llvm.x86" not in code, kernel
    assert "x float>" in code or "x double>" in code, kernel
    module = binding.parse_assembly(code)
    module.triple, module.data_layout = triple, str(machine.target_data)
    module.verify()
    assembly = machine.emit_assembly(module)
    assert any(word in assembly for word in ("fmla", "fadd\\tv")), kernel
    print(kernel.__name__, len(machine.emit_object(module)))
"""


@pytest.mark.slow
def test_vector_code_is_emitted_for_arm(tmp_path):
    """The kernels compiled for no particular processor, their LLVM code emitted for aarch64."""
    settings = {"NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CROSS],
        env=os.environ | settings | {choice.VARIABLE: "vector"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(done.stdout.splitlines()) == 4
