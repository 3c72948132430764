"""The tuple that a call with several outputs returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt


class Result(tuple[Any, ...]):
    """The outputs of one call: a tuple in the order asked for, and attributes by name.

    Parameters
    ----------
    names : tuple of str
        The names of the outputs.
    values : iterable of array
        The outputs, in the same order.

    Examples
    --------
    >>> import pyce
    >>> result = pyce.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[0.0], returns=("loss", "grad"))
    >>> loss, grad = result
    >>> result.grad is grad
    True
    >>> result
    Result(loss=array([0.69314718]), grad=array([-0.5]))
    """

    loss: npt.NDArray[Any]
    grad: npt.NDArray[Any]
    hess: npt.NDArray[Any]
    lse: npt.NDArray[Any]
    prob: npt.NDArray[Any]
    log_prob: npt.NDArray[Any]
    correct: npt.NDArray[Any]
    labels_grad: npt.NDArray[Any]

    _names: tuple[str, ...] = ()

    def __new__(cls, names: tuple[str, ...], values: Iterable[Any]) -> Result:
        self = tuple.__new__(cls, values)
        self._names = names
        return self

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return self[self._names.index(name)]
        raise AttributeError(f"this Result has no {name!r}; it has {', '.join(self._names)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names]

    def __reduce__(self) -> tuple[type[Result], tuple[tuple[str, ...], tuple[Any, ...]]]:
        return type(self), (self._names, tuple(self))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in zip(self._names, self, strict=True))
        return f"{type(self).__name__}({fields})"
