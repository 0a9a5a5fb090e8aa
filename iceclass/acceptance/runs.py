"""Check every simulated trajectory under some directories, and link the accepted ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iceclass.acceptance.check import check
from iceclass.acceptance.criteria import Thresholds
from iceclass.acceptance.results import Checks
from iceclass.datasets.featurize import find_trajectories
from iceclass.datasets.metadata import read_metadata
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io import Trajectory
from iceclass.phases import label_of

NOT_REPEATED = (
    "g",
    "name",
    "phase",
    "preparation",
    "water_model",
    "temperature",
    "pressure",
)
"""What the metadata of an accepted trajectory does not hold a second time."""


@dataclass(frozen=True, eq=False)
class CheckedRuns:
    """Checked trajectories.

    Attributes
    ----------
    checks
        One for each trajectory.
    paths
        Name of a trajectory → its file.
    snapshots
        Phase → last frame of its coldest accepted trajectory, where structure is seen best.
    """

    checks: tuple[Checks, ...]
    paths: dict[str, Path]
    snapshots: dict[str, Frame]

    def as_text(self) -> str:
        """A table by phase, and one line for every rejected trajectory."""
        lines = [f"{'phase':10s} {'checked':>8s} {'accepted':>9s}"]
        for phase in dict.fromkeys(c.phase for c in self.checks):
            own = [c for c in self.checks if c.phase == phase]
            lines.append(f"{label_of(phase):10s} {len(own):8d} {sum(c.accepted for c in own):9d}")
        lines += [f"{c.name}: {'; '.join(c.reasons)}" for c in self.checks if not c.accepted]
        return "\n".join(lines)

    def link_accepted(self, directory: Path) -> None:
        """Fill ``directory`` anew with links to the accepted trajectories.

        The metadata beside each holds its checks, under ``checks``.

        Raises
        ------
        InputError
            The directory holds something else.
        """
        fresh = directory.with_name(f".{os.getpid()}.part.{directory.name}")
        for one in self.checks:
            if not one.accepted:
                continue
            path = self.paths[one.name]
            folder = fresh / one.preparation
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).symlink_to(os.path.relpath(path.resolve(), folder.resolve()))
            metadata = read_metadata(path)
            assert metadata is not None  # it was found by it
            results = {k: v for k, v in one.to_dict().items() if k not in NOT_REPEATED}
            text = json.dumps({**metadata, "checks": results}, indent=1)
            (folder / path.with_suffix(".json").name).write_text(text + "\n", encoding="utf-8")
        if directory.exists():
            if not directory.is_dir() or any(directory.rglob("preparation.json")):
                raise InputError("is not a directory of links made by this command", path=directory)
            shutil.rmtree(directory)
        fresh.mkdir(exist_ok=True)
        os.replace(fresh, directory)


def check_runs(
    runs: Sequence[Path], *, thresholds: Thresholds, replaced: Sequence[str] = ()
) -> CheckedRuns:
    """Measure and judge every trajectory of one phase under ``runs``.

    Parameters
    ----------
    runs
        Directories, as ``iceclass generate --md`` makes them.
    replaced
        Preparations that others stand in for: rejected whatever they are.

    Raises
    ------
    InputError
        Nothing to check, or a trajectory that cannot be read or measured.
    MissingDependencyError
        OVITO is not installed.
    """
    checks: list[Checks] = []
    paths: dict[str, Path] = {}
    coldest: dict[str, tuple[float, Frame]] = {}
    for info in find_trajectories(runs):
        path = Path(info.path)
        with Trajectory(path) as trajectory:
            frames = tuple(trajectory)
        try:
            one = check(read_metadata(path) or {}, frames, name=info.name, thresholds=thresholds)
        except InputError as error:
            raise error.at(path=path) from None
        if one.preparation in replaced:
            reason = "the preparation is replaced by another one"
            one = replace(one, reasons=(*one.reasons, reason))
        checks.append(one)
        paths[info.name] = path
        temperature = one.temperature + (0.0 if one.accepted else 1e6)
        if one.phase not in coldest or temperature < coldest[one.phase][0]:
            coldest[one.phase] = (temperature, frames[-1])
    snapshots = {phase: frame for phase, (_, frame) in coldest.items()}
    return CheckedRuns(tuple(checks), paths, snapshots)
