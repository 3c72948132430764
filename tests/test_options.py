"""What each option means: every output against the exact result, and the special cases one by one."""

import data
import numpy as np
import option_oracle
import oracle
import pytest
from helpers import BINARY_LOSSES, LOSSES, ROW_LOSSES, assert_same_bits, assert_same_results, compute
from layouts import LAYOUTS
from option_cases import REDUCTIONS, case, cases_of, has, loss_shape, masked, outputs

import pyce

losses = pytest.mark.parametrize("loss", LOSSES)
row_losses = pytest.mark.parametrize("loss", ROW_LOSSES)
dtypes = pytest.mark.parametrize("dtype", data.FLOATS)
# Far above what rounding costs, far below what a wrong meaning does. How near is in test_option_accuracy.py.
MEANING = 16.0
CARRYING = ("loss", "grad", "hess", "labels_grad")


def assert_means(loss, arguments, options, returns=None):
    returns = returns or outputs(loss)
    results = compute(loss, arguments, returns, **options)
    expected = option_oracle.exact(loss, arguments, returns, **options)
    for name, value in results.items():
        if name == "correct":
            assert np.array_equal(value, expected[name])
            continue
        errors = oracle.ulp_error(value, expected[name])
        assert not errors.size or errors.max() <= MEANING, (loss, name, options, errors.max())
    return results


# against the exact results


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: "-".join(map(str, r.values())) or "none")
@pytest.mark.parametrize(("loss", "name"), [(loss, name) for loss in LOSSES for name in cases_of(loss)])
@dtypes
def test_every_output_of_every_option(loss, dtype, name, reduction):
    arguments, options = case(loss, name, data.problem(loss, "random", 9, 5, dtype))
    assert_means(loss, arguments, options | reduction)


@pytest.mark.parametrize("classes", [1, 2, 64, 127, 128, 300])
@dtypes
@row_losses
def test_every_path_of_the_class_count(loss, dtype, classes):
    arguments, options = case(loss, "all", data.problem(loss, "uniform 80", 4, classes, dtype))
    assert_means(loss, arguments, options | {"reduction": "mean"})
    assert_means(loss, arguments, options)


@pytest.mark.parametrize("name", ["winner leads by 50", "near ties", "vanishing exponentials", "one huge"])
@dtypes
@losses
def test_hostile_logits(loss, dtype, name):
    arguments, options = case(loss, "all", data.problem(loss, name, 8, 7, dtype))
    assert_means(loss, arguments, options | {"reduction": "mean"})


@pytest.mark.parametrize("smoothing", [0.0, 1.0, 0.5, 1e-3, 1e-17, 1e-300, 1 - 2**-53])
@dtypes
@losses
def test_every_amount_of_smoothing(loss, dtype, smoothing):
    """Also amounts that 1 - e does not show: at a label 0 they are all that is left of a confident loss."""
    arguments = data.problem(loss, "winner leads by 50", 12, 4, dtype)
    assert_means(loss, arguments, {"label_smoothing": smoothing})


# defaults change nothing


@pytest.mark.parametrize("classes", [3, 300, 3000])
@dtypes
@losses
def test_neutral_options_change_no_bit(loss, dtype, classes):
    arguments = data.problem(loss, "random", 5, classes, dtype)
    expected = compute(loss, arguments, outputs(loss))
    shape = loss_shape(loss, arguments)
    neutral = [{"label_smoothing": 0}, {"reduction": "none", "denominator": "weights"}, {"where": True}]
    neutral += [{"where": np.ones(shape, bool)}, {"sample_weight": 1}, {"sample_weight": np.ones(shape)}]
    neutral += [{"class_weight": np.ones(classes)}] * has(loss, "class_weight")
    neutral += [{"ignore_index": -1}, {"ignore_index": None}] * has(loss, "ignore_index")
    for options in neutral:
        assert_same_results(compute(loss, arguments, outputs(loss), **options), expected)


@pytest.mark.parametrize("classes", [3, 300, 3000])
@dtypes
@losses
def test_a_power_of_two_as_weight_scales_every_bit(loss, dtype, classes):
    arguments = data.problem(loss, "random", 5, classes, dtype)
    expected = compute(loss, arguments, CARRYING[:3])
    for name, value in compute(loss, arguments, CARRYING[:3], sample_weight=0.25).items():
        assert_same_bits(value, (expected[name] * dtype(0.25)))
    mean = compute(loss, arguments, CARRYING[1:3], reduction="mean", denominator=8.0)
    for name, value in mean.items():
        assert_same_bits(value, (expected[name] * dtype(0.125)))


