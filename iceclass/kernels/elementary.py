"""exp, sin and cos as plain arithmetic, so that a loop that calls them runs in vector registers.

Numba calls the C library for its own, one number at a time. These agree with it to a few units in
the last place in the ranges stated, on any processor.
"""

from __future__ import annotations

from math import factorial
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_intrinsic: Any = intrinsic  # what it makes is called without its first parameter

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_PI_HIGH, _PI_LOW = 3.14159265160560607910e00, 1.98418714791870343106e-09
_ONE_OVER_PI = 0.3183098861837907

_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11, _E12 = (
    1.0 / factorial(n) for n in range(2, 13)
)
_S3, _S5, _S7, _S9, _S11, _S13, _S15, _S17, _S19, _S21 = (
    (-1.0) ** (n // 2) / factorial(n) for n in range(3, 22, 2)
)
_C2, _C4, _C6, _C8, _C10, _C12, _C14, _C16, _C18, _C20 = (
    (-1.0) ** (n // 2) / factorial(n) for n in range(2, 21, 2)
)


@_intrinsic
def _power_of_two(typingctx: Any, exponent: Any) -> Any:
    """2**exponent for an integer from −1022 to 1023, by writing the exponent's bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.shl(
            builder.add(args[0], ir.Constant(ir.IntType(64), 1023)),
            ir.Constant(ir.IntType(64), 52),
        )
        return builder.bitcast(bits, ir.DoubleType())

    return types.float64(types.int64), codegen


@njit(cache=True, nogil=True, fastmath={"contract"})
def exponential(x: float) -> float:  # pragma: no cover
    """e**x for |x| ≤ 700; beyond, the value at the bound."""
    x = min(max(x, -700.0), 700.0)
    whole = float(int(x * _LOG2_E + 1024.5)) - 1024.0
    f = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = _E8 + f * (_E9 + f * (_E10 + f * (_E11 + f * _E12)))
    series = 1.0 + f * (
        1.0 + f * (_E2 + f * (_E3 + f * (_E4 + f * (_E5 + f * (_E6 + f * (_E7 + f * series))))))
    )
    return series * _power_of_two(int(whole))


@njit(cache=True, nogil=True, fastmath={"contract"})
def sine_cosine(x: float) -> tuple[float, float]:  # pragma: no cover
    """(sin x, cos x) for |x| ≤ 10⁵, to 4·10⁻¹⁶ (absolute) for |x| ≤ 30, |x|·10⁻¹⁶ beyond."""
    half_turns = float(int(x * _ONE_OVER_PI + 1048576.5)) - 1048576.0
    f = (x - half_turns * _PI_HIGH) - half_turns * _PI_LOW
    odd = half_turns - 2.0 * float(int(half_turns * 0.5 + 1048576.0)) + 2097152.0
    sign = 1.0 - 2.0 * odd
    s = f * f
    high = _S13 + s * (_S15 + s * (_S17 + s * (_S19 + s * _S21)))
    sine = f + f * s * (_S3 + s * (_S5 + s * (_S7 + s * (_S9 + s * (_S11 + s * high)))))
    high = _C12 + s * (_C14 + s * (_C16 + s * (_C18 + s * _C20)))
    cosine = 1.0 + s * (_C2 + s * (_C4 + s * (_C6 + s * (_C8 + s * (_C10 + s * high)))))
    return sign * sine, sign * cosine
