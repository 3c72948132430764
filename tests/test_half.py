"""float16 and bfloat16: read as they are, computed in float32, rounded once to nearest even."""

import data
import numpy as np
import pytest
from half import SHAPES, assert_rounded_once, dtype_of, halves, is_half, problem, rounded, widened
from helpers import BINARY_LOSSES, LOSSES, ROW_LOSSES, assert_same_bits, compute

import pyce
from pyce import _core

COMPANIONS = ("softmax", "log_softmax", "logsumexp", "sigmoid", "log_sigmoid")
losses = pytest.mark.parametrize("loss", LOSSES)
ISAS = {name: number for name, (number, compiled, available) in _core.isas().items() if compiled and available}


@halves
@pytest.mark.parametrize("name", sorted(data.LOGITS_IN_DOUBLE))
@losses
def test_result_is_the_float32_result_rounded_once(loss, name, half):
    dtype = dtype_of(half)
    for rows, classes in SHAPES:
        arguments = problem(loss, name, rows, classes, dtype)
        wide = compute(loss, widened(arguments), data.outputs(loss))
        assert_rounded_once(compute(loss, arguments, data.outputs(loss)), wide, dtype)


@halves
@losses
def test_results_before_rounding_are_spread(loss, half):
    """The test above would pass for anything if the results needed no rounding, or were all the same. A sixth of the
    rows of soft labels is all zero."""
    arguments = problem(loss, "random", 40, 10, dtype_of(half))
    for value in compute(loss, widened(arguments), data.outputs(loss)).values():
        assert np.mean(value != rounded(value, dtype_of(half)).astype(np.float32)) > 0.6
        assert np.unique(value).size > value.size / 4


@halves
@losses
def test_dtype_asks_for_the_float32_result_of_half_logits(loss, half):
    for rows, classes in SHAPES:
        arguments = problem(loss, "random", rows, classes, dtype_of(half))
        results = compute(loss, arguments, data.outputs(loss), dtype=np.float32)
        wide = compute(loss, widened(arguments), data.outputs(loss))
        for name, value in results.items():
            assert_same_bits(value, wide[name])


@halves
@losses
def test_dtype_asks_for_the_float64_result_of_half_logits(loss, half):
    arguments = problem(loss, "random", 9, 10, dtype_of(half))
    wide = {key: value.astype("f8") if is_half(value) else value for key, value in arguments.items()}
    expected = compute(loss, wide, data.outputs(loss))
    for name, value in compute(loss, arguments, data.outputs(loss), dtype="float64").items():
        assert_same_bits(value, expected[name])


@halves
@losses
def test_dtype_asks_for_half_results_of_float32_logits(loss, half):
    dtype = dtype_of(half)
    arguments = data.problem(loss, "random", 17, 10, np.float32)
    wide = compute(loss, arguments, data.outputs(loss))
    for spelling in (half, dtype, dtype.type):
        assert_rounded_once(compute(loss, arguments, data.outputs(loss), dtype=spelling), wide, dtype)


@halves
@pytest.mark.parametrize("parts", [("logits",), ("labels",), ("pos_weight",), ("labels", "pos_weight")], ids=str)
@losses
def test_any_argument_may_be_half_beside_float32(loss, parts, half):
    for rows, classes in SHAPES:
        arguments = problem(loss, "random", rows, classes, dtype_of(half), parts)
        wide = compute(loss, widened(arguments), data.outputs(loss))
        dtype = arguments["logits"].dtype
        assert_rounded_once(compute(loss, arguments, data.outputs(loss)), wide, dtype)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "sparse_softmax"])
def test_both_half_types_and_float64_in_one_call(loss):
    arguments = problem(loss, "random", 17, 10, np.float16)
    arguments["labels"] = arguments["labels"].astype(dtype_of("bfloat16"))
    wide = compute(loss, widened(arguments), ("loss", "grad"))
    out = {"loss": np.empty_like(wide["loss"], dtype_of("bfloat16")), "grad": np.empty((17, 10), np.float32)}
    results = compute(loss, arguments, ("loss", "grad"), out=out)
    assert_same_bits(results["loss"], rounded(wide["loss"], dtype_of("bfloat16")))
    assert_same_bits(results["grad"], wide["grad"])
    arguments["labels"] = arguments["labels"].astype(np.float64)
    again = compute(loss, arguments, ("loss", "grad"))
    assert_same_bits(again["grad"], rounded(wide["grad"], np.float16))


