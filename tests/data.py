"""Hostile inputs by name.

`LOGITS_IN_DOUBLE` maps a name to a function (rng, rows, classes, dtype) -> logits, to be rounded to the dtype;
`problem` makes the keyword arguments of a whole call. Everything follows from the names and sizes, so that a failing
case can be made again.
"""

from zlib import crc32

import numpy as np

SIZES = (1, 2, 3, 7, 10, 23, 24, 64, 100, 127, 128, 129, 255, 256, 257, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 5000)
FLOATS = (np.float32, np.float64)
# Names whose rows are constant on purpose.
CONSTANT = ("all equal",)


def generator(*key):
    return np.random.default_rng([crc32(repr(part).encode()) for part in key])


def normal(rng, rows, classes):
    return rng.normal(0, 3, (rows, classes))


def spread(width):
    return lambda rng, rows, classes, dtype: rng.uniform(-width, width, (rows, classes))


def ties(rng, rows, classes, dtype):
    return rng.integers(0, 4, (rows, classes)) * 1.25


def near_ties(rng, rows, classes, dtype):
    base = np.broadcast_to(dtype(rng.normal(0, 30)), (rows, classes))
    return base + rng.integers(-2, 3, (rows, classes)) * np.spacing(base)


def lead(margin):
    """One class, anywhere in the row, leads the best of the others by `margin`."""

    def make(rng, rows, classes, dtype):
        x = normal(rng, rows, classes)
        x[np.arange(rows), rng.integers(0, classes, rows)] = x.max(axis=1) + margin
        return x

    return make


def one_huge(rng, rows, classes, dtype):
    x = normal(rng, rows, classes)
    x[np.arange(rows), rng.integers(0, classes, rows)] = 1e4 * rng.choice([-1, 1], rows)
    return x


def subnormal(rng, rows, classes, dtype):
    return rng.integers(-1000, 1001, (rows, classes)) * np.finfo(dtype).smallest_subnormal


def mixed_magnitudes(rng, rows, classes, dtype):
    return rng.choice([-1, 1], (rows, classes)) * 10 ** rng.uniform(-30, 30, (rows, classes))


def near_overflow(rng, rows, classes, dtype):
    return rng.uniform(-1, 1, (rows, classes)) * np.float64(np.finfo(dtype).max)


def lse_near_zero(rng, rows, classes, dtype):
    """Rows whose log-sum-exp cancels: equal to -log(classes) up to noise."""
    return -np.log(classes) + rng.normal(0, 1e-3, (rows, classes))


def vanishing_exponentials(rng, rows, classes, dtype):
    """Differences from the maximum around the points where exp becomes subnormal and then zero."""
    low, high = (-104.5, -86.5) if dtype == np.float32 else (-746, -707)
    x = rng.uniform(low, high, (rows, classes)) + 3.0
    x[np.arange(rows), rng.integers(0, classes, rows)] = 3.0
    return x


def reduction_boundaries(rng, rows, classes, dtype):
    """Odd multiples of log(2) / 2, where the reduced argument of an exponential changes its sign."""
    return (2 * rng.integers(-60, 60, (rows, classes)) + 1) * (np.log(2) / 2)


def exact_difference_limit(rng, rows, classes, dtype):
    """Maxima around 210, where x - m begins to be exact in float32, and around 1500 (float64), either sign."""
    limit = 210 if dtype == np.float32 else 1500
    return rng.choice([-1, 1], (rows, 1)) * (limit + rng.uniform(-90, 90, (rows, classes)))


def two_far_groups(rng, rows, classes, dtype):
    return normal(rng, rows, classes) - 40 * (rng.random((rows, classes)) < 0.7)


