"""Every instruction set that is compiled and available gives right results, and those with FMA the same bits."""

import data
import numpy as np
import oracle
import pytest
from helpers import LOSSES, assert_same_bits, assert_within

from pyce import _core

ISAS = {name: number for name, (number, compiled, available) in _core.isas().items() if compiled and available}
# Two of these differ in the length of their vectors only.
WITH_FMA = [name for name in ISAS if name != "baseline"]
NAMES = ("random", "uniform 80", "winner leads by 50", "vanishing exponentials", "near ties", "mixed magnitudes")
SHAPES = ((70, 3), (19, 10), (3, 257), (2, 1100), (2, 20000))


def compute(isa, loss, arguments, num_threads=None):
    """{output: array} by the private keyword of the extension."""
    names = data.outputs(loss)
    kind = _core.losses().index(loss) + 1
    values = _core.compute(
        kind, (), arguments["labels"], None, arguments["logits"], arguments.get("pos_weight"), -1, None, names, None,
        None, num_threads, isa=ISAS[isa],
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_instruction_set_is_within_the_bound(loss, name, dtype):
    for rows, classes in ((9, 10), (3, 129), (1, 257)):
        arguments = data.problem(loss, name, rows, classes, dtype)
        expected = oracle.ORACLES[loss](data.outputs(loss), **arguments)
        for isa in ISAS:
            for output, value in compute(isa, loss, arguments).items():
                assert_within(value, expected[output], arguments, f"{isa} {loss} {output}")


@pytest.mark.skipif(len(WITH_FMA) < 2, reason="fewer than two instruction sets with FMA here")
@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("name", sorted(data.LOGITS_IN_DOUBLE))
@pytest.mark.parametrize("loss", LOSSES)
def test_instruction_sets_with_fma_give_the_same_bits(loss, name, dtype):
    for rows, classes in SHAPES:
        arguments = data.problem(loss, name, rows, classes, dtype)
        reference = compute(WITH_FMA[0], loss, arguments)
        for isa in WITH_FMA[1:]:
            for output, value in compute(isa, loss, arguments).items():
                assert_same_bits(value, reference[output])


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("isa", ISAS)
def test_special_values_are_the_same_on_every_instruction_set(isa, loss, dtype):
    values = np.array([np.nan, np.inf, -np.inf, 0, 1.5, -2], dtype)
    for classes in (3, 300):
        rng = data.generator(loss, classes)
        arguments = data.problem(loss, "random", 60, classes, dtype)
        hit = rng.random(arguments["logits"].shape) < (0.4 if classes == 3 else 0.003)
        arguments["logits"] = np.where(hit, values[rng.integers(0, 6, hit.shape)], arguments["logits"])
        results = compute(isa, loss, arguments)
        if classes == 3:
            expected = oracle.ORACLES[loss](data.outputs(loss), **arguments)
            for output, value in results.items():
                assert_within(value, expected[output], arguments, f"{isa} {loss} {output}")
        for output, value in compute(next(iter(ISAS)), loss, arguments).items():
            assert (np.isnan(value) == np.isnan(results[output])).all()
            assert (np.isinf(value) == np.isinf(results[output])).all()


@pytest.mark.parametrize("isa", ISAS)
def test_threads_change_no_bit_on_any_instruction_set(isa):
    arguments = data.problem("softmax", "random", 2, 150000, np.float32)
    reference = compute(isa, "softmax", arguments, num_threads=1)
    for output, value in compute(isa, "softmax", arguments, num_threads=3).items():
        assert_same_bits(value, reference[output])


def test_baseline_is_always_there():
    assert "baseline" in ISAS


def test_default_is_the_last_available():
    assert _core.library()["isa"] == list(ISAS)[-1]


def test_unknown_instruction_set_is_refused():
    with pytest.raises(ValueError, match="isa"):
        _core.compute(1, (), [1.0], None, [0.5], None, -1, None, "loss", None, None, None, isa=99)
