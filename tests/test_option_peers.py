"""Random shapes, dtypes and options against PyTorch, Optax, Keras and the ONNX reference, where those are right.

Where they are not, or mean another thing (each checked below or avoided in the strategies):

- PyTorch and Optax compute a masked row's term and multiply it by 0, so that an infinite logit there gives NaN; Optax's
  `where` of a sum likewise. Here masked rows hold ordinary numbers.
- PyTorch's mean for dense labels divides by the batch; so does pyce's with denominator="batch".
- PyTorch lets ignored rows out of the denominator of smoothed losses too, as pyce does. For dense labels it has no
  ignore_index.
- Keras' losses divide by the batch ("sum_over_batch_size") whatever the weights, and its smoothing of several classes
  and of two is the one here. Its losses from logits are float32 or float64 sums in any order.
- ONNX SoftmaxCrossEntropyLoss is PyTorch's without smoothing, class axis 1. Its reference loses confident losses (it
  takes the logarithm of a softmax), so that logits stay within 8.
- All of them sum in the dtype of the logits: the comparison is to 2e-5 (float32) and 1e-12 (float64) of the largest
  result.
"""

import os

import numpy as np
import pytest
from helpers import FUNCTIONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
IGNORED = -100


@st.composite
def rows(draw):
    """A problem of the softmax family with the class axis at 1, as PyTorch and ONNX have it."""
    batch = draw(st.sampled_from([(1,), (4,), (7,), (2, 3), (3, 1, 2)]))
    classes = draw(st.integers(1, 12))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    problem = {
        "logits": rng.uniform(-8, 8, (batch[0], classes, *batch[1:])).astype(dtype),
        "labels": rng.integers(0, classes, batch),
        "class_weight": rng.uniform(0.1, 2, classes).astype(dtype) if draw(st.booleans()) else None,
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
    }
    if draw(st.booleans()):
        problem["labels"][rng.random(batch) < 0.3] = IGNORED if draw(st.booleans()) else 0
    return problem, draw(st.sampled_from(["none", "sum", "mean"])), draw(st.sampled_from([None, IGNORED, 0]))


