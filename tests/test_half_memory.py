"""Half-precision arrays of any shape, on every instruction set; and those that are refused."""

import data
import numpy as np
import pytest
from half import SHAPES, assert_rounded_once, dtype_of, halves, in_layout, problem, rounded, widened
from helpers import FUNCTIONS, LOSSES, ROW_LOSSES, assert_same_bits, compute

import pyce
from pyce import _core

ISAS = {name: number for name, (number, compiled, available) in _core.isas().items() if compiled and available}
losses = pytest.mark.parametrize("loss", LOSSES)


def test_grad_of_one_half_type_may_not_lie_on_logits_of_the_other():
    x = np.ones((4, 3), np.float16)
    with pytest.raises(ValueError, match="overlap"):
        pyce.softmax_cross_entropy_with_logits(
            labels=np.ones((4, 3)), logits=x, returns="grad", out=x.view(dtype_of("bfloat16"))
        )
    assert (x == 1).all()


@halves
@losses
def test_nine_axes_of_half_arrays(loss, half):
    dtype = dtype_of(half)
    shape = (2, 1, 3, 1, 2, 2, 1, 2, 5)
    flat = problem(loss, "random", 48, 5, dtype)
    arguments = {
        key: np.broadcast_to(value, (48, 5)).reshape(shape) if value.shape != (48,) else value.reshape(shape[:-1])
        for key, value in flat.items()
    }
    out = {"grad": np.zeros(shape, dtype)}
    for name, value in compute(loss, arguments, ("loss", "grad"), out=out).items():
        assert_same_bits(value.ravel(), compute(loss, flat, name)[name].ravel())


@halves
@losses
def test_zero_axes_give_half_scalars(loss, half):
    dtype = dtype_of(half)
    if loss in ROW_LOSSES:
        arguments = {"logits": np.array([1, 2], dtype), "labels": 1 if loss == "sparse_softmax" else [0, 1]}
    else:
        arguments = {"logits": dtype.type(1), "labels": dtype.type(0.5)}
        arguments |= {"pos_weight": dtype.type(2)} if loss == "weighted" else {}
    result = FUNCTIONS[loss](**arguments)
    assert type(result) is dtype.type
    assert_same_bits(result, rounded(FUNCTIONS[loss](**widened(arguments)), dtype))


@halves
@losses
def test_empty_half_batches_are_empty(loss, half):
    labels = np.zeros(0, int) if loss == "sparse_softmax" else np.zeros((0, 3), dtype_of(half))
    arguments = {"logits": np.zeros((0, 3), dtype_of(half)), "labels": labels}
    result = FUNCTIONS[loss](**arguments, **({"pos_weight": 1.0} if loss == "weighted" else {}))
    assert result.size == 0
    assert result.dtype == dtype_of(half)


@halves
@pytest.mark.parametrize("index", [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)], ids=str)
def test_index_labels_of_every_width_beside_half_logits(index, half):
    for rows, classes in SHAPES:
        arguments = problem("sparse_softmax", "random", rows, classes, dtype_of(half))
        arguments["labels"] %= min(classes, 100)
        reference = compute("sparse_softmax", arguments, ("loss", "grad"))
        narrow = arguments | {"labels": arguments["labels"].astype(index)}
        for name, value in compute("sparse_softmax", narrow, ("loss", "grad")).items():
            assert_same_bits(value, reference[name])


@halves
@losses
def test_every_instruction_set_rounds_its_float32_results_once(loss, half):
    for rows, classes in SHAPES:
        arguments = problem(loss, "uniform 80", rows, classes, dtype_of(half))
        for isa in ISAS:
            wide = compute_on(isa, loss, widened(arguments), data.outputs(loss))
            assert_rounded_once(compute_on(isa, loss, arguments, data.outputs(loss)), wide, dtype_of(half))


def compute_on(isa, loss, arguments, names):
    kind, pos_weight = _core.losses().index(loss) + 1, arguments.get("pos_weight")
    values = _core.compute(
        kind, (), arguments["labels"], None, arguments["logits"], pos_weight, -1, None, names, None, None, None,
        isa=ISAS[isa],
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


# refusals


@halves
def test_half_index_labels_are_refused(half):
    with pytest.raises(TypeError, match=f"labels must have an integer dtype, got {half}"):
        pyce.sparse_softmax_cross_entropy_with_logits(
            labels=np.zeros(4, dtype_of(half)), logits=np.ones((4, 3), dtype_of(half))
        )


def test_other_small_floats_are_refused_by_name():
    dtype = pytest.importorskip("ml_dtypes").float8_e4m3fn
    x = np.ones((4, 3)).astype(dtype)
    with pytest.raises(TypeError, match=r"logits must have dtype float16, bfloat16, .* got float8_e4m3fn"):
        pyce.sigmoid_cross_entropy_with_logits(labels=x, logits=x)
    with pytest.raises(ValueError, match=r"out for loss must have dtype float16, bfloat16, .* got float8_e4m3fn"):
        pyce.sigmoid_cross_entropy_with_logits(labels=np.ones((4, 3)), logits=np.ones((4, 3)), out=x)


@halves
@pytest.mark.parametrize("layout", ["byte-swapped", "misaligned", "read-only"])
def test_half_out_that_cannot_be_written_in_place_is_refused(layout, half):
    out = in_layout(layout, np.zeros((4, 3), dtype_of(half)))
    with pytest.raises(ValueError, match="read-only" if layout == "read-only" else f"aligned.*{half}|aligned.*>f2"):
        pyce.softmax(np.ones((4, 3)), out=out)
    assert (out == 0).all()
