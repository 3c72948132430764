"""The interface for other Cython code: a module that cimports it is built here, loaded and called."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import data
import numpy as np
import pytest
from helpers import FUNCTIONS, assert_same_bits, compute
from programs import compiler

import pyce

pytest.importorskip("Cython")

SOURCE = """
# cython: language_level=3
from libc.stdint cimport int64_t, uint8_t
from pyce._core cimport sigmoid_elements, softmax_rows, sparse_softmax_rows, weighted_elements

def sparse_f32(const float[:, :] logits, const int64_t[:] labels, float[:] loss, float[:, :] grad, int threads=0):
    with nogil:
        sparse_softmax_rows(logits, labels, loss, grad, threads)

def sparse_f64_u8(const double[:, :] logits, const uint8_t[:] labels, double[:] loss, double[:, :] grad):
    with nogil:
        sparse_softmax_rows(logits, labels, loss, grad, 1)

def softmax_f32(const float[:, :] logits, const float[:, :] labels, float[:] loss, float[:, :] grad):
    with nogil:
        softmax_rows(logits, labels, loss, grad, 0)

def softmax_f64(const double[:, :] logits, const double[:, :] labels, double[:] loss, double[:, :] grad):
    with nogil:
        softmax_rows(logits, labels, loss, grad, 0)

def sigmoid_f64(const double[:] logits, const double[:] labels, double[:] loss, double[:] grad):
    with nogil:
        sigmoid_elements(logits, labels, loss, grad, 0)

def weighted_f32(const float[:] logits, const float[:] labels, double weight, float[:] loss, float[:] grad):
    with nogil:
        weighted_elements(logits, labels, weight, loss, grad, 0)
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """The compiled module."""
    folder = tmp_path_factory.mktemp("cython")
    name = "pyce_user"
    (folder / f"{name}.pyx").write_text(SOURCE)
    environment = {**os.environ, "PYTHONPATH": str(Path(pyce.__file__).parent.parent)}
    steps = [
        [sys.executable, "-m", "cython", "-3", f"{name}.pyx"],
        [
            *compiler("c"), "-shared", "-fPIC", "-O1", "-w",
            "-I", sysconfig.get_path("include"), f"{name}.c", "-o", f"{name}.so",
        ],
    ]  # fmt: skip
    for step in steps:
        done = subprocess.run(
            step, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.so")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def empty_outputs(logits, rows):
    return np.full(logits.shape[:1] if rows else logits.shape, 99, logits.dtype), np.full_like(logits, 99)


@pytest.mark.parametrize(("function", "loss", "dtype"), [
    ("sparse_f32", "sparse_softmax", np.float32), ("softmax_f32", "softmax", np.float32),
    ("softmax_f64", "softmax", np.float64),
])  # fmt: skip
def test_rows_have_the_bits_of_python(user, function, loss, dtype):
    arguments = data.problem(loss, "random", 23, 40, dtype)
    value, grad = empty_outputs(arguments["logits"], rows=True)
    getattr(user, function)(arguments["logits"], arguments["labels"], value, grad)
    expected = compute(loss, arguments, ("loss", "grad"))
    assert_same_bits(value, expected["loss"])
    assert_same_bits(grad, expected["grad"])


def test_narrow_labels_and_strided_rows_have_the_bits_of_python(user):
    arguments = data.problem("sparse_softmax", "random", 20, 30, np.float64)
    x, labels = arguments["logits"][::-2, ::3], (arguments["labels"] % 10).astype(np.uint8)[::2]
    value, grad = np.zeros(20)[::2], np.zeros((30, 20)).T[::2, ::3].copy()
    user.sparse_f64_u8(x, labels, value, grad)
    assert_same_bits(value, FUNCTIONS["sparse_softmax"](logits=x, labels=labels))
    assert_same_bits(grad, FUNCTIONS["sparse_softmax"](logits=x, labels=labels, returns="grad"))


def test_elements_have_the_bits_of_python(user):
    arguments = {name: a.ravel() for name, a in data.problem("sigmoid", "random", 5, 41, np.float64).items()}
    value, grad = empty_outputs(arguments["logits"], rows=False)
    user.sigmoid_f64(arguments["logits"], arguments["labels"], value, grad)
    expected = compute("sigmoid", arguments, ("loss", "grad"))
    assert_same_bits(value, expected["loss"])
    assert_same_bits(grad, expected["grad"])


def test_weighted_elements_have_the_bits_of_python(user):
    x = data.logits("random", 1, 99, np.float32)[0]
    labels = np.linspace(0, 1, 99, dtype=np.float32)
    value, grad = empty_outputs(x, rows=False)
    user.weighted_f32(x, labels, 2.5, value, grad)
    expected = compute("weighted", {"logits": x, "labels": labels, "pos_weight": 2.5}, ("loss", "grad"))
    assert_same_bits(value, expected["loss"])
    assert_same_bits(grad, expected["grad"])


def test_none_leaves_an_output_out(user):
    arguments = data.problem("sparse_softmax", "random", 5, 7, np.float32)
    value, grad = empty_outputs(arguments["logits"], rows=True)
    user.sparse_f32(arguments["logits"], arguments["labels"], value, None)
    user.sparse_f32(arguments["logits"], arguments["labels"], None, grad)
    assert_same_bits(value, FUNCTIONS["sparse_softmax"](**arguments))
    assert_same_bits(grad, FUNCTIONS["sparse_softmax"](**arguments, returns="grad"))


def test_grad_may_be_the_logits(user):
    arguments = data.problem("sparse_softmax", "random", 5, 700, np.float32)
    x = arguments["logits"].copy()
    user.sparse_f32(x, arguments["labels"], None, x)
    assert_same_bits(x, FUNCTIONS["sparse_softmax"](**arguments, returns="grad"))


def test_both_outputs_none_is_an_error(user):
    with pytest.raises(ValueError, match="output"):
        user.sparse_f32(np.ones((2, 3), np.float32), np.zeros(2, np.int64), None, None)


@pytest.mark.parametrize(("labels", "loss_shape", "grad_shape"), [(3, 2, (2, 3)), (2, 3, (2, 3)), (2, 2, (3, 2))])
def test_shapes_that_differ_are_an_error_and_nothing_is_written(user, labels, loss_shape, grad_shape):
    value, grad = np.full(loss_shape, 99, np.float32), np.full(grad_shape, 99, np.float32)
    with pytest.raises(ValueError, match=r"(labels|loss|grad) must have shape \(2.*\), as logits demand; got \(3"):
        user.sparse_f32(np.ones((2, 3), np.float32), np.zeros(labels, np.int64), value, grad)
    assert (value == 99).all()
    assert (grad == 99).all()


def test_bad_label_is_an_error_and_nothing_is_written(user):
    value, grad = np.full(2, 99, np.float32), np.full((2, 3), 99, np.float32)
    with pytest.raises(ValueError, match="3"):
        user.sparse_f32(np.ones((2, 3), np.float32), np.array([0, 3]), value, grad)
    assert (value == 99).all()
    assert (grad == 99).all()


def test_a_view_whose_elements_are_not_aligned_is_an_error_and_nothing_is_written(user):
    packed = np.zeros((2, 3), [("value", np.float32), ("flag", np.uint8)])["value"]
    value = np.full(2, 99, np.float32)
    for logits, grad, name in ((packed, None, "logits"), (np.ones((2, 3), np.float32), packed, "grad")):
        with pytest.raises(ValueError, match=f"{name} is not aligned to its elements; pass a copy"):
            user.sparse_f32(logits, np.zeros(2, np.int64), value, grad)
    assert (value == 99).all()
    assert (packed == 0).all()
