"""What `pyce demo` prints: worked examples with 9 digits, and small losses beside the textbook formula."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import pyce
from pyce._intake import Array

ELEMENTS = np.array([[0.5, 0.7, 0.3], [0.8, 0.2, 0.9]], dtype=np.float32)
ROWS = np.array([[2.0, 0.5, 1.0], [0.1, 1.0, 3.0]], dtype=np.float32)
SOFT_LABELS = np.array([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]], dtype=np.float32)
INDEX_LABELS = np.array([1, 2])
MARGINS = (5, 10, 15, 16, 17, 18, 20, 30, 50, 80, 100)


def lines() -> list[str]:
    """Return the whole demonstration, line by line."""
    return [*_elements(), "", *_soft_rows(), "", *_index_rows(), "", *_small_losses()]


def _elements() -> list[str]:
    ones = np.ones_like(ELEMENTS)
    text = [
        "sigmoid cross entropy, one loss for each element",
        *_shown("x", ELEMENTS, inputs=True),
        *_shown("z", ones, inputs=True),
    ]
    text += _shown("loss", pyce.sigmoid_cross_entropy_with_logits(labels=ones, logits=ELEMENTS))
    for weight in (0.2, -0.2):
        loss = pyce.weighted_cross_entropy_with_logits(labels=ones, logits=ELEMENTS, pos_weight=weight)
        text += ["", f"weighted cross entropy, the same with pos_weight {weight}", *_shown("loss", loss)]
    return text


def _soft_rows() -> list[str]:
    loss = pyce.softmax_cross_entropy_with_logits(labels=SOFT_LABELS, logits=ROWS)
    textbook = -np.sum(SOFT_LABELS * np.log(pyce.softmax(ROWS)), axis=-1)
    mistake = pyce.softmax_cross_entropy_with_logits(labels=SOFT_LABELS, logits=pyce.softmax(ROWS))
    return [
        "softmax cross entropy, one loss for each row",
        *_shown("x", ROWS, inputs=True),
        *_shown("labels", SOFT_LABELS, inputs=True),
        *_shown("loss", loss),
        *_shown("check", textbook, note="-sum(labels*log(softmax(x))), the same up to rounding"),
        *_shown("MISTAKE", mistake, note="softmax(x) passed as logits: softmax is taken twice"),
    ]


def _index_rows() -> list[str]:
    sparse = pyce.sparse_softmax_cross_entropy_with_logits(labels=INDEX_LABELS, logits=ROWS)
    dense = pyce.softmax_cross_entropy_with_logits(labels=np.eye(3, dtype=np.float32)[INDEX_LABELS], logits=ROWS)
    return [
        "sparse softmax cross entropy, the same x with labels [1, 2]",
        *_shown("loss", sparse),
        *_shown("dense", dense, note="softmax with labels [[0, 1, 0], [0, 0, 1]]"),
    ]


def _small_losses() -> list[str]:
    text = [
        "small losses in float32: two classes, the right one ahead by the margin",
        f"{'margin':>8}{'textbook':>18}{'pyce':>18}",
    ]
    for margin in MARGINS:
        row = np.array([[margin, 0]], dtype=np.float32)
        loss = pyce.sparse_softmax_cross_entropy_with_logits(labels=[0], logits=row)
        text.append(f"{margin:>8}{_digits(_textbook(row)[0]):>18}{_digits(loss[0]):>18}")
    return [*text, "textbook: log(sum(exp(x - max))) - (x[label] - max), NumPy in float32"]


def _textbook(row: npt.NDArray[np.float32]) -> Array:
    """The loss of class 0 as most programs write it."""
    shifted = row - row.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(shifted).sum(axis=-1)) - shifted[:, 0])


def _shown(name: str, values: Array, note: str = "", inputs: bool = False) -> list[str]:
    """Rows of numbers in columns, the name before the first and the note after the last."""
    table = [
        "".join(f"{value:>9g}" if inputs else f"{_digits(value):>15}" for value in row) for row in np.atleast_2d(values)
    ]
    text = [f"  {name if i == 0 else '':<8}{row}" for i, row in enumerate(table)]
    return [*text[:-1], text[-1] + (f"   {note}" if note else "")]


def _digits(value: float) -> str:
    """Nine digits, enough to tell every float32 from its neighbours."""
    return "0" if value == 0 else f"{value:#.9g}"
