"""Calls that speed.py times: for each library a function that prepares its arrays and returns what is repeated.

Each `make` takes one of WORKS, float32 logits x (rows, classes), index labels y, labels t of the shape of x, and the
number of threads. Its call returns the loss, or a tuple that begins with it. Outputs are written to the same arrays
again where a function lets its caller say so (pyce, NumPy, scikit-learn).
"""

from collections.abc import Callable

import numpy as np

import pyce

Call = Callable[[], object]
WORKS = "sparse softmax loss", "sparse softmax loss + grad", "softmax loss", "sigmoid loss"


def make_pyce(work: str, x: np.ndarray, y: np.ndarray, t: np.ndarray, threads: int) -> Call:
    """Return a call of pyce."""
    out = {"loss": np.empty_like(x) if work == "sigmoid loss" else np.empty_like(x[:, 0])}
    if work == "sparse softmax loss + grad":
        out["grad"] = np.empty_like(x)
    options = {"logits": x, "returns": tuple(out), "out": out, "num_threads": threads}
    if work == "sigmoid loss":
        return lambda: pyce.sigmoid_cross_entropy_with_logits(labels=t, **options)
    if work == "softmax loss":
        return lambda: pyce.softmax_cross_entropy_with_logits(labels=t, **options)
    return lambda: pyce.sparse_softmax_cross_entropy_with_logits(labels=y, **options)


def make_numpy(work: str, x: np.ndarray, y: np.ndarray, t: np.ndarray, threads: int) -> Call:
    """Return the textbook formula: softmax after the maximum is subtracted, and TensorFlow's for the sigmoid."""
    rows, a, b = np.arange(len(x)), np.empty_like(x), np.empty_like(x)

    def sigmoid() -> np.ndarray:
        np.log1p(np.exp(np.negative(np.abs(x, out=a), out=a), out=a), out=a)
        np.add(a, np.maximum(x, 0, out=b), out=a)
        return np.subtract(a, np.multiply(x, t, out=b), out=a)

    def softmax() -> tuple[np.ndarray, ...]:
        np.subtract(x, x.max(-1, keepdims=True), out=a)
        total = np.exp(a, out=b).sum(-1)
        if work == "softmax loss":
            return (np.multiply(t, np.subtract(np.log(total)[:, None], a, out=a), out=a).sum(-1),)
        loss = np.log(total) - a[rows, y]
        if work == "sparse softmax loss":
            return (loss,)
        np.divide(b, total[:, None], out=b)
        b[rows, y] -= 1
        return loss, b

    return sigmoid if work == "sigmoid loss" else softmax


def make_torch(work: str, x: np.ndarray, y: np.ndarray, t: np.ndarray, threads: int) -> Call:
    """Return a call of torch.nn.functional, with autograd for the gradient."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    logits, labels, index = torch.from_numpy(x.copy()), torch.from_numpy(t), torch.from_numpy(y)
    if work == "sigmoid loss":
        return lambda: functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    labels = labels if work == "softmax loss" else index
    if work != "sparse softmax loss + grad":
        return lambda: functional.cross_entropy(logits, labels, reduction="none")
    ones = torch.ones(len(x))
    logits.requires_grad_()

    def loss_and_grad() -> tuple[object, ...]:
        loss = functional.cross_entropy(logits, labels, reduction="none")
        return loss.detach(), *torch.autograd.grad(loss, logits, ones)

    return loss_and_grad


def make_tensorflow(work: str, x: np.ndarray, y: np.ndarray, t: np.ndarray, threads: int) -> Call:
    """Return an eager call of the function of the same name in tf.nn, with GradientTape for the gradient."""
    import tensorflow as tf

    logits, labels, index = tf.constant(x), tf.constant(t), tf.constant(y)
    if work == "sigmoid loss":
        return lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
    if work == "softmax loss":
        return lambda: tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    if work == "sparse softmax loss":
        return lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(index, logits)

    def loss_and_grad() -> tuple[object, ...]:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(index, logits)
        return loss, tape.gradient(loss, logits)

    return loss_and_grad


def make_sklearn(work: str, x: np.ndarray, y: np.ndarray, t: np.ndarray, threads: int) -> Call | None:
    """Return a call of HalfMultinomialLoss or HalfBinomialLoss; None for dense labels, which they lack."""
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

    if work == "softmax loss":
        return None
    if work == "sigmoid loss":
        loss, labels, logits = HalfBinomialLoss(), t.ravel(), x.ravel()
    else:
        loss, labels, logits = HalfMultinomialLoss(n_classes=x.shape[1]), y.astype(x.dtype), x
    out, grad = np.empty_like(labels), np.empty_like(logits)
    if work == "sparse softmax loss + grad":
        return lambda: loss.loss_gradient(labels, logits, None, out, grad, threads)
    return lambda: loss.loss(labels, logits, None, out, threads)


MAKERS: dict[str, Callable[[str, np.ndarray, np.ndarray, np.ndarray, int], Call | None]] = {
    "pyce": make_pyce,
    "numpy": make_numpy,
    "torch": make_torch,
    "tensorflow": make_tensorflow,
    "sklearn": make_sklearn,
}
