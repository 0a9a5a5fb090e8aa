"""What the library says, in the words of the command line."""

from __future__ import annotations

import re
from ast import literal_eval

from iceclass.errors import InputError

_ARGUMENT = re.compile(
    r"\b(backend|every|force|on_error|phase|start|stop|topology|types)"
    r"""=(\{[^}]*\}|"[^"]*"|\w+)"""
)


def message_of(error: Exception) -> str:
    """An error's message; the arguments that its hint names are written as options."""
    if isinstance(error, InputError) and error.hint is not None:
        error.hint = as_options(error.hint)
    return str(error)


def as_options(hint: str) -> str:
    """``force=True`` → ``--force``, ``types={1: "O", 2: "H"}`` → ``--types 1=O,2=H``."""
    return _ARGUMENT.sub(_as_option, hint)


def _as_option(match: re.Match[str]) -> str:
    option = f"--{match[1].replace('_', '-')}"
    try:
        value = literal_eval(match[2])
    except (ValueError, SyntaxError):
        return match[0]
    if value is True:
        return option
    if isinstance(value, dict):
        value = ",".join(f"{key}={element}" for key, element in value.items())
    return f"{option} {value}"
