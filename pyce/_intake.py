"""What the extension cannot read in place, made readable; or the error that says why not and what to do.

The extension reads NumPy arrays of the right dtypes itself. It calls these functions for everything else (lists,
tensors, other dtypes, byte-swapped or misaligned data) and for the words of the errors about dtypes and shapes.
Nothing here imports another array library.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HALVES = ("float16", "bfloat16")
FIT_FLOAT32 = ("bool", "int8", "uint8", "int16", "uint16", *HALVES)

HINTS = {
    "b": "convert with .astype('float64')",
    "i": "convert with .astype('float64')",
    "u": "convert with .astype('float64')",
    "c": "pass a real array, e.g. the .real part",
    "f": "convert with .astype('float64')",
    "O": "build it with np.asarray(..., dtype='float64')",
}


class DefaultAxis(int):
    """The -1 that `axis` defaults to, told from a -1 that the caller wrote."""


DEFAULT_AXIS = DefaultAxis(-1)


def as_array(value: object, name: str) -> Array:
    """A plain NumPy array with the caller's memory wherever that is possible."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost; pass its valid part or .filled(...)")
    if getattr(value, "requires_grad", False) is True:
        raise TypeError(f"{name} is a tensor that requires grad, which pyce cannot record; pass {name}.detach()")
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        raise TypeError(f"{name} of dtype bfloat16 is not supported yet; pass {name}.float()")
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__") and not _has_buffer(value):
        return np.from_dlpack(value)
    return np.asarray(value)


def as_logits(array: Array, name: str) -> Array:
    """A native, aligned copy of float32 or float64 data."""
    if array.dtype.type in (np.float32, np.float64):
        return _native(array)
    if array.dtype.name in HALVES:
        raise TypeError(f"{name} of dtype {array.dtype} are not supported yet; convert with .astype('float32')")
    raise _dtype_error(array, name, "dtype float32 or float64")


def as_labels(array: Array, name: str) -> Array:
    """Real labels or weights as float32 if that is exact for their dtype, else as float64."""
    if array.dtype.type in (np.float32, np.float64):
        return _native(array)
    if array.dtype.name in FIT_FLOAT32:
        return array.astype(np.float32)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    raise _dtype_error(array, name, "a real dtype")


def as_indices(array: Array, name: str) -> Array:
    """A native, aligned copy of integer labels."""
    if array.dtype.kind in "iu":
        return _native(array)
    raise TypeError(
        f"{name} must have an integer dtype, got {array.dtype}: they are class indices, one for each row; "
        "class probabilities go to softmax_cross_entropy_with_logits"
    )


def as_out(value: object, name: str) -> Array:
    """An array on the memory of `value`, never a copy."""
    if isinstance(value, list | tuple | dict | str | bytes | int | float | complex | np.generic):
        raise ValueError(f"{name} must be a writable array, got {type(value).__name__}")
    first, second = as_array(value, name), as_array(value, name)
    if first.dtype.kind == "O" or (first.size and not np.may_share_memory(first, second)):
        raise ValueError(f"{name} must be an array whose memory can be written, got {type(value).__name__}")
    return first


def out_dtype_error(array: Array, name: str) -> ValueError:
    """Why an array of `out` cannot be written."""
    if array.dtype.type in (np.float32, np.float64):
        return ValueError(f"{name} must be aligned and in native byte order, got {array.dtype.str} data that is not")
    return ValueError(f"{name} must have dtype float32 or float64, got {array.dtype}")


def as_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype option, for the arrays that pyce allocates."""
    result = np.dtype(dtype)
    if result not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype must be float32 or float64, got {result}")
    return result


def shape_error(name: str, rule: str, got: tuple[int, ...], logits: tuple[int, ...], axis: int) -> ValueError:
    """One sentence with both shapes. `rule` is one of the four ways in which an array lies on the logits."""
    reduced = tuple(n for i, n in enumerate(logits) if i != axis)
    expected = {
        "same": "have the shape of logits",
        "rows": f"have the shape of logits, or 1 along axes other than the class axis {axis}",
        "reduced": f"have the shape of logits without the class axis {axis}, {reduced}",
        "onto": "broadcast onto logits without enlarging them",
    }[rule]
    return ValueError(f"{name} must {expected}; got {name} of shape {got} and logits of shape {logits}")


def _dtype_error(array: Array, name: str, expected: str) -> TypeError:
    hint = HINTS.get(array.dtype.kind, "convert it to float64 first")
    return TypeError(f"{name} must have {expected}, got {array.dtype}: {hint}")


def _native(array: Array) -> Array:
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)


def _has_buffer(value: object) -> bool:
    try:
        memoryview(value)  # type: ignore[arg-type]
    except (TypeError, BufferError, ValueError):
        return False
    return True
