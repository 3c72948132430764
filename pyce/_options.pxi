# The options of the losses as pyce.h wants them. Part of _core.pyx.
#
# They travel as one tuple, in the order of `fill_options`, which is the one place that reads it (beside _fold.py, which
# reshapes the arrays among them); None where every option has its default.

cdef object NO_REDUCTION = "none"
cdef object BY_WEIGHTS = "weights"
cdef dict REDUCTIONS = {"none": PYCE_REDUCTION_NONE, "sum": PYCE_REDUCTION_SUM, "mean": PYCE_REDUCTION_MEAN}
cdef dict DENOMINATORS = {
    "weights": PYCE_DENOMINATOR_WEIGHTS, "rows": PYCE_DENOMINATOR_ROWS, "batch": PYCE_DENOMINATOR_BATCH
}


cdef inline bint is_zero(object value):
    """Whether label_smoothing has its default."""
    return type(value) is float and <double>value == 0.0


cdef int fill_options(Call *call, tuple options) except -1:
    """Options to pyce_args; the library checks their values."""
    cdef pyce_args *args = &call.args
    reduction, denominator, sample_weight, where, class_weight, label_smoothing, ignore_index, vector = options
    args.reduction = choice(reduction, "reduction", REDUCTIONS)
    if isinstance(denominator, str):
        args.denominator = choice(denominator, "denominator", DENOMINATORS)
    else:
        args.denominator = PYCE_DENOMINATOR_VALUE
        args.denominator_value = number(denominator, "denominator", "'weights', 'rows', 'batch' or a number")
    args.label_smoothing = number(label_smoothing, "label_smoothing", "a number in [0, 1]")
    if ignore_index is not None:
        args.has_ignore_index = 1
        args.ignore_index = index_to_ignore(ignore_index)
    if sample_weight is not None:
        read_into(call, open_input(call, sample_weight, "sample_weight", REALS), &args.sample_weight, LOSSES,
                  "sample_weight")
    if where is not None:
        read_into(call, open_input(call, where, "where", BOOLS), &args.where, LOSSES, "where")
    if class_weight is not None:
        read_into(call, open_input(call, class_weight, "class_weight", REALS), &args.class_weight, CLASSES,
                  "class_weight")
    if vector is not None:
        read_into(call, open_input(call, vector, "vector", REALS), &args.vector, SAME, "vector")
    return 0


cdef int choice(object value, str name, dict choices) except -1:
    cdef object known = choices.get(value) if isinstance(value, str) else None
    if known is not None:
        return known
    words = ", ".join(map(repr, choices))
    if isinstance(value, str):
        raise ValueError(f"{name} must be one of {words}, got {value!r}")
    raise TypeError(f"{name} must be one of {words}, got {type(value).__name__}")


cdef double number(object value, str name, str expected) except? -1:
    """A Python or NumPy number, or a 0-d array of one."""
    if isinstance(value, (bool, str, bytes, bytearray, memoryview, _np.bool_)) or value is None:
        raise TypeError(f"{name} must be {expected}, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be {expected}, got an integer beyond the range of float64") from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be {expected}, got {type(value).__name__}") from None


cdef int64_t index_to_ignore(object value) except? -1:
    cdef object index = integer(value, "ignore_index")
    if not -2**63 <= index < 2**63:
        raise ValueError(f"ignore_index is {index}, must fit 64 bits with a sign")
    return index
