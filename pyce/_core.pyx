# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True
"""The extension: Python arguments become pyce_args here, and C errors become Python exceptions.

The losses (_losses.pxi) call `run_loss`, the functions of companions.py `transform`; both end in `evaluate`, the one
place that fills a pyce_args. How an array becomes pointer, dtype and strides is in _arrays.pxi, bfloat16 by DLPack in
_dlpack.pxi; the typed-memoryview functions for other Cython code are in _views.pxi; what the library says about itself
is at the end of this file.
"""
from cpython.object cimport PyObject, PyTypeObject

from pyce.pyce cimport *

from numpy.exceptions import AxisError as _AxisError

from pyce import _fold, _intake
from pyce._result import Result as _Result

if pyce_abi_version() != PYCE_ABI_VERSION:
    raise ImportError(
        f"pyce's extension was built for ABI {PYCE_ABI_VERSION} of libpyce, but the library found at run time has "
        f"ABI {pyce_abi_version()}; another libpyce may have been loaded first"
    )

SIGMOID = PYCE_SIGMOID
WEIGHTED = PYCE_WEIGHTED
SOFTMAX = PYCE_SOFTMAX
SPARSE_SOFTMAX = PYCE_SPARSE_SOFTMAX

cdef object DEFAULT_AXIS = _intake.DEFAULT_AXIS

cdef extern from "Python.h":
    ctypedef object (*newfunc)(PyTypeObject *type, object args, PyObject *keywords)
    int Py_tp_new
    void *PyType_GetSlot(PyTypeObject *type, int slot)

cdef newfunc new_tuple = <newfunc>PyType_GetSlot(<PyTypeObject *>tuple, Py_tp_new)

# Every output by its place in pyce_args, and what `returns` may ask of each loss.
cdef enum:
    LOSS = 0
    LSE = 3
    CORRECT = 6
    HVP = 8
cdef tuple OUTPUT_NAMES = ("loss", "grad", "hess", "lse", "prob", "log_prob", "correct", "labels_grad", "hvp")
cdef dict PLACES = {name: (number,) for number, name in enumerate(OUTPUT_NAMES)}
cdef dict ELEMENT_PLACES = {name: PLACES[name] for name in OUTPUT_NAMES if name not in ("lse", "correct", "hvp")}
cdef dict ROW_PLACES = {name: PLACES[name] for name in OUTPUT_NAMES if name != "hvp"}
cdef dict SPARSE_PLACES = {name: PLACES[name] for name in ROW_PLACES if name != "labels_grad"}
cdef dict HVP_PLACES = {"hvp": PLACES["hvp"]}
cdef tuple RETURNS = (None, ELEMENT_PLACES, ELEMENT_PLACES, ROW_PLACES, SPARSE_PLACES)  # by loss

include "_arrays.pxi"
include "_dlpack.pxi"
include "_views.pxi"
include "_options.pxi"
include "_losses.pxi"


def compute(int kind, tuple positional, labels, targets, logits, pos_weight, axis, dim, returns, out, dtype,
            num_threads, int isa=0, reduction="none", denominator="weights", sample_weight=None, where=None,
            class_weight=None, label_smoothing=0.0, ignore_index=None, vector=None):
    """One call of a loss function; `isa` is for tests (0: the best there is)."""
    if positional:
        raise_positional()
    return run_loss(kind, labels, targets, logits, pos_weight, axis, dim, returns, out, dtype, num_threads, isa,
                    reduction, denominator, sample_weight, where, class_weight, label_smoothing, ignore_index, vector)


cdef object run_loss(int kind, object labels, object targets, object logits, object pos_weight, object axis,
                     object dim, object returns, object out, object dtype, object num_threads, int isa,
                     object reduction, object denominator, object sample_weight, object where, object class_weight,
                     object label_smoothing, object ignore_index, object vector):
    if targets is not None or dim is not None or labels is None or logits is None:
        labels, axis = settle_names(labels, targets, logits, axis, dim)
    if kind == PYCE_WEIGHTED and pos_weight is None:
        raise TypeError("pos_weight is missing: it is required, pos_weight=...")

    cdef tuple options = None
    if (reduction is not NO_REDUCTION or denominator is not BY_WEIGHTS or sample_weight is not None
            or where is not None or class_weight is not None or not is_zero(label_smoothing)
            or ignore_index is not None or vector is not None):
        options = (reduction, denominator, sample_weight, where, class_weight, label_smoothing, ignore_index, vector)

    cdef dict names = RETURNS[kind] if vector is None else HVP_PLACES
    cdef bint single = isinstance(returns, str)
    cdef tuple places = names.get(returns) if single else None
    cdef tuple given = None
    if places is None:
        places = parse_returns(returns, names)
    if out is not None:
        given = parse_out(out, places, single)

    cdef list values = evaluate(kind, labels, logits, pos_weight, axis, places, given, dtype, num_threads, isa,
                                options)
    return values[0] if single else new_result(tuple(returns), values)


