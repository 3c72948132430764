from typing import Any, Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from pyce._result import Result

_Array: TypeAlias = npt.NDArray[Any]
_Input: TypeAlias = Any  # array_like, and tensors: anything with the buffer protocol, __array__ or __dlpack__
_Float: TypeAlias = npt.DTypeLike | type[np.floating[Any]] | None
_Outs: TypeAlias = dict[str, Any] | None
_Reduction: TypeAlias = Literal["none", "sum", "mean"]
_Denominator: TypeAlias = Literal["weights", "rows", "batch"] | float
_Element: TypeAlias = Literal["loss", "grad", "hess", "labels_grad", "prob", "log_prob"]
_Sparse: TypeAlias = Literal["loss", "grad", "hess", "lse", "prob", "log_prob", "correct"]
_Dense: TypeAlias = _Sparse | Literal["labels_grad"]

@overload
def sigmoid_cross_entropy_with_logits(
    *,
    labels: _Input = None,
    logits: _Input,
    targets: _Input = None,
    name: object = None,
    returns: _Element = "loss",
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    label_smoothing: float = 0.0,
    out: Any = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> _Array: ...
@overload
def sigmoid_cross_entropy_with_logits(
    *,
    labels: _Input = None,
    logits: _Input,
    targets: _Input = None,
    name: object = None,
    returns: tuple[_Element, ...] | list[_Element],
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    label_smoothing: float = 0.0,
    out: _Outs = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> Result: ...
@overload
def weighted_cross_entropy_with_logits(
    *,
    labels: _Input = None,
    logits: _Input,
    pos_weight: _Input,
    targets: _Input = None,
    name: object = None,
    returns: _Element = "loss",
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    label_smoothing: float = 0.0,
    out: Any = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> _Array: ...
@overload
def weighted_cross_entropy_with_logits(
    *,
    labels: _Input = None,
    logits: _Input,
    pos_weight: _Input,
    targets: _Input = None,
    name: object = None,
    returns: tuple[_Element, ...] | list[_Element],
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    label_smoothing: float = 0.0,
    out: _Outs = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> Result: ...
@overload
def softmax_cross_entropy_with_logits(
    *,
    labels: _Input,
    logits: _Input,
    axis: int = -1,
    dim: int | None = None,
    name: object = None,
    returns: _Dense = "loss",
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    class_weight: _Input = None,
    label_smoothing: float = 0.0,
    out: Any = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> _Array: ...
@overload
def softmax_cross_entropy_with_logits(
    *,
    labels: _Input,
    logits: _Input,
    axis: int = -1,
    dim: int | None = None,
    name: object = None,
    returns: tuple[_Dense, ...] | list[_Dense],
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    class_weight: _Input = None,
    label_smoothing: float = 0.0,
    out: _Outs = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> Result: ...
@overload
def sparse_softmax_cross_entropy_with_logits(
    *,
    labels: _Input,
    logits: _Input,
    axis: int = -1,
    dim: int | None = None,
    name: object = None,
    returns: _Sparse = "loss",
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    class_weight: _Input = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    out: Any = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> _Array: ...
@overload
def sparse_softmax_cross_entropy_with_logits(
    *,
    labels: _Input,
    logits: _Input,
    axis: int = -1,
    dim: int | None = None,
    name: object = None,
    returns: tuple[_Sparse, ...] | list[_Sparse],
    reduction: _Reduction = "none",
    denominator: _Denominator = "weights",
    sample_weight: _Input = None,
    where: _Input = None,
    class_weight: _Input = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    out: _Outs = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> Result: ...
