"""Results of half types beside the float32 results of the same call: each is that one, rounded once to nearest even."""

from __future__ import annotations

import numpy as np

from pyce._intake import Array
from pyce._verify.double_double import Floats
from pyce._verify.formats import FORMATS, Format


def round_to_even(values: Array, form: Format) -> Floats:
    """Return float32 numbers rounded to a half type, to nearest and ties to even; infinite from beyond its range."""
    wide = values.astype(np.float64)
    unit = np.maximum(np.frexp(wide)[1] - 1, form.minexp) - form.nmant
    rounded = np.ldexp(np.rint(np.ldexp(wide, -unit)), unit)
    infinite = np.abs(rounded) >= 2.0**form.maxexp
    return np.asarray(np.where(infinite, np.copysign(np.inf, rounded), rounded))


def misrounded(result: Array, wide: Array) -> Array:
    """Tell which results of a half type are not, bit for bit, the float32 results rounded once."""
    expected = round_to_even(wide, FORMATS[result.dtype.name])
    return np.asarray(result.astype(np.float64).view(np.int64) != expected.view(np.int64))
