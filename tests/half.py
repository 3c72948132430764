"""Half types for the tests: their dtypes, problems of them, and what their results must be."""

import data
import numpy as np
import pytest
from helpers import assert_same_bits
from layouts import LAYOUTS

HALVES = ("float16", "bfloat16")
SHAPES = ((40, 3), (17, 10), (5, 257), (3, 1025))
halves = pytest.mark.parametrize("half", HALVES)


def dtype_of(half):
    """Tests of bfloat16 need the package whose dtype it is; pyce does not, unless it has to make such an array."""
    return np.dtype(np.float16) if half == "float16" else np.dtype(pytest.importorskip("ml_dtypes").bfloat16)


def problem(loss, name, rows, classes, dtype, parts=("logits", "labels", "pos_weight")):
    """A call whose `parts` are of a half type; index labels stay integers."""
    arguments = data.problem(loss, name, rows, classes, np.float32)
    with np.errstate(over="ignore"):
        return {
            key: value.astype(dtype) if key in parts and value.dtype.kind == "f" else value
            for key, value in arguments.items()
        }


def widened(arguments):
    """The same numbers in float32."""
    return {key: np.asarray(value).astype("f4") if is_half(value) else value for key, value in arguments.items()}


def is_half(value):
    return getattr(value, "dtype", None) is not None and value.dtype.name in HALVES


def rounded(value, dtype):
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(value).astype(dtype)


def assert_rounded_once(results, wide, dtype):
    assert results.keys() == wide.keys()
    for name, value in results.items():
        assert value.dtype == dtype
        assert_same_bits(value, rounded(wide[name], dtype))


def in_layout(layout, array):
    """LAYOUTS knows NumPy's own kinds of dtypes; a bfloat16 array goes through it as the bits."""
    if array.dtype.name != "bfloat16":
        return LAYOUTS[layout](array)
    moved = LAYOUTS[layout](array.view(np.uint16))
    return moved.view(array.dtype if moved.dtype.isnative else array.dtype.newbyteorder())
