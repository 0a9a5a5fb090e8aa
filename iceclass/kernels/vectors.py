"""Emitting LLVM's vector instructions from a Numba intrinsic.

LLVM splits vectors wider than the processor's into several, so the code is right on any host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

Value = Any
"""Of an intrinsic's arguments: their Numba types while typing, LLVM values while emitting."""

I32, I64 = ir.IntType(32), ir.IntType(64)


def has_avx512() -> bool:
    """Whether Numba compiles for a processor that can compress a vector by a mask."""
    chosen: Any = config  # NUMBA_CPU_NAME and NUMBA_CPU_FEATURES
    if chosen.CPU_FEATURES is not None:
        return "+avx512f" in chosen.CPU_FEATURES
    if chosen.CPU_NAME == "generic":
        return False
    return bool(binding.get_host_cpu_features().get("avx512f", False))


class Vectors:
    """Emits instructions on vectors of ``width`` floats of the type of ``array``."""

    def __init__(self, builder: Any, context: Any, array: Any, width: int) -> None:
        self.builder = builder
        self.float = context.get_value_type(array.dtype)
        self.bytes = 8 if array.dtype == types.float64 else 4
        self.width = width
        self.type = ir.VectorType(self.float, width)

    def address(self, pointer: Any, index: Any) -> Any:
        """Pointer to the float at ``index``, an i64 or an int."""
        index = I64(index) if isinstance(index, int) else index
        return self.builder.gep(pointer, [index])

    def load(self, pointer: Any, index: Any) -> Any:
        """The vector that starts at the float ``index``."""
        where = self.builder.bitcast(self.address(pointer, index), self.type.as_pointer())
        return self.builder.load(where, align=self.bytes)

    def store(self, value: Any, pointer: Any, index: Any) -> None:
        """Write a vector of any type to the element ``index`` of the pointer."""
        where = self.address(pointer, index)
        where = self.builder.bitcast(where, value.type.as_pointer())
        self.builder.store(value, where, align=4)

    def constant(self, value: float) -> Any:
        return ir.Constant(self.type, [self.float(value)] * self.width)

    def splat(self, scalar: Any) -> Any:
        """The scalar in every lane."""
        first = self.builder.insert_element(ir.Constant(self.type, ir.Undefined), scalar, I32(0))
        order = ir.Constant(ir.VectorType(I32, self.width), [I32(0)] * self.width)
        return self.builder.shuffle_vector(first, ir.Constant(self.type, ir.Undefined), order)

    def splat_at(self, pointer: Any, index: Any) -> Any:
        return self.splat(self.builder.load(self.address(pointer, index), align=self.bytes))

    def call(self, name: str, *values: Any) -> Any:
        """The LLVM intrinsic of that name, which returns a vector of this type."""
        name = f"{name}.v{self.width}f{8 * self.bytes}"
        kind = ir.FunctionType(self.type, [value.type for value in values])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
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


def vector_code(function: Callable[..., Any]) -> Callable[..., Any]:
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
