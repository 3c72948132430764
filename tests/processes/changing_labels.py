"""`python changing_labels.py`: another thread writes labels far out of range while a call that has checked them
computes with them. No memory but that of the arrays is touched, which would end the process: labels are checked as
they are used."""

import signal
import threading
import time

import numpy as np

import pyce

signal.alarm(60)

SENTINEL, FAR = 99.0, 2**40  # times the size of a logit: no memory of this process
SIZES = [(400000, 3), (60000, 40), (8000, 300), (200, 20000)]  # short rows in lanes, rows of one tile, of several


def change_once_begun(labels, out):
    """When a result is there."""
    while (out == SENTINEL).all():
        time.sleep(0)
    labels[:] = FAR


def is_caught(logits, expected, threads):
    """Whether the labels changed before the last of them was used."""
    rows = len(logits)
    labels = np.zeros(rows, np.int64)
    out = {"loss": np.full(rows, SENTINEL, np.float32), "grad": np.full_like(logits, SENTINEL)}
    other = threading.Thread(target=change_once_begun, args=(labels, out["grad"][:1]))
    other.start()
    pyce.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=logits, returns=("loss", "grad"), out=out, num_threads=threads
    )
    other.join()
    return not np.array_equal(out["grad"], expected)


for rows, classes in SIZES:
    logits = np.linspace(-5, 5, rows * classes, dtype=np.float32).reshape(rows, classes)
    expected = pyce.sparse_softmax_cross_entropy_with_logits(
        labels=np.zeros(rows, np.int64), logits=logits, returns="grad"
    )
    for threads in (1, 2):
        caught = any(is_caught(logits, expected, threads) for _ in range(50))
        assert caught, f"{rows} rows of {classes} classes: every call was over before the labels changed"
