"""Parameters of recipes and dynamics given as text, as on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from iceclass.errors import InputError, unknown_name
from iceclass.generation.recipes import Recipe
from iceclass.generation.stages import Dynamics


def apply_settings(
    recipe: Recipe, dynamics: Dynamics, settings: Mapping[str, str]
) -> tuple[Recipe, Dynamics]:
    """``recipe`` and ``dynamics`` with parameters given as text, each to the one that has it.

    Raises
    ------
    InputError
        An unknown parameter (the nearest known one is named), or a value that is no number.
    """
    of_recipe = {f.name for f in fields(recipe)}
    of_dynamics = {f.name for f in fields(dynamics)}
    changes: dict[str, Any] = {}
    for key, text in settings.items():
        if key not in of_recipe | of_dynamics:
            raise unknown_name("setting", key, of_recipe | of_dynamics)
        changes[key] = _parse(key, text, getattr(recipe if key in of_recipe else dynamics, key))
    return (
        replace(recipe, **{k: v for k, v in changes.items() if k in of_recipe}),
        replace(dynamics, **{k: v for k, v in changes.items() if k in of_dynamics}),
    )


def settings_of_each(
    recipes: Mapping[str, Recipe], settings: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Of ``settings``, those each recipe (or the dynamics) has a parameter for.

    Raises
    ------
    InputError
        A setting that none of them has; the nearest known one is named.
    """
    shared = {f.name for f in fields(Dynamics)}
    known = {name: shared | {f.name for f in fields(r)} for name, r in recipes.items()}
    anywhere = set().union(*known.values())
    for key in settings:
        if key not in anywhere:
            raise unknown_name("setting", key, anywhere)
    return {name: {k: v for k, v in settings.items() if k in own} for name, own in known.items()}


def _parse(key: str, text: str, default: float | bool | str) -> float | bool | str:
    """A value of the default's type; numbers may not be negative."""
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        words = {"yes": True, "true": True, "no": False, "false": False}
        if text.lower() not in words:
            raise InputError(f"setting {key}={text}: expected yes or no")
        return words[text.lower()]
    try:
        value = int(text) if isinstance(default, int) else float(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise InputError(f"setting {key}={text}: expected {kind}") from None
    if not 0 <= value < float("inf"):
        raise InputError(f"setting {key}={text}: expected a positive number")
    return value
