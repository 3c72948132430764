"""Bad options: the exception, the option and the values it names, and that no output has been touched."""

import numpy as np
import pytest
from helpers import BINARY_LOSSES, FUNCTIONS, LOSSES, ROW_LOSSES

import pyce

SENTINEL = 99.0
SHAPE = (4, 3)
losses = pytest.mark.parametrize("loss", LOSSES)


def good(loss, shape=SHAPE):
    labels = np.zeros(shape[:-1] if loss == "sparse_softmax" else shape, np.int64)
    return {"logits": np.ones(shape, np.float32), "labels": labels} | (
        {"pos_weight": 2.0} if loss == "weighted" else {}
    )


def refuse(error, match, loss, shape=SHAPE, **options):
    """The loss and the product with its Hessian raise, name what `match` lists, and write nothing."""
    out = {"grad": np.full(shape, SENTINEL), "prob": np.full(shape, SENTINEL)}
    if options.get("reduction", "none") == "none":
        out["loss"] = np.full(shape[:-1] if loss in ROW_LOSSES else shape, SENTINEL)
    arguments = good(loss, shape) | {name: options.pop(name) for name in ("labels",) if name in options}
    product = np.full(shape, SENTINEL)

    def call_loss():
        FUNCTIONS[loss](**arguments, returns=tuple(out), out=out, **options)

    def call_product():
        pyce.hessian_vector_product(loss, **arguments, vector=np.ones(shape), out=product, **options)

    for call in (call_loss, call_product):
        with pytest.raises(error) as caught:
            call()
        for part in (match,) if isinstance(match, str) else match:
            assert part in str(caught.value), str(caught.value)
    for array in (*out.values(), product):
        assert (array == SENTINEL).all()


@pytest.mark.parametrize(("error", "value"), [
    (ValueError, "Mean"), (ValueError, ""), (ValueError, "average"), (TypeError, None), (TypeError, 1),
    (TypeError, ["mean"]), (TypeError, b"mean"),
])  # fmt: skip
@losses
def test_unknown_reduction(loss, error, value):
    said = repr(value) if isinstance(value, str) else type(value).__name__
    refuse(error, ("reduction", "'none', 'sum', 'mean'", said), loss, reduction=value)


@pytest.mark.parametrize(("error", "value", "said"), [
    (ValueError, "sum", "'sum'"), (ValueError, "Rows", "'Rows'"), (ValueError, 0, "0"), (ValueError, 0.0, "0"),
    (ValueError, -2.5, "-2.5"), (ValueError, np.nan, "nan"), (ValueError, np.inf, "inf"), (TypeError, True, "True"),
    (TypeError, None, "None"), (TypeError, 1j, "complex"), (TypeError, [1, 2], "list"), (TypeError, b"rows", "rows"),
    (TypeError, np.ones(2), "ndarray"), (TypeError, np.True_, "True"), (ValueError, 10**400, "beyond"),
    (TypeError, bytearray(b"2"), "bytearray"), (TypeError, memoryview(b"2"), "memory"),
])  # fmt: skip
@losses
def test_bad_denominator(loss, error, value, said):
    refuse(error, ("denominator", said), loss, reduction="mean", denominator=value)


@pytest.mark.parametrize("reduction", ["none", "sum"])
@pytest.mark.parametrize("denominator", ["rows", "batch", 2.0])
@losses
def test_a_denominator_without_a_mean(loss, denominator, reduction):
    refuse(ValueError, ("denominator", "mean"), loss, reduction=reduction, denominator=denominator)


@pytest.mark.parametrize(("error", "value", "said"), [
    (ValueError, -0.125, "-0.125"), (ValueError, 1.5, "1.5"), (ValueError, np.nan, "nan"), (ValueError, np.inf, "inf"),
    (ValueError, -5e-324, "4.9"), (ValueError, np.nextafter(1, 2), "1.0000000000000002"), (TypeError, None, "None"),
    (TypeError, "0.1", "'0.1'"), (TypeError, False, "False"), (TypeError, 0.1j, "complex"), (TypeError, [0.1], "list"),
])  # fmt: skip
@losses
def test_bad_label_smoothing(loss, error, value, said):
    refuse(error, ("label_smoothing", "[0, 1]", said), loss, label_smoothing=value)


@pytest.mark.parametrize("option", ["sample_weight", "where"])
@pytest.mark.parametrize("shape", [(3,), (5,), (4, 3, 1), (1, 4), (4, 4), (1, 1, 1), (4, 2)])
@losses
def test_weights_and_masks_of_another_shape(loss, shape, option):
    value = np.ones(shape, bool if option == "where" else float)
    refuse(ValueError, (option, str(shape), str(SHAPE)), loss, **{option: value})


@pytest.mark.parametrize("option", ["sample_weight", "where"])
def test_weights_of_rows_have_no_class_axis_and_those_of_elements_all_axes(option):
    for loss in LOSSES:
        shape = (4, 1) if loss in ROW_LOSSES else (4,)
        refuse(ValueError, (option, str(shape)), loss, **{option: np.ones(shape, bool)})
        refuse(ValueError, (option, "(1,)", "(4, 1)"), "sigmoid", (4, 1), **{option: np.ones(1, bool)})


