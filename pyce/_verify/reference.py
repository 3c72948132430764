"""Exact results in bulk, in double-double numbers, for every function that `pyce verify` measures.

The formulas need no cancellation: with e_j = exp(x_j - max), others_j the sum of every e_k but e_j, and R_j the sum of
every label but t_j (both formed without the one left out where it is the largest),

    grad_j = R_j p_j - t_j others_j / total        hess_j = S p_j others_j / total

for every j, whereas the kernels take S p_j - t_j except at the maximum. A sigmoid is the row (0, x). definition.py
checks samples of these numbers against the plain definitions in mpmath.
"""

from __future__ import annotations

import numpy as np

from pyce._intake import Array
from pyce._verify.cases import Elements, Rows
from pyce._verify.double_double import NO_EXPONENT, Wide, exact_difference, exponential, log1p, maximum, where


class Exact:
    """Exact values and, where a result is a difference (soft labels, lse), the larger of the terms subtracted."""

    def __init__(self, value: Wide, scale: Wide | None = None) -> None:
        self.value = value.normal()
        size = self.value.magnitude()
        self.scale = size if scale is None else maximum(size, scale.normal())


Outputs = dict[str, dict[str, Exact]]  # by function, by output


def zeros_at(numbers: Wide, places: Array) -> Wide:
    """Return the numbers with one of each row replaced by 0."""
    keep = np.arange(numbers.high.shape[-1]) != places[:, None]
    return where(keep, numbers, Wide(np.zeros(()), np.zeros(()), np.asarray(NO_EXPONENT)))


def sums_without_each(numbers: Wide, largest: Array) -> tuple[Wide, Wide]:
    """Return the sum of each row, and for every j the sum of the others; `largest` is the place of the largest."""
    rows = np.arange(len(largest))
    rest = zeros_at(numbers, largest).sum()
    total = rest.plus(numbers.at((rows, largest, None)))
    others = total.minus(numbers)
    is_largest = np.arange(numbers.high.shape[-1]) == largest[:, None]
    return total, where(is_largest, rest, others)


def row_references(case: Rows) -> Outputs:
    """Return every output of the softmax family for rows of logits."""
    x = case.logits.astype(np.float64)
    rows, place = np.arange(len(x)), x.argmax(-1)
    top = x.max(-1, keepdims=True)
    gap = exact_difference(top, x)
    e = exponential(gap.negative())
    rest = zeros_at(e, place).sum()
    total, others = sums_without_each(e, place)
    log_part = log1p(rest)
    prob, wrong, nll = e.over(total), others.over(total), gap.plus(log_part)
    unique = ((x == top).sum(-1, keepdims=True) == 1) & (x == top)

    lse = Exact(Wide.of(top).plus(log_part), maximum(Wide.of(np.abs(top)), log_part)).value
    lse_exact = Exact(lse.at((..., 0)), maximum(Wide.of(np.abs(top)), log_part.normal()).at((..., 0)))
    label = case.index_labels
    hit = np.arange(x.shape[-1]) == label[:, None]
    hess = prob.times(wrong)
    sparse = {
        "loss": Exact(nll.at((rows, label))),
        "grad": Exact(where(hit, wrong.negative(), prob)),
        "hess": Exact(hess),
        "lse": lse_exact,
    }

    t = Wide.of(case.soft_labels.astype(np.float64))
    label_sum, label_rest = sums_without_each(t, case.soft_labels.argmax(-1))
    left, right = label_rest.times(prob).normal(), t.times(wrong).normal()
    one_label = np.count_nonzero(case.soft_labels, axis=-1)[:, None] <= 1
    value = left.minus(right)
    larger = where(unique, maximum(left, right), maximum(label_sum.times(prob).normal(), t))
    dense = {
        "loss": Exact(t.times(nll).sum().at((..., 0))),
        "grad": Exact(value, where(one_label, value.magnitude(), larger)),
        "hess": Exact(label_sum.times(hess)),
        "lse": lse_exact,
    }
    return {
        "sparse_softmax_cross_entropy": sparse,
        "softmax_cross_entropy": dense,
        "softmax": {"prob": Exact(prob)},
        "log_softmax": {"log_prob": Exact(nll.negative())},
        "logsumexp": {"lse": lse_exact},
    }


def binary_losses(case: Elements, weight: Array, sides: tuple[Wide, Wide, Wide, Wide]) -> dict[str, Exact]:
    """Return loss, gradient and Hessian, with the chances of class 1 and 0 and their negative logarithms."""
    right, left, nll_right, nll_left = sides
    z = case.labels.astype(np.float64)
    u = exact_difference(1.0, z)
    v = Wide.of(weight.astype(np.float64)).times(Wide.of(z)).normal()
    up, down = u.times(right).normal(), v.times(left).normal()
    grad = up.minus(down)
    scale = where((z == 0) | (z == 1), grad.magnitude(), maximum(up, down))
    return {
        "loss": Exact(u.times(nll_left).plus(v.times(nll_right))),
        "grad": Exact(grad, scale),
        "hess": Exact(u.plus(v).times(right).times(left)),
    }


def element_references(case: Elements) -> Outputs:
    """Return every output of the sigmoid family."""
    x = case.logits.astype(np.float64)
    e = exponential(Wide.of(-np.abs(x)))
    one = Wide.of(np.ones_like(x))
    more = one.over(one.plus(e))
    less = e.over(one.plus(e))
    log_part = log1p(e)
    positive = x >= 0
    right, left = where(positive, more, less), where(positive, less, more)
    nll_right = Wide.of(np.maximum(-x, 0)).plus(log_part)
    nll_left = Wide.of(np.maximum(x, 0)).plus(log_part)
    sides = right, left, nll_right, nll_left
    return {
        "sigmoid_cross_entropy": binary_losses(case, np.ones_like(x), sides),
        "weighted_cross_entropy": binary_losses(case, case.pos_weight, sides),
        "sigmoid": {"prob": Exact(right)},
        "log_sigmoid": {"log_prob": Exact(nll_right.negative())},
    }


def find_references(case: Rows | Elements) -> Outputs:
    """Return {function: {output: Exact}} of a case."""
    return row_references(case) if isinstance(case, Rows) else element_references(case)
