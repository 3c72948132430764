"""Sums over losses: the same bits whatever the threads, the memory, the instruction set and the other outputs."""

import data
import numpy as np
import pytest
from half import HALVES, dtype_of, rounded
from helpers import BINARY_LOSSES, LOSSES, ROW_LOSSES, assert_same_bits, assert_same_results, compute
from layouts import STRIDED
from option_cases import REDUCTIONS, case, has, loss_shape, outputs

from pyce import _core

losses = pytest.mark.parametrize("loss", LOSSES)
dtypes = pytest.mark.parametrize("dtype", data.FLOATS)
MEANS = [options for options in REDUCTIONS if options]
# More losses than a block has, more than the parts of a sum, rows in several tiles, rows that threads share.
SHAPES = ((20011, 3), (9001, 1), (700, 70), (40, 3000), (3, 140001))
WITH_FMA = [name for name, (_, compiled, available) in _core.isas().items() if compiled and available][1:]


def heavy(loss, shape, dtype):
    """All options on losses of very different sizes, so that another order of adding would show."""
    arguments, options = case(loss, "all", data.problem(loss, "uniform 80", *shape, dtype))
    return arguments, options


def totals(loss, arguments, options, **how):
    """[loss of every reduction], and the gradient of a mean."""
    values = [compute(loss, arguments, "loss", **options, **reduction, **how)["loss"] for reduction in MEANS]
    return values, compute(loss, arguments, "grad", reduction="mean", **options, **how)["grad"]


def assert_same_totals(result, expected):
    for value, reference in zip(result[0], expected[0], strict=True):
        assert_same_bits(value, reference)
    assert_same_bits(result[1], expected[1])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@dtypes
@losses
def test_threads_change_no_bit(loss, dtype, shape):
    arguments, options = heavy(loss, shape, dtype)
    arguments = {key: np.asarray(value) for key, value in arguments.items()}
    reference = compute(loss, arguments, ("loss", "grad"), reduction="mean", num_threads=1, **options)
    for threads in (*range(2, 9), None):
        results = compute(loss, arguments, ("loss", "grad"), reduction="mean", num_threads=threads, **options)
        assert_same_results(results, reference)


def test_another_order_would_show():
    """The totals above are rounded sums of numbers that differ: added backwards in the dtype they have other bits."""
    for loss in LOSSES:
        arguments, options = heavy(loss, SHAPES[0], np.float32)
        values = compute(loss, arguments, "loss", **options)["loss"].ravel()
        assert np.unique(values).size > 1000
        assert values[::-1].cumsum()[-1] != compute(loss, arguments, "loss", reduction="sum", **options)["loss"]


def permuted(loss, arguments, options, shape, order, axis):
    """The problem with batch axes `shape`, in memory in the order `order`, the class axis moved to `axis`."""

    def arrange(value, has_classes):
        value = value.reshape(*shape, *value.shape[-1:]) if has_classes else value.reshape(shape)
        moved = np.ascontiguousarray(value.transpose(*order, *([len(shape)] if has_classes else [])))
        back = moved.transpose(*np.argsort(order), *([len(shape)] if has_classes else []))
        return np.moveaxis(back, -1, axis) if has_classes and loss in ROW_LOSSES else back

    rows = len(arguments["logits"])
    placed = {}
    for key, value in (arguments | options).items():
        if np.ndim(value) and key not in ("class_weight", "pos_weight"):
            placed[key] = arrange(value, value.shape != (rows,))
        else:
            placed[key] = value
    return {key: placed[key] for key in arguments}, {key: placed[key] for key in options}