@pytest.mark.parametrize("loss", ROW_LOSSES)
@pytest.mark.parametrize("shape", [(), (1,), (2,), (4,), (1, 3), (3, 1), (4, 3)])
def test_class_weights_of_another_shape(loss, shape):
    refuse(ValueError, ("class_weight", str(shape), str(SHAPE)), loss, class_weight=np.ones(shape))
    refuse(ValueError, ("class_weight", str(shape), str(SHAPE)), loss, class_weight=np.ones(shape), label_smoothing=0.5)


@pytest.mark.parametrize("dtype", [complex, object, "U3", "M8[s]"])
@pytest.mark.parametrize("option", ["sample_weight", "class_weight"])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_weights_that_are_not_real(loss, option, dtype):
    value = np.ones(4 if option == "sample_weight" else 3, "i8").astype(dtype)
    refuse(TypeError, (option, str(value.dtype)), loss, **{option: value})


@pytest.mark.parametrize("value", ["balanced", {0: 1.0, 1: 2.0, 2: 1.0}])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_class_weights_as_other_libraries_have_them(loss, value):
    refuse(TypeError, ("class_weight", "for each class"), loss, class_weight=value)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, object, "U3"])
@losses
def test_masks_that_are_not_bool(loss, dtype):
    value = np.ones(4 if loss in ROW_LOSSES else SHAPE, "i8").astype(dtype)
    refuse(TypeError, ("where", "bool", str(value.dtype)), loss, where=value)


@losses
def test_masked_arrays(loss):
    shape = 4 if loss in ROW_LOSSES else SHAPE
    refuse(TypeError, ("sample_weight", "mask"), loss, sample_weight=np.ma.masked_invalid(np.ones(shape)))
    refuse(TypeError, ("where", "mask"), loss, where=np.ma.masked_array(np.ones(shape, bool)))


@pytest.mark.parametrize(("error", "value", "said"), [
    (TypeError, 1.0, "float"), (TypeError, "1", "str"), (TypeError, [1], "list"), (TypeError, np.nan, "float"),
    (ValueError, 2**63, str(2**63)), (ValueError, -(2**63) - 1, str(-(2**63) - 1)), (TypeError, np.ones(2), "ndarray"),
    (TypeError, True, "True"), (TypeError, np.False_, "False"),
])  # fmt: skip
def test_bad_ignore_index(error, value, said):
    refuse(error, ("ignore_index", said), "sparse_softmax", ignore_index=value)


def test_a_label_out_of_range_in_a_row_that_is_not_masked():
    labels = np.array([-100, 0, 7, -1])
    for options in ({"ignore_index": -100}, {"where": [False, True, True, True]}):
        refuse(ValueError, ("index 2", "is 7", "0 to 2"), "sparse_softmax", labels=labels, **options)
    refuse(ValueError, ("index 0", "-100"), "sparse_softmax", labels=labels, ignore_index=7)
    refuse(ValueError, ("index 2", "7"), "sparse_softmax", labels=labels, ignore_index=-100, sample_weight=[1, 1, 0, 1])


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "sparse_softmax"])
def test_options_that_a_loss_does_not_have(loss):
    options = {"ignore_index": 1} | ({"class_weight": np.ones(3)} if loss in BINARY_LOSSES else {})
    for option, value in options.items():
        with pytest.raises(TypeError, match=option):
            FUNCTIONS[loss](**good(loss), **{option: value})
        with pytest.raises(ValueError, match=option):
            pyce.hessian_vector_product(loss, **good(loss), vector=np.ones(SHAPE), **{option: value})
    if loss != "weighted":
        with pytest.raises(ValueError, match="pos_weight"):
            pyce.hessian_vector_product(loss, **good(loss), vector=np.ones(SHAPE), pos_weight=2.0)


@pytest.mark.parametrize("name", ["hvp", "labels_grad", "correct", "lse"])
@losses
def test_outputs_that_a_loss_does_not_have(loss, name):
    has = {"labels_grad": loss != "sparse_softmax", "correct": loss in ROW_LOSSES, "lse": loss in ROW_LOSSES}
    if has.get(name, False):
        pytest.skip("this loss has it")
    with pytest.raises(ValueError, match=name):
        FUNCTIONS[loss](**good(loss), returns=("loss", name))


# out


@pytest.mark.parametrize("shape", [(1,), (4,), (4, 3), (0,)])
@losses
def test_out_of_a_reduced_loss_has_no_axes(loss, shape):
    out = np.full(shape, SENTINEL)
    with pytest.raises(ValueError, match="loss") as caught:
        FUNCTIONS[loss](**good(loss), reduction="mean", out=out)
    assert str(shape) in str(caught.value)
    assert (out == SENTINEL).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_out_of_correct_is_bool(loss, dtype):
    out = np.full(4, 9, dtype)
    with pytest.raises(ValueError, match=r"correct.*bool"):
        FUNCTIONS[loss](**good(loss), returns="correct", out=out)
    assert (out == 9).all()


