"""What the benchmark found, as values: timings against references, growth with size, goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iceclass.benchmark.timing import Ratio, Timing

GOALS = {
    ("soap-325", "float64"): 15.0,
    ("soap-325", "float32"): 25.0,
    ("soap-37", "float64"): 10.0,
    ("bispectrum-30", "float64"): 8.0,
    ("acsf", "float64"): 5.0,
    ("label", "OVITO CHILL+"): 1.8,
    ("label", "mdapy CHILL+"): 0.67,
    ("label", "d-SEAMS CHILL+"): 0.67,
}
"""How many times as fast as its reference a descriptor of this type, or labelling, shall be."""

GROWTH_SIZES = (432, 2000, 5488, 11664, 100_000)
GROWTH_GOAL = (5488, 100_000, 1.15)
"""Time per molecule at the second size over that at the first: at most the third number."""

SECOND_CORE_GOAL = 1.8
"""How many times as fast two threads shall be as one."""

CORES_GOAL = 0.95
"""What several threads of labelling shall gain, as a share of what as many processes gain."""

ERRORS = {
    ("soap", "float64"): 1e-7,
    ("soap", "float32"): 1e-5,
    ("bispectrum", "float64"): 1e-8,
    ("acsf", "float64"): 1e-8,
}
"""Largest error against the reference, in units of the vector's norm, by family and type."""

STUDY_MINUTES: dict[str, float | None] = {
    "acsf": None,
    "bispectrum-30": 15.0,
    "soap-37": 12.0,
    "soap-325": 16.0,
}
"""The study's computing times, 16 cores of an i7-12700K; None: called not comparable there."""


@dataclass(frozen=True)
class Comparison:
    """One row of the table: one piece of work on one configuration, and its reference.

    Attributes
    ----------
    subject
        A descriptor's name, or ``label`` or ``read`` with the atoms its dump holds.
    family
        The descriptor's, ``label`` or ``read``.
    configuration, molecules
        What it was timed on; N.
    features
        F; 0 where there are none.
    dtype
        ``float64`` or ``float32``.
    threads
        How many of ours. DScribe and LAMMPS use one; OVITO is given as many as we take.
    ours, theirs
        ``theirs`` is None where there is no reference, or it is not installed.
    reference
        What ``theirs`` is the time of.
    goal
        The ratio to reach, if there is one.
    error
        Largest |difference| of a molecule's vector from the reference's, over its norm.
    speed_up
        Of more than one thread over one, from wall times taken in turn.
    ceiling
        The speed-up that arithmetic without memory had in the same run, or for labelling as many
        processes side by side: what can be had.
    memory, reference_memory
        MB by which the peak of a fresh process rose; ``memory_molecules`` of ice Ih.
    """

    subject: str
    family: str
    configuration: str
    molecules: int
    features: int
    dtype: str
    threads: int
    ours: Timing
    reference: str = ""
    theirs: Timing | None = None
    goal: float | None = None
    error: float | None = None
    speed_up: Ratio | None = None
    ceiling: Ratio | None = None
    memory: float | None = None
    reference_memory: float | None = None

    @property
    def basis(self) -> str:
        """What the ratio is of: processor time for one thread, else the wall clock."""
        return "cpu" if self.threads == 1 else "wall"

    @property
    def ratio(self) -> Ratio | None:
        """How many times as fast as the reference."""
        return None if self.theirs is None else Ratio.of(self.theirs, self.ours, self.basis)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without goal or reference."""
        ratio = self.ratio
        return None if ratio is None or self.goal is None else ratio.median >= self.goal

    @property
    def error_bound(self) -> float | None:
        """What the error may be at most, if that is stated."""
        return ERRORS.get((self.family, self.dtype))


@dataclass(frozen=True)
class Growth:
    """Time per molecule of ice Ih at one size; float64, one thread."""

    subject: str
    molecules: int
    ours: Timing


@dataclass(frozen=True)
class Goal:
    """One goal and how far it is reached.

    ``value`` is to be at least ``bound``, or at most where ``at_most``.
    """

    what: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(frozen=True)
class Benchmark:
    """Everything of one run.

    Attributes
    ----------
    machine
        Processor, cores, versions; see :func:`iceclass.benchmark.machine.machine`.
    settings
        What was asked for.
    missing
        Reference → why it is not in the table.
    memory_molecules
        N that memory was measured for.
    """

    comparisons: tuple[Comparison, ...]
    growth: tuple[Growth, ...]
    machine: dict[str, Any]
    settings: dict[str, Any]
    missing: dict[str, str]
    memory_molecules: int

    @property
    def goals(self) -> tuple[Goal, ...]:
        """All goals that this run could measure, the worst configuration of each."""
        goals = []
        kernels = [c for c in self.comparisons if c.family != "label"]
        for key in dict.fromkeys((c.subject, c.dtype, c.reference) for c in self.comparisons):
            rows = [
                c
                for c in self.comparisons
                if (c.subject, c.dtype, c.reference) == key and c.threads == 1 and c.goal
            ]
            ratios = [c.ratio.median for c in rows if c.ratio is not None]
            if ratios and rows[0].goal:
                goals.append(Goal(f"{key[0]} {key[1]} against {key[2]}", min(ratios), rows[0].goal))
        for subject in dict.fromkeys(c.subject for c in kernels):
            twice = [c for c in kernels if c.subject == subject and c.threads == 2]
            ups = [c.speed_up.median for c in twice if c.speed_up is not None]
            most = [c.ceiling.median for c in twice if c.ceiling is not None]
            if ups:
                aside = f" (arithmetic alone: {min(most):.2f})" if most else ""
                goals.append(Goal(f"{subject} second core{aside}", min(ups), SECOND_CORE_GOAL))
        for subject in dict.fromkeys(c.subject for c in self.comparisons if c.family == "label"):
            gains = [
                (c.speed_up.median / c.ceiling.median, c.ceiling.median)
                for c in self.comparisons
                if c.subject == subject and c.speed_up and c.ceiling
            ]
            if gains:
                share, ceiling = min(gains)
                what = f"{subject} cores, of what processes gain ({ceiling:.2f})"
                goals.append(Goal(what, share, CORES_GOAL))
        small, large, bound = GROWTH_GOAL
        for subject in dict.fromkeys(g.subject for g in self.growth):
            at = {g.molecules: g.ours for g in self.growth if g.subject == subject}
            if small in at and large in at:
                value = Ratio.of(at[large], at[small], "cpu").median
                goals.append(Goal(f"{subject} growth {small} to {large}", value, bound, True))
        return tuple(goals)