@pytest.mark.parametrize("classes", [3, 70, 1500])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)], ids=str)
@dtypes
@losses
def test_memory_order_and_class_axis_change_no_bit(loss, dtype, order, classes):
    shape = (7, 30, 11) if classes == 3 else (2, 5, 3)
    rows = int(np.prod(shape))
    arguments, options = heavy(loss, (rows, classes), dtype)
    expected = totals(loss, arguments, options)
    for axis in (0, 1, 3) if loss in ROW_LOSSES else (3,):
        placed, placed_options = permuted(loss, arguments, options, shape, order, axis)
        how = {"axis": axis} if loss in ROW_LOSSES else {}
        for value, reference in zip(totals(loss, placed, placed_options, **how)[0], expected[0], strict=True):
            assert_same_bits(value, reference)


@pytest.mark.parametrize("layout", sorted(STRIDED))
@pytest.mark.parametrize("shape", [(1500, 3), (20, 300)], ids=str)
@losses
def test_strides_change_no_bit(loss, shape, layout):
    arguments, options = heavy(loss, shape, np.float32)
    arrange = STRIDED[layout]
    arranged = {key: arrange(np.asarray(value)) for key, value in arguments.items()}
    moved = {
        key: arrange(value.view(np.uint8)).view(bool) if key == "where" else arrange(value) if np.ndim(value) else value
        for key, value in options.items()
    }
    assert_same_totals(totals(loss, arranged, moved), totals(loss, arguments, options))


@dtypes
@losses
def test_the_shape_of_the_batch_does_not_matter(loss, dtype):
    arguments, options = heavy(loss, (2310, 3), dtype)
    expected = totals(loss, arguments, options)[0]
    for shape in ((2, 1155), (1155, 2), (1, 2310, 1), (2, 3, 5, 7, 11)):
        placed, placed_options = permuted(loss, arguments, options, shape, tuple(range(len(shape))), len(shape))
        for value, reference in zip(totals(loss, placed, placed_options)[0], expected, strict=True):
            assert_same_bits(value, reference)


@pytest.mark.parametrize("shape", [(500, 3), (20, 300), (2, 9000)], ids=str)
@dtypes
@losses
def test_other_outputs_change_no_bit(loss, dtype, shape):
    arguments, options = heavy(loss, shape, dtype)
    for reduction in (MEANS[0], MEANS[1]):
        everything = compute(loss, arguments, outputs(loss), **options, **reduction)
        for name in outputs(loss):
            alone = compute(loss, arguments, name, **options, **reduction)
            assert_same_bits(alone[name], everything[name])


def compute_on(isa, loss, arguments, returns, options):
    kind = _core.losses().index(loss) + 1
    full = {"reduction": "none", "denominator": "weights", "sample_weight": None, "where": None, "class_weight": None,
            "label_smoothing": 0.0, "ignore_index": None, "vector": None} | options  # fmt: skip
    values = _core.compute(
        kind, (), arguments["labels"], None, arguments["logits"], arguments.get("pos_weight"), -1, None, returns, None,
        None, None, _core.isas()[isa][0], *full.values(),
    )  # fmt: skip
    return dict(zip(returns, values, strict=True))


@pytest.mark.skipif(len(WITH_FMA) < 2, reason="fewer than two instruction sets with FMA here")
@pytest.mark.parametrize("name", ["uniform 80", "winner leads by 50", "vanishing exponentials", "mixed magnitudes"])
@pytest.mark.parametrize("shape", [(3000, 3), (40, 70), (6, 2500)], ids=str)
@dtypes
@losses
def test_instruction_sets_with_fma_give_the_same_bits(loss, dtype, shape, name):
    arguments, options = case(loss, "all", data.problem(loss, name, *shape, dtype))
    vector = data.logits("random", *shape, dtype)
    for reduction in ({}, {"reduction": "mean"}):
        results = [compute_on(isa, loss, arguments, outputs(loss), options | reduction) for isa in WITH_FMA]
        products = [compute_on(isa, loss, arguments, ("hvp",), options | reduction | {"vector": vector})
                    for isa in WITH_FMA]  # fmt: skip
        for k in range(1, len(WITH_FMA)):
            assert_same_results(results[k], results[0])
            assert_same_results(products[k], products[0])


