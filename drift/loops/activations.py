"""More operations on vectors of eight numbers: what activations and sums over a vector need."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from drift.loops.compiled import primitive
from drift.loops.vectors import WIDTH, VectorType, _splat, _vector

LARGEST = 80.0  # exp of it, and of its negative, is a number in single precision
# 1 / 12!, 1 / 11!, ..., 1 / 0!: with |r| <= ln(2) / 2 the error of exp(r) is below 2e-16
SERIES = (
    2.08767569878681e-09,
    2.505210838544172e-08,
    2.755731922398589e-07,
    2.7557319223985893e-06,
    2.48015873015873e-05,
    0.0001984126984126984,
    0.001388888888888889,
    0.008333333333333333,
    0.041666666666666664,
    0.16666666666666666,
    0.5,
    1.0,
    1.0,
)
SINGLE_TERMS = 8  # of them in single precision, with an error below 6e-9
# ln 2 in two parts, the first with few digits
LOGARITHM = (0.693145751953125, 1.4286068203094172e-06)
INDICES = ir.IntType(32)


@primitive
def filled(typing, array, value):
    """Vector of eight times one number, in the number type of an array."""

    def generate(context, builder, signature, args):
        return _splat(builder, _vector(context, array.dtype), args[1])

    return VectorType(array.dtype)(array, array.dtype), generate


@primitive
def times(typing, first, second):
    """Product of two vectors, entry by entry."""

    def generate(context, builder, signature, args):
        return builder.fmul(*args)

    return first(first, second), generate


@primitive
def where_other(typing, condition, vector):
    """The entries of a vector where the condition is anything but 0, 0 elsewhere."""

    def generate(context, builder, signature, args):
        nothing = ir.Constant(_vector(context, vector.dtype), [0.0] * WIDTH)
        return builder.select(builder.fcmp_ordered("==", args[0], nothing), nothing, args[1])

    return vector(condition, vector), generate


@primitive
def logistic(typing, vector):
    """1 / (1 + exp(-x)) of each entry; NaN stays NaN.

    exp(x) = 2^n exp(r) with a whole number n, whose power of two is made of bits.
    """

    def generate(context, builder, signature, args):
        kind = _vector(context, vector.dtype)
        power = _exponential(builder, kind, builder.fneg(args[0]), vector.dtype.bitwidth)
        unity = ir.Constant(kind, [1.0] * WIDTH)
        return builder.fdiv(unity, builder.fadd(unity, power))

    return vector(vector), generate


def _exponential(builder, kind, value, bits):
    def constant(number):
        return ir.Constant(kind, [number] * WIDTH)

    def of_library(name, *arguments):
        signature = ir.FunctionType(kind, [kind] * len(arguments))
        full = f"llvm.{name}.v{WIDTH}f{bits}"
        return builder.call(
            cgutils.get_or_insert_function(builder.module, signature, full), arguments
        )

    # NaN is not beyond any bound
    for sign, comparison in ((1.0, ">"), (-1.0, "<")):
        bound = constant(sign * LARGEST)
        value = builder.select(builder.fcmp_ordered(comparison, value, bound), bound, value)
    number = builder.select(builder.fcmp_ordered("ord", value, value), value, constant(0.0))
    exponent = of_library(
        "floor", of_library("fmuladd", number, constant(1.4426950408889634), constant(0.5))
    )
    remainder = value
    for term in LOGARITHM:
        remainder = of_library("fmuladd", exponent, constant(-term), remainder)
    terms = SERIES if bits == 64 else SERIES[-SINGLE_TERMS:]
    series = constant(terms[0])
    for coefficient in terms[1:]:
        series = of_library("fmuladd", series, remainder, constant(coefficient))
    whole, bias, shift = (
        ir.VectorType(ir.IntType(bits), WIDTH),
        *((127, 23) if bits == 32 else (1023, 52)),
    )
    raised = builder.add(builder.fptosi(exponent, whole), ir.Constant(whole, [bias] * WIDTH))
    power = builder.bitcast(builder.shl(raised, ir.Constant(whole, [shift] * WIDTH)), kind)
    return builder.fmul(series, power)


@primitive
def totals(typing, a, b, c, d, e, f, g, h):
    """Vector of the sums of the entries of eight vectors, in their order."""

    def generate(context, builder, signature, args):
        def picked(first, second, order):
            places = ir.Constant(ir.VectorType(INDICES, WIDTH), order)
            return builder.shuffle_vector(first, second, places)

        def folded(first, second, step):
            """Halves the distance between what belongs to one sum: entries whose number has the
            bit ``step`` are added to those without it; the second vector fills their places."""
            own = [lane & ~step for lane in range(WIDTH)]
            low = [place + (WIDTH if lane & step else 0) for lane, place in enumerate(own)]
            return builder.fadd(
                picked(first, second, low), picked(first, second, [place + step for place in low])
            )

        pairs = [folded(args[number], args[number + 1], 1) for number in range(0, WIDTH, 2)]
        fours = [folded(pairs[number], pairs[number + 1], 2) for number in range(0, 4, 2)]
        return folded(fours[0], fours[1], 4)

    return a(a, b, c, d, e, f, g, h), generate


@primitive
def entry(typing, vector, place):
    """One entry of a vector."""

    def generate(context, builder, signature, args):
        return builder.extract_element(args[0], builder.trunc(args[1], INDICES))

    return vector.dtype(vector, types.intp), generate
