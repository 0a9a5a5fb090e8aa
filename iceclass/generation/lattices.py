"""Ice structures from GenIce2: chosen size, density and proton disorder, ready to simulate.

M. Matsumoto, T. Yagasaki, H. Tanaka, J. Comput. Chem. 39, 61 (2018), doi 10.1002/jcc.25077.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError, unknown_name
from iceclass.frame import AMU_PER_A3_IN_G_PER_CM3, MASS_WATER, Frame
from iceclass.generation.water_models import WaterModel
from iceclass.io.lammps.box import restricted
from iceclass.neighbours.lattice import heights
from iceclass.phases import PHASES

MAX_MOLECULES = 10_000_000


@dataclass(frozen=True)
class Size:
    """How large and how dense a structure shall be.

    Attributes
    ----------
    repetition
        Unit cells along each vector. Enlarged, with a note, where the box would be thinner than
        twice the force cut-off.
    molecules
        Instead of ``repetition``: the smallest, most cube-like box of at least so many.
    density
        g/cm³; default: the lattice's own.
    primitive
        The primitive cell of the oxygens in place of the one GenIce2 lists; needs spglib, which
        comes with ``iceclass[crystals]``.
    """

    repetition: tuple[int, int, int] | None = None
    molecules: int | None = None
    density: float | None = None
    primitive: bool = False

    def __post_init__(self) -> None:
        if self.repetition is not None and self.molecules is not None:
            raise InputError("repetition and number of molecules both given", hint="give one")
        if self.repetition is not None and (len(self.repetition) != 3 or min(self.repetition) < 1):
            raise InputError(f"repetition {self.repetition} is not three positive numbers")
        if self.molecules is not None and not 1 <= self.molecules <= MAX_MOLECULES:
            raise InputError(f"{self.molecules} molecules: expected 1 to {MAX_MOLECULES}")
        if self.density is not None and not 0.1 <= self.density <= 5.0:
            raise InputError(f"density {self.density} g/cm³ is not between 0.1 and 5")


@dataclass(frozen=True, eq=False)
class Structure:
    """Water molecules in a periodic cell.

    Attributes
    ----------
    lattice
        GenIce2 lattice and options it came from (``1h``, ``one[hhccc]``).
    repetition
        Unit cells along each vector.
    seed
        Of the proton disorder.
    model
        The water model whose geometry the molecules have.
    cell
        (3, 3) float64, Å. Lower-triangular rows, with tilts of at most half a box length.
    molecules
        (N, S, 3) float64, Å. S = 3 sites O, H, H of each molecule, or S = 1.
    notes
        What was changed of what was asked for, in sentences.
    """

    lattice: str
    repetition: tuple[int, int, int]
    seed: int
    model: WaterModel
    cell: NDArray[np.float64]
    molecules: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    @property
    def n_molecules(self) -> int:
        """N."""
        return int(self.molecules.shape[0])

    @property
    def density(self) -> float:
        """g/cm³."""
        volume = float(np.linalg.det(self.cell))
        return self.n_molecules * MASS_WATER * AMU_PER_A3_IN_G_PER_CM3 / volume

    def frame(self) -> Frame:
        """The oxygens as a :class:`~iceclass.frame.Frame`."""
        return Frame(positions=self.molecules[:, 0], cell=self.cell)


def lattice_names() -> list[str]:
    """Names of the lattices the installed GenIce2 knows."""
    import pkgutil

    lattices = _import_genice("lattices")
    return sorted(
        module.name for module in pkgutil.iter_modules(lattices.__path__) if module.name[0] != "_"
    )


def build(name: str, model: WaterModel, *, seed: int = 1, size: Size = Size()) -> Structure:
    """An ice structure with oxygens on the lattice's sites and protons obeying the ice rules.

    Parameters
    ----------
    name
        A phase of :data:`iceclass.phases.PHASES` or a lattice GenIce2 knows, with its options
        in brackets (``one[hhccc]``).
    model
        Gives the molecules' geometry and the force cut-off the box has to hold twice.
    seed
        Of the proton disorder. Proton-ordered lattices (ice II, VIII, XI …) have one
        arrangement only and ignore it.
    size
        Default: the phase's own repetition, or the smallest box that is thick enough.

    Raises
    ------
    InputError
        Unknown lattice, or one that GenIce2 cannot fill with molecules.
    MissingDependencyError
        GenIce2 is not installed.
    """
    phase = PHASES.get(name.lower())
    lattice_name = phase.lattice if phase else name
    lattice = _load_lattice(lattice_name, size.primitive)
    unit_cell, sites = _unit_cell(lattice, size.density)
    per_cell = len(sites)
    thinnest = 2 * model.r_cut
    notes: tuple[str, ...] = ()
    if size.molecules is not None:
        reps = _repetition_for(unit_cell, per_cell, size.molecules, thinnest)
    else:
        asked = size.repetition or (phase.repetition if phase else (1, 1, 1))
        reps = _enlarge(unit_cell, asked, thinnest)
        if size.repetition is not None and reps != asked:
            notes = (
                f"{lattice_name}: repetition {_times(asked)} enlarged to {_times(reps)}, since the "
                f"box must be at least {thinnest:g} Å thick (twice the {model.label} cut-off of "
                f"{model.r_cut:g} Å)",
            )
    if per_cell * int(np.prod(reps)) > MAX_MOLECULES:
        raise InputError(f"{lattice_name} {_times(reps)} is over {MAX_MOLECULES} molecules")
    fractional, rotations, cell = _run_genice(lattice_name, reps, seed, size)
    if size.density is not None:  # GenIce2 rounds the molar mass
        found = len(fractional) * MASS_WATER * AMU_PER_A3_IN_G_PER_CM3 / np.linalg.det(cell)
        cell = cell * (found / size.density) ** (1 / 3)
    vectors, turn = _restricted(cell)
    oxygens = fractional @ cell @ turn
    sites = model.geometry[:1] if model.one_site else model.geometry
    placed = oxygens[:, None, :] + (sites @ rotations) @ turn
    return Structure(lattice_name, reps, seed, model, vectors, placed, notes)


def oxygens(name: str, molecules: int) -> Frame:
    """The oxygens alone of a GenIce2 lattice, at its density: no protons have to be placed.

    Parameters
    ----------
    name
        A lattice GenIce2 knows, with its options in brackets.
    molecules
        How many at least, in the smallest, most cube-like box.

    Returns
    -------
    Frame
        (N, 3) positions in Å, the cell in the form LAMMPS writes.

    Raises
    ------
    InputError
        Unknown lattice, or one that GenIce2 cannot make.
    MissingDependencyError
        GenIce2 is not installed.
    """
    cell, sites = _unit_cell(_load_lattice(name), None)
    reps = _repetition_for(cell, len(sites), molecules, 0.0)
    vectors, turn = _restricted(cell * np.array(reps)[:, None])
    cells = np.array(list(product(*map(range, reps))))
    positions = (sites + cells[:, None]).reshape(-1, 3) @ cell @ turn
    return Frame(positions=positions, cell=vectors)


def _times(reps: Sequence[int]) -> str:
    return "×".join(str(r) for r in reps)


def _import_genice(module: str) -> Any:
    """A module of GenIce2, imported when needed."""
    import importlib

    try:
        return importlib.import_module(f"genice2.{module}")
    except ImportError as error:
        raise MissingDependencyError("building ice structures", "genice2", "generate") from error


def _load_lattice(name: str, primitive: bool = False) -> Any:
    """GenIce2's lattice object of that name, or one of its oxygens' primitive cell."""
    plugin = _import_genice("plugin")
    parser = _import_genice("valueparser")
    kind, options = parser.plugin_option_parser(name)
    if kind not in lattice_names():
        raise unknown_name("phase or GenIce2 lattice", name, {*PHASES, *lattice_names()})
    try:
        with _quiet():
            lattice = plugin.Lattice(kind, **options)
    except Exception as error:
        raise InputError(f"GenIce2 cannot make the lattice {name!r}: {error}") from error
    if primitive:
        _reduce(lattice, name)
    return lattice


def _reduce(lattice: Any, name: str) -> None:
    """Give GenIce2's lattice the primitive cell of its oxygens."""
    if "fixed" in vars(lattice):
        raise InputError(f"the protons of {name} are ordered in the cell GenIce2 lists")
    try:
        import spglib
    except ImportError as error:
        raise MissingDependencyError("primitive cells", "spglib", "crystals") from error
    cell, sites = _unit_cell(lattice, None)
    crystal: Any = (cell, sites, np.ones(len(sites)))
    with _quiet():  # of a way to report errors that spglib is leaving
        found: Any = spglib.find_primitive(crystal, symprec=0.01)
    if found is None:
        raise InputError(f"spglib finds no primitive cell of {name}")
    vectors, primitive_sites, _ = found
    for listed in ("pairs", "cages", "cagepos"):  # of the cell it was
        vars(lattice).pop(listed, None)
    # in the lattice's own unit of length, which its bond length has too
    own = _import_genice("cell").Cell(lattice.cell).volume() / abs(np.linalg.det(cell))
    lattice.cell, lattice.waters, lattice.coord = (
        vectors * np.cbrt(own),
        primitive_sites,
        "relative",
    )