@pytest.mark.skipif(not WITH_FMA, reason="no instruction set with FMA here")
@dtypes
@losses
def test_the_baseline_agrees_nearly(loss, dtype):
    arguments, options = case(loss, "all", data.problem(loss, "random", 300, 7, dtype))
    for reduction in MEANS:
        loss_of = {
            isa: compute_on(isa, loss, arguments, ("loss",), options | reduction)["loss"]
            for isa in ("baseline", WITH_FMA[0])
        }
        np.testing.assert_allclose(*loss_of.values(), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=str)
@pytest.mark.parametrize("returns", ["loss", "grad", "hess", ("loss", "grad"), ("grad", "hess")], ids=str)
@dtypes
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_binary_results_of_any_label_do_not_depend_on_the_outputs_asked_for(loss, dtype, returns, reduction):
    for label in (0.3, 1.0, -2.5, 2.0**53, -(2.0**60), 1e30, -1e37):  # beyond 2^53, (1 - z) + z is not 1 in any type
        for logit in (-90.0, -20.0, -0.7, 0.0, 3.0, 40.0):
            arguments = {"labels": np.full(3, label, dtype), "logits": np.full(3, logit, dtype)}
            if loss == "weighted":
                arguments["pos_weight"] = np.array(3, dtype)
            everything = compute(loss, arguments, ("loss", "grad", "hess"), **reduction)
            for name, value in compute(loss, arguments, returns, **reduction).items():
                assert_same_bits(value, everything[name])


@dtypes
@losses
def test_flush_to_zero_of_the_caller_changes_no_bit(loss, dtype):
    torch = pytest.importorskip("torch")
    arguments, options = case(loss, "all", data.problem(loss, "vanishing exponentials", 60, 20, dtype))
    if options.get("sample_weight") is not None:
        options["sample_weight"] = options["sample_weight"] * np.finfo(dtype).smallest_normal / 100
    reference = totals(loss, arguments, options)
    if not torch.set_flush_denormal(True):
        pytest.skip("torch cannot set flush to zero here")
    try:
        results = totals(loss, arguments, options)
    finally:
        torch.set_flush_denormal(False)
    assert np.any(reference[1])
    assert_same_totals(results, reference)


@pytest.mark.parametrize("half", HALVES)
@losses
def test_half_results_are_the_float32_results_rounded_once(loss, half):
    dtype = dtype_of(half)
    for shape in ((300, 3), (9, 300)):
        arguments, options = case(loss, "all", data.problem(loss, "random", *shape, np.float32))
        arguments = {key: value.astype(dtype) if value.dtype.kind == "f" else value for key, value in arguments.items()}
        options = {key: value.astype(dtype) if key.endswith("weight") else value for key, value in options.items()}
        wide = {key: value.astype("f4") if value.dtype == dtype else value for key, value in arguments.items()}
        wide_options = {key: value.astype("f4") if key.endswith("weight") else value for key, value in options.items()}
        names = [name for name in outputs(loss) if name != "correct"]
        for reduction in ({}, *MEANS):
            results = compute(loss, arguments, names, **options, **reduction)
            for name, value in compute(loss, wide, names, **wide_options, **reduction).items():
                assert results[name].dtype == dtype
                assert_same_bits(results[name], rounded(value, dtype))


# out


@pytest.mark.parametrize("classes", [3, 300])
@dtypes
@losses
def test_out_of_every_dtype_and_of_no_axes(loss, dtype, classes):
    arguments, options = case(loss, "all", data.problem(loss, "random", 8, classes, dtype))
    names = outputs(loss)
    expected = compute(loss, arguments, names, reduction="mean", **options)
    out = {name: np.full_like(np.asarray(value), 9) for name, value in expected.items()}
    results = compute(loss, arguments, names, reduction="mean", out=out, **options)
    assert all(results[name] is out[name] for name in names)
    assert out["loss"].shape == ()
    assert_same_results(results, {name: np.asarray(value) for name, value in expected.items()})
    single = np.zeros((), np.float32)
    assert compute(loss, arguments, "loss", reduction="mean", out={"loss": single}, **options)["loss"] is single
    assert single == np.float32(expected["loss"])
    strided = np.zeros((3, 5), dtype)
    compute(loss, arguments, "loss", reduction="mean", out={"loss": strided[1, 3, ...]}, **options)
    assert strided[1, 3] == expected["loss"]
    assert np.count_nonzero(strided) == 1


