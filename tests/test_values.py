"""Every output of every loss against the oracle, in ulps, on hostile inputs and at every size that changes a kernel."""

import data
import numpy as np
import pytest
from helpers import BINARY_LOSSES, LOSSES, ROW_LOSSES, assert_right

NAMES = sorted(data.LOGITS_IN_DOUBLE)
SHARED_SIZES = [size for size in data.SIZES if size <= 1025]
LARGE_SIZES = [size for size in data.SIZES if size > 1025]


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loss", LOSSES)
def test_few_classes_are_within_the_bound(loss, name, dtype):
    for rows, classes in ((12, 3), (6, 10), (2, 30), (2, 130)):
        assert_right(loss, data.problem(loss, name, rows, classes, dtype), data.outputs(loss))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_many_classes_are_within_the_bound(loss, name, dtype):
    assert_right(loss, data.problem(loss, name, 3, 311, dtype), data.outputs(loss))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("classes", SHARED_SIZES)
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_every_class_count_is_within_the_bound(loss, classes, dtype):
    for name in ("random", "winner leads by 20"):
        assert_right(loss, data.problem(loss, name, 3, classes, dtype), data.outputs(loss))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("classes", LARGE_SIZES)
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_long_rows_are_within_the_bound(loss, classes, dtype):
    assert_right(loss, data.problem(loss, "uniform 80", 2, classes, dtype), data.outputs(loss))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_every_element_count_is_within_the_bound(loss, dtype):
    for size in (1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 64, 65, 257, 1025):
        assert_right(loss, data.problem(loss, "random", 1, size, dtype), data.outputs(loss))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_binary_results_are_right_from_zero_to_underflow(loss, label, dtype):
    limit = 110.0 if dtype == np.float32 else 750.0
    x = np.linspace(-limit, limit, 601).astype(dtype)
    arguments = {"logits": x, "labels": np.full_like(x, label)}
    if loss == "weighted":
        arguments["pos_weight"] = dtype(1e6)
    assert_right(loss, arguments, data.outputs(loss))


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_loss_of_a_clear_winner_is_not_zero(dtype):
    """Peers return exactly 0 from a margin of 17 on."""
    margins = np.array([5, 10, 15, 17, 20, 30, 50, 80, 87, 95, 100], dtype)
    x = np.stack([margins, np.zeros_like(margins)], axis=1)
    labels = np.zeros(len(x), np.int64)
    results = assert_right("sparse_softmax", {"logits": x, "labels": labels}, ("loss", "grad", "hess"))
    assert (results["loss"] > 0).all()
    assert (results["grad"][:, 0] < 0).all()


def test_grad_at_a_unique_maximum_keeps_its_digits():
    """S p - t formed from rounded terms gives 0 here; the right value is -2.06e-9."""
    x = np.array([[20.0, 0.0]], np.float32)
    grad = assert_right("softmax", {"logits": x, "labels": np.array([[1, 0]], np.float32)}, ("grad",))["grad"]
    assert grad[0, 0] == pytest.approx(-2.06115362e-9, rel=1e-7)


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_weights_far_from_one_do_not_cost_digits_of_tiny_losses(dtype):
    x = np.linspace(-745 if dtype == np.float64 else -103, -60, 300).astype(dtype)
    for weight in (1e-6, 1e6, 1e20):
        arguments = {"logits": -x, "labels": np.ones_like(x), "pos_weight": dtype(weight)}
        assert_right("weighted", arguments, ("loss", "grad", "hess"))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("place", [0, 1, 300, 1023, 1024, 2047])
def test_label_is_found_wherever_it_lies(place, dtype):
    x = data.logits("random", 1, 2048, dtype)
    x[0, place] += 9
    assert_right("sparse_softmax", {"logits": x, "labels": np.array([place])}, ("loss", "grad"))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("classes", [5, 2500])
def test_long_sums_of_dense_labels_keep_their_digits(classes, dtype):
    for name in ("two far groups", "all equal"):
        x = data.logits(name, 2, classes, dtype)
        labels = data.generator(classes).random((2, classes)).astype(dtype)
        assert_right("softmax", {"logits": x, "labels": labels}, ("loss", "grad", "hess"))
