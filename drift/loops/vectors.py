"""Vectors of eight numbers as a type of compiled functions, so that small matrix products can keep
their sums in registers.

A compiler vectorises the innermost loop but writes every partial sum back to memory; with these
few operations a loop says what stays in registers. Eight float32 fill one AVX register; other
processors and float64 take several.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_untracked
from numba.extending import models, register_model

from drift.loops.compiled import primitive

WIDTH = 8


class VectorType(types.Type):
    """Eight numbers of one floating-point type."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector{WIDTH}({dtype})")


@register_model(VectorType)
class VectorModel(models.PrimitiveModel):
    """In compiled code a vector is a machine vector."""

    def __init__(self, dmm, fe_type) -> None:
        element = dmm.lookup(fe_type.dtype).get_value_type()
        super().__init__(dmm, fe_type, ir.VectorType(element, WIDTH))


def _vector(context, dtype):
    return ir.VectorType(context.get_value_type(dtype), WIDTH)


def _pointer(context, builder, array_type, array, row, column):
    """Address of an entry of a C-contiguous matrix, as that of a vector."""
    fields = context.make_array(array_type)(context, builder, array)
    width = builder.extract_value(fields.shape, 1)
    address = builder.gep(fields.data, [builder.add(builder.mul(row, width), column)])
    return builder.bitcast(address, _vector(context, array_type.dtype).as_pointer())


def _splat(builder, vector, scalar):
    whole = builder.insert_element(
        ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
    )
    order = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(whole, ir.Constant(vector, ir.Undefined), order)


@primitive
def zeros(typing, array):
    """Vector of zeros in the number type of an array."""

    def generate(context, builder, signature, args):
        return ir.Constant(_vector(context, array.dtype), [0.0] * WIDTH)

    return VectorType(array.dtype)(array), generate


@primitive
def load(typing, array, row, column):
    """Eight entries of a C-contiguous matrix from (row, column) on."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args)
        return builder.load(
            pointer, align=context.get_abi_sizeof(context.get_value_type(array.dtype))
        )

    return VectorType(array.dtype)(array, types.intp, types.intp), generate


@primitive
def store(typing, vector, array, row, column):
    """Write eight entries of a C-contiguous matrix from (row, column) on."""

    def generate(context, builder, signature, args):
        value, *place = args
        builder.store(
            value,
            _pointer(context, builder, array, *place),
            align=context.get_abi_sizeof(context.get_value_type(array.dtype)),
        )
        return impl_ret_untracked(context, builder, types.void, context.get_dummy_value())

    return types.void(vector, array, types.intp, types.intp), generate


@primitive
def add_product(typing, total, factor, vector):
    """total + factor * vector; the factor is a number or a vector."""

    def generate(context, builder, signature, args):
        kind = _vector(context, total.dtype)
        scale = args[1] if isinstance(factor, VectorType) else _splat(builder, kind, args[1])
        name = f"llvm.fmuladd.v{WIDTH}f{total.dtype.bitwidth}"
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), name
        )
        return builder.call(fused, [scale, args[2], args[0]])

    scale = factor if isinstance(factor, VectorType) else total.dtype
    return total(total, scale, vector), generate


@primitive
def where_positive(typing, condition, vector):
    """The entries of a vector where the condition is above zero or NaN, 0 elsewhere."""

    def generate(context, builder, signature, args):
        nothing = ir.Constant(_vector(context, vector.dtype), [0.0] * WIDTH)
        return builder.select(builder.fcmp_ordered("<=", args[0], nothing), nothing, args[1])

    return vector(condition, vector), generate


@primitive
def any_positive(typing, vector):
    """Tell whether an entry of a vector is above zero or NaN."""

    def generate(context, builder, signature, args):
        nothing = ir.Constant(_vector(context, vector.dtype), [0.0] * WIDTH)
        bits = builder.bitcast(builder.fcmp_unordered(">", args[0], nothing), ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(vector), generate
