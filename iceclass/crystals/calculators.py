"""Calculators by name, for relaxing crystals: learned potentials, tight binding, TIP4P/Ice."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from iceclass.errors import InputError, MissingDependencyError, unknown_name

STEPS_PER_ATOM = {"ani1x": 6, "ani1ccx": 10}
"""Calculator → steps for each atom beyond the first 300; 6 where it is not named. As published for
the relaxation of molecular crystals with these two."""

NAMES = ("ani1x", "ani1ccx", "chgnet", "tblite:METHOD", "hdnnp:FOLDER", "tip4p-ice", "module:Class")
"""What :func:`calculator` takes; ``ani1x`` and ``ani1ccx`` with ``:FOLDER`` as well."""


def calculator(name: str) -> Any:
    """An ASE calculator.

    Parameters
    ----------
    name
        ``ani1x`` or ``ani1ccx`` (TorchANI, weights from its own cache, or ``ani1x:FOLDER`` from
        files of NeuroChem), ``chgnet``, ``tblite:GFN1-xTB`` (or GFN2-xTB), ``hdnnp:FOLDER`` (files
        of n2p2 or RuNNer), ``tip4p-ice`` (LAMMPS), or any ``module:Class``.

    Raises
    ------
    InputError
        An unknown name, with the nearest known ones; weights that are missing, with the line that
        gets them.
    MissingDependencyError
        The package is not installed.
    """
    head, _, argument = name.partition(":")
    makers: dict[str, Callable[[str], Any]] = {
        "ani1x": lambda folder: _ani("ani-1x_8x", "ANI1x", folder),
        "ani1ccx": lambda folder: _ani("ani-1ccx_8x", "ANI1ccx", folder),
        "chgnet": _chgnet,
        "tblite": _tblite,
        "hdnnp": _hdnnp,
        "tip4p-ice": _tip4p_ice,
    }
    if head in makers:
        return makers[head](argument)
    if not argument:
        raise unknown_name("calculator", name, NAMES)
    try:
        return getattr(import_module(head), argument)()
    except (ImportError, AttributeError) as error:
        raise InputError(f"there is no calculator {name}: {error}") from error


def _ani(files: str, model: str, folder: str) -> Any:
    os.environ.setdefault("TORCHANI_NO_WARN_EXTENSIONS", "1")  # of graphics cards
    try:
        import torchani
    except ImportError as error:
        raise MissingDependencyError(f"the calculator {model}", "TorchANI", "crystals") from error
    if folder:
        return _from_neurochem(Path(folder), files).double().ase()
    try:
        return getattr(torchani.models, model)().double().ase()
    except Exception as error:  # whatever stops the download
        get = f'python -c "import torchani; torchani.models.{model}()"'
        raise InputError(
            f"the weights of {model} are not there: {error}",
            hint=f"get them with network by: {get}; or give a folder: {model.lower()}:FOLDER",
        ) from error


def _from_neurochem(folder: Path, files: str) -> Any:
    """TorchANI's model of the files of NeuroChem in a folder."""
    from torchani import neurochem
    from torchani.arch import ANI

    info = folder / f"{files}.info"
    try:
        constants, energies, prefix, size = info.read_text(encoding="utf-8").split()[:4]
        described = neurochem.NeurochemInfo(
            folder / energies, folder / constants, folder / prefix, int(size)
        )
        computer, networks, shifts, symbols = neurochem.modules_from_info(described)
    except (OSError, ValueError, neurochem.NeurochemParseError) as error:
        raise InputError(
            f"not a model of NeuroChem that can be read: {error}", path=info
        ) from error
    return ANI(symbols, computer, networks, shifts)


def _chgnet(argument: str) -> Any:
    try:
        from chgnet.model.dynamics import CHGNetCalculator
    except ImportError as error:
        raise MissingDependencyError("the calculator chgnet", "CHGNet", "crystals") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CHGNetCalculator(use_device="cpu")


def _tblite(method: str) -> Any:
    try:
        from tblite.ase import TBLite
    except ImportError as error:
        raise MissingDependencyError("the calculator tblite", "tblite", "crystals") from error
    if method not in ("GFN1-xTB", "GFN2-xTB"):
        raise InputError(f"unknown method {method!r} of tblite", hint="known: GFN1-xTB, GFN2-xTB")
    return TBLite(method=method, verbosity=0)


def _hdnnp(folder: str) -> Any:
    from iceclass.potential.calculator import Hdnnp

    if not folder:
        raise InputError("hdnnp needs a folder", hint="give hdnnp:FOLDER")
    return Hdnnp(folder)


def _tip4p_ice(argument: str) -> Any:
    from iceclass.crystals.rigid_water import RigidWater

    return RigidWater("tip4p-ice")
