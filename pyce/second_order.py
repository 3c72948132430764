"""The Hessian of the losses times a vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyce import losses
from pyce._core import SIGMOID, SOFTMAX, SPARSE_SOFTMAX, WEIGHTED, compute
from pyce._intake import DEFAULT_AXIS, Array

SUFFIX = "_cross_entropy_with_logits"
# By name: the number of the loss, and which of the options that not all losses have.
LOSSES: dict[str, tuple[int, tuple[str, ...]]] = {
    "sigmoid": (SIGMOID, ()),
    "weighted": (WEIGHTED, ("pos_weight",)),
    "softmax": (SOFTMAX, ("class_weight",)),
    "sparse_softmax": (SPARSE_SOFTMAX, ("class_weight", "ignore_index")),
}


def loss_name(loss: str | Callable[..., Any]) -> str:
    """Return the short name of a loss given by function or by name."""
    for name in LOSSES:
        if loss in (name, name + SUFFIX) if isinstance(loss, str) else loss is getattr(losses, name + SUFFIX):
            return name
    raise ValueError(f"loss must be one of {', '.join(LOSSES)}, or its function, got {loss!r}")


def hessian_vector_product(
    loss: str | Callable[..., Any],
    *,
    labels: Any,
    logits: Any,
    vector: Any,
    pos_weight: Any = None,
    axis: int = DEFAULT_AXIS,
    reduction: str = "none",
    denominator: str | float = "weights",
    sample_weight: Any = None,
    where: Any = None,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    out: Any = None,
    dtype: Any = None,
    num_threads: int | None = None,
) -> Array:
    """Product of the Hessian of a loss by its logits with a vector, row by row, without the matrix.

    For the softmax family, with ``p = softmax(x)``, the label sum S and the vector v of a row::

        (H v)_j = S p_j (v_j - sum_k p_k v_k)

    For the binary losses the Hessian is diagonal, and the product is ``hess * v``. Weights, masks, smoothing and
    reduction enter as they do into "hess" of the losses. The cost is linear in the number of logits, a few times that
    of loss and gradient. The error is at most 6 units in the last place of the larger of the terms subtracted, where
    the probabilities are normal numbers; for the binary losses 2 of the result.

    Parameters
    ----------
    loss : str or function
        One of the four losses, by its function or its name, with or without the ending "_cross_entropy_with_logits".
    labels, logits, pos_weight, axis, reduction, denominator, sample_weight, where, class_weight, label_smoothing
        As for that loss; `axis` is ignored by the binary losses.
    vector : array_like of real numbers, the shape of `logits`
        What the Hessian is multiplied with; read in place.
    ignore_index, out, dtype, num_threads
        As for that loss.

    Returns
    -------
    array of the shape of `logits`

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As the loss itself; ValueError also for an unknown loss, or an option that the loss does not have.

    Notes
    -----
    Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994), for a softmax.

    Examples
    --------
    >>> import numpy as np, pyce
    >>> logits = np.array([[2.0, 0.5, 1.0]])
    >>> pyce.hessian_vector_product("sparse_softmax", labels=[0], logits=logits, vector=np.array([[1.0, 0.0, 0.0]]))
    array([[ 0.2334796 , -0.08814804, -0.14533155]])
    """
    name = loss_name(loss)
    kind, own_options = LOSSES[name]
    given = {"pos_weight": pos_weight, "class_weight": class_weight, "ignore_index": ignore_index}
    for option, value in given.items():
        if value is not None and option not in own_options:
            raise ValueError(f"{option} is not an option of {name}{SUFFIX}")
    if vector is None:
        raise TypeError("vector is missing: it is required, vector=...")
    result: Array = compute(
        kind, (), labels, None, logits, pos_weight, axis, None, "hvp", out, dtype,
        num_threads, 0, reduction, denominator, sample_weight, where, class_weight, label_smoothing, ignore_index,
        vector,
    )  # fmt: skip
    return result
