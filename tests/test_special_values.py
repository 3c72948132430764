"""Every row of the table of special values: infinities, NaN, labels of zero, in rows of few and of many classes.

Expected values are written out here, not taken from the oracle; the last tests compare the two.
"""

import data
import numpy as np
import oracle
import pytest
from helpers import BINARY_LOSSES, LOSSES, ROW_LOSSES, assert_same_bits, assert_within, compute

INF, NAN = np.inf, np.nan
CLASS_COUNTS = (2, 3, 300, 3000)
PLACES = ("first", "middle", "last")
dtypes = pytest.mark.parametrize("dtype", data.FLOATS)
class_counts = pytest.mark.parametrize("classes", CLASS_COUNTS)
row_losses = pytest.mark.parametrize("loss", ROW_LOSSES)
binary_losses = pytest.mark.parametrize("loss", BINARY_LOSSES)
ROW_RESULTS = ("loss", "grad", "hess", "lse")
BINARY_RESULTS = ("loss", "grad", "hess")


def where(place, classes):
    return {"first": 0, "middle": classes // 2, "last": classes - 1}[place]


def row_call(loss, x, label, dtype):
    """A call on one row with the mass of 1 on class `label`; results without the batch axis."""
    x = np.asarray(x, dtype)[None]
    labels = np.array([label])
    if loss == "softmax":
        labels = data.one_hot(labels, x.shape[1], dtype)
    results = compute(loss, {"logits": x, "labels": labels}, ROW_RESULTS)
    return {name: value[0] for name, value in results.items()}


def finite_row(classes, dtype):
    return data.logits("random", 1, classes, dtype)[0]


def others(values, *places):
    return np.delete(values, places)


# b: NaN


@dtypes
@class_counts
@pytest.mark.parametrize("place", PLACES)
@row_losses
def test_nan_logit_makes_its_row_nan(loss, place, classes, dtype):
    x = finite_row(classes, dtype)
    x[where(place, classes)] = NAN
    for label in (0, classes - 1):
        assert all(np.isnan(value).all() for value in row_call(loss, x, label, dtype).values())


@dtypes
@class_counts
@pytest.mark.parametrize("infinity", [INF, -INF])
@row_losses
def test_nan_logit_beside_an_infinity_makes_its_row_nan(loss, infinity, classes, dtype):
    for order in ([NAN, infinity], [infinity, NAN]):
        x = finite_row(classes, dtype)
        x[[0, -1]] = order
        results = row_call(loss, x, 0, dtype)
        assert all(np.isnan(value).all() for value in results.values())


@dtypes
@class_counts
@pytest.mark.parametrize("place", PLACES)
def test_nan_label_makes_its_row_nan_but_not_the_lse(place, classes, dtype):
    x = finite_row(classes, dtype)[None]
    labels = np.full_like(x, 1 / classes)
    labels[0, where(place, classes)] = NAN
    results = compute("softmax", {"logits": x, "labels": labels}, ROW_RESULTS)
    assert all(np.isnan(results[name]).all() for name in ("loss", "grad", "hess"))
    assert np.isfinite(results["lse"]).all()


@dtypes
@binary_losses
@pytest.mark.parametrize(("x", "z"), [(NAN, 0.0), (NAN, 1.0), (NAN, 0.3), (2.0, NAN), (INF, NAN), (-INF, NAN)])
def test_nan_element_is_nan_and_its_neighbours_are_not(loss, x, z, dtype):
    logits, labels = np.full(67, 0.5, dtype), np.full(67, 0.25, dtype)
    logits[33], labels[33] = x, z
    arguments = {"logits": logits, "labels": labels}
    if loss == "weighted":
        arguments["pos_weight"] = dtype(2)
    for value in compute(loss, arguments, BINARY_RESULTS).values():
        assert np.flatnonzero(np.isnan(value)).tolist() == [33]


@dtypes
def test_nan_pos_weight_makes_its_element_nan(dtype):
    weight = np.array([1, NAN, 2], dtype)
    arguments = {"logits": np.ones(3, dtype), "labels": np.full(3, 0.5, dtype), "pos_weight": weight}
    for value in compute("weighted", arguments, BINARY_RESULTS).values():
        assert np.isnan(value).tolist() == [False, True, False]


# c and d: no maximum to speak of


@dtypes
@class_counts
@row_losses
def test_several_positive_infinities_make_the_row_nan_and_its_lse_infinite(loss, classes, dtype):
    x = finite_row(classes, dtype)
    x[[0, classes - 1]] = INF
    for label in (0, classes // 2, classes - 1):
        results = row_call(loss, x, label, dtype)
        assert all(np.isnan(results[name]).all() for name in ("loss", "grad", "hess"))
        assert results["lse"] == INF


@dtypes
@class_counts
@row_losses
def test_all_negative_infinities_make_the_row_nan_and_its_lse_negative_infinite(loss, classes, dtype):
    results = row_call(loss, np.full(classes, -INF), classes // 2, dtype)
    assert all(np.isnan(results[name]).all() for name in ("loss", "grad", "hess"))
    assert results["lse"] == -INF


@dtypes
@class_counts
def test_all_negative_infinities_without_labels_give_zero(classes, dtype):
    arguments = {"logits": np.full((1, classes), -INF, dtype), "labels": np.zeros((1, classes), dtype)}
    results = compute("softmax", arguments, ROW_RESULTS)
    assert all((results[name] == 0).all() for name in ("loss", "grad", "hess"))
    assert results["lse"] == -INF


# e: the formulas beside infinities


@dtypes
@class_counts
@pytest.mark.parametrize("place", PLACES)
@row_losses
def test_label_on_the_only_positive_infinity_costs_nothing(loss, place, classes, dtype):
    x = finite_row(classes, dtype)
    x[where(place, classes)] = INF
    results = row_call(loss, x, where(place, classes), dtype)
    assert results["loss"] == 0
    assert (results["grad"] == 0).all()
    assert (results["hess"] == 0).all()
    assert results["lse"] == INF


@dtypes
@class_counts
@row_losses
def test_label_beside_a_positive_infinity_costs_infinity(loss, classes, dtype):
    x = finite_row(classes, dtype)
    x[0] = INF
    results = row_call(loss, x, classes - 1, dtype)
    assert results["loss"] == INF
    assert results["grad"][0] == 1
    assert results["grad"][-1] == -1
    assert (others(results["grad"], 0, classes - 1) == 0).all()
    assert (results["hess"] == 0).all()


@dtypes
@class_counts
@row_losses
def test_positive_infinity_wins_over_negative_infinities(loss, classes, dtype):
    x = np.full(classes, -INF)
    x[-1] = INF
    right, wrong = (row_call(loss, x, label, dtype) for label in (classes - 1, 0))
    assert (right["loss"], wrong["loss"]) == (0, INF)
    assert (right["grad"] == 0).all()
    assert (wrong["grad"][0], wrong["grad"][-1]) == (-1, 1)


@dtypes
@class_counts
@pytest.mark.parametrize("place", PLACES)
@row_losses
def test_label_on_a_negative_infinity_costs_infinity_and_has_a_finite_grad(loss, place, classes, dtype):
    x = np.zeros(classes)
    x[where(place, classes)] = -INF
    results = row_call(loss, x, where(place, classes), dtype)
    p = 1 / (classes - 1)
    assert results["loss"] == INF
    assert results["grad"][where(place, classes)] == -1
    np.testing.assert_allclose(others(results["grad"], where(place, classes)), p, rtol=1e-6)
    assert results["hess"][where(place, classes)] == 0
    np.testing.assert_allclose(others(results["hess"], where(place, classes)), p * (1 - p), rtol=1e-6)
    np.testing.assert_allclose(results["lse"], np.log(classes - 1), rtol=1e-6)


@dtypes
@class_counts
@row_losses
def test_negative_infinity_without_label_changes_nothing(loss, classes, dtype):
    """Bit for bit the row without that class is not promised; the exact value is."""
    x = finite_row(classes + 1, dtype)
    x[0] = -INF
    results = row_call(loss, x, 1, dtype)
    shorter = {"logits": x[None, 1:], "labels": np.array([0])}
    expected = oracle.sparse_softmax(ROW_RESULTS, **shorter)
    assert results["grad"][0] == 0
    assert results["hess"][0] == 0
    for name in ROW_RESULTS:
        value = results[name][None] if name in oracle.ROW_OUTPUTS else results[name][None, 1:]
        assert_within(value, expected[name], shorter, f"{loss} {name}")


@dtypes
@class_counts
@row_losses
def test_only_one_finite_logit_has_probability_one(loss, classes, dtype):
    x = np.full(classes, -INF)
    x[classes // 2] = 3.0
    results = row_call(loss, x, classes // 2, dtype)
    assert results["loss"] == 0
    assert (results["grad"] == 0).all()
    assert (results["hess"] == 0).all()
    assert results["lse"] == 3


@dtypes
@class_counts
def test_labels_of_zero_give_zero_whatever_the_finite_logits(classes, dtype):
    arguments = {"logits": data.logits("near overflow", 4, classes, dtype), "labels": np.zeros((4, classes), dtype)}
    results = compute("softmax", arguments, ROW_RESULTS)
    assert all((results[name] == 0).all() for name in ("loss", "grad", "hess"))


@dtypes
def test_grad_beside_a_positive_infinity_with_soft_labels_is_sp_minus_t(dtype):
    x = np.array([[INF, 1, -INF, 2]], dtype)
    labels = np.array([[0.5, 0.25, 0.125, 0]], dtype)
    results = compute("softmax", {"logits": x, "labels": labels}, ROW_RESULTS)
    assert results["loss"] == INF
    assert results["grad"].tolist() == [[0.375, -0.25, -0.125, 0]]


@dtypes
@class_counts
@row_losses
def test_margins_beyond_the_range_of_the_dtype_do_not_overflow(loss, classes, dtype):
    """x - m is not representable; nothing else is wrong with such a row."""
    largest = np.finfo(dtype).max
    x = np.full(classes, -largest)
    x[0] = largest
    right, wrong = (row_call(loss, x, label, dtype) for label in (0, classes - 1))
    assert right["loss"] == 0
    assert wrong["loss"] == INF
    assert (right["grad"] == 0).all()
    assert (wrong["grad"][0], wrong["grad"][-1]) == (1, -1)
    assert right["lse"] == largest


# binary


def binary_call(loss, x, z, dtype, q=2.0):
    arguments = {"logits": np.full(5, x, dtype), "labels": np.full(5, z, dtype)}
    if loss == "weighted":
        arguments["pos_weight"] = np.full(5, q, dtype)
    results = compute(loss, arguments, BINARY_RESULTS)
    assert all((value == value[0]).all() or np.isnan(value).all() for value in results.values())
    return tuple(float(results[name][0]) for name in BINARY_RESULTS)


@dtypes
@binary_losses
def test_binary_logit_of_positive_infinity(loss, dtype):
    assert binary_call(loss, INF, 1.0, dtype) == (0, 0, 0)
    assert binary_call(loss, INF, 0.25, dtype) == (INF, 0.75, 0)
    assert binary_call(loss, INF, 0.0, dtype) == (INF, 1, 0)
    assert binary_call(loss, INF, 1.5, dtype) == (-INF, -0.5, 0)


@dtypes
@binary_losses
def test_binary_logit_of_negative_infinity(loss, dtype):
    weight = 2.0 if loss == "weighted" else 1.0
    assert binary_call(loss, -INF, 0.0, dtype) == (0, 0, 0)
    assert binary_call(loss, -INF, 0.25, dtype) == (INF, -0.25 * weight, 0)
    assert binary_call(loss, -INF, 1.0, dtype) == (INF, -weight, 0)
    assert binary_call(loss, -INF, -0.5, dtype) == (-INF, 0.5 * weight, 0)


@dtypes
def test_weight_of_zero_removes_the_positive_side(dtype):
    assert binary_call("weighted", -INF, 1.0, dtype, q=0.0) == (0, 0, 0)
    assert binary_call("weighted", 1.5, 1.0, dtype, q=0.0) == (0, 0, 0)


@dtypes
def test_label_of_zero_removes_even_an_infinite_weight(dtype):
    assert binary_call("weighted", -INF, 0.0, dtype, q=INF) == (0, 0, 0)
    assert binary_call("weighted", 0.0, 0.0, dtype, q=INF) == binary_call("weighted", 0.0, 0.0, dtype)


@dtypes
def test_negative_weight_has_the_same_rules(dtype):
    assert binary_call("weighted", -INF, 1.0, dtype, q=-0.5) == (-INF, 0.5, 0)


# neighbours


@dtypes
@class_counts
@row_losses
def test_special_rows_leave_their_neighbours_alone(loss, classes, dtype):
    arguments = data.problem(loss, "random", 37, classes, dtype)
    reference = compute(loss, arguments, ROW_RESULTS)
    x = arguments["logits"].copy()
    special = {2: (0, NAN), 9: (-1, INF), 16: (classes // 2, -INF), 17: (slice(None), -INF), 36: (slice(None), INF)}
    for row, (place, value) in special.items():
        x[row, place] = value
    results = compute(loss, arguments | {"logits": x}, ROW_RESULTS)
    ordinary = np.delete(np.arange(37), list(special))
    for name in ROW_RESULTS:
        assert_same_bits(results[name][ordinary], reference[name][ordinary])


@dtypes
@pytest.mark.parametrize("loss", LOSSES)
def test_oracle_knows_the_same_rules(loss, dtype):
    """Rows and elements of every mixture of special logits and ordinary labels."""
    values = np.array([NAN, INF, -INF, 0, 1.5, -2], dtype)
    rng = data.generator(loss)
    for classes in (2, 3, 5):
        x = values[rng.integers(0, len(values), (120, classes))]
        arguments = data.problem(loss, "random", 120, classes, dtype) | {"logits": x}
        names = data.outputs(loss)
        expected = oracle.ORACLES[loss](names, **arguments)
        for name, value in compute(loss, arguments, names).items():
            assert_within(value, expected[name], arguments, f"{loss} {name}")
