"""The cells of the benchmark: what is computed, in which dtype and shape, by how many threads."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

LOSSES = "sparse", "softmax", "sigmoid", "weighted"
OUTPUTS = {"loss": "loss", "grad": "loss + grad", "inplace": "loss + grad in place"}  # option: words of the table
ITEM_BYTES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}
DTYPES = tuple(ITEM_BYTES)
SHAPES = (
    *("1x10", "64x10", "65536x10", "65536x2", "1024x100", "1024x1000", "16384x1000", "64x32000", "1024x32000"),
    *("1024x128256", "4x4194304", "64x21x128x128@1"),
)
THREADS = 1, 2
QUICK = {"outputs": ("loss", "grad"), "dtype": ("float32",), "shape": ("1x10", "65536x10", "1024x1000")}

# What a loop must do with the logits and the arrays of their shape, one pass after the other: read an array, copy one
# to another, or change one where it stands. The arrays of one number per row are not counted.
PASSES = {
    ("sparse", "loss"): ("read",),
    ("sparse", "grad"): ("copy",),
    ("sparse", "inplace"): ("change",),
    ("softmax", "loss"): ("read", "read"),
    ("softmax", "grad"): ("copy", "read"),
    ("softmax", "inplace"): ("change", "read"),
    ("binary", "loss"): ("copy", "read"),
    ("binary", "grad"): ("copy", "copy"),
    ("binary", "inplace"): ("change", "copy"),
}


@dataclass(frozen=True)
class Cell:
    """One line of the table; `axis` is the class axis, -1 or 1."""

    loss: str
    outputs: str
    dtype: str
    shape: tuple[int, ...]
    axis: int
    threads: int

    @property
    def binary(self) -> bool:
        """Whether the loss has one number per logit."""
        return self.loss in ("sigmoid", "weighted")

    @property
    def loss_shape(self) -> tuple[int, ...]:
        """Return the shape of the loss."""
        if self.binary:
            return self.shape
        axis = self.axis % len(self.shape)
        return self.shape[:axis] + self.shape[axis + 1 :]

    @property
    def array_bytes(self) -> int:
        """Return the bytes of the logits."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    @property
    def passes(self) -> tuple[str, ...]:
        """Return the passes that a loop at the limit makes."""
        return PASSES["binary" if self.binary else self.loss, self.outputs]

    @property
    def moved_bytes(self) -> int:
        """Return the bytes read and written."""
        return sum(self.array_bytes * (1 if kind == "read" else 2) for kind in self.passes)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return {**asdict(self), "shape": list(self.shape)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Cell":
        """Return the cell whose fields these are; others are ignored."""
        names = cls.__dataclass_fields__
        return cls(**{name: tuple(fields[name]) if name == "shape" else fields[name] for name in names})

    def __str__(self) -> str:
        shape = format_shape(self.shape, self.axis)
        return f"{self.loss} {OUTPUTS[self.outputs]} {self.dtype} {shape}, {format_threads(self.threads)}"


def format_threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def parse_shape(text: str) -> tuple[tuple[int, ...], int]:
    """Return the shape and the class axis of '1024x1000' or '64x21x128x128@1'; ValueError for anything else."""
    lengths, _, axis = text.partition("@")
    shape = tuple(int(length) for length in lengths.split("x"))
    if len(shape) < 2 or min(shape) < 1 or axis not in ("", "1"):
        raise ValueError(f"shapes are written 1024x1000, or 64x21x128x128@1 where axis 1 is the class axis, got {text}")
    return shape, 1 if axis and len(shape) > 2 else -1


def format_shape(shape: Iterable[int], axis: int) -> str:
    """Write a shape for a table."""
    text = f"({', '.join(map(str, shape))})"
    return text if axis == -1 else f"{text} axis {axis}"


def plan_cells(
    losses: Iterable[str], outputs: Iterable[str], dtypes: Iterable[str], shapes: Iterable[str], threads: Iterable[int]
) -> list[Cell]:
    """Return the cells in the order in which they are measured: those that share arrays come together."""
    plan = itertools.product(threads, dtypes, shapes, losses, outputs)
    return [Cell(loss, output, dtype, *parse_shape(shape), count) for count, dtype, shape, loss, output in plan]
