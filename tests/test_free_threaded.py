"""Many Python threads at once, from the first call on. A Python without a GIL runs them truly at once: there, this file
looks for data races in the extension; elsewhere its scripts hold all the same."""

import subprocess
import sys
import sysconfig

import pytest

IMPORT = "import sys, pyce; print(sys._is_gil_enabled())"

# Each thread has dtype objects of its own for bfloat16, short-lived ones: the extension remembers one of all of them.
THREADS = """
import threading
import ml_dtypes
import numpy as np
import pyce

THREADS, ROUNDS = 16, 60
start = threading.Barrier(THREADS)
problems, failures = [], []
for rows, classes in ((1, 3), (7, 10), (30, 90), (300, 400)):
    x = np.linspace(-9, 9, rows * classes).reshape(rows, classes)
    problems.append((np.arange(rows) % classes, x, x.astype(np.float32)))

def results(labels, x, threads=None):
    call = dict(labels=labels, logits=x, num_threads=threads)
    several = pyce.sparse_softmax_cross_entropy_with_logits(**call, returns=["loss", "grad"])
    mean = pyce.sparse_softmax_cross_entropy_with_logits(**call, reduction="mean", sample_weight=np.ones(len(x)))
    return [np.asarray(value).tobytes() for value in (*several, several.grad, mean, pyce.softmax(x))]

def own_bfloat16(x):
    return x.astype(np.dtype(ml_dtypes.bfloat16, metadata={"a dtype object": "of its own"}))

expected = [[results(labels, x, 1) for x in (wide, single)] for labels, wide, single in problems]
halves = []

def work(number):
    start.wait()
    half = [results(labels, own_bfloat16(single)) for labels, _, single in problems]
    for i in range(ROUNDS):
        place = (number + i) % len(problems)
        labels, wide, single = problems[place]
        for x, right in zip((wide, single), expected[place]):
            assert results(labels, x) == right
            assert results(labels.copy(), x.copy(), 1 + i % 2) == right
        assert results(labels, own_bfloat16(single)) == half[place]
        try:
            results(labels, wide[0])
            raise AssertionError("labels of another shape were taken")
        except ValueError as error:
            assert "labels" in str(error)
    halves.append(half)

def guarded(number):
    try:
        work(number)
    except BaseException as error:
        failures.append(repr(error))

threads = [threading.Thread(target=guarded, args=(number,)) for number in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
assert len(halves) == THREADS and all(half == halves[0] for half in halves)
"""


def run(script, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has a GIL")
def test_import_leaves_the_gil_off(tmp_path):
    assert run(IMPORT, tmp_path) == "False\n"


def test_first_calls_of_many_threads_at_once_give_the_results_of_one(tmp_path):
    pytest.importorskip("ml_dtypes")
    run(THREADS, tmp_path)
