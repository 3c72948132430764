"""The exact results under options, by mpmath: labels, weights and denominators are formed first, as numbers.

The library multiplies weights into constants of a row and divides by the denominator on the way. Here every option is
what its sentence in the manual says, in this order: the effective labels, the derivatives of -sum t_j log p_j by
oracle.py, then the factor weight / denominator on each, and sums last.
"""

import numpy as np
import oracle
from mpmath import mp, mpf
from oracle import Exact, number

OPTIONS = {
    "reduction": "none", "denominator": "weights", "sample_weight": None, "where": None, "class_weight": None,
    "label_smoothing": 0.0, "ignore_index": None, "vector": None,
}  # fmt: skip
# What no option touches.
FREE = ("lse", "prob", "log_prob", "correct")
BITS = 1400  # holds 1 - e for every double e in [0, 1]
ZERO = mpf(0)


def exact(loss, arguments, returns, **options):
    """{output: Exact} for (..., classes) logits; a reduced loss has the shape (), `correct` is a plain bool array."""
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise TypeError(f"unknown options {unknown}")
    full = OPTIONS | options
    is_rows = loss.endswith("softmax")
    logits = np.asarray(arguments["logits"])
    batch = logits.shape[:-1] if is_rows else logits.shape
    weight, share = weights(loss, arguments, batch, full)
    with mp.workprec(BITS):
        divisor = denominator(share, full)
    solve = solve_row if is_rows else solve_element
    names = tuple(returns)
    parts = {index: solve(loss, arguments, index, names, full) for index in np.ndindex(batch)}
    results = {}
    for name in names:
        shape = batch if name in ("loss", "lse", "correct") or not is_rows else logits.shape
        value, scale = np.empty(shape, object), np.empty(shape, object)
        for index in np.ndindex(batch):
            value[index], scale[index] = weighed(parts[index][name], name, weight[index], divisor)
        if name == "loss" and full["reduction"] != "none":
            value, scale = np.array(total(value, divisor), object), np.array(ZERO, object)
        results[name] = value.astype(bool) if name == "correct" else Exact(value, scale)
    return results


def is_masked(loss, arguments, batch, options):
    masked = np.zeros(batch, bool)
    if options["where"] is not None:
        masked |= ~np.broadcast_to(options["where"], batch)
    if options["ignore_index"] is not None:
        masked |= np.asarray(arguments["labels"]) == options["ignore_index"]
    return masked


def weights(loss, arguments, batch, options):
    """The factor of each loss (0 if masked) and what it adds to a denominator (None if masked)."""
    masked = is_masked(loss, arguments, batch, options)
    sample = np.broadcast_to(1.0 if options["sample_weight"] is None else options["sample_weight"], batch)
    weight, share = np.empty(batch, object), np.empty(batch, object)
    for index in np.ndindex(batch):
        weight[index] = ZERO if masked[index] else number(sample[index])
        share[index] = None if masked[index] else number(sample[index])
        if share[index] is not None and loss == "sparse_softmax" and options["class_weight"] is not None:
            with mp.workprec(BITS):
                share[index] *= number(options["class_weight"][int(np.asarray(arguments["labels"])[index])])
    return weight, share


def denominator(share, options):
    """1 unless there is a mean; ZERO where a mean has none."""
    if options["reduction"] != "mean":
        return mpf(1)
    kept = [value for value in share.ravel() if value is not None]
    kind = options["denominator"]
    if kind == "weights":
        return mp.fsum(kept)
    return {"rows": mpf(len(kept)), "batch": mpf(share.size)}[kind] if isinstance(kind, str) else number(kind)


def weighed(part, name, weight, divisor):
    if name in FREE:
        return part
    values, scales = part
    is_list = isinstance(values, list)
    if weight == 0 or (divisor == 0 and name != "loss"):
        zeros = [ZERO] * len(values) if is_list else ZERO
        return zeros, zeros
    with mp.workprec(BITS):
        factor = weight if name == "loss" else weight / divisor
        if not is_list:
            return values * factor, scales * abs(factor)
        return [v * factor for v in values], [s * abs(factor) for s in scales]


def total(losses, divisor):
    with mp.workprec(BITS):
        return oracle.NAN if divisor == 0 else mp.fsum(losses.ravel()) / divisor


# --- rows -----------------------------------------------------------------------------------------------------------


