"""iceclass tells, molecule by molecule, which phase of water a simulation holds.

The public names are imported when they are first used, so that ``import iceclass`` is light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from iceclass._version import __version__

if TYPE_CHECKING:
    from iceclass.datasets.environments import load_environments
    from iceclass.datasets.reference import load_reference
    from iceclass.descriptors import descriptor
    from iceclass.frame import Frame
    from iceclass.io import read
    from iceclass.labelling.label import label
    from iceclass.labelling.labels import Labels
    from iceclass.model.file import load_model

__all__ = [
    "Frame",
    "Labels",
    "__version__",
    "descriptor",
    "label",
    "load_environments",
    "load_model",
    "load_reference",
    "read",
]

_HOMES = {
    "Frame": "iceclass.frame",
    "Labels": "iceclass.labelling.labels",
    "descriptor": "iceclass.descriptors",
    "label": "iceclass.labelling.label",
    "load_environments": "iceclass.datasets.environments",
    "load_model": "iceclass.model.file",
    "load_reference": "iceclass.datasets.reference",
    "read": "iceclass.io",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'iceclass' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
