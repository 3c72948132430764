"""The inputs of `pyce verify`: logits, labels and weights that are hard to get right, by name.

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

Generator = np.random.Generator


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


class Traits(NamedTuple):
    """Places on the line where something changes in a dtype: where exp(-x) becomes subnormal, and where it is 0."""

    subnormal_from: float
    zero_from: float
    exact_from: float  # abs(max) from which every x - max that matters is exact


TRAITS = {"float32": Traits(86.5, 104.0, 264.0), "float64": Traits(707.5, 745.2, 2160.0)}


def normal_rows(rng: Generator, shape: tuple[int, int]) -> Array:
    return rng.normal(0, 3, shape)


def leads(rng: Generator, shape: tuple[int, int], largest: float, others: float) -> Array:
    """One class, anywhere in the row, leads the best of the others by up to `largest`."""
    x = rng.normal(0, others, shape)
    rows = np.arange(len(x))
    x[rows, rng.integers(0, shape[1], len(x))] = x.max(axis=1) + rng.uniform(0, largest, len(x))
    return x


def magnitudes(rng: Generator, shape: tuple[int, int]) -> Array:
    return np.asarray(10 ** rng.uniform(-30, 30, shape))


def near_ties(rng: Generator, shape: tuple[int, int], dtype: str) -> Array:
    """Numbers of any size up to 1e5, and their neighbours."""
    column = shape[0], 1
    base = (normal_rows(rng, column) * 10 ** rng.uniform(-3, 4, column)).astype(dtype)
    return np.asarray(base.astype(np.float64) + rng.integers(-3, 4, shape) * np.spacing(base).astype(np.float64))


def below(rng: Generator, shape: tuple[int, int], nearest: float, farthest: float) -> Array:
    """A leader anywhere in the row, and the others below it by between `nearest` and `farthest`."""
    top = rng.normal(0, 3, (shape[0], 1))
    x: Array = top - rng.uniform(nearest, farthest, shape)
    x[np.arange(len(x)), rng.integers(0, shape[1], len(x))] = top[:, 0]
    return x


def two_groups(rng: Generator, shape: tuple[int, int]) -> Array:
    """About a third of the classes compete; the others lie 100 below."""
    return np.asarray(normal_rows(rng, shape) - 100 * (rng.random(shape) < 0.7))


def around(rng: Generator, shape: tuple[int, int], limit: float) -> Array:
    """Rows around +limit or -limit, a tenth of it wide."""
    return np.asarray(rng.choice([-1, 1], (shape[0], 1)) * limit + rng.uniform(-0.1, 0.1, shape) * limit)


RowMaker = Callable[[Generator, tuple[int, int], str], Array]
ROW_REGIMES: dict[str, RowMaker] = {
    "random": lambda rng, shape, dtype: normal_rows(rng, shape),
    "margin to 30": lambda rng, shape, dtype: leads(rng, shape, 30, 3),
    "margin to 110": lambda rng, shape, dtype: leads(rng, shape, 110, 3),
    "margin to 800": lambda rng, shape, dtype: leads(rng, shape, 800, 50),
    "spread 800": lambda rng, shape, dtype: rng.uniform(-400, 400, shape),
    "ties": lambda rng, shape, dtype: rng.integers(0, 4, shape) * rng.choice([0.0, 1.25, 40.0], (shape[0], 1)),
    "near ties": near_ties,
    "offset 1e6": lambda rng, shape, dtype: normal_rows(rng, shape) + 1e6,
    "offset -1e6": lambda rng, shape, dtype: normal_rows(rng, shape) - 1e6,
    "magnitude of the row": lambda rng, shape, dtype: normal_rows(rng, shape) * magnitudes(rng, (shape[0], 1)),
    "magnitudes mixed": lambda rng, shape, dtype: rng.choice([-1, 1], shape) * magnitudes(rng, shape),
    "100 below": lambda rng, shape, dtype: two_groups(rng, shape),
    "subnormal results": lambda rng, shape, dtype: below(
        rng, shape, TRAITS[dtype].subnormal_from, TRAITS[dtype].zero_from
    ),
    "odd multiples of ln 2 / 2": lambda rng, shape, dtype: (2 * rng.integers(-60, 60, shape) + 1) * (np.log(2) / 2),
    "exact differences begin": lambda rng, shape, dtype: around(rng, shape, TRAITS[dtype].exact_from),
    "lse near 0": lambda rng, shape, dtype: rng.normal(-np.log(shape[1]), 1e-3, shape),
}
LONG_REGIMES = ("random", "margin to 110", "spread 800", "ties", "offset 1e6", "subnormal results", "lse near 0")
QUICK_LONG_REGIMES = ("random", "margin to 110", "spread 800")

ElementMaker = Callable[[Generator, int, str], Array]
ELEMENT_REGIMES: dict[str, ElementMaker] = {
    "random": lambda rng, size, dtype: rng.normal(0, 3, size),
    "near 0": lambda rng, size, dtype: rng.uniform(-1, 1, size),
    "margin to 110": lambda rng, size, dtype: rng.uniform(-110, 110, size),
    "margin to 800": lambda rng, size, dtype: rng.uniform(-800, 800, size),
    "magnitudes": lambda rng, size, dtype: rng.choice([-1, 1], size) * 10 ** rng.uniform(-30, 30, size),
    "offset 1e6": lambda rng, size, dtype: rng.normal(0, 3, size) + rng.choice([-1e6, 1e6], size),
    "subnormal results": lambda rng, size, dtype: (
        rng.choice([-1, 1], size) * rng.uniform(TRAITS[dtype].subnormal_from, TRAITS[dtype].zero_from + 15, size)
    ),
    "odd multiples of ln 2 / 2": lambda rng, size, dtype: (2 * rng.integers(-60, 60, size) + 1) * (np.log(2) / 2),
}


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


def soft_labels(rng: Generator, x: Array, dtype: str) -> Array:
    """Return rows of one kind each: none, distributions, with zeros, one label, nearly one, other sums, tiny."""
    rows, classes = x.shape
    shape = rows, classes
    exponential = rng.exponential(1, shape)
    dense = exponential / exponential.sum(axis=1, keepdims=True)
    hot = np.equal(np.arange(classes), index_labels(rng, x)[:, None]).astype(np.float64)
    close = 10 ** rng.uniform(-14, -7, (rows, 1))
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
    """Return 0, 1, numbers between, and numbers within 1e-7 of 0 and of 1."""
    close = 10 ** rng.uniform(-16, -7, size)
    kinds = [np.zeros(size), np.ones(size), rng.uniform(0, 1, size), close, 1 - close]
    return np.choose(rng.integers(0, len(kinds), size), kinds).astype(dtype)


def random_generator(seed: int, *key: object) -> Generator:
    """Return the generator of one case."""
    return np.random.default_rng([seed, *(crc32(repr(part).encode()) for part in key)])


def label_dtype(rng: Generator, dtype: str) -> str:
    """Return the dtype of the logits or, as often, float64, whose labels are closer to 1 than any of float32."""
    return dtype if rng.random() < 0.5 else "float64"


def make_rows(seed: int, name: str, shape: tuple[int, int], dtype: str, turn: int) -> Rows:
    """Return a case of the softmax family."""
    rng = random_generator(seed, name, shape[1], dtype, turn)
    logits = np.ascontiguousarray(ROW_REGIMES[name](rng, shape, dtype), dtype)
    return Rows(name, logits, index_labels(rng, logits), soft_labels(rng, logits, label_dtype(rng, dtype)))


def make_elements(seed: int, name: str, size: int, dtype: str, turn: int) -> Elements:
    """Return a case of the sigmoid family."""
    rng = random_generator(seed, name, dtype, turn)
    logits = ELEMENT_REGIMES[name](rng, size, dtype).astype(dtype)
    pos_weight = (10 ** rng.uniform(-6, 6, size)).astype(dtype)
    return Elements(name, logits, binary_labels(rng, size, label_dtype(rng, dtype)), pos_weight)


class Plan(NamedTuple):
    """How much is measured: rows for each class count, elements for each regime, and how often."""

    rows: dict[int, int]
    long_rows: dict[int, tuple[str, ...]]  # one row in each of the regimes named
    elements: int
    turns: int


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
        for turn in range(plan.turns):
            for name in ELEMENT_REGIMES:
                yield partial(make_elements, seed, name, plan.elements, dtype, turn)
            for classes, rows in plan.rows.items():
                for name in ROW_REGIMES:
                    yield partial(make_rows, seed, name, (rows, classes), dtype, turn)
        for classes, names in plan.long_rows.items():
            for name in names:
                yield partial(make_rows, seed, name, (1, classes), dtype, 0)