LOGITS_IN_DOUBLE = {
    "random": lambda rng, rows, classes, dtype: normal(rng, rows, classes),
    "uniform 80": spread(80),
    "uniform 1000": spread(1000),
    "ties": ties,
    "near ties": near_ties,
    "all equal": lambda rng, rows, classes, dtype: np.repeat(normal(rng, rows, 1), classes, axis=1),
    "one huge": one_huge,
    "winner leads by 5": lead(5),
    "winner leads by 20": lead(20),
    "winner leads by 50": lead(50),
    "winner leads by 100": lead(100),
    "winner leads by 700": lead(700),
    "subnormal": subnormal,
    "offset 1e6": lambda rng, rows, classes, dtype: normal(rng, rows, classes) + 1e6,
    "offset -1e6": lambda rng, rows, classes, dtype: normal(rng, rows, classes) - 1e6,
    "offset 50": lambda rng, rows, classes, dtype: normal(rng, rows, classes) + 50,
    "offset -150": lambda rng, rows, classes, dtype: normal(rng, rows, classes) - 150,
    "magnitude 1e30": lambda rng, rows, classes, dtype: normal(rng, rows, classes) * 1e30,
    "tiny 1e-30": lambda rng, rows, classes, dtype: normal(rng, rows, classes) * 1e-30,
    "mixed magnitudes": mixed_magnitudes,
    "near overflow": near_overflow,
    "sorted up": lambda rng, rows, classes, dtype: np.sort(normal(rng, rows, classes) * 5, axis=1),
    "sorted down": lambda rng, rows, classes, dtype: -np.sort(normal(rng, rows, classes) * 5, axis=1),
    "lse near zero": lse_near_zero,
    "vanishing exponentials": vanishing_exponentials,
    "reduction boundaries": reduction_boundaries,
    "exact difference limit": exact_difference_limit,
    "two far groups": two_far_groups,
}


def logits(name, rows, classes, dtype):
    made = LOGITS_IN_DOUBLE[name](generator(name, rows, classes), rows, classes, dtype)
    return np.ascontiguousarray(made, dtype)


def index_labels(x, rng):
    """A third of the rows labelled with the maximum, a third with the minimum, the others anywhere."""
    rows, classes = x.shape
    choice = np.stack([x.argmax(axis=1), x.argmin(axis=1), rng.integers(0, classes, rows)])
    return choice[(np.arange(rows) + rng.integers(3)) % 3, np.arange(rows)].astype(np.int64)


def one_hot(labels, classes, dtype):
    return np.equal(np.arange(classes), labels[:, None]).astype(dtype)


def soft_labels(x, rng, dtype):
    """Rows in turn: a distribution, one with zeros, one-hot, all zero, a smoothed one-hot, and one with another sum."""
    rows, classes = x.shape
    dense = rng.dirichlet(np.ones(classes), rows)
    sparse = dense * (rng.random((rows, classes)) < 0.3)
    hot = one_hot(index_labels(x, rng), classes, np.float64)
    smooth = 0.9 * hot + 0.1 / classes
    kinds = np.stack([dense, sparse, hot, np.zeros_like(dense), smooth, np.minimum(3 * dense, 1)])
    return kinds[(np.arange(rows) + rng.integers(6)) % 6, np.arange(rows)].astype(dtype)


def binary_labels(x, rng, dtype):
    """0, 1, values between, and values close to 0 and to 1."""
    uniform = rng.random(x.shape)
    close = rng.choice([1e-30, 1e-6, 1 - 1e-6, 1 - 1e-15], x.shape)
    return np.choose(rng.integers(0, 4, x.shape), [np.zeros(x.shape), np.ones(x.shape), uniform, close]).astype(dtype)


def problem(loss, name, rows, classes, dtype):
    """The keyword arguments logits, labels (and pos_weight) of a call: rows of classes, whatever the loss."""
    x = logits(name, rows, classes, dtype)
    rng = generator(loss, name, rows, classes)
    if loss == "sparse_softmax":
        return {"logits": x, "labels": index_labels(x, rng)}
    if loss == "softmax":
        return {"logits": x, "labels": soft_labels(x, rng, dtype)}
    arguments = {"logits": x, "labels": binary_labels(x, rng, dtype)}
    if loss == "weighted":
        arguments["pos_weight"] = (10 ** rng.uniform(-2, 2, classes)).astype(dtype)
    return arguments


def is_row_loss(loss):
    return loss.endswith("softmax")


def outputs(loss):
    return ("loss", "grad", "hess", "lse") if is_row_loss(loss) else ("loss", "grad", "hess")