def effective_labels(loss, arguments, index, classes, options):
    smoothing = number(options["label_smoothing"])
    factors = options["class_weight"]
    labels = np.asarray(arguments["labels"])
    if loss == "sparse_softmax":
        given = [mpf(int(j == int(labels[index]))) for j in range(classes)]
    else:
        given = [number(t) for t in np.broadcast_to(labels, np.shape(arguments["logits"]))[index]]
    with mp.workprec(BITS):
        smooth = given
        if smoothing != 0:
            smooth = [(1 - smoothing) * t + smoothing / classes for t in given]
        return smooth if factors is None else [number(w) * t for w, t in zip(factors, smooth, strict=True)]


def solve_row(loss, arguments, index, names, options):
    x = np.asarray(arguments["logits"])[index]
    row = oracle.softmax_row(x)
    labels = effective_labels(loss, arguments, index, len(x), options)
    parts = oracle.logits_only_row(row, names) | oracle.dense_row(row, labels, (*names, "hess"))
    if "correct" in names:
        parts["correct"] = is_correct(loss, x, np.asarray(arguments["labels"]), index), ZERO
    if "labels_grad" in names:
        parts["labels_grad"] = labels_slope(row, len(x), options), [ZERO] * len(x)
    if "hvp" in names:
        parts["hvp"] = row_product(row, labels, parts["hess"][0], np.asarray(options["vector"])[index])
    return parts


def is_correct(loss, x, labels, index):
    if loss == "sparse_softmax":
        return not np.isnan(x).any() and int(labels[index]) == int(np.argmax(x))
    t = np.broadcast_to(labels, (*labels.shape[:-1], len(x)))[index]
    return not np.isnan(x).any() and not np.isnan(t).any() and int(np.argmax(t)) == int(np.argmax(x))


def labels_slope(row, classes, options):
    values = []
    with mp.workprec(row.bits + 64):
        for j in range(classes):
            factor = 1 - number(options["label_smoothing"])
            factor *= 1 if options["class_weight"] is None else number(options["class_weight"][j])
            nll = -oracle.log_quotient(row, j)
            values.append(ZERO if factor == 0 and not mp.isnan(nll) else factor * nll)
    return values


def row_product(row, labels, hess, vector):
    """S p_j (v_j - sum_k p_k v_k), and the sizes of what is subtracted in it, around v at the greatest logit."""
    if any(mp.isnan(h) for h in hess):
        return [oracle.NAN] * len(hess), [ZERO] * len(hess)
    if any(mp.isnan(p) for p in row.prob):  # all -inf, and no labels
        return [ZERO] * len(hess), [ZERO] * len(hess)
    with mp.workprec(row.bits + 64):
        mass, v = mp.fsum(labels), [number(value) for value in vector]
        centre = mp.fsum(p * value for p, value in zip(row.prob, v, strict=True))
        level = v[max(range(len(v)), key=lambda j: row.x[j])]
        reach = mp.fsum(p * abs(value - level) for p, value in zip(row.prob, v, strict=True))
        values = [mass * p * (value - centre) for p, value in zip(row.prob, v, strict=True)]
        scales = [abs(mass) * p * (abs(value - level) + reach) for p, value in zip(row.prob, v, strict=True)]
    return values, scales


# --- elements -------------------------------------------------------------------------------------------------------


def solve_element(loss, arguments, index, names, options):
    logits = np.asarray(arguments["logits"])
    x = number(logits[index])
    z, q = (number(np.broadcast_to(arguments.get(name, 1), logits.shape)[index]) for name in ("labels", "pos_weight"))
    smoothing = number(options["label_smoothing"])
    bits = oracle.precision(float(x), logits.dtype) if oracle.is_finite(x) else oracle.GUARD_BITS
    with mp.workprec(BITS):
        z = (1 - smoothing) * z + smoothing / 2 if smoothing != 0 else z
    parts = oracle.binary_element(x, z, q, bits + (BITS if 0 < smoothing < 1e-6 else 64))
    if "labels_grad" in names:
        with mp.workprec(bits + 64):
            terms = (0 if q == 0 else -q * oracle.mp.log(1 / (1 + mp.exp(-x)))), mp.log(1 / (1 + mp.exp(x)))
            slope = 1 - smoothing
            scale = ZERO if q == 1 else slope * max(abs(t) for t in terms)
            parts["labels_grad"] = (slope * -x if q == 1 else slope * (terms[0] + terms[1])), scale
    if "hvp" in names:
        vector = number(np.asarray(options["vector"])[index])
        with mp.workprec(bits + 64):
            parts["hvp"] = parts["hess"][0] * vector, ZERO
    return parts