@pytest.mark.parametrize("classes", [3, 300])
@dtypes
def test_smoothed_index_labels_are_smoothed_one_hot_labels(dtype, classes):
    arguments = data.problem("sparse_softmax", "random", 7, classes, dtype)
    dense = arguments | {"labels": data.one_hot(arguments["labels"], classes, dtype)}
    names = outputs("sparse_softmax")
    options = {"class_weight": np.linspace(0, 2, classes), "label_smoothing": 0.25}
    assert_same_results(
        compute("sparse_softmax", arguments, names, **options), compute("softmax", dense, names, **options)
    )


@dtypes
def test_class_weight_of_an_index_label_is_a_sample_weight(dtype):
    arguments = data.problem("sparse_softmax", "random", 40, 9, dtype)
    factors = np.linspace(0, 4, 9)
    for reduction in REDUCTIONS:
        results = compute("sparse_softmax", arguments, CARRYING[:3], class_weight=factors, **reduction)
        weights = {"sample_weight": factors[arguments["labels"]]}
        assert_same_results(results, compute("sparse_softmax", arguments, CARRYING[:3], **weights, **reduction))


def test_denominators_by_hand():
    arguments = {"logits": np.zeros((4, 2)), "labels": np.array([0, 1, 1, 5])}
    options = {"class_weight": [1.0, 3.0], "sample_weight": [1.0, 0.5, 2.0, 9.0], "ignore_index": 5}
    total = np.log(2) * (1 + 1.5 + 6)
    for denominator, divisor in (("weights", 8.5), ("rows", 3), ("batch", 4), (2.5, 2.5), (np.float32(4), 4)):
        loss = compute("sparse_softmax", arguments, "loss", reduction="mean", denominator=denominator, **options)
        assert loss["loss"] == pytest.approx(total / divisor, rel=1e-15)
    dense = {"logits": np.zeros((4, 2)), "labels": np.eye(2)[[0, 1, 1, 0]]}
    options = {"class_weight": [1.0, 3.0], "sample_weight": [1.0, 0.5, 2.0, 9.0], "where": [True, True, True, False]}
    assert compute("softmax", dense, "loss", reduction="mean", **options)["loss"] == pytest.approx(
        total / 3.5, rel=1e-15
    )


# masks and zero weights, whatever the logits hold

WAYS_TO_MASK = [(loss, how) for loss in LOSSES for how in ("where", "sample_weight")]
WAYS_TO_MASK += [("sparse_softmax", how) for how in ("ignore_index", "ignore inside")]


@pytest.mark.parametrize("classes", [1, 3, 70, 300, 3000])
@pytest.mark.parametrize(("loss", "how"), WAYS_TO_MASK)
@dtypes
def test_masked_rows_are_zero_also_with_nan_and_infinite_logits(loss, dtype, how, classes):
    arguments = data.problem(loss, "random", 9, classes, dtype)
    shape = loss_shape(loss, arguments)
    x = arguments["logits"]
    x[0], x[1, -1], x[2, 0], x[3], x[4, :2], x[5, 0] = np.nan, np.nan, np.inf, -np.inf, np.inf, -np.inf
    off = np.zeros(shape, bool)
    off[:6] = True
    if how.startswith("ignore"):
        index = -3 if how == "ignore_index" else 0
        labels = np.where(off, index, classes - 1)
        off = labels == index
        arguments["labels"] = labels
        options = {"ignore_index": index}
    else:
        options = {"where": ~off} if how == "where" else {"sample_weight": (~off).astype(dtype)}
        if loss != "sparse_softmax" and how == "where":
            arguments["labels"][0] = np.nan
    carrying = [name for name in outputs(loss) if name in CARRYING]
    results = compute(loss, arguments, outputs(loss), **options)
    free = compute(loss, arguments, outputs(loss), where=True) if how != "ignore_index" else None
    for name, value in results.items():
        if name in carrying:
            assert (value[off] == 0).all()
            assert not np.signbit(value[off]).any()
        if free is not None:
            kept = value[~off] if name in carrying else value
            assert_same_bits(kept, free[name][~off] if name in carrying else free[name])
    assert not np.isnan(compute(loss, arguments, "loss", reduction="sum", **options)["loss"])
    kept = results["loss"][~off]
    mean = compute(loss, arguments, carrying, reduction="mean", **options)
    if kept.size:
        assert mean["loss"] == pytest.approx(kept.astype(np.float64).mean(), rel=1e-6)
    for name in carrying[1:]:
        assert (mean[name][off] == 0).all()