@halves
@losses
def test_each_output_has_the_dtype_of_its_out_array(loss, half):
    dtype = dtype_of(half)
    arguments = data.problem(loss, "random", 17, 10, np.float32)
    wide = compute(loss, arguments, data.outputs(loss))
    grad = np.empty((17, 10), dtype)
    results = compute(loss, arguments, data.outputs(loss), out={"grad": grad})
    assert results["grad"] is grad
    assert_same_bits(grad, rounded(wide["grad"], dtype))
    assert_same_bits(results["loss"], wide["loss"])


@halves
@pytest.mark.parametrize("place", ["below", "above"])
def test_a_float64_result_is_rounded_once_into_a_half_array(place, half):
    """log_softmax of (0, -1024 ...) is the logit itself, chosen so that float32 would round it onto a tie."""
    dtype = dtype_of(half)
    step = 2.0**-10 if half == "float16" else 2.0**-7
    # Between two neighbours of the half type, a little towards the odd one, which is above or below.
    middle, sign = (1024 * (1 + step / 2), 1) if place == "above" else (1024 * (1 + step * 3 / 2), -1)
    x = np.array([0.0, -(middle * (1 + sign * 2.0**-40))])
    assert np.float32(x[1]) == -middle
    out = np.empty(2, dtype)
    pyce.log_softmax(x, out=out)
    assert float(out[1]) == -1024 * (1 + step)
    loss = np.empty((), dtype)
    pyce.sparse_softmax_cross_entropy_with_logits(labels=1, logits=x, out=loss)
    assert float(loss) == -float(out[1])


@halves
@pytest.mark.parametrize("name", COMPANIONS)
def test_companion_is_the_float32_result_rounded_once(name, half):
    dtype = dtype_of(half)
    for inputs in sorted(data.LOGITS_IN_DOUBLE):
        for rows, classes in SHAPES:
            x = rounded(data.logits(inputs, rows, classes, np.float32), dtype)
            wide = getattr(pyce, name)(x.astype(np.float32))
            result = getattr(pyce, name)(x)
            assert result.dtype == dtype
            assert_same_bits(result, rounded(wide, dtype))
            assert_same_bits(getattr(pyce, name)(x, out=np.empty_like(wide)), wide)


# every number of float16, on every instruction set: some convert it by the processor's own instructions


def converted(values, dtype, isa):
    """-values in another type: the gradient of the logit -inf, whose probability is 0."""
    out = np.empty(values.shape, dtype)
    kind, grad = _core.losses().index("sigmoid") + 1, 1
    logits = np.full(values.shape, -np.inf, np.float32)
    _core.evaluate(kind, values, logits, None, -1, (grad,), (out,), None, 1, ISAS[isa], None)
    return out


@pytest.mark.parametrize("isa", ISAS)
def test_every_float16_is_read(isa):
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[~np.isinf(halves)]
    with np.errstate(invalid="ignore"):  # signalling NaN
        expected = 0 - halves.astype(np.float32)
    assert_same_bits(converted(halves, np.float32, isa), expected)


@pytest.mark.parametrize("isa", ISAS)
def test_a_float32_is_rounded_to_even_at_every_boundary_of_float16(isa):
    """The halves, what lies in the middle between two (above the greatest: where infinity begins), and the numbers of
    float32 next to both."""
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves + np.append(halves[1:], np.float32(65536))) / 2
    exact = np.concatenate([halves, middles, [1e5, 3e38]], dtype=np.float32)
    values = np.concatenate([np.nextafter(exact, np.float32(to)) for to in (-np.inf, np.inf)] + [exact])
    values = np.concatenate([values, -values])
    assert_same_bits(converted(values, np.float16, isa), rounded(0 - values, np.float16))


@pytest.mark.parametrize("isa", ISAS)
def test_every_nan_has_the_same_size_in_float16(isa):
    payloads = np.append(2 ** np.arange(23), [0x3FFFFF, 0x7FFFFF])
    bits = np.concatenate([0x7F800000 + payloads, 0xFF800000 + payloads]).astype(np.uint32)
    result = converted(bits.view(np.float32), np.float16, isa)
    assert set(result.view(np.uint16) & 0x7FFF) == {0x7E00}


# the ends of the range


def test_a_float16_loss_above_its_range_is_infinite():
    x = np.array([[6e4, 0], [6e4, -6e4], [5e4, -1.5e4], [5e4, -1.555e4]], np.float16)
    loss, grad = pyce.sparse_softmax_cross_entropy_with_logits(labels=[1] * 4, logits=x, returns=("loss", "grad"))
    assert loss.tolist() == [60000, np.inf, 64992, np.inf]
    assert grad.tolist() == [[1, -1]] * 4
    wide = pyce.sparse_softmax_cross_entropy_with_logits(labels=[1] * 4, logits=x, dtype=np.float32)
    assert wide.tolist() == [60000, 120000, 64984, 65536]


