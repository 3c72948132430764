"""Shapes, axes and broadcasting; every layout gives the bits of the contiguous computation (more in test_bits.py)."""

import data
import numpy as np
import pytest
from helpers import BINARY_LOSSES, LOSSES, ROW_LOSSES, assert_same_bits, assert_same_results, compute
from layouts import every_other

EIGHT_AXES = (2, 3, 1, 2, 5, 2, 1, 3)
SHAPES = ((14, 5), (3, 300), (2, 2500), (257, 2))


def nd_problem(loss, shape, axis, dtype):
    """The arguments of a call with the class axis anywhere, and those of its contiguous form (rows, classes)."""
    classes = shape[axis]
    rows = int(np.prod(shape)) // classes
    flat = data.problem(loss, "random", rows, classes, dtype)
    batch = [n for i, n in enumerate(shape) if i != axis % len(shape)]

    def unfold(array):
        return np.moveaxis(array.reshape(*batch, classes), -1, axis)

    placed = {"logits": unfold(flat["logits"])}
    placed["labels"] = flat["labels"].reshape(batch) if loss == "sparse_softmax" else unfold(flat["labels"])
    return placed, flat, unfold, batch


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_strided_output_leaves_the_gaps_alone(dtype):
    arguments = data.problem("softmax", "random", 9, 70, dtype)
    grad = every_other(np.zeros((9, 70), dtype))
    compute("softmax", arguments, "grad", out={"grad": grad})
    base = grad.base
    assert np.isfinite(grad).all()
    assert np.isnan(base[1::2]).all()
    assert np.isnan(base[:, 1::2]).all()


@pytest.mark.parametrize("axis", [*range(8), -1, -3, -8])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_class_axis_may_be_any_of_eight(loss, axis):
    placed, flat, unfold, batch = nd_problem(loss, EIGHT_AXES, axis, np.float32)
    results = compute(loss, placed, data.outputs(loss), axis=axis)
    reference = compute(loss, flat, data.outputs(loss))
    for name, value in results.items():
        expected = reference[name].reshape(batch) if name in ("loss", "lse") else unfold(reference[name])
        assert_same_bits(value, expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("classes", [7, 300])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_class_axis_of_a_transposed_array(loss, axis, classes):
    shape = [4, 6, 5]
    shape[axis] = classes
    placed, flat, unfold, batch = nd_problem(loss, shape, axis, np.float64)
    moved = {name: np.asfortranarray(value) for name, value in placed.items()}
    results = compute(loss, moved, data.outputs(loss), axis=axis)
    reference = compute(loss, flat, data.outputs(loss))
    for name, value in results.items():
        expected = reference[name].reshape(batch) if name in ("loss", "lse") else unfold(reference[name])
        assert_same_bits(value, expected)


@pytest.mark.parametrize("ndim", range(10))
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_binary_losses_take_any_number_of_axes(loss, ndim):
    """Nine axes are one more than the library walks."""
    shape = (2, 3, 1, 2, 2, 1, 3, 2, 2)[:ndim]
    size = int(np.prod(shape))
    flat = data.problem(loss, "random", 1, size, np.float32)
    arguments = {name: value.reshape(shape) for name, value in flat.items()}
    results = compute(loss, arguments, data.outputs(loss))
    for name, value in compute(loss, flat, data.outputs(loss)).items():
        assert_same_bits(results[name], value.reshape(shape))


@pytest.mark.parametrize("axis", [0, 4, -1])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_nine_axes_give_the_same_bits(loss, axis):
    placed, flat, unfold, batch = nd_problem(loss, (2, 1, 3, 1, 4, 2, 1, 2, 3), axis, np.float32)
    results = compute(loss, placed, data.outputs(loss), axis=axis)
    reference = compute(loss, flat, data.outputs(loss))
    for name, value in results.items():
        expected = reference[name].reshape(batch) if name in ("loss", "lse") else unfold(reference[name])
        assert_same_bits(value, expected)


@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_zero_axes_give_numpy_scalars(loss):
    arguments = {"logits": np.float32(0.5), "labels": np.float32(1)}
    if loss == "weighted":
        arguments["pos_weight"] = 2.0
    for value in compute(loss, arguments, data.outputs(loss)).values():
        assert type(value) is np.float32


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_one_axis_gives_a_numpy_scalar_loss(loss):
    arguments = {"logits": np.array([1.0, 2, 3]), "labels": np.array([0.0, 1, 0]) if loss == "softmax" else 1}
    results = compute(loss, arguments, ("loss", "grad", "lse"))
    assert type(results["loss"]) is np.float64
    assert type(results["lse"]) is np.float64
    assert results["grad"].shape == (3,)


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", LOSSES)
def test_broadcast_logits_have_the_bits_of_their_copy(loss, dtype):
    """Strides of 0 along the rows, along the classes, and along both."""
    for rows, classes in SHAPES:
        arguments = data.problem(loss, "random", rows, classes, dtype)
        x = arguments["logits"]
        for small in (x[:1], x[:, :1], x[:1, :1]):
            view = np.broadcast_to(small, x.shape)
            results = compute(loss, arguments | {"logits": view}, data.outputs(loss))
            assert_same_results(results, compute(loss, arguments | {"logits": view.copy()}, data.outputs(loss)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_labels_of_extent_one_broadcast_outside_the_class_axis(axis):
    x = data.logits("random", 30, 4, np.float32).reshape(5, 6, 4)
    shape = [1, 1, 1]
    shape[axis] = x.shape[axis]
    labels = np.linspace(0.1, 0.7, x.shape[axis], dtype=np.float32).reshape(shape)
    results = compute("softmax", {"logits": x, "labels": labels}, data.outputs("softmax"), axis=axis)
    full = np.broadcast_to(labels, x.shape).copy()
    assert_same_results(results, compute("softmax", {"logits": x, "labels": full}, data.outputs("softmax"), axis=axis))


@pytest.mark.parametrize("shape", [(), (1,), (7,), (1, 7), (5, 1), (5, 7)])
def test_pos_weight_broadcasts_onto_the_logits(shape):
    arguments = data.problem("weighted", "random", 5, 7, np.float32)
    weight = np.linspace(0.5, 3, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    results = compute("weighted", arguments | {"pos_weight": weight}, data.outputs("weighted"))
    full = np.broadcast_to(weight, (5, 7)).copy()
    assert_same_results(results, compute("weighted", arguments | {"pos_weight": full}, data.outputs("weighted")))


@pytest.mark.parametrize("shape", [(0, 5), (3, 0, 4), (0, 0)])
@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", LOSSES)
def test_empty_batches_give_empty_results(loss, shape, dtype):
    labels = np.zeros(shape[:-1], int) if loss == "sparse_softmax" else np.zeros(shape, dtype)
    arguments = {"logits": np.zeros(shape, dtype), "labels": labels}
    if loss == "weighted":
        arguments["pos_weight"] = 2.0
    results = compute(loss, arguments, data.outputs(loss))
    for name, value in results.items():
        reduced = loss in ROW_LOSSES and name in ("loss", "lse")
        assert value.shape == (shape[:-1] if reduced else shape)
        assert value.dtype == dtype


@pytest.mark.parametrize("loss", LOSSES)
def test_inputs_are_only_read(loss):
    arguments = data.problem(loss, "random", 12, 40, np.float32)
    copies = {name: value.copy() for name, value in arguments.items()}
    compute(loss, arguments, data.outputs(loss))
    for name, value in arguments.items():
        assert_same_bits(value, copies[name])
