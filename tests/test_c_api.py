"""pyce_compute called from outside, by the header's own declarations: every status with what its error carries."""

import re

import data
import numpy as np
import pytest
from c_header import declarations, header_text, library_path
from error_texts import C_ROWS, row_of
from helpers import FUNCTIONS, assert_same_bits

cffi = pytest.importorskip("cffi")

DTYPES = {np.dtype(np.float32): 1, np.dtype(np.float64): 2, np.dtype(np.int64): 14, np.dtype(np.uint8): 21}
SENTINEL = 99.0
ffi = cffi.FFI()
ffi.cdef(declarations())


@pytest.fixture(scope="module")
def lib():
    return ffi.dlopen(str(library_path()))


class Problem:
    """A good call, to be spoilt; keeps its arrays alive."""

    def __init__(self, lib, loss="sparse_softmax", shape=(4, 3), outputs=("loss", "grad")):
        self.lib = lib
        self.args = ffi.new("pyce_args *")
        self.error = ffi.new("pyce_error *")
        self.args.struct_size = ffi.sizeof("pyce_args")
        self.error.struct_size = ffi.sizeof("pyce_error")
        self.args.loss_kind = getattr(lib, f"PYCE_{loss.upper()}")
        self.args.ndim = len(shape)
        self.args.shape[0 : len(shape)] = list(shape)
        self.args.axis = len(shape) - 1
        self.arrays = {}
        self.set("logits", data.logits("random", int(np.prod(shape[:-1])), shape[-1], np.float32).reshape(shape))
        sparse = loss == "sparse_softmax"
        self.set("labels", np.zeros(shape[:-1] if sparse else shape, np.int64 if sparse else np.float32))
        if loss == "weighted":
            self.set("pos_weight", np.full(shape, 2, np.float32))
        for name in outputs:
            reduced = loss.endswith("softmax") and name in ("loss", "lse")
            self.set(name, np.full(shape[:-1] if reduced else shape, SENTINEL, np.float32))

    def set(self, name, array, data_of=None):
        field = getattr(self.args, name)
        field.dtype = DTYPES[array.dtype]
        field.data = ffi.cast("void *", (array if data_of is None else data_of).ctypes.data)
        field.stride[0 : array.ndim] = [s // array.itemsize for s in array.strides]
        self.arrays[name] = array
        return field

    def run(self):
        return self.lib.pyce_compute(self.args, self.error)

    def message(self):
        return ffi.string(self.error.message).decode()

    def refuse(self, status, argument=None):
        """The call returns the status, says so in the error, and touches no output."""
        number = getattr(self.lib, f"PYCE_ERROR_{status}")
        assert self.run() == number, self.message()
        assert self.error.status == number
        if argument is not None:
            assert self.error.argument == getattr(self.lib, f"PYCE_ARG_{argument}")
        assert 10 < len(self.message()) < 256
        assert "\n" not in self.message()
        for name, array in self.arrays.items():
            if name not in ("logits", "labels", "pos_weight"):
                assert (array == SENTINEL).all(), name


def test_good_call_has_the_bits_of_python_and_clears_the_error(lib):
    problem = Problem(lib)
    problem.error.status = 40
    problem.error.message = b"old"
    assert problem.run() == lib.PYCE_OK
    assert (problem.error.status, problem.error.index, problem.message()) == (0, -1, "")
    for name in ("loss", "grad"):
        expected = FUNCTIONS["sparse_softmax"](
            logits=problem.arrays["logits"], labels=problem.arrays["labels"], returns=name
        )
        assert_same_bits(problem.arrays[name], expected)


def test_error_may_be_null(lib):
    problem = Problem(lib)
    assert lib.pyce_compute(problem.args, ffi.NULL) == lib.PYCE_OK
    problem.args.loss_kind = 77
    assert lib.pyce_compute(problem.args, ffi.NULL) == lib.PYCE_ERROR_LOSS


@pytest.mark.parametrize("size", [0, -1, 8, 1 << 40])
def test_struct_size_of_args(lib, size):
    problem = Problem(lib)
    problem.args.struct_size = size
    problem.refuse("STRUCT_SIZE", "ARGS")


def larger_args(problem, last_byte):
    """The args in a struct 16 bytes longer, as a program built with a later header has them."""
    size = ffi.sizeof("pyce_args")
    memory = ffi.new("char[]", size + 16)
    problem.args.struct_size = size + 16
    ffi.memmove(memory, problem.args, size)
    memory[size + 15] = last_byte
    return memory


def test_larger_struct_with_unknown_bytes_of_zero_is_accepted(lib):
    problem = Problem(lib)
    memory = larger_args(problem, b"\0")
    assert lib.pyce_compute(ffi.cast("pyce_args *", memory), problem.error) == lib.PYCE_OK


def test_larger_struct_with_unknown_fields_set_is_refused(lib):
    problem = Problem(lib)
    memory = larger_args(problem, b"\1")
    assert lib.pyce_compute(ffi.cast("pyce_args *", memory), problem.error) == lib.PYCE_ERROR_STRUCT_SIZE
    assert (problem.arrays["loss"] == SENTINEL).all()


def test_args_that_are_null(lib):
    error = Problem(lib).error
    assert lib.pyce_compute(ffi.NULL, error) == lib.PYCE_ERROR_NULL
    assert error.argument == lib.PYCE_ARG_ARGS


@pytest.mark.parametrize(("loss", "name"), [
    ("sigmoid", "logits"), ("sigmoid", "labels"), ("weighted", "pos_weight"), ("softmax", "labels"),
    ("sparse_softmax", "labels"), ("sparse_softmax", "logits"),
])  # fmt: skip
def test_array_that_is_needed_and_null(lib, loss, name):
    problem = Problem(lib, loss)
    getattr(problem.args, name).data = ffi.NULL
    problem.refuse("NULL", name.upper())


@pytest.mark.parametrize("name", ["logits", "labels", "grad", "loss"])
def test_reserved_field_that_is_not_zero(lib, name):
    problem = Problem(lib)
    getattr(problem.args, name).reserved = 1
    problem.refuse("RESERVED", name.upper())


@pytest.mark.parametrize("kind", [0, -1, 5, 1 << 30])
def test_unknown_loss(lib, kind):
    problem = Problem(lib)
    problem.args.loss_kind = kind
    problem.refuse("LOSS", "LOSS_KIND")


@pytest.mark.parametrize(("name", "dtype"), [
    ("logits", 14), ("logits", 0), ("logits", 5), ("logits", 99), ("labels", 2), ("labels", 5), ("labels", 15),
    ("grad", 14), ("loss", 0), ("grad", 5),
])  # fmt: skip
def test_dtype_that_an_argument_cannot_have(lib, name, dtype):
    problem = Problem(lib)
    getattr(problem.args, name).dtype = dtype
    problem.refuse("DTYPE", name.upper())


@pytest.mark.parametrize("name", ["labels", "pos_weight"])
def test_integer_dtype_where_floats_are_needed(lib, name):
    problem = Problem(lib, "weighted")
    getattr(problem.args, name).dtype = 14
    problem.refuse("DTYPE", name.upper())


def test_no_output(lib):
    Problem(lib, outputs=()).refuse("OUTPUT")


def test_output_that_the_loss_does_not_have(lib):
    problem = Problem(lib, "sigmoid")
    problem.set("lse", np.full((4, 3), SENTINEL, np.float32))
    problem.refuse("OUTPUT", "LSE")


def test_negative_number_of_threads(lib):
    problem = Problem(lib)
    problem.args.num_threads = -1
    problem.refuse("THREADS", "NUM_THREADS")


@pytest.mark.parametrize("isa", [-1, 4, 1000])
def test_unknown_instruction_set(lib, isa):
    problem = Problem(lib)
    problem.args.isa = isa
    problem.refuse("ISA", "ISA")


def test_instruction_set_that_is_not_available_is_refused(lib):
    for isa in (1, 2, 3):
        problem = Problem(lib)
        problem.args.isa = isa
        if lib.pyce_isa_available(isa):
            assert problem.run() == lib.PYCE_OK
        else:
            problem.refuse("ISA", "ISA")


@pytest.mark.parametrize("loss", ["sigmoid", "softmax", "sparse_softmax"])
def test_array_that_the_loss_does_not_use(lib, loss):
    problem = Problem(lib, loss)
    problem.set("pos_weight", np.ones((4, 3), np.float32))
    problem.refuse("ARGUMENT", "POS_WEIGHT")


@pytest.mark.parametrize("ndim", [0, -1, 9])
def test_number_of_axes_out_of_range(lib, ndim):
    problem = Problem(lib)
    problem.args.ndim = ndim
    problem.refuse("NDIM", "NDIM")


@pytest.mark.parametrize("shape", [(-1, 3), (1 << 40, 1 << 40), (1 << 62, 2)])
def test_shape_that_is_negative_or_beyond_addresses(lib, shape):
    problem = Problem(lib)
    problem.args.shape[0:2] = list(shape)
    problem.refuse("SHAPE", None)


@pytest.mark.parametrize("axis", [-1, 2, 100])
def test_axis_out_of_range(lib, axis):
    problem = Problem(lib)
    problem.args.axis = axis
    problem.refuse("AXIS", "AXIS")


def test_class_axis_that_is_empty(lib):
    problem = Problem(lib)
    problem.args.shape[1] = 0
    problem.refuse("CLASSES")


@pytest.mark.parametrize(("name", "strides"), [("grad", (0, 1)), ("grad", (3, 0)), ("grad", (1, 1)), ("loss", (0, 0))])
def test_output_that_overlaps_itself(lib, name, strides):
    problem = Problem(lib)
    getattr(problem.args, name).stride[0:2] = list(strides)
    problem.refuse("STRIDE", name.upper())


def test_output_that_overlaps_another_array(lib):
    problem = Problem(lib)
    problem.set("hess", problem.arrays["grad"])
    problem.refuse("OVERLAP")
    problem = Problem(lib)
    base = np.ones(20, np.float32)
    problem.set("logits", base[:12].reshape(4, 3))
    problem.args.grad.data = ffi.cast("void *", base[3:].ctypes.data)
    problem.refuse("OVERLAP", "GRAD")
    assert (base == 1).all()


@pytest.mark.parametrize(("value", "index"), [(-1, 0), (3, 3), (1 << 40, 2), (-(1 << 63), 1)])
def test_bad_label_is_reported_with_index_and_value(lib, value, index):
    problem = Problem(lib)
    problem.arrays["labels"][index] = value
    problem.refuse("LABEL", "LABELS")
    assert (problem.error.index, problem.error.value) == (index, value)
    assert str(index) in problem.message()
    assert str(value) in problem.message()


def test_index_of_a_bad_label_counts_in_c_order_over_the_labels(lib):
    """Labels of (2, 5) on logits whose class axis lies in the middle."""
    problem = Problem(lib, shape=(2, 3, 5))
    problem.args.axis = 1
    labels = np.zeros((2, 5), np.int64)
    labels[1, 2] = 9
    field = problem.set("labels", labels)
    field.stride[0:3] = [5, 12345, 1]
    for name, strides in (("loss", [5, 0, 1]),):
        problem.set(name, np.full((2, 5), SENTINEL, np.float32)).stride[0:3] = strides
    problem.refuse("LABEL", "LABELS")
    assert problem.error.index == 7


def test_stride_of_the_class_axis_is_ignored_by_arrays_without_one(lib):
    problem = Problem(lib)
    problem.args.labels.stride[1] = 1 << 50
    problem.args.loss.stride[1] = -(1 << 50)
    assert problem.run() == lib.PYCE_OK


def test_lse_alone_needs_no_labels(lib):
    problem = Problem(lib, outputs=("lse",))
    problem.args.labels.data = ffi.NULL
    assert problem.run() == lib.PYCE_OK
    assert np.isfinite(problem.arrays["lse"]).all()
    assert (problem.arrays["lse"] != SENTINEL).all()


def test_every_status_of_the_header_has_its_name(lib):
    statuses = dict(re.findall(r"(PYCE_OK|PYCE_ERROR_\w+)\s*=\s*(\d+)", header_text()))
    assert {"PYCE_OK", "PYCE_ERROR_LABEL"} < statuses.keys()
    for name, number in statuses.items():
        assert ffi.string(lib.pyce_status_name(int(number))).decode() == name


@pytest.mark.parametrize("function", ["loss", "isa", "dtype", "status", "argument"])
def test_numbers_without_a_name_give_null(lib, function):
    for number in (-1, 9999, 1 << 30):
        assert getattr(lib, f"pyce_{function}_name")(number) == ffi.NULL


def test_version_and_machine_are_told(lib):
    version = tuple(int(part) for part in ffi.string(lib.pyce_version()).split(b"."))
    assert version == (lib_constant("VERSION_MAJOR"), lib_constant("VERSION_MINOR"), lib_constant("VERSION_PATCH"))
    assert lib.pyce_abi_version() == lib_constant("ABI_VERSION")
    assert lib.pyce_max_threads() >= 1
    assert lib.pyce_isa_available(lib.pyce_isa_default()) == 1
    assert ffi.string(lib.pyce_compiler())


def lib_constant(name):
    return int(re.search(rf"#define PYCE_{name} (\d+)", header_text()).group(1))


def spoil(**fields):
    """A change to args: fields, or fields of an array by `array__field`."""

    def change(problem):
        for name, value in fields.items():
            array, _, field = name.partition("__")
            setattr(getattr(problem.args, array) if field else problem.args, field or name, value)

    return change


def null_args(problem):
    problem.args = ffi.NULL


def fill_unknown_bytes(problem):
    problem.memory = larger_args(problem, b"\1")
    problem.args = ffi.cast("pyce_args *", problem.memory)


def step_by(name, stride):
    return lambda problem: getattr(problem.args, name).stride.__setitem__(0, stride)


def extend(axis, extent):
    return lambda problem: problem.args.shape.__setitem__(axis, extent)


def label(value):
    return lambda problem: problem.arrays["labels"].fill(value)


def huge_label(problem):
    problem.arrays["labels"].fill(-1)
    problem.args.labels.dtype = 24


# One fault for each row of the table for C in docs/errors.md; the loss, if it is not sparse_softmax, before it.
FAULTS = [
    spoil(struct_size=8), fill_unknown_bytes, null_args, spoil(labels__data=ffi.NULL), spoil(grad__reserved=1),
    spoil(loss_kind=77), spoil(logits__dtype=14), spoil(loss__data=ffi.NULL, grad__data=ffi.NULL),
    ("sigmoid", lambda p: p.set("lse", p.arrays["loss"] + 0)), lambda p: p.set("labels_grad", p.arrays["grad"] + 0),
    spoil(num_threads=-1), spoil(isa=1000), lambda p: p.set("pos_weight", p.arrays["logits"]),
    ("sigmoid", lambda p: p.set("class_weight", p.arrays["logits"])), ("sigmoid", spoil(has_ignore_index=1)),
    lambda p: p.set("vector", p.arrays["logits"]), spoil(reduction=9), spoil(reduction=2, denominator=9),
    spoil(denominator=1), spoil(reduction=2, denominator=3), spoil(denominator_value=1), spoil(label_smoothing=2),
    spoil(ndim=9), extend(0, -1), extend(0, 1 << 62), step_by("logits", 1 << 60), spoil(axis=5), extend(1, 0),
    step_by("grad", 0), lambda p: p.set("hess", p.arrays["grad"]),
    lambda p: spoil(logits__data=p.args.logits.data + 1)(p), label(-1), huge_label,
]  # fmt: skip


def test_every_row_of_the_documented_errors_is_reached(lib):
    reached = set()
    for fault in FAULTS:
        loss, change = fault if isinstance(fault, tuple) else ("sparse_softmax", fault)
        problem = Problem(lib, loss)
        change(problem)
        row = row_of(C_ROWS, ffi.string(lib.pyce_status_name(problem.run())).decode(), problem.message())
        assert row not in reached, problem.message()
        reached.add(row)
    assert reached == C_ROWS
