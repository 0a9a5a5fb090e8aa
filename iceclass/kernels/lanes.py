"""A vector register as a value in compiled code: the same arithmetic on several molecules at once.

A kernel that loads, multiplies, adds and stores :class:`Lanes` does to each of its lanes what it
would do to a number; lane l of every vector belongs to molecule l of a group. Vectors of float64
have 8 lanes and of float32 16 (512 bits); on processors with narrower registers LLVM splits them.
Only compiled (``@njit``) functions can call what is here. Multiplications and additions may be
fused.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.errors import TypingError
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

_intrinsic: Any = intrinsic  # what it makes is called without its first parameter

BITS = 512


class Lanes(types.Type):
    """Numba's type of a vector of ``count`` numbers of type ``dtype``."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.count = BITS // dtype.bitwidth
        super().__init__(name=f"Lanes({dtype}, {self.count})")


@register_model(Lanes)
class _LanesModel(PrimitiveModel):
    """Held as an LLVM vector."""

    def __init__(self, dmm: Any, fe_type: Any) -> None:
        scalar = ir.FloatType() if fe_type.dtype == types.float32 else ir.DoubleType()
        super().__init__(dmm, fe_type, ir.VectorType(scalar, fe_type.count))


def _of_array(array: Any) -> Lanes:
    """The vector type for a contiguous float array."""
    if not (
        isinstance(array, types.Array)
        and array.ndim == 1
        and array.layout == "C"
        and array.dtype in (types.float32, types.float64)
    ):
        raise TypingError(f"lanes need a contiguous 1-D array of floats, not {array}")
    return Lanes(array.dtype)


def _pointer(context: Any, builder: Any, kind: Any, value: Any, index: Any, lanes: Any) -> Any:
    array = context.make_array(kind)(context, builder, value)
    address = builder.gep(array.data, [index])
    return builder.bitcast(address, ir.PointerType(context.get_value_type(lanes)))


@_intrinsic
def width(typingctx: Any, array: Any) -> Any:
    """Number of lanes of the vectors in this array."""
    count = _of_array(array).count

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(ir.IntType(64), count)

    return types.intp(array), codegen


@_intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """The vector of the elements of a 1-D array from ``index`` (≥ 0) on."""
    lanes = _of_array(array)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1], lanes)
        return builder.load(pointer, align=lanes.dtype.bitwidth // 8)

    return lanes(array, types.intp), codegen


@_intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write a vector to the elements of a 1-D array from ``index`` (≥ 0) on."""
    lanes = _of_array(array)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1], lanes)
        builder.store(args[2], pointer, align=lanes.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), codegen


@_intrinsic
def splat(typingctx: Any, array: Any, index: Any) -> Any:
    """The vector with the element ``index`` (≥ 0) of a 1-D array in every lane."""
    lanes = _of_array(array)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        value = builder.load(builder.gep(data, [args[1]]))
        kind = context.get_value_type(lanes)
        zero = ir.Constant(ir.IntType(32), 0)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, zero)
        mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes.count), [0] * lanes.count)
        return builder.shuffle_vector(one, one, mask)

    return lanes(array, types.intp), codegen


@_intrinsic
def zeros(typingctx: Any, array: Any) -> Any:
    """A vector of zeros of the kind that the array holds."""
    lanes = _of_array(array)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(lanes), [0.0] * lanes.count)

    return lanes(array), codegen


def _define(symbol: Any, instruction: str) -> None:
    """Make ``symbol`` (of :mod:`operator`) work between vectors of one kind."""

    @infer_global(symbol)
    class OfLanes(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and isinstance(args[0], Lanes) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(symbol, Lanes, Lanes)
    def apply(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args, flags=("contract",))


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
