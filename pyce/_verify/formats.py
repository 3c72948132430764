"""The dtypes that are measured: their numbers, what their results are computed in, and their bounds.

A half type is read as it is, computed in float32 and rounded once, so it has two kinds of results: its own, and the
float32 results of the same logits. The kind of a result is what the tables call its dtype.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import ml_dtypes  # also makes "bfloat16" a name of a dtype for NumPy
import numpy as np
import numpy.typing as npt

BOUND = 2.0  # ulp of the dtype that is computed in
FLOAT32_BITS = 23  # after the point


class Format(NamedTuple):
    """The numbers of a dtype: from 2^minexp (the least normal one) to 2^maxexp, with `nmant` bits after the point."""

    minexp: int
    maxexp: int
    nmant: int
    is_half: bool

    @property
    def smallest(self) -> float:
        """The smallest subnormal number."""
        return float(np.ldexp(1.0, self.minexp - self.nmant))

    @property
    def bound(self) -> float:
        """The largest error allowed, in ulps.

        Rounding to a half type costs half an ulp, and the float32 result before it may be 2 of its own ulps off, of
        which an ulp of float16 has 2^13 or, for subnormal numbers, more, and an ulp of bfloat16 always 2^16.
        """
        return 0.5 + BOUND * 2.0 ** (self.nmant - FLOAT32_BITS) if self.is_half else BOUND


def read_format(dtype: npt.DTypeLike, is_half: bool) -> Format:
    """Return the limits of a dtype."""
    limits: Any = ml_dtypes.finfo  # which is not typed
    info = limits(dtype)
    return Format(int(info.minexp), int(info.maxexp), int(info.nmant), is_half)


FORMATS = {
    "float32": read_format(np.float32, False),
    "float64": read_format(np.float64, False),
    "float16": read_format(np.float16, True),
    "bfloat16": read_format(ml_dtypes.bfloat16, True),
}
DTYPES = tuple(FORMATS)
HALVES = tuple(name for name, form in FORMATS.items() if form.is_half)
WIDENED = {f"float32 from {half}": half for half in HALVES}  # the kinds of float32 results of half-precision logits


def computed_in(dtype: str) -> str:
    """Return the dtype that results for logits of `dtype` are computed in."""
    return "float32" if dtype in HALVES else dtype


def result_kinds(dtype: str) -> dict[str, str]:
    """Return {kind of the result: its dtype} for logits of `dtype`, the dtype of the logits first."""
    return {dtype: dtype} | {kind: computed_in(half) for kind, half in WIDENED.items() if half == dtype}


def kinds() -> list[str]:
    """Return every kind of result, in the order of the tables."""
    return [kind for dtype in DTYPES for kind in result_kinds(dtype)]


def bound_of(kind: str) -> float:
    """Return the largest error allowed for a kind of result, in ulps."""
    return FORMATS[kind].bound if kind in FORMATS else BOUND
