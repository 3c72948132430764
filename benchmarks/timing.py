"""Timing of one cell: every library is checked against pyce, then all take turns."""

import gc
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from cells import Cell
from limits import bind_passes, make_floor
from peers import LIBRARIES
from problem import Prepared, Problem

PAUSE = 0.01  # the waiting threads of one OpenMP runtime spin for milliseconds, on the cores that the next one needs
TURN = 0.005  # seconds of repeated calls in one turn
WARM = 0.001  # seconds of calls before them
LONG = 0.1  # a call of so many seconds needs no other to be warm
FEWEST_ROUNDS = 3
TOO_SLOW = 5  # times the fastest peer's time: such a peer has been timed by its first warm calls
SAMPLE = 1 << 18  # results that are compared
# relative and absolute; a half type may have computed in its own arithmetic
TOLERANCES = {"float64": (1e-9, 1e-10), "float32": (1e-4, 1e-5), "float16": (1e-2, 4e-3), "bfloat16": (6e-2, 3e-2)}


def sample(result: Any) -> np.ndarray:
    """Return about SAMPLE numbers of an array of any library, in float64."""
    if hasattr(result, "detach"):
        flat = result.detach().reshape(-1)
        step = flat.shape[0] // SAMPLE | 1
        return flat[::step].double().numpy()
    flat = np.asarray(result).reshape(-1)
    return flat[:: len(flat) // SAMPLE | 1].astype(np.float64)


def call_once(prepared: Prepared) -> list[np.ndarray]:
    """Return samples of the loss and the gradient of the logits as they were drawn."""
    prepared.reset()
    samples = [sample(result) for result in prepared.call()]
    gc.collect()  # eager gradients of TensorFlow are garbage in cycles, which would fill the memory
    return samples


def find_difference(cell: Cell, results: list[np.ndarray], expected: list[np.ndarray]) -> str | None:
    """Say where results are not what pyce has returned; None where they are."""
    if len(results) != len(expected):
        return f"{len(results)} results instead of {len(expected)}"
    relative, absolute = TOLERANCES[cell.dtype]
    for name, result, right in zip(("loss", "grad"), results, expected, strict=False):
        if result.shape != right.shape:
            return f"{name}: another shape"
        if not np.allclose(result, right, relative, absolute):
            return f"{name}: off by {np.abs(result - right).max():.2g} where pyce has {np.abs(right).max():.2g} at most"
    return None


def prepare_libraries(
    problem: Problem, names: list[str], say: Callable[[str], None]
) -> tuple[dict[str, Prepared], dict[str, str]]:
    """Return the calls whose results are right, by library, and what is wrong with the others."""
    ready, failed, expected = {}, {}, None
    for name in names:
        say(name)
        try:
            prepared = LIBRARIES[name].make(problem)
            if prepared is None:
                continue
            results = call_once(prepared)
        except Exception as error:  # whatever a library raises, the others are measured
            if name == "pyce":
                raise
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            continue
        if expected is None:
            expected = results
        difference = find_difference(problem.cell, results, expected)
        if difference:
            failed[name] = difference
        else:
            ready[name] = prepared
    return ready, failed


def time_calls(call: Callable[[], object], repeats: int) -> float:
    """Return the seconds of one call, the mean of several."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def time_turn(prepared: Prepared, repeats: int, once: float, threads: int) -> float:
    """Return the seconds of one call, the mean of a turn that starts warm."""
    gc.collect()
    if threads > 1:
        time.sleep(PAUSE)
    if once < LONG:
        time_calls(prepared.call, max(1, int(WARM / once)))
    prepared.reset()
    return time_calls(prepared.call, repeats)


def find_repeats(prepared: Prepared, turn: float) -> tuple[int, float]:
    """Return how many calls fill a turn, and the seconds of one."""
    once = time_calls(prepared.call, 1)
    if once < LONG:  # the faster of two: something else may have come between
        several = max(1, int(WARM / once))
        once = min(time_calls(prepared.call, several), time_calls(prepared.call, several))
    return math.ceil(turn / once), once


def measure_rounds(
    ready: dict[str, Prepared], rounds: int, seconds: float, threads: int, always: tuple[str, ...]
) -> dict[str, list[float]]:
    """Return the seconds of one call in every round; each round begins with another library.

    Peers far behind the fastest take no part in the rounds; those in `always` are no peers.
    """
    begin, names = time.perf_counter(), list(ready)
    plan = {name: find_repeats(ready[name], min(TURN, seconds / len(names) / FEWEST_ROUNDS)) for name in names}
    most = TOO_SLOW * min((plan[name][1] for name in names if name not in always), default=math.inf)
    times = {name: [float(f"{plan[name][1]:.4g}")] for name in names if name not in always and plan[name][1] > most}
    names = [name for name in names if name not in times]
    times |= {name: [] for name in names}
    for turn in range(rounds):
        if turn >= FEWEST_ROUNDS and time.perf_counter() - begin > seconds:
            break
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(float(f"{time_turn(ready[name], *plan[name], threads):.4g}"))
    return times


def measure_cell(
    cell: Cell, names: list[str], loops: Any, rounds: int, seconds: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the line of the JSON file for a cell; `say` is told which library is being prepared."""
    problem = Problem.draw(cell)
    ready, failed = prepare_libraries(problem, names, say)
    in_place = [name for name, prepared in ready.items() if prepared.in_place]
    limits = {"floor": Prepared(make_floor())}
    if loops is not None:
        first = problem.given
        arrays = [first, problem.labels] if cell.loss != "sparse" else [first]
        call = bind_passes(loops, cell.passes, arrays, problem.scratch[0], cell.threads)
        limits["loop"] = Prepared(call)
    say("turns")
    times = measure_rounds({**ready, **limits}, rounds, seconds, cell.threads, ("pyce", *limits))
    result = {**cell.to_json(), "seconds": {name: times[name] for name in ready}, "failed": failed}
    result["limits"] = {name: times[name] for name in limits}
    return {**result, "bytes": cell.moved_bytes, "in_place": in_place}
