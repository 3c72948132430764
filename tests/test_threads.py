"""Results of several threads are right (test_bits.py: those of one); calls from many Python threads do not disturb each
other; a forked child does not hang."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import data
import numpy as np
import oracle
import pytest
from helpers import FUNCTIONS, LOSSES, assert_same_results, assert_within, compute


@pytest.mark.parametrize("place", [0, 1024, 150000, 299999])
def test_specials_in_a_long_row_reach_every_part_of_it(place):
    x = data.logits("random", 1, 300000, np.float32)
    x[0, place] = np.nan
    results = compute("sparse_softmax", {"logits": x, "labels": np.array([7])}, ("loss", "grad"), num_threads=2)
    assert np.isnan(results["loss"]).all()
    assert np.isnan(results["grad"]).all()
    x[0, place] = np.inf
    results = compute("sparse_softmax", {"logits": x, "labels": np.array([place])}, ("loss", "grad"), num_threads=2)
    assert (results["loss"] == 0).all()
    assert (results["grad"] == 0).all()


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_a_row_of_300000_classes_is_within_the_bound(dtype):
    """Values on a grid of 2000 numbers, so that the exact sum is cheap: sum of count * exp."""
    rng = data.generator("grid")
    grid = np.unique(rng.normal(0, 4, 2000).astype(dtype))
    x = grid[rng.integers(0, len(grid), 300000)][None]
    label = 123456
    values, counts = np.unique(x, return_counts=True)
    with oracle.mp.workprec(300):
        total = oracle.mp.fsum(int(n) * oracle.mp.exp(oracle.number(v)) for v, n in zip(values, counts, strict=True))
        expected = oracle.mp.log(total) - oracle.number(x[0, label])
    result = compute("sparse_softmax", {"logits": x, "labels": np.array([label])}, "loss", num_threads=2)["loss"]
    assert oracle.ulp_error(result[0], expected) <= 2


def test_every_row_of_a_parallel_call_is_within_the_bound():
    arguments = data.problem("sparse_softmax", "random", 4000, 50, np.float32)
    results = compute("sparse_softmax", arguments, ("loss", "grad"), num_threads=2)
    some = slice(None, None, 61)
    part = {name: value[some] for name, value in arguments.items()}
    for name, expected in oracle.sparse_softmax(("loss", "grad"), **part).items():
        assert_within(results[name][some], expected, part, name)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_calls_from_many_python_threads_give_the_results_of_calls_in_turn(num_threads):
    problems = [
        (loss, data.problem(loss, "random", rows, classes, dtype))
        for loss in LOSSES
        for dtype in data.FLOATS
        for rows, classes in ((300, 200), (2, 40000))
    ]
    references = [compute(loss, arguments, data.outputs(loss), num_threads=1) for loss, arguments in problems]

    def run(number):
        loss, arguments = problems[number % len(problems)]
        return compute(loss, arguments, data.outputs(loss), num_threads=num_threads)

    with ThreadPoolExecutor(6) as pool:
        for number, results in enumerate(pool.map(run, range(6 * len(problems)))):
            assert_same_results(results, references[number % len(problems)])


def test_bad_labels_in_one_python_thread_do_not_reach_another():
    good = data.problem("sparse_softmax", "random", 100, 30, np.float32)
    bad = good | {"labels": np.where(np.arange(100) == 40, 30, good["labels"])}

    def run(number):
        if number % 2:
            return compute("sparse_softmax", good, ("loss",))
        with pytest.raises(ValueError, match="40"):
            compute("sparse_softmax", bad, ("loss",))
        return None

    reference = compute("sparse_softmax", good, ("loss",))
    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(run, range(200)):
            if results is not None:
                assert_same_results(results, reference)


FORK = """
import os, signal, sys
import numpy as np, pyce

signal.alarm(40)  # ends a process that hangs; a child starts without one
x = np.linspace(-5, 5, 600000, dtype=np.float32).reshape(600, 1000)
labels = np.arange(600)

def loss(threads=None):
    return pyce.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=x, returns=("loss", "grad"), num_threads=threads
    )

expected = loss({parent})
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    got = loss({child})
    grandchild = os.fork()
    if grandchild == 0:
        signal.alarm(10)
        again = loss({child})
        os._exit(0 if all(np.array_equal(a, b) for a, b in zip(again, expected)) else 4)
    ok = os.waitpid(grandchild, 0)[1] == 0 and all(np.array_equal(a, b) for a, b in zip(got, expected))
    os._exit(0 if ok else 3)
status = os.waitpid(pid, 0)[1]
after = loss({parent})
assert all(np.array_equal(a, b) for a, b in zip(after, expected))
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize(("parent", "child"), [(2, None), (2, 2), (4, 4), (1, 2)])
def test_forked_child_computes_and_does_not_hang(parent, child, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FORK.format(parent=parent, child=child)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("threads", [-1, -4])
def test_negative_number_of_threads_is_refused(threads):
    with pytest.raises(ValueError, match="num_threads"):
        FUNCTIONS["sigmoid"](labels=[1.0], logits=[0.5], num_threads=threads)
