"""The benchmark: which measurements are made, each in a process of its own, and what they gave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from iceclass.benchmark.machine import cores, machine
from iceclass.benchmark.references import reference_name
from iceclass.benchmark.results import GOALS, GROWTH_SIZES, Benchmark, Comparison, Growth
from iceclass.benchmark.systems import liquid
from iceclass.benchmark.timing import Ratio, Timing
from iceclass.benchmark.worker import CLASSIFIERS, timing
from iceclass.descriptors import descriptor, presets
from iceclass.errors import IceclassError, InputError

_COUNTED = ("OMP", "OPENBLAS", "MKL")


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes
    ----------
    names
        Of descriptors; default: every preset.
    molecules
        About how many in the two configurations.
    repeats
        Samples of each timing, all taken in turn.
    threads
        Numbers of threads; one is always among them.
    sizes
        Molecules for the growth; none: not measured.
    memory_molecules
        Molecules the memory is measured for.
    frames
        Of the dumps that are labelled.
    frame_sizes
        Molecules a frame for which several threads are held against as many processes.
    least_frames
        How many such frames at least; even, since two that differ are repeated.
    labelling
        Whether labelling is timed.

    Raises
    ------
    InputError
        An unknown descriptor, or a number out of its range.
    """

    names: tuple[str, ...] = ()
    molecules: int = 4000
    repeats: int = 7
    threads: tuple[int, ...] = ()
    sizes: tuple[int, ...] = GROWTH_SIZES
    memory_molecules: int = 11664
    frames: int = 5
    frame_sizes: tuple[int, ...] = (1000, 32_768)
    least_frames: int = 16
    labelling: bool = True

    def __post_init__(self) -> None:
        for key, low in (("molecules", 8), ("repeats", 1), ("frames", 1), ("memory_molecules", 8)):
            if getattr(self, key) < low:
                raise InputError(f"{key} is {getattr(self, key)}, expected at least {low}")
        if any(count < 1 for count in self.threads):
            raise InputError(f"threads are {self.threads}, expected numbers from 1")
        if any(size < 8 or size % 8 for size in self.sizes):
            raise InputError(f"sizes are {self.sizes}, expected multiples of 8")
        names = tuple(descriptor(name).name for name in self.names or presets())
        object.__setattr__(self, "names", tuple(dict.fromkeys(names)))
        counts = sorted({1, *(self.threads or (min(2, cores()), cores()))})
        object.__setattr__(self, "threads", tuple(counts))

    def with_(self, **changes: Any) -> Self:
        """A copy with the named settings changed."""
        return replace(self, **changes)

    def quick(self) -> Self:
        """Small and few: whether everything works, not how fast it is."""
        return self.with_(
            molecules=432,
            repeats=2,
            sizes=(432, 2000) if self.sizes else (),
            memory_molecules=2000,
            frames=2,
            frame_sizes=(432,),
            least_frames=2,
        )


def run(settings: Settings, report: Callable[[str], None] = lambda line: None) -> Benchmark:
    """Measure. ``report`` is called with a line before each part.

    Raises
    ------
    IceclassError
        A measurement failed; the message has the last line of what it said.
    """
    before, missing = machine(), dict[str, str]()
    comparisons: list[Comparison] = []
    growth = list[Growth]()
    for name in settings.names:
        report(f"{name} against {reference_name(descriptor(name))}")
        comparisons += _compare(name, settings, missing)
    if settings.labelling:
        report("reading, binary dump against text")
        comparisons += _read(settings)
        for count in settings.threads:
            report(f"labelling, {count} thread{'s' * (count > 1)}")
            comparisons += _label(count, settings, missing)
        for count in settings.threads[1:]:
            report(f"labelling, {count} threads against {count} processes")
            comparisons += _cores(count, settings)
    if settings.sizes:
        report(f"growth, {min(settings.sizes)} to {max(settings.sizes)} molecules")
        growth = _grow(settings)
    return Benchmark(
        tuple(comparisons),
        tuple(growth),
        before,
        asdict(settings) | {"liquid": liquid(settings.molecules)[1]},
        missing,
        settings.memory_molecules,
    )


def _dtypes(name: str) -> list[str]:
    """The types a descriptor is calculated in."""
    return ["float64"] if descriptor(name).family == "acsf" else ["float64", "float32"]