@pytest.mark.parametrize("value", [np.iinfo(np.int64).min, np.iinfo(np.int64).max, -1, 0, 2, 3, 255])
def test_any_integer_may_be_ignored(value):
    for dtype in (np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64):
        if not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            continue
        labels = np.array([1, value, 1], dtype)
        loss = compute("sparse_softmax", {"logits": np.zeros((3, 3)), "labels": labels}, "loss", ignore_index=value)
        assert loss["loss"].tolist() == [np.log(3), 0.0, np.log(3)]


def test_an_ignored_number_is_not_mistaken_for_its_twos_complement():
    labels = np.array([1, 2**64 - 100], np.uint64)
    with pytest.raises(ValueError, match=str(2**64 - 100)):
        compute("sparse_softmax", {"logits": np.zeros((2, 3)), "labels": labels}, "loss", ignore_index=-100)


@losses
def test_weight_zero_of_an_infinite_loss_is_zero(loss):
    x = np.array([[np.inf, 0.0, 0.0], [-np.inf, 0.0, 1.0], [0.0, 1.0, 2.0]])
    labels = np.array([1, 0, 2])
    arguments = {"logits": x, "labels": labels if loss == "sparse_softmax" else np.eye(3)[labels]}
    arguments |= {"pos_weight": 2.0} if loss == "weighted" else {}
    assert np.isinf(compute(loss, arguments, "loss")["loss"][:2]).any()
    weights = np.array([0.0, 0.0, 1.0])
    weights = weights if loss in ROW_LOSSES else weights[:, None]
    for zero in (weights, -weights * 0 + weights):
        results = compute(loss, arguments, CARRYING[:3], sample_weight=zero)
        assert not any(np.any(value[:2]) for value in results.values())
        assert np.isfinite(compute(loss, arguments, "loss", sample_weight=zero, reduction="mean")["loss"])
    if loss == "sparse_softmax":
        results = compute(loss, arguments, CARRYING[:3], class_weight=[0, 0, 1])
        assert not any(np.any(value[:2]) for value in results.values())


def test_an_infinite_loss_makes_a_sum_infinite_and_a_nan_makes_it_nan():
    x = np.array([[np.inf, 0.0], [0.0, 1.0]], np.float32)
    assert compute("sparse_softmax", {"logits": x, "labels": [1, 0]}, "loss", reduction="sum")["loss"] == np.inf
    x[1] = np.nan
    assert np.isnan(compute("sparse_softmax", {"logits": x, "labels": [1, 0]}, "loss", reduction="mean")["loss"])


# nothing to average


@pytest.mark.parametrize("classes", [3, 300])
@dtypes
@losses
def test_a_mean_over_nothing_is_nan_and_its_derivatives_are_zero(loss, dtype, classes):
    arguments = data.problem(loss, "random", 4, classes, dtype)
    carrying = [name for name in outputs(loss) if name in CARRYING]
    cancelling = np.array([1.0, -1.0, 2.0, -2.0]).reshape((4,) if loss in ROW_LOSSES else (4, 1))
    nothing = [{"where": False}, {"sample_weight": 0.0}, {"where": False, "denominator": "rows"}]
    for options in [*nothing, {"sample_weight": cancelling}]:
        results = compute(loss, arguments, carrying, reduction="mean", **options)
        assert np.isnan(results["loss"])
        assert all((results[name] == 0).all() for name in carrying[1:])
    for options in ({"denominator": "batch"}, {"denominator": 3}):
        results = compute(loss, arguments, carrying, reduction="mean", where=False, **options)
        assert all((value == 0).all() for value in results.values())
    assert compute(loss, arguments, "loss", reduction="mean", denominator="rows", sample_weight=0)["loss"] == 0


