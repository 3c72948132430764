# Arrays of a call as pyce.h wants them: pointer, dtype and one stride per axis of the logits. Part of _core.pyx.
#
# NumPy arrays are read by the raw buffer protocol (60 ns an array, against 145 to 220 for a typed memoryview); what is
# not a NumPy array, or has a dtype or an alignment that the library does not read, goes through _intake.py first.
# A buffer cannot name bfloat16, so every buffer has its dtype beside it.
cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release
from cpython.exc cimport PyErr_Clear, PyErr_ExceptionMatches, PyErr_Occurred
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

import sys as _sys
from operator import index as _index

import numpy as _np

cdef extern from "Python.h":
    int PyObject_GetBuffer(object exporter, Py_buffer *view, int flags) noexcept
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) noexcept

cdef enum:
    MAX_VIEWS = 16  # as many arrays as pyce_args has
    SMALL = 1024    # elements of a call that keeps the GIL

cdef struct View:
    Py_buffer buffer
    pyce_dtype dtype  # 0 if the library has none such, or if the data is not aligned or not native

cdef struct Call:
    pyce_args args
    pyce_error error
    double weight  # a pos_weight that came as a number
    int held       # how many of the views are to be released
    View views[MAX_VIEWS]

# What an input may hold.
cdef enum:
    LOGITS = 1
    REALS = 2
    INDICES = 3
    BOOLS = 4

# How an array lies on the logits. An extent of 1 becomes a stride of 0.
cdef enum:
    SAME = 0     # the same shape
    ROWS = 1     # the same, or 1 along axes other than the class axis
    REDUCED = 2  # the shape without the class axis
    ONTO = 3     # broadcasts onto it by NumPy's rules
    LOSSES = 4   # the shape of the unreduced loss, or 1 along its axes, or a scalar
    CLASSES = 5  # one entry for each class
    SCALAR = 6   # no axes

cdef tuple RULE_NAMES = ("same", "rows", "reduced", "onto", "losses", "classes", "scalar")
cdef object BOOL_DTYPE = _np.dtype(_np.bool_)
cdef object ndarray = _np.ndarray
cdef object empty = _np.empty
cdef object FLOAT32_DTYPE = _np.dtype(_np.float32)
cdef object FLOAT64_DTYPE = _np.dtype(_np.float64)
cdef object FLOAT16_DTYPE = _np.dtype(_np.float16)
cdef char NATIVE_ORDER = b"<" if _sys.byteorder == "little" else b">"
cdef char NOTHING = 0  # where the pointer of an empty array points that has none


# The callers' native bfloat16, once there was one: its name takes longer than a small call, and so does asking for a
# buffer that it cannot give. It is set once and kept for ever, so that threads without a GIL may read it at any time.
cdef object known_bfloat16 = None
cdef cython.pymutex known_bfloat16_lock


cdef inline void init_call(Call *call) noexcept:
    """pyce_args_init and pyce_error_init in place: what those return is copied, 1.7 KB. The library clears the rest."""
    memset(&call.args, 0, sizeof(pyce_args))
    call.args.struct_size = sizeof(pyce_args)
    call.error.struct_size = sizeof(pyce_error)


cdef inline bint is_small(const pyce_args *args) noexcept nogil:
    """Whether the call is over sooner than other threads could make use of the GIL: to give it up and take it back
    costs 50 ns where nobody waits, and a wait for the others' turn where somebody does."""
    cdef int64_t left = SMALL
    cdef int i
    for i in range(args.ndim):
        if args.shape[i] > left:
            return False
        if args.shape[i] > 1:
            left //= args.shape[i]
    return True


cdef inline View *acquire(Call *call, object array) except? NULL:
    """The memory of an array, kept until `release`; NULL, without an exception, if a buffer cannot hold its dtype."""
    cdef View *view = &call.views[call.held]
    if known_bfloat16 is not None and type(array) is ndarray and array.dtype is known_bfloat16:
        if not acquire_bfloat16(view, array):
            return NULL
        call.held += 1
    elif PyObject_GetBuffer(array, &view.buffer, PyBUF_STRIDES | PyBUF_FORMAT) == 0:
        call.held += 1
        view.dtype = format_dtype(view.buffer.format, view.buffer.itemsize)
        if view.dtype == PYCE_UINT16:
            view.dtype = dtype_of_bits(array)
    elif acquire_bfloat16(view, array):
        call.held += 1
    else:
        return NULL
    if not is_aligned(&view.buffer):
        view.dtype = 0
    return view


cdef pyce_dtype dtype_of_bits(object array) except? 0:
    return PYCE_BFLOAT16 if type(array) is not ndarray and _intake.is_bfloat16(array) else PYCE_UINT16


cdef int clear_refusal() except -1:
    """Forgets why there is no buffer; want of memory is no refusal."""
    if PyErr_Occurred() != NULL and PyErr_ExceptionMatches(MemoryError):
        return -1
    PyErr_Clear()
    return 0


