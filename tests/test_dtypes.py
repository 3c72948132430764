"""Which dtypes go in, which come out, and that a label keeps its own precision."""

import data
import numpy as np
import oracle
import pytest
from helpers import BINARY_LOSSES, FUNCTIONS, LOSSES, assert_right, assert_same_bits, assert_within, compute

INTEGERS = tuple(np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8))
LABEL_DTYPES = (np.float32, np.float64)
DENSE_LOSSES = tuple(loss for loss in LOSSES if loss != "sparse_softmax")


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", LOSSES)
def test_results_have_the_dtype_of_the_logits(loss, dtype):
    results = compute(loss, data.problem(loss, "random", 4, 3, dtype), data.outputs(loss))
    assert {value.dtype for value in results.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize("loss", LOSSES)
def test_lists_have_the_default_dtype_of_numpy(loss):
    arguments = data.problem(loss, "random", 4, 3, np.float64)
    lists = {name: value.tolist() for name, value in arguments.items()}
    for name, value in compute(loss, lists, data.outputs(loss)).items():
        assert value.dtype == np.float64
        assert_same_bits(value, compute(loss, arguments, name)[name])


@pytest.mark.parametrize("label_dtype", LABEL_DTYPES)
@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", DENSE_LOSSES)
def test_labels_may_have_another_float_dtype(loss, dtype, label_dtype):
    arguments = data.problem(loss, "random", 12, 9, dtype)
    arguments["labels"] = data.problem(loss, "random", 12, 9, np.float64)["labels"].astype(label_dtype)
    results = assert_right(loss, arguments, data.outputs(loss))
    assert results["loss"].dtype == dtype


@pytest.mark.parametrize("label_dtype", [*INTEGERS, np.dtype(bool)], ids=str)
@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", DENSE_LOSSES)
def test_dense_labels_may_be_integers_or_bools(loss, dtype, label_dtype):
    arguments = data.problem(loss, "random", 12, 9, dtype)
    ones = data.one_hot(np.arange(12) % 9, 9, dtype)
    reference = compute(loss, arguments | {"labels": ones}, data.outputs(loss))
    results = compute(loss, arguments | {"labels": ones.astype(label_dtype)}, data.outputs(loss))
    for name, value in results.items():
        assert_same_bits(value, reference[name])


@pytest.mark.parametrize("label_dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("classes", [11, 300])
def test_index_labels_may_have_any_integer_dtype(classes, dtype, label_dtype):
    arguments = data.problem("sparse_softmax", "random", 12, classes, dtype)
    arguments["labels"] %= min(classes, 100)
    reference = compute("sparse_softmax", arguments, ("loss", "grad"))
    narrow = arguments | {"labels": arguments["labels"].astype(label_dtype)}
    results = compute("sparse_softmax", narrow, ("loss", "grad"))
    for name, value in results.items():
        assert_same_bits(value, reference[name])


def test_unsigned_index_labels_above_the_signed_range_are_read_as_unsigned():
    x = data.logits("random", 1, 60000, np.float32)
    for dtype, label in ((np.uint8, 200), (np.uint16, 50000)):
        result = FUNCTIONS["sparse_softmax"](logits=x, labels=np.array([label], dtype))
        assert_same_bits(result, FUNCTIONS["sparse_softmax"](logits=x, labels=np.array([label])))


@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_a_float64_label_close_to_one_stays_below_one_on_float32_logits(loss):
    arguments = {"logits": np.array([50.0], np.float32), "labels": np.array([1 - 1e-12])}
    if loss == "weighted":
        arguments["pos_weight"] = 3.0
    result = assert_right(loss, arguments, ("loss",))["loss"]
    assert result[0] == pytest.approx(50e-12, rel=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_dtype_asks_for_float64_results_of_float32_logits(loss):
    arguments = data.problem(loss, "random", 6, 7, np.float32)
    results = compute(loss, arguments, data.outputs(loss), dtype=np.float64)
    wide = arguments | {"logits": arguments["logits"].astype(np.float64)}
    expected = oracle.ORACLES[loss](data.outputs(loss), **wide)
    for name, value in results.items():
        assert value.dtype == np.float64
        assert_within(value, expected[name], arguments, f"{loss} {name}")


@pytest.mark.parametrize("loss", LOSSES)
def test_dtype_asks_for_float32_results_of_float64_logits(loss):
    arguments = data.problem(loss, "random", 6, 7, np.float64)
    results = compute(loss, arguments, data.outputs(loss), dtype="float32")
    expected = oracle.ORACLES[loss](data.outputs(loss), **arguments)
    for name, value in results.items():
        assert value.dtype == np.float32
        assert_within(value, expected[name], arguments, f"{loss} {name}")


@pytest.mark.parametrize("loss", LOSSES)
def test_an_out_array_decides_its_own_dtype(loss):
    """A float64 gradient beside a float32 loss: both computed in float64, each rounded to its own."""
    arguments = data.problem(loss, "random", 6, 7, np.float32)
    grad = np.empty((6, 7))
    results = compute(loss, arguments, ("loss", "grad"), out={"grad": grad})
    assert results["grad"] is grad
    assert results["loss"].dtype == np.float32
    expected = oracle.ORACLES[loss](("loss", "grad"), **arguments)
    assert_within(grad, expected["grad"], arguments, f"{loss} grad")
    assert_within(results["loss"], expected["loss"], arguments, f"{loss} loss")


@pytest.mark.parametrize("weight_dtype", LABEL_DTYPES)
@pytest.mark.parametrize("dtype", data.FLOATS)
def test_pos_weight_may_have_another_float_dtype(dtype, weight_dtype):
    arguments = data.problem("weighted", "random", 6, 7, dtype)
    arguments["pos_weight"] = arguments["pos_weight"].astype(weight_dtype)
    assert_right("weighted", arguments, ("loss", "grad", "hess"))


@pytest.mark.parametrize(
    "weight", [2, 2.0, np.float32(2), np.float64(2), np.array(2.0), np.array([2]), [2.0]], ids=repr
)
def test_pos_weight_may_be_any_kind_of_scalar(weight):
    x = np.linspace(-3, 3, 6, dtype=np.float32)
    labels = np.ones_like(x)
    result = FUNCTIONS["weighted"](labels=labels, logits=x, pos_weight=weight)
    assert_same_bits(result, FUNCTIONS["weighted"](labels=labels, logits=x, pos_weight=np.full_like(x, 2)))
