"""The compact data set: oxygens of many trajectories of known phase in one HDF5 file.

Layout (one group per trajectory under ``/trajectories``, K of them)::

    /                          attributes format, format_version, iceclass_version, licence
    /trajectories/NAME         attribute description: the trajectory's metadata as JSON
    /trajectories/NAME/positions   (T, N, 3) int32, thousandths of an Å, wrapped into the cell
    /trajectories/NAME/cell        (T, 3, 3) float64, Å, rows are vectors
    /trajectories/NAME/timestep    (T,) int64
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.datasets.hdf5 import checked_dataset, one_line
from iceclass.datasets.metadata import check_metadata
from iceclass.errors import InputError
from iceclass.files import replacing
from iceclass.frame import Frame

FORMAT = "iceclass-trajectories"
FORMAT_VERSION = 1
RESOLUTION = 0.001
"""Å; positions are stored as whole multiples of it."""
LICENCE = "CC-BY-4.0"
REQUIRED = ("phase", "preparation", "water_model", "temperature", "pressure", "density")
"""What a trajectory's metadata must hold."""
SHIPPED = Path(str(files("iceclass"))) / "data" / "reference.h5"
"""The data set that comes with iceclass."""
BESIDE = Path(str(files("iceclass"))).parent / "pipelines" / "data"
"""Where a checkout has the data sets that are in no wheel."""


@dataclass(frozen=True, eq=False)
class ReferenceTrajectory:
    """One trajectory of the data set.

    Attributes
    ----------
    name
        Unique in the file.
    metadata
        All that is recorded of it: state point, model, provenance, checks.
    """

    name: str
    metadata: Mapping[str, Any]
    _path: Path = field(repr=False)

    @property
    def phase(self) -> str:
        """Class name."""
        return str(self.metadata["phase"])

    @property
    def preparation(self) -> str:
        """Name of the independent preparation it belongs to."""
        return str(self.metadata["preparation"])

    @property
    def temperature(self) -> float:
        """K."""
        return float(self.metadata["temperature"])

    @property
    def pressure(self) -> float:
        """GPa."""
        return float(self.metadata["pressure"])

    @property
    def model(self) -> str:
        """Water model."""
        return str(self.metadata["water_model"])

    @property
    def density(self) -> float:
        """g/cm³, mean over the trajectory."""
        return float(self.metadata["density"])

    @property
    def is_lattice(self) -> bool:
        """Whether it is a lattice as it was built, not dynamics."""
        return self.model == "none"

    @property
    def split(self) -> str:
        """``train``, ``validation``, ``test``, or empty where none is fixed."""
        return str(self.metadata.get("split", ""))

    @property
    def counted(self) -> NDArray[np.int64] | None:
        """Indices of the molecules that are of the phase, the same in all frames; None: all.

        A stacking-disordered ice is in the set twice, once with its hexagonal molecules counted
        and once with its cubic ones.

        Raises
        ------
        InputError
            They are not the indices of molecules.
        """
        if "counted" not in self.metadata:
            return None
        n, counted = self.frames[0].n_molecules, self.metadata["counted"]
        if (
            not isinstance(counted, list)
            or not counted
            or not all(type(i) is int and 0 <= i < n for i in counted)
            or len(set(counted)) != len(counted)
        ):
            raise InputError(
                f"damaged data set: 'counted' of trajectory {self.name!r} is not a list of "
                f"different indices below {n}",
                path=self._path,
            )
        return np.array(counted, dtype=np.int64)

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases that :attr:`of_phases` tells of."""
        return (self.phase,)

    @property
    def of_phases(self) -> Mapping[str, NDArray[np.bool_] | None]:
        """Phases → (T, N) which molecules are of it; None: all."""
        if self.counted is None:
            return {self.phase: None}
        chosen = np.zeros((len(self.frames), self.frames[0].n_molecules), dtype=bool)
        chosen[:, self.counted] = True
        return {self.phase: chosen}

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The T frames, oxygens only."""
        import h5py

        try:
            with h5py.File(self._path, "r") as file:
                group = file["trajectories"][self.name]
                positions = checked_dataset(group, "positions", "i", 3)[:] * RESOLUTION
                cells = checked_dataset(group, "cell", "f", 3)[:]
                steps = checked_dataset(group, "timestep", "i", 1)[:]
            return tuple(
                Frame(positions=x, cell=c, timestep=int(s))
                for x, c, s in zip(positions, cells, steps, strict=True)
            )
        except Exception as error:  # HDF5 answers damage with errors of every kind
            raise InputError(
                f"damaged data set: trajectory {self.name!r}: {one_line(error)}", path=self._path
            ) from error


