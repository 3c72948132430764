"""Regenerate the polynomial coefficients of c_src/coefficients.h and state the error of each approximation.

Run `python c_src/coefficients.py`; it needs mpmath and NumPy. Each polynomial is the weighted least-squares fit on
a dense Chebyshev grid (in 80 digits), which is within a small factor of the minimax one. Its coefficients are rounded
to the working type one by one from the lowest; after each rounding the remaining ones are fitted again, so that they
make up for it. The error printed is the greatest one of the rounded polynomial relative to the function it serves, in
units of 2**-24 (float32) or 2**-53 (float64).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

mp.dps = 80
GRID = 400
Function = Callable[[mpf], mpf]


def exp_tail(order: int) -> Function:
    """Return r -> (exp(r) - sum of r**k/k! below `order`) / r**order, by its series."""
    factors = [1 / mp.factorial(k + order) for k in range(40)]
    return lambda r: mp.polyval(factors[::-1], r)


def log1p_tail(e: mpf) -> mpf:
    """Return (log1p(e) - e + e**2 / 2) / e**3."""
    if abs(e) < mpf("1e-4"):
        return mp.fsum((-1) ** k * e**k / (k + 3) for k in range(20))
    return (mp.log1p(e) - e + e**2 / 2) / e**3


def log_odd_tail(z: mpf) -> mpf:
    """Return R(z) / z, where log((1+s)/(1-s)) = 2*s + s*R(s**2)."""
    return mp.fsum(2 * z**k / (2 * k + 3) for k in range(60))


def least_squares(xs: list[mpf], ys: list[mpf], ws: list[mpf], degree: int) -> list[mpf]:
    """Return the polynomial with the least sum of (ws * (polynomial - ys))**2 over the grid xs."""
    n = degree + 1
    squares = [w * w for w in ws]
    moments = []
    for _ in range(2 * degree + 1):
        moments.append(mp.fsum(squares))
        squares = [s * x for s, x in zip(squares, xs, strict=True)]
    matrix, right = mp.matrix(n, n), mp.matrix(n, 1)
    values = [w * w * y for w, y in zip(ws, ys, strict=True)]
    for i in range(n):
        right[i] = mp.fsum(values)
        values = [v * x for v, x in zip(values, xs, strict=True)]
        for j in range(n):
            matrix[i, j] = moments[i + j]
    return list(mp.lu_solve(matrix, right))


def rounded(f: Function, weight: Function, low: mpf, high: mpf, degree: int, dtype: type) -> tuple[list[mpf], mpf]:
    """Return the coefficients, lowest order first, rounded to dtype, and the weighted error they leave."""
    xs = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + mpf(1) / 2) / GRID) for i in range(GRID)]
    exact, weights = [f(x) for x in xs], [weight(x) for x in xs]
    ys, ws, fixed = exact, weights, []
    for k in range(degree + 1):
        best = least_squares(xs, ys, ws, degree - k)[0]
        fixed.append(mpf(float(dtype(float(best)))))
        ys = [(y - fixed[-1]) / x for x, y in zip(xs, ys, strict=True)]
        ws = [w * abs(x) for x, w in zip(xs, ws, strict=True)]
    triples = zip(xs, exact, weights, strict=True)
    return fixed, max(abs((mp.polyval(fixed[::-1], x) - y) * w) for x, y, w in triples)


def show(name: str, f: Function, weight: Function, low: mpf, high: mpf, degree: int, dtype: type) -> None:
    """Print one coefficient array, lowest order first, with its interval and error."""
    coefficients, error = rounded(f, weight, low, high, degree, dtype)
    unit, suffix = (mpf(2) ** -24, "f") if dtype is np.float32 else (mpf(2) ** -53, "")
    interval = f"[{mp.nstr(low, 5)}, {mp.nstr(high, 5)}]"
    print(f"/* {name}: {interval}, degree {degree}, error {mp.nstr(error / unit, 3)} units */")
    print("    " + ", ".join(f"{float(c).hex()}{suffix}" for c in coefficients), flush=True)


def main() -> None:
    """Print every table."""
    half = mp.log(2) / 2 + mpf("1e-4")
    root = mp.sqrt(2)
    z_max = ((root - 1) / (root + 1)) ** 2 + mpf("1e-5")
    for dtype, exp_degree, log1p_degree in ((np.float32, 4, 7), (np.float64, 9, 19)):
        show("EXP_TAIL", exp_tail(2), lambda r: r**2 / mp.exp(r), -half, half, exp_degree, dtype)
        show("LOG1P_TAIL", log1p_tail, lambda e: e**3 / mp.log1p(e), mpf(0), mpf(1), log1p_degree, dtype)
    show("EXP_WIDE", exp_tail(3), lambda r: abs(r) ** 3 / mp.exp(r), -half, half, 9, np.float64)
    show("LOG_ODD", log_odd_tail, lambda z: z ** mpf("1.5") / mp.log1p(mp.sqrt(z)), mpf(0), z_max, 6, np.float64)
    ln2 = mp.log(2)
    for bits, dtype in ((13, np.float32), (39, np.float64)):
        high = mp.floor(ln2 * mpf(2) ** bits) / mpf(2) ** bits
        low = mpf(float(dtype(float(ln2 - high))))
        print(f"/* ln 2: {bits} bits, the rest (error {mp.nstr(ln2 - high - low, 3)}), what then remains, 1 / ln 2 */")
        numbers = (high, low, ln2 - high - low, mpf(float(dtype(float(1 / ln2)))))
        print("    " + ", ".join(float(x).hex() for x in numbers))


if __name__ == "__main__":
    main()
