"""Arrays of numbers with 106 bits and an exponent of their own: two float64 and an integer, (high + low) 2^exponent.

Sums and products are the error-free ones of Knuth, Dekker and Veltkamp; the exponential is a Taylor series after two
reductions, the logarithm one Newton step. Nothing here is shared with the kernels: they know neither Taylor series
nor exponents apart from the number. The relative error of every operation is below 2^-95 (sums: of non-negative
terms); definition.py compares the outcome with mpmath in every run. Imported by reference.py and measure.py.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Pair = tuple[Floats, Floats]

NO_EXPONENT = -(2**40)  # of zero: below every other
SPLITTER = 2.0**27 + 1
# ln 2 in parts: two of 38 bits, whose products with an exponent of 15 bits are exact, and the rest.
LN2_DIGITS = Fraction("0.693147180559945309417232121458176568075500134360255254120680009493393621969694716")
LN2_FIRST = math.floor(LN2_DIGITS * 2**38) / 2**38
LN2_SECOND = math.floor((LN2_DIGITS - Fraction(LN2_FIRST)) * 2**76) / 2**76
LN2_REST = float(LN2_DIGITS - Fraction(LN2_FIRST) - Fraction(LN2_SECOND))
EXP_LIMIT = 10_000.0  # exp(-10000) is far below anything that a result can hold
HALVINGS = 4  # of the reduced argument, after which it is below 0.0217
PAIR_TERMS, TERMS = 6, 13  # of the Taylor series; from the sixth on float64 is enough: 0.0217^6 / 6! is below 2^-42
LOG1P_SERIES = 2.0**-16  # below this log1p is its series


def two_sum(a: Floats, b: Floats) -> Pair:
    """Return a + b rounded, and the rounding error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def quick_two_sum(a: Floats, b: Floats) -> Pair:
    """Return the same as `two_sum`, for abs(a) >= abs(b)."""
    total = a + b
    return total, b - (total - a)


def split(a: Floats) -> Pair:
    """Return two halves of 26 bits."""
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def two_product(a: Floats, b: Floats) -> Pair:
    """Return a b rounded, and the rounding error."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = split(a), split(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def add_pairs(a: Pair, b: Pair) -> Pair:
    """Return a + b with an error of 2^-104 of the result, cancellation included where the pairs are exact."""
    high, error = two_sum(a[0], b[0])
    low, low_error = two_sum(a[1], b[1])
    high, error = quick_two_sum(high, error + low)
    return quick_two_sum(high, error + low_error)


def multiply_pairs(a: Pair, b: Pair) -> Pair:
    """Return a b."""
    high, error = two_product(a[0], b[0])
    return quick_two_sum(high, error + (a[0] * b[1] + a[1] * b[0]))


def divide_pairs(a: Pair, b: Pair) -> Pair:
    """Return a / b by two steps of long division."""
    first = a[0] / b[0]
    product = multiply_pairs(b, (first, np.zeros_like(first)))
    remainder = add_pairs(a, (-product[0], -product[1]))
    return quick_two_sum(first, remainder[0] / b[0])


def reciprocal_factorial(n: int) -> tuple[float, float]:
    """Return 1 / n! in two doubles."""
    exact = Fraction(1, math.factorial(n))
    return float(exact), float(exact - Fraction(float(exact)))


def constant(value: tuple[float, float], like: Floats) -> Pair:
    """Return arrays filled with the two numbers."""
    return np.full_like(like, value[0]), np.full_like(like, value[1])


class Wide(NamedTuple):
    """Numbers (high + low) 2^exponent; `high` is 0 or within [2^-40, 2^40], so that nothing underflows."""

    high: Floats
    low: Floats
    exponent: Integers

    @classmethod
    def of(cls, high: npt.ArrayLike, low: npt.ArrayLike = 0.0) -> Wide:
        """Take float64 numbers, or the exact sum of two, as they are."""
        mantissa, shift = np.frexp(np.asarray(high, np.float64))
        exponent = np.where(mantissa == 0, NO_EXPONENT, shift.astype(np.int64))
        small: Floats = np.ldexp(np.asarray(low, np.float64), -shift)
        return cls(mantissa, np.broadcast_to(small, mantissa.shape), exponent)

    @property
    def pair(self) -> Pair:
        """The mantissa."""
        return self.high, self.low

    def at(self, index: Any) -> Wide:
        """Return the elements at an index of NumPy's kind."""
        return Wide(self.high[index], self.low[index], self.exponent[index])

    def rounded(self) -> Floats:
        """Return the nearest float64 (0 or inf outside its range)."""
        return np.asarray(np.ldexp(self.high, self.exponent))

    def aligned(self, exponent: Integers) -> Pair:
        """Return the mantissa in units of 2^exponent."""
        shift = np.maximum(self.exponent - exponent, -(2**20))
        return np.ldexp(self.high, shift), np.ldexp(self.low, shift)

    def normal(self) -> Wide:
        """Return the same numbers with a mantissa between 1/2 and 1."""
        mantissa, shift = np.frexp(self.high)
        exponent = np.where(mantissa == 0, NO_EXPONENT, self.exponent + shift)
        return Wide(mantissa, np.ldexp(self.low, -shift), exponent)

    def negative(self) -> Wide:
        """Return -a."""
        return Wide(-self.high, -self.low, self.exponent)

    def magnitude(self) -> Wide:
        """Return abs(a)."""
        return where(self.high < 0, self.negative(), self)

    def plus(self, other: Wide) -> Wide:
        """Return a + b."""
        exponent = np.maximum(self.exponent, other.exponent)
        return Wide(*add_pairs(self.aligned(exponent), other.aligned(exponent)), exponent).normal()

    def minus(self, other: Wide) -> Wide:
        """Return a - b."""
        return self.plus(other.negative())

    def times(self, other: Wide) -> Wide:
        """Return a b."""
        product = multiply_pairs(self.pair, other.pair)
        return Wide(*product, np.maximum(self.exponent + other.exponent, NO_EXPONENT))

    def over(self, other: Wide) -> Wide:
        """Return a / b."""
        return Wide(*divide_pairs(self.pair, other.pair), self.exponent - other.exponent)

    def sum(self) -> Wide:
        """Return the sums along the last axis, added as a tree; the axis stays, with length 1."""
        exponent = self.exponent.max(axis=-1, keepdims=True)
        high, low = self.aligned(exponent)
        while high.shape[-1] > 1:
            half, odd = divmod(high.shape[-1], 2)
            first, second, last = np.s_[..., :half], np.s_[..., half : 2 * half], np.s_[..., -1:]
            pair = add_pairs((high[first], low[first]), (high[second], low[second]))
            if odd:
                pair[0][last], pair[1][last] = add_pairs((pair[0][last], pair[1][last]), (high[last], low[last]))
            high, low = pair
        return Wide(high, low, exponent).normal()


