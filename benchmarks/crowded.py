"""Times of pyce on one thread and on several, alone and beside a process that keeps one core busy.

`python benchmarks/crowded.py` prints, for sparse softmax losses of several shapes in float32, the mean and the longest
time of a call. The mean on several threads over that on one says what a busy core costs: threads that wait for one that
does not run would be far above 1.
"""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

import pyce

SHAPES = (1024, 100), (1024, 1000), (65536, 10), (64, 32000), (1024, 32000)


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy with another process."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        time.sleep(0.3)
        try:
            yield
        finally:
            process.kill()


def time_calls(shape: tuple[int, int], threads: int, seconds: float) -> list[float]:
    """Return the seconds of every call, in order of size."""
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal(shape, np.float32), rng.integers(0, shape[1], shape[0])
    loss, times, begin = np.empty(shape[0], np.float32), [], time.perf_counter()
    while not times or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, out=loss, num_threads=threads)
        times.append(time.perf_counter() - start)
    return sorted(times)


def print_rows(where: str, threads: int, seconds: float) -> None:
    """Print a row for each shape."""
    for shape in SHAPES:
        one, several = time_calls(shape, 1, seconds), time_calls(shape, threads, seconds)
        means = [sum(times) / len(times) for times in (one, several)]
        figures = f"{means[0] * 1e3:.3f} | {means[1] * 1e3:.3f} | {several[-1] * 1e3:.1f} | {means[1] / means[0]:.2f}"
        print(f"| {where} | {shape} | {figures} |", flush=True)


def main() -> None:
    """Measure alone, then beside the other process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure (default 1)")
    options = parser.parse_args()
    print(f"| | shape | 1 thread, mean ms | {options.threads} threads, mean ms | longest ms | ratio of the means |")
    print("|---|---|---:|---:|---:|---:|")
    print_rows("alone", options.threads, options.seconds)
    with busy_core():
        print_rows("beside a busy process", options.threads, options.seconds)


if __name__ == "__main__":
    main()
