"""The losses in np.longdouble, another way than pyce computes them, and what mpmath says of that; for accuracy.py.

The formula is the definition, p_j = exp(x_j) / sum_k exp(x_k), from the logits as they are (the exponentials fit the
wider exponent range), with the chance q of all wrong classes summed without the right one. The loss is -log1p(-q), or
-log(p) where q > 1/2; the gradient is p_j, and -q at the label. A sigmoid is the row (0, x). pyce works with
differences from the maximum instead.

Nothing is subtracted, so each of the few steps costs about half a unit of a 64-bit mantissa, 2**-12 ulp of float64, and
the sums are pairwise: below 0.01 ulp together, which `check_reference` confirms (1e-18 relative is at most that).
"""

import mpmath
import numpy as np
from libraries import Case, Outputs


def compute_reference(case: Case) -> Outputs:
    """Return loss and gradient in np.longdouble, by the definition of softmax."""
    binary = case.logits.ndim == 1
    rows = np.stack([np.zeros_like(case.logits), case.logits], -1) if binary else case.logits
    exponential, place = np.exp(rows.astype(np.longdouble)), case.labels.astype(np.int64)[:, None]
    wrong = exponential.copy()
    np.put_along_axis(wrong, place, 0, -1)
    total = exponential.sum(-1)
    q, p = wrong.sum(-1) / total, np.take_along_axis(exponential, place, -1)[:, 0] / total
    loss, grad = np.where(q > 0.5, -np.log(p), -np.log1p(-np.minimum(q, 0.5))), exponential / total[:, None]
    np.put_along_axis(grad, place, -q[:, None], -1)
    if case.pos_weight is not None:
        weight = np.where(case.labels == 1, case.pos_weight, 1).astype(np.longdouble)
        return loss * weight, grad[:, 1] * weight
    return loss, grad[:, 1] if binary else grad


def check_reference(case: Case, reference: Outputs, rows: int = 4) -> float:
    """Return the worst relative error of the first rows of the reference, found by mpmath; assert that it is tiny."""
    worst, loss, grad = 0.0, *reference
    for i in range(min(rows, len(loss))):
        with mpmath.workprec(1200):  # 1 - p at margin 600 needs 866 bits
            logits = [mpmath.mpf(float(x)) for x in np.atleast_1d(case.logits[i])]
            logits = logits if case.logits.ndim == 2 else [mpmath.mpf(0), *logits]
            label = int(case.labels[i])
            weight = mpmath.mpf(float(case.pos_weight[i])) if case.pos_weight is not None and label == 1 else 1
            exponential = [mpmath.exp(x) for x in logits]
            prob = [e / mpmath.fsum(exponential) for e in exponential]
            exact = [-weight * mpmath.log(prob[label])] + [weight * (p - (j == label)) for j, p in enumerate(prob)]
            exact = exact if case.logits.ndim == 2 else [exact[0], exact[2]]
            for value, true in zip([loss[i], *np.atleast_1d(grad[i])], exact, strict=True):
                high = float(value)
                given = mpmath.mpf(high) + mpmath.mpf(float(value - np.longdouble(high)))
                worst = max(worst, float(abs(given / true - 1)))
    assert worst < 1e-17, f"the reference for {case.loss} is off by {worst:.1e}"
    return worst
