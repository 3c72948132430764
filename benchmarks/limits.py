"""The limits beside which pyce is timed: loops in C that only move memory, and the smallest call into NumPy."""

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("bandwidth.c")
FLAGS = "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"
PASS_BYTES = {"read": 1, "copy": 2, "change": 2}
BEYOND_CACHE = 256 << 20  # bytes of each array, for the bandwidths of the machine


def find_compiler() -> str | None:
    """Return the C compiler: that of the environment variable CC, or cc."""
    return shutil.which(os.environ.get("CC", "cc"))


def compile_loops() -> ctypes.CDLL | None:
    """Compile and load bandwidth.c; None without a compiler that can."""
    compiler = find_compiler()
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "bandwidth.so"
        done = subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(library)], capture_output=True, text=True)
        if done.returncode:
            print(f"{SOURCE.name} could not be compiled:\n{done.stderr}")
            return None
        return ctypes.CDLL(str(library))


def bind_pass(
    loops: ctypes.CDLL, kind: str, source: np.ndarray, target: np.ndarray, threads: int
) -> Callable[[], object]:
    """Return one pass over all of `source`; a copy goes to `target`."""
    words = ctypes.c_int64(source.nbytes // 8)
    count, source_words, target_words = ctypes.c_int(threads), ctypes.c_void_p(source.ctypes.data), None
    if kind == "read":
        return lambda: loops.read_words(source_words, words, count)
    if kind == "change":
        mask = ctypes.c_uint64(0)
        return lambda: loops.change_words(source_words, mask, words, count)
    target_words = ctypes.c_void_p(target.ctypes.data)
    return lambda: loops.copy_words(target_words, source_words, words, count)


def bind_passes(
    loops: ctypes.CDLL, kinds: tuple[str, ...], arrays: list[np.ndarray], target: np.ndarray, threads: int
) -> Callable[[], object]:
    """Return a call that makes the passes one after the other, each over an array of its own."""
    calls = [bind_pass(loops, kind, source, target, threads) for kind, source in zip(kinds, arrays, strict=False)]

    def run() -> None:
        for call in calls:
            call()

    return calls[0] if len(calls) == 1 else run


def make_floor() -> Callable[[], object]:
    """Return about the smallest call that takes arrays and writes one: a ufunc of NumPy on one number."""
    one, out = np.ones(1, np.float32), np.empty(1, np.float32)
    return lambda: np.negative(one, out=out)


def measure_bandwidths(loops: ctypes.CDLL | None, threads: int, array_bytes: int = BEYOND_CACHE) -> dict[str, float]:
    """Return the bytes per second of each kind of pass beyond the caches: the best of five."""
    if loops is None:
        return {}
    source, target = np.ones(array_bytes // 8), np.ones(array_bytes // 8)
    best = {}
    for kind, factor in PASS_BYTES.items():
        call, seconds = bind_pass(loops, kind, source, target, threads), []
        for _ in range(5):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        best[kind] = factor * source.nbytes / min(seconds)
    return best
