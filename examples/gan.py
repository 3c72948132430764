"""A generative-adversarial pair in plain NumPy, trained on handwritten digits with pyce's sigmoid cross entropy.

Two small networks play against each other. The discriminator gives an image a logit, high for "real"; the generator
makes an image from noise. There are the three losses of DCGAN (Radford, Metz, Chintala, 2015):

    discriminator, real images         sigmoid cross entropy with labels 1
    discriminator, generated images    sigmoid cross entropy with labels 0
    generator, generated images        sigmoid cross entropy with labels 1

pyce returns each loss together with its gradient in the logits; from there on it is the chain rule, written out
below. The generator's gradient survives a discriminator that is very sure: at the logit -40 it is still -1.

Run it: ``python examples/gan.py``
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import pyce

try:
    from sklearn.datasets import load_digits
except ImportError as missing:
    raise SystemExit(f"This example needs scikit-learn: pip install scikit-learn ({missing})") from None

Array = NDArray[np.float64]
Network = list[Array]  # weight, bias, weight, bias, ...; a weight has shape (inputs, outputs)

LEAK = 0.2  # slope of the hidden units below zero
SHADES = " .:-=+*#%@"


class Pair(NamedTuple):
    """The two networks, and the losses of every training step, shape (steps, 3) in the order of the file's head."""

    discriminator: Network
    generator: Network
    losses: Array


def digits() -> Array:
    """Return the 1797 handwritten digits, shape (1797, 64), scaled to [-1, 1]."""
    images, _ = load_digits(return_X_y=True)
    return np.asarray(images, dtype=np.float64) / 8.0 - 1.0


def new_network(sizes: list[int], rng: np.random.Generator) -> Network:
    """Return a fully connected network with layers of these sizes; the biases start at zero."""
    network: Network = []
    for inputs, outputs in pairwise(sizes):
        network += [rng.normal(0.0, inputs**-0.5, (inputs, outputs)), np.zeros(outputs)]
    return network


def forward(network: Network, inputs: Array) -> list[Array]:
    """Return the inputs of every layer and, last, the output, which is linear; hidden units are leaky ReLUs."""
    values = [inputs]
    for i in range(0, len(network), 2):
        linear = values[-1] @ network[i] + network[i + 1]
        last = i + 2 == len(network)
        values.append(linear if last else np.where(linear > 0.0, linear, LEAK * linear))
    return values


def backward(network: Network, values: list[Array], grad: Array) -> tuple[Network, Array]:
    """Carry the gradient in a network's output back to its parameters and its inputs.

    Parameters
    ----------
    network : list of arrays
        As given to ``forward``.
    values : list of arrays
        What ``forward`` returned.
    grad : array, shape (rows, outputs)
        Gradient of the loss in ``values[-1]``.

    Returns
    -------
    tuple of list of arrays and array
        Gradients in the parameters, in the network's order, and in the inputs.
    """
    gradients: Network = []
    for i in range(len(network) - 2, -1, -2):
        inputs = values[i // 2]
        gradients = [inputs.T @ grad, grad.sum(axis=0), *gradients]
        grad = grad @ network[i].T
        if i > 0:
            grad = np.where(inputs > 0.0, grad, LEAK * grad)
    return gradients, grad


def mean_loss(logits: Array, label: float) -> tuple[float, Array]:
    """Return the mean sigmoid cross entropy of logits that all have one label, and its gradient in the logits."""
    labels = np.full(logits.shape, label)
    loss, grad = pyce.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, returns=("loss", "grad"))
    return float(loss.mean()), grad / logits.size


def generate(generator: Network, noise: Array) -> Array:
    """Return one image, with values in [-1, 1], for each row of noise."""
    return np.tanh(forward(generator, noise)[-1])


def discriminator_gradients(discriminator: Network, real: Array, generated: Array) -> tuple[float, float, Network]:
    """Return the loss on real images, the loss on generated ones, and the gradients of their sum."""
    losses, parts = [], []
    for images, label in ((real, 1.0), (generated, 0.0)):
        values = forward(discriminator, images)
        loss, grad = mean_loss(values[-1], label)
        losses.append(loss)
        parts.append(backward(discriminator, values, grad)[0])
    return losses[0], losses[1], [a + b for a, b in zip(*parts, strict=True)]


