"""Half-precision arrays in every memory and layout, on every instruction set; and those that are refused."""

import data
import numpy as np
import pytest
from half import SHAPES, assert_rounded_once, dtype_of, halves, in_layout, problem, rounded, widened
from helpers import FUNCTIONS, LOSSES, ROW_LOSSES, assert_same_bits, compute
from layouts import LAYOUTS, STRIDED

import pyce
from pyce import _core

ISAS = {name: number for name, (number, compiled, available) in _core.isas().items() if compiled and available}
losses = pytest.mark.parametrize("loss", LOSSES)


@halves
@pytest.mark.parametrize("layout", LAYOUTS)
@losses
def test_layout_of_half_arrays_changes_no_bit(loss, layout, half):
    dtype = dtype_of(half)
    for rows, classes in SHAPES:
        arguments = problem(loss, "random", rows, classes, dtype)
        reference = compute(loss, arguments, data.outputs(loss))
        moved = {key: in_layout(layout, value) for key, value in arguments.items()}
        results = compute(loss, moved, data.outputs(loss))
        for name, value in results.items():
            assert_same_bits(value, reference[name])
        if layout not in STRIDED or layout == "read-only":
            continue
        out = {name: in_layout(layout, np.zeros_like(value)) for name, value in reference.items()}
        for name, value in compute(loss, arguments, data.outputs(loss), out=out).items():
            assert value is out[name]
            assert_same_bits(value, reference[name])


@halves
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("classes", [7, 300])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_class_axis_of_half_arrays(loss, classes, axis, half):
    arguments = problem(loss, "random", 12, classes, dtype_of(half))
    reference = compute(loss, arguments, ("grad", "loss"))

    def place(array):
        return np.moveaxis(array.reshape(3, 4, classes), -1, axis) if array.ndim == 2 else array.reshape(3, 4)

    placed = {key: np.ascontiguousarray(place(value)) for key, value in arguments.items()}
    for name, value in compute(loss, placed, ("grad", "loss"), axis=axis).items():
        assert_same_bits(value, place(reference[name]))


@halves
@losses
def test_grad_overwrites_half_logits(loss, half):
    for rows, classes in SHAPES:
        arguments = problem(loss, "random", rows, classes, dtype_of(half))
        reference = compute(loss, arguments, ("loss", "grad"))
        x = arguments["logits"].copy()
        results = compute(loss, arguments | {"logits": x}, ("loss", "grad"), out={"grad": x})
        assert results["grad"] is x
        assert_same_bits(x, reference["grad"])
        assert_same_bits(results["loss"], reference["loss"])


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
def test_instruction_sets_with_fma_and_threads_change_no_half_bit(loss, half):
    """The baseline has no FMA and other bits in float32; it too rounds its own once."""
    dtype, names = dtype_of(half), data.outputs(loss)
    for rows, classes in (*SHAPES, (2, 20000)):
        arguments = problem(loss, "uniform 80", rows, classes, dtype)
        reference = compute(loss, arguments, names)
        for isa, threads in [*((isa, 1) for isa in ISAS), (next(reversed(ISAS)), 3)]:
            wide = compute_on(isa, loss, widened(arguments), names, threads)
            results = compute_on(isa, loss, arguments, names, threads)
            assert_rounded_once(results, wide, dtype)
            for name, value in results.items():
                if isa != "baseline":
                    assert_same_bits(value, reference[name])


def compute_on(isa, loss, arguments, names, threads):
    kind, pos_weight = _core.losses().index(loss) + 1, arguments.get("pos_weight")
    values = _core.compute(
        kind, (), arguments["labels"], None, arguments["logits"], pos_weight, -1, None, names, None, None, threads,
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
