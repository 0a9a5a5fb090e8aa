"""All that is under attack, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.fuzz.caches import IndexTarget, JournalTarget
from pipelines.fuzz.cases import DATA, Target
from pipelines.fuzz.models import ModelTarget
from pipelines.fuzz.stores import ReferenceTarget, StoreTarget
from pipelines.fuzz.texts import (
    SidecarTarget,
    data_target,
    dump_target,
    extxyz_target,
    use,
    xyz_text,
)

TARGETS: dict[str, Callable[[], Target]] = {
    "dump": dump_target,
    "data": data_target,
    "extxyz": extxyz_target,
    "sidecar": SidecarTarget,
    "model": ModelTarget,
    "store": StoreTarget,
    "reference": ReferenceTarget,
    "journal": JournalTarget,
    "index": IndexTarget,
}


def warm(folder: Path) -> None:
    """Do every kind of work once, so that what is compiled and imported is not a case's fault."""
    for name, data in (
        ("w.lammpstrj", (DATA / "ortho.lammpstrj").read_bytes()),
        ("w.data", (DATA / "labels.data").read_bytes()),
        ("w.extxyz", xyz_text(True).encode()),
    ):
        (folder / name).write_bytes(data)
        for action in ("read", "label", "label-skip", "label-npz"):
            use(folder / name, action)
            for path in folder.glob("out.*"):
                path.unlink()
        (folder / name).unlink()