@st.composite
def elements(draw):
    shape = draw(st.sampled_from([(), (1,), (9,), (4, 3), (2, 1, 5)]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return {
        "logits": rng.uniform(-30, 30, shape).astype(dtype),
        "labels": np.where(rng.random(shape) < 0.5, rng.random(shape), rng.integers(0, 2, shape)).astype(dtype),
        "weight": rng.uniform(0, 3, shape).astype(dtype) if draw(st.booleans()) else None,
        "pos_weight": rng.uniform(0.1, 5, shape[-1:]).astype(dtype) if draw(st.booleans()) else None,
        "reduction": draw(st.sampled_from(["none", "sum", "mean"])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
    }


def assert_near(result, expected, dtype):
    expected = np.asarray(expected)
    assert np.array_equal(np.isnan(result), np.isnan(expected))
    scale = np.abs(np.nan_to_num(expected)).max(initial=1)
    np.testing.assert_allclose(result, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)


def needs_valid(labels, ignored):
    return not (labels == IGNORED).any() or ignored == IGNORED


@SETTINGS
@given(rows())
def test_index_labels_as_in_torch(problem):
    torch = pytest.importorskip("torch")
    p, reduction, ignored = problem
    if not needs_valid(p["labels"], ignored):
        ignored = IGNORED
    x = torch.from_numpy(p["logits"].copy()).requires_grad_()
    expected = torch.nn.functional.cross_entropy(
        x, torch.from_numpy(p["labels"]),
        weight=None if p["class_weight"] is None else torch.from_numpy(p["class_weight"]),
        ignore_index=IGNORED - 1 if ignored is None else ignored, reduction=reduction,
        label_smoothing=p["label_smoothing"],
    )  # fmt: skip
    expected.sum().backward()
    result = FUNCTIONS["sparse_softmax"](
        **p, axis=1, reduction=reduction, ignore_index=ignored, returns=("loss", "grad")
    )
    dtype = p["logits"].dtype.type
    assert_near(result.loss, expected.detach().numpy(), dtype)
    if not np.isnan(result.loss).any():  # PyTorch's gradient of a mean over nothing is NaN, pyce's is 0
        assert_near(result.grad, x.grad.numpy(), dtype)
    else:
        assert (result.grad == 0).all()


@SETTINGS
@given(rows())
def test_dense_labels_as_in_torch(problem):
    torch = pytest.importorskip("torch")
    p, reduction, _ = problem
    rng = np.random.default_rng(p["logits"].size)
    labels = rng.dirichlet(np.ones(p["logits"].shape[1]), p["labels"].shape)
    p["labels"] = np.ascontiguousarray(np.moveaxis(labels, -1, 1), p["logits"].dtype)
    x, t = torch.from_numpy(p["logits"].copy()).requires_grad_(), torch.from_numpy(p["labels"].copy()).requires_grad_()
    expected = torch.nn.functional.cross_entropy(
        x, t, weight=None if p["class_weight"] is None else torch.from_numpy(p["class_weight"]), reduction=reduction,
        label_smoothing=p["label_smoothing"],
    )  # fmt: skip
    expected.sum().backward()
    denominators = ("weights", "rows", "batch") if reduction == "mean" else ("weights",)
    for denominator in denominators:  # the same, where nothing is masked or weighted
        result = FUNCTIONS["softmax"](
            **p, axis=1, reduction=reduction, denominator=denominator, returns=("loss", "grad", "labels_grad")
        )
        dtype = p["logits"].dtype.type
        assert_near(result.loss, expected.detach().numpy(), dtype)
        assert_near(result.grad, x.grad.numpy(), dtype)
        assert_near(result.labels_grad, t.grad.numpy(), dtype)


@SETTINGS
@given(elements())
def test_binary_losses_as_in_torch(problem):
    torch = pytest.importorskip("torch")
    p = problem
    dtype = p["logits"].dtype.type
    e = p["label_smoothing"]
    x, z = (torch.from_numpy(np.array(p[name])).requires_grad_() for name in ("logits", "labels"))
    weight, pos_weight = (None if p[k] is None else torch.from_numpy(np.array(p[k])) for k in ("weight", "pos_weight"))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        x, (1 - e) * z + e / 2, weight=weight, pos_weight=pos_weight, reduction=p["reduction"]
    )
    expected.sum().backward()
    loss = "sigmoid" if pos_weight is None else "weighted"
    arguments = {"logits": p["logits"], "labels": p["labels"]}
    if pos_weight is not None:
        arguments["pos_weight"] = p["pos_weight"]
    result = FUNCTIONS[loss](
        **arguments, sample_weight=p["weight"], label_smoothing=e, reduction=p["reduction"],
        denominator="batch" if p["reduction"] == "mean" else "weights", returns=("loss", "grad", "labels_grad"),
    )  # fmt: skip
    assert_near(result.loss, expected.detach().numpy(), dtype)
    assert_near(result.grad, x.grad.numpy(), dtype)
    assert_near(result.labels_grad, z.grad.numpy(), dtype)


@settings(SETTINGS, max_examples=15)
@given(rows())
def test_products_as_in_torch(problem):
    torch = pytest.importorskip("torch")
    import pyce

    p, reduction, _ = problem
    p["labels"] = np.maximum(p["labels"], 0)
    p["logits"] = p["logits"].astype(np.float64)
    vector = np.random.default_rng(1).normal(size=p["logits"].shape)
    weight = None if p["class_weight"] is None else torch.from_numpy(p["class_weight"].astype(np.float64))

    def function(x):
        return torch.nn.functional.cross_entropy(
            x, torch.from_numpy(p["labels"]), weight=weight, reduction="mean" if reduction == "mean" else "sum",
            label_smoothing=p["label_smoothing"],
        )  # fmt: skip

    x = torch.from_numpy(p["logits"]).requires_grad_()
    (grad,) = torch.autograd.grad(function(x), x, create_graph=True)
    (expected,) = torch.autograd.grad((grad * torch.from_numpy(vector)).sum(), x)
    result = pyce.hessian_vector_product("sparse_softmax", **p, vector=vector, axis=1, reduction=reduction)
    assert_near(result, expected.numpy(), np.float64)


@settings(SETTINGS, max_examples=10)
@given(rows())
def test_rows_as_in_optax(problem):
    pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    p, _, _ = problem
    x = np.moveaxis(p["logits"], 1, -1).astype(np.float32)
    labels = np.maximum(p["labels"], 0)
    keep = np.random.default_rng(x.size).random(labels.shape) < 0.7
    hot = optax.smooth_labels(np.eye(x.shape[-1], dtype=np.float32)[labels], p["label_smoothing"])
    expected = optax.softmax_cross_entropy(x, hot)
    smoothing = {"label_smoothing": p["label_smoothing"]}
    assert_near(FUNCTIONS["sparse_softmax"](labels=labels, logits=x, **smoothing), expected, np.float32)
    masked = FUNCTIONS["sparse_softmax"](labels=labels, logits=x, where=keep, **smoothing)
    assert_near(masked, np.where(keep, expected, 0), np.float32)


@settings(SETTINGS, max_examples=10)
@given(elements())
def test_elements_as_in_optax(problem):
    pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    x, z = problem["logits"].astype(np.float32), problem["labels"].astype(np.float32)
    expected = optax.sigmoid_binary_cross_entropy(x, z)
    assert_near(FUNCTIONS["sigmoid"](labels=z, logits=x), expected, np.float32)


KERAS = {"none": (None, {}), "sum": ("sum", {}), "mean": ("sum_over_batch_size", {"denominator": "batch"})}


def keras():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("tensorflow").keras


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # Keras' about a class axis of 1
@settings(SETTINGS, max_examples=8)
@given(rows())
def test_rows_as_in_keras(problem):
    p, reduction, _ = problem
    losses = keras().losses
    kind, options = KERAS[reduction]
    x = np.moveaxis(p["logits"], 1, -1).astype(np.float32)
    labels = np.maximum(p["labels"], 0)
    weight = np.random.default_rng(x.size).uniform(0, 2, labels.shape).astype(np.float32)
    hot = np.eye(x.shape[-1], dtype=np.float32)[labels]
    dense = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=p["label_smoothing"], reduction=kind)
    sparse = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=kind)
    common = {"logits": x, "sample_weight": weight, "reduction": reduction} | options
    result = FUNCTIONS["softmax"](labels=hot, label_smoothing=p["label_smoothing"], **common)
    assert_near(result, dense(hot, x, sample_weight=weight).numpy(), np.float32)
    if x.shape[-1] > 1:  # Keras squeezes a class axis of 1
        expected = sparse(labels, x, sample_weight=weight).numpy()
        assert_near(FUNCTIONS["sparse_softmax"](labels=labels, **common), expected, np.float32)


