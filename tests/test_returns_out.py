"""Which outputs are asked for, in which form they come, and where they go (test_bits.py: their bits are the same)."""

import pickle

import data
import numpy as np
import pytest
from helpers import BINARY_LOSSES, FUNCTIONS, LOSSES, ROW_LOSSES, assert_same_bits, compute

import pyce


@pytest.mark.parametrize("loss", LOSSES)
def test_grad_in_place_of_strided_logits(loss):
    arguments = data.problem(loss, "random", 6, 30, np.float32)
    reference = compute(loss, arguments, "grad")["grad"]
    wide = np.repeat(arguments["logits"], 2, axis=1)
    compute(loss, arguments | {"logits": wide[:, ::2]}, "grad", out={"grad": wide[:, ::2]})
    assert_same_bits(wide[:, ::2], reference)
    assert_same_bits(wide[:, 1::2], arguments["logits"])


@pytest.mark.parametrize("loss", LOSSES)
def test_one_name_gives_an_array_and_a_tuple_gives_a_result(loss):
    arguments = data.problem(loss, "random", 4, 3, np.float64)
    assert type(FUNCTIONS[loss](**arguments)) is np.ndarray
    assert type(FUNCTIONS[loss](**arguments, returns="grad")) is np.ndarray
    single = FUNCTIONS[loss](**arguments, returns=("grad",))
    assert isinstance(single, pyce.Result)
    assert len(single) == 1


@pytest.mark.parametrize("loss", LOSSES)
def test_result_is_in_the_order_asked_and_has_attributes(loss):
    arguments = data.problem(loss, "random", 4, 3, np.float64)
    result = FUNCTIONS[loss](**arguments, returns=("hess", "loss", "grad"))
    hess, value, grad = result
    assert (result.hess is hess, result.loss is value, result.grad is grad) == (True, True, True)
    assert_same_bits(grad, FUNCTIONS[loss](**arguments, returns="grad"))
    assert not hasattr(result, "lse")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_result_survives_pickling(protocol):
    arguments = data.problem("sparse_softmax", "random", 4, 3, np.float32)
    result = FUNCTIONS["sparse_softmax"](**arguments, returns=("loss", "lse"))
    copy = pickle.loads(pickle.dumps(result, protocol))
    assert type(copy) is type(result)
    assert_same_bits(copy.loss, result.loss)
    assert_same_bits(copy.lse, result.lse)
    assert len(copy) == 2


@pytest.mark.parametrize("name", ["loss", "grad", "hess", "lse"])
def test_out_may_be_an_array_for_a_single_output(name):
    arguments = data.problem("softmax", "random", 4, 3, np.float32)
    expected = compute("softmax", arguments, name)[name]
    out = np.full_like(expected, 99)
    assert FUNCTIONS["softmax"](**arguments, returns=name, out=out) is out
    assert_same_bits(out, expected)


def test_out_may_name_some_of_the_outputs():
    arguments = data.problem("softmax", "random", 4, 3, np.float32)
    grad = np.empty((4, 3), np.float32)
    result = FUNCTIONS["softmax"](**arguments, returns=("loss", "grad"), out={"grad": grad})
    assert result.grad is grad
    assert_same_bits(result.loss, FUNCTIONS["softmax"](**arguments))


@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_zero_dimensional_out_is_written_and_returned(loss):
    arguments = {"logits": np.float64(0.5), "labels": np.float64(1)} | (
        {"pos_weight": 2.0} if loss == "weighted" else {}
    )
    out = np.zeros(())
    assert FUNCTIONS[loss](**arguments, out=out) is out
    assert out == FUNCTIONS[loss](**arguments)


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_lse_does_not_depend_on_the_labels(loss):
    arguments = data.problem(loss, "random", 8, 12, np.float32)
    other = arguments | {"labels": np.zeros_like(arguments["labels"])}
    assert_same_bits(compute(loss, arguments, "lse")["lse"], compute(loss, other, "lse")["lse"])


@pytest.mark.parametrize("loss", LOSSES)
def test_older_spellings_mean_the_same(loss):
    arguments = data.problem(loss, "random", 6, 6, np.float32)
    expected = FUNCTIONS[loss](**arguments)
    assert_same_bits(FUNCTIONS[loss](**arguments, name="ignored"), expected)
    if loss in ROW_LOSSES:
        assert_same_bits(FUNCTIONS[loss](**arguments, dim=1), expected)
        assert_same_bits(FUNCTIONS[loss](**arguments, dim=0), FUNCTIONS[loss](**arguments, axis=0))
    else:
        labels = arguments.pop("labels")
        assert_same_bits(FUNCTIONS[loss](**arguments, targets=labels), expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_out_in_a_file(loss, tmp_path):
    arguments = data.problem(loss, "random", 20, 30, np.float32)
    out = np.memmap(tmp_path / "grad", np.float32, "w+", shape=(20, 30))
    assert FUNCTIONS[loss](**arguments, returns="grad", out=out) is out
    out.flush()
    expected = FUNCTIONS[loss](**arguments, returns="grad")
    assert_same_bits(np.fromfile(tmp_path / "grad", np.float32).reshape(20, 30), expected)
