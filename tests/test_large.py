"""More than 2**31 elements, rows, classes; steps of more than 2**31 elements; an error at an index above 2**31.

One array of float16, 4.3 GB, serves all: it repeats a pattern, so that results are compared with those of a part."""

import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same_bits

import pyce

CLASSES, PERIOD = 1024, 1021  # of the pattern, in rows
ROWS = 2**21 + 3
SIZE = ROWS * CLASSES
NEEDED = 7 * 2**30
PATTERN = np.random.default_rng(31).normal(0, 3, (PERIOD, CLASSES)).astype(np.float16)


def available():
    if sys.maxsize < 2**32 or not Path("/proc/meminfo").exists():
        return 0
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return 1024 * int(fields["MemAvailable"].split()[0])


pytestmark = pytest.mark.skipif(
    available() < NEEDED, reason=f"needs {NEEDED / 2**30:.0f} GB of free memory, there are {available() / 2**30:.1f}"
)


@pytest.fixture(scope="module")
def memory():
    return np.empty(SIZE, np.float16)


@pytest.fixture
def x(memory):
    """The pattern again and again."""
    filled = PATTERN.size
    memory[:filled] = PATTERN.ravel()
    while filled < SIZE:
        count = min(filled, SIZE - filled)
        memory[filled : filled + count] = memory[:count]
        filled += count
    return memory


def assert_repeats(array, expected):
    """The rows of a large array are those of the pattern, again and again, bit by bit."""
    array, expected = array.view(np.uint16), np.concatenate([expected] * 16).view(np.uint16)
    for first in range(0, ROWS, len(expected)):
        part = array[first : first + len(expected)]
        assert np.array_equal(part, expected[: len(part)])


@pytest.mark.parametrize("loss", ["sparse_softmax", "softmax"])
def test_rows_of_a_large_array_are_those_of_its_parts(x, loss):
    """Also the gradient, written over the logits."""
    logits = x.reshape(ROWS, CLASSES)
    rng = np.random.default_rng(7)
    if loss == "softmax":
        few = np.broadcast_to(rng.dirichlet(np.ones(CLASSES)).astype(np.float16), PATTERN.shape)
        labels = np.broadcast_to(few[0], logits.shape)
    else:
        few = rng.integers(0, CLASSES, PERIOD, dtype=np.uint16)
        labels = np.resize(few, ROWS)
    function = getattr(pyce, f"{loss}_cross_entropy_with_logits")
    results = function(labels=labels, logits=logits, returns=("loss", "grad"), out={"grad": logits})
    expected = function(labels=few, logits=PATTERN, returns=("loss", "grad"))
    assert_repeats(results.loss, expected.loss)
    assert_repeats(logits, expected.grad)


def test_elements_of_a_large_array_are_those_of_its_parts(x):
    labels = np.broadcast_to(np.float16(0.25), SIZE)
    result = pyce.sigmoid_cross_entropy_with_logits(labels=labels, logits=x, returns="grad", out=x)
    assert result is x
    expected = pyce.sigmoid_cross_entropy_with_logits(
        labels=np.full(PATTERN.shape, 0.25, np.float16), logits=PATTERN, returns="grad"
    )
    assert_repeats(x.reshape(ROWS, CLASSES), expected)


def test_one_row_of_more_classes_than_fit_31_bits(x):
    """Log-sum-exp by NumPy in double, from the pattern and how often it comes; the greatest class is the last but one,
    which is the label."""
    x[-2] = 20
    label = SIZE - 2
    result = pyce.sparse_softmax_cross_entropy_with_logits(
        labels=np.array([label], np.uint32), logits=x[None], returns=("loss", "lse", "correct"), dtype=np.float64
    )
    whole, rest = divmod(SIZE, PATTERN.size)
    flat = np.exp(PATTERN.ravel().astype(np.float64))
    total = np.exp(20.0) + whole * flat.sum() + flat[:rest].sum() - flat[(SIZE - 2) % PATTERN.size]
    assert result.lse[0] == pytest.approx(np.log(total), rel=1e-12)
    assert result.loss[0] == pytest.approx(np.log(total) - 20, rel=1e-12)
    assert result.correct[0]


def test_a_bad_label_beyond_31_bits_is_reported_with_its_index():
    rows = 2**31 + 11
    labels = np.zeros(rows, np.uint8)
    labels[-3] = 9
    logits = np.broadcast_to(np.array([1, 0], np.float16), (rows, 2))
    with pytest.raises(ValueError, match=f"index {rows - 3} is 9, outside the range 0 to 1"):
        pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, reduction="sum")


def test_steps_of_more_elements_than_fit_31_bits(memory):
    """Two rows, one at either end of the memory, and their gradient beside them."""
    rows = np.lib.stride_tricks.as_strided(memory, (2, 100), (2 * (SIZE - 200), 2))
    grad = np.lib.stride_tricks.as_strided(memory[100:], (2, 100), (2 * (SIZE - 200), 2))
    rows[:] = PATTERN[:2, :100]
    grad[:] = 99
    assert rows.strides[0] // rows.itemsize > 2**31
    with pytest.raises(ValueError, match="overlaps"):  # the two lie in each other, as whole ranges do
        pyce.softmax_cross_entropy_with_logits(labels=PATTERN[2:4, :100], logits=rows, returns="grad", out=grad)
    assert (grad == 99).all()
    result = pyce.softmax_cross_entropy_with_logits(labels=PATTERN[2:4, :100], logits=rows, returns="grad", out=rows)
    expected = pyce.softmax_cross_entropy_with_logits(
        labels=PATTERN[2:4, :100], logits=PATTERN[:2, :100], returns="grad"
    )
    assert_same_bits(np.ascontiguousarray(result), expected)


def test_steps_of_more_elements_than_fit_31_bits_between_blocks_of_rows(memory):
    """Three rows at either end of the memory, with gaps, so that the two axes are walked as two."""
    logits = np.lib.stride_tricks.as_strided(memory, (2, 3, 100), (2 * (SIZE - 1000), 600, 2))
    logits[:] = PATTERN[:6, :100].reshape(logits.shape)
    labels = PATTERN[6:12, :100].reshape(logits.shape)
    expected = pyce.softmax_cross_entropy_with_logits(labels=labels, logits=logits.copy(), returns="grad")
    result = pyce.softmax_cross_entropy_with_logits(labels=labels, logits=logits, returns="grad", out=logits)
    assert_same_bits(np.ascontiguousarray(result), expected)


def test_steps_of_more_labels_than_fit_31_bits(memory):
    """Also where a bad one is to be found."""
    bits = memory.view(np.uint8)
    labels = np.lib.stride_tricks.as_strided(bits, (2, 3), (bits.size - 1000, 7))
    labels[:] = [[0, 1, 2], [3, 4, 5]]
    logits = PATTERN[:6, :10].reshape(2, 3, 10)
    function = pyce.sparse_softmax_cross_entropy_with_logits
    assert_same_bits(function(labels=labels, logits=logits), function(labels=labels.copy(), logits=logits))
    labels[1, 2] = 77
    with pytest.raises(ValueError, match="index 5 is 77"):
        function(labels=labels, logits=logits)