def where(condition: npt.NDArray[np.bool_], a: Wide, b: Wide) -> Wide:
    """Return a where the condition holds, else b."""
    return Wide(*(np.where(condition, x, y) for x, y in zip(a, b, strict=True)))


def maximum(a: Wide, b: Wide) -> Wide:
    """Return the larger of two arrays of non-negative numbers."""
    larger = (a.exponent > b.exponent) | ((a.exponent == b.exponent) & (a.high >= b.high))
    return where(larger, a, b)


def exact_difference(a: npt.ArrayLike, b: npt.ArrayLike) -> Wide:
    """Return a - b of float64 numbers without any error."""
    return Wide.of(*two_sum(*np.broadcast_arrays(np.asarray(a, np.float64), -np.asarray(b, np.float64))))


def expm1_reduced(r: Pair) -> Pair:
    """Return exp(r) - 1 for abs(r) < 0.36: the series at r / 16, then four times (1 + y)^2 - 1 = 2 y + y^2."""
    scale = 2.0**-HALVINGS
    r = r[0] * scale, r[1] * scale
    tail = np.full_like(r[0], reciprocal_factorial(TERMS)[0])
    for n in range(TERMS - 1, PAIR_TERMS - 1, -1):
        tail = tail * r[0] + reciprocal_factorial(n)[0]
    total = tail, np.zeros_like(tail)
    for n in range(PAIR_TERMS - 1, 0, -1):
        total = add_pairs(multiply_pairs(total, r), constant(reciprocal_factorial(n), tail))
    y = multiply_pairs(total, r)
    for _ in range(HALVINGS):
        square = multiply_pairs(y, y)
        y = add_pairs((2 * y[0], 2 * y[1]), square)
    return y


def exponential(x: Wide) -> Wide:
    """Return exp(x) for x below 10000; 0 below -10000."""
    high, low = x.aligned(np.zeros_like(x.exponent))
    vanishes = high < -EXP_LIMIT
    high, low = np.where(vanishes, 0.0, high), np.where(vanishes, 0.0, low)
    k = np.rint(high / LN2_FIRST)
    r = two_sum(high, -k * LN2_FIRST)
    r = add_pairs(r, two_sum(low, -k * LN2_SECOND))
    r = add_pairs(r, two_product(-k, np.full_like(k, LN2_REST)))
    y = add_pairs(expm1_reduced(r), constant((1.0, 0.0), k))
    exponent = np.where(vanishes, NO_EXPONENT, k.astype(np.int64))
    return Wide(np.where(vanishes, 0.0, y[0]), np.where(vanishes, 0.0, y[1]), exponent)


def log1p(x: Wide) -> Wide:
    """Return log(1 + x) for x >= 0: the series where x is small, else the logarithm of float64 and a Newton step."""
    t = x.rounded()
    tail = t * t * (1 / 3 - t * (1 / 4 - t * (1 / 5 - t * (1 / 6 - t / 7))))
    half = x.aligned(np.ones_like(x.exponent))  # x / 2 as an ordinary number
    factor = add_pairs(add_pairs(constant((1.0, 0.0), t), (tail, np.zeros_like(t))), (-half[0], -half[1]))
    series = Wide(*multiply_pairs(x.pair, factor), x.exponent)
    guess = np.log1p(np.maximum(t, LOG1P_SERIES))
    ordinary = x.aligned(np.zeros_like(x.exponent))
    one_plus = add_pairs(constant((1.0, 0.0), t), ordinary)
    quotient = Wide(*one_plus, np.zeros_like(x.exponent)).times(exponential(Wide.of(-guess)))
    correction = quotient.minus(Wide.of(np.ones_like(t))).rounded()
    newton = Wide.of(*two_sum(guess, correction - 0.5 * correction * correction))
    return where(t < LOG1P_SERIES, series, newton)
