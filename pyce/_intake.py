"""What the extension cannot read in place, made readable; or the error that says why not and what to do.

The extension reads NumPy arrays of the right dtypes itself. It calls these functions for everything else (lists,
tensors, other dtypes, byte-swapped or misaligned data) and for the words of the errors about dtypes and shapes.
Nothing here imports another array library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Array = np.ndarray[Any, np.dtype[Any]]  # as numpy.typing, which costs 1 ms to import, has it

FLOATS = "float16, bfloat16, float32 or float64"
FIT_FLOAT32 = ("bool", "int8", "uint8", "int16", "uint16")
HOST_DEVICES = (1, 3)  # DLPack's numbers of ordinary memory and of memory pinned for a GPU

HINTS = {
    "b": "convert it with np.asarray(..., dtype='float64')",
    "i": "convert it with np.asarray(..., dtype='float64')",
    "u": "convert it with np.asarray(..., dtype='float64')",
    "c": "pass a real array, e.g. the .real part",
    "f": "convert it with np.asarray(..., dtype='float64')",
    "O": "build it with np.asarray(..., dtype='float64')",
}


class DefaultAxis(int):
    """The -1 that `axis` defaults to, told from a -1 that the caller wrote."""


DEFAULT_AXIS = DefaultAxis(-1)


class BFloat16Bits(np.ndarray[Any, Any]):
    """bfloat16 numbers as the uint16 array of their bits, on the memory of a tensor that NumPy has no dtype for."""


def as_array(value: object, name: str) -> Array:
    """A plain NumPy array with the caller's memory wherever that is possible."""
    if isinstance(value, BFloat16Bits):
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost; pass its valid part or .filled(...)")
    if getattr(value, "requires_grad", False) is True:
        raise TypeError(f"{name} is a tensor that requires grad, which pyce cannot record; pass {name}.detach()")
    by_dlpack = _needs_dlpack(value)
    try:
        if not by_dlpack:
            return np.asarray(value)
        if value.__dlpack_device__()[0] in HOST_DEVICES:  # type: ignore[attr-defined]
            return _from_dlpack(value)
    except TypeError as error:
        raise TypeError(f"{name} cannot be read as an array: {error}") from error
    except (ValueError, BufferError, IndexError) as error:  # an IndexError: of a device without a kind
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
    raise TypeError(f"{name} must be in the memory of the CPU; pass {name}.cpu()")


def is_bfloat16(array: Array) -> bool:
    """Told without ml_dtypes, which the caller has imported if the array is of its dtype."""
    return isinstance(array, BFloat16Bits) or array.dtype.name == "bfloat16"


def as_logits(array: Array, name: str) -> Array:
    """A native, aligned copy of floating-point data."""
    if _is_float(array):
        return _native(array)
    raise _dtype_error(array, name, f"dtype {FLOATS}")


def as_labels(array: Array, name: str) -> Array:
    """Real labels or weights: a native, aligned copy; integers as float32 if that is exact, else as float64."""
    if _is_float(array):
        return _native(array)
    if array.dtype.name in FIT_FLOAT32:
        return array.astype(np.float32)
    if array.dtype.kind in "iu":
        single = array.astype(np.float32)
        return single if np.array_equal(single, array) else array.astype(np.float64)
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    if name == "class_weight" and array.dtype.kind in "OUS":
        raise TypeError(f"class_weight must be an array with a real number for each class, got {array.dtype}")
    raise _dtype_error(array, name, "a real dtype")


def as_bools(array: Array, name: str) -> Array:
    """An array of bool, whose data is always readable as it is."""
    if array.dtype == np.bool_:
        return np.array(array, order="C", copy=True)
    raise TypeError(f"{name} must have dtype bool, got {_dtype_name(array)}: compare, e.g. {name} != 0")


