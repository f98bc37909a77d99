"""The exponential function without a branch or a call, so that LLVM makes vectors of it."""

from __future__ import annotations

from math import factorial
from typing import Any, NamedTuple

from llvmlite import ir
from numba.extending import intrinsic


class _Float(NamedTuple):
    """How a number is made of bits, and what exp needs to be exact to its last."""

    bits: int
    fraction_bits: int
    exponent_bias: int
    terms: int
    lowest: float  # below it, exp is subnormal
    ln2_high: float  # with few bits, so that its products are exact
    ln2_low: float


_FLOAT32 = _Float(32, 23, 127, 7, -87.0, 0.693359375, -2.12194440e-4)
_FLOAT64 = _Float(64, 52, 1023, 13, -708.0, 6.93147180369123816490e-01, 1.90821492927058770002e-10)
_LOG2_E, _FUSED = 1.4426950408889634, ("contract",)


@intrinsic  # type: ignore[untyped-decorator]
def exp(_typing: Any, number: Any) -> Any:
    """exp(number) of a number up to 0, to its last bit or so; 0 where it would be subnormal.

    2^n times the Taylor series of what is left, which is at most ln(2) / 2 away from 0.
    """
    of = _FLOAT32 if number.bitwidth == 32 else _FLOAT64

    def build(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        real, whole = args[0].type, ir.IntType(of.bits)

        def multiplied(one: Any, other: float, added: Any) -> Any:
            return builder.fadd(builder.fmul(one, real(other), flags=_FUSED), added, flags=_FUSED)

        tiny = builder.fcmp_ordered("<", args[0], real(of.lowest))
        x = builder.select(tiny, real(of.lowest), args[0])
        magic = real(1.5 * 2.0**of.fraction_bits)  # what is added to it leaves its integer in the lowest bits
        shifted = multiplied(x, _LOG2_E, magic)
        n = builder.fsub(shifted, magic)
        x = multiplied(n, -of.ln2_low, multiplied(n, -of.ln2_high, x))
        series = real(1.0 / factorial(of.terms))
        for term in reversed(range(of.terms)):
            product = builder.fmul(series, x, flags=_FUSED)
            series = builder.fadd(product, real(1.0 / factorial(term)), flags=_FUSED)
        exponent = builder.shl(builder.bitcast(shifted, whole), whole(of.fraction_bits))
        power = builder.add(exponent, whole(of.exponent_bias << of.fraction_bits))
        return builder.select(tiny, real(0.0), builder.fmul(series, builder.bitcast(power, real)))

    return number(number), build
