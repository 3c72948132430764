"""Logistic regression, with pyce for the loss and its gradient and SciPy for the minimisation.

The problem is scikit-learn's: minimise ``strength * sum(loss) + |w|^2 / 2``, where the intercept is not part of w.
Three models on the data sets that come with scikit-learn: handwritten digits (ten classes, sparse softmax), tumours
(two classes, sigmoid), and tumours with ``pos_weight=3``, where missing a malignant one counts three times. Each
table line sets the objective reached with pyce beside the one that scikit-learn's own LogisticRegression reaches.

Run it: ``python examples/logistic_regression.py``
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import pyce

try:
    from scipy.optimize import minimize
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
except ImportError as missing:
    raise SystemExit(f"This example needs SciPy and scikit-learn: pip install scipy scikit-learn ({missing})") from None

Array = NDArray[np.float64]
Objective = Callable[[Array], tuple[float, Array]]


def digits() -> tuple[Array, NDArray[np.intp]]:
    """Return the 1797 handwritten digits, pixels in [0, 1] and a constant last column, and their classes."""
    images, labels = load_digits(return_X_y=True)
    return with_constant(images / 16.0), labels.astype(np.intp)


def tumours() -> tuple[Array, Array]:
    """Return the 569 tumours, standardised and with a constant last column, and 1.0 for each malignant one."""
    features, benign = load_breast_cancer(return_X_y=True)
    return with_constant((features - features.mean(axis=0)) / features.std(axis=0)), 1.0 - benign


def with_constant(features: Array) -> Array:
    """Append a column of ones: the last row of the weights is then the intercept."""
    return np.column_stack([features, np.ones(len(features))])


def penalised(weights: Array, design: Array, loss: Array, grad: Array, strength: float) -> tuple[float, Array]:
    """Turn losses and their gradient in the logits into the objective and its gradient in the weights.

    Parameters
    ----------
    weights : array, shape (columns,) or (columns, classes)
        The last row is the intercept, which is not penalised.
    design : array, shape (rows, columns)
        Features, with ones in the last column.
    loss : array, shape (rows,)
        The loss of each row.
    grad : array, shape (rows,) or (rows, classes)
        Gradient of ``loss.sum()`` in the logits ``design @ weights``: what pyce returns.
    strength : float
        Factor of the losses, scikit-learn's ``C``.

    Returns
    -------
    tuple of float and array
        The gradient has the shape of the weights.
    """
    slopes = weights.copy()
    slopes[-1] = 0.0
    return strength * float(loss.sum()) + 0.5 * float(np.vdot(slopes, slopes)), strength * (design.T @ grad) + slopes


def multinomial_objective(
    weights: Array, design: Array, labels: NDArray[np.intp], strength: float = 1.0
) -> tuple[float, Array]:
    """Objective and gradient of softmax regression; ``labels`` are class numbers, weights (columns, classes)."""
    loss, grad = pyce.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=design @ weights, returns=("loss", "grad")
    )
    return penalised(weights, design, loss, grad, strength)


def binary_objective(
    weights: Array, design: Array, labels: Array, strength: float = 1.0, pos_weight: float = 1.0
) -> tuple[float, Array]:
    """Objective and gradient of two-class regression; ``labels`` are 0 or 1, weights have shape (columns,)."""
    logits = design @ weights
    if pos_weight == 1.0:
        loss, grad = pyce.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, returns=("loss", "grad"))
    else:
        loss, grad = pyce.weighted_cross_entropy_with_logits(
            labels=labels, logits=logits, pos_weight=pos_weight, returns=("loss", "grad")
        )
    return penalised(weights, design, loss, grad, strength)


def minimum(objective: Objective, shape: tuple[int, ...]) -> Array:
    """Minimise a convex objective by L-BFGS, starting from zeros of the given shape; RuntimeError if that fails."""

    def flat(parameters: Array) -> tuple[float, Array]:
        value, gradient = objective(parameters.reshape(shape))
        return value, gradient.ravel()

    options = {"maxiter": 10_000, "maxfun": 20_000, "maxcor": 50, "ftol": 1e-13, "gtol": 1e-6}
    found = minimize(flat, np.zeros(int(np.prod(shape))), jac=True, method="L-BFGS-B", options=options)
    if not found.success:
        raise RuntimeError(f"L-BFGS stopped early: {found.message}")
    return np.asarray(found.x, dtype=np.float64).reshape(shape)


def fit_multinomial(design: Array, labels: NDArray[np.intp], strength: float = 1.0) -> Array:
    """Return the weights of softmax regression, shape (columns, classes)."""
    shape = (design.shape[1], int(labels.max()) + 1)
    return minimum(lambda weights: multinomial_objective(weights, design, labels, strength), shape)


def fit_binary(design: Array, labels: Array, strength: float = 1.0, pos_weight: float = 1.0) -> Array:
    """Return the weights of two-class regression, shape (columns,)."""
    return minimum(lambda w: binary_objective(w, design, labels, strength, pos_weight), (design.shape[1],))


def fit_constant(labels: Array, pos_weight: float) -> float:
    """Return the best single logit for all rows, by Newton's method (steps of at most 1) with pyce's grad and hess.

    Setting ``n_neg * sigmoid(b) - pos_weight * n_pos * sigmoid(-b)`` to zero gives ``log(pos_weight * n_pos / n_neg)``:
    pos_weight multiplies the odds. The same holds in every place where a richer model can follow the data.
    """
    logit = 0.0
    for _ in range(50):
        grad, hess = pyce.weighted_cross_entropy_with_logits(
            labels=labels, logits=np.full(labels.shape, logit), pos_weight=pos_weight, returns=("grad", "hess")
        )
        step = float(np.clip(grad.sum() / hess.sum(), -1.0, 1.0))
        logit -= step
        if abs(step) < 1e-12:
            break
    return logit


def sklearn_weights(
    design: Array, labels: NDArray[np.generic], strength: float = 1.0, pos_weight: float = 1.0
) -> Array:
    """Solve the same problem with scikit-learn; pos_weight is the sample weight of the rows labelled 1."""
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000)
    model.fit(design[:, :-1], labels, sample_weight=np.where(labels == 1, pos_weight, 1.0))
    weights = np.vstack([model.coef_.T, model.intercept_])
    return weights[:, 0] if len(model.classes_) == 2 else weights


def held_out_accuracy(strength: float = 1.0, seed: int = 0) -> float:
    """Train on three quarters of the digits and return the share of the other quarter that is read right."""
    design, labels = digits()
    split = train_test_split(design, labels, test_size=0.25, random_state=seed, stratify=labels)
    train_design, test_design, train_labels, test_labels = split
    weights = fit_multinomial(train_design, train_labels, strength)
    return float(np.mean((test_design @ weights).argmax(axis=1) == test_labels))


def main() -> None:
    """Fit the three models and print them beside scikit-learn's."""
    parser = argparse.ArgumentParser(description="Logistic regression with pyce's losses, beside scikit-learn's.")
    parser.add_argument("--strength", type=float, default=1.0, help="factor of the losses, scikit-learn's C")
    parser.add_argument("--pos-weight", type=float, default=3.0, help="weight of the malignant tumours")
    arguments = parser.parse_args()
    strength, q = arguments.strength, arguments.pos_weight

    print(f"{'objective at the optimum':32}{'pyce':>18}{'scikit-learn':>18}{'relative':>11}")

    def compare(name: str, a: float, b: float) -> None:
        print(f"{name:32}{a:18.9f}{b:18.9f}{abs(a - b) / b:11.1e}")

    design, classes = digits()
    both = fit_multinomial(design, classes, strength), sklearn_weights(design, classes, strength)
    compare("digits", *(multinomial_objective(fit, design, classes, strength)[0] for fit in both))

    patients, labels = tumours()
    rows = []
    for weight in dict.fromkeys((1.0, q)):
        both = fit_binary(patients, labels, strength, weight), sklearn_weights(patients, labels, strength, weight)
        values = (binary_objective(fit, patients, labels, strength, weight)[0] for fit in both)
        compare(f"tumours, pos_weight {weight:g}", *values)
        x = patients @ both[0]
        rows.append((weight, (x > 0).mean(), (x[labels == 1] > 0).mean(), np.mean(pyce.sigmoid(x))))

    print(f"\ndigits read right, held-out quarter: {held_out_accuracy(strength):.4f}\n")
    print(f"{'tumours':16}{'called malignant':>18}{'found (recall)':>16}{'mean probability':>18}{'constant logit':>16}")
    for weight, called, found, mean in rows:
        constant = fit_constant(labels, weight)
        print(f"pos_weight {weight:<5g}{called:18.4f}{found:16.4f}{mean:18.4f}{constant:16.9f}")
    odds = labels.sum() / (1.0 - labels).sum()
    print(f"in theory the constant logit is log(pos_weight * n_pos / n_neg) = {np.log(q * odds):.9f} for {q:g}")


if __name__ == "__main__":
    main()
