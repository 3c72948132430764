"""The examples on real data: optima beside scikit-learn's, gradients beside torch's and beside finite differences.

The example files are loaded by their path, as a reader would run them; they are no package.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyce

pytest.importorskip("scipy")
pytest.importorskip("sklearn")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOISE = 16


def load(name: str) -> ModuleType:
    """Import examples/<name>.py."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def central_differences(function: Callable[[], float], parameters: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Differentiate a function in every element of the array that it reads; the array is left as it was."""
    result = np.empty_like(parameters)
    for index in np.ndindex(parameters.shape):
        value = parameters[index]
        parameters[index] = value + step
        above = function()
        parameters[index] = value - step
        result[index] = (above - function()) / (2.0 * step)
        parameters[index] = value
    return result


@pytest.fixture(scope="module", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread: on a busy machine two took 16 ms for a product of these sizes, one takes 0.12 ms."""
    threadpoolctl = pytest.importorskip("threadpoolctl")  # scikit-learn brings it
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def logistic() -> ModuleType:
    return load("logistic_regression")


@pytest.fixture(scope="module")
def gan() -> ModuleType:
    return load("gan")


# --- logistic regression ---------------------------------------------------------------------------------------------


def test_digits_reach_the_objective_of_sklearn(logistic: ModuleType) -> None:
    design, labels = logistic.digits()
    assert design.shape == (1797, 65)
    ours, _ = logistic.multinomial_objective(logistic.fit_multinomial(design, labels), design, labels)
    theirs, _ = logistic.multinomial_objective(logistic.sklearn_weights(design, labels), design, labels)
    start, _ = logistic.multinomial_objective(np.zeros((65, 10)), design, labels)
    assert start == pytest.approx(1797 * np.log(10.0), rel=1e-12)
    assert ours < 0.2 * start
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_held_out_digits_are_read(logistic: ModuleType) -> None:
    assert 0.95 <= logistic.held_out_accuracy() < 1.0


@pytest.mark.parametrize("pos_weight", [1.0, 3.0])
def test_tumours_reach_the_optimum_of_sklearn_with_sample_weights(logistic: ModuleType, pos_weight: float) -> None:
    design, labels = logistic.tumours()
    assert design.shape == (569, 31)
    ours = logistic.fit_binary(design, labels, pos_weight=pos_weight)
    theirs = logistic.sklearn_weights(design, labels, pos_weight=pos_weight)
    value, _ = logistic.binary_objective(ours, design, labels, pos_weight=pos_weight)
    assert value == pytest.approx(logistic.binary_objective(theirs, design, labels, pos_weight=pos_weight)[0], rel=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_pos_weight_finds_more_of_the_positives(logistic: ModuleType) -> None:
    design, labels = logistic.tumours()
    plain, weighted = (design @ logistic.fit_binary(design, labels, pos_weight=q) for q in (1.0, 3.0))
    assert np.mean(weighted > 0) > np.mean(plain > 0)  # more called malignant
    assert np.mean(weighted[labels == 1] > 0) > np.mean(plain[labels == 1] > 0)  # recall
    assert pyce.sigmoid(weighted).mean() > pyce.sigmoid(plain).mean() + 0.01


@pytest.mark.parametrize("pos_weight", [1.0, 3.0])
def test_missed_mass_balances_at_the_optimum(logistic: ModuleType, pos_weight: float) -> None:
    """The intercept is free, so pos_weight * sum of sigmoid(-x) over positives = sum of sigmoid(x) over negatives."""
    design, labels = logistic.tumours()
    logits = design @ logistic.fit_binary(design, labels, pos_weight=pos_weight)
    missed, alarms = pyce.sigmoid(-logits[labels == 1]).sum(), pyce.sigmoid(logits[labels == 0]).sum()
    assert missed > 1.0
    assert pos_weight * missed == pytest.approx(alarms, rel=1e-4)


@pytest.mark.parametrize("pos_weight", [0.2, 1.0, 3.0, 1e3])
def test_best_constant_logit_is_the_log_of_the_weighted_odds(logistic: ModuleType, pos_weight: float) -> None:
    _, labels = logistic.tumours()
    assert (labels.sum(), len(labels)) == (212, 569)
    expected = np.log(pos_weight * 212 / 357)
    assert logistic.fit_constant(labels, pos_weight) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_pos_weight_multiplies_the_odds_where_a_model_can_follow(logistic: ModuleType) -> None:
    """With the chances sigmoid(x) as labels, the logits x + log(pos_weight) leave no gradient."""
    design, labels = logistic.tumours()
    logits = design @ logistic.fit_binary(design, labels)
    assert np.ptp(logits) > 10.0
    chances = pyce.sigmoid(logits)

    def steepest(shift: float) -> float:
        shifted = logits + shift
        grad = pyce.weighted_cross_entropy_with_logits(labels=chances, logits=shifted, pos_weight=3.0, returns="grad")
        return float(np.abs(grad).max())

    assert steepest(np.log(3.0)) < 1e-14
    assert steepest(0.0) > 0.1


@pytest.mark.parametrize("model", ["multinomial", "sigmoid", "weighted"])
def test_objective_gradients_agree_with_finite_differences(logistic: ModuleType, model: str) -> None:
    design, labels = logistic.digits() if model == "multinomial" else logistic.tumours()
    design, labels = design[:60], labels[:60]
    weights = np.random.default_rng(0).normal(size=(design.shape[1], 10)[: 2 if model == "multinomial" else 1])

    def objective() -> Any:
        if model == "multinomial":
            return logistic.multinomial_objective(weights, design, labels, strength=0.7)
        pos_weight = 3.0 if model == "weighted" else 1.0
        return logistic.binary_objective(weights, design, labels, strength=0.7, pos_weight=pos_weight)

    gradient = objective()[1]
    np.testing.assert_allclose(gradient, central_differences(lambda: objective()[0], weights), rtol=1e-6, atol=1e-7)


def test_logistic_regression_prints_its_table(
    logistic: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["logistic_regression.py", "--strength", "0.01"])
    logistic.main()
    printed = capsys.readouterr().out
    assert "tumours, pos_weight 3" in printed and "0.577462782" in printed


# --- the generative-adversarial pair ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(gan: ModuleType) -> Any:
    return gan.train(800)


@pytest.fixture(params=["untrained", "trained"])
def pair(request: pytest.FixtureRequest, gan: ModuleType, trained: Any) -> Any:
    return trained if request.param == "trained" else gan.train(0)


def images_and_noise(gan: ModuleType, rows: int) -> tuple[np.ndarray, np.ndarray]:
    return gan.digits()[:rows], np.random.default_rng(5).normal(size=(rows, NOISE))


def torch_forward(torch: Any, network: list[Any], inputs: Any) -> Any:
    hidden = torch.nn.functional.leaky_relu(inputs @ network[0] + network[1], 0.2)
    return hidden @ network[2] + network[3]


def torch_leaves(torch: Any, network: list[np.ndarray]) -> list[Any]:
    return [torch.tensor(p, requires_grad=True) for p in network]


def assert_same_gradients(ours: list[np.ndarray], theirs: list[Any]) -> None:
    assert len(ours) == len(theirs) == 4
    for a, leaf in zip(ours, theirs, strict=True):
        b = leaf.grad.numpy()
        assert a.shape == b.shape and np.abs(b).max() > 0.0
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-12 * np.abs(b).max())


def test_discriminator_gradients_agree_with_torch(gan: ModuleType, pair: Any) -> None:
    torch = pytest.importorskip("torch")
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
    real, noise = images_and_noise(gan, 50)
    generated = gan.generate(pair.generator, noise)
    real_loss, generated_loss, gradients = gan.discriminator_gradients(pair.discriminator, real, generated)

    leaves = torch_leaves(torch, pair.discriminator)
    logits = [torch_forward(torch, leaves, torch.tensor(x)) for x in (real, generated)]
    losses = cross_entropy(logits[0], torch.ones_like(logits[0])), cross_entropy(logits[1], torch.zeros_like(logits[1]))
    sum(losses).backward()
    assert (real_loss, generated_loss) == pytest.approx([loss.item() for loss in losses], rel=1e-12)
    assert_same_gradients(gradients, leaves)


def test_generator_gradients_agree_with_torch(gan: ModuleType, pair: Any) -> None:
    torch = pytest.importorskip("torch")
    _, noise = images_and_noise(gan, 50)
    loss, gradients = gan.generator_gradients(pair.generator, pair.discriminator, noise)

    leaves, judge = torch_leaves(torch, pair.generator), torch_leaves(torch, pair.discriminator)
    logits = torch_forward(torch, judge, torch.tanh(torch_forward(torch, leaves, torch.tensor(noise))))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert_same_gradients(gradients, leaves)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_gan_gradients_agree_with_finite_differences(gan: ModuleType, player: str) -> None:
    rng = np.random.default_rng(3)
    discriminator = gan.new_network([64, 5, 4, 1], rng)
    generator = gan.new_network([NOISE, 5, 64], rng)
    real, noise = images_and_noise(gan, 12)
    generated = gan.generate(generator, noise)

    def play() -> Any:
        if player == "generator":
            return gan.generator_gradients(generator, discriminator, noise)
        on_real, on_generated, gradients = gan.discriminator_gradients(discriminator, real, generated)
        return on_real + on_generated, gradients

    network = generator if player == "generator" else discriminator
    gradients = play()[1]
    assert len(gradients) == len(network)
    for parameter, gradient in zip(network, gradients, strict=True):
        np.testing.assert_allclose(gradient, central_differences(lambda: play()[0], parameter), rtol=1e-6, atol=1e-9)


def test_the_three_losses_have_their_labels(gan: ModuleType) -> None:
    logit = 2.0
    discriminator = [np.zeros((64, 3)), np.zeros(3), np.zeros((3, 1)), np.array([logit])]
    generator = gan.new_network([NOISE, 3, 64], np.random.default_rng(0))
    real, noise = images_and_noise(gan, 7)
    *losses, _ = gan.discriminator_gradients(discriminator, real, gan.generate(generator, noise))
    losses.append(gan.generator_gradients(generator, discriminator, noise)[0])
    assert losses == pytest.approx(np.log1p(np.exp([-logit, logit, -logit])), rel=1e-14)


def test_generator_still_learns_from_a_discriminator_that_is_sure(gan: ModuleType) -> None:
    pair = gan.train(0)
    _, noise = images_and_noise(gan, 50)
    sure = [*pair.discriminator[:3], pair.discriminator[3] - 60.0]
    loss, gradients = gan.generator_gradients(pair.generator, sure, noise)
    even = gan.generator_gradients(pair.generator, pair.discriminator, noise)[1]
    assert 50.0 < loss < 70.0
    for a, b in zip(gradients, even, strict=True):
        assert np.linalg.norm(a) > np.linalg.norm(b)


def test_training_leads_to_a_fair_game(gan: ModuleType, trained: Any) -> None:
    data, untrained = gan.digits(), gan.train(0)
    noise = np.random.default_rng(1).normal(size=(1000, NOISE))
    before, after = (gan.generate(p.generator, noise) for p in (untrained, trained))
    assert trained.losses.shape == (800, 3) and np.isfinite(trained.losses).all()

    def off(images: np.ndarray) -> float:
        return float(np.abs(images.mean(axis=0) - data.mean(axis=0)).mean())

    assert off(after) < 0.25 * off(before)
    assert 0.7 < after.std(axis=0).mean() / data.std(axis=0).mean() < 1.3  # no collapse to one picture

    def called_real(images: np.ndarray) -> float:
        return float(np.mean(gan.forward(trained.discriminator, images)[-1] > 0.0))

    assert called_real(before) < 0.05  # it has learned what noise looks like
    assert 0.05 < called_real(after) < 0.95  # and is fooled at times
    assert called_real(data) > called_real(after) + 0.1  # yet no coin


def test_gan_prints_its_digits(
    gan: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["gan.py", "--steps", "30"])
    gan.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-9] == "six generated digits" and all(len(line) == 6 * 16 + 5 * 3 for line in lines[-8:])


def test_a_picture_is_dark_where_the_digit_is(gan: ModuleType) -> None:
    image = np.full(64, -1.0)
    image[9] = 1.0
    assert gan.picture(image) == [" " * 16, "  @@" + " " * 12, *[" " * 16] * 6]
