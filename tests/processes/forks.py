"""`python forks.py CASE`: children of every kind compute, with the bits of their parent. An alarm ends what hangs."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np

import pyce

SECONDS = 40
signal.alarm(SECONDS)  # a forked child starts without one, a spawned one comes by here

LOGITS = np.linspace(-5, 5, 600000, dtype=np.float32).reshape(600, 1000)
LABELS = np.arange(600)


def compute(threads=None):
    loss, grad = pyce.sparse_softmax_cross_entropy_with_logits(
        labels=LABELS, logits=LOGITS, returns=("loss", "grad"), num_threads=threads
    )
    return loss.tobytes(), grad.tobytes()


def settle():
    """After a call that was held up the next ones keep to one thread, for a second at most."""
    time.sleep(1.1)


def in_child(work):
    """Whether work() is true in a forked child, which leaves without what Python does at its end."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        answer = False
        try:
            answer = work()
        finally:
            os._exit(0 if answer else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def every_way(expected):
    """In a child: on the thread that forked, on threads of its own, and in a grandchild forked from one of them."""
    if compute(2) != expected:
        return False
    with ThreadPoolExecutor(3) as pool:
        own = all(result == expected for result in pool.map(compute, (None, 1, 2, 4)))
        return own and compute(2) == expected and pool.submit(in_child, lambda: compute(2) == expected).result()


def workers(method, expected):
    with ProcessPoolExecutor(2, multiprocessing.get_context(method), signal.alarm, (SECONDS,)) as pool:
        return all(result == expected for result in pool.map(compute, (None, 1, 2, 4)))


def fork_from_a_thread(expected):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(compute, 4).result()  # so that the thread has a team of its own
        settle()
        return pool.submit(in_child, lambda: every_way(expected)).result()


def fork_while_threads_compute(expected, forks=8):
    """The main thread and another one fork in turns while three more are inside calls."""
    stop = threading.Event()

    def compute_until_stopped():
        while not stop.is_set():
            if compute(2) != expected:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(compute_until_stopped) for _ in range(3)]
        try:
            children = [
                in_child(lambda: every_way(expected))
                if number % 2
                else pool.submit(in_child, lambda: every_way(expected)).result()
                for number in range(forks)
            ]
        finally:
            stop.set()
        return all(children) and all(other.result() for other in others)


def child_that_ends_as_programs_do(expected):
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        sys.exit(0 if compute(2) == expected else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


CASES = {
    "fork": lambda expected: in_child(lambda: every_way(expected)),
    "fork from a thread": fork_from_a_thread,
    "fork while threads compute": fork_while_threads_compute,
    "child that ends as programs do": child_that_ends_as_programs_do,
    "workers by fork": lambda expected: workers("fork", expected),
    "workers by spawn": lambda expected: workers("spawn", expected),
    "workers by forkserver": lambda expected: workers("forkserver", expected),
}

if __name__ == "__main__":
    parent = compute(1)
    assert compute(2) == compute(4) == parent
    settle()
    assert CASES[sys.argv[1]](parent)
    assert compute(4) == compute(2) == parent