def transform(int kind, str output, x, axis, out, num_threads, int isa=0):
    """One output of the logits alone: prob, log_prob or lse."""
    cdef tuple places = PLACES[output]
    cdef tuple given = None if out is None else parse_out(out, places, True)
    cdef list values = evaluate(kind, None, x, None, axis, places, given, None, num_threads, isa, None)
    return values[0]


cpdef list evaluate(int kind, labels, logits, pos_weight, axis, tuple places, tuple out, dtype, num_threads, int isa,
                    tuple options=None):
    """The outputs at `places`, in that order; `out` has what the caller gave for each, or None."""
    cdef Call call
    cdef list values
    call.held = 0
    try:
        values = fill_and_run(&call, kind, labels, logits, pos_weight, axis, places, out, dtype, num_threads, isa,
                              options)
    finally:
        release(&call)
    if values is None:
        return evaluate_folded(kind, labels, logits, pos_weight, axis, places, out, dtype, num_threads, isa, options)
    return values


cdef list fill_and_run(Call *call, int kind, object labels, object logits, object pos_weight, object axis,
                       tuple places, tuple out, object dtype, object num_threads, int isa, tuple options):
    """Arguments to pyce_args, and the call. None if the logits have more axes than the library takes."""
    cdef pyce_args *args = &call.args
    cdef View *view
    cdef int place, number
    cdef bint rows = kind >= PYCE_SOFTMAX

    init_call(call)
    args.loss_kind = kind
    args.isa = isa
    if num_threads is not None:
        args.num_threads = thread_count(num_threads)

    view = open_input(call, logits, "logits" if labels is not None else "x", LOGITS)
    if view.buffer.ndim > PYCE_MAX_NDIM:
        return None
    set_problem(call, &view.buffer, rows, axis)
    read_into(call, view, &args.logits, SAME, "logits")
    if labels is not None:
        if kind == PYCE_SPARSE_SOFTMAX:
            read_into(call, open_input(call, labels, "labels", INDICES), &args.labels, REDUCED, "labels")
        else:
            read_into(call, open_input(call, labels, "labels", REALS), &args.labels, ROWS if rows else SAME, "labels")
    if pos_weight is not None:
        read_weight(call, pos_weight)
    if options is not None:
        fill_options(call, options)

    if dtype is not None:
        dtype = _intake.as_dtype(dtype)
    cdef list values = []
    for number in range(len(places)):
        place = places[number]
        values.append(attach_output(call, place, None if out is None else out[number], dtype))
    run(call)
    for number in range(len(places)):
        place = places[number]
        if is_scalar(args, place) and (out is None or out[number] is None):
            values[number] = values[number][()]
    return values


cdef int run(Call *call) except -1:
    cdef pyce_status status
    if is_small(&call.args):
        status = pyce_compute(&call.args, &call.error)
    else:
        with nogil:
            status = pyce_compute(&call.args, &call.error)
    if status != PYCE_OK:
        raise_error(&call.error)
    return 0


cdef int raise_error(pyce_error *error) except -1 with gil:
    """The one place where a C status becomes a Python exception; the words are the library's."""
    cdef pyce_status status = error.status
    cdef str message = error.message.decode("utf-8", "replace")
    if status == PYCE_ERROR_DTYPE:
        raise TypeError(message)
    if status == PYCE_ERROR_AXIS:
        raise _AxisError(message)
    if status in (PYCE_ERROR_STRUCT_SIZE, PYCE_ERROR_NULL, PYCE_ERROR_RESERVED, PYCE_ERROR_LOSS, PYCE_ERROR_ARGUMENT):
        raise SystemError(f"pyce's extension and its C library disagree: {message}")
    raise ValueError(message)


cdef int raise_positional() except -1:
    raise TypeError(
        "labels and logits must be named: the order of the two differs between libraries and versions; "
        "write labels=..., logits=..."
    )


cdef tuple settle_names(object labels, object targets, object logits, object axis, object dim):
    """(labels, axis) from the newer and older spellings; the errors of a call that lacks an argument."""
    if targets is not None:
        if labels is not None:
            raise ValueError("Cannot specify both 'targets' and 'labels'.")
        labels = targets
    if dim is not None:
        if axis is not DEFAULT_AXIS:
            raise ValueError("Cannot specify both 'dim' and 'axis'.")
        axis = dim
    if labels is None:
        raise TypeError("labels is missing: it is required, labels=...")
    if logits is None:
        raise TypeError("logits is missing: it is required, logits=...")
    return labels, axis


