"""The inputs of `pyce verify`: logits by the regimes of regimes.py, labels and weights that are hard to get right.

Every case follows from the seed, its name, the class count, the dtype and the round, and from nothing else, so that
one case gives the same input whichever instruction sets and dtypes are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple
from zlib import crc32

import numpy as np

from pyce._intake import Array
from pyce._verify.formats import HALVES
from pyce._verify.regimes import LONG_REGIMES, QUICK_LONG_REGIMES, ROW_REGIMES, Generator, element_regimes, row_regimes


class Rows(NamedTuple):
    """Logits (rows, classes), a label index for each row, and label weights for each class."""

    name: str
    logits: Array
    index_labels: Array
    soft_labels: Array


class Elements(NamedTuple):
    """Logits with the label and the positive weight of each."""

    name: str
    logits: Array
    labels: Array
    pos_weight: Array


Case = Rows | Elements


def index_labels(rng: Generator, x: Array) -> Array:
    """Return for each row, at random, the place of its maximum, of its minimum, or any."""
    choices = np.stack([x.argmax(axis=1), x.argmin(axis=1), rng.integers(0, x.shape[1], len(x))])
    return choices[rng.integers(0, 3, len(x)), np.arange(len(x))].astype(np.int64)


def below_a_power_of_two(rng: Generator, x: Array) -> Array:
    """Return label sums S with which S p (1 - p) of one class is just below a power of two, and S p above it.

    There an error of S p counts twice in the Hessian.
    """
    rows = np.arange(len(x))
    p = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    p = (p / p.sum(axis=1, keepdims=True))[rows, rng.integers(0, x.shape[1], len(x))]
    h = np.where((p > 0) & (p < 1), p * (1 - p), 0.25)
    power = 2.0 ** (np.floor(np.log2(h)) - rng.integers(0, 3, len(x)))
    return np.asarray(power * (1 - rng.uniform(0, 0.01, len(x))) / h)


def closeness(rng: Generator, shape: tuple[int, ...], dtype: str, smallest: float) -> Array:
    """Return distances of labels from 0 and 1: from 10^smallest to 1e-7, in half types to what is next to 1."""
    limits = (-6.0, -1.5) if dtype in HALVES else (smallest, -7.0)
    return np.asarray(10 ** rng.uniform(*limits, shape))


def soft_labels(rng: Generator, x: Array, dtype: str) -> Array:
    """Return rows of one kind each: none, distributions, with zeros, one label, nearly one, other sums, tiny."""
    rows, classes = x.shape
    shape = rows, classes
    exponential = rng.exponential(1, shape)
    dense = exponential / exponential.sum(axis=1, keepdims=True)
    hot = np.equal(np.arange(classes), index_labels(rng, x)[:, None]).astype(np.float64)
    close = closeness(rng, (rows, 1), dtype, -14)
    kinds = [
        np.zeros(shape),
        dense,
        dense * (rng.random(shape) < 0.3),
        hot * rng.uniform(0, 1, (rows, 1)),
        dense * below_a_power_of_two(rng, x)[:, None],
        hot * (1 - close) + (1 - hot) * close / max(classes - 1, 1),
        0.9 * hot + 0.1 / classes,
        np.minimum(dense * rng.uniform(0, 4, (rows, 1)), 1),
        rng.uniform(0, 1, shape),
        10 ** rng.uniform(-12, 0, shape),
    ]
    first = 1 if rows == 1 else 0  # a single row without labels would show nothing
    return np.choose(rng.integers(first, len(kinds), (rows, 1)), kinds).astype(dtype)


def binary_labels(rng: Generator, size: int, dtype: str) -> Array:
    """Return 0, 1, numbers between, and numbers close to 0 and to 1."""
    close = closeness(rng, (size,), dtype, -16)
    kinds = [np.zeros(size), np.ones(size), rng.uniform(0, 1, size), close, 1 - close]
    return np.choose(rng.integers(0, len(kinds), size), kinds).astype(dtype)


def random_generator(seed: int, *key: object) -> Generator:
    """Return the generator of one case."""
    return np.random.default_rng([seed, *(crc32(repr(part).encode()) for part in key)])


def label_dtype(rng: Generator, dtype: str) -> str:
    """Return the dtype of the logits or, as often, one whose labels are closer to 1: float64, or float32 for halves.

    With float64 labels half types are computed in float64.
    """
    if rng.random() < 0.5:
        return dtype
    return "float32" if dtype in HALVES else "float64"


def make_rows(seed: int, name: str, shape: tuple[int, int], dtype: str, turn: int) -> Rows:
    """Return a case of the softmax family."""
    rng = random_generator(seed, name, shape[1], dtype, turn)
    logits = np.ascontiguousarray(row_regimes(dtype)[name](rng, shape, dtype), dtype)
    return Rows(name, logits, index_labels(rng, logits), soft_labels(rng, logits, label_dtype(rng, dtype)))


def make_elements(seed: int, name: str, size: int, dtype: str, turn: int) -> Elements:
    """Return a case of the sigmoid family."""
    rng = random_generator(seed, name, dtype, turn)
    logits = element_regimes(dtype)[name](rng, size, dtype).astype(dtype)
    pos_weight = (10 ** rng.uniform(-6, LARGEST_WEIGHT.get(dtype, 6), size)).astype(dtype)
    return Elements(name, logits, binary_labels(rng, size, label_dtype(rng, dtype)), pos_weight)


LARGEST_WEIGHT = {"float16": 4.8}  # decimal exponents, where the range of the dtype is the limit
HALF_SHARE = 4  # of the rounds of other dtypes, one in so many is enough for half types, which have fewer numbers


class Plan(NamedTuple):
    """How much is measured: rows for each class count, elements for each regime, and how often."""

    rows: dict[int, int]
    long_rows: dict[int, tuple[str, ...]]  # one row in each of the regimes named
    elements: int
    turns: int

    def of(self, dtype: str) -> Plan:
        """Return the plan for one dtype: half types have fewer rounds and, of long rows, the usual ones alone."""
        if dtype not in HALVES:
            return self
        known = [name for name in LONG_REGIMES if name in row_regimes(dtype)]
        long_rows = {
            classes: tuple(name for name in names if name in known) for classes, names in self.long_rows.items()
        }
        return self._replace(long_rows=long_rows, turns=-(-self.turns // HALF_SHARE))


QUICK = Plan(
    {2: 600, 3: 400, 10: 150, 100: 20, 1000: 3},
    {50_000: QUICK_LONG_REGIMES[:2], 262_144: QUICK_LONG_REGIMES[2:]},
    4000,
    1,
)
FULL = Plan(
    {2: 8000, 3: 5000, 10: 1600, 100: 160, 1000: 16},
    {50_000: tuple(ROW_REGIMES), 262_144: LONG_REGIMES},
    16_000,
    12,
)


def plan_cases(plan: Plan, dtypes: tuple[str, ...], seed: int) -> Iterator[Callable[[], Case]]:
    """Yield functions without arguments, each of which makes one case."""
    for dtype in dtypes:
        share = plan.of(dtype)
        for turn in range(share.turns):
            for name in element_regimes(dtype):
                yield partial(make_elements, seed, name, share.elements, dtype, turn)
            for classes, rows in share.rows.items():
                for name in row_regimes(dtype):
                    yield partial(make_rows, seed, name, (rows, classes), dtype, turn)
        for classes, names in share.long_rows.items():
            for name in names:
                yield partial(make_rows, seed, name, (1, classes), dtype, 0)
