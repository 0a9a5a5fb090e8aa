"""Symmetry functions and their cut-offs as values, and to and from plain dicts.

Sums run over the neighbours j of molecule i, or over its pairs of neighbours {j, k}, each pair
once; θ is the angle at i between j and k. Lengths in Å, η of distances in Å⁻², κ and ν in Å⁻¹,
angles in radians; all functions are dimensionless.

Behler, J. Chem. Phys. 134, 074106 (2011), doi:10.1063/1.3553717 (G2 to G5, cosine); Geiger &
Dellago, J. Chem. Phys. 139, 164105 (2013), doi:10.1063/1.4825111 (G8, Fermi, band); Smith,
Isayev, Roitberg, Chem. Sci. 8, 3192 (2017), doi:10.1039/C6SC05720A (ANI).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite, pi
from numbers import Real
from typing import Any, ClassVar, Self

from iceclass.errors import InputError, unknown_name


@dataclass(frozen=True)
class _Part:
    """A kind and its numbers, all of them finite floats; strict in both directions."""

    kind: ClassVar[str]
    symbols: ClassVar[dict[str, str]]

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "cut_off":
                continue
            good = isinstance(value, Real) and not isinstance(value, bool)
            if not good or not isfinite(float(value)):
                raise InputError(f"{self.kind}: {f.name} is {value!r}, expected a finite number")
            object.__setattr__(self, f.name, float(value))

    def _require(self, met: bool, expected: str) -> None:
        """Raise :class:`InputError` unless ``met``."""
        if not met:
            raise InputError(f"{self}, expected {expected}")

    def to_dict(self) -> dict[str, Any]:
        """``kind`` and every parameter; JSON-serialisable."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {k: v.to_dict() if isinstance(v, _Part) else v for k, v in values.items()}
        return {"kind": self.kind} | plain

    @classmethod
    def _from_parameters(cls, parameters: dict[str, Any]) -> Self:
        known = [f.name for f in fields(cls)]
        for key in parameters:
            if key not in known:
                raise unknown_name(f"parameter of {cls.kind}", str(key), known)
        missing = [key for key in known if key not in parameters]
        if missing:
            raise InputError(f"the {cls.kind} definition lacks {', '.join(missing)}")
        return cls(**parameters)

    def __str__(self) -> str:
        """``G4 η=0.036 ζ=4 λ=−1`` and, for cut-offs other than the usual one, which."""
        numbers = [f"{s}={number(getattr(self, key))}" for key, s in self.symbols.items()]
        return " ".join([self.kind, *numbers])


def number(value: float) -> str:
    """The shortest decimal that reads back as ``value``, with a true minus sign."""
    return repr(value).removesuffix(".0").replace("-", "−")


@dataclass(frozen=True)
class CutOff(_Part):
    """Base of the cut-offs; R_c is the descriptor's ``r_cut`` or ``r_angular``."""


@dataclass(frozen=True)
class Fermi(CutOff):
    """1/(1 + exp[α(R − R_c + ε_c)]) for R < R_c, else 0.

    Jumps at R_c, by 1/(1 + exp(α ε_c)): 0.00034 with the defaults.
    """

    kind: ClassVar[str] = "fermi"
    symbols: ClassVar[dict[str, str]] = {"alpha": "α", "epsilon_c": "ε_c"}

    alpha: float = 8.0
    epsilon_c: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0.0 < self.alpha <= 100.0, "α above 0 and at most 100")
        self._require(0.0 <= self.epsilon_c <= 20.0, "ε_c from 0 to 20")


@dataclass(frozen=True)
class Cosine(CutOff):
    """½[cos(πR/R_c) + 1] for R ≤ R_c, else 0; smooth (Behler's)."""

    kind: ClassVar[str] = "cosine"
    symbols: ClassVar[dict[str, str]] = {}


@dataclass(frozen=True)
class Band(CutOff):
    """1 for a_l ≤ R ≤ a_r, cos²[ν(R − a)] for up to π/(2ν) beyond either edge, else 0; smooth."""

    kind: ClassVar[str] = "band"
    symbols: ClassVar[dict[str, str]] = {"a_l": "a_l", "a_r": "a_r", "nu": "ν"}

    a_l: float
    a_r: float
    nu: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0.0 <= self.a_l <= self.a_r, "0 ≤ a_l ≤ a_r")
        self._require(0.01 <= self.nu <= 1000.0, "ν from 0.01 to 1000")

    @property
    def reach(self) -> float:
        """Å. a_r + π/(2ν), where it has come to 0."""
        return self.a_r + 0.5 * pi / self.nu


@dataclass(frozen=True)
class SymmetryFunction(_Part):
    """Base of the symmetry functions; ``cut_off`` is the last field of each."""

    angular: ClassVar[bool]
    usual: ClassVar[type[CutOff]] = Fermi

    cut_off: CutOff = field(default_factory=Fermi, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.cut_off, CutOff):
            raise InputError(f"{self.kind}: cut_off is {self.cut_off!r}, expected a cut-off")
        super().__post_init__()
        for key, low, high in _RANGES:
            if hasattr(self, key):
                self._require(
                    low <= getattr(self, key) <= high, f"{key} from {number(low)} to {number(high)}"
                )
        self._require(abs(getattr(self, "lambda_", 1.0)) == 1.0, "λ of 1 or −1")

    def __str__(self) -> str:
        text = super().__str__()
        return text if self.cut_off == Fermi() else f"{text} {self.cut_off}"


