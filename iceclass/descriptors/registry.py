"""Descriptors by name, and back from the plain dict that feature and model files store."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any

from iceclass.descriptors.base import AVERAGES, NO_AVERAGE, STORED_NAMES, Descriptor
from iceclass.errors import InputError, unknown_name

FAMILIES = {
    "acsf": "acsf.descriptor.Acsf",
    "bispectrum": "bispectrum.descriptor.Bispectrum",
    "mtp": "mtp.descriptor.MomentTensors",
    "soap": "soap.descriptor.Soap",
}
"""Family name → class in this room, imported when it is needed. A new family is one more here."""

_NAME = re.compile(
    r"(?P<base>[a-z][a-z0-9-]*?)(\((?P<parameters>[^()]*)\))?"
    rf"(?P<average>{'|'.join(AVERAGES)})?(\((?P<averaging>[^()]*)\))?"
)


def presets() -> dict[str, Descriptor]:
    """Preset name → descriptor; each also exists averaged, as in :func:`descriptor`."""
    return {
        name: family(**parameters)
        for family in map(_family, FAMILIES)
        for name, parameters in family.presets.items()
    }


def descriptor(name: str) -> Descriptor:
    """The descriptor of that name.

    Parameters
    ----------
    name
        A preset (``soap-37``, ``soap-325``), one with parameters changed (``soap-325(r_cut=10)``)
        or a family with parameters (``soap(n_max=8, l_max=6, r_cut=5.0)``, the others at their
        defaults), each of them with ``-avg`` for the mean over the molecule and its neighbours
        within 3.7 Å, or ``-avg(radius=3.5, passes=2)``; or with ``-wide`` for the molecule's own
        vector and the mean within 8 Å after it, ``-avg(radius=8.0, own=True)``; or with ``-scales``
        for own vector, mean within 3.7 Å and mean within 8 Å,
        ``-avg(radius=8.0, own=True, inner=3.7)``. What :attr:`Descriptor.name` gives is
        understood.

    Raises
    ------
    InputError
        Unknown name or parameter (the message names the nearest known one), or a parameter out
        of its range.
    """
    match = _NAME.fullmatch(name.strip())
    known = presets()
    averaged = [f"{key}{suffix}" for suffix in ("", *AVERAGES) for key in known]
    if match is None or (match["averaging"] is not None and match["average"] is None):
        raise unknown_name("descriptor", name, averaged)
    if match["base"] in known:
        found = known[match["base"]]
    elif match["parameters"] is None:
        raise unknown_name("descriptor", name, averaged)
    elif match["base"] in FAMILIES:
        found = _family(match["base"])()
    else:
        raise unknown_name("descriptor", match["base"], [*FAMILIES, *known])
    found = found.with_(**_parameters(match["parameters"] or "", name))
    if match["average"] is None:
        return found
    words = dict(zip(("radius", "passes", "own", "inner"), NO_AVERAGE, strict=True))
    averaging = dict(zip(NO_AVERAGE, AVERAGES[match["average"]], strict=True))
    for key, value in _parameters(match["averaging"] or "", name).items():
        if key not in words:
            raise unknown_name("parameter of averaging", key, words)
        averaging[words[key]] = value
    return found.with_(**averaging)


def from_dict(definition: Mapping[str, Any]) -> Descriptor:
    """The descriptor that :meth:`Descriptor.to_dict` described; every parameter must be there.

    But for those of averaging, of which files of older versions have fewer: they are then neutral.

    Raises
    ------
    InputError
        Not a mapping, an unknown family or parameter (the message names the nearest known one),
        a missing parameter, or one of the wrong type or out of range.
    """
    if not isinstance(definition, Mapping) or not isinstance(definition.get("family"), str):
        raise InputError("a descriptor definition needs a 'family'")
    names = {stored: name for name, stored in STORED_NAMES.items()}
    given = {names.get(key, key): value for key, value in definition.items() if key != "family"}
    parameters = NO_AVERAGE | given
    family = _family(definition["family"])
    _refuse_unknown(family, parameters)
    missing = [f.name for f in fields(family) if f.name not in parameters]
    if missing:
        raise InputError(f"the {family.family} definition lacks {', '.join(missing)}")
    return family(**parameters)


def _family(name: str) -> type[Descriptor]:
    if name not in FAMILIES:
        raise unknown_name("descriptor family", name, FAMILIES)
    module, _, family = FAMILIES[name].rpartition(".")
    found: type[Descriptor] = getattr(import_module(f"iceclass.descriptors.{module}"), family)
    return found


def _refuse_unknown(family: type[Descriptor], parameters: Mapping[Any, Any]) -> None:
    known = {f.name for f in fields(family)}
    for key in parameters:
        if key not in known:
            raise unknown_name(f"parameter of {family.family}", str(key), known)


def _parameters(text: str, name: str) -> dict[str, Any]:
    """``key=value, key=value`` as a dict; numbers, true and false."""
    if not text:
        return {}
    from iceclass.io.text.pairs import parse_pairs  # the room brings Numba

    pairs = parse_pairs(filter(str.strip, text.split(",")), f"KEY=NUMBER in {name!r}")
    parameters: dict[str, Any] = {}
    for key, value in pairs.items():
        try:
            parameters[key] = literal_eval(value)
        except (ValueError, SyntaxError):
            raise InputError(f"{key}={value} in {name!r}: expected a number") from None
    return parameters
