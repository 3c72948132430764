"""Errors in ulps, and their statistics for each function, output, dtype and instruction set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyce._intake import Array
from pyce._verify.cases import Case, Rows
from pyce._verify.double_double import Floats, Pair
from pyce._verify.formats import FORMATS, Format
from pyce._verify.reference import Exact
from pyce._verify.rounding import misrounded

BINS_PER_ULP = 1000  # of the histogram from which the percentile is read
LARGEST_BIN = 8 * BINS_PER_ULP
SHOWN_CLASSES = 10  # rows of at most so many are printed whole


def ulp_exponents(size: Exact, form: Format) -> Array:
    """Return the exponents of the ulp of a dtype, subnormals included, at the scale of the exact values."""
    exponent = size.scale.exponent - 1
    # a power of two that is rounded up: the number itself lies below it, in the next lower binade
    below_power = (np.abs(size.scale.high) == 0.5) & (size.scale.low * size.scale.high < 0)
    return np.asarray(np.clip(exponent - below_power, form.minexp, form.maxexp - 1) - form.nmant)


def up_to(limit: Floats, pair: Pair) -> Pair:
    """Return numbers that are moved to +limit or -limit from beyond it."""
    beyond = np.abs(pair[0]) >= limit
    return np.where(beyond, np.copysign(limit, pair[0]), pair[0]), np.where(beyond, 0.0, pair[1])


def ulp_errors(result: Array, exact: Exact) -> Floats:
    """Return the distance of every result from the exact value, in ulps; a NaN or an infinity is infinitely far.

    Half types alone can have exact values beyond their range. There an infinity stands for the first power of two that
    is too large, and so does every exact value above that.
    """
    form = FORMATS[result.dtype.name]
    exponent = ulp_exponents(exact, form)
    with np.errstate(over="ignore", invalid="ignore"):
        high, low = exact.value.aligned(exponent)
        given = np.ldexp(result.astype(np.float64), -exponent)
        if form.is_half:
            limit = np.ldexp(1.0, form.maxexp - exponent)
            given, _ = up_to(limit, (given, given))
            high, low = up_to(limit, (high, low))
        errors = np.abs((given - high) - low)
    return np.where(np.isfinite(given), errors, np.inf)


def flushed_zeros(result: Array, exact: Exact) -> Array:
    """Tell where the result is 0 although the exact value can be represented.

    Where the result is a difference of larger terms, 0 can be within the bound; then the bound alone decides.
    """
    size = np.abs(exact.value.rounded())
    is_difference = exact.scale.exponent > exact.value.exponent
    return np.asarray((result == 0) & (size >= FORMATS[result.dtype.name].smallest) & ~is_difference)


def measurable(exact: Exact, form: Format) -> Array:
    """Tell which values are not certain to be rounded to 0: the others would only dilute the mean."""
    return np.asarray(exact.scale.rounded() >= form.smallest)


@dataclass
class Worst:
    """The worst error, and the input that leads to it."""

    error: float = -1.0
    regime: str = ""
    text: str = ""


@dataclass
class Statistics:
    """What is known about one output of one function and one kind of result by one instruction set."""

    count: int = 0
    total: float = 0.0
    zeros: int = 0
    misrounded: int = 0
    misrounded_text: str = ""
    histogram: Array = field(default_factory=lambda: np.zeros(LARGEST_BIN + 1, np.int64))
    worst: Worst = field(default_factory=Worst)

    def add(self, function: str, case: Case, result: Array, exact: Exact) -> None:
        """Count the errors of one result of a function."""
        errors = ulp_errors(result, exact)
        counted = errors[measurable(exact, FORMATS[result.dtype.name]) | (errors > 0)]
        self.count += counted.size
        self.total += float(counted.sum())
        self.zeros += int(flushed_zeros(result, exact).sum())
        bins = np.minimum(np.ceil(counted * BINS_PER_ULP), LARGEST_BIN).astype(np.int64)
        self.histogram += np.bincount(bins, minlength=LARGEST_BIN + 1)
        if errors.size and errors.max() > self.worst.error:
            index = np.unravel_index(errors.argmax(), errors.shape)
            text = f"got {result[index]!s}, exactly {decimal(exact.value.at(index))}; {describe(function, case, index)}"
            self.worst = Worst(float(errors[index]), case.name, text)

    def compare(self, function: str, case: Case, result: Array, wide: Array) -> None:
        """Count the results of a half type that are not the float32 results of the same call rounded once."""
        wrong = misrounded(result, wide)
        self.misrounded += int(wrong.sum())
        if wrong.any() and not self.misrounded_text:
            index = np.unravel_index(wrong.argmax(), wrong.shape)
            where = describe(function, case, index)
            self.misrounded_text = f"got {result[index]!s}, in float32 {wide[index]!s}; {where}"

    def mean(self) -> float:
        """Return the mean error."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """Return the error, rounded up to 0.001, that this share of the results does not exceed."""
        place = int(np.searchsorted(np.cumsum(self.histogram), share * self.count))
        return np.inf if place >= LARGEST_BIN else place / BINS_PER_ULP

    def summary(self) -> tuple[Any, ...]:
        """Return the numbers of the table: equal ones share a line."""
        numbers = self.count, self.worst.error, self.percentile(0.999), self.mean(), self.zeros, self.misrounded
        return *numbers, self.worst.text


def describe(function: str, case: Case, index: tuple[Any, ...]) -> str:
    """Return the input of one result, as far as it fits a few lines."""
    row = int(index[0])
    parts = [case.name]
    if isinstance(case, Rows):
        logits, label, soft = case.logits[row], int(case.index_labels[row]), case.soft_labels[row]
        whole = len(logits) <= SHOWN_CLASSES
        parts.append(f"{len(logits)} classes, row {row}" + (f", class {int(index[1])}" if len(index) > 1 else ""))
        parts.append(f"logits {numbers(logits)}" if whole else f"largest logit {logits.max()!s}")
        if len(index) > 1 and not whole:
            parts.append(f"logit {logits[index[1]]!s}")
        if function.startswith("sparse"):
            parts.append(f"label {label}" + ("" if whole else f" of logit {logits[label]!s}"))
        elif function.startswith("softmax_cross"):
            total = soft.sum(dtype=np.result_type(soft, np.float32))
            parts.append(f"labels {numbers(soft)}" if whole else f"sum of the labels {total!s}")
            if len(index) > 1 and not whole:
                parts.append(f"label {soft[index[1]]!s}")
        return "; ".join(parts)
    parts.append(f"logit {case.logits[row]!s}")
    if function.endswith("cross_entropy"):
        parts.append(f"label {case.labels[row]!s}")
    if function.startswith("weighted"):
        parts.append(f"pos_weight {case.pos_weight[row]!s}")
    return "; ".join(parts)


def numbers(values: Array) -> str:
    """Return numbers with all their digits."""
    return "[" + ", ".join(str(value) for value in values) + "]"


def decimal(value: Any) -> str:
    """Return 20 digits of an exact number, however small."""
    from mpmath import mp, mpf, nstr

    with mp.workprec(120):
        return str(nstr(mp.ldexp(mpf(float(value.high)) + mpf(float(value.low)), int(value.exponent)), 20))
