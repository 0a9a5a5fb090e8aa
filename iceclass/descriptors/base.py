"""What every descriptor is: a frozen set of parameters that turns a frame into an (N, F) array."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.errors import InputError, unknown_name
from iceclass.frame import Frame
from iceclass.kernels.memory import give_back
from iceclass.kernels.threads import over_rows

FIRST_SHELL = 3.7
"""Å. Radius of the first O–O shell, the default of neighbour averaging (``-avg``)."""

AVERAGES: dict[str, tuple[float, int, bool, float]] = {
    "-avg": (FIRST_SHELL, 1, False, 0.0),
    "-wide": (8.0, 1, True, 0.0),
    "-scales": (8.0, 1, True, FIRST_SHELL),
}
"""Suffix of a name → the averaging it stands for, in the order of :data:`NO_AVERAGE`."""

MAX_RADIUS = 20.0
"""Å. Largest cut-off and largest averaging radius."""

MAX_PASSES = 10
"""Most passes of neighbour averaging."""

_SCALARS: dict[Any, tuple[Any, type, str]] = {
    "bool": ((bool, np.bool_), bool, "true or false"),
    "int": (Integral, int, "a whole number"),
    "float": (Real, float, "a finite number"),
}
"""Annotation of a field → the types accepted for it, the type stored, its name in messages."""

NO_AVERAGE: dict[str, Any] = {
    "average_radius": 0.0,
    "average_passes": 1,
    "concatenate_self": False,
    "inner_radius": 0.0,
}
"""The parameters of neighbour averaging where there is none."""

_LARGE = 1 << 18

STORED_NAMES = {"concatenate_self": "average_own"}
"""Parameter → its name in plain dicts, and so in feature and model files, where it is another."""


@dataclass(frozen=True, kw_only=True)
class Descriptor(ABC):
    """Base of the descriptor families.

    A family is a frozen dataclass whose fields are all its parameters; two descriptors are the
    same definition exactly when their :meth:`to_dict` are equal. Parameters are checked when the
    value is made, wherever they come from.

    Attributes
    ----------
    family
        Name of the family, the key of the registry (``"soap"``).
    backends
        The implementations that can be asked for; the first is the default.
    presets
        Preset name → the parameters that differ from the family's defaults.
    stated
        The parameters that an explicit :attr:`name` always states; the others appear in it
        where they differ from their default.

    Raises
    ------
    InputError
        A parameter of the wrong type or out of its range.
    """

    family: ClassVar[str]
    backends: ClassVar[tuple[str, ...]]
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    stated: ClassVar[tuple[str, ...]] = ("r_cut",)

    r_cut: float = 6.0
    """Nominal cut-off radius, Å."""

    average_radius: float = 0.0
    """Å. Radius of neighbour averaging (:mod:`iceclass.descriptors.averaging`); 0: none."""

    average_passes: int = 1
    """How often the averaging is applied; 1 where there is none."""

    concatenate_self: bool = False
    """Whether the molecule's own vector stands before the mean, F being twice as many: the one
    sees a layer or an interface, the other tells phases apart that differ on average."""

    inner_radius: float = 0.0
    """Å. Radius of another mean, between the molecule's own vector and the mean over
    :attr:`average_radius`, F being three times as many; 0: none."""

    def __post_init__(self) -> None:
        self._check_scalars()
        self._check_range("r_cut", 0.0, MAX_RADIUS, open_below=True)
        self._check_range("average_radius", 0.0, MAX_RADIUS)
        self._check_range("average_passes", 1, MAX_PASSES)
        for key, neutral in NO_AVERAGE.items():
            value = getattr(self, key)
            if self.average_radius == 0.0 and value != neutral:
                raise InputError(
                    f"{self.family}: {key} is {value} without an average_radius",
                    hint=f"give average_radius too, or leave {key} at {neutral}",
                )
        if self.inner_radius != 0.0:
            self._check_range("inner_radius", 0.0, self.average_radius)
            if not self.concatenate_self or self.average_passes != 1:
                raise InputError(
                    f"{self.family}: inner_radius is {self.inner_radius} without the own vector, "
                    "or with several passes",
                    hint="set concatenate_self, and average_passes to 1",
                )

    @property
    def name(self) -> str:
        """Short name: the preset's, or one stating the parameters.

        ``soap-325``, ``soap-325-avg``, ``soap(n_max=8, l_max=6, r_cut=5.0, sigma=0.4)``; the
        registry turns each of them back into the descriptor.
        """
        plain = replace(self, **NO_AVERAGE)
        for preset, parameters in self.presets.items():
            if plain == type(self)(**parameters):
                return preset + self._average_suffix()
        return f"{self.family}({plain._parameters()}){self._average_suffix()}"

    def _parameters(self) -> str:
        """``key=value`` of the parameters other than averaging, for :attr:`name`."""
        quiet = [
            f.name
            for f in fields(self)
            if f.name not in (*NO_AVERAGE, *self.stated) and getattr(self, f.name) != f.default
        ]
        return ", ".join(f"{key}={getattr(self, key)!r}" for key in (*self.stated, *quiet))

    def _average_suffix(self) -> str:
        if self.average_radius == 0.0:
            return ""
        averaging = tuple(getattr(self, key) for key in NO_AVERAGE)
        for suffix, known in AVERAGES.items():
            if averaging == known:
                return suffix
        passes = "" if self.average_passes == 1 else f", passes={self.average_passes}"
        own = ", own=True" if self.concatenate_self else ""
        inner = f", inner={self.inner_radius!r}" if self.inner_radius else ""
        return f"-avg(radius={self.average_radius!r}{passes}{own}{inner})"

    @property
    @abstractmethod
    def base_names(self) -> tuple[str, ...]:
        """Human-readable, unique names of what is computed of one molecule, before averaging."""

    @property
    def n_base(self) -> int:
        """Number of :attr:`base_names`."""
        return len(self.base_names)

    @property
    def names(self) -> tuple[str, ...]:
        """The F feature names; means stand in ⟨ ⟩ where the molecule's own vector is there too."""
        if not self.concatenate_self:
            return self.base_names
        inner = (f"⟨{name}⟩ {self.inner_radius:g} Å" for name in self.base_names)
        wide = (f"⟨{name}⟩" for name in self.base_names)
        return (*self.base_names, *(inner if self.inner_radius else ()), *wide)

    @property
    def n_features(self) -> int:
        """F."""
        return self.n_base * (1 + self.concatenate_self + (self.inner_radius > 0.0))

    @property
    def search_radius(self) -> float:
        """Å. Radius of the neighbour search for one molecule's own features, before averaging."""
        return self.r_cut

    @property
    def receptive_radius(self) -> float:
        """Å. The distance beyond which a neighbour has no influence at all."""
        return self.search_radius + self.average_passes * self.average_radius

    @abstractmethod
    def _blocks(self, frame: Frame, dtype: np.dtype[Any]) -> FeatureBlocks:
        """The features by the first of :attr:`backends`, without averaging; N is at least 1."""

    @abstractmethod
    def _reference(self, frame: Frame, backend: str) -> NDArray[np.float64]:
        """(N, F) features by one of the other :attr:`backends`, without averaging."""

    def blocks(
        self, frame: Frame, *, backend: str | None = None, dtype: Any = np.float64
    ) -> FeatureBlocks:
        """What computes the features of any part of the frame; arguments of :meth:`compute`.

        The features may be NaN or infinite: :meth:`check_finite` finds out.
        """
        backend = self.backends[0] if backend is None else backend
        if backend not in self.backends:
            raise unknown_name(f"backend of {self.family}", backend, self.backends)
        kind = np.dtype(dtype)
        if kind not in (np.dtype(np.float64), np.dtype(np.float32)):
            raise InputError(f"dtype is {kind}, expected float64 or float32")
        expected = (frame.n_molecules, self.n_base)
        if frame.n_molecules == 0:
            return FeatureBlocks.of(np.zeros((0, self.n_features), dtype=kind))
        _make_room(frame)
        if backend == self.backends[0]:
            blocks = self._blocks(frame, kind)
        else:
            values = self._reference(frame, backend)
            if values.shape != expected:
                raise AssertionError(f"{self.name}: shape {values.shape}, expected {expected}")
            blocks = FeatureBlocks.of(values.astype(kind, copy=False))
        if self.average_radius > 0.0:
            from iceclass.descriptors.averaging import Features, neighbour_average

            features = Features.of(blocks)
            del blocks  # what computed them takes memory too
            _make_room(frame)
            return neighbour_average(
                frame,
                features,
                self.average_radius,
                self.average_passes,
                self.concatenate_self,
                self.inner_radius,
            )
        return blocks

    def compute(
        self,
        frame: Frame,
        *,
        backend: str | None = None,
        dtype: Any = np.float64,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """(N, F) features, dimensionless unless the family says otherwise.

        Parameters
        ----------
        frame
            N molecules, any cell, any mix of periodic and open boundaries.
        backend
            One of :attr:`backends`; default the first.
        dtype
            float64 or float32.
        out
            (N, F) array of that type to write to and return. Large new arrays cost time, since
            the system has to find and clear the memory.

        Raises
        ------
        InputError
            Unknown backend or dtype, a frame denser than any structure (positions not in Å), or
            features that are not finite.
        MissingDependencyError
            The package of a reference backend is not installed.
        """
        blocks = self.blocks(frame, backend=backend, dtype=dtype)
        expected = (frame.n_molecules, self.n_features)
        features = np.empty(expected, dtype=dtype) if out is None else out
        if features.shape != expected or features.dtype != np.dtype(dtype):
            raise InputError(
                f"out is {features.dtype} of shape {features.shape}, expected "
                f"{np.dtype(dtype)} of {expected}"
            )

        def work(start: int, stop: int) -> None:
            blocks.fill(features, blocks.order[start:stop], start, stop)

        def check(start: int, stop: int) -> None:
            self.check_finite(frame, features[start:stop], np.arange(start, stop))

        over_rows(work, frame.n_molecules)
        over_rows(check, frame.n_molecules)
        return features

    def check_finite(
        self, frame: Frame, features: NDArray[Any], molecules: NDArray[np.int64]
    ) -> None:
        """Raise InputError unless the features of these molecules of the frame are finite."""
        if not np.isfinite(features).all():
            row = int(np.argwhere(~np.isfinite(features))[0, 0])
            raise InputError(
                f"{self.name} is not finite for the molecule with id {frame.ids[molecules[row]]}",
                hint="two molecules may lie on the same point",
            )

    def with_(self, **changes: Any) -> Self:
        """A copy with the named parameters changed."""
        known = {f.name for f in fields(self)}
        for key in changes:
            if key not in known:
                raise unknown_name(f"parameter of {self.family}", key, known)
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain dict: ``family`` and every parameter; JSON-serialisable."""
        parameters = {STORED_NAMES.get(f.name, f.name): getattr(self, f.name) for f in fields(self)}
        return {"family": self.family} | parameters

    def _check_scalars(self) -> None:
        """Check the bool, int and float fields by their annotation and make them plain Python."""
        for f in fields(self):
            value = getattr(self, f.name)
            if f.type not in _SCALARS:
                continue
            accepted, plain, kind = _SCALARS[f.type]
            boolean = isinstance(value, bool | np.bool_)
            good = isinstance(value, accepted) and (plain is bool or not boolean)
            if not good or (plain is float and not _finite(value)):
                raise InputError(f"{self.family}: {f.name} is {value!r}, expected {kind}")
            object.__setattr__(self, f.name, plain(value))

    def _check_range(self, key: str, low: float, high: float, *, open_below: bool = False) -> None:
        """Raise unless ``low`` ≤ value ≤ ``high`` (``low`` < value where ``open_below``)."""
        value = getattr(self, key)
        if not low <= value <= high or (open_below and value == low):
            span = f"more than {low} and at most {high}" if open_below else f"{low} to {high}"
            raise InputError(f"{self.family}: {key} is {value!r}, expected {span}")


def _make_room(frame: Frame) -> None:
    """Before what takes the memory of a large frame, have none that lies about."""
    if frame.n_molecules >= _LARGE:
        give_back()


def _finite(value: Any) -> bool:
    """Whether a real number, of any type and size, is a finite float."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
