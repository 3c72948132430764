"""pyce, and the peers that compute with NumPy's arrays: NumPy, SciPy and scikit-learn.

Each `make` takes a Problem and returns its call, prepared, or None where the library has no such loss. Half types go
through float32 arrays, which are kept, where the library has no arithmetic of its own for them.
"""

from collections.abc import Callable

import numpy as np
from problem import Prepared, Problem

import pyce

Make = Callable[[Problem], Prepared | None]


def make_pyce(p: Problem) -> Prepared:
    """Call pyce, with results into given arrays."""
    function = {
        "sparse": pyce.sparse_softmax_cross_entropy_with_logits,
        "softmax": pyce.softmax_cross_entropy_with_logits,
        "sigmoid": pyce.sigmoid_cross_entropy_with_logits,
        "weighted": pyce.weighted_cross_entropy_with_logits,
    }[p.cell.loss]
    options = {"labels": p.labels, "logits": p.given, "num_threads": p.threads}
    if p.cell.loss == "weighted":
        options["pos_weight"] = p.pos_weight
    if p.axis != -1 and not p.cell.binary:
        options["axis"] = p.axis
    if not p.with_grad:
        return p.prepare(lambda: (function(out=p.loss, **options),))
    options |= {"returns": ("loss", "grad"), "out": {"loss": p.loss, "grad": p.grad}}
    return p.prepare(lambda: function(**options))


def label_places(p: Problem) -> tuple[np.ndarray, ...]:
    """Return the index that picks the logit at every label."""
    places = list(np.indices(p.cell.loss_shape, sparse=True))
    places.insert(p.axis % len(p.cell.shape), p.labels)
    return tuple(places)


def subtract_labels(p: Problem, prob: np.ndarray, places: tuple[np.ndarray, ...]) -> np.ndarray:
    """Turn the probabilities of classes into the gradient."""
    if p.cell.loss == "sparse":
        prob[places] -= 1
        return prob
    return np.subtract(prob, p.labels, out=prob)


def subtract_weighted_labels(p: Problem, prob: np.ndarray, weight: np.ndarray, scratch: np.ndarray) -> np.ndarray:
    """Turn probabilities of single logits into the gradient; `weight` is 1 + (q - 1) z."""
    if p.cell.loss == "sigmoid":
        return np.subtract(prob, p.labels, out=prob)
    np.multiply(prob, weight, out=prob)
    return np.subtract(prob, np.multiply(p.pos_weight, p.labels, out=scratch), out=prob)


def make_numpy(p: Problem) -> Prepared:
    """Evaluate the textbook formulas without temporaries: softmax after the maximum is subtracted."""
    return p.prepare(numpy_binary(p) if p.cell.binary else numpy_softmax(p))


def numpy_softmax(p: Problem) -> Callable[[], tuple[np.ndarray, ...]]:
    """Return the losses over classes."""
    x, t, axis, a, b = p.given, p.labels, p.axis, p.scratch[0], p.grad if p.with_grad else p.scratch[1]
    sparse, places = p.cell.loss == "sparse", label_places(p) if p.cell.loss == "sparse" else ()

    def run() -> tuple[np.ndarray, ...]:
        np.subtract(x, x.max(axis, keepdims=True), out=a)
        total = np.exp(a, out=b).sum(axis, keepdims=True)
        if sparse:
            loss = np.subtract(np.log(total).reshape(p.loss.shape), a[places], out=p.loss)
        else:
            np.multiply(t, np.subtract(np.log(total), a, out=a), out=a)
            loss = a.sum(axis, out=p.loss)
        if not p.with_grad:
            return (loss,)
        return loss, subtract_labels(p, np.divide(b, total, out=b), places)

    return run


def numpy_binary(p: Problem) -> Callable[[], tuple[np.ndarray, ...]]:
    """Return the losses of single logits, by TensorFlow's formulas."""
    x, z, loss, weighted = p.given, p.labels, p.loss, p.cell.loss == "weighted"
    (a, b), grad = p.scratch, p.grad if p.with_grad else None

    def weigh() -> np.ndarray:  # 1 + (q - 1) z, into b
        return np.add(np.multiply(p.pos_weight - 1, z, out=b), 1, out=b)

    def run() -> tuple[np.ndarray, ...]:
        np.log1p(np.exp(np.negative(np.abs(x, out=loss), out=loss), out=loss), out=loss)
        if weighted:  # (1 - z) x + (1 + (q - 1) z) (log1p(exp(-|x|)) + max(-x, 0))
            np.add(loss, np.maximum(np.negative(x, out=a), 0, out=a), out=loss)
            np.multiply(loss, weigh(), out=loss)
            np.add(loss, np.multiply(np.subtract(1, z, out=a), x, out=a), out=loss)
        else:  # max(x, 0) - x z + log1p(exp(-|x|))
            np.add(loss, np.maximum(x, 0, out=a), out=loss)
            np.subtract(loss, np.multiply(x, z, out=a), out=loss)
        if grad is None:
            return (loss,)
        np.divide(1, np.add(np.exp(np.negative(x, out=grad), out=grad), 1, out=grad), out=grad)
        return loss, subtract_weighted_labels(p, grad, b, a)

    return run