cdef bint acquire_bfloat16(View *view, object array) except -1:
    """The memory of an array whose dtype has no format."""
    global known_bfloat16
    clear_refusal()
    cdef object dtype = array.dtype
    cdef bint native = dtype is known_bfloat16
    if not native:
        if not _intake.is_bfloat16(array):
            return False
        native = dtype.isnative
        if native and type(array) is ndarray:
            with known_bfloat16_lock:
                if known_bfloat16 is None:
                    known_bfloat16 = dtype
    if PyObject_GetBuffer(array, &view.buffer, PyBUF_STRIDES) != 0:  # without a format: any dtype may pass
        clear_refusal()
        return False
    view.dtype = PYCE_BFLOAT16 if native else 0
    return True


cdef void release(Call *call) noexcept:
    while call.held > 0:
        call.held -= 1
        PyBuffer_Release(&call.views[call.held].buffer)


cdef inline bint is_aligned(const Py_buffer *buffer) noexcept nogil:
    cdef uintptr_t bits = <uintptr_t>buffer.buf
    cdef int i
    for i in range(buffer.ndim):
        if buffer.shape[i] != 1:
            bits |= <uintptr_t>buffer.strides[i]
    return not bits & <uintptr_t>(buffer.itemsize - 1)


cdef inline pyce_dtype format_dtype(const char *format, Py_ssize_t size) noexcept nogil:
    cdef int width
    if format != NULL and (format[0] == b"@" or format[0] == b"=" or format[0] == NATIVE_ORDER):
        format += 1  # the byte order spelt out, as ctypes does
    if format == NULL or format[0] == 0 or format[1] != 0:
        return 0
    if format[0] == b"f":
        return PYCE_FLOAT32
    if format[0] == b"d":
        return PYCE_FLOAT64
    if format[0] == b"e":
        return PYCE_FLOAT16
    if format[0] == b"?":
        return PYCE_BOOL
    width = 0 if size == 1 else 1 if size == 2 else 2 if size == 4 else 3
    if format[0] in (b"b", b"h", b"i", b"l", b"q"):
        return PYCE_INT8 + width
    if format[0] in (b"B", b"H", b"I", b"L", b"Q"):
        return PYCE_UINT8 + width
    return 0


cdef bint is_held_by(pyce_dtype dtype, int content) noexcept nogil:
    if content == INDICES:
        return dtype >= PYCE_INT8
    return dtype == PYCE_BOOL if content == BOOLS else PYCE_FLOAT32 <= dtype <= PYCE_BFLOAT16


cdef View *open_input(Call *call, object value, str name, int content) except NULL:
    """The memory of an input, the caller's own if the library can read that."""
    cdef View *view
    if type(value) is not ndarray:
        value = _intake.as_array(value, name)
    view = acquire(call, value)
    if view != NULL:
        if is_held_by(view.dtype, content):
            return view
        call.held -= 1
        PyBuffer_Release(&view.buffer)
    if content == LOGITS:
        value = _intake.as_logits(value, name)
    elif content == REALS:
        value = _intake.as_labels(value, name)
    elif content == BOOLS:
        value = _intake.as_bools(value, name)
    else:
        value = _intake.as_indices(value, name)
    view = acquire(call, value)
    if view == NULL or not is_held_by(view.dtype, content):
        raise SystemError(f"{name} was converted to {value.dtype}, which is not readable")
    return view


cdef int set_problem(Call *call, const Py_buffer *buffer, bint rows, object axis) except -1:
    """Shape and class axis of the call from those of the logits; the binary losses have no class axis (-1)."""
    cdef int i
    call.args.ndim = buffer.ndim
    call.args.axis = normal_axis(axis, buffer.ndim) if rows else -1
    for i in range(buffer.ndim):
        call.args.shape[i] = buffer.shape[i]
    return 0


cdef bint set_strides(const pyce_args *args, const Py_buffer *buffer, int64_t *stride, int rule) noexcept nogil:
    """Strides in elements, one for each axis of the logits; False if the shapes do not fit."""
    cdef int own = buffer.ndim - 1
    cdef bint stretches = rule == ONTO or rule == LOSSES
    cdef int i
    for i in range(args.ndim - 1, -1, -1):
        stride[i] = 0
        if ((rule == REDUCED or rule == LOSSES) and i == args.axis) or (rule == CLASSES and i != args.axis):
            continue
        if rule == SCALAR or (rule == LOSSES and buffer.ndim == 0):
            continue
        if own < 0:
            if rule == ONTO:
                continue
            return False
        if buffer.shape[own] != args.shape[i]:
            if buffer.shape[own] != 1 or not (stretches or (rule == ROWS and i != args.axis)):
                return False
        elif buffer.shape[own] != 1:
            stride[i] = buffer.strides[own] // buffer.itemsize
        own -= 1
    return own < 0


cdef int read_into(Call *call, const View *view, pyce_array *array, int rule, str name) except -1:
    if not set_strides(&call.args, &view.buffer, array.stride, rule):
        raise _intake.shape_error(name, RULE_NAMES[rule], shape_of(&view.buffer), problem_shape(call), call.args.axis)
    array.data = view.buffer.buf if view.buffer.buf != NULL else &NOTHING
    array.dtype = view.dtype
    return 0


