"""`python starved.py LIMIT [THREADS ...]`: a call that could use threads where none can be started. OpenMP's run-time
would end the process; the call keeps to its own thread. Before, calls with THREADS: the run-time lets threads go when
it needs fewer."""

import os
import resource
import signal
import sys

import numpy as np

import pyce

signal.alarm(60)

LOGITS = np.linspace(-5, 5, 600000, dtype=np.float32).reshape(600, 1000)
LABELS = np.arange(600)
out = np.empty(600, np.float32)


def compute(threads, out=None):
    return pyce.sparse_softmax_cross_entropy_with_logits(labels=LABELS, logits=LOGITS, num_threads=threads, out=out)


def no_processes():
    if os.geteuid() == 0:  # root has no such limit
        os.setgid(65534)
        os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))


def no_memory():
    """Room for small allocations, not for the stack of a thread."""
    with open("/proc/self/statm") as sizes:
        bytes_now = int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (bytes_now + 2**20, bytes_now + 2**20))
    labels = np.broadcast_to(np.uint8(0), 2**24)
    logits = np.broadcast_to(np.float32(0), (2**24, 2))
    try:
        pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, returns=("loss", "grad"))
    except MemoryError:
        return
    raise AssertionError("192 MB were found where there is 1")


expected = compute(1)
for threads in sys.argv[2:]:
    compute(int(threads))
{"processes": no_processes, "memory": no_memory}[sys.argv[1]]()
for _ in range(2):
    assert (compute(2, out) == expected).all()
    assert (compute(8, out) == expected).all()
