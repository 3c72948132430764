"""The worked examples of the documentation, within 2 ulp of float32 of a computation in decimal arithmetic.

Python's decimal module is a third form beside the library's and the oracle's: it computes from the textbook formulas
with 60 digits, on the float32 inputs as they are.
"""

from decimal import Decimal, localcontext

import numpy as np
import pytest

import pyce

BINARY_LOGITS = np.array([[0.5, 0.7, 0.3], [0.8, 0.2, 0.9]], np.float32)
LOGITS = np.array([[2, 0.5, 1], [0.1, 1, 3]], np.float32)
LABELS = np.array([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]], np.float32)


def decimals(array):
    return [[Decimal(float(value)) for value in row] for row in array]


def weighted_loss(x, z, q):
    p = 1 / (1 + (-x).exp())
    return -(q * z * p.ln() + (1 - z) * (1 - p).ln())


def softmax(row):
    total = sum(x.exp() for x in row)
    return [x.exp() / total for x in row]


def softmax_loss(row, labels):
    return -sum((t * p.ln() for t, p in zip(labels, softmax(row), strict=True)), Decimal(0))


def assert_within_two_ulp(result, expected):
    assert result.dtype == np.float32
    expected = np.array(expected, object)
    assert result.shape == expected.shape
    for got, right in zip(result.ravel(), expected.ravel(), strict=True):
        distance = abs(Decimal(float(got)) - right) / Decimal(float(np.spacing(np.abs(np.float32(right)))))
        assert distance <= 2, f"{got!r} is {distance:.3} ulp from {right:.12}"


@pytest.fixture(autouse=True)
def sixty_digits():
    with localcontext() as context:
        context.prec = 60
        yield


def test_sigmoid_example():
    result = pyce.sigmoid_cross_entropy_with_logits(labels=np.ones_like(BINARY_LOGITS), logits=BINARY_LOGITS)
    one = Decimal(1)
    assert_within_two_ulp(result, [[weighted_loss(x, one, one) for x in row] for row in decimals(BINARY_LOGITS)])


@pytest.mark.parametrize("pos_weight", [0.2, -0.2])
def test_weighted_example(pos_weight):
    result = pyce.weighted_cross_entropy_with_logits(
        labels=np.ones_like(BINARY_LOGITS), logits=BINARY_LOGITS, pos_weight=pos_weight
    )
    weight = Decimal(pos_weight)
    expected = [[weighted_loss(x, Decimal(1), weight) for x in row] for row in decimals(BINARY_LOGITS)]
    assert_within_two_ulp(result, expected)


def test_softmax_example():
    result = pyce.softmax_cross_entropy_with_logits(labels=LABELS, logits=LOGITS)
    pairs = zip(decimals(LOGITS), decimals(LABELS), strict=True)
    assert_within_two_ulp(result, [softmax_loss(x, t) for x, t in pairs])


def test_softmax_example_agrees_with_the_textbook_formula_in_float32():
    textbook = -np.sum(LABELS * np.log(pyce.softmax(LOGITS)), axis=1)
    np.testing.assert_allclose(
        pyce.softmax_cross_entropy_with_logits(labels=LABELS, logits=LOGITS), textbook, rtol=1e-6
    )


def test_softmax_of_softmax_is_another_loss():
    """The mistake of passing probabilities as logits: what it gives is exact too, and something else."""
    probabilities = pyce.softmax(LOGITS)
    mistake = pyce.softmax_cross_entropy_with_logits(labels=LABELS, logits=probabilities)
    pairs = zip(decimals(probabilities), decimals(LABELS), strict=True)
    assert_within_two_ulp(mistake, [softmax_loss(x, t) for x, t in pairs])
    right = pyce.softmax_cross_entropy_with_logits(labels=LABELS, logits=LOGITS)
    assert (np.abs(mistake - right) > 0.05).all()


def sparse_expected():
    return [-softmax(x)[label].ln() for x, label in zip(decimals(LOGITS), [1, 2], strict=True)]


def test_sparse_example():
    assert_within_two_ulp(
        pyce.sparse_softmax_cross_entropy_with_logits(labels=[1, 2], logits=LOGITS), sparse_expected()
    )


def test_sparse_example_equals_softmax_with_one_hot_labels():
    one_hot = np.array([[0, 1, 0], [0, 0, 1]], np.float32)
    assert_within_two_ulp(pyce.softmax_cross_entropy_with_logits(labels=one_hot, logits=LOGITS), sparse_expected())
