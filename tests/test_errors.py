"""Bad input: the exception, what its message says, and that no output has been touched."""

import data
import numpy as np
import pytest
from helpers import BINARY_LOSSES, FUNCTIONS, LOSSES, ROW_LOSSES, assert_same_bits

import pyce
from pyce import _core

SENTINEL = 99.0


def good(loss, shape=(4, 3), dtype=np.float32):
    labels = np.zeros(shape[:-1], np.int64) if loss == "sparse_softmax" else np.zeros(shape, dtype)
    arguments = {"logits": np.ones(shape, dtype), "labels": labels}
    return arguments | ({"pos_weight": 2.0} if loss == "weighted" else {})


def refuse(error, match, loss, arguments, **options):
    """The call raises; every output, prefilled, is as it was. `match`: parts that the message has."""
    shape = np.shape(arguments.get("logits", np.ones((4, 3))))
    out = options.pop("out", None)
    if out is None:
        rows = shape[:-1] if loss in ROW_LOSSES else shape
        out = {"loss": np.full(rows, SENTINEL), "grad": np.full(shape, SENTINEL), "hess": np.full(shape, SENTINEL)}
    returns = options.pop("returns", tuple(out))
    with pytest.raises(error) as caught:
        FUNCTIONS[loss](**arguments, returns=returns, out=out, **options)
    message = str(caught.value)
    for part in (match,) if isinstance(match, str) else match:
        assert part in message, message
    for array in out.values() if isinstance(out, dict) else ():
        if isinstance(array, np.ndarray) and array is not arguments.get("logits"):
            assert (array == SENTINEL).all()


# shapes


@pytest.mark.parametrize("loss", LOSSES)
def test_labels_of_another_shape(loss):
    arguments = good(loss) | {"labels": np.zeros((5, 3) if loss != "sparse_softmax" else (5,), np.int64)}
    refuse(ValueError, ("labels", "logits", str(arguments["labels"].shape), "(4, 3)"), loss, arguments)


@pytest.mark.parametrize("shape", [(4, 1), (1, 3), (3,), ()])
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_binary_labels_do_not_broadcast(loss, shape):
    refuse(ValueError, (str(shape), "(4, 3)"), loss, good(loss) | {"labels": np.zeros(shape)})


@pytest.mark.parametrize("shape", [(4, 1), (3,), (1, 4, 3)])
def test_softmax_labels_broadcast_outside_the_class_axis_only(shape):
    refuse(ValueError, (str(shape), "(4, 3)"), "softmax", good("softmax") | {"labels": np.zeros(shape)})


@pytest.mark.parametrize("shape", [(4, 1), (4, 3), (1,), (), (3,)])
def test_index_labels_have_the_shape_without_the_class_axis(shape):
    arguments = good("sparse_softmax") | {"labels": np.zeros(shape, int)}
    refuse(ValueError, (str(shape), "(4, 3)"), "sparse_softmax", arguments)


@pytest.mark.parametrize("shape", [(5, 4, 3), (2, 3), (4,), (1, 1, 1)])
def test_pos_weight_may_not_enlarge_or_misfit(shape):
    refuse(
        ValueError, ("pos_weight", str(shape), "(4, 3)"), "weighted", good("weighted") | {"pos_weight": np.ones(shape)}
    )


def test_pos_weight_may_not_enlarge_an_extent_of_one():
    arguments = good("weighted", (4, 1)) | {"pos_weight": np.ones((4, 3))}
    refuse(ValueError, ("pos_weight", "(4, 3)", "(4, 1)"), "weighted", arguments)


@pytest.mark.parametrize("axis", [2, -3, 100])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_axis_out_of_range(loss, axis):
    refuse(np.exceptions.AxisError, str(axis), loss, good(loss), axis=axis)


@pytest.mark.parametrize("axis", [1.0, "1", (0,), None])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_axis_that_is_no_integer(loss, axis):
    refuse(TypeError, "", loss, good(loss), axis=axis)


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_logits_of_no_axes_have_no_class_axis(loss):
    with pytest.raises(np.exceptions.AxisError):
        FUNCTIONS[loss](labels=0 if loss == "sparse_softmax" else 0.0, logits=np.float32(1))


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_no_classes_in_a_batch_that_is_not_empty(loss):
    refuse(ValueError, "class", loss, good(loss, (4, 0)))


