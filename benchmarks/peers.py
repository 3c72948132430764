"""The libraries by name: how each is called, started with a number of threads, and which packages it needs."""

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable, Iterable
from typing import NamedTuple

from array_peers import make_numpy, make_pyce, make_scipy, make_sklearn, through_float32
from framework_peers import (
    make_jax,
    make_tensorflow,
    make_tensorflow_xla,
    make_torch,
    make_torch_compile,
    start_jax,
    start_tensorflow,
    start_torch,
)
from onnx_peer import make_onnxruntime
from problem import Prepared, Problem


class Library(NamedTuple):
    """A library; `modules` are imported, `distributions` are what is installed."""

    make: Callable[[Problem], Prepared | None]
    modules: tuple[str, ...]
    distributions: tuple[str, ...]
    start: Callable[[int], None] = lambda threads: None


TENSORFLOW = ("tensorflow",), ("tensorflow-cpu", "tensorflow"), start_tensorflow
LIBRARIES = {
    "pyce": Library(make_pyce, ("pyce",), ("pyce",)),
    "numpy": Library(through_float32(make_numpy), ("numpy",), ("numpy",)),
    "scipy": Library(through_float32(make_scipy), ("scipy",), ("scipy",)),
    "sklearn": Library(through_float32(make_sklearn), ("sklearn",), ("scikit-learn",)),
    "torch": Library(make_torch, ("torch",), ("torch",), start_torch),
    "torch.compile": Library(make_torch_compile, ("torch",), ("torch",), start_torch),
    "tensorflow": Library(make_tensorflow, *TENSORFLOW),
    "tensorflow-xla": Library(make_tensorflow_xla, *TENSORFLOW),
    "jax": Library(make_jax, ("jax",), ("jax",), start_jax),
    "onnxruntime": Library(make_onnxruntime, ("onnxruntime", "onnx"), ("onnxruntime",)),
}
PEERS = tuple(name for name in LIBRARIES if name != "pyce")


def find_missing(name: str) -> list[str]:
    """Return what a library needs and this machine has not."""
    missing = [module for module in LIBRARIES[name].modules if importlib.util.find_spec(module) is None]
    if name == "torch.compile" and not (shutil.which("c++") or shutil.which("g++")):
        missing.append("a C++ compiler")
    return missing


def find_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of the distributions of these libraries."""
    installed = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}
    wanted = [name for library in names for name in LIBRARIES[library].distributions]
    return {name: installed[name] for name in dict.fromkeys(wanted) if name in installed}


def start_libraries(names: Iterable[str], threads: int) -> None:
    """Set the threads of every library, once in a process and before its first call."""
    for start in dict.fromkeys(LIBRARIES[name].start for name in names):
        start(threads)
