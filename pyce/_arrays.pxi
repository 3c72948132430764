# Arrays of a call as pyce.h wants them: pointer, dtype and one stride per axis of the logits. Part of _core.pyx.
#
# NumPy arrays are read by the raw buffer protocol (60 ns an array, against 145 to 220 for a typed memoryview); what is
# not a NumPy array, or has a dtype or an alignment that the library does not read, goes through _intake.py first.
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release
from cpython.exc cimport PyErr_Clear
from libc.stdint cimport int32_t, int64_t, uintptr_t

import numpy as _np

cdef extern from "Python.h":
    int PyObject_GetBuffer(object exporter, Py_buffer *view, int flags) noexcept

cdef enum:
    MAX_VIEWS = 9  # as many arrays as pyce_args has

cdef struct Call:
    pyce_args args
    pyce_error error
    double weight  # a pos_weight that came as a number
    int held       # how many of the views are to be released
    Py_buffer views[MAX_VIEWS]

# What an input may hold.
cdef enum:
    LOGITS = 1
    REALS = 2
    INDICES = 3

# How an array lies on the logits. An extent of 1 becomes a stride of 0.
cdef enum:
    SAME = 0     # the same shape
    ROWS = 1     # the same, or 1 along axes other than the class axis
    REDUCED = 2  # the shape without the class axis
    ONTO = 3     # broadcasts onto it by NumPy's rules

cdef tuple RULE_NAMES = ("same", "rows", "reduced", "onto")
cdef object ndarray = _np.ndarray
cdef object empty = _np.empty
cdef object FLOAT32_DTYPE = _np.dtype(_np.float32)
cdef object FLOAT64_DTYPE = _np.dtype(_np.float64)
cdef char NOTHING = 0  # where the pointer of an empty array points that has none


cdef Py_buffer *acquire(Call *call, object array) noexcept:
    """The buffer of an array, kept until `release`; NULL if its dtype has none."""
    cdef Py_buffer *view = &call.views[call.held]
    if PyObject_GetBuffer(array, view, PyBUF_STRIDES | PyBUF_FORMAT) != 0:
        PyErr_Clear()
        return NULL
    call.held += 1
    return view


cdef void release(Call *call) noexcept:
    while call.held > 0:
        call.held -= 1
        PyBuffer_Release(&call.views[call.held])


cdef pyce_dtype buffer_dtype(const Py_buffer *view) noexcept nogil:
    """The dtype of a buffer; 0 if the library has none such, or if the data is not aligned or not native."""
    cdef const char *format = view.format
    cdef Py_ssize_t size = view.itemsize
    cdef uintptr_t bits = <uintptr_t>view.buf
    cdef int i, width
    if format == NULL or format[0] == 0 or format[1] != 0:
        return 0
    for i in range(view.ndim):
        if view.shape[i] != 1:
            bits |= <uintptr_t>view.strides[i]
    if bits & <uintptr_t>(size - 1):
        return 0
    if format[0] == b"f":
        return PYCE_FLOAT32
    if format[0] == b"d":
        return PYCE_FLOAT64
    width = 0 if size == 1 else 1 if size == 2 else 2 if size == 4 else 3
    if format[0] in (b"b", b"h", b"i", b"l", b"q"):
        return PYCE_INT8 + width
    if format[0] in (b"B", b"H", b"I", b"L", b"Q"):
        return PYCE_UINT8 + width
    return 0


cdef bint is_held_by(pyce_dtype dtype, int content) noexcept nogil:
    return dtype >= PYCE_INT8 if content == INDICES else dtype == PYCE_FLOAT32 or dtype == PYCE_FLOAT64


cdef Py_buffer *open_input(Call *call, object value, str name, int content) except NULL:
    """The buffer of an input, from the caller's own memory if the library can read that."""
    cdef Py_buffer *view
    if type(value) is not ndarray:
        value = _intake.as_array(value, name)
    view = acquire(call, value)
    if view != NULL:
        if is_held_by(buffer_dtype(view), content):
            return view
        call.held -= 1
        PyBuffer_Release(view)
    if content == LOGITS:
        value = _intake.as_logits(value, name)
    elif content == REALS:
        value = _intake.as_labels(value, name)
    else:
        value = _intake.as_indices(value, name)
    view = acquire(call, value)
    if view == NULL or not is_held_by(buffer_dtype(view), content):
        raise SystemError(f"{name} was converted to {value.dtype}, which is not readable")
    return view


cdef int set_problem(Call *call, const Py_buffer *view, bint rows, object axis) except -1:
    """Shape and class axis of the call from those of the logits; the binary losses have no class axis (-1)."""
    cdef int i
    call.args.ndim = view.ndim
    call.args.axis = normal_axis(axis, view.ndim) if rows else -1
    for i in range(view.ndim):
        call.args.shape[i] = view.shape[i]
    return 0


