"""Softmax, sigmoid and their logarithms, from the same kernels as the losses.

The array comes first and by position, as in SciPy; everything else is said in losses.py.
"""

from __future__ import annotations

from typing import Any

from pyce._core import SIGMOID, SOFTMAX, transform
from pyce._intake import Array


def softmax(x: Any, axis: int = -1, out: Any = None, *, num_threads: int | None = None) -> Array:
    """Softmax along an axis, ``p_j = exp(x_j) / sum_k exp(x_k)``.

    Parameters
    ----------
    x : array_like of float16, bfloat16, float32 or float64, shape (..., C, ...)
        Logits; at least one axis. Half types are computed in float32 and rounded once.
    axis : int, default -1
        The axis over which the probabilities add up to 1.
    out : array of any of these dtypes, optional
        Where to write, of the shape of `x` and apart from it. The object itself is returned.
    num_threads : int, optional
        By default as many as OpenMP would use.

    Returns
    -------
    array of the shape and dtype of `x`
        One +inf among the logits has probability 1; several, or a slice of only -inf, give NaN.

    Raises
    ------
    TypeError
        If `x` has another dtype.
    ValueError
        If the axis is empty and the array is not, or `out` does not fit.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    Examples
    --------
    >>> import numpy as np, pyce
    >>> pyce.softmax(np.array([0.0, 1.0, -np.inf]))
    array([0.26894142, 0.73105858, 0.        ])
    """
    return transform(SOFTMAX, "prob", x, axis, out, num_threads)


def log_softmax(x: Any, axis: int = -1, out: Any = None, *, num_threads: int | None = None) -> Array:
    """Logarithm of softmax along an axis, ``x_j - log sum_k exp(x_k)``.

    Parameters and errors are those of `softmax`. Near 0 the result keeps all its digits: it is ``-log1p(rest)`` there,
    not a difference.

    Returns
    -------
    array of the shape and dtype of `x`

    Examples
    --------
    >>> import numpy as np, pyce
    >>> pyce.log_softmax(np.array([40.0, 0.0]))
    array([-4.24835426e-18, -4.00000000e+01])
    """
    return transform(SOFTMAX, "log_prob", x, axis, out, num_threads)


def logsumexp(x: Any, axis: int = -1, out: Any = None, *, num_threads: int | None = None) -> Array:
    """Logarithm of the sum of exponentials along one axis, ``log sum_k exp(x_k)``.

    Parameters and errors are those of `softmax`, but the result and `out` have the shape of `x` without `axis`. An
    infinite result is +inf if any logit is +inf, and -inf if all are -inf.

    Returns
    -------
    array of the dtype of `x`, or a NumPy scalar if `x` has one axis

    Examples
    --------
    >>> import numpy as np, pyce
    >>> pyce.logsumexp(np.array([[1000.0, 1000.0], [0.0, -np.inf]]))
    array([1000.69314718,    0.        ])
    """
    return transform(SOFTMAX, "lse", x, axis, out, num_threads)


def sigmoid(x: Any, out: Any = None, *, num_threads: int | None = None) -> Array:
    """Logistic function of every element, ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : array_like of float16, bfloat16, float32 or float64, any shape
        Logits. Half types are computed in float32 and rounded once.
    out : array of any of these dtypes, optional
        Where to write, of the shape of `x` and apart from it. The object itself is returned.
    num_threads : int, optional
        By default as many as OpenMP would use.

    Returns
    -------
    array of the shape and dtype of `x`, or a NumPy scalar if `x` is one

    Raises
    ------
    TypeError
        If `x` has another dtype.
    ValueError
        If `out` does not fit.

    Examples
    --------
    >>> import numpy as np, pyce
    >>> pyce.sigmoid(np.array([-40.0, 0.0, np.inf]))
    array([4.24835426e-18, 5.00000000e-01, 1.00000000e+00])
    """
    return transform(SIGMOID, "prob", x, None, out, num_threads)


def log_sigmoid(x: Any, out: Any = None, *, num_threads: int | None = None) -> Array:
    """Logarithm of the logistic function of every element, ``-log1p(exp(-x))``.

    Parameters and errors are those of `sigmoid`.

    Returns
    -------
    array of the shape and dtype of `x`, or a NumPy scalar if `x` is one

    Examples
    --------
    >>> import numpy as np, pyce
    >>> pyce.log_sigmoid(np.array([-1000.0, 0.0, 40.0]))
    array([-1.00000000e+03, -6.93147181e-01, -4.24835426e-18])
    """
    return transform(SIGMOID, "log_prob", x, None, out, num_threads)