# labels


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.int32])
@pytest.mark.parametrize("classes", [3, 100, 300])
def test_negative_label_is_reported_with_index_value_and_range(classes, dtype):
    labels = np.zeros((5, 2), dtype)
    labels[3, 1] = -1
    arguments = {"logits": np.ones((5, 2, classes), np.float32), "labels": labels}
    refuse(ValueError, ("-1", f"0 to {classes - 1}", "index 7"), "sparse_softmax", arguments)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64, np.int64])
@pytest.mark.parametrize("classes", [3, 100])
def test_label_equal_to_the_number_of_classes_is_reported(classes, dtype):
    labels = np.zeros(2000, dtype)
    labels[1999] = classes
    arguments = {"logits": np.ones((2000, classes), np.float32), "labels": labels}
    refuse(ValueError, ("index 1999", f"is {classes}", f"0 to {classes - 1}"), "sparse_softmax", arguments)


def test_the_first_bad_label_is_the_one_reported_whatever_the_threads():
    labels = np.zeros(50000, np.int64)
    labels[[17000, 30000, 49999]] = 77, 88, 99
    for threads in (1, 2, 4):
        arguments = {"logits": np.ones((50000, 5), np.float32), "labels": labels}
        refuse(ValueError, ("77", "17000"), "sparse_softmax", arguments, num_threads=threads)


@pytest.mark.parametrize("value", [2**32, 2**31, 2**63, 2**64 - 1, 2**32 + 1])
def test_huge_labels_are_not_cut_to_fewer_bits(value):
    labels = np.array([0, value, 1], np.uint64)
    refuse(ValueError, str(value), "sparse_softmax", {"logits": np.ones((3, 5), np.float32), "labels": labels})


def test_a_bad_label_leaves_logits_alone_when_grad_would_overwrite_them():
    x = data.logits("random", 40, 300, np.float32)
    copy = x.copy()
    labels = np.zeros(40, int)
    labels[-1] = 300
    refuse(ValueError, "300", "sparse_softmax", {"logits": x, "labels": labels}, out={"grad": x})
    assert_same_bits(x, copy)


# dtypes


@pytest.mark.parametrize(
    "dtype", [np.int64, np.uint8, bool, complex, np.complex64, object, np.longdouble, "U3", "M8[s]"]
)
@pytest.mark.parametrize("loss", LOSSES)
def test_logits_that_are_not_floats(loss, dtype):
    arguments = good(loss) | {"logits": np.ones((4, 3)).astype("i8").astype(dtype)}
    refuse(TypeError, ("logits", str(np.dtype(dtype))), loss, arguments)


@pytest.mark.parametrize("loss", LOSSES)
def test_masked_arrays(loss):
    refuse(TypeError, "mask", loss, good(loss) | {"logits": np.ma.masked_invalid(np.ones((4, 3)))})


@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool, complex, object])
def test_index_labels_that_are_not_integers(dtype):
    arguments = good("sparse_softmax") | {"labels": np.zeros(4, dtype)}
    refuse(TypeError, ("labels", "integer", str(np.dtype(dtype))), "sparse_softmax", arguments)


@pytest.mark.parametrize("dtype", [complex, object, "U3"])
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "sparse_softmax"])
def test_dense_labels_that_are_not_real(loss, dtype):
    refuse(TypeError, ("labels", str(np.dtype(dtype))), loss, good(loss) | {"labels": np.zeros((4, 3)).astype(dtype)})


@pytest.mark.parametrize("name", ["labels", "logits", "pos_weight"])
def test_what_is_no_array_is_named(name):
    out = np.full((2, 3), SENTINEL)
    with pytest.raises(ValueError, match=f"^{name} cannot be read as an array: .*inhomogeneous"):
        FUNCTIONS["weighted"](**good("weighted", (2, 3)) | {name: [[1.0], [1.0, 2.0]]}, out=out)
    assert (out == SENTINEL).all()


def test_labels_of_rows_that_are_no_array_are_named():
    refuse(ValueError, ("labels", "inhomogeneous"), "sparse_softmax", good("sparse_softmax") | {"labels": [0, [1, 2]]})