cdef bint set_strides(const pyce_args *args, const Py_buffer *view, int64_t *stride, int rule) noexcept nogil:
    """Strides in elements, one for each axis of the logits; False if the shapes do not fit."""
    cdef int own = view.ndim - 1
    cdef int i
    for i in range(args.ndim - 1, -1, -1):
        stride[i] = 0
        if rule == REDUCED and i == args.axis:
            continue
        if own < 0:
            if rule == ONTO:
                continue
            return False
        if view.shape[own] != args.shape[i]:
            if view.shape[own] != 1 or not (rule == ONTO or (rule == ROWS and i != args.axis)):
                return False
        elif view.shape[own] != 1:
            stride[i] = view.strides[own] // view.itemsize
        own -= 1
    return own < 0


cdef int read_into(Call *call, const Py_buffer *view, pyce_array *array, int rule, str name) except -1:
    if not set_strides(&call.args, view, array.stride, rule):
        raise _intake.shape_error(name, RULE_NAMES[rule], shape_of(view), problem_shape(call), call.args.axis)
    array.data = view.buf if view.buf != NULL else &NOTHING
    array.dtype = buffer_dtype(view)
    return 0


cdef int read_weight(Call *call, object pos_weight) except -1:
    """pos_weight; a Python number needs no array."""
    if type(pos_weight) is float or type(pos_weight) is int:
        call.weight = pos_weight
        call.args.pos_weight.data = &call.weight
        call.args.pos_weight.dtype = PYCE_FLOAT64
        return 0
    return read_into(call, open_input(call, pos_weight, "pos_weight", REALS), &call.args.pos_weight, ONTO,
                     "pos_weight")


cdef pyce_output *output_at(pyce_args *args, int place) noexcept nogil:
    if place == 0:
        return &args.loss
    elif place == 1:
        return &args.grad
    elif place == 2:
        return &args.hess
    elif place == 3:
        return &args.lse
    elif place == 4:
        return &args.prob
    return &args.log_prob


cdef bint is_per_row(int place) noexcept nogil:
    """Whether an output lacks the class axis: loss and lse."""
    return place == 0 or place == 3


cdef object attach_output(Call *call, int place, str name, object given, object dtype):
    """Point the output at the caller's array or at a new one; that array is returned."""
    cdef pyce_output *output = output_at(&call.args, place)
    cdef int rule = REDUCED if call.args.axis >= 0 and is_per_row(place) else SAME
    cdef Py_buffer *view
    cdef object array
    if given is None:
        array = empty(new_shape(call, rule), dtype)
    else:
        array = given if type(given) is ndarray else _intake.as_out(given, f"out for {name}")
    view = acquire(call, array)
    if view == NULL or (given is not None and not is_held_by(buffer_dtype(view), LOGITS)):
        raise _intake.out_dtype_error(array, f"out for {name}")
    if view.readonly:
        raise ValueError(f"out for {name} is read-only")
    if not set_strides(&call.args, view, output.stride, rule):
        raise _intake.shape_error(f"out for {name}", RULE_NAMES[rule], shape_of(view), problem_shape(call),
                                  call.args.axis)
    output.data = view.buf if view.buf != NULL else &NOTHING
    output.dtype = buffer_dtype(view)
    return array


cdef object finish_output(object array, int ndim, object given):
    """The very object the caller gave; else the array, or a NumPy scalar if it has no axes."""
    if given is not None:
        return given
    return array if ndim > 0 else array[()]


cdef object new_shape(const Call *call, int rule):
    cdef const pyce_args *args = &call.args
    cdef int i
    if args.ndim == 2 and rule == REDUCED:
        return args.shape[1 - args.axis]
    return tuple([args.shape[i] for i in range(args.ndim) if rule != REDUCED or i != args.axis])


cdef tuple shape_of(const Py_buffer *view):
    cdef int i
    return tuple([view.shape[i] for i in range(view.ndim)])


cdef tuple problem_shape(const Call *call):
    cdef int i
    return tuple([call.args.shape[i] for i in range(call.args.ndim)])


cdef object own_dtype(pyce_dtype dtype):
    return FLOAT32_DTYPE if dtype == PYCE_FLOAT32 else FLOAT64_DTYPE


cdef int normal_axis(object axis, int ndim) except -1:
    """The class axis as 0 .. ndim - 1."""
    cdef int number = -1 if axis is DEFAULT_AXIS else small_integer(axis, "axis")
    if number < -ndim or number >= ndim:
        raise _AxisError(number, ndim)
    return number if number >= 0 else number + ndim


cdef int small_integer(object value, str name) except? -1:
    try:
        return value.__index__()
    except AttributeError:
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}") from None
    except OverflowError:
        raise ValueError(f"{name} must fit 32 bits, got {value}") from None
