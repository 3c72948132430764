"""Logits that are hard to get right, by name: what `pyce verify` calls the regimes of a case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pyce._intake import Array
from pyce._verify.formats import HALVES

Generator = np.random.Generator


class Traits(NamedTuple):
    """Places on the line where something changes in a dtype, and how far it reaches.

    exp(-x) becomes subnormal at the first place, and is 0 from the second.
    """

    subnormal_from: float
    zero_from: float
    exact_from: float  # abs(max) from which every x - max that matters is exact in what is computed in
    sizes: tuple[float, float] = (-30, 30)  # decimal exponents of logits
    largest_row: float = 30  # decimal exponent of the size of a row whose logits are normally distributed
    largest_tie: float = 4
    lse_width: float = 1e-3  # of logits around the number whose log-sum-exp is 0


TRAITS = {
    "float32": Traits(86.5, 104.0, 264.0),
    "float64": Traits(707.5, 745.2, 2160.0),
    "float16": Traits(9.7, 17.4, 264.0, (-7.2, 4.8), 3.4, 3.4, 4e-3),
    "bfloat16": Traits(86.5, 93.0, 264.0, lse_width=3e-2),
}
OFFSETS = {"float16": (1500.0, 3e4), "bfloat16": (200.0, 1e6)}  # near: where neighbours are 1 apart; and far


def normal_rows(rng: Generator, shape: tuple[int, int]) -> Array:
    return rng.normal(0, 3, shape)


def leads(rng: Generator, shape: tuple[int, int], largest: float, others: float) -> Array:
    """One class, anywhere in the row, leads the best of the others by up to `largest`."""
    x = rng.normal(0, others, shape)
    rows = np.arange(len(x))
    x[rows, rng.integers(0, shape[1], len(x))] = x.max(axis=1) + rng.uniform(0, largest, len(x))
    return x


def magnitudes(rng: Generator, shape: tuple[int, ...], smallest: float, largest: float) -> Array:
    """Return powers of ten with exponents between the two."""
    return np.asarray(10 ** rng.uniform(smallest, largest, shape))


def rows_of_any_size(rng: Generator, shape: tuple[int, int], dtype: str) -> Array:
    """Every row has a magnitude of its own."""
    traits = TRAITS[dtype]
    return np.asarray(normal_rows(rng, shape) * magnitudes(rng, (shape[0], 1), traits.sizes[0], traits.largest_row))


def near_ties(rng: Generator, shape: tuple[int, int], dtype: str) -> Array:
    """Numbers of any size up to 1e5 (float16: 1e4), and their neighbours."""
    column = shape[0], 1
    base = (normal_rows(rng, column) * 10 ** rng.uniform(-3, TRAITS[dtype].largest_tie, column)).astype(dtype)
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


def half_offset(rng: Generator, shape: tuple[int, ...], offset: float, dtype: str) -> Array:
    """Numbers within some neighbours of +offset or -offset, one for a row; every number its own if there are none."""
    sign = rng.choice([-1, 1], (shape[0], *(1 for _ in shape[1:])))
    spacing = float(np.spacing(np.asarray(offset).astype(dtype)))
    return np.asarray(sign * offset + rng.normal(0, max(3, spacing), shape))


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
    "magnitude of the row": rows_of_any_size,
    "magnitudes mixed": lambda rng, shape, dtype: (
        rng.choice([-1, 1], shape) * magnitudes(rng, shape, *TRAITS[dtype].sizes)
    ),
    "100 below": lambda rng, shape, dtype: two_groups(rng, shape),
    "subnormal results": lambda rng, shape, dtype: below(
        rng, shape, TRAITS[dtype].subnormal_from, TRAITS[dtype].zero_from
    ),
    "odd multiples of ln 2 / 2": lambda rng, shape, dtype: (2 * rng.integers(-60, 60, shape) + 1) * (np.log(2) / 2),
    "exact differences begin": lambda rng, shape, dtype: around(rng, shape, TRAITS[dtype].exact_from),
    "lse near 0": lambda rng, shape, dtype: rng.normal(-np.log(shape[1]), TRAITS[dtype].lse_width, shape),
}
LONG_REGIMES = ("random", "margin to 110", "spread 800", "ties", "offset 1e6", "subnormal results", "lse near 0")
QUICK_LONG_REGIMES = ("random", "margin to 110", "spread 800")

ElementMaker = Callable[[Generator, int, str], Array]
ELEMENT_REGIMES: dict[str, ElementMaker] = {
    "random": lambda rng, size, dtype: rng.normal(0, 3, size),
    "near 0": lambda rng, size, dtype: rng.uniform(-1, 1, size),
    "margin to 110": lambda rng, size, dtype: rng.uniform(-110, 110, size),
    "margin to 800": lambda rng, size, dtype: rng.uniform(-800, 800, size),
    "magnitudes": lambda rng, size, dtype: rng.choice([-1, 1], size) * magnitudes(rng, (size,), *TRAITS[dtype].sizes),
    "offset 1e6": lambda rng, size, dtype: rng.normal(0, 3, size) + rng.choice([-1e6, 1e6], size),
    "subnormal results": lambda rng, size, dtype: (
        rng.choice([-1, 1], size) * rng.uniform(TRAITS[dtype].subnormal_from, TRAITS[dtype].zero_from + 15, size)
    ),
    "odd multiples of ln 2 / 2": lambda rng, size, dtype: (2 * rng.integers(-60, 60, size) + 1) * (np.log(2) / 2),
}


def without_offsets(regimes: dict[str, Any]) -> dict[str, Any]:
    """Leave out offsets that half types do not reach, or where their neighbours are thousands apart."""
    return {name: make for name, make in regimes.items() if not name.startswith("offset")}


HALF_ROW_REGIMES: dict[str, RowMaker] = {
    **without_offsets(ROW_REGIMES),
    "near offset": lambda rng, shape, dtype: half_offset(rng, shape, OFFSETS[dtype][0], dtype),
    "far offset": lambda rng, shape, dtype: half_offset(rng, shape, OFFSETS[dtype][1], dtype),
    "subnormal in float32": lambda rng, shape, dtype: below(rng, shape, *TRAITS["float32"][:2]),
}
HALF_ELEMENT_REGIMES: dict[str, ElementMaker] = {
    **without_offsets(ELEMENT_REGIMES),
    "near offset": lambda rng, size, dtype: half_offset(rng, (size,), OFFSETS[dtype][0], dtype),
    "far offset": lambda rng, size, dtype: half_offset(rng, (size,), OFFSETS[dtype][1], dtype),
    "subnormal in float32": lambda rng, size, dtype: rng.choice([-1, 1], size) * rng.uniform(86.5, 119, size),
}


def row_regimes(dtype: str) -> dict[str, RowMaker]:
    """Return the regimes of the softmax family."""
    return HALF_ROW_REGIMES if dtype in HALVES else ROW_REGIMES


def element_regimes(dtype: str) -> dict[str, ElementMaker]:
    """Return the regimes of the sigmoid family."""
    return HALF_ELEMENT_REGIMES if dtype in HALVES else ELEMENT_REGIMES