@pytest.mark.parametrize("dtype", [bool, np.int64])
def test_out_of_a_float_output_is_float(dtype):
    out = np.ones(SHAPE, dtype)
    with pytest.raises(ValueError, match="prob"):
        FUNCTIONS["softmax"](**good("softmax"), returns="prob", out=out)
    assert (out == 1).all()


@losses
def test_an_output_may_lie_on_no_option(loss):
    """Every input that an option brings is refused as an output's memory; nothing is written."""
    shape = 4 if loss in ROW_LOSSES else SHAPE
    memory = np.full(SHAPE, SENTINEL)
    inside = memory[:, 0] if loss in ROW_LOSSES else memory
    cases = [{"sample_weight": inside}, {"where": np.ndarray(shape, bool, buffer=memory.data)}]
    cases += [{"class_weight": memory[0]}] * (loss in ROW_LOSSES)
    for options in cases:
        with pytest.raises(ValueError, match="overlap"):
            FUNCTIONS[loss](**good(loss), returns="grad", out=memory, **options)
        with pytest.raises(ValueError, match="overlap"):
            FUNCTIONS[loss](**good(loss), reduction="sum", out=memory[0, 0, ...], **options)
    for name in ("vector", "logits"):
        arguments = good(loss) | {"vector": np.ones(SHAPE)} | {name: memory}
        with pytest.raises(ValueError, match=f"overlaps {name}"):
            pyce.hessian_vector_product(loss, **arguments, out=memory)
    assert (memory == SENTINEL).all()


# more than eight axes


NINE = (1, 2, 1, 2, 1, 1, 2, 1, 3)


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_more_than_eight_axes(loss):
    refuse(ValueError, ("class_weight", "(4,)", str(NINE)), loss, NINE, class_weight=np.ones(4))
    refuse(ValueError, ("sample_weight", "(3,)", str(NINE)), loss, NINE, sample_weight=np.ones(3))
    refuse(ValueError, ("where", str(NINE)), loss, NINE, where=np.ones(NINE, bool))
    refuse(ValueError, ("label_smoothing", "2"), loss, NINE, label_smoothing=2)
    refuse(ValueError, ("denominator", "-1"), loss, NINE, reduction="mean", denominator=-1)
    with pytest.raises(ValueError, match="vector") as caught:
        pyce.hessian_vector_product(loss, **good(loss, NINE), vector=np.ones(3))
    assert str(NINE) in str(caught.value)


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_out_of_more_than_eight_axes_that_overlaps_itself(loss):
    memory = np.full(100, SENTINEL, np.float32)
    for strides in ((4,) * 9, (12, 8, 4, 8, 4, 4, 12, 4, 4), (0,) * 9):
        out = np.lib.stride_tricks.as_strided(memory, NINE, strides)
        with pytest.raises(ValueError, match=r"grad.*overlap"):
            FUNCTIONS[loss](**good(loss, NINE), returns="grad", out=out)
    assert (memory == SENTINEL).all()


# labels that no output needs


@pytest.mark.parametrize("loss", LOSSES)
def test_an_output_may_not_lie_on_labels_that_it_does_not_need(loss):
    arguments = good(loss) | {"logits": np.ones(SHAPE)}
    arguments["labels"] = arguments["labels"].astype(np.int64 if loss == "sparse_softmax" else np.float64)
    out = arguments["labels"] if loss != "sparse_softmax" else None
    if out is None:
        memory = np.zeros(SHAPE)
        arguments["labels"], out = memory.view(np.int64)[:, 0], memory
    before = out.copy()
    with pytest.raises(ValueError, match="prob overlaps labels"):
        FUNCTIONS[loss](**arguments, returns="prob", out=out)
    assert (out == before).all()


# the product with the Hessian


@pytest.mark.parametrize("name", ["", "hinge", "Sigmoid", "softmax_cross_entropy", pyce.softmax, 3, None])
def test_unknown_loss(name):
    with pytest.raises(ValueError, match="sigmoid, weighted, softmax, sparse_softmax"):
        pyce.hessian_vector_product(name, labels=[[1.0]], logits=[[1.0]], vector=[[1.0]])


@losses
def test_bad_vectors(loss):
    for shape in [(3,), (4, 1), (1, 4, 3), ()]:
        with pytest.raises(ValueError, match="vector") as caught:
            pyce.hessian_vector_product(loss, **good(loss), vector=np.ones(shape))
        assert str(shape) in str(caught.value)
        assert str(SHAPE) in str(caught.value)
    for value in (np.ones(SHAPE, complex), np.full(SHAPE, "a")):
        with pytest.raises(TypeError, match="vector"):
            pyce.hessian_vector_product(loss, **good(loss), vector=value)
    with pytest.raises(TypeError, match="vector"):
        pyce.hessian_vector_product(loss, **good(loss), vector=None)