def test_out_may_be_tensors():
    torch = pytest.importorskip("torch")
    arguments, options = case("sparse_softmax", "all", data.problem("sparse_softmax", "random", 8, 5, np.float32))
    expected = compute("sparse_softmax", arguments, ("loss", "correct"), reduction="sum", **options)
    out = {"loss": torch.zeros(()), "correct": torch.zeros(8, dtype=torch.bool)}
    results = compute("sparse_softmax", arguments, ("loss", "correct"), reduction="sum", out=out, **options)
    assert results["loss"] is out["loss"]
    assert out["loss"].item() == expected["loss"]
    assert out["correct"].tolist() == expected["correct"].tolist()


@pytest.mark.parametrize("shape", [(50, 3), (5, 70), (3, 5000), (1, 140001)], ids=str)
@dtypes
@losses
def test_grad_in_place_with_masks(loss, dtype, shape):
    arguments, options = case(loss, "all", data.problem(loss, "random", *shape, dtype))
    names = [name for name in outputs(loss) if name != "labels_grad"]
    for reduction in ({}, {"reduction": "mean"}):
        expected = compute(loss, arguments, names, num_threads=1, **options, **reduction)
        for threads in (1, 3):
            x = arguments["logits"].copy()
            how = {"out": {"grad": x}, "num_threads": threads}
            results = compute(loss, arguments | {"logits": x}, names, **options, **reduction, **how)
            assert results["grad"] is x
            assert_same_results(results, expected)


# more than eight axes


@dtypes
@losses
def test_more_than_eight_axes(loss, dtype):
    flat, options = case(loss, "all", data.problem(loss, "random", 12, 3, dtype))
    shape = (1, 2, 1, 2, 1, 1, 3, 1)
    batch = {key: options[key].reshape(*shape, *options[key].shape[1:]) for key in ("sample_weight", "where")}
    wide = {
        key: value.reshape(*shape, *value.shape[1:]) if value.shape[0] == 12 else value for key, value in flat.items()
    }
    for reduction in ({}, *MEANS):
        expected = compute(loss, flat, outputs(loss), **options, **reduction)
        results = compute(loss, wide, outputs(loss), **options | batch, **reduction)
        for name, value in results.items():
            assert_same_bits(np.reshape(value, np.shape(expected[name])), expected[name])
        out = {name: np.zeros(np.shape(value), np.asarray(value).dtype) for name, value in results.items()}
        assert_same_results(compute(loss, wide, outputs(loss), out=out, **options | batch, **reduction),
                            {name: np.asarray(value) for name, value in results.items()})  # fmt: skip
    if loss in ROW_LOSSES:
        moved = {key: np.moveaxis(value, -1, 2) if value.ndim == 9 else value for key, value in wide.items()}
        mean = compute(loss, moved, "loss", axis=2, reduction="mean", **options | batch)
        assert_same_bits(mean["loss"], compute(loss, flat, "loss", reduction="mean", **options)["loss"])
        shared = options | {"sample_weight": np.full((1,) * 8, 2.0), "where": np.bool_(True)}
        assert compute(loss, wide, "loss", reduction="mean", **shared)["loss"] > 0


def test_the_cases_use_every_option():
    for loss in LOSSES:
        _, options = case(loss, "all", data.problem(loss, "random", 12, 3, np.float32))
        names = ["sample_weight", "where", "label_smoothing", "class_weight", "ignore_index"]
        assert set(options) == {name for name in names if has(loss, name)}
        assert loss_shape(loss, {"logits": np.zeros((2, 3))}) == ((2, 3) if loss in BINARY_LOSSES else (2,))