cdef int read_weight(Call *call, object pos_weight) except -1:
    """pos_weight; a Python number needs no array."""
    if type(pos_weight) is float or (type(pos_weight) is int and -2**53 <= pos_weight <= 2**53):
        call.weight = pos_weight
        call.args.pos_weight.data = &call.weight
        call.args.pos_weight.dtype = PYCE_FLOAT64
        return 0
    return read_into(call, open_input(call, pos_weight, "pos_weight", REALS), &call.args.pos_weight, ONTO,
                     "pos_weight")


cdef inline pyce_output *output_at(pyce_args *args, int place) noexcept nogil:
    """The outputs stand in pyce_args in the order of OUTPUT_NAMES."""
    return &args.loss + place


cdef inline int rule_of(const pyce_args *args, int place) noexcept nogil:
    """How an output lies on the logits."""
    if place == LOSS and args.reduction != PYCE_REDUCTION_NONE:
        return SCALAR
    return REDUCED if args.axis >= 0 and (place == LOSS or place == LSE or place == CORRECT) else SAME


cdef inline bint is_scalar(const pyce_args *args, int place) noexcept nogil:
    """Whether an output has no axes."""
    cdef int rule = rule_of(args, place)
    return rule == SCALAR or args.ndim == (rule == REDUCED)


cdef object attach_output(Call *call, int place, object given, object dtype):
    """Point the output at the caller's array or at a new one; the object that the call returns is returned."""
    cdef pyce_output *output = output_at(&call.args, place)
    cdef int rule = rule_of(&call.args, place)
    cdef View *view
    cdef object array
    if given is None:
        if place == CORRECT:
            dtype = BOOL_DTYPE
        array = empty(new_shape(call, rule), logits_dtype(call) if dtype is None else dtype)
    else:
        array = given if type(given) is ndarray else _intake.as_out(given, out_name(place))
    view = acquire(call, array)
    if view == NULL or (given is not None and not is_held_by(view.dtype, BOOLS if place == CORRECT else LOGITS)):
        raise _intake.out_dtype_error(array, out_name(place), place == CORRECT)
    if view.buffer.readonly:
        raise ValueError(f"{out_name(place)} is read-only")
    if not set_strides(&call.args, &view.buffer, output.stride, rule):
        raise _intake.shape_error(out_name(place), RULE_NAMES[rule], shape_of(&view.buffer), problem_shape(call),
                                  call.args.axis)
    output.data = view.buffer.buf if view.buffer.buf != NULL else &NOTHING
    output.dtype = view.dtype
    return array if given is None else given


cdef str out_name(int place):
    return f"out for {OUTPUT_NAMES[place]}"


cdef object new_shape(const Call *call, int rule):
    cdef const pyce_args *args = &call.args
    cdef list shape = []
    cdef int i
    if rule == SCALAR:
        return ()
    if args.ndim == 2 and rule == REDUCED:
        return (args.shape[1 - args.axis],)
    for i in range(args.ndim):
        if rule != REDUCED or i != args.axis:
            shape.append(args.shape[i])
    return tuple(shape)


cdef tuple shape_of(const Py_buffer *buffer):
    cdef list shape = []
    cdef int i
    for i in range(buffer.ndim):
        shape.append(buffer.shape[i])
    return tuple(shape)


cdef tuple problem_shape(const Call *call):
    return new_shape(call, SAME)


cdef object logits_dtype(const Call *call):
    """NumPy's dtype of the logits. For bfloat16 that is the caller's own, if the caller has one."""
    cdef object owner
    if call.args.logits.dtype == PYCE_FLOAT32:
        return FLOAT32_DTYPE
    if call.args.logits.dtype == PYCE_FLOAT64:
        return FLOAT64_DTYPE
    if call.args.logits.dtype == PYCE_FLOAT16:
        return FLOAT16_DTYPE
    owner = <object>call.views[0].buffer.obj
    if known_bfloat16 is not None and type(owner) is ndarray and owner.dtype is known_bfloat16:
        return known_bfloat16
    return _intake.bfloat16_dtype(owner)


cdef int normal_axis(object axis, int ndim) except -1:
    """The class axis as 0 .. ndim - 1."""
    cdef object number
    if axis is DEFAULT_AXIS and ndim > 0:
        return ndim - 1
    number = -1 if axis is DEFAULT_AXIS else integer(axis, "axis")
    if number < -ndim or number >= ndim:
        raise _AxisError(f"axis {number} is out of bounds for array of dimension {ndim}")
    return number if number >= 0 else number + ndim


cdef int thread_count(object value) except? -1:
    """num_threads in 32 bits; the library says which numbers it takes."""
    cdef object number = integer(value, "num_threads")
    cdef int overflow = 0
    cdef long long count = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow or not -2**31 <= count < 2**31:
        raise ValueError(f"num_threads is {number}, must be 0 (automatic) or more, and fit 32 bits")
    return <int>count


cdef object integer(object value, str name):
    if type(value) is int:
        return value
    if isinstance(value, (bool, _np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        return _index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}") from None