@pytest.mark.parametrize(("device", "error"), [((1, 0), ValueError), ((), ValueError), (None, TypeError)])
def test_a_dlpack_export_or_device_that_is_none_is_named(device, error):
    class Liar:
        def __dlpack__(self, **options):
            return None

        def __dlpack_device__(self):
            return device

    refuse(error, ("labels", "cannot be read"), "sigmoid", good("sigmoid") | {"labels": Liar()})


@pytest.mark.parametrize("option", ["axis", "num_threads"])
@pytest.mark.parametrize("value", [True, np.True_])
def test_integer_options_are_not_bools(option, value):
    refuse(TypeError, (option, "True"), "softmax", good("softmax"), **{option: value})


def test_complex_pos_weight():
    refuse(TypeError, "pos_weight", "weighted", good("weighted") | {"pos_weight": np.ones((4, 3), complex)})


@pytest.mark.parametrize("dtype", [np.int32, complex, np.longdouble, ">f4"])
def test_dtype_option_that_is_no_float(dtype):
    with pytest.raises(TypeError, match=str(np.dtype(dtype))):
        FUNCTIONS["sigmoid"](**good("sigmoid"), dtype=dtype)


# outputs


def out_arguments(loss):
    return good(loss) | {"logits": data.logits("random", 4, 3, np.float32)}


@pytest.mark.parametrize("shape", [(4, 4), (3, 4), (12,), (4, 1), (1, 4, 3)])
@pytest.mark.parametrize("loss", LOSSES)
def test_out_of_another_shape(loss, shape):
    refuse(ValueError, ("out", str(shape)), loss, out_arguments(loss), out={"grad": np.full(shape, SENTINEL)})


@pytest.mark.parametrize("dtype", [np.int32, complex, bool, object, ">f4"])
def test_out_of_another_dtype(dtype):
    out = np.full((4, 3), 1).astype(dtype)
    with pytest.raises(ValueError, match="out"):
        FUNCTIONS["sigmoid"](**out_arguments("sigmoid"), out=out)
    assert (out == 1).all()


def test_out_that_is_read_only():
    out = np.full((4, 3), SENTINEL, np.float32)
    out.flags.writeable = False
    refuse(ValueError, "read-only", "sigmoid", out_arguments("sigmoid"), out={"grad": out})


def test_out_in_a_file_that_is_read_only(tmp_path):
    np.full((4, 3), SENTINEL).tofile(tmp_path / "out")
    out = np.memmap(tmp_path / "out", np.float64, "r", shape=(4, 3))
    for options in ({"out": {"grad": out}}, {"out": out, "returns": "grad"}):
        with pytest.raises(ValueError, match="out for grad is read-only"):
            FUNCTIONS["sigmoid"](**out_arguments("sigmoid"), **{"returns": ("grad",)} | options)
    assert (np.fromfile(tmp_path / "out") == SENTINEL).all()


def test_grad_that_partly_overlaps_the_logits():
    base = np.full((5, 3), 1, np.float32)
    for x, grad in ((base[:4], base[1:]), (base[1:], base[:4]), (base[:4], base[:4][::-1]), (base[:4, ::-1], base[:4])):
        with pytest.raises(ValueError, match="overlap"):
            FUNCTIONS["sigmoid"](labels=np.zeros((4, 3)), logits=x, returns="grad", out=grad)
        assert (base == 1).all()


@pytest.mark.parametrize("name", ["loss", "hess"])
def test_only_grad_may_lie_on_the_logits(name):
    x = np.ones((4, 3), np.float32)
    with pytest.raises(ValueError, match="overlap"):
        FUNCTIONS["sigmoid"](labels=np.zeros((4, 3)), logits=x, returns=name, out=x)
    assert (x == 1).all()


def test_outputs_that_overlap_each_other():
    out = np.full((4, 3), SENTINEL, np.float32)
    refuse(ValueError, "overlap", "sigmoid", out_arguments("sigmoid"), out={"grad": out, "hess": out})


def test_output_that_overlaps_the_labels():
    z = np.full((4, 3), SENTINEL, np.float32)
    refuse(ValueError, "overlap", "sigmoid", good("sigmoid") | {"labels": z}, out={"grad": z})


def test_output_that_overlaps_itself():
    memory = np.full(3, SENTINEL)
    out = np.lib.stride_tricks.as_strided(memory, (4, 3), (0, 8))
    refuse(ValueError, "", "sigmoid", out_arguments("sigmoid"), out={"grad": out})


