"""`python endings.py CASE`: calls while the interpreter shuts down. Nothing crashes or hangs; "right" is printed."""

import atexit
import os
import signal
import sys
import threading
import time

import numpy as np

import pyce

signal.alarm(40)

LOGITS = np.linspace(-5, 5, 2000000, dtype=np.float32).reshape(2000, 1000)
LABELS = np.arange(2000) % 1000
EXPECTED = pyce.sparse_softmax_cross_entropy_with_logits(labels=LABELS, logits=LOGITS, num_threads=2)


def compute(loss=pyce.sparse_softmax_cross_entropy_with_logits, labels=LABELS, logits=LOGITS, expected=EXPECTED):
    """Whether the results are right; by its defaults still complete when modules have been emptied."""
    return loss(labels=labels, logits=logits, num_threads=2).tobytes() == expected.tobytes()


def forever(work):
    while True:
        work()


def small(loss=pyce.sigmoid_cross_entropy_with_logits):
    loss(labels=[1.0], logits=[0.5])


def daemons(work):
    for _ in range(4):
        threading.Thread(target=forever, args=(work,), daemon=True).start()
    time.sleep(0.2)
    print("right")


def callback():
    atexit.register(lambda: print("right" if compute() else "wrong"))


class Last:
    """Computes when it is deleted."""

    def __init__(self):
        self.compute, self.write = compute, os.write  # sys.stdout goes before this does

    def __del__(self):
        self.write(1, b"right\n" if self.compute() else b"wrong\n")


def deletion():
    sys.last = Last()  # outlives the modules that can be emptied


def thread_that_outlives_main():
    def work():
        time.sleep(0.1)
        print("right" if all(compute() for _ in range(20)) else "wrong")

    threading.Thread(target=work).start()


CASES = {
    "daemons in long calls": lambda: daemons(compute),
    "daemons in small calls": lambda: daemons(small),
    "atexit": callback,
    "deletion": deletion,
    "thread that outlives main": thread_that_outlives_main,
}

if __name__ == "__main__":
    CASES[sys.argv[1]]()