@dataclass(frozen=True, eq=False)
class ReferenceSet:
    """The trajectories of a compact data set, in the order of the file."""

    trajectories: tuple[ReferenceTrajectory, ...]

    def __len__(self) -> int:
        return len(self.trajectories)

    def __iter__(self) -> Iterator[ReferenceTrajectory]:
        return iter(self.trajectories)

    def __repr__(self) -> str:
        phases = list(dict.fromkeys(t.phase for t in self))
        return f"ReferenceSet({len(self)} trajectories of {', '.join(phases)})"


def is_reference(path: Path) -> bool:
    """Whether the file is a compact data set."""
    import h5py

    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            found = file.attrs.get("format")
    except Exception:  # damaged beyond recognition; HDF5 has errors of every kind
        return False
    return isinstance(found, str) and found == FORMAT


def load_reference(path: str | Path | None = None) -> ReferenceSet:
    """The data set that comes with iceclass, or the one at ``path``.

    Raises
    ------
    InputError
        The file is missing, or is not a data set of a version this iceclass reads.
    """
    import h5py

    path = SHIPPED if path is None else Path(path)
    if not path.is_file():
        raise InputError("no such data set", path=path)
    if not is_reference(path):
        raise InputError("not an iceclass data set of trajectories", path=path)
    try:
        with h5py.File(path, "r") as file:
            version = int(file.attrs["format_version"])
            if version != FORMAT_VERSION:
                raise InputError(
                    f"data set of version {version}, expected {FORMAT_VERSION}",
                    path=path,
                    hint="install the iceclass that wrote it, or a newer one",
                )
            found = tuple(
                ReferenceTrajectory(name, json.loads(group.attrs["description"]), path)
                for name, group in file["trajectories"].items()
            )
    except InputError:
        raise
    except Exception as error:  # HDF5 answers damage with errors of every kind
        raise InputError(f"damaged data set: {one_line(error)}", path=path) from error
    for one in found:
        check_metadata(one.metadata, path, REQUIRED)
    return ReferenceSet(found)


def find_data(name: str, directory: Path | None = None) -> Path:
    """The path of a compact data set that is in a checkout of iceclass, not in the wheel.

    Parameters
    ----------
    name
        Of the file, as in ``lattices.h5``.
    directory
        Where it is; default: ``pipelines/data`` of the checkout.

    Raises
    ------
    InputError
        It is not there.
    """
    path = (BESIDE if directory is None else directory) / name
    if not path.is_file():
        raise InputError(
            "no such data set",
            path=path,
            hint="give the directory pipelines/data of a checkout of iceclass",
        )
    return path


def write_reference(
    path: Path,
    trajectories: Iterable[tuple[str, Mapping[str, Any], Iterable[Frame]]],
    *,
    force: bool = False,
    arrays: Mapping[str, Mapping[str, NDArray[Any]]] = MappingProxyType({}),
) -> None:
    """Write a compact data set from (name, metadata, frames).

    ``arrays`` are further ones by the name of the trajectory they are stored with.

    Raises
    ------
    OutputError
        The file exists and ``force`` is not given, or cannot be written.
    InputError
        A trajectory without frames, or whose number of molecules changes.
    """
    import h5py

    with replacing(path, force=force) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["iceclass_version"] = __version__
        file.attrs["licence"] = LICENCE
        groups = file.create_group("trajectories", track_order=True)
        for name, metadata, frames in trajectories:
            frames = tuple(frames)
            if len({f.n_molecules for f in frames}) != 1:
                raise InputError(f"{name}: expected one or more frames of as many molecules each")
            group = groups.create_group(name)
            group.attrs["description"] = json.dumps(dict(metadata))
            positions = np.array([_quantised(f) for f in frames])
            group.create_dataset(
                "positions", data=positions, compression="gzip", compression_opts=9, shuffle=True
            )
            group.create_dataset("cell", data=np.array([f.cell for f in frames]))
            group.create_dataset("timestep", data=np.array([f.timestep for f in frames], np.int64))
            for key, values in arrays.get(name, {}).items():
                group.create_dataset(key, data=values, compression="gzip", compression_opts=9)


def _quantised(frame: Frame) -> NDArray[np.int32]:
    """(N, 3) positions in multiples of the resolution, wrapped into the cell."""
    fractional = np.linalg.solve(frame.cell.T, (frame.positions - frame.origin).T).T
    wrapped = (fractional - np.floor(fractional)) @ frame.cell
    return np.round(wrapped / RESOLUTION).astype(np.int32)
