"""The ``.json`` file beside a trajectory that says what it is and how it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from iceclass.errors import InputError
from iceclass.io.streams import without_compression

SIDECAR_VERSION = 1
"""Version of the description."""


def read_sidecar(trajectory: Path) -> dict[str, Any] | None:
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
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"not a trajectory description: {error}", path=path) from error
    if not isinstance(content, dict) or "iceclass_trajectory" not in content:
        return None
    if content["iceclass_trajectory"] != SIDECAR_VERSION:
        raise InputError(
            f"description of version {content['iceclass_trajectory']}, expected {SIDECAR_VERSION}",
            path=path,
        )
    for key in ("phase", "preparation"):
        if not isinstance(content.get(key), str):
            raise InputError(f"the description lacks {key!r}", path=path)
    return content
