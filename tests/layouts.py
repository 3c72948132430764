"""The same values in other memory: `LAYOUTS` maps a name to a function of an array."""

import numpy as np


def every_other(array):
    """The even places of an array twice as large along every axis; NaN (or the largest integer) lies between."""
    wide = np.empty([2 * n for n in array.shape], array.dtype)
    wide.fill(np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).max)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def reversed_axes(array):
    everywhere = tuple(slice(None, None, -1) for _ in array.shape)
    return array[everywhere].copy()[everywhere]


def transposed(array):
    return np.ascontiguousarray(array.T).T


def rotated(array):
    """The last axis lies first in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -1, 0)), 0, -1) if array.ndim else array


def inside(array):
    """The inner part of a larger array."""
    wide = np.full([n + 3 for n in array.shape], 99, array.dtype)
    view = wide[tuple(slice(1, -2) for _ in array.shape)]
    view[...] = array
    return view


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def byte_swapped(array):
    return array.astype(array.dtype.newbyteorder())


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)
    view = np.ndarray(array.shape, array.dtype, buffer=raw.data, offset=1)
    view[...] = array
    return view


def struct_field(array):
    """A field of a packed record: aligned or not, its strides are no multiple of its size."""
    records = np.zeros(array.shape, np.dtype([("value", array.dtype), ("byte", "u1")]))
    records["value"] = array
    return records["value"]


STRIDED = {
    "every other": every_other,
    "reversed": reversed_axes,
    "transposed": transposed,
    "rotated": rotated,
    "inside": inside,
    "read-only": read_only,
}
COPIED = {"byte-swapped": byte_swapped, "misaligned": misaligned, "struct field": struct_field}
LAYOUTS = STRIDED | COPIED
