"""Every function of pyce by its peers, each by its own or as its users write it; for accuracy.py.

A runner takes one case of `pyce verify` whose labels have the dtype of the logits, and returns {function: {output:
array}} under the names that `pyce verify` prints. What a library does not offer is missing.
"""

import functools
import importlib.util
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import pyce
from pyce._verify.cases import Case, Rows

Results = dict[str, dict[str, np.ndarray]]
SIGMOID, WEIGHTED = "sigmoid_cross_entropy", "weighted_cross_entropy"
SPARSE, DENSE = "sparse_softmax_cross_entropy", "softmax_cross_entropy"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def loss_and_grad(pair: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Name the two outputs."""
    return dict(zip(("loss", "grad"), pair, strict=True))


def run_pyce(case: Case) -> Results:
    """Call pyce; loss and gradient come from one pass."""

    def both(function: Callable[..., Any], **labels: np.ndarray) -> dict[str, np.ndarray]:
        return loss_and_grad(function(logits=x, returns=("loss", "grad"), **labels))

    x = case.logits
    if isinstance(case, Rows):
        return {
            SPARSE: both(pyce.sparse_softmax_cross_entropy_with_logits, labels=case.index_labels),
            DENSE: both(pyce.softmax_cross_entropy_with_logits, labels=case.soft_labels),
            "softmax": {"prob": pyce.softmax(x)},
            "log_softmax": {"log_prob": pyce.log_softmax(x)},
            "logsumexp": {"lse": pyce.logsumexp(x)},
        }
    return {
        SIGMOID: both(pyce.sigmoid_cross_entropy_with_logits, labels=case.labels),
        WEIGHTED: both(pyce.weighted_cross_entropy_with_logits, labels=case.labels, pos_weight=case.pos_weight),
        "sigmoid": {"prob": pyce.sigmoid(x)},
        "log_sigmoid": {"log_prob": pyce.log_sigmoid(x)},
    }


def subtract_at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Subtract 1 at one place of each row, in a copy: the gradient p - 1 at the label."""
    result = values.copy()
    result[np.arange(len(values)), places] -= 1
    return result


def compose_rows(case: Rows, prob: np.ndarray, log_prob: np.ndarray, lse: np.ndarray) -> Results:
    """Put the losses of rows together from probabilities and their logarithms."""
    return {
        SPARSE: {
            "loss": -log_prob[np.arange(len(prob)), case.index_labels],
            "grad": subtract_at(prob, case.index_labels),
        },
        DENSE: {"loss": -(case.soft_labels * log_prob).sum(-1), "grad": prob - case.soft_labels},
        "softmax": {"prob": prob},
        "log_softmax": {"log_prob": log_prob},
        "logsumexp": {"lse": lse},
    }


def run_numpy(case: Case) -> Results:
    """Evaluate the textbook formulas: softmax after the maximum is subtracted; TensorFlow's for the binary losses."""
    x = case.logits
    if isinstance(case, Rows):
        top = x.max(-1, keepdims=True)
        total = np.exp(x - top).sum(-1, keepdims=True)
        prob, log_prob = np.exp(x - top) / total, (x - top) - np.log(total)
        return compose_rows(case, prob, log_prob, (top + np.log(total))[:, 0])
    z, q = case.labels, case.pos_weight
    weight, log_part, prob = 1 + (q - 1) * z, np.log1p(np.exp(-np.abs(x))), 1 / (1 + np.exp(-x))
    return {
        SIGMOID: {"loss": np.maximum(x, 0) - x * z + log_part, "grad": prob - z},
        WEIGHTED: {"loss": (1 - z) * x + weight * (log_part + np.maximum(-x, 0)), "grad": weight * prob - q * z},
        "sigmoid": {"prob": prob},
        "log_sigmoid": {"log_prob": np.minimum(x, 0) - log_part},
    }


def run_scipy(case: Case) -> Results:
    """Call scipy.special, and compose the losses from it, for it has none."""
    from scipy import special

    x = case.logits
    if isinstance(case, Rows):
        prob, log_prob = special.softmax(x, axis=-1), special.log_softmax(x, axis=-1)
        return compose_rows(case, prob, log_prob, special.logsumexp(x, axis=-1))
    z, q = case.labels, case.pos_weight
    prob, log_prob, log_other = special.expit(x), special.log_expit(x), special.log_expit(-x)
    return {
        SIGMOID: {"loss": -z * log_prob - (1 - z) * log_other, "grad": prob - z},
        WEIGHTED: {"loss": -q * z * log_prob - (1 - z) * log_other, "grad": (1 - z + q * z) * prob - q * z},
        "sigmoid": {"prob": prob},
        "log_sigmoid": {"log_prob": log_prob},
    }


def run_torch(case: Case) -> Results:
    """Call torch.nn.functional.cross_entropy and binary_cross_entropy_with_logits with autograd, and torch.special."""
    import torch
    from torch.nn import functional

    def both(loss: Any) -> dict[str, np.ndarray]:
        return {"loss": loss.detach().numpy(), "grad": torch.autograd.grad(loss.sum(), x)[0].numpy()}

    plain = torch.from_numpy(case.logits)
    x = plain.clone().requires_grad_()
    if isinstance(case, Rows):
        index, soft = torch.from_numpy(case.index_labels), torch.from_numpy(case.soft_labels)
        return {
            SPARSE: both(functional.cross_entropy(x, index, reduction="none")),
            DENSE: both(functional.cross_entropy(x, soft, reduction="none")),
            "softmax": {"prob": torch.softmax(plain, -1).numpy()},
            "log_softmax": {"log_prob": torch.log_softmax(plain, -1).numpy()},
            "logsumexp": {"lse": torch.logsumexp(plain, -1).numpy()},
        }
    z, q = torch.from_numpy(case.labels), torch.from_numpy(case.pos_weight)
    return {
        SIGMOID: both(functional.binary_cross_entropy_with_logits(x, z, reduction="none")),
        WEIGHTED: both(functional.binary_cross_entropy_with_logits(x, z, pos_weight=q, reduction="none")),
        "sigmoid": {"prob": torch.sigmoid(plain).numpy()},
        "log_sigmoid": {"log_prob": functional.logsigmoid(plain).numpy()},
    }


def run_tensorflow(case: Case) -> Results:
    """Call the functions of the same names in tf.nn with GradientTape, and tf.math."""
    import tensorflow as tf

    def both(function: Callable[..., Any], labels: np.ndarray, *weight: np.ndarray) -> dict[str, np.ndarray]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = function(labels, x, *weight)
        return {"loss": loss.numpy(), "grad": tape.gradient(loss, x).numpy()}

    x = tf.constant(case.logits)
    if isinstance(case, Rows):
        return {
            SPARSE: both(tf.nn.sparse_softmax_cross_entropy_with_logits, case.index_labels),
            DENSE: both(tf.nn.softmax_cross_entropy_with_logits, case.soft_labels),
            "softmax": {"prob": tf.nn.softmax(x).numpy()},
            "log_softmax": {"log_prob": tf.nn.log_softmax(x).numpy()},
            "logsumexp": {"lse": tf.reduce_logsumexp(x, -1).numpy()},
        }
    return {
        SIGMOID: both(tf.nn.sigmoid_cross_entropy_with_logits, case.labels),
        WEIGHTED: both(tf.nn.weighted_cross_entropy_with_logits, case.labels, case.pos_weight),
        "sigmoid": {"prob": tf.math.sigmoid(x).numpy()},
        "log_sigmoid": {"log_prob": tf.math.log_sigmoid(x).numpy()},
    }


@functools.cache
def compile_jax() -> dict[str, Callable[..., dict[str, Any]]]:
    """Return the functions of optax.losses, with their gradients, and of jax.nn under jit, with float64 enabled."""
    import jax
    from optax import losses

    jax.config.update("jax_enable_x64", True)

    def both(loss: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
        def evaluate(x: Any, labels: Any) -> dict[str, Any]:
            value, backward = jax.vjp(lambda x: loss(x, labels), x)
            return {"loss": value, "grad": backward(jax.numpy.ones_like(value))[0]}

        return jax.jit(evaluate)

    return {
        SPARSE: both(losses.softmax_cross_entropy_with_integer_labels),
        DENSE: both(losses.softmax_cross_entropy),
        SIGMOID: both(losses.sigmoid_binary_cross_entropy),
        "softmax": jax.jit(lambda x: {"prob": jax.nn.softmax(x)}),
        "log_softmax": jax.jit(lambda x: {"log_prob": jax.nn.log_softmax(x)}),
        "logsumexp": jax.jit(lambda x: {"lse": jax.nn.logsumexp(x, axis=-1)}),
        "sigmoid": jax.jit(lambda x: {"prob": jax.nn.sigmoid(x)}),
        "log_sigmoid": jax.jit(lambda x: {"log_prob": jax.nn.log_sigmoid(x)}),
    }


def run_jax(case: Case) -> Results:
    """Call optax.losses and jax.nn; optax has no positive weight."""
    if isinstance(case, Rows):
        labels = {SPARSE: case.index_labels, DENSE: case.soft_labels}
        names = (*labels, "softmax", "log_softmax", "logsumexp")
    else:
        labels = {SIGMOID: case.labels}
        names = (*labels, "sigmoid", "log_sigmoid")
    functions, results = compile_jax(), {}
    for name in names:
        arguments = (case.logits, labels[name]) if name in labels else (case.logits,)
        results[name] = {output: np.asarray(value) for output, value in functions[name](*arguments).items()}
    return results


def run_sklearn(case: Case) -> Results:
    """Call the loss classes of LogisticRegression (private), and the softmax of its predict_proba."""
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss
    from sklearn.utils.extmath import softmax

    x = case.logits
    if isinstance(case, Rows):
        loss, labels = HalfMultinomialLoss(n_classes=x.shape[1]), case.index_labels.astype(x.dtype)
        return {SPARSE: loss_and_grad(loss.loss_gradient(labels, x)), "softmax": {"prob": softmax(x)}}
    return {SIGMOID: loss_and_grad(HalfBinomialLoss().loss_gradient(case.labels, x))}


RUNNERS: dict[str, Callable[[Case], Results]] = {
    "pyce": run_pyce,
    "numpy": run_numpy,
    "scipy": run_scipy,
    "torch": run_torch,
    "tensorflow": run_tensorflow,
    "jax/optax": run_jax,
    "sklearn": run_sklearn,
}


def find_installed(names: Iterable[str]) -> list[str]:
    """Return the names of the modules that can be imported, and print a line for each that cannot."""
    installed = []
    for name in names:
        missing = [module for module in name.split("/") if importlib.util.find_spec(module) is None]
        if missing:
            print(f"{' and '.join(missing)} not installed: {name} is left out")
        else:
            installed.append(name)
    return installed