@settings(SETTINGS, max_examples=25)
@given(elements())
def test_elements_as_in_keras(problem):
    losses = keras().losses
    x, z, e = problem["logits"].astype(np.float32), problem["labels"].astype(np.float32), problem["label_smoothing"]
    if x.ndim == 0:
        return  # Keras averages over the last axis, which it needs
    expected = losses.BinaryCrossentropy(from_logits=True, label_smoothing=e, reduction="sum_over_batch_size")(z, x)
    result = FUNCTIONS["sigmoid"](labels=z, logits=x, label_smoothing=e, reduction="mean")
    assert_near(result, expected.numpy(), np.float32)


@settings(SETTINGS, max_examples=25)
@given(rows())
def test_rows_as_in_the_onnx_reference(problem):
    onnx = pytest.importorskip("onnx")
    reference = pytest.importorskip("onnx.reference")
    p, reduction, ignored = problem
    if not needs_valid(p["labels"], ignored):
        ignored = IGNORED
    x = p["logits"].astype(np.float32)
    inputs = {"x": x, "y": p["labels"]}
    if p["class_weight"] is not None:
        inputs["w"] = p["class_weight"].astype(np.float32)
    attributes = {"reduction": reduction} | ({} if ignored is None else {"ignore_index": ignored})
    node = onnx.helper.make_node("SoftmaxCrossEntropyLoss", list(inputs), ["loss"], **attributes)
    with np.errstate(all="ignore"):
        expected = reference.ReferenceEvaluator(node).run(None, inputs)[0]
    result = FUNCTIONS["sparse_softmax"](
        labels=p["labels"], logits=x, axis=1, class_weight=inputs.get("w"), reduction=reduction, ignore_index=ignored
    )
    assert_near(result, expected, np.float32)


# where they differ


def test_torch_gives_nan_for_a_weight_of_zero_beside_an_infinite_loss():
    torch = pytest.importorskip("torch")
    x, labels, weight = np.array([[np.inf, 0.0], [0.0, 1.0]]), np.array([1, 0]), np.array([1.0, 0.0])
    expected = torch.nn.functional.cross_entropy(
        torch.from_numpy(x), torch.from_numpy(labels), weight=torch.from_numpy(weight), reduction="none"
    )
    assert torch.isnan(expected[0])
    result = FUNCTIONS["sparse_softmax"](labels=labels, logits=x, class_weight=weight)
    assert result[0] == 0
    assert result[1] == pytest.approx(expected[1].item())
