"""Times of pyce beside its peers on float32 logits, as a Markdown table.

The libraries take turns in one process, with the same number of threads (NumPy's formulas have one), after a warm-up;
a time is the median over the rounds of the mean of one turn. The calls, and which of them reuse their outputs:
timed_calls.py. scikit-learn's loss classes are private.
"""

import argparse
import importlib.metadata
import math
import os
import platform
import statistics
import sys
import time

import numpy as np

import pyce._core

try:
    from libraries import find_installed
    from timed_calls import MAKERS, WORKS, Call
except ModuleNotFoundError as error:
    sys.exit(f"speed.py needs {error.name}; in a checkout: pip install '.[verify,peers]'")

SHAPES = "1x10", "65536x10", "1024x1000", "1024x32000"
PACKAGES = {"tensorflow": "tensorflow-cpu", "sklearn": "scikit-learn"}  # where the distribution has another name
SECONDS_PER_TURN = 0.02
PAUSE = 0.01  # the waiting threads of one OpenMP runtime spin for milliseconds, on the cores that the next one needs


def make_calls(work: str, shape: tuple[int, int], libraries: list[str], threads: int) -> dict[str, Call]:
    """Draw the arrays, let every library prepare its call, and assert that all give the loss that pyce gives."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape, np.float32), rng.integers(0, shape[1], shape[0])
    t = rng.random(shape, np.float32)
    if work != "sigmoid loss":
        t /= t.sum(-1, keepdims=True)
    made = {name: MAKERS[name](work, x, y, t, threads) for name in libraries}
    calls = {name: call for name, call in made.items() if call is not None}
    losses = {}
    for name, call in calls.items():
        result = call()
        losses[name] = np.ravel(result[0] if isinstance(result, tuple) else result)
        np.testing.assert_allclose(losses[name], losses["pyce"], rtol=1e-4, atol=1e-5, err_msg=f"{work}, {name}")
    return calls


def time_turn(call: Call, repeats: int) -> float:
    """Return the seconds of one call, the mean of a turn that starts warm."""
    time.sleep(PAUSE)
    call()
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def measure(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Return the seconds of one call of every library."""
    repeats = {}
    for name, call in calls.items():
        once = time_turn(call, max(1, int(1e-3 / time_turn(call, 1))))
        repeats[name] = math.ceil(SECONDS_PER_TURN / once)
    turns = [{name: time_turn(call, repeats[name]) for name, call in calls.items()} for _ in range(rounds)]
    return {name: statistics.median(turn[name] for turn in turns) for name in calls}


def format_seconds(seconds: float) -> str:
    """Write a time with 3 digits in the unit that suits it."""
    value, unit = next(
        (seconds * f, u) for f, u in ((1e6, "us"), (1e3, "ms"), (1, "s")) if seconds * f < 999.5 or u == "s"
    )
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f} {unit}"


def main() -> None:
    """Measure, and print the machine, the versions and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="threads of every library (default 2)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every library (default 7)")
    parser.add_argument(
        "--shapes", nargs="+", default=SHAPES, metavar="ROWSxCLASSES", help=f"default {' '.join(SHAPES)}"
    )
    options = parser.parse_args()
    libraries = find_installed(MAKERS)
    if "tensorflow" in libraries:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    isa = pyce._core.library()["isa"]
    print(
        f"{os.cpu_count()} CPUs ({platform.machine()}, {isa}), {options.threads} threads, median of {options.rounds}."
    )
    print(", ".join(f"{name} {importlib.metadata.version(PACKAGES.get(name, name))}" for name in libraries) + ".\n")
    print(f"| float32 | shape | {' | '.join(libraries)} | best peer / pyce |")
    print("|---|---|" + "---:|" * (len(libraries) + 1))
    for work in WORKS:
        for shape in options.shapes:
            rows, classes = map(int, shape.split("x"))
            times = measure(make_calls(work, (rows, classes), libraries, options.threads), options.rounds)
            cells = [format_seconds(times[name]) if name in times else "-" for name in libraries]
            peers = {name: seconds for name, seconds in times.items() if name != "pyce"}
            best = min(peers, key=peers.__getitem__)
            ratio = f"{peers[best] / times['pyce']:.2f} ({best})"
            print(f"| {work} | ({rows}, {classes}) | {' | '.join(cells)} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
