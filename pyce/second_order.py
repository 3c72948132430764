"""The Hessian of the losses times a vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyce._core import compute, losses
from pyce._intake import DEFAULT_AXIS, Array

SUFFIX = "_cross_entropy_with_logits"


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
    reduction enter as they do into "hess" of the losses. The cost is a few operations for each logit.

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
    array([[ 0.23373585, -0.08815922, -0.14557663]])
    """
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", repr(loss))
    known = losses()
    short = name.removesuffix(SUFFIX)
    if short not in known or (short == name and not isinstance(loss, str)):
        raise ValueError(f"loss must be one of {', '.join(known)}, got {name!r}")
    if vector is None:
        raise TypeError("vector is missing: it is required, vector=...")
    given = {
        "pos_weight": pos_weight is not None and short != "weighted",
        "class_weight": class_weight is not None and not short.endswith("softmax"),
        "ignore_index": ignore_index is not None and short != "sparse_softmax",
    }
    for option, is_foreign in given.items():
        if is_foreign:
            raise ValueError(f"{option} is not an option of {short}")
    result: Array = compute(
        known.index(short) + 1, (), labels, None, logits, pos_weight, axis, None, "hvp", out, dtype,
        num_threads, 0, reduction, denominator, sample_weight, where, class_weight, label_smoothing, ignore_index,
        vector,
    )  # fmt: skip
    return result
