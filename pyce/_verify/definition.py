"""The definitions in mpmath, for samples: what the bulk reference is checked against in every run.

p_j is exp(x_j) / sum_k exp(x_k), the loss -sum_j t_j log p_j, the gradient S p_j - t_j, the Hessian S p_j (1 - p_j);
nothing is rearranged, and what cancels is paid for with precision. A sigmoid is the row (0, x).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp, mpf

from pyce._intake import Array
from pyce._verify.cases import Case, Rows
from pyce._verify.formats import FORMATS, computed_in
from pyce._verify.reference import Exact, Outputs

GUARD_BITS = 200
# Where 1 - p is below 2 to the minus this, it is 0 whatever is multiplied with it, and no precision is spent on it.
VANISHING_BITS = 2400
SAMPLED_ELEMENTS = 8  # of a row or of a case; rows of at most so many classes are checked whole


def precision(margin: float) -> int:
    """Return the bits in which 1 - p still has GUARD_BITS, where p is 1 / (1 + exp(-margin))."""
    bits = 1.4427 * min(abs(margin), 1e6)
    return GUARD_BITS + (int(bits) if bits < VANISHING_BITS else 0)


def number(value: Any) -> mpf:
    """Return the mpf that equals a float."""
    return mpf(float(value))


class Softmax:
    """Probabilities of one row by their definition."""

    def __init__(self, logits: Array) -> None:
        logits = logits.astype(np.float64)
        top = np.sort(logits)[::-1]
        self.bits = precision(float(top[0] - top[1]))
        with mp.workprec(self.bits):
            distinct, counts = np.unique(logits, return_counts=True)
            self.exponentials = {float(x): mp.exp(number(x)) for x in distinct}
            self.total = mp.fsum(
                int(count) * self.exponentials[float(x)] for x, count in zip(distinct, counts, strict=True)
            )
        self.logits = logits

    def prob(self, j: int) -> mpf:
        """Return p_j."""
        return self.exponentials[float(self.logits[j])] / self.total

    def loss(self, labels: Array) -> mpf:
        """Return the loss for labels t."""
        places = np.flatnonzero(labels)
        return -mp.fsum(number(labels[j]) * mp.log(self.prob(int(j))) for j in places)

    def values(self, label_sum: mpf, label: mpf, j: int) -> dict[str, mpf]:
        """Return gradient and Hessian at the class j."""
        p = self.prob(j)
        return {"grad": label_sum * p - label, "hess": label_sum * p * (1 - p)}


def row_definitions(case: Rows, row: int, places: list[int]) -> dict[str, dict[str, Any]]:
    """Return {function: {output: value, or {place: value}}} of one row at some of its classes."""
    logits = case.logits[row]
    softmax = Softmax(logits)
    hot = np.zeros(len(logits))
    hot[case.index_labels[row]] = 1
    with mp.workprec(softmax.bits):
        lse = mp.log(softmax.total)
        prob = {j: softmax.prob(j) for j in places}
        result: dict[str, dict[str, Any]] = {
            "softmax": {"prob": prob},
            "log_softmax": {"log_prob": {j: mp.log(p) for j, p in prob.items()}},
            "logsumexp": {"lse": lse},
        }
        for function, labels in ("sparse_softmax_cross_entropy", hot), ("softmax_cross_entropy", case.soft_labels[row]):
            label_sum = mp.fsum(number(t) for t in labels[labels != 0])
            columns = {j: softmax.values(label_sum, number(labels[j]), j) for j in places}
            result[function] = {name: {j: columns[j][name] for j in places} for name in ("grad", "hess")}
            result[function] |= {"loss": softmax.loss(labels), "lse": lse}
    return result


def element_definition(logit: Any, label: Any, weight: Any) -> dict[str, dict[str, mpf]]:
    """Return {function: {output: value}} of one element."""
    x, z, q = number(logit), number(label), number(weight)
    with mp.workprec(precision(float(logit))):
        right, left = 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))
        result = {"sigmoid": {"prob": right}, "log_sigmoid": {"log_prob": mp.log(right)}}
        for function, v in ("sigmoid_cross_entropy", z), ("weighted_cross_entropy", q * z):
            result[function] = {
                "loss": -v * mp.log(right) - (1 - z) * mp.log(left),
                "grad": (1 - z) * right - v * left,
                "hess": (1 - z + v) * right * left,
            }
    return result


def exact_number(exact: Exact, index: Any) -> mpf:
    """Return one value of the bulk reference as mpf, without rounding it."""
    value = exact.value.at(index)
    with mp.workprec(GUARD_BITS):
        mantissa = number(value.high) + number(value.low)
        return mp.ldexp(mantissa, int(value.exponent)) if mantissa else mpf(0)


def distance(exact: Exact, index: Any, value: mpf, dtype: str) -> float:
    """Return how far the bulk reference is from a value of the definition, in ulps of `dtype`."""
    form = FORMATS[dtype]
    scale = exact.scale.at(index)
    exponent = max(int(scale.exponent) - 1, form.minexp) - form.nmant
    with mp.workprec(VANISHING_BITS + GUARD_BITS):
        return float(mp.ldexp(abs(exact_number(exact, index) - value), -exponent))


def sample_places(case: Rows, row: int, rng: np.random.Generator) -> list[int]:
    """Return the classes of a row that are checked: all of a few, else the extremes, the label and some others."""
    logits = case.logits[row]
    if len(logits) <= SAMPLED_ELEMENTS:
        return list(range(len(logits)))
    chosen = [logits.argmax(), logits.argmin(), case.index_labels[row], *rng.integers(0, len(logits), 3)]
    return sorted({int(j) for j in chosen})


def check_reference(case: Case, references: Outputs, samples: int) -> float:
    """Return the greatest distance of the bulk reference from the definitions over some rows or elements, in ulps.

    They are ulps of the dtype that is computed in.
    """
    rng = np.random.default_rng(len(case.logits))
    dtype = computed_in(case.logits.dtype.name)
    worst = 0.0
    for i in rng.choice(len(case.logits), min(samples, len(case.logits)), replace=False):
        if isinstance(case, Rows):
            row_results = row_definitions(case, i, sample_places(case, i, rng))
        else:
            row_results = element_definition(case.logits[i], case.labels[i], case.pos_weight[i])
        for function, outputs in row_results.items():
            for output, value in outputs.items():
                exact = references[function][output]
                found = {(i, j): v for j, v in value.items()} if isinstance(value, dict) else {(i,): value}
                for index, v in found.items():
                    worst = max(worst, distance(exact, index, v, dtype))
    return worst
