"""Inputs at the edges of the kernels' own constants and of the interface, each a mistake that was once made."""

import ctypes
import subprocess
import sys

import numpy as np
import oracle
import pytest

import pyce
from pyce import sigmoid_cross_entropy_with_logits as sigmoid
from pyce import softmax_cross_entropy_with_logits as softmax
from pyce import sparse_softmax_cross_entropy_with_logits as sparse


@pytest.mark.parametrize(("dtype", "gap"), [(np.float32, 256), (np.float64, 2048)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("classes", [2, 300])
def test_one_place_below_a_huge_maximum_has_probability_zero(dtype, gap, sign, classes):
    top = sign * dtype(1.5) * dtype(2.0) ** (31 if dtype is np.float32 else 63)
    x = np.full((1, classes), -np.inf, dtype)
    x[0, :2] = top - dtype(gap), top
    assert x[0, 1] - x[0, 0] == gap
    assert pyce.softmax(x)[0, :2].tolist() == [0, 1]
    assert pyce.log_softmax(x)[0, :2].tolist() == [-gap, 0]
    assert sparse(labels=[0], logits=x).tolist() == [gap]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_terms_that_meet_in_one_lane_are_not_added_in_the_working_type(dtype):
    x = np.full((1, 129), -100, dtype)
    x[0, 128] = 0
    x[0, [0, 16, 32, 48]] = -7.248045921325684, -7.524322509765625, -8.206770896911621, -7.750421047210693
    loss = sparse(labels=[128], logits=x)
    exact = oracle.mp.log1p(oracle.mp.fsum(oracle.mp.exp(oracle.mpf(float(v))) for v in x[0, :128]))
    assert abs(oracle.mpf(float(loss[0])) - exact) <= 1.6 * np.spacing(loss[0])


def test_no_row_of_minus_infinities_without_label_mass_has_a_gradient():
    labels, logits = np.array([[1.0, -1.0]]), np.full((1, 2), -np.inf)
    for value in softmax(labels=labels, logits=logits, returns=("loss", "grad", "hess")):
        assert not value.any()


def test_a_label_too_small_for_float32_still_counts_beside_float32_logits():
    logits = np.array([[-np.inf, 0]], np.float32)
    loss, grad = softmax(labels=np.array([[1e-50, 1.0]]), logits=logits, returns=("loss", "grad"))
    assert loss.dtype == grad.dtype == np.float32
    assert loss[0] == np.inf
    assert sigmoid(labels=np.float64(1e-50), logits=np.float32(-np.inf)) == np.inf


def test_many_more_threads_than_processors_can_be_asked_for():
    x = np.zeros((400, 1000), np.float32)
    assert (pyce.logsumexp(x, num_threads=2**31 - 1) == pyce.logsumexp(x, num_threads=1)).all()


def test_long_row_is_the_same_in_any_floating_point_environment_of_the_caller():
    """Denormals-are-zero and flush-to-zero in the calling thread, the row shared by two threads."""
    program = """
import numpy as np, torch, pyce
x = np.full((1, 300001), -np.inf, np.float32)
x[0, [0, 7, 200000]] = 0, -95, -96
call = lambda: pyce.sparse_softmax_cross_entropy_with_logits(labels=[0], logits=x, num_threads=2)
right = call().view(np.uint32)[0]
assert right != 0
assert torch.set_flush_denormal(True)
assert call().view(np.uint32)[0] == right
"""
    pytest.importorskip("torch")
    subprocess.run([sys.executable, "-I", "-c", program], check=True)


def test_memory_with_an_explicit_byte_order_is_read_and_written():
    numbers = (ctypes.c_float * 3)(0.5, 0.7, 0.3)
    expected = pyce.sigmoid(np.array(numbers[:], np.float32))
    assert (pyce.sigmoid(numbers) == expected).all()
    assert (pyce.sigmoid(np.ctypeslib.as_array(numbers)) == expected).all()
    native = np.array(numbers[:], np.dtype(np.float32).newbyteorder("=").newbyteorder("<"))
    assert (pyce.sigmoid(native, out=np.ctypeslib.as_array(numbers)) == expected).all()
    assert np.array_equal(numbers, expected)
    labels = (ctypes.c_int32 * 1)(1)
    assert np.isfinite(sparse(labels=labels, logits=expected[np.newaxis])).all()


@pytest.mark.parametrize("what", ["same output twice", "output over labels", "output over part of the logits"])
def test_overlap_is_refused_with_more_than_eight_axes_too(what):
    x, z, g = (np.full((2,) + (1,) * 8 + (4,), value) for value in (0.5, 0.25, 0.0))
    out = {
        "same output twice": {"grad": g, "hess": g},
        "output over labels": {"grad": z, "hess": g},
        "output over part of the logits": {"grad": x[..., ::-1], "hess": g},
    }[what]
    with pytest.raises(ValueError, match="overlap"):
        sigmoid(labels=z, logits=x, returns=("grad", "hess"), out=out)
    assert (x == 0.5).all() and (z == 0.25).all() and (g == 0).all()


@pytest.mark.parametrize("axis", [2, -3, 2**40, -(2**40)])
def test_any_axis_out_of_range_is_an_axis_error(axis):
    with pytest.raises(np.exceptions.AxisError):
        pyce.softmax(np.zeros((2, 3)), axis=axis)


def test_a_dtype_of_another_library_is_refused_in_words():
    class Foreign:
        def __repr__(self):
            return "library.float32"

    with pytest.raises(TypeError, match=r"dtype must be float16, .* got library\.float32"):
        sigmoid(labels=[1.0], logits=[0.5], dtype=Foreign())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [5, 100])
def test_an_infinite_label_gives_the_same_loss_in_every_batch(dtype, classes):
    x = np.linspace(-3, 3, 16 * classes, dtype=dtype).reshape(16, classes)
    labels = np.zeros((16, classes), dtype)
    labels[:, 1] = np.inf
    losses = softmax(labels=labels, logits=x)
    assert not np.isfinite(losses).any()
    for n in (1, 5, 16):
        np.testing.assert_array_equal(softmax(labels=labels[:n], logits=x[:n]), losses[:n])
