"""The exact results, by mpmath, in another form than the library's formulas.

The library works with differences from the maximum and with log1p. This file takes the definitions: p_j is exp(x_j)
divided by sum_k exp(x_k), the loss -sum t_j log p_j, the gradient S p_j - t_j, and the binary losses are logarithms of
1 / (1 + exp(-x)) and 1 / (1 + exp(x)). What cancels is paid for with precision, chosen per row. Inputs are taken as the
binary numbers they are. Infinities and NaN follow the table of rules, written out case by case.

`ORACLES` maps the name of a loss to a function (outputs, logits, labels, pos_weight) -> {output: Exact}.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf

INF = mpf("inf")
NAN = mpf("nan")
GUARD_BITS = 160
# Where 1 - p is below 2 to the minus this, it is zero in the output's type whatever factor of that type stands before
# it, and no precision is spent on it.
VANISHING_BITS = {np.dtype(np.float32): 320, np.dtype(np.float64): 2200}

ROW_OUTPUTS = ("loss", "lse")
LOGIT_ONLY_OUTPUTS = ("lse", "prob", "log_prob")


class Exact(NamedTuple):
    """Exact values and, where a result is a difference, the larger of the two terms subtracted (else zeros)."""

    value: np.ndarray
    scale: np.ndarray


def number(value):
    """The mpf that equals this integer or binary float."""
    return mpf(int(value)) if isinstance(value, (int, np.integer, np.bool_)) else mpf(float(value))


def is_finite(value):
    return not (mp.isinf(value) or mp.isnan(value))


# --- rows -----------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """Softmax of one row: probabilities and lse; `bits` is the precision that every formula of this row needs."""

    bits: int
    x: tuple
    prob: tuple
    lse: mpf
    maximum: mpf
    unique_maximum: int  # its place; -1 if several elements share it


def precision(margin, dtype):
    """Bits in which 1 - p still has GUARD_BITS, where p is 1 / (1 + exp(-margin))."""
    bits = 1.4427 * abs(margin)
    return GUARD_BITS + (int(bits) if bits < VANISHING_BITS[dtype] else 0)


@lru_cache(maxsize=512)
def row_from_bytes(raw, dtype):
    values = np.frombuffer(raw, dtype)
    x = tuple(number(v) for v in values)
    if np.isnan(values).any():
        return Row(GUARD_BITS, x, (NAN,) * len(x), NAN, NAN, -1)
    top = values.max()
    places = np.flatnonzero(values == top)
    unique = int(places[0]) if len(places) == 1 else -1
    if np.isposinf(top):
        prob = tuple(mpf(int(v == top)) if unique >= 0 else NAN for v in values)
        return Row(GUARD_BITS, x, prob, INF, INF, unique)
    if np.isneginf(top):
        return Row(GUARD_BITS, x, (NAN,) * len(x), -INF, -INF, unique)
    gap = 0.0
    if unique >= 0 and len(values) > 1:
        gap = float(top) - float(np.delete(values, unique).max())
    bits = precision(gap, np.dtype(dtype))
    with mp.workprec(bits):
        exponentials = {v: mp.exp(v) for v in set(x)}
        total = mp.fsum(exponentials[v] for v in x)
        quotients = {v: e / total for v, e in exponentials.items()}
        return Row(bits, x, tuple(quotients[v] for v in x), mp.log(total), number(top), unique)


def softmax_row(values):
    return row_from_bytes(np.ascontiguousarray(values).tobytes(), values.dtype.str)


def log_quotient(row, place):
    """log p_j from the quotient; -inf where p_j = 0; log of exp(x_j) / total stays right far below the float range."""
    p = row.prob[place]
    if mp.isnan(p):
        return NAN
    with mp.workprec(row.bits):
        return -INF if p == 0 else mp.log(p)


def dense_row(row, labels, outputs):
    """{output: (value, scale) or two lists} of one row with labels t_j (a list of mpf)."""
    result = {}
    with mp.workprec(row.bits + 64):
        total = mp.fsum(labels)
        several_infinite = mp.isinf(row.lse) and row.lse > 0 and row.unique_maximum < 0
        if mp.isnan(row.lse) or mp.isnan(total) or several_infinite:
            undefined = NAN
        elif row.lse == -INF:
            undefined = NAN if total != 0 else mpf(0)
        else:
            undefined = None
        zeros = [mpf(0)] * len(labels)
        if undefined is not None:
            constant = [undefined] * len(labels)
            result = {"loss": (undefined, mpf(0)), "grad": (constant, zeros), "hess": (constant, zeros)}
        else:
            if "loss" in outputs:
                terms = [t * log_quotient(row, j) for j, t in enumerate(labels) if t != 0]
                result["loss"] = (mpf(0) - mp.fsum(terms), mpf(0))
            if "grad" in outputs:
                one_label = sum(t != 0 for t in labels) <= 1
                values = [total * p - t for p, t in zip(row.prob, labels, strict=True)]
                scales = zeros if one_label else [grad_scale(row, labels, total, j) for j in range(len(labels))]
                result["grad"] = (values, scales)
            if "hess" in outputs:
                result["hess"] = ([total * p * (1 - p) for p in row.prob], zeros)
    return result


def grad_scale(row, labels, total, j):
    p, t = row.prob[j], labels[j]
    if j == row.unique_maximum:
        return max(abs((total - t) * p), abs(t * (1 - p)))
    return max(abs(total * p), abs(t))


def logits_only_row(row, outputs):
    result = {}
    zeros = [mpf(0)] * len(row.x)
    if "lse" in outputs:
        infinite = not is_finite(row.lse)
        with mp.workprec(row.bits):
            scale = mpf(0) if infinite else max(abs(row.maximum), abs(row.lse - row.maximum))
        result["lse"] = (row.lse, scale)
    if "prob" in outputs:
        result["prob"] = (list(row.prob), zeros)
    if "log_prob" in outputs:
        result["log_prob"] = ([log_quotient(row, j) for j in range(len(row.x))], zeros)
    return result


def rows(outputs, logits, target):
    """Stacks the rows of (..., classes) logits; target(index) gives the labels of a row, or None."""
    logits = np.asarray(logits)
    batch = logits.shape[:-1]
    exact = {
        name: Exact(*(np.empty(batch if name in ROW_OUTPUTS else logits.shape, object) for _ in range(2)))
        for name in outputs
    }
    for index in np.ndindex(batch):
        row = softmax_row(logits[index])
        parts = logits_only_row(row, outputs)
        if set(outputs) - set(LOGIT_ONLY_OUTPUTS):
            parts |= dense_row(row, target(index), outputs)
        for name in outputs:
            exact[name].value[index], exact[name].scale[index] = parts[name]
    return exact


def softmax(outputs, logits, labels=None, pos_weight=None):
    if labels is not None:
        labels = np.broadcast_to(labels, np.shape(logits))
    return rows(outputs, logits, lambda index: [number(t) for t in labels[index]])


def sparse_softmax(outputs, logits, labels=None, pos_weight=None):
    classes = np.shape(logits)[-1]

    def one_hot(index):
        return [mpf(int(j == int(np.asarray(labels)[index]))) for j in range(classes)]

    return rows(outputs, logits, one_hot)


# --- elements -------------------------------------------------------------------------------------------------------


def binary_element(x, z, q, bits):
    """{output: (value, scale)} for a finite or infinite x, with u = 1 - z on class 0 and v = q z on class 1."""
    none = mpf(0)
    if mp.isnan(x) or mp.isnan(z) or mp.isnan(q):
        return {name: (NAN, none) for name in ("loss", "grad", "hess")} | binary_logit_only(x, bits)
    with mp.workprec(bits):
        u = 1 - z
        v = none if z == 0 or q == 0 else q * z
        minus_v = -v
    result = binary_logit_only(x, bits)
    if mp.isinf(x):
        weight, gradient = (u, u) if x > 0 else (v, minus_v)
        loss = none if weight == 0 else mp.sign(weight) * INF
        return result | {"loss": (loss, none), "grad": (gradient, none), "hess": (none, none)}
    with mp.workprec(bits):
        right, left = 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))
        terms = [w * mp.log(p) for w, p in ((v, right), (u, left)) if w != 0]
        grad_terms = u * right, v * left
        grad_scale = none if z == 0 or z == 1 else max(abs(t) for t in grad_terms)
        result["loss"] = (none - mp.fsum(terms), none)
        result["grad"] = (grad_terms[0] - grad_terms[1], grad_scale)
        result["hess"] = ((u + v) * right * left, none)
    return result


def binary_logit_only(x, bits):
    none = mpf(0)
    if mp.isnan(x):
        return {"prob": (NAN, none), "log_prob": (NAN, none)}
    if mp.isinf(x):
        return {"prob": (mpf(int(x > 0)), none), "log_prob": (none if x > 0 else -INF, none)}
    with mp.workprec(bits):
        p = 1 / (1 + mp.exp(-x))
        return {"prob": (p, none), "log_prob": (mp.log(p), none)}


def elements(outputs, logits, labels, pos_weight):
    logits = np.asarray(logits)
    labels, weights = (np.broadcast_to(0 if a is None else a, logits.shape) for a in (labels, pos_weight))
    exact = {name: Exact(np.empty(logits.shape, object), np.empty(logits.shape, object)) for name in outputs}
    for index in np.ndindex(logits.shape):
        x = number(logits[index])
        bits = precision(float(x), logits.dtype) if is_finite(x) else GUARD_BITS
        parts = binary_element(x, number(labels[index]), number(weights[index]), bits)
        for name in outputs:
            exact[name].value[index], exact[name].scale[index] = parts[name]
    return exact


def sigmoid(outputs, logits, labels=None, pos_weight=None):
    return elements(outputs, logits, labels, 1)


def weighted(outputs, logits, labels=None, pos_weight=None):
    return elements(outputs, logits, labels, pos_weight)


ORACLES = {"sigmoid": sigmoid, "weighted": weighted, "softmax": softmax, "sparse_softmax": sparse_softmax}


# --- distance -------------------------------------------------------------------------------------------------------


def ulp(magnitude, dtype):
    """The spacing of `dtype` at this magnitude, subnormals included."""
    info = np.finfo(dtype)
    exponent = info.minexp
    if magnitude != 0:
        _, _, binary_exponent, bit_count = magnitude._mpf_
        exponent = min(max(binary_exponent + bit_count - 1, info.minexp), info.maxexp - 1)
    return mp.ldexp(1, int(exponent - info.nmant))


def one_ulp_error(result, exact, dtype, scale):
    largest = mp.ldexp(1, int(np.finfo(dtype).maxexp))
    if mp.isnan(exact):
        return 0.0 if np.isnan(result) else np.inf
    if np.isnan(result):
        return np.inf
    if mp.isinf(exact):
        return 0.0 if number(result) == exact else np.inf
    clipped = max(min(exact, largest), -largest)  # beyond the range the right answer is infinity
    rounded = mp.sign(number(result)) * largest if np.isinf(result) else number(result)
    return float(abs(rounded - clipped) / ulp(max(abs(clipped), scale), dtype))


def ulp_error(result, exact, dtype=None, scale=None):
    """Distances of `result` from `exact` (an Exact, or mpf values) in ulps of `dtype` (that of `result` if None).

    The ulp is that of the larger of the exact value and `scale`.
    """
    result = np.asarray(result)
    dtype = np.dtype(dtype or result.dtype)
    if isinstance(exact, Exact):
        exact, scale = exact.value, exact.scale if scale is None else scale
    exact = np.asarray(exact, object)
    if result.shape != exact.shape:
        raise ValueError(f"shapes {result.shape} and {exact.shape} differ")
    scale = np.broadcast_to(np.asarray(mpf(0) if scale is None else scale, object), exact.shape)
    errors = np.empty(result.shape)
    with mp.workprec(300):
        for index in np.ndindex(result.shape):
            errors[index] = one_ulp_error(result[index], exact[index], dtype, scale[index])
    return errors