def generator_gradients(generator: Network, discriminator: Network, noise: Array) -> tuple[float, Network]:
    """Return the generator's loss, and its gradients in the generator's parameters, through the discriminator."""
    values = forward(generator, noise)
    images = np.tanh(values[-1])
    judged = forward(discriminator, images)
    loss, grad = mean_loss(judged[-1], 1.0)
    _, grad = backward(discriminator, judged, grad)
    return loss, backward(generator, values, grad * (1.0 - images * images))[0]


class Adam:
    """Adam (Kingma, Ba, 2014) with DCGAN's first decay rate of 0.5; updates the network in place."""

    def __init__(self, network: Network, rate: float) -> None:
        self.network, self.rate, self.steps = network, rate, 0
        self.means = [np.zeros_like(p) for p in network]
        self.squares = [np.zeros_like(p) for p in network]

    def step(self, gradients: Network) -> None:
        """Move the parameters against their gradients."""
        self.steps += 1
        rate = self.rate * (1.0 - 0.999**self.steps) ** 0.5 / (1.0 - 0.5**self.steps)
        for parameter, mean, square, grad in zip(self.network, self.means, self.squares, gradients, strict=True):
            mean += 0.5 * (grad - mean)
            square += 0.001 * (grad * grad - square)
            parameter -= rate * mean / (np.sqrt(square) + 1e-8)


def train(steps: int, batch: int = 64, noise: int = 16, hidden: int = 128, seed: int = 0) -> Pair:
    """Train a pair on the digits, one step of each network in turn; ``steps=0`` returns the untrained pair."""
    rng = np.random.default_rng(seed)
    data = digits()
    discriminator = new_network([data.shape[1], hidden, 1], rng)
    generator = new_network([noise, hidden, data.shape[1]], rng)
    discriminator_adam, generator_adam = Adam(discriminator, 1e-3), Adam(generator, 5e-4)
    losses = np.empty((steps, 3))
    for step in range(steps):
        real = data[rng.integers(len(data), size=batch)]
        generated = generate(generator, rng.normal(size=(batch, noise)))
        losses[step, 0], losses[step, 1], gradients = discriminator_gradients(discriminator, real, generated)
        discriminator_adam.step(gradients)
        losses[step, 2], gradients = generator_gradients(generator, discriminator, rng.normal(size=(batch, noise)))
        generator_adam.step(gradients)
    return Pair(discriminator, generator, losses)


def picture(image: Array) -> list[str]:
    """Return the eight lines of text that draw an image; a pixel is two characters wide."""
    shades = np.clip((image.reshape(8, 8) + 1.0) / 2.0 * len(SHADES), 0, len(SHADES) - 1).astype(int)
    return ["".join(SHADES[shade] * 2 for shade in row) for row in shades]


def main() -> None:
    """Train a pair; print losses, a comparison with the data, and some generated digits."""
    parser = argparse.ArgumentParser(description="A generative-adversarial pair on handwritten digits.")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data = digits()
    noise = np.random.default_rng(1).normal(size=(1000, 16))
    trained = train(arguments.steps, seed=arguments.seed)

    print(f"{'steps':>11}{'loss, real':>14}{'loss, generated':>18}{'loss, generator':>18}")
    for part in np.array_split(np.arange(arguments.steps), 6) if arguments.steps >= 6 else []:
        row = trained.losses[part].mean(axis=0)
        print(f"{part[0]:5} -{part[-1]:4}{row[0]:14.4f}{row[1]:18.4f}{row[2]:18.4f}")

    print(f"\n{'':12}{'mean off':>14}{'spread':>10}{'real':>14}{'generated':>14}")
    print(f"{'generator':12}{'data mean':>14}{'/ data':>10}{'called real':>14}{'called real':>14}")
    for name, pair in (("untrained", train(0, seed=arguments.seed)), ("trained", trained)):
        images = generate(pair.generator, noise)
        off = np.abs(images.mean(axis=0) - data.mean(axis=0)).mean()
        spread = images.std(axis=0).mean() / data.std(axis=0).mean()
        calls = [np.mean(forward(trained.discriminator, x)[-1] > 0.0) for x in (data, images)]
        print(f"{name:12}{off:14.4f}{spread:10.4f}{calls[0]:14.4f}{calls[1]:14.4f}")

    print("\nsix generated digits")
    for line in zip(*(picture(image) for image in generate(trained.generator, noise[:6])), strict=True):
        print("   ".join(line))


if __name__ == "__main__":
    main()
