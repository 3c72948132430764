from typing import Any, Final, TypedDict

from pyce._intake import Array

class _Library(TypedDict):
    version: str
    abi: int
    isa: str
    threads: int
    openmp: int
    compiler: str

SIGMOID: Final[int]
WEIGHTED: Final[int]
SOFTMAX: Final[int]
SPARSE_SOFTMAX: Final[int]

def compute(
    kind: int,
    positional: tuple[object, ...],
    labels: Any,
    targets: Any,
    logits: Any,
    pos_weight: Any,
    axis: int | None,
    dim: int | None,
    returns: str | tuple[str, ...] | list[str],
    out: Any,
    dtype: Any,
    num_threads: int | None,
    isa: int = 0,
    reduction: str = "none",
    denominator: str | float = "weights",
    sample_weight: Any = None,
    where: Any = None,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    vector: Any = None,
) -> Any: ...
def transform(
    kind: int, output: str, x: Any, axis: int | None, out: Any, num_threads: int | None, isa: int = 0
) -> Array: ...
def evaluate(
    kind: int,
    labels: Any,
    logits: Any,
    pos_weight: Any,
    axis: int | None,
    places: tuple[int, ...],
    out: tuple[Any, ...] | None,
    dtype: Any,
    num_threads: int | None,
    isa: int,
    options: tuple[Any, ...] | None,
) -> list[Any]: ...
def relabel_bfloat16(capsule: object) -> tuple[bool, bool]: ...
def losses() -> tuple[str, ...]: ...
def returns(loss: str) -> tuple[str, ...]: ...
def isas() -> dict[str, tuple[int, bool, bool]]: ...
def library() -> _Library: ...
