"""The oracle and the data, which everything else is measured with."""

import data
import numpy as np
import oracle
import pytest
from mpmath import mp, mpf


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_ulp_error_counts_representable_steps(dtype):
    values = np.array([1, 0.75, -3e-3, 1e20, np.finfo(dtype).smallest_normal * 4, 0], dtype)
    steps = values + 2 * np.spacing(np.abs(values))
    exact = np.array([mpf(float(v)) for v in values], object)
    assert oracle.ulp_error(steps, exact).tolist() == [2.0] * len(values)


def test_ulp_error_of_subnormals_is_in_steps_of_the_smallest():
    tiny = np.finfo(np.float32).smallest_subnormal
    assert oracle.ulp_error(np.float32(5 * tiny), mpf(float(tiny)) * 3) == 2


@pytest.mark.parametrize(("result", "exact"), [("nan", "nan"), ("inf", "inf"), ("-inf", "-inf"), ("inf", "1e39")])
def test_ulp_error_is_zero_where_the_right_result_is_not_finite(result, exact):
    assert oracle.ulp_error(np.float32(result), mpf(exact)) == 0


@pytest.mark.parametrize(
    ("result", "exact"),
    [("1", "inf"), ("inf", "1"), ("-inf", "inf"), ("-inf", "1e39"), ("nan", "1"), ("1", "nan"), ("nan", "inf")],
)
def test_ulp_error_is_large_where_only_one_side_is_finite(result, exact):
    assert oracle.ulp_error(np.float32(result), mpf(exact)) > 1e6


def test_scale_widens_the_ulp():
    assert oracle.ulp_error(np.float32(1 + 2**-20), mpf(1), scale=mpf(8)) == 1


@pytest.mark.parametrize("margin", [0.5, 20.0, 100.0, 700.0])
def test_two_classes_have_the_closed_form_of_a_sigmoid(margin):
    exact = oracle.sparse_softmax(("loss", "grad", "hess"), np.array([[margin, 0.0]]), np.array([0]))
    with mp.workprec(3000):
        rest = mp.exp(-mpf(margin))
        expected = {"loss": mp.log1p(rest), "grad": -rest / (1 + rest), "hess": rest / (1 + rest) ** 2}
        for name, value in expected.items():
            assert mp.almosteq(exact[name].value.flat[0], value, rel_eps=mpf(2) ** -120)


@pytest.mark.parametrize("x", [-800.0, -1.5, 0.0, 3.0, 90.0, 800.0])
def test_weighted_binary_loss_has_the_closed_form(x):
    exact = oracle.weighted(("loss", "hess"), np.array([x]), np.array([0.25]), np.array([3.0]))
    with mp.workprec(3000):
        loss = mpf("0.75") * mp.log1p(mp.exp(x)) + mpf("0.75") * mp.log1p(mp.exp(-x))
        hess = mpf("1.5") / (2 + mp.exp(x) + mp.exp(-x))
        assert mp.almosteq(exact["loss"].value[0], loss, rel_eps=mpf(2) ** -120)
        assert mp.almosteq(exact["hess"].value[0], hess, rel_eps=mpf(2) ** -120)


@pytest.mark.parametrize("loss", oracle.ORACLES)
def test_derivatives_of_the_oracle_are_those_of_its_loss(loss):
    arguments = data.problem(loss, "random", 3, 4, np.float64)
    arguments["logits"] = np.round(arguments["logits"] * 2**20) / 2**20
    exact = oracle.ORACLES[loss](("grad", "hess"), **arguments)
    step = 2.0**-25
    for index in np.ndindex(3, 4):
        low, middle, high = (total_loss(loss, arguments, index, k * step) for k in (-1, 0, 1))
        with mp.workprec(200):
            assert abs((high - low) / (2 * step) - exact["grad"].value[index]) < 1e-12
            assert abs((high - 2 * middle + low) / step**2 - exact["hess"].value[index]) < 1e-12


def total_loss(loss, arguments, index, step):
    moved = arguments["logits"].copy()
    moved[index] += step
    losses = oracle.ORACLES[loss](("loss",), **(arguments | {"logits": moved}))["loss"].value
    with mp.workprec(200):
        return mp.fsum(losses.ravel())


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("name", sorted(set(data.LOGITS_IN_DOUBLE) - set(data.CONSTANT)))
def test_data_is_spread(name, dtype):
    x = data.logits(name, 6, 300, dtype)
    assert np.isfinite(x).all()
    assert all(len(np.unique(row)) >= 3 for row in x)
    assert len(np.unique(x, axis=0)) == len(x)


@pytest.mark.parametrize("loss", oracle.ORACLES)
def test_labels_are_spread(loss):
    arguments = data.problem(loss, "random", 12, 20, np.float32)
    assert len(np.unique(arguments["labels"])) > 5
    winners = arguments["logits"].argmax(axis=1)
    if loss == "sparse_softmax":
        assert 2 <= np.equal(winners, arguments["labels"]).sum() <= 8
