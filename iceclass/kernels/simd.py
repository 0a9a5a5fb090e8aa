"""Vector instructions in Numba code: the only module that has LLVM's written by hand.

In two forms. An intrinsic made by :func:`vector_code` emits a whole loop with :class:`Vectors`. A
kernel that calls :func:`load`, :func:`splat`, :func:`store` and adds and multiplies what they give
does to each lane of a :class:`Lanes` what it would do to a number; lane l of every vector belongs
to molecule l of a group, or to feature l.

Vectors have 512 bits where nothing else is said: 8 numbers of float64 or 16 of float32. LLVM splits
them on processors with narrower registers, so the code is right on any. Every vector loop has a
twin in plain loops, :mod:`iceclass.kernels.choice` chooses one of them: the first argument
``simd`` of a kernel is True for vectors and None for plain loops, in which :func:`load` gives a
number. Compiled code knows it by its type, and leaves out the other branch of
``if simd is None``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import binding, ir
from numba import config, types
from numba.core.errors import TypingError
from numba.extending import (
    intrinsic,
    lower_builtin,
    models,
    overload,
    register_model,
    type_callable,
)

Value = Any
"""Of an intrinsic's arguments: their Numba types while typing, LLVM values while emitting."""

I32, I64 = ir.IntType(32), ir.IntType(64)

BITS = 512


def has_avx512() -> bool:
    """Whether Numba compiles for a processor that can compress a vector by a mask."""
    chosen: Any = config  # NUMBA_CPU_NAME and NUMBA_CPU_FEATURES
    if chosen.CPU_FEATURES is not None:
        return "+avx512f" in chosen.CPU_FEATURES
    if chosen.CPU_NAME == "generic":
        return False
    return bool(binding.get_host_cpu_features().get("avx512f", False))


class Vectors:
    """Emits instructions on vectors of ``width`` floats of the type of ``array``.

    Indices count elements: of the value stored, else of these floats.
    """

    def __init__(self, builder: Any, context: Any, array: Any, width: int) -> None:
        self.builder = builder
        self.float = context.get_value_type(array.dtype)
        self.bytes = array.dtype.bitwidth // 8
        self.width = width
        self.type = ir.VectorType(self.float, width)

    def address(self, pointer: Any, index: Any, element: Any = None) -> Any:
        """Pointer to the element (a float) at ``index``, an i64 or an int."""
        index = I64(index) if isinstance(index, int) else index
        return self.builder.gep(pointer, [index], source_etype=element or self.float)

    def load(self, pointer: Any, index: Any, kind: Any = None) -> Any:
        """The vector that starts at the float ``index``, or the single value of type ``kind``."""
        where = self.address(pointer, index, kind)
        align = self.bytes if kind is None or kind == self.float else 4
        return self.builder.load(where, align=align, typ=kind or self.type)

    def store(self, value: Any, pointer: Any, index: Any) -> None:
        """Write a value or vector of any type to the element ``index`` of the pointer."""
        element = value.type.element if isinstance(value.type, ir.VectorType) else value.type
        where = self.address(pointer, index, element)
        if not getattr(where.type, "is_opaque", True):  # llvmlite still has types of pointers
            where = self.builder.bitcast(where, value.type.as_pointer())
        self.builder.store(value, where, align=4)

    def constant(self, value: float) -> Any:
        """The number in every lane."""
        return ir.Constant(self.type, [self.float(value)] * self.width)

    def splat(self, scalar: Any) -> Any:
        """The scalar in every lane."""
        first = self.builder.insert_element(ir.Constant(self.type, ir.Undefined), scalar, I32(0))
        order = ir.Constant(ir.VectorType(I32, self.width), [I32(0)] * self.width)
        return self.builder.shuffle_vector(first, ir.Constant(self.type, ir.Undefined), order)

    def splat_at(self, pointer: Any, index: Any) -> Any:
        """The float at ``index`` in every lane."""
        return self.splat(self.load(pointer, index, self.float))

    def call(self, name: str, *values: Any) -> Any:
        """The LLVM intrinsic of that name, which returns a vector of this type."""
        kind = ir.FunctionType(self.type, [value.type for value in values])
        name = f"{name}.v{self.width}f{8 * self.bytes}"
        function = self.builder.module.declare_intrinsic(name, fnty=kind)
        return self.builder.call(function, values)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c, in one instruction where the processor has one."""
        return self.call("llvm.fmuladd", a, b, c)

    @contextmanager
    def loop(self, start: Any, stop: Any, step: int, carried: list[Any]) -> Iterator[Loop]:
        """Code for the indices from ``start``, below ``stop``, with ``carried`` in registers."""
        builder = self.builder
        before = builder.block
        head = builder.append_basic_block("head")
        body = builder.append_basic_block("body")
        after = builder.append_basic_block("after")
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(I64)
        index.add_incoming(start, before)
        values = [builder.phi(value.type) for value in carried]
        for phi, value in zip(values, carried, strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", index, stop), body, after)
        builder.position_at_end(body)
        loop = Loop(index, values)
        yield loop
        last = builder.block
        index.add_incoming(builder.add(index, I64(step)), last)
        for phi, value in zip(values, loop.following, strict=True):
            phi.add_incoming(value, last)
        builder.branch(head)
        builder.position_at_end(after)


class Loop:
    """``index`` and ``values`` inside a loop; set ``following`` to the values of the next turn.

    After the loop ``values`` are the last ones.
    """

    def __init__(self, index: Any, values: list[Any]) -> None:
        self.index, self.values, self.following = index, values, values


def vector_code(function: Callable[..., Any]) -> Any:
    """A Numba intrinsic: called with types, the function returns a signature and an emitter."""
    return intrinsic(function)


def emitter(argument_types: tuple[Any, ...], emit: Callable[..., Any]) -> Callable[..., Any]:
    """Code generator that hands ``emit`` a builder, arrays as data pointers, tuples as lengths."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        plain = []
        for kind, value in zip(argument_types, arguments, strict=True):
            if isinstance(kind, types.Array):
                plain.append(context.make_array(kind)(context, builder, value).data)
            elif isinstance(kind, types.UniTuple):
                plain.append(kind.count)
            else:
                plain.append(value)
        result = emit(context, builder, *plain)
        return context.get_dummy_value() if result is None else result

    return generate


