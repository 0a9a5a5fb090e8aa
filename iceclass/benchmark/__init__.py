"""Time per molecule of descriptors and labelling against the references, in one run."""

from iceclass.benchmark.results import Benchmark, Comparison, Goal, Growth
from iceclass.benchmark.running import Settings, run

__all__ = ["Benchmark", "Comparison", "Goal", "Growth", "Settings", "run"]
