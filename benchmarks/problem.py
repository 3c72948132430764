"""The arrays of a cell, which all libraries share, and what a library prepares from them."""

import functools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cells import ITEM_BYTES, Cell

Call = Callable[[], tuple[Any, ...]]
PERIOD = 1_000_003  # random numbers that are drawn; longer arrays repeat them
# Memory that a cell takes at its peak, in arrays of the logits, as it was found with all peers; half types take twice
# as many. About half of it is TensorFlow's, which keeps what it has once allocated.
ARRAYS = {"sparse": 16, "softmax": 22, "sigmoid": 28, "weighted": 38}


@dataclass
class Prepared:
    """A call that returns the loss, or the loss and the gradient.

    `in_place`: the gradient overwrites the logits; `reset` puts the logits back, between turns and before the check.
    """

    call: Call
    in_place: bool = False
    reset: Callable[[], None] = lambda: None


def find_dtype(name: str) -> np.dtype:
    """Return the dtype of this name; bfloat16 is that of ml_dtypes."""
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


@functools.lru_cache(maxsize=1)
def draw_normal(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return standard normal logits; kept for the next cell."""
    drawn = np.random.default_rng(0).standard_normal(min(PERIOD, math.prod(shape)), np.float32)
    return np.resize(drawn.astype(find_dtype(dtype)), shape)


@functools.lru_cache(maxsize=1)
def draw_labels(shape: tuple[int, ...], dtype: str, axis: int | None) -> np.ndarray:
    """Return labels in [0, 1) that add up to 1 along an axis, if one is given; kept for the next cell."""
    drawn = np.random.default_rng(1).random(min(PERIOD, math.prod(shape)), np.float32)
    if axis is None:
        return np.resize(drawn.astype(find_dtype(dtype)), shape)
    labels = np.resize(drawn.astype(dtype if dtype == "float64" else np.float32), shape)
    labels /= labels.sum(axis, keepdims=True)
    return labels.astype(find_dtype(dtype), copy=False)


class Problem:
    """The inputs of a cell, and arrays for results that the libraries that write into given arrays share.

    `logits` and `labels` are not written; `work` is the copy of the logits that a gradient in place overwrites.
    """

    def __init__(self, cell: Cell, logits: np.ndarray, labels: np.ndarray) -> None:
        self.cell, self.logits, self.labels = cell, logits, labels
        self.axis, self.threads = cell.axis, cell.threads
        self.dtype = logits.dtype
        self.loss = np.empty(cell.loss_shape, self.dtype)
        self.in_place = cell.outputs == "inplace"
        self.with_grad = cell.outputs != "loss"

    @classmethod
    def draw(cls, cell: Cell) -> "Problem":
        """Draw the inputs, the same for every run."""
        logits = draw_normal(cell.shape, cell.dtype)
        if cell.loss == "sparse":
            classes = cell.shape[cell.axis]
            return cls(cell, logits, np.random.default_rng(2).integers(0, classes, cell.loss_shape))
        return cls(cell, logits, draw_labels(cell.shape, cell.dtype, None if cell.binary else cell.axis))

    @functools.cached_property
    def pos_weight(self) -> np.ndarray:
        """A weight for each class, between 0.5 and 2, that broadcasts against the logits."""
        shape = [1] * len(self.cell.shape)
        shape[self.axis] = self.cell.shape[self.axis]
        return np.linspace(0.5, 2, shape[self.axis]).astype(self.dtype).reshape(shape)

    @functools.cached_property
    def work(self) -> np.ndarray:
        """A copy of the logits that may be overwritten."""
        return self.logits.copy()

    @functools.cached_property
    def grad(self) -> np.ndarray:
        """Where the gradient goes: over the logits, if it is to be there."""
        return self.work if self.in_place else np.empty_like(self.logits)

    @functools.cached_property
    def tensors(self) -> tuple[Any, Any]:
        """The logits and the labels as TensorFlow has them."""
        import tensorflow as tf

        return tf.constant(self.logits), tf.constant(self.labels)

    @functools.cached_property
    def scratch(self) -> tuple[np.ndarray, np.ndarray]:
        """Two arrays of the shape of the logits, for temporaries."""
        return np.empty_like(self.logits), np.empty_like(self.logits)

    @property
    def given(self) -> np.ndarray:
        """The logits that a library reads: those that it overwrites, if it is to do that."""
        return self.work if self.in_place else self.logits

    def reset(self) -> None:
        """Put the logits back that a gradient has overwritten."""
        np.copyto(self.work, self.logits)

    def prepare(self, call: Call) -> Prepared:
        """Return the call of a library that writes the gradient into `grad`."""
        return Prepared(call, self.in_place, self.reset) if self.in_place else Prepared(call)


def available_memory() -> int:
    """Return the bytes of memory that the machine, or the control group, allows."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        return total


def needed_memory(cell: Cell, libraries: list[str]) -> int:
    """Estimate the bytes that measuring a cell takes."""
    arrays = ARRAYS[cell.loss] * (2 if ITEM_BYTES[cell.dtype] == 2 else 1)
    return cell.array_bytes * arrays // (1 if "tensorflow" in libraries else 2)