def make_scipy(p: Problem) -> Prepared:
    """Compose the losses from scipy.special."""
    return p.prepare(scipy_binary(p) if p.cell.binary else scipy_softmax(p))


def scipy_softmax(p: Problem) -> Callable[[], tuple[np.ndarray, ...]]:
    """Return the losses over classes, from log_softmax."""
    from scipy import special

    x, t, axis = p.given, p.labels, p.axis
    sparse, places = p.cell.loss == "sparse", label_places(p) if p.cell.loss == "sparse" else ()

    def run() -> tuple[np.ndarray, ...]:
        log_prob = special.log_softmax(x, axis=axis)
        if sparse:
            loss = np.negative(log_prob[places], out=p.loss)
        else:
            loss = np.negative(np.multiply(t, log_prob, out=p.scratch[0]).sum(axis, out=p.loss), out=p.loss)
        if not p.with_grad:
            return (loss,)
        return loss, subtract_labels(p, np.exp(log_prob, out=p.grad), places)

    return run


def scipy_binary(p: Problem) -> Callable[[], tuple[np.ndarray, ...]]:
    """Return the losses of single logits, from log_expit and expit."""
    from scipy import special

    x, z, loss, (a, b), weighted = p.given, p.labels, p.loss, p.scratch, p.cell.loss == "weighted"

    def run() -> tuple[np.ndarray, ...]:
        special.log_expit(x, out=loss)  # -log(1 + exp(-x))
        if weighted:
            np.multiply(loss, np.add(np.multiply(p.pos_weight - 1, z, out=b), 1, out=b), out=loss)
        np.multiply(np.subtract(1, z, out=a), x, out=a)
        np.subtract(a, loss, out=loss)
        if not p.with_grad:
            return (loss,)
        grad = special.expit(x, out=p.grad)
        return loss, subtract_weighted_labels(p, grad, b, a)

    return run


def make_sklearn(p: Problem) -> Prepared | None:
    """Call HalfMultinomialLoss or HalfBinomialLoss; None for what they lack: soft labels, pos_weight, other axes."""
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

    if p.cell.loss in ("softmax", "weighted") or (p.cell.loss == "sparse" and p.axis != -1):
        return None
    if p.cell.loss == "sigmoid":
        loss, labels = HalfBinomialLoss(), p.labels.reshape(-1)
        logits, out = p.given.reshape(-1), p.loss.reshape(-1)
    else:
        classes = p.cell.shape[-1]
        if classes < 3:  # two classes are its binary loss
            return None
        loss, labels = HalfMultinomialLoss(n_classes=classes), p.labels.reshape(-1).astype(p.dtype)
        logits, out = p.given.reshape(-1, classes), p.loss.reshape(-1)
    if not p.with_grad:
        return p.prepare(lambda: (loss.loss(labels, logits, None, out, p.threads),))
    grad = p.grad.reshape(logits.shape)
    return p.prepare(lambda: loss.loss_gradient(labels, logits, None, out, grad, p.threads))


def through_float32(make: Make) -> Make:
    """Return a `make` that gives half types to the library as float32, and rounds what it returns."""

    def make_wide(p: Problem) -> Prepared | None:
        if p.dtype.itemsize != 2:
            return make(p)
        labels = p.labels if p.cell.loss == "sparse" else np.empty(p.cell.shape, np.float32)
        wide = Problem(p.cell, np.empty(p.cell.shape, np.float32), labels)
        prepared = make(wide)
        if prepared is None:
            return None

        def run() -> tuple[np.ndarray, ...]:
            np.copyto(wide.given, p.given)
            if p.cell.loss != "sparse":
                np.copyto(labels, p.labels)
            results = prepared.call()
            np.copyto(p.loss, results[0].reshape(p.loss.shape), casting="unsafe")
            if not p.with_grad:
                return (p.loss,)
            np.copyto(p.grad, results[1].reshape(p.grad.shape), casting="unsafe")
            return p.loss, p.grad

        return p.prepare(run)

    return make_wide