@pytest.mark.parametrize("shape", [(0, 3), (0, 300), (2, 0, 3), (0, 0)])
@losses
def test_empty_batches(loss, shape):
    labels = np.zeros(shape[:-1] if loss == "sparse_softmax" else shape, np.int64)
    arguments = {"logits": np.zeros(shape, np.float32), "labels": labels}
    arguments |= {"pos_weight": 2.0} if loss == "weighted" else {}
    total = compute(loss, arguments, ("loss", "grad"), reduction="sum")
    assert total["loss"] == 0
    assert total["grad"].shape == shape
    for denominator in ("weights", "rows", "batch"):
        assert np.isnan(compute(loss, arguments, "loss", reduction="mean", denominator=denominator)["loss"])
    assert compute(loss, arguments, "loss", reduction="mean", denominator=5)["loss"] == 0
    weights = np.zeros(loss_shape(loss, arguments))
    assert np.isnan(compute(loss, arguments, "loss", reduction="mean", sample_weight=weights)["loss"])
    assert compute(loss, arguments, "loss", sample_weight=weights)["loss"].shape == weights.shape


@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_scalars(loss):
    arguments = {"logits": np.float32(0.5), "labels": 1.0} | ({"pos_weight": 3} if loss == "weighted" else {})
    plain = compute(loss, arguments, outputs(loss))
    options = {"sample_weight": 2, "where": True, "label_smoothing": 0.0}
    results = compute(loss, arguments, outputs(loss), reduction="sum", **options)
    for name in outputs(loss):
        assert results[name] == plain[name] * (2 if name in CARRYING else 1)
        assert isinstance(results[name], np.floating)
    mean = compute(loss, arguments, CARRYING, reduction="mean", **options)
    assert_same_results(mean, {name: plain[name] for name in CARRYING})
    assert not any(np.any(value) for value in compute(loss, arguments, CARRYING, where=np.False_).values())


@row_losses
def test_a_single_row(loss):
    arguments = {"logits": np.array([1.0, 2.0, 0.5]), "labels": 1 if loss == "sparse_softmax" else [0.0, 1.0, 0.0]}
    plain = compute(loss, arguments, CARRYING[:3])
    results = compute(
        loss, arguments, CARRYING[:3], sample_weight=np.array(2.0), where=np.array(True), reduction="mean"
    )
    assert_same_results(results, plain)
    assert (compute(loss, arguments, "grad", sample_weight=4)["grad"] == 4 * plain["grad"]).all()


# memory and shapes


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("classes", [3, 70])
@losses
def test_every_layout_gives_the_same_bits(loss, classes, layout):
    arguments, options = case(loss, "all", data.problem(loss, "random", 6, classes, np.float32))
    expected = compute(loss, arguments, outputs(loss), **options)
    arranged = {key: LAYOUTS[layout](value) if np.ndim(value) else value for key, value in arguments.items()}
    others = dict(options)
    for key, value in options.items():
        if np.ndim(value):
            moved = value.view(np.uint8) if value.dtype == bool and layout != "byte-swapped" else value
            others[key] = LAYOUTS[layout](moved).view(value.dtype) if moved is not value else LAYOUTS[layout](value)
    assert_same_results(compute(loss, arranged, outputs(loss), **others), expected)


@pytest.mark.parametrize("classes", [3, 70])
@pytest.mark.parametrize("axis", [0, 1, 2, -2])
@row_losses
def test_every_class_axis_gives_the_same_bits(loss, axis, classes):
    flat, options = case(loss, "all", data.problem(loss, "random", 6, classes, np.float32))
    shape = (2, 3)
    last = {
        key: value.reshape(*shape, *value.shape[1:]) if value.shape[0] == 6 else value for key, value in flat.items()
    }
    for key in ("sample_weight", "where"):
        options[key] = options[key].reshape(shape)
    expected = compute(loss, last, outputs(loss), **options)
    moved = {key: np.moveaxis(value, -1, axis) if value.ndim == 3 else value for key, value in last.items()}
    for name, value in compute(loss, moved, outputs(loss), axis=axis, **options).items():
        assert_same_bits(np.moveaxis(value, axis, -1) if value.ndim == 3 else value, expected[name])


