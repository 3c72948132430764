"""Objectives for XGBoost, LightGBM and CatBoost, which train the same model as the library's own.

The losses and their derivatives are pyce's; layout, sign, dtype and diagonal are each library's. Make an objective once
and hand it over: the library calls it in every round. None of the libraries is imported.

=================  ===================================  ================================================
class              the built-in that it matches         second derivatives, of one row of weight 1
=================  ===================================  ================================================
XGBoostSoftmax     ``multi:softprob``                   ``max(2 p (1 - p), 1e-16)``
XGBoostBinary      ``binary:logistic``                  ``max(p (1 - p), 1e-16)``
LightGBMSoftmax    ``multiclass``                       ``classes / (classes - 1) p (1 - p)``
LightGBMBinary     ``binary``                           ``p (1 - p)``
CatBoostSoftmax    ``MultiClass``                       ``p p^T - diag(p)``, the negated full matrix
CatBoostBinary     ``Logloss``                          ``-p (1 - p)``
=================  ===================================  ================================================

The first derivatives are ``p - z``, for CatBoost ``z - p``. Sample weights, which the libraries leave to the objective,
multiply both. ValueError is raised for labels that are no class indices, or outside [0, 1] if binary.

What else decides whether two models are the same:

XGBoost (2.1 or newer)
    Name the built-in as ``objective`` in the parameters too: it decides the metric and what predict returns. Without
    it, training starts from logits of 0.5 (``base_score``) and predict returns logits. The built-in starts from the
    frequencies of the labels unless ``base_score=0.5`` is given.
LightGBM (4.0 or newer)
    The built-in starts from the frequencies of the labels unless ``boost_from_average=False`` is given; a custom
    objective starts from 0, or from the ``init_score`` of the data set. predict returns logits, to be given to
    `pyce.softmax` or `pyce.sigmoid`.
CatBoost
    Needs an ``eval_metric`` beside an objective. Its own takes ten ``leaf_estimation_iterations`` for Logloss, and
    other ``bootstrap_type`` for MultiClass, than it takes by default for a custom objective.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pyce._intake import Array
from pyce.losses import sparse_softmax_cross_entropy_with_logits, weighted_cross_entropy_with_logits

FLOOR = np.float32(1e-16)  # XGBoost's eps, in both of its objectives


@dataclass(frozen=True, kw_only=True)
class XGBoostSoftmax:
    """Softmax cross entropy for XGBoost, as ``multi:softprob`` has it.

    The object is called in either form, and goes to ``xgboost.train(..., obj=...)`` and to
    ``XGBClassifier(objective=...)``: with predictions (float32, shape (rows, classes)) and a DMatrix, or with labels,
    predictions and, by name, `sample_weight`. It returns gradient and second derivatives, float32 of that shape.
    XGBoost doubles the diagonal of the Hessian and keeps it from 0 after weighting: ``max(2 w p (1 - p), 1e-16)``.

    Examples
    --------
    >>> import numpy as np, pyce.boosting
    >>> objective = pyce.boosting.XGBoostSoftmax()
    >>> objective([2], np.zeros((1, 4), np.float32))
    (array([[ 0.25,  0.25, -0.75,  0.25]], dtype=float32), array([[0.375, 0.375, 0.375, 0.375]], dtype=float32))
    """

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        grad, hess = _softmax(*_arguments(first, second, sample_weight), np.float32)
        hess *= 2.0
        return grad, np.maximum(hess, FLOOR, out=hess)


@dataclass(frozen=True, kw_only=True)
class XGBoostBinary:
    """Sigmoid cross entropy for XGBoost, as ``binary:logistic`` has it.

    It is called as `XGBoostSoftmax`, with predictions of shape (rows,), or (rows, labels) for several labels at once.
    XGBoost keeps the second derivative from 0 before weighting: ``w max(p (1 - p), 1e-16)``.

    Parameters
    ----------
    pos_weight : float, default 1
        The weight of the positive class, ``scale_pos_weight`` of the built-in.

    Examples
    --------
    >>> import numpy as np, pyce.boosting
    >>> objective = pyce.boosting.XGBoostBinary(pos_weight=3.0)
    >>> objective([0, 1], np.zeros(2, np.float32))
    (array([ 0.5, -1.5], dtype=float32), array([0.25, 0.75], dtype=float32))
    """

    pos_weight: float = 1.0

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        logits, labels, weights = _arguments(first, second, sample_weight)
        grad, hess = _binary(logits, labels, weights, self.pos_weight, np.float32)
        floor = FLOOR * (1.0 - labels + self.pos_weight * labels)
        return grad, np.maximum(hess, floor if weights is None else floor * _column(weights, logits), out=hess)


@dataclass(frozen=True, kw_only=True)
class LightGBMSoftmax:
    """Softmax cross entropy for LightGBM, as ``multiclass`` has it.

    The object is called in either form, and goes to ``lightgbm.train`` as ``params["objective"]`` and to
    ``LGBMClassifier(objective=...)``: with predictions (float64, shape (rows, classes), in Fortran order) and a
    Dataset, or with labels, predictions and weights. It returns gradient and second derivatives in the same layout, in
    float32, which is what LightGBM keeps; they are computed in float64.

    Examples
    --------
    >>> import numpy as np, pyce.boosting
    >>> objective = pyce.boosting.LightGBMSoftmax()
    >>> objective([2], np.zeros((1, 4)))
    (array([[ 0.25,  0.25, -0.75,  0.25]], dtype=float32), array([[0.25, 0.25, 0.25, 0.25]], dtype=float32))
    """

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        grad, hess = _softmax(*_arguments(first, second, sample_weight), np.float64)
        factor = grad.shape[1] / (grad.shape[1] - 1.0)
        return grad, np.multiply(hess, factor, out=np.empty_like(grad), casting="same_kind")


@dataclass(frozen=True, kw_only=True)
class LightGBMBinary:
    """Sigmoid cross entropy for LightGBM, as ``binary`` has it.

    It is called as `LightGBMSoftmax`, with predictions of shape (rows,); `pos_weight` is that of `XGBoostBinary`.

    Examples
    --------
    >>> import numpy as np, pyce.boosting
    >>> objective = pyce.boosting.LightGBMBinary()
    >>> objective([0, 1], np.zeros(2), [1.0, 4.0])
    (array([ 0.5, -2. ], dtype=float32), array([0.25, 1.  ], dtype=float32))
    """

    pos_weight: float = 1.0

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        return _binary(*_arguments(first, second, sample_weight), self.pos_weight, np.float32)


@dataclass(kw_only=True)  # not frozen: CatBoost may leave a mark on the object
class CatBoostSoftmax:
    """Softmax cross entropy for CatBoost, as ``MultiClass`` has it: ``loss_function=CatBoostSoftmax()``.

    CatBoost calls `calc_ders_multi` for one row at a time, and takes the derivatives of what is to grow, minus the
    loss: a list, and the full matrix as a list of rows.

    Examples
    --------
    >>> import pyce.boosting
    >>> objective = pyce.boosting.CatBoostSoftmax()
    >>> objective.calc_ders_multi([0.0, 0.0], 1.0, 1.0)
    ([-0.5, 0.5], [[-0.25, 0.25], [0.25, -0.25]])
    """

    no_jit: ClassVar[bool] = True  # else CatBoost tries numba on the method, and warns

    def calc_ders_multi(self, approx: Any, target: Any, weight: Any) -> tuple[list[float], list[list[float]]]:
        weight = 1.0 if weight is None else weight
        grad, hess, prob = sparse_softmax_cross_entropy_with_logits(
            labels=_classes(np.asarray(target)), logits=np.asarray(approx, np.float64), sample_weight=weight,
            returns=("grad", "hess", "prob"),
        )  # fmt: skip
        matrix = np.outer(weight * prob, prob)
        np.fill_diagonal(matrix, -hess)
        return (-grad).tolist(), matrix.tolist()


@dataclass(kw_only=True)
class CatBoostBinary:
    """Sigmoid cross entropy for CatBoost, as ``Logloss`` has it: ``loss_function=CatBoostBinary()``.

    CatBoost calls `calc_ders_range` for many rows, and takes a list of pairs: the first and second derivatives of what
    is to grow, minus the loss.

    Parameters
    ----------
    pos_weight : float, default 1
        The weight of the positive class in the loss. ``scale_pos_weight`` of the built-in also counts each row so often
        where CatBoost scores splits and regularises leaves; ``class_weights=[1, q]`` beside ``CatBoostBinary()`` does
        the same.

    Examples
    --------
    >>> import pyce.boosting
    >>> objective = pyce.boosting.CatBoostBinary(pos_weight=3.0)
    >>> objective.calc_ders_range([0.0, 0.0], [0.0, 1.0], None)
    [(-0.5, -0.25), (1.5, -0.75)]
    """

    pos_weight: float = 1.0
    no_jit: ClassVar[bool] = True

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> list[tuple[float, float]]:
        logits = np.asarray(approxes, np.float64)
        grad, hess = _binary(logits, np.asarray(targets), weights, self.pos_weight, np.float64)
        return list(zip((-grad).tolist(), (-hess).tolist(), strict=True))


def _arguments(first: Any, second: Any, sample_weight: Any) -> tuple[Array, Array, Any]:
    """Predictions, labels and weights of either form: (predictions, data set) or (labels, predictions, weights)."""
    if hasattr(second, "get_label"):
        first, second, sample_weight = second.get_label(), first, second.get_weight()
    if sample_weight is not None and np.size(sample_weight) == 0:  # XGBoost's way of having none
        sample_weight = None
    return np.asarray(second), np.asarray(first), sample_weight


def _softmax(logits: Array, labels: Array, weights: Any, hess_dtype: npt.DTypeLike) -> tuple[Array, Array]:
    """Gradient in float32 and diagonal, in the layout of the logits."""
    if logits.ndim != 2:
        raise ValueError(
            f"predictions must have shape (rows, classes), got {logits.shape}: set num_class (and use LightGBM >= 4)"
        )
    grad, hess = np.empty_like(logits, np.float32), np.empty_like(logits, hess_dtype)
    sparse_softmax_cross_entropy_with_logits(
        labels=_classes(labels), logits=logits, sample_weight=weights, returns=("grad", "hess"),
        out={"grad": grad, "hess": hess},
    )  # fmt: skip
    return grad, hess


def _binary(logits: Array, labels: Array, weights: Any, pos_weight: float, dtype: npt.DTypeLike) -> tuple[Array, Array]:
    if not np.all((labels >= 0) & (labels <= 1)):
        raise ValueError("labels must lie in [0, 1]")
    grad, hess = weighted_cross_entropy_with_logits(
        labels=labels, logits=logits, pos_weight=pos_weight, returns=("grad", "hess"), dtype=dtype,
        sample_weight=None if weights is None else _column(weights, logits),
    )  # fmt: skip
    return grad, hess


def _column(weights: Any, logits: Array) -> Array:
    """Weights of the rows with as many axes as the logits: XGBoost has a column for each of several labels."""
    return np.asarray(weights).reshape(-1, *(1,) * (logits.ndim - 1))


def _classes(labels: Array) -> Array:
    """Class indices, which the libraries keep as floats."""
    with np.errstate(invalid="ignore"):
        classes = labels.astype(np.int64)
    if not np.array_equal(classes, labels):
        raise ValueError("labels must be class indices 0, 1, ...")
    return classes