class Lanes(types.Type):
    """Numba's type of a vector of ``count`` numbers of type ``dtype``."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.count = BITS // dtype.bitwidth
        super().__init__(name=f"Lanes({dtype}, {self.count})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
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


@vector_code
def _load(typing: Value, array: Value, index: Value) -> Any:
    lanes = _of_array(array)

    def emit(context: Value, builder: Value, pointer: Value, index: Value) -> Value:
        return Vectors(builder, context, lanes, lanes.count).load(pointer, index)

    arguments = (array, types.intp)
    return lanes(*arguments), emitter(arguments, emit)


@vector_code
def _store(typing: Value, array: Value, index: Value, value: Value) -> Any:
    lanes = _of_array(array)

    def emit(context: Value, builder: Value, pointer: Value, index: Value, value: Value) -> None:
        Vectors(builder, context, lanes, lanes.count).store(value, pointer, index)

    arguments = (array, types.intp, lanes)
    return types.void(*arguments), emitter(arguments, emit)


@vector_code
def _splat(typing: Value, array: Value, index: Value) -> Any:
    lanes = _of_array(array)

    def emit(context: Value, builder: Value, pointer: Value, index: Value) -> Value:
        return Vectors(builder, context, lanes, lanes.count).splat_at(pointer, index)

    arguments = (array, types.intp)
    return lanes(*arguments), emitter(arguments, emit)


@vector_code
def _zeros(typing: Value, array: Value) -> Any:
    lanes = _of_array(array)

    def emit(context: Value, builder: Value, pointer: Value) -> Value:
        return Vectors(builder, context, lanes, lanes.count).constant(0.0)

    return lanes(array), emitter((array,), emit)


def width(simd: bool | None, array: Any) -> int:
    """Number of lanes of the vectors in this array; 1 in plain loops."""
    raise NotImplementedError("for compiled code")


def load(simd: bool | None, array: Any, index: int) -> Any:
    """The vector of the elements of a 1-D array from ``index`` (≥ 0) on; or the one there."""
    raise NotImplementedError("for compiled code")


def store(simd: bool | None, array: Any, index: int, value: Any) -> None:
    """Write what :func:`load` gives to the elements of a 1-D array from ``index`` (≥ 0) on."""
    raise NotImplementedError("for compiled code")


def splat(simd: bool | None, array: Any, index: int) -> Any:
    """The vector with the element ``index`` (≥ 0) of a 1-D array in every lane; or the element."""
    raise NotImplementedError("for compiled code")


def zeros(simd: bool | None, array: Any) -> Any:
    """A vector of zeros of the kind that the array holds; or a zero."""
    raise NotImplementedError("for compiled code")


def twins(vector: Any, plain: Any) -> Any:
    """A function for compiled code: ``simd``, then the arguments of both; one is compiled and run.

    An ``if simd is None`` leaves out the vectors of plain loops, but not these beside vectors.
    """

    def either(simd: bool | None, *arguments: Any) -> Any:
        raise NotImplementedError("for compiled code")

    @overload(either, strict=False)  # annotations may differ
    def choose(simd: Value, *arguments: Value) -> Any:
        if isinstance(simd, types.NoneType):
            return lambda simd, *arguments: plain(*arguments)
        return lambda simd, *arguments: vector(*arguments)

    return either


@overload(width, strict=False)
def _width_twins(simd: Value, array: Value) -> Any:
    count = 1 if isinstance(simd, types.NoneType) else _of_array(array).count
    return lambda simd, array: count


@overload(load, strict=False)
def _load_twins(simd: Value, array: Value, index: Value) -> Any:
    if isinstance(simd, types.NoneType):
        return lambda simd, array, index: array[index]
    return lambda simd, array, index: _load(array, index)


@overload(store, strict=False)
def _store_twins(simd: Value, array: Value, index: Value, value: Value) -> Any:
    if isinstance(simd, types.NoneType):

        def plain(simd: Value, array: Value, index: Value, value: Value) -> None:
            array[index] = value

        return plain
    return lambda simd, array, index, value: _store(array, index, value)


@overload(splat, strict=False)
def _splat_twins(simd: Value, array: Value, index: Value) -> Any:
    if isinstance(simd, types.NoneType):
        return lambda simd, array, index: array[index]
    return lambda simd, array, index: _splat(array, index)


@overload(zeros, strict=False)
def _zeros_twins(simd: Value, array: Value) -> Any:
    if isinstance(simd, types.NoneType):
        return lambda simd, array: array.dtype.type(0.0)
    return lambda simd, array: _zeros(array)


def _define(symbol: Any, instruction: str) -> None:
    """Make ``symbol`` (of :mod:`operator`) work between vectors of one kind.

    Multiplications and additions may be fused.
    """

    @type_callable(symbol)
    def result(context: Any) -> Any:
        def typer(a: Value, b: Value) -> Any:
            return a if isinstance(a, Lanes) and a == b else None

        return typer

    @lower_builtin(symbol, Lanes, Lanes)
    def apply(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args, flags=("contract",))


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