def _unit_cell(
    lattice: Any, density: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cell vectors in Å at the density of the structure, and the (n, 3) fractions of its sites."""
    genice = _import_genice("genice")
    with _quiet():
        ice = genice.GenIce(lattice, density=density or 0.0, reshape=np.eye(3, dtype=int))
    return np.array(ice.cell1.mat, dtype=float) * 10.0, np.array(ice.waters1, dtype=float)


def _run_genice(
    name: str, reps: tuple[int, int, int], seed: int, size: Size
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fractional oxygen positions (N, 3), rotations (N, 3, 3) and the cell (3, 3) in Å."""
    genice, plugin = _import_genice("genice"), _import_genice("plugin")
    with _quiet(), _seeded(seed):
        ice = genice.GenIce(
            _load_lattice(name, size.primitive),
            density=size.density or 0.0,
            reshape=np.diag(reps).astype(int),
        )
        try:
            raw = ice.generate_ice(plugin.Format("raw", stage=(1, 5)))
        except Exception as error:
            raise InputError(
                f"GenIce2 cannot fill {name} {_times(reps)} with water: {error}",
                hint="try another repetition or seed",
            ) from error
    return (
        np.array(raw["reppositions"], dtype=float),
        np.array(raw["rotmatrices"], dtype=float),
        np.array(raw["repcell"], dtype=float) * 10.0,
    )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """GenIce2 draws from the global generators; seed them, and leave them as they were."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


@contextmanager
def _quiet() -> Iterator[None]:
    """GenIce2 reports its progress through the root logger; keep that off the terminal.

    Some of its lattices call the logger by a name that Python deprecates.
    """
    import logging

    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logging.disable(previous)


def _enlarge(
    unit_cell: NDArray[np.float64], reps: Sequence[int], thinnest: float
) -> tuple[int, int, int]:
    """The smallest repetition, at least ``reps``, whose box is ``thinnest`` thick everywhere.

    Counts the thickness of the reduced cell that is written, not of the oblique one GenIce2
    lists: both describe the same lattice.
    """
    a, b, c = (int(r) for r in reps)
    while True:
        box, _ = _restricted(unit_cell * np.array([[a], [b], [c]]))
        missing = heights(box) < thinnest - 1e-9
        if not missing.any():
            return a, b, c
        # grow the vector that is shortest for its number of cells among those too thin
        too_thin = np.where(missing, heights(box), np.inf)
        grown = [a, b, c]
        grown[int(np.argmin(too_thin))] += 1
        a, b, c = grown


def _repetition_for(
    unit_cell: NDArray[np.float64], per_cell: int, molecules: int, thinnest: float
) -> tuple[int, int, int]:
    """The repetition of at least ``molecules``, thick enough, few and cube-like."""
    least = _enlarge(unit_cell, (1, 1, 1), thinnest)
    tall = heights(unit_cell)
    edge = (molecules / per_cell * abs(np.linalg.det(unit_cell))) ** (1 / 3)
    most = np.maximum(np.ceil(1.5 * edge / tall).astype(int) + 1, least)
    best: tuple[float, tuple[int, int, int]] | None = None
    for a, b in product(range(least[0], most[0] + 1), range(least[1], most[1] + 1)):
        c = max(least[2], -(-molecules // (per_cell * a * b)))
        sides = tall * (a, b, c)
        count = a * b * c * per_cell
        cost = count / molecules + 0.5 * float(sides.max() / sides.min())
        if best is None or cost < best[0]:
            best = cost, (a, b, c)
    assert best is not None
    return _enlarge(unit_cell, best[1], thinnest)


def _restricted(cell: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """LAMMPS's form of a cell: lower-triangular, right-handed, tilts within half a length.

    Returns the new cell (3, 3) and the rotation ``turn`` (3, 3) that takes old Cartesian row
    vectors to the new frame. Reducing the tilts changes the vectors, not the lattice.
    """
    if np.linalg.det(cell) < 0:
        raise InputError("GenIce2 gave a left-handed cell", hint="choose another lattice")
    new, turn = restricted(cell)
    for row, by in ((2, 1), (2, 0), (1, 0)):
        new[row] -= np.round(new[row, by] / new[by, by]) * new[by]
    return new, turn
