"""Agreement with SciPy, PyTorch, TensorFlow and optax where they are right: ordinary values in float64."""

import data
import numpy as np
import pytest
from helpers import FUNCTIONS, LOSSES, compute

import pyce

TOLERANCE = {"rtol": 1e-12, "atol": 1e-13}
ROWS, CLASSES = 12, 17


def arguments_of(loss):
    arguments = data.problem(loss, "random", ROWS, CLASSES, np.float64)
    if loss == "softmax":  # peers differ on labels that do not sum to 1
        labels = np.abs(arguments["labels"]) + 0.01
        arguments["labels"] = labels / labels.sum(axis=1, keepdims=True)
    return arguments


def torch_loss(torch, loss, logits, labels, pos_weight):
    functional = torch.nn.functional
    if loss in ("sigmoid", "weighted"):
        weight = None if pos_weight is None else torch.from_numpy(pos_weight)
        return functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(labels), pos_weight=weight, reduction="none"
        )
    return functional.cross_entropy(logits, torch.from_numpy(labels), reduction="none")


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_grad_agree_with_torch(loss):
    torch = pytest.importorskip("torch")
    arguments = arguments_of(loss)
    logits = torch.from_numpy(arguments["logits"].copy()).requires_grad_()
    expected = torch_loss(torch, loss, logits, arguments["labels"], arguments.get("pos_weight"))
    expected.sum().backward()
    results = compute(loss, arguments, ("loss", "grad"))
    np.testing.assert_allclose(results["loss"], expected.detach().numpy(), **TOLERANCE)
    np.testing.assert_allclose(results["grad"], logits.grad.numpy(), **TOLERANCE)


@pytest.mark.parametrize("loss", LOSSES)
def test_hess_agrees_with_torch(loss):
    torch = pytest.importorskip("torch")
    arguments = arguments_of(loss)
    logits = torch.from_numpy(arguments["logits"].copy())

    def total(x):
        return torch_loss(torch, loss, x, arguments["labels"], arguments.get("pos_weight")).sum()

    full = torch.autograd.functional.hessian(total, logits).reshape(logits.numel(), -1)
    expected = full.diagonal().reshape(logits.shape).numpy()
    np.testing.assert_allclose(compute(loss, arguments, "hess")["hess"], expected, **TOLERANCE)


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_agrees_with_tensorflow_under_the_same_name(loss, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    tensorflow = pytest.importorskip("tensorflow")
    function = getattr(tensorflow.nn, f"{loss}_cross_entropy_with_logits")
    arguments = arguments_of(loss)
    np.testing.assert_allclose(FUNCTIONS[loss](**arguments), function(**arguments).numpy(), **TOLERANCE)


@pytest.mark.parametrize(("loss", "peer"), [
    ("sigmoid", "sigmoid_binary_cross_entropy"), ("softmax", "softmax_cross_entropy"),
    ("sparse_softmax", "softmax_cross_entropy_with_integer_labels"),
])  # fmt: skip
def test_loss_and_grad_agree_with_optax(loss, peer):
    jax, losses = pytest.importorskip("jax"), pytest.importorskip("optax").losses
    arguments = arguments_of(loss)
    with jax.enable_x64(True):
        expected, backward = jax.vjp(lambda x: getattr(losses, peer)(x, arguments["labels"]), arguments["logits"])
        (gradient,) = backward(jax.numpy.ones_like(expected))
    results = compute(loss, arguments, ("loss", "grad"))
    np.testing.assert_allclose(results["loss"], expected, **TOLERANCE)
    np.testing.assert_allclose(results["grad"], gradient, **TOLERANCE)


@pytest.mark.parametrize(("name", "peer"), [
    ("softmax", "softmax"), ("log_softmax", "log_softmax"), ("sigmoid", "expit"), ("log_sigmoid", "log_expit"),
])  # fmt: skip
def test_companions_agree_with_scipy(name, peer):
    special = pytest.importorskip("scipy.special")
    x = data.logits("random", ROWS, CLASSES, np.float64)
    options = {"axis": 0} if "softmax" in name else {}
    np.testing.assert_allclose(getattr(pyce, name)(x, **options), getattr(special, peer)(x, **options), **TOLERANCE)


def test_logsumexp_agrees_with_scipy():
    special = pytest.importorskip("scipy.special")
    x = data.logits("random", ROWS, CLASSES, np.float64)
    np.testing.assert_allclose(pyce.logsumexp(x, axis=0), special.logsumexp(x, axis=0), **TOLERANCE)
