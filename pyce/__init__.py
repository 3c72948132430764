"""Cross-entropy losses from logits, on the CPU: right to the last digits, and as fast as memory allows.

Four losses with TensorFlow's names, each giving loss, gradient and Hessian diagonal in one pass, and the functions of
logits alone that share their kernels. The same library serves C, C++ (`get_include`, `get_library`) and Cython
(`from pyce._core cimport ...`).
"""

import importlib
from typing import TYPE_CHECKING

try:
    import pyce._core as _core
except ModuleNotFoundError as error:
    if error.name != "pyce._core":
        raise
    raise ImportError(
        "pyce is not built here: its compiled extension pyce._core is missing. Python has found the source folder "
        f"{__path__[0]!r}; run `pip install .` there and start Python from another directory."
    ) from error

from pyce._result import Result
from pyce.companions import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax
from pyce.install import get_include, get_library
from pyce.losses import (
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits,
    sparse_softmax_cross_entropy_with_logits,
    weighted_cross_entropy_with_logits,
)
from pyce.second_order import hessian_vector_product

if TYPE_CHECKING:
    from pyce import boosting

__version__: str = _core.library()["version"]

__all__ = [
    "Result",
    "__version__",
    "boosting",
    "get_include",
    "get_library",
    "hessian_vector_product",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
    "weighted_cross_entropy_with_logits",
]


def __getattr__(name: str) -> object:
    """Import `pyce.boosting` when it is first asked for: it costs as much as the rest."""
    if name == "boosting":
        return importlib.import_module("pyce.boosting")
    raise AttributeError(f"module 'pyce' has no attribute {name!r}")
