"""Gradient and Hessian as derivatives of the library's own loss, and what mathematics says about them."""

import data
import numpy as np
import pytest
from helpers import BINARY_LOSSES, FUNCTIONS, LOSSES, ROW_LOSSES, compute

STEP = 2.0**-12


def differences(loss, arguments):
    """Central first and second differences (fourth order) of the summed float64 loss in every logit."""
    x = arguments["logits"]
    first, second = np.empty_like(x), np.empty_like(x)
    for index in np.ndindex(x.shape):
        sums = {}
        for k in (-2, -1, 0, 1, 2):
            moved = x.copy()
            moved[index] += k * STEP
            sums[k] = FUNCTIONS[loss](**(arguments | {"logits": moved})).sum()
        first[index] = (8 * (sums[1] - sums[-1]) - (sums[2] - sums[-2])) / (12 * STEP)
        second[index] = (16 * (sums[1] + sums[-1]) - (sums[2] + sums[-2]) - 30 * sums[0]) / (12 * STEP**2)
    return first, second


@pytest.mark.parametrize("loss", LOSSES)
def test_grad_and_hess_are_the_derivatives_of_the_loss(loss):
    arguments = data.problem(loss, "random", 6, 5, np.float64)
    first, second = differences(loss, arguments)
    results = compute(loss, arguments, ("grad", "hess"))
    np.testing.assert_allclose(results["grad"], first, rtol=0, atol=1e-10 * max(1, np.abs(first).max()))
    np.testing.assert_allclose(results["hess"], second, rtol=0, atol=1e-6 * max(1, np.abs(second).max()))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_binary_grad_is_zero_at_optimum(loss, dtype):
    """At x = 0 with as much mass on one side as on the other."""
    arguments = {"logits": np.zeros(5, dtype), "labels": np.full(5, 0.5, dtype)}
    if loss == "weighted":
        arguments["labels"] = np.full(5, 0.25, dtype)
        arguments["pos_weight"] = dtype(3)
    assert (compute(loss, arguments, "grad")["grad"] == 0).all()


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("classes", [4, 512])
def test_softmax_grad_is_zero_at_optimum(classes, dtype):
    """Equal logits, equal labels, a power of two of them: exactly zero."""
    arguments = {"logits": np.full((3, classes), 1.7, dtype), "labels": np.full((3, classes), 1 / classes, dtype)}
    assert (compute("softmax", arguments, "grad")["grad"] == 0).all()


@pytest.mark.parametrize("classes", [3, 10, 400])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_grad_of_a_row_sums_to_zero(loss, classes):
    arguments = data.problem(loss, "random", 12, classes, np.float64)
    grad = compute(loss, arguments, "grad")["grad"]
    np.testing.assert_allclose(grad.sum(axis=1), 0, atol=1e-13)
    assert np.abs(grad).max() > 0.1


@pytest.mark.parametrize("name", ["random", "ties", "winner leads by 50", "uniform 80"])
@pytest.mark.parametrize("loss", LOSSES)
def test_hess_is_never_negative(loss, name):
    hess = compute(loss, data.problem(loss, name, 12, 30, np.float32), "hess")["hess"]
    assert (hess >= 0).all()
    assert (hess > 0).any()


def test_grad_is_right_when_labels_do_not_sum_to_one():
    """S p - t, not p - t."""
    x = np.array([[1.0, 2.0, -1.0]])
    labels = np.array([[2.0, 0.0, 1.0]])
    p = np.exp(x) / np.exp(x).sum()
    np.testing.assert_allclose(
        compute("softmax", {"logits": x, "labels": labels}, "grad")["grad"], 3 * p - labels, rtol=1e-13
    )


def test_grad_descends():
    arguments = data.problem("softmax", "random", 6, 7, np.float64)
    before = compute("softmax", arguments, ("loss", "grad"))
    moved = arguments | {"logits": arguments["logits"] - 1e-3 * before["grad"]}
    after = compute("softmax", moved, "loss")["loss"]
    changed = np.abs(before["grad"]).max(axis=1) > 0
    assert (after[changed] < before["loss"][changed]).all()
    assert changed.any()
