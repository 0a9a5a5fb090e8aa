"""The ``.json`` file beside a trajectory that says what it is and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iceclass.datasets.table import SPLITS
from iceclass.errors import InputError, unknown_name
from iceclass.io.text.streams import without_compression

METADATA_VERSION = 1
"""Version of the metadata."""

_MAX_BYTES = 16 << 20
_TEXTS = ("name", "phase", "preparation", "split", "water_model")
_NUMBERS = ("temperature", "pressure", "density")


def read_metadata(trajectory: Path) -> dict[str, Any] | None:
    """What the ``.json`` file beside a trajectory says of it; ``None`` where there is none.

    Raises
    ------
    InputError
        The file claims to describe a trajectory but does not.
    """
    path = without_compression(trajectory).with_suffix(".json")
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None  # whatever it is, it is no metadata
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"not trajectory metadata: {error}", path=path) from error
    if not isinstance(content, dict) or "iceclass_trajectory" not in content:
        return None
    if content["iceclass_trajectory"] != METADATA_VERSION:
        raise InputError(
            f"metadata of version {content['iceclass_trajectory']!r}, expected {METADATA_VERSION}",
            path=path,
        )
    check_metadata(content, path)
    return content


def check_metadata(
    metadata: Any, path: Path, required: tuple[str, ...] = ("phase", "preparation")
) -> None:
    """Raise InputError unless texts are texts and numbers numbers, and none is missing."""
    if not isinstance(metadata, Mapping):
        raise InputError("the metadata is not a JSON object", path=path)
    for kind, keys, what in ((str, _TEXTS, "a text"), (int | float, _NUMBERS, "a number")):
        for key in keys:
            if key not in metadata:
                if key in required:
                    raise InputError(f"the metadata lacks {key!r}", path=path)
                continue
            value = metadata[key]
            if not isinstance(value, kind) or isinstance(value, bool) or _is_huge(value):
                raise InputError(
                    f"{key!r} of the metadata is {value!r}, expected {what}", path=path
                )
    if (split := metadata.get("split", "")) not in ("", *SPLITS):
        raise unknown_name("split", split, SPLITS).at(path=path)


def _is_huge(value: Any) -> bool:
    """Whether a number is beyond what a float holds."""
    return isinstance(value, int) and abs(value) > 10**300