def as_indices(array: Array, name: str) -> Array:
    """A native, aligned copy of integer labels."""
    if array.dtype.kind in "iu" and not is_bfloat16(array):
        return _native(array)
    raise TypeError(
        f"{name} must have an integer dtype, got {_dtype_name(array)}: they are class indices, one for each row; "
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


def out_dtype_error(array: Array, name: str, is_bool: bool = False) -> ValueError:
    """Why an array of `out` cannot be written."""
    if is_bool:
        return ValueError(f"{name} must have dtype bool, got {_dtype_name(array)}")
    if _is_float(array):
        return ValueError(f"{name} must be aligned and in native byte order, got {_dtype_name(array)} that is not")
    return ValueError(f"{name} must have dtype {FLOATS}, got {array.dtype}")


def as_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype option, for the arrays that pyce allocates."""
    if isinstance(dtype, str) and dtype == "bfloat16":
        return bfloat16_dtype(None)
    try:
        result = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"dtype must be {FLOATS} as NumPy names them, got {dtype!r}") from error
    if result.isnative and (result.type in (np.float16, np.float32, np.float64) or result.name == "bfloat16"):
        return result
    raise TypeError(f"dtype must be {FLOATS}, got {result}")


def bfloat16_dtype(logits: Array | None) -> np.dtype[Any]:
    """NumPy's bfloat16: that of the logits if they have it, else from ml_dtypes, which is imported here only."""
    if logits is not None and logits.dtype.name == "bfloat16":
        return logits.dtype
    try:
        import ml_dtypes
    except ImportError:
        raise TypeError(
            "the result would be a NumPy array of bfloat16, a dtype that comes with the package ml_dtypes, which is "
            "not installed: pass dtype= (e.g. dtype='float32') or out=, or install ml_dtypes"
        ) from None
    result: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return result


def shape_error(name: str, rule: str, got: tuple[int, ...], logits: tuple[int, ...], axis: int) -> ValueError:
    """One sentence with both shapes. `rule` is one of the ways in which an array lies on the logits."""
    reduced = tuple(n for i, n in enumerate(logits) if i != axis)
    expected = {
        "same": "have the shape of logits",
        "rows": f"have the shape of logits, or 1 along axes other than the class axis {axis}",
        "reduced": f"have the shape of logits without the class axis {axis}, {reduced}",
        "onto": "broadcast onto logits without enlarging them",
        "losses": f"be a single value or have the {len(reduced)} axes of the loss, {reduced}, an extent of 1 repeating",
        "classes": f"have one entry for each class, shape {logits[axis : axis + 1]}",
        "scalar": "have no axes, since the loss is reduced to one number",
    }[rule]
    return ValueError(f"{name} must {expected}; got {name} of shape {got} and logits of shape {logits}")


def _dtype_error(array: Array, name: str, expected: str) -> TypeError:
    hint = HINTS.get(array.dtype.kind, "convert it to float64 first")
    return TypeError(f"{name} must have {expected}, got {array.dtype}: {hint}")


def _dtype_name(array: Array) -> str:
    return "bfloat16" if is_bfloat16(array) else str(array.dtype)


def _is_float(array: Array) -> bool:
    return array.dtype.type in (np.float16, np.float32, np.float64) or is_bfloat16(array)


def _native(array: Array) -> Array:
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True, subok=True)


def _needs_dlpack(value: object) -> bool:
    """Whether DLPack is the only way to the memory; PyTorch's bfloat16 tensors have an __array__ that fails."""
    if not hasattr(value, "__dlpack__"):
        return False
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        return True
    return not hasattr(value, "__array__") and not _has_buffer(value)


class _Export:
    """What np.from_dlpack asks for an export of `value`, which is looked at, and bfloat16 relabelled, on its way."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.is_bfloat16 = self.is_versioned = False

    def __dlpack_device__(self) -> Any:
        return self.value.__dlpack_device__()

    def __dlpack__(self, **options: Any) -> Any:
        from pyce._core import relabel_bfloat16

        capsule = self.value.__dlpack__(**options)
        self.is_bfloat16, self.is_versioned = relabel_bfloat16(capsule)
        return capsule


def _from_dlpack(value: Any) -> Array:
    """An array on the memory of a DLPack exporter; read-only if the export cannot say whether that may be written."""
    export = _Export(value)
    array: Array = np.from_dlpack(export)
    if not export.is_versioned:
        array.flags.writeable = False
    return array.view(BFloat16Bits) if export.is_bfloat16 else array


def _has_buffer(value: object) -> bool:
    try:
        memoryview(value)  # type: ignore[arg-type]
    except (TypeError, BufferError, ValueError):
        return False
    return True