_RANGES = (
    ("eta", 0.0, 1e3),
    ("r_s", 0.0, 20.0),
    ("kappa", 0.0, 100.0),
    ("zeta", 0.5, 256.0),
    ("alpha", -100.0, 100.0),
    ("theta_s", -100.0, 100.0),
)
"""Parameter, lowest and highest value."""


@dataclass(frozen=True)
class G2(SymmetryFunction):
    """Σ_j exp[−η(R_ij − R_s)²] f_c(R_ij)."""

    kind: ClassVar[str] = "G2"
    symbols: ClassVar[dict[str, str]] = {"eta": "η", "r_s": "R_s"}
    angular: ClassVar[bool] = False

    eta: float
    r_s: float = 0.0


@dataclass(frozen=True)
class G3(SymmetryFunction):
    """Σ_j cos(κ R_ij) f_c(R_ij)."""

    kind: ClassVar[str] = "G3"
    symbols: ClassVar[dict[str, str]] = {"kappa": "κ"}
    angular: ClassVar[bool] = False

    kappa: float


@dataclass(frozen=True)
class G4(SymmetryFunction):
    """2^(1−ζ) Σ (1 + λ cos θ)^ζ exp[−η(R_ij² + R_ik² + R_jk²)] f_c(R_ij) f_c(R_ik) f_c(R_jk)."""

    kind: ClassVar[str] = "G4"
    symbols: ClassVar[dict[str, str]] = {"eta": "η", "zeta": "ζ", "lambda_": "λ"}
    angular: ClassVar[bool] = True

    eta: float
    zeta: float
    lambda_: float


@dataclass(frozen=True)
class G5(SymmetryFunction):
    """2^(1−ζ) Σ (1 + λ cos θ)^ζ exp[−η(R_ij² + R_ik²)] f_c(R_ij) f_c(R_ik)."""

    kind: ClassVar[str] = "G5"
    symbols: ClassVar[dict[str, str]] = {"eta": "η", "zeta": "ζ", "lambda_": "λ"}
    angular: ClassVar[bool] = True

    eta: float
    zeta: float
    lambda_: float


@dataclass(frozen=True)
class G8(SymmetryFunction):
    """Σ sin[η(θ − α)] f_b(R_ij) f_b(R_ik); η is dimensionless, θ from 0 to π."""

    kind: ClassVar[str] = "G8"
    symbols: ClassVar[dict[str, str]] = {"eta": "η", "alpha": "α"}
    angular: ClassVar[bool] = True

    eta: float
    alpha: float


@dataclass(frozen=True)
class Ani(SymmetryFunction):
    """2^(1−ζ) Σ [1 + λ cos(θ − θ_s)]^ζ exp[−η((R_ij + R_ik)/2 − R_s)²] f_c(R_ij) f_c(R_ik)."""

    kind: ClassVar[str] = "ANI"
    symbols: ClassVar[dict[str, str]] = {
        "eta": "η",
        "r_s": "R_s",
        "zeta": "ζ",
        "theta_s": "θ_s",
        "lambda_": "λ",
    }
    angular: ClassVar[bool] = True

    eta: float
    r_s: float
    zeta: float
    theta_s: float
    lambda_: float = 1.0


_CUT_OFFS: dict[str, type[CutOff]] = {c.kind: c for c in (Fermi, Cosine, Band)}
_FUNCTIONS: dict[str, type[SymmetryFunction]] = {f.kind: f for f in (G2, G3, G4, G5, G8, Ani)}


def function_from_dict(definition: Any) -> SymmetryFunction:
    """The symmetry function that ``to_dict`` described; every parameter must be there.

    Raises
    ------
    InputError
        Not such a mapping, an unknown kind or parameter, a missing one, a value out of range.
    """
    kind, parameters = _kind(definition, "symmetry function")
    if kind not in _FUNCTIONS:
        raise unknown_name("symmetry function", kind, _FUNCTIONS)
    if "cut_off" in parameters:
        cut_kind, numbers = _kind(parameters["cut_off"], "cut-off")
        if cut_kind not in _CUT_OFFS:
            raise unknown_name("cut-off", cut_kind, _CUT_OFFS)
        parameters["cut_off"] = _CUT_OFFS[cut_kind]._from_parameters(numbers)
    return _FUNCTIONS[kind]._from_parameters(parameters)


def _kind(definition: Any, what: str) -> tuple[str, dict[str, Any]]:
    """The kind and the other entries of a plain dict."""
    if not isinstance(definition, Mapping) or not isinstance(definition.get("kind"), str):
        raise InputError(f"a {what} is {definition!r}, expected a dict with its 'kind'")
    return definition["kind"], {key: v for key, v in definition.items() if key != "kind"}
