"""Each text of the table for Python in docs/errors.md is raised by a call here; test_c_api.py has those for C."""

import importlib.util
import sys
from unittest.mock import patch

import numpy as np
import pytest
from error_texts import PYTHON_ROWS, row_of

import pyce
from pyce import _core, _intake, boosting, install

sigmoid = pyce.sigmoid_cross_entropy_with_logits
weighted = pyce.weighted_cross_entropy_with_logits
softmax = pyce.softmax_cross_entropy_with_logits
sparse = pyce.sparse_softmax_cross_entropy_with_logits
product = pyce.hessian_vector_product

X = np.ones((4, 3), np.float32)
NINE = np.ones((1,) * 7 + (4, 3), np.float32)
DENSE, NINES = {"labels": X, "logits": X}, {"labels": NINE, "logits": NINE}
INDICES = {"labels": [0, 1, 2, 0], "logits": X}


class Array:
    """An object that says how it becomes an array."""

    def __init__(self, array=None, requires_grad=False):
        self.array, self.requires_grad = array, requires_grad

    def __array__(self, dtype=None, copy=None):
        return self.array()


class OnDevice:
    """A tensor that is not in the memory of the CPU."""

    def __dlpack__(self, **options):
        raise BufferError

    def __dlpack_device__(self):
        return 2, 0


def refuse_array():
    raise TypeError("no array")


def overlapping_itself(shape):
    return np.lib.stride_tricks.as_strided(np.ones(1, np.float32), shape, (0,) * len(shape))


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def without_ml_dtypes():
    with patch.dict(sys.modules, {"ml_dtypes": None}):
        sigmoid(**DENSE, dtype="bfloat16")


def without_extension():
    with patch.dict(sys.modules, {"pyce._core": None}):
        pyce.__spec__.loader.exec_module(importlib.util.module_from_spec(pyce.__spec__))


def without_library():
    with patch.object(install, "_root", lambda: "nowhere"):
        pyce.get_library()


def with_unreadable_conversion():
    with patch.object(_intake, "as_labels", lambda array, name: array.astype(complex)):
        sigmoid(labels=[1], logits=[0.0])


CALLS = [
    lambda: sigmoid(X, X),
    lambda: sigmoid(logits=X),
    lambda: sigmoid(labels=X),
    lambda: weighted(**DENSE),
    lambda: product("sigmoid", **DENSE, vector=None),
    lambda: sigmoid(**DENSE, targets=X),
    lambda: softmax(**DENSE, axis=-1, dim=-1),
    lambda: softmax(**DENSE, axis=2),
    lambda: sigmoid(**DENSE, num_threads=1.5),
    lambda: sigmoid(labels=Array(refuse_array), logits=X),
    lambda: sigmoid(labels=[[1.0], [1.0, 2.0]], logits=X),
    lambda: sigmoid(**DENSE, num_threads=2**40),
    lambda: sigmoid(labels=np.ma.masked_invalid(X), logits=X),
    lambda: sigmoid(labels=Array(requires_grad=True), logits=X),
    lambda: sigmoid(labels=OnDevice(), logits=X),
    lambda: sigmoid(labels=X, logits=X.astype(int)),
    lambda: sparse(labels=X[:, 0], logits=X),
    lambda: sigmoid(**DENSE, where=X),
    lambda: softmax(**DENSE, class_weight="balanced"),
    lambda: sigmoid(labels=X[0], logits=X),
    lambda: sigmoid(**DENSE, out=frozen(X)),
    lambda: sigmoid(**DENSE, out=[1.0]),
    lambda: sigmoid(**DENSE, out=Array(lambda: X.copy())),
    lambda: sigmoid(**DENSE, out=X.astype(">f4")),
    lambda: sigmoid(**DENSE, out=X.astype(int)),
    lambda: sparse(**INDICES, returns="correct", out=X[:, 0]),
    lambda: sigmoid(**DENSE, returns=3),
    lambda: sigmoid(**DENSE, returns="los"),
    lambda: sigmoid(**DENSE, returns=("loss", "loss")),
    lambda: sigmoid(**DENSE, returns=()),
    lambda: sigmoid(**DENSE, returns=("loss", "grad"), out=X),
    lambda: sigmoid(**DENSE, out={"grad": X.copy()}),
    lambda: softmax(**NINES, out=X.copy()),
    lambda: softmax(**NINES, returns="hess", out=NINE),
    lambda: softmax(**NINES, returns="grad", out=overlapping_itself(NINE.shape)),
    lambda: sigmoid(**DENSE, dtype=int),
    lambda: sigmoid(**DENSE, dtype="single precision"),
    without_ml_dtypes,
    lambda: sigmoid(**DENSE, reduction=1),
    lambda: sigmoid(**DENSE, reduction="average"),
    lambda: sigmoid(**DENSE, label_smoothing=None),
    lambda: sigmoid(**DENSE, reduction="mean", denominator=10**400),
    lambda: sparse(**INDICES, ignore_index=2**63),
    lambda: product("sigmoid", **DENSE, vector=X, class_weight=X[0]),
    lambda: _core.returns("hinge"),
    lambda: product("hinge", **DENSE, vector=X),
    lambda: boosting.XGBoostBinary()([0, 2], X[:2, 0]),
    lambda: boosting.XGBoostSoftmax()([0, 0.5], X[:2]),
    lambda: boosting.XGBoostSoftmax()([0, 1], X[:2, 0]),
    lambda: pyce.Result(("loss",), (X,)).grad,
    lambda: pyce.no_such_name,
    without_library,
    without_extension,
    lambda: _core.evaluate(77, X, X, None, -1, (0,), None, None, None, 0),
    with_unreadable_conversion,
]

ELSEWHERE = {
    ("ValueError", "... must have shape ..., as logits demand; got ..."): "test_cython.py",
    ("ValueError", "... is not aligned to its elements; pass a copy"): "test_cython.py",
    (
        "ImportError",
        "pyce's extension was built for ABI ... of libpyce, but the library found at run time has ABI ...; another "
        "libpyce may have been loaded first",
    ): "test_import.py",
}


def test_every_row_is_raised():
    reached = set()
    for number, call in enumerate(CALLS):
        with pytest.raises(Exception) as caught:
            call()
        row = row_of(PYTHON_ROWS, type(caught.value).__name__, str(caught.value))
        assert row is not None, f"call {number}: {caught.value!r} is not in the table"
        assert row not in reached, f"call {number}: {row} twice"
        reached.add(row)
    assert reached | ELSEWHERE.keys() == PYTHON_ROWS
    assert not reached & ELSEWHERE.keys()
