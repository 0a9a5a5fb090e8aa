"""The first run on a machine: all that labelling needs is compiled, on two cores at a time.

Numba compiles a function when it is first called and keeps the result (``NUMBA_CACHE_DIR``, or
beside the source, or in the user's cache), one function at a time in a process. So a process of
its own compiles what classifies, while this one compiles what reads and writes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from iceclass.errors import IceclassError
from iceclass.frame import Frame
from iceclass.io.options import ReadOptions
from iceclass.io.series import Paths, open_trajectory
from iceclass.io.text.streams import without_compression
from iceclass.labelling.options import OutputOptions
from iceclass.labelling.output import open_sink
from iceclass.labelling.run import Labeller, indexed
from iceclass.model.file import load_model
from iceclass.model.network import Model

_SPACING = 3.1
"""Å. Of the molecules of the frame that is classified."""


def is_compiled() -> bool:
    """Whether the cache holds the kernel that all descriptors begin with.

    A cache of another processor, or of an older version, is taken for one of this.
    """
    from iceclass.neighbours.candidates import bin_candidates

    kernel: Any = bin_candidates
    directory = Path(kernel.stats.cache_path)
    return any(directory.glob(f"{kernel.py_func.__module__.split('.')[-1]}.*.nbi"))


def compile_all(
    source: Paths,
    output: Path,
    model: Path,
    reading: ReadOptions,
    tell: Callable[[str], None],
) -> None:
    """Compile what labels a trajectory with a model, and keep it for this and all later runs.

    Parameters
    ----------
    source, output, reading
        The trajectory, where its labels will be written, and how it is read: what compiles
        depends on their formats. What is wrong with them is left for labelling to say.
    model
        Its file.
    tell
        Called with what is being compiled.
    """
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "iceclass.labelling.compiling",
        str(model.resolve()),
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        try:
            tell("what reads and writes, and beside it what classifies")
            _read_and_write(source, output, load_model(model), reading)
            if other.poll() is None:
                tell("the rest of what classifies")
        except BaseException:
            other.terminate()
            raise


def _read_and_write(source: Paths, output: Path, model: Model, reading: ReadOptions) -> None:
    """Read the first frame and write it as if it were labelled, to nowhere."""
    labeller = Labeller.of(model)
    try:
        with TemporaryDirectory() as folder, open_trajectory(source, reading) as trajectory:
            item = next(indexed(trajectory))
            n = item.frame.n_molecules
            found = model.nothing_found(n)
            record = labeller.record(0, item.frame, found) | {"skipped": []}
            name = "labels" + "".join(without_compression(output).suffixes[-1:])
            with open_sink(Path(folder) / name, model, {}, (), OutputOptions()) as sink:
                sink.write((item.frame, found, record, item.position))
    except (IceclassError, StopIteration):
        pass


def classify_something(model: Model) -> None:
    """Classify a few molecules: compiles the kernels of the model's descriptor and network."""
    rng = np.random.default_rng(0)
    edge = 8
    sites = np.stack(np.meshgrid(*[np.arange(edge)] * 3), axis=-1).reshape(-1, 3) * _SPACING
    frame = Frame(sites + rng.normal(0.0, 0.1, sites.shape), np.eye(3) * edge * _SPACING)
    model.classify(frame)


if __name__ == "__main__":  # the process beside compile_all
    classify_something(load_model(Path(sys.argv[1])))
