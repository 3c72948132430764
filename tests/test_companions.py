"""softmax, log_softmax, logsumexp, sigmoid and log_sigmoid: as accurate as the losses, in any layout."""

import data
import numpy as np
import oracle
import pytest
from helpers import assert_same_bits, assert_within
from layouts import LAYOUTS, STRIDED

import pyce

ROWS = {"softmax": "prob", "log_softmax": "log_prob", "logsumexp": "lse"}
ELEMENTS = {"sigmoid": "prob", "log_sigmoid": "log_prob"}
COMPANIONS = ROWS | ELEMENTS


def call(name, x, **options):
    return getattr(pyce, name)(x, **options)


def expected(name, x):
    oracle_of = oracle.softmax if name in ROWS else oracle.sigmoid
    return oracle_of((COMPANIONS[name],), x)[COMPANIONS[name]]


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("inputs", sorted(data.LOGITS_IN_DOUBLE))
@pytest.mark.parametrize("name", COMPANIONS)
def test_companion_is_within_the_bound(name, inputs, dtype):
    for rows, classes in ((9, 3), (4, 40)):
        x = data.logits(inputs, rows, classes, dtype)
        result = call(name, x)
        assert result.dtype == dtype
        assert_within(result, expected(name, x), {"logits": x}, name)


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("classes", [1, 2, 257, 1024, 1025, 3000])
@pytest.mark.parametrize("name", ROWS)
def test_companion_of_long_rows_is_within_the_bound(name, classes, dtype):
    x = data.logits("uniform 80", 2, classes, dtype)
    assert_within(call(name, x), expected(name, x), {"logits": x}, name)


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("name", ELEMENTS)
def test_sigmoid_is_right_down_to_underflow(name, dtype):
    limit = 110.0 if dtype == np.float32 else 760.0
    x = np.linspace(-limit, limit, 1001).astype(dtype)
    assert_within(call(name, x), expected(name, x), {"logits": x}, name)


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("name", COMPANIONS)
def test_special_values_of_companions(name, dtype):
    values = np.array([np.nan, np.inf, -np.inf, 0, 1.5, -2], dtype)
    for classes in (2, 3, 5):
        x = values[data.generator(name).integers(0, 6, (100, classes))]
        assert_within(call(name, x), expected(name, x), {"logits": x}, name)


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_probabilities_of_a_row_sum_to_one(dtype):
    p = pyce.softmax(data.logits("random", 20, 50, dtype)).astype(np.float64)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", COMPANIONS)
def test_layout_changes_no_bit_of_a_companion(name, layout):
    for rows, classes in ((9, 5), (3, 700)):
        x = data.logits("random", rows, classes, np.float32)
        assert_same_bits(call(name, LAYOUTS[layout](x)), call(name, x))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("name", ROWS)
def test_companion_takes_any_axis(name, axis):
    x = data.logits("random", 30, 4, np.float32).reshape(5, 6, 4)
    moved = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    reference = call(name, moved)
    assert_same_bits(call(name, x, axis=axis), reference if name == "logsumexp" else np.moveaxis(reference, -1, axis))


@pytest.mark.parametrize("layout", [name for name in STRIDED if name != "read-only"])
@pytest.mark.parametrize("name", COMPANIONS)
def test_companion_writes_into_out(name, layout):
    x = data.logits("random", 9, 5, np.float64)
    reference = call(name, x)
    out = STRIDED[layout](np.zeros_like(reference))
    assert call(name, x, out=out) is out
    assert_same_bits(out, reference)


@pytest.mark.parametrize("name", ELEMENTS)
def test_sigmoid_of_a_number_is_a_numpy_scalar(name):
    assert type(call(name, 0.5)) is np.float64
    assert type(call(name, np.float32(0.5))) is np.float32


def test_logsumexp_of_one_axis_is_a_numpy_scalar():
    assert type(pyce.logsumexp([1.0, 2.0])) is np.float64


@pytest.mark.parametrize("name", COMPANIONS)
def test_companion_refuses_integers_and_complex_numbers(name):
    for x in (np.arange(4), np.ones(4, complex)):
        with pytest.raises(TypeError, match=str(x.dtype)):
            call(name, x)


@pytest.mark.parametrize("name", ROWS)
def test_companion_refuses_an_axis_out_of_range(name):
    with pytest.raises(np.exceptions.AxisError):
        call(name, np.ones((2, 3)), axis=2)


@pytest.mark.parametrize("name", COMPANIONS)
def test_companion_refuses_an_out_of_another_shape(name):
    out = np.full((7, 7), 99.0)
    with pytest.raises(ValueError, match="out"):
        call(name, np.ones((2, 3)), out=out)
    assert (out == 99).all()


@pytest.mark.parametrize("name", COMPANIONS)
def test_companion_of_an_empty_batch_is_empty(name):
    assert call(name, np.ones((0, 3))).size == 0


@pytest.mark.parametrize("name", ROWS)
def test_companion_refuses_rows_of_no_classes(name):
    with pytest.raises(ValueError, match="class"):
        call(name, np.ones((2, 0)))