cdef tuple parse_returns(object returns, dict names):
    """The places of a tuple or list of output names, each known and there once."""
    cdef list places = []
    cdef tuple place = None
    cdef int seen = 0, bit
    if isinstance(returns, str):
        returns = (returns,)
    elif not isinstance(returns, (tuple, list)):
        raise TypeError(f"returns must be a name or a tuple of names, got {type(returns).__name__}")
    for name in returns:
        place = names.get(name) if isinstance(name, str) else None
        if place is None:
            raise ValueError(f"returns has the unknown name {name!r}; this loss has {', '.join(names)}")
        bit = 1 << <int>place[0]
        if seen & bit:
            raise ValueError(f"returns has the name {name!r} twice")
        seen |= bit
        places.append(place[0])
    if not places:
        raise ValueError(f"returns is empty; this loss has {', '.join(names)}")
    return place if len(places) == 1 else tuple(places)


cdef tuple parse_out(object out, tuple places, bint single):
    """The out option in the order of `places`, None where nothing is given."""
    cdef list given = []
    cdef int found = 0
    if not isinstance(out, dict):
        if not single:
            raise ValueError(f"out must be a dict by name when returns is a tuple, got {type(out).__name__}")
        return (out,)
    for place in places:
        name = OUTPUT_NAMES[place]
        found += name in <dict>out
        given.append((<dict>out).get(name))
    if found < len(out):
        raise_unknown_out(out, names_of(places))
    return tuple(given)


cdef tuple names_of(tuple places):
    """The outputs' names. Lists grow by append() in this module: where one finds no memory to grow, a comprehension of
    Cython 3.3.1 drops its element twice, and what it belonged to is gone."""
    cdef list names = []
    for place in places:
        names.append(OUTPUT_NAMES[place])
    return tuple(names)


cdef int raise_unknown_out(dict out, tuple asked) except -1:
    for name in out:
        if name not in asked:
            raise ValueError(f"out has the name {name!r}, but this call returns {', '.join(asked)}")
    return 0


cdef object new_result(tuple names, list values):
    """_Result(names, values) without calls of Python functions, 150 ns."""
    result = new_tuple(<PyTypeObject *>_Result, (values,), NULL)
    result._names = names
    return result


cdef list evaluate_folded(int kind, object labels, object logits, object pos_weight, object axis, tuple places,
                          tuple out, object dtype, object num_threads, int isa, tuple options):
    """Logits of more than PYCE_MAX_NDIM axes, through copies of at most two."""
    logits = _intake.as_array(logits, "logits")
    class_axis = normal_axis(axis, logits.ndim) if kind >= PYCE_SOFTMAX else None
    rule = "same" if kind < PYCE_SOFTMAX else "reduced" if kind == PYCE_SPARSE_SOFTMAX else "rows"

    names = names_of(places)
    by_name = None if out is None else dict(zip(names, out))

    def evaluate_flat(labels, logits, pos_weight, axis, out, options):
        given = tuple(map(out.get, names))
        return evaluate(kind, labels, logits, pos_weight, axis, places, given, dtype, num_threads, isa, options)

    return _fold.evaluate_folded(evaluate_flat, rule, (labels, logits, pos_weight), class_axis, names, by_name,
                                 options)


def losses():
    """The names of the losses, from the library; the number of a loss is its place, from 1."""
    return names_until_null(pyce_loss_name)


def returns(str loss):
    """What `returns` may ask of the loss of that name."""
    cdef tuple known = losses()
    if loss not in known:
        raise ValueError(f"loss must be one of {', '.join(known)}, got {loss!r}")
    return tuple(RETURNS[known.index(loss) + 1])


def isas():
    """{name: (number, compiled, available)} of the instruction sets that the library knows."""
    return {
        name: (number, bool(pyce_isa_compiled(number)), bool(pyce_isa_available(number)))
        for number, name in enumerate(names_until_null(pyce_isa_name), 1)
    }


def library():
    """What the running library says of itself and of this machine."""
    return {
        "version": pyce_version().decode(),
        "abi": pyce_abi_version(),
        "isa": pyce_isa_name(pyce_isa_default()).decode(),
        "threads": pyce_max_threads(),
        "openmp": pyce_openmp(),
        "compiler": pyce_compiler().decode(),
    }


ctypedef const char *(*name_function)(int32_t) noexcept nogil

cdef tuple names_until_null(name_function name_of):
    cdef list names = []
    cdef const char *name = name_of(1)
    while name != NULL:
        names.append(name.decode())
        name = name_of(<int32_t>len(names) + 1)
    return tuple(names)
