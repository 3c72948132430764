from typing import Any, Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from pyce._result import Result

_Array: TypeAlias = npt.NDArray[Any]
_Input: TypeAlias = Any  # array_like, and tensors: anything with the buffer protocol, __array__ or __dlpack__
_Float: TypeAlias = npt.DTypeLike | type[np.floating[Any]] | None
_Outs: TypeAlias = dict[str, Any] | None
_Element: TypeAlias = Literal["loss", "grad", "hess"]
_Row: TypeAlias = Literal["loss", "grad", "hess", "lse"]

@overload
def sigmoid_cross_entropy_with_logits(
    *,
    labels: _Input = None,
    logits: _Input,
    targets: _Input = None,
    name: object = None,
    returns: _Element = "loss",
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
    returns: _Row = "loss",
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
    returns: tuple[_Row, ...] | list[_Row],
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
    returns: _Row = "loss",
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
    returns: tuple[_Row, ...] | list[_Row],
    out: _Outs = None,
    dtype: _Float = None,
    num_threads: int | None = None,
) -> Result: ...
