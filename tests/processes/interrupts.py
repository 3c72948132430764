"""`python interrupts.py CASE THREADS`: SIGINT arrives while a call computes. The call ends as if nothing had been."""

import os
import signal
import sys
import threading
import time

import numpy as np

import pyce

signal.alarm(60)

ROWS, SENTINEL = 100000, 99.0
ROW = np.linspace(-5, 5, 4000, dtype=np.float32)
LOGITS = np.broadcast_to(ROW, (ROWS, 4000))  # long to compute, small to hold
LABELS = np.zeros(ROWS, np.uint8)
EXPECTED = pyce.sparse_softmax_cross_entropy_with_logits(labels=0, logits=ROW)
THREADS = int(sys.argv[2])
out = np.full(ROWS, SENTINEL, np.float32)
unfinished = []


def call():
    pyce.sparse_softmax_cross_entropy_with_logits(labels=LABELS, logits=LOGITS, out=out, num_threads=THREADS)


def interrupt():
    """Once a result is there, and not yet all."""
    while (out == SENTINEL).all():
        time.sleep(0.001)
    unfinished.append((out == SENTINEL).any())
    os.kill(os.getpid(), signal.SIGINT)


def keyboard_interrupt():
    try:
        call()
    except KeyboardInterrupt:
        return True
    return False


def handler():
    calls = []
    signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    call()
    return calls == [signal.SIGINT]


def call_in_another_thread():
    done = threading.Event()
    try:
        threading.Thread(target=lambda: (call(), done.set())).start()
        done.wait()
    except KeyboardInterrupt:
        return done.wait()
    return False


CASES = {
    "keyboard interrupt": keyboard_interrupt,
    "handler": handler,
    "call in another thread": call_in_another_thread,
}

if __name__ == "__main__":
    sender = threading.Thread(target=interrupt)
    sender.start()
    assert CASES[sys.argv[1]]()
    sender.join()
    assert unfinished == [True], "the call was over before it was interrupted"
    assert (out == EXPECTED).all()
    out[:] = SENTINEL
    call()
    assert (out == EXPECTED).all()
