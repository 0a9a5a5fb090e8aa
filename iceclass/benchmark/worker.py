"""A process that measures one thing: a task as JSON on standard input, its rows on standard output.

Each task has a process of its own, because OVITO and the libraries under NumPy take the number of
threads from their environment when they are loaded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.benchmark import control, labels, references, systems
from iceclass.benchmark.memory import peak_memory
from iceclass.benchmark.timing import Timing, alternate
from iceclass.descriptors import Descriptor, descriptor
from iceclass.errors import MissingDependencyError
from iceclass.external import dseams, mdapy, ovito
from iceclass.frame import Frame
from iceclass.kernels.threads import threads
from iceclass.model.file import load_model

Call = tuple[Callable[[], object], int]
CLASSIFIERS: dict[str, Callable[[Frame], Callable[[], object]]] = {
    "OVITO CHILL+": ovito.chill_plus_types,
    "mdapy CHILL+": mdapy.chill_plus_work,
    "d-SEAMS CHILL+": dseams.chill_plus_work,
    "OVITO PTM": ovito.template_types,
}
"""What labelling is timed against: name → what prepares its work on a frame."""


def compare(task: dict[str, Any]) -> dict[str, Any]:
    """A descriptor in every type and number of threads, and its reference, in turn."""
    made, answer = descriptor(task["name"]), _answer()
    dtypes = [np.dtype(name) for name in task["dtypes"]]
    small, large = systems.ice(432), systems.ice(task["memory_molecules"])
    answer["memory"] = {d.name: peak_memory(partial(_ours, made, d), small, large) for d in dtypes}
    frames = systems.configurations(task["molecules"])
    few = references.reference_size(made, task["molecules"])
    given = frames if few == task["molecules"] else systems.configurations(few)
    with ExitStack() as stack, threads(1):
        calls: dict[Any, Call] = {
            ("control", "", count): (partial(control.spin, count), 1) for count in task["threads"]
        }
        for configuration, frame in frames.items():
            n = frame.n_molecules
            for d in dtypes:
                for count in task["threads"]:
                    calls[configuration, d.name, count] = (
                        partial(_compute, made, frame, d, count),
                        n,
                    )
            try:
                asked = given[configuration]
                work = stack.enter_context(references.reference(made, asked))
            except MissingDependencyError as error:
                answer["missing"][references.reference_name(made)] = str(error)
                continue
            calls[configuration, "reference", 1] = work, asked.n_molecules
            expected = work()
            for d in dtypes:
                found = references.comparable(made).compute(asked, dtype=d)
                answer["errors"].append((configuration, d.name, _error(found, expected)))
        if not answer["missing"]:
            prepare = partial(references.reference, made)
            answer["memory"]["reference"] = peak_memory(prepare, small, large)
        timings = alternate(calls, task["repeats"])
    answer["timings"] = [
        (*key, calls[key][1], timing.wall, timing.cpu) for key, timing in timings.items()
    ]
    answer["features"] = made.n_features
    return answer


def grow(task: dict[str, Any]) -> dict[str, Any]:
    """Descriptors on ice Ih of every size, all in turn."""
    answer, frames = _answer(), [systems.ice(molecules) for molecules in task["sizes"]]
    # one array for all: how the system finds new memory is not what is asked here
    most = max(descriptor(name).n_features for name in task["names"])
    room = np.empty(max(frame.n_molecules for frame in frames) * most)
    calls: dict[Any, Call] = {}
    for name in task["names"]:
        made = descriptor(name)
        for frame in frames:
            n = frame.n_molecules
            out = room[: n * made.n_features].reshape(n, made.n_features)
            calls[name, n] = partial(_compute, made, frame, out.dtype, 1, out), n
    timings = alternate(calls, task["repeats"])
    answer["timings"] = [(*key, t.wall, t.cpu) for key, t in timings.items()]
    return answer


def label(task: dict[str, Any]) -> dict[str, Any]:
    """Labelling of dumps with and without hydrogens, others' CHILL+ and PTM on the same frames."""
    answer, count = _answer(), task["threads"]
    model = load_model("default")
    with tempfile.TemporaryDirectory() as folder, threads(count):
        calls: dict[Any, Call] = {}
        for configuration in systems.configurations(8):
            frames = labels.trajectory(configuration, task["molecules"], task["frames"])
            n = sum(frame.n_molecules for frame in frames)
            for k, content in enumerate(labels.CONTENTS):
                path = Path(folder) / f"{configuration.replace(' ', '-')}-{k}.lammpstrj"
                labels.write_dump(path, frames, content)
                calls[configuration, content] = labels.labelling(path, content, model), n
            for name, prepare in CLASSIFIERS.items():
                try:
                    works = [prepare(frame) for frame in frames]
                except MissingDependencyError as error:
                    answer["missing"][name] = str(error)
                    continue
                calls[configuration, name] = partial(_each, works), n
        timings = alternate(calls, task["repeats"])
    answer["timings"] = [
        (*key, calls[key][1] // task["frames"], t.wall, t.cpu) for key, t in timings.items()
    ]
    answer["features"] = model.n_features
    return answer


def read(task: dict[str, Any]) -> dict[str, Any]:
    """Reading of the same frames from a text and from a binary dump, in turn."""
    answer = _answer()
    with tempfile.TemporaryDirectory() as folder, threads(1):
        calls: dict[Any, Call] = {}
        frames = labels.trajectory("ice Ih", task["molecules"], task["frames"])
        n = sum(frame.n_molecules for frame in frames)
        for k, content in enumerate(labels.CONTENTS):
            text = Path(folder) / f"{k}.lammpstrj"
            binary = text.with_suffix(".bin")
            labels.write_dump(text, frames, content)
            labels.write_binary(binary, text)
            calls[content, "text"] = labels.reading(text, content), n
            calls[content, "binary"] = labels.reading(binary, content), n
        timings = alternate(calls, task["repeats"])
    answer["timings"] = [
        (*key, calls[key][1] // task["frames"], t.wall, t.cpu) for key, t in timings.items()
    ]
    return answer


def cores(task: dict[str, Any]) -> dict[str, Any]:
    """Labelling by one thread, by several, and by as many processes side by side, in turn."""
    answer, rows = _answer(), []
    with tempfile.TemporaryDirectory() as folder:
        for k, (content, molecules) in enumerate(product(labels.CONTENTS, task["sizes"])):
            path = Path(folder) / f"{k}.lammpstrj"
            frames = labels.trajectory("ice Ih", molecules, 2)
            n = sum(frame.n_molecules for frame in frames)
            times = max(task["least_frames"] // 2, task["molecules"] // n)
            labels.write_dump(path, frames * times, content)
            timings = control.side_by_side(
                path, content, task["threads"], n * times, task["repeats"]
            )
            rows += [
                (content, frames[0].n_molecules, key, timing.wall, timing.cpu)
                for key, timing in timings.items()
            ]
    answer["timings"] = rows
    answer["features"] = load_model("default").n_features
    return answer


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "compare": compare,
    "cores": cores,
    "grow": grow,
    "label": label,
    "read": read,
}


def timing(wall: list[float], cpu: list[float]) -> Timing:
    """A :class:`Timing` as it came through JSON."""
    return Timing(tuple(wall), tuple(cpu))


def _answer() -> dict[str, Any]:
    return {"missing": {}, "errors": [], "memory": {}}


def _compute(
    made: Descriptor,
    frame: Frame,
    dtype: np.dtype[Any],
    count: int,
    out: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.floating[Any]]:
    with threads(count):
        features: NDArray[np.floating[Any]] = made.compute(frame, dtype=dtype, out=out)
        return features


@contextmanager
def _ours(made: Descriptor, dtype: np.dtype[Any], frame: Frame) -> Iterator[Callable[[], object]]:
    yield partial(_compute, made, frame, dtype, 1)


def _each(works: Sequence[Callable[[], object]]) -> None:
    for work in works:
        work()


def _error(found: NDArray[Any], expected: NDArray[Any] | None) -> float:
    """Largest |difference| of a row over the norm of the expected row."""
    assert expected is not None
    difference = np.linalg.norm(np.float64(found) - expected, axis=1)
    return float((difference / np.linalg.norm(expected, axis=1)).max())


def main() -> None:
    """Do the task; what libraries print goes to standard error."""
    task = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        json.dump(TASKS[task["task"]](task), out)


if __name__ == "__main__":
    main()