def _compare(name: str, settings: Settings, missing: dict[str, str]) -> list[Comparison]:
    """Rows of one descriptor."""
    made = descriptor(name)
    answer = _measure(
        {
            "task": "compare",
            "name": name,
            "dtypes": _dtypes(name),
            "molecules": settings.molecules,
            "memory_molecules": settings.memory_molecules,
            "repeats": settings.repeats,
            "threads": settings.threads,
        },
        1,
    )
    missing |= answer["missing"]
    timings = {(c, d, k): (n, timing(w, p)) for c, d, k, n, w, p in answer["timings"]}
    errors = {(c, d): error for c, d, error in answer["errors"]}
    rows = []
    for (configuration, dtype, count), (molecules, ours) in timings.items():
        if dtype == "reference" or configuration == "control":
            continue
        one = timings[configuration, dtype, 1][1]
        rows.append(
            Comparison(
                subject=name,
                family=made.family,
                configuration=configuration,
                molecules=molecules,
                features=answer["features"],
                dtype=dtype,
                threads=count,
                ours=ours,
                reference=reference_name(made),
                theirs=timings.get((configuration, "reference", 1), (0, None))[1],
                goal=GOALS.get((name, dtype)) if count == 1 else None,
                error=errors.get((configuration, dtype)),
                speed_up=Ratio.of(one, ours, "wall") if count > 1 else None,
                ceiling=_ceiling(timings, count),
                memory=answer["memory"][dtype] if count == 1 else None,
                reference_memory=answer["memory"].get("reference") if count == 1 else None,
            )
        )
    return rows


def _ceiling(timings: Mapping[Any, tuple[int, Timing]], count: int) -> Ratio | None:
    """The speed-up of mere arithmetic in the same run."""
    if count == 1:
        return None
    return Ratio.of(timings["control", "", 1][1], timings["control", "", count][1], "wall")


def _label(count: int, settings: Settings, missing: dict[str, str]) -> list[Comparison]:
    """Rows of labelling with ``count`` threads, against each of the other classifiers."""
    answer = _measure(
        {
            "task": "label",
            "molecules": settings.molecules,
            "frames": settings.frames,
            "repeats": settings.repeats,
            "threads": count,
        },
        count,
    )
    missing |= answer["missing"]
    timings = {(c, what): (n, timing(w, p)) for c, what, n, w, p in answer["timings"]}
    return [
        Comparison(
            subject=f"label, dump of {what}",
            family="label",
            configuration=configuration,
            molecules=molecules,
            features=answer["features"],
            dtype="float32",
            threads=count,
            ours=ours,
            reference=reference,
            theirs=timings.get((configuration, reference), (0, None))[1],
            goal=GOALS.get(("label", reference)) if count == 1 else None,
        )
        for (configuration, what), (molecules, ours) in timings.items()
        if what not in CLASSIFIERS
        for reference in CLASSIFIERS
    ]


def _cores(count: int, settings: Settings) -> list[Comparison]:
    """Rows of labelling with ``count`` threads: what they gain, and what processes gain."""
    task = {"task": "cores", "threads": count, "sizes": settings.frame_sizes}
    task |= {"molecules": 10 * settings.molecules * settings.frames, "repeats": settings.repeats}
    # else the ends of a run over large frames would be much of it
    task |= {"least_frames": settings.least_frames}
    answer = _measure(task, count)
    timings = {(what, n, key): timing(w, p) for what, n, key, w, p in answer["timings"]}
    return [
        Comparison(
            subject=f"label, dump of {what}",
            family="label",
            configuration="ice Ih",
            molecules=n,
            features=answer["features"],
            dtype="float32",
            threads=count,
            ours=ours,
            speed_up=Ratio.of(timings[what, n, "one"], ours, "wall"),
            ceiling=Ratio.of(timings[what, n, "one"], timings[what, n, "processes"], "wall"),
        )
        for (what, n, key), ours in timings.items()
        if key == "threads"
    ]


def _read(settings: Settings) -> list[Comparison]:
    """Rows of reading a binary dump, against the text dump of the same frames."""
    task = {"task": "read", "molecules": settings.molecules, "frames": settings.frames}
    answer = _measure(task | {"repeats": settings.repeats}, 1)
    timings = {(c, kind): (n, timing(w, p)) for c, kind, n, w, p in answer["timings"]}
    return [
        Comparison(
            subject=f"read, binary dump of {content}",
            family="read",
            configuration="ice Ih",
            molecules=molecules,
            features=0,
            dtype="float64",
            threads=1,
            ours=ours,
            reference="text dump",
            theirs=timings[content, "text"][1],
        )
        for (content, kind), (molecules, ours) in timings.items()
        if kind == "binary"
    ]


def _grow(settings: Settings) -> list[Growth]:
    """Rows of all descriptors over the sizes."""
    task = {"task": "grow", "names": settings.names, "sizes": settings.sizes}
    answer = _measure(task | {"repeats": settings.repeats}, 1)
    return [Growth(name, n, timing(wall, cpu)) for name, n, wall, cpu in answer["timings"]]


def _measure(task: dict[str, Any], count: int) -> dict[str, Any]:
    """What :mod:`.worker` answers, in an environment of ``count`` threads and no screen."""
    environment = os.environ | {f"{library}_NUM_THREADS": str(count) for library in _COUNTED}
    environment |= {"OVITO_THREAD_COUNT": str(count), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "iceclass.benchmark.worker"],
        input=json.dumps(task),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise IceclassError(f"measuring {task.get('name', task['task'])} failed: {said[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