@pytest.mark.parametrize("out", [[0.0] * 12, 1.0, np.float32(3), "grad"], ids=repr)
def test_out_that_is_no_array(out):
    with pytest.raises(ValueError, match="out"):
        FUNCTIONS["sigmoid"](**out_arguments("sigmoid"), out=out)


def test_out_with_a_name_that_is_not_returned():
    out = {"grad": np.full((4, 3), SENTINEL)}
    refuse(ValueError, "grad", "sigmoid", out_arguments("sigmoid"), returns="loss", out=out)


def test_out_array_for_several_outputs():
    refuse(ValueError, "dict", "sigmoid", out_arguments("sigmoid"), returns=("loss", "grad"), out=np.zeros((4, 3)))


# options


@pytest.mark.parametrize("returns", ["gradient", ("loss", "los"), "", "hvp", ("grad", "max")])
@pytest.mark.parametrize("loss", LOSSES)
def test_unknown_name_in_returns_lists_the_names(loss, returns):
    with pytest.raises(ValueError, match="loss") as caught:
        FUNCTIONS[loss](**good(loss), returns=returns)
    assert all(name in str(caught.value) for name in _core.returns(loss))


@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_binary_losses_have_no_lse(loss):
    with pytest.raises(ValueError, match="lse"):
        FUNCTIONS[loss](**good(loss), returns="lse")


def test_a_name_twice_in_returns():
    with pytest.raises(ValueError, match="grad"):
        FUNCTIONS["sigmoid"](**good("sigmoid"), returns=("grad", "loss", "grad"))


def test_no_name_in_returns():
    with pytest.raises(ValueError, match="returns"):
        FUNCTIONS["sigmoid"](**good("sigmoid"), returns=())


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("loss", LOSSES)
def test_positional_call_is_told_to_name_the_arguments(loss, count):
    with pytest.raises(TypeError, match=r"labels=.*logits="):
        FUNCTIONS[loss](*[np.zeros((4, 3))] * count)


@pytest.mark.parametrize("missing", ["labels", "logits", "pos_weight"])
@pytest.mark.parametrize("loss", LOSSES)
def test_missing_argument_is_named(loss, missing):
    arguments = good(loss)
    if missing not in arguments:
        pytest.skip("this loss has no such argument")
    del arguments[missing]
    with pytest.raises(TypeError, match=missing):
        FUNCTIONS[loss](**arguments)


@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_both_spellings_of_labels(loss):
    with pytest.raises(ValueError, match=r"Cannot specify both 'targets' and 'labels'\."):
        FUNCTIONS[loss](**good(loss), targets=np.zeros((4, 3)))


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_both_spellings_of_axis(loss):
    with pytest.raises(ValueError, match=r"'dim'.*'axis'"):
        FUNCTIONS[loss](**good(loss), axis=-1, dim=-1)


@pytest.mark.parametrize("option", ["class_weight", "ignore_index", "isa", "vector", "weight", "mask"])
@pytest.mark.parametrize("loss", LOSSES)
def test_option_that_a_loss_does_not_have_is_refused(loss, option):
    if option in {"softmax": ("class_weight",), "sparse_softmax": ("class_weight", "ignore_index")}.get(loss, ()):
        FUNCTIONS[loss](**good(loss), **{option: None})
        return
    with pytest.raises(TypeError, match=option):
        FUNCTIONS[loss](**good(loss), **{option: None})


@pytest.mark.parametrize("option", ["axis", "dim"])
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_binary_losses_have_no_axis(loss, option):
    with pytest.raises(TypeError, match=option):
        FUNCTIONS[loss](**good(loss), **{option: 0})


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "weighted"])
def test_only_weighted_has_a_pos_weight(loss):
    with pytest.raises(TypeError, match="pos_weight"):
        FUNCTIONS[loss](**good(loss), pos_weight=2.0)


@pytest.mark.parametrize("threads", [1.5, "2"])
def test_number_of_threads_is_an_integer(threads):
    with pytest.raises(TypeError, match="num_threads"):
        FUNCTIONS["sigmoid"](**good("sigmoid"), num_threads=threads)


def test_tensor_that_requires_grad_is_told_to_detach():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="detach"):
        pyce.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=torch.ones(1, requires_grad=True))