@halves
@losses
def test_subnormal_results_are_not_flushed(loss, half):
    """Losses and gradients around the smallest number of the type; half of it rounds to even, to zero."""
    dtype = dtype_of(half)
    low = np.log(2.0) * (24 if half == "float16" else 133)
    margins = (low + np.linspace(-12, 2, 61)).astype(dtype)
    x = np.zeros((61, 2), dtype)
    x[:, 0] = margins
    labels = np.zeros(61, int) if loss == "sparse_softmax" else np.broadcast_to(np.array([1, 0], dtype), x.shape)
    arguments = {"logits": x, "labels": labels} | ({"pos_weight": dtype.type(1)} if loss == "weighted" else {})
    wide = compute(loss, widened(arguments), data.outputs(loss))
    results = compute(loss, arguments, data.outputs(loss))
    assert_rounded_once(results, wide, dtype)
    tiny = np.abs(results["grad"][:, 0].astype(np.float64))
    smallest = 2.0**-24 if half == "float16" else 2.0**-133
    assert (tiny == smallest).any()
    assert ((tiny > smallest) & (tiny < 2.0**10 * smallest)).sum() > 5


@halves
def test_subnormal_logits_are_read(half):
    dtype = dtype_of(half)
    x = np.arange(1, 100, dtype=np.uint16).view(dtype)
    assert_same_bits(pyce.logsumexp(x[:, None]), x)


# special values


@halves
@pytest.mark.parametrize("classes", [1, 2, 3, 300, 1100])
@losses
def test_special_values_are_those_of_float32(loss, classes, half):
    """Every cell of the table, which test_special_values.py holds float32 to: NaN and infinities in each argument."""
    dtype = dtype_of(half)
    rng = data.generator(loss, classes)
    arguments = problem(loss, "random", 150, classes, dtype)
    for key, value in arguments.items():
        if is_half(value):
            special = np.array([np.nan, np.inf, -np.inf, 0, 1] if key == "logits" else [np.nan, 0, 1, -0.5, 2], dtype)
            chance = rng.choice([0, 2 / classes, 0.5, 1], value.shape[:1] + (1,) * (value.ndim - 1))
            hit = rng.random(value.shape) < chance
            arguments[key] = np.where(hit, special[rng.integers(0, 5, value.shape)], value)
    arguments["logits"][:4] = np.array([[np.inf], [-np.inf], [np.nan], [1]], dtype)
    arguments["logits"][3, 0] = np.inf
    arguments["labels"][[1, 3]] = 0
    wide = compute(loss, widened(arguments), data.outputs(loss))
    found = [np.isnan(wide["loss"]), np.isinf(wide["loss"]), wide["loss"] == 0, np.isfinite(wide["loss"])]
    assert classes == 1 or all(kind.any() for kind in found)
    assert_rounded_once(compute(loss, arguments, data.outputs(loss)), wide, dtype)


@halves
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_special_rows_by_hand(loss, half):
    dtype = dtype_of(half)
    inf, nan = np.inf, np.nan
    x = np.array([[nan, 0], [inf, inf], [-inf, -inf], [inf, 0], [0, inf], [-inf, 0], [0, 0]], dtype)
    labels = np.zeros(7, int)
    if loss == "softmax":
        labels = data.one_hot(labels, 2, dtype)
    results = compute(loss, {"logits": x, "labels": labels}, ("loss", "grad", "lse"))
    expected = np.array([nan, nan, nan, 0, inf, inf, np.log(2)]).astype(dtype)
    assert_same_bits(results["loss"], expected)
    grads = np.array([[nan, nan]] * 3 + [[0, 0], [-1, 1], [-1, 1], [-0.5, 0.5]])
    np.testing.assert_array_equal(results["grad"].astype(np.float64), grads)
    assert_same_bits(results["lse"], np.array([nan, inf, -inf, inf, inf, 0, np.log(2)]).astype(dtype))


@halves
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_special_elements_by_hand(loss, half):
    dtype = dtype_of(half)
    inf, nan = np.inf, np.nan
    arguments = {
        "logits": np.array([nan, 0, inf, inf, inf, -inf, -inf, -inf], dtype),
        "labels": np.array([0, nan, 1, 0.25, 1.5, 0, 0.25, -0.5], dtype),
    } | ({"pos_weight": dtype.type(1)} if loss == "weighted" else {})
    expected = {
        "loss": [nan, nan, 0, inf, -inf, 0, inf, -inf],
        "grad": [nan, nan, 0, 0.75, -0.5, 0, -0.25, 0.5],
        "hess": [nan, nan, 0, 0, 0, 0, 0, 0],
    }
    for name, value in compute(loss, arguments, tuple(expected)).items():
        np.testing.assert_array_equal(value.astype(np.float64), expected[name])
