"""The peers that have arrays of their own: PyTorch, TensorFlow and JAX, each also as compiled by its compiler.

Gradients are those of automatic differentiation. Results are new arrays: of these libraries only JAX can be told to
write over an argument. The thread counts are set once in a process, by `start_*`.
"""

import functools
from collections.abc import Callable
from typing import Any

from problem import Prepared, Problem


def start_torch(threads: int) -> None:
    """Set the threads of PyTorch."""
    import torch

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)


def torch_tensor(array: Any) -> Any:
    """Return a tensor on the memory of an array of NumPy, bfloat16 included."""
    import torch

    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


def make_torch(p: Problem, compiled: bool = False) -> Prepared:
    """Call torch.nn.functional, with torch.autograd.grad."""
    import torch
    from torch.nn import functional

    x, labels = torch_tensor(p.logits), torch_tensor(p.labels)
    options: dict[str, Any] = {"reduction": "none"}
    if p.cell.binary:
        if p.cell.loss == "weighted":
            options["pos_weight"] = torch_tensor(p.pos_weight)
        function = functools.partial(functional.binary_cross_entropy_with_logits, **options)
    else:
        if p.axis == -1 and x.ndim > 2:
            x = x.flatten(0, -2)
        function = functools.partial(functional.cross_entropy, **options)
    if compiled:
        torch._dynamo.reset()
        function = torch.compile(function, dynamic=False)
    if not p.with_grad:
        return Prepared(lambda: (function(x, labels),))
    x = x.detach().requires_grad_()
    ones = torch.ones(p.cell.loss_shape, dtype=x.dtype)

    def run() -> tuple[Any, ...]:
        loss = function(x, labels)
        return loss.detach(), *torch.autograd.grad(loss, x, ones)

    return Prepared(run)


def make_torch_compile(p: Problem) -> Prepared:
    """Call the same function after torch.compile, which needs a C++ compiler."""
    return make_torch(p, compiled=True)


def start_tensorflow(threads: int) -> None:
    """Set the threads of TensorFlow."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def tensorflow_loss(p: Problem) -> Callable[..., Any]:
    """Return the function of the same name in tf.nn; the sparse one takes no class axis but the last."""
    import tensorflow as tf

    if p.cell.loss == "sparse":
        if p.axis == -1:
            return tf.nn.sparse_softmax_cross_entropy_with_logits
        order = (*(axis for axis in range(len(p.cell.shape)) if axis != p.axis), p.axis)
        return lambda y, x: tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.transpose(x, order))
    if p.cell.loss == "softmax":
        return functools.partial(tf.nn.softmax_cross_entropy_with_logits, axis=p.axis)
    if p.cell.loss == "sigmoid":
        return tf.nn.sigmoid_cross_entropy_with_logits
    weight = tf.constant(p.pos_weight)
    return lambda z, x: tf.nn.weighted_cross_entropy_with_logits(z, x, weight)


def make_tensorflow(p: Problem, compiled: bool = False) -> Prepared:
    """Call tf.nn eagerly, with GradientTape."""
    import tensorflow as tf

    function, (x, labels) = tensorflow_loss(p), p.tensors

    def loss_alone(x: Any, labels: Any) -> tuple[Any, ...]:
        return (function(labels, x),)

    def loss_and_grad(x: Any, labels: Any) -> tuple[Any, ...]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = function(labels, x)
        return loss, tape.gradient(loss, x)

    evaluate = loss_and_grad if p.with_grad else loss_alone
    if compiled:
        evaluate = tf.function(evaluate, jit_compile=True, autograph=False)
    return Prepared(lambda: evaluate(x, labels))


def make_tensorflow_xla(p: Problem) -> Prepared:
    """Call the same under tf.function(jit_compile=True)."""
    return make_tensorflow(p, compiled=True)


def start_jax(threads: int) -> None:
    """Let JAX have float64, and run small computations where they are called.

    Its threads are as many as the CPUs that the process may use.
    """
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)


def jax_loss(p: Problem) -> Callable[..., Any]:
    """Return the losses: log-sum-exp minus logits, whose gradient compiles to less than log_softmax, and softplus."""
    import jax
    from jax import numpy as jnp

    axis = p.axis

    def sparse(x: Any, y: Any) -> Any:
        at_label = jnp.take_along_axis(x, jnp.expand_dims(y, axis), axis).squeeze(axis)
        return jax.nn.logsumexp(x, axis) - at_label

    def softmax(x: Any, t: Any) -> Any:
        return (t * (jax.nn.logsumexp(x, axis, keepdims=True) - x)).sum(axis)

    def sigmoid(x: Any, z: Any) -> Any:
        return jax.nn.softplus(x) - x * z

    def weighted(x: Any, z: Any, q: Any) -> Any:
        return (1 - z) * x + (1 + (q - 1) * z) * jax.nn.softplus(-x)

    return {"sparse": sparse, "softmax": softmax, "sigmoid": sigmoid, "weighted": weighted}[p.cell.loss]


def make_jax(p: Problem) -> Prepared:
    """Call the loss and its vjp under jax.jit; in place, the logits are donated."""
    import jax

    function = jax_loss(p)

    def evaluate(x: Any, *labels: Any) -> tuple[Any, ...]:
        if not p.with_grad:
            return (function(x, *labels),)
        loss, backward = jax.vjp(lambda x: function(x, *labels), x)
        return loss, *backward(jax.numpy.ones_like(loss))

    jitted = jax.jit(evaluate, donate_argnums=0 if p.in_place else ())
    labels = [jax.device_put(p.labels)]
    if p.cell.loss == "weighted":
        labels.append(jax.device_put(p.pos_weight))
    x = jax.numpy.array(p.logits, copy=True)
    if not p.in_place:
        return Prepared(lambda: jax.block_until_ready(jitted(x, *labels)))

    def run() -> tuple[Any, ...]:
        nonlocal x
        loss, x = jax.block_until_ready(jitted(x, *labels))
        return loss, x

    def reset() -> None:
        nonlocal x
        x = jax.numpy.array(p.logits, copy=True)

    return Prepared(run, True, reset)