@losses
def test_an_extent_of_one_is_repeated(loss):
    arguments, _ = case(loss, "all", data.problem(loss, "random", 6, 5, np.float64))
    batch = (2, 3) if loss in ROW_LOSSES else (2, 3, 5)
    arguments = {
        key: value.reshape(2, 3, *value.shape[1:]) if value.shape[0] == 6 else value for key, value in arguments.items()
    }
    arguments |= {"labels": np.where(np.asarray(arguments["labels"]) < 0, 0, arguments["labels"])}
    for shape in [(1, 3), (2, 1), (1, 1), ()]:
        shape = (*shape, 1) if loss not in ROW_LOSSES and shape else shape
        weight, keep = np.random.default_rng(1).random(shape) + 0.5, np.random.default_rng(2).random(shape) < 0.6
        results = compute(loss, arguments, outputs(loss), sample_weight=weight, where=keep, reduction="mean")
        whole = {"sample_weight": np.broadcast_to(weight, batch).copy(), "where": np.broadcast_to(keep, batch).copy()}
        assert_same_results(results, compute(loss, arguments, outputs(loss), reduction="mean", **whole))


def assert_ordinary_options(loss, arguments, options, **forms):
    expected = compute(loss, arguments, outputs(loss), **options)
    assert_same_results(compute(loss, arguments, outputs(loss), **options | forms), expected)


def test_options_may_be_lists_ints_and_scalars_of_numpy():
    arguments = data.problem("sparse_softmax", "random", 4, 3, np.float32)
    options = {"sample_weight": np.array([1.0, 2.0, 0.0, 3.0]), "where": np.array([True, False, True, True]),
               "class_weight": np.array([1.0, 2.0, 3.0]), "label_smoothing": 0.5, "ignore_index": 1}  # fmt: skip
    forms = [
        {"sample_weight": [1, 2, 0, 3]},
        {"sample_weight": (1.0, 2.0, 0.0, 3.0)},
        {"where": [True, False, True, True]},
    ]
    forms += [
        {"sample_weight": np.array([1, 2, 0, 3], dtype)} for dtype in (np.int8, np.uint64, np.float16, np.longdouble)
    ]
    forms += [{"class_weight": [1, 2, 3]}, {"label_smoothing": np.float32(0.5)}, {"label_smoothing": np.array(0.5)}]
    forms += [{"ignore_index": np.int8(1)}, {"ignore_index": np.array(1)}]
    for form in forms:
        assert_ordinary_options("sparse_softmax", arguments, options, **form)
    assert_ordinary_options("sparse_softmax", arguments, {"sample_weight": np.full(4, 2.0)}, sample_weight=2)
    assert_ordinary_options("sparse_softmax", arguments, {"sample_weight": np.ones(4)}, sample_weight=True)


def test_options_may_be_tensors():
    torch = pytest.importorskip("torch")
    arguments = data.problem("sparse_softmax", "random", 4, 3, np.float32)
    options = {"sample_weight": np.array([1, 2, 0, 3], "f4"), "where": np.array([True, False, True, True]),
               "class_weight": np.array([1, 2, 3], "f4")}  # fmt: skip
    tensors = {key: torch.from_numpy(np.repeat(value, 2))[::2] for key, value in options.items()}
    assert_ordinary_options("sparse_softmax", arguments, options, **tensors)
    half = {key: value.to(torch.bfloat16) for key, value in tensors.items() if key != "where"}
    assert_ordinary_options("sparse_softmax", arguments, options, **half)
    assert_ordinary_options("sparse_softmax", arguments, options, label_smoothing=torch.tensor(0.0))


@losses
def test_inputs_stay_as_they_are(loss):
    arguments, options = case(loss, "all", data.problem(loss, "random", 6, 70, np.float32))
    given = [value for value in (*arguments.values(), *options.values()) if isinstance(value, np.ndarray)]
    before = [value.copy() for value in given]
    compute(loss, arguments, outputs(loss), reduction="mean", **options)
    for value, copy in zip(given, before, strict=True):
        assert_same_bits(value, copy)


def test_masked_says_what_the_cases_mask():
    arguments, options = case("sparse_softmax", "all", data.problem("sparse_softmax", "random", 9, 5, np.float32))
    off = masked("sparse_softmax", arguments, options)
    assert 0 < off.sum() < 9
    assert (compute("sparse_softmax", arguments, "loss", **options)["loss"][off] == 0).all()
    assert hasattr(pyce, "hessian_vector_product")
