"""Times of pyce in one process with libraries that have threads of their own, which spin for a while after their work.

`python benchmarks/beside.py` prints the time of a sparse softmax loss of (1024, 1000) in float32 in a process with pyce
alone and in processes that have imported another library as well: while that rests, and straight after each of its
parallel regions. The processes take turns; a figure is the median of their medians. Libraries that are missing are left
out.
"""

import argparse
import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

ORDERS = [("pyce",), *(order for peer in ("torch", "jax", "sklearn") for order in (("pyce", peer), (peer, "pyce")))]
CALLS = 60


def busy_work(peer: str, threads: int) -> Callable[[], Any]:
    """Return work of a library that keeps all its threads busy for about a millisecond."""
    if peer == "torch":
        import torch

        torch.set_num_threads(threads)
        tensor = torch.ones(1000, 1000)
        return lambda: torch.exp(tensor)
    if peer == "jax":
        import jax

        array = jax.numpy.ones((1000, 1000))
        return lambda: jax.numpy.exp(array).block_until_ready()
    import numpy as np
    from sklearn.metrics import pairwise_distances_argmin

    points = np.random.default_rng(0).standard_normal((600, 10))
    return lambda: pairwise_distances_argmin(points, points)


def measure(order: list[str], threads: int) -> dict[str, Any]:
    """Return the median milliseconds of a call in this process, and how many OpenMP libraries it has loaded."""
    for name in order:
        importlib.import_module(name)
    import numpy as np
    import threadpoolctl

    import pyce

    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((1024, 1000), np.float32), rng.integers(0, 1000, 1024)
    loss = np.empty(1024, np.float32)

    def call() -> float:
        start = time.perf_counter()
        pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, out=loss, num_threads=threads)
        return (time.perf_counter() - start) * 1e3

    works = [busy_work(name, threads) for name in order if name != "pyce"]
    at_rest, after_work = [], []
    for _ in range(CALLS):
        time.sleep(0.01)  # spinning ends
        call()  # wakes pyce's own threads
        at_rest.append(call())
        for work in works:
            work()
            after_work.append(call())
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "openmp"]
    after = statistics.median(after_work) if works else None
    return {"runtimes": len(pools), "at_rest": statistics.median(at_rest), "after": after}


def main() -> None:
    """Let the processes take turns, then print a row for each order of import."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="processes for each figure (default 5)")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.threads)))
        return
    orders = [order for order in ORDERS if all(importlib.util.find_spec(name) for name in order)]
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {order: [] for order in orders}
    for _ in range(options.rounds):
        for order in orders:
            command = [sys.executable, __file__, "--threads", str(options.threads), "--measure", *order]
            found[order].append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    print("| imported | OpenMP libraries | ms, the other at rest | ms, straight after its work |")
    print("|---|---:|---:|---:|")
    for order, results in found.items():
        rest, after = (statistics.median(r[key] or 0.0 for r in results) for key in ("at_rest", "after"))
        figures = f"{results[0]['runtimes']} | {rest:.3f} | {f'{after:.3f}' if after else '-'}"
        print(f"| {', then '.join(order)} | {figures} |")


if __name__ == "__main__":
    main()
