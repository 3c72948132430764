"""Error in ulps of pyce and its peers, as Markdown tables: every library by its own function, on the same logits.

The ulp is that of the library's dtype at the exact value. Zeros are counted where that value is not below the smallest
subnormal. The reference and why it is exact enough: reference.py. The functions called: libraries.py.
"""

import argparse
import sys

import numpy as np
from libraries import RUNNERS, Case, find_installed
from reference import check_reference, compute_reference

CLASSES = 3, 10, 100, 1000
LARGEST_MARGIN = {"float32": 80.0, "float64": 600.0}


def make_cases(dtype: str, elements: int, regimes: list[str]) -> list[Case]:
    """Draw the cases: "random" logits are 3 * normal; in "margin" the label leads by, or x is within, the margin."""
    rng, largest, cases = np.random.default_rng(0), LARGEST_MARGIN[dtype], []
    for regime in regimes:
        for classes in CLASSES:
            rows = max(1, elements // classes)
            logits, labels = 3 * rng.normal(size=(rows, classes)), rng.integers(0, classes, rows)
            if regime == "margin":
                logits[np.arange(rows), labels] = logits.max(-1) + rng.uniform(0, largest, rows)
            cases.append(Case("sparse softmax", logits.astype(dtype), labels))
        x = 3 * rng.normal(size=elements) if regime == "random" else rng.uniform(-largest, largest, elements)
        x, z = x.astype(dtype), rng.integers(0, 2, elements).astype(dtype)
        cases += [Case("sigmoid", x, z), Case("weighted", x, z, rng.uniform(0.1, 10, elements).astype(dtype))]
    return cases


def count_ulps(result: np.ndarray, exact: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the error of every value in ulps of its dtype at the exact value, and how many are 0 but need not be."""
    info = np.finfo(result.dtype)
    exponent = np.maximum(np.frexp(exact)[1] - 1, info.minexp)
    with np.errstate(invalid="ignore"):
        errors = np.abs(result - exact) * np.ldexp(np.longdouble(1), info.nmant - exponent)
    errors = np.where(np.isfinite(result), errors, np.inf).astype(np.float64)
    return errors, int(np.count_nonzero((result == 0) & (np.abs(exact) >= info.smallest_subnormal)))


def format_ulps(error: float) -> str:
    """Write an error with the digits that matter: 0.62, 511, 3e9."""
    if error > 1e6:
        return f"{error:.0e}".replace("e+0", "e").replace("e+", "e")
    return f"{error:.0f}" if error >= 100 else f"{error:.2f}"


def main() -> None:
    """Measure, and print a table of the worst errors with the zeros, then one of the mean errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=200_000, help="logits per case (default 200000)")
    parser.add_argument("--regimes", nargs="+", choices=["random", "margin"], default=["random", "margin"])
    options = parser.parse_args()
    if np.finfo(np.longdouble).nmant < 63:
        sys.exit("accuracy.py needs a long double wider than double for its reference; this platform has none.")
    runners = {name: RUNNERS[name] for name in find_installed(RUNNERS)}
    rows: dict[tuple[str, str, str], dict[str, list[tuple[np.ndarray, int]]]] = {}
    reference_error = 0.0
    for dtype in LARGEST_MARGIN:
        for case in make_cases(dtype, options.elements, options.regimes):
            reference = compute_reference(case)
            reference_error = max(reference_error, check_reference(case, reference))
            for name, run in runners.items():
                for output, result, exact in zip(("loss", "gradient"), run(case), reference, strict=True):
                    assert result.dtype == dtype, name
                    row = rows.setdefault((case.loss, output, dtype), {name: [] for name in runners})
                    row[name].append(count_ulps(result, exact))
    print(f"Relative error of the reference, against mpmath: {reference_error:.1e} at most.")
    for title in "worst error in ulps / zeros returned for representable values", "mean error in ulps":
        print(f"\n{title[0].upper()}{title[1:]}:\n\n| loss | dtype | values | {' | '.join(runners)} |")
        print("|---|---|---:|" + "---:|" * len(runners))
        for (loss, output, dtype), row in rows.items():
            cells = []
            for results in row.values():
                errors = np.concatenate([errors.ravel() for errors, _ in results])
                worst = f"{format_ulps(errors.max())} / {sum(zeros for _, zeros in results)}"
                cells.append(worst if title.startswith("worst") else format_ulps(errors.mean()))
            print(f"| {loss}, {output} | {dtype} | {errors.size} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
