"""Loss and gradient of one case by pyce and by its peers, each by its own function; for accuracy.py."""

import importlib.util
import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

import pyce

Outputs = tuple[np.ndarray, np.ndarray]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Case(NamedTuple):
    """Logits (rows, classes) with index labels, or logits (n,) with labels 0 and 1 of their dtype and a pos_weight."""

    loss: str
    logits: np.ndarray
    labels: np.ndarray
    pos_weight: np.ndarray | None = None


def run_pyce(case: Case) -> Outputs:
    """Call pyce; loss and gradient come from one pass."""
    options = {"labels": case.labels, "logits": case.logits, "returns": ("loss", "grad")}
    if case.loss == "weighted":
        return pyce.weighted_cross_entropy_with_logits(pos_weight=case.pos_weight, **options)
    sparse = case.loss == "sparse softmax"
    function = pyce.sparse_softmax_cross_entropy_with_logits if sparse else pyce.sigmoid_cross_entropy_with_logits
    return function(**options)


def run_numpy(case: Case) -> Outputs:
    """Evaluate the textbook formulas: softmax after the maximum is subtracted; TensorFlow's for the binary losses."""
    x, z = case.logits, case.labels
    if case.loss == "sparse softmax":
        rows, shifted = np.arange(len(x)), x - x.max(-1, keepdims=True)
        total = np.exp(shifted).sum(-1)
        grad = np.exp(shifted) / total[:, None]
        grad[rows, z] -= 1
        return np.log(total) - shifted[rows, z], grad
    log_part, sigmoid = np.log1p(np.exp(-np.abs(x))), 1 / (1 + np.exp(-x))
    if case.pos_weight is None:
        return np.maximum(x, 0) - x * z + log_part, sigmoid - z
    weight = 1 + (case.pos_weight - 1) * z
    return (1 - z) * x + weight * (log_part + np.maximum(-x, 0)), weight * sigmoid - case.pos_weight * z


def run_torch(case: Case) -> Outputs:
    """Call torch.nn.functional.cross_entropy or binary_cross_entropy_with_logits, and autograd."""
    import torch
    from torch.nn import functional

    x, z = torch.from_numpy(case.logits).requires_grad_(), torch.from_numpy(case.labels)
    weight = None if case.pos_weight is None else torch.from_numpy(case.pos_weight)
    if case.loss == "sparse softmax":
        loss = functional.cross_entropy(x, z, reduction="none")
    else:
        loss = functional.binary_cross_entropy_with_logits(x, z, pos_weight=weight, reduction="none")
    return loss.detach().numpy(), torch.autograd.grad(loss.sum(), x)[0].numpy()


def run_tensorflow(case: Case) -> Outputs:
    """Call the function of the same name in tf.nn, and GradientTape."""
    import tensorflow as tf

    x = tf.constant(case.logits)
    with tf.GradientTape() as tape:
        tape.watch(x)
        if case.loss == "weighted":
            loss = tf.nn.weighted_cross_entropy_with_logits(case.labels, x, case.pos_weight)
        elif case.loss == "sigmoid":
            loss = tf.nn.sigmoid_cross_entropy_with_logits(case.labels, x)
        else:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(case.labels, x)
    return loss.numpy(), tape.gradient(loss, x).numpy()


def run_sklearn(case: Case) -> Outputs:
    """Call the loss classes of LogisticRegression (private); pos_weight becomes the weight of the positive samples."""
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

    loss = HalfMultinomialLoss(n_classes=case.logits.shape[1]) if case.logits.ndim == 2 else HalfBinomialLoss()
    weight = None if case.pos_weight is None else np.where(case.labels == 1, case.pos_weight, case.labels.dtype.type(1))
    return loss.loss_gradient(case.labels.astype(case.logits.dtype), case.logits, weight)


RUNNERS: dict[str, Callable[[Case], Outputs]] = {
    "pyce": run_pyce,
    "numpy": run_numpy,
    "torch": run_torch,
    "tensorflow": run_tensorflow,
    "sklearn": run_sklearn,
}


def find_installed(names: Iterable[str]) -> list[str]:
    """Return the names of the modules that can be imported, and print a line for each that cannot."""
    installed = [name for name in names if importlib.util.find_spec(name) is not None]
    for name in names:
        if name not in installed:
            print(f"{name} is not installed: left out")
    return installed
