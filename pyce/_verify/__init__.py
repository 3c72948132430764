"""What `pyce verify` does: measures the error of every function on this machine, in ulps.

cases.py makes the inputs (regimes.py the logits), reference.py the exact results in double-double numbers
(double_double.py), definition.py checks samples of those with mpmath, measure.py compares (rounding.py half types with
float32, formats.py what is known of each dtype) and report.py prints. Imported by __main__.py alone, because it needs
the packages of the extra `verify`.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

import pyce._core as _core
from pyce._intake import Array
from pyce._verify.cases import FULL, QUICK, Case, Elements, Rows, plan_cases
from pyce._verify.definition import check_reference
from pyce._verify.formats import DTYPES, HALVES, result_kinds
from pyce._verify.measure import Statistics
from pyce._verify.reference import Outputs, find_references
from pyce._verify.report import Key, passed_lines, summary_lines, table_lines, verdict_lines, worst_lines

REFERENCE_BOUND = 1e-6  # ulp; the reference is about 1e-12 from the definitions
LONG_ROW = 20_000  # classes; from here on one case in `LONG_SHARE` is checked with mpmath, which takes a second each
LONG_SHARE = 4
LOSSES = {
    "sigmoid_cross_entropy": _core.SIGMOID,
    "weighted_cross_entropy": _core.WEIGHTED,
    "softmax_cross_entropy": _core.SOFTMAX,
    "sparse_softmax_cross_entropy": _core.SPARSE_SOFTMAX,
}
TRANSFORMS = {
    "softmax": (_core.SOFTMAX, "prob"),
    "log_softmax": (_core.SOFTMAX, "log_prob"),
    "logsumexp": (_core.SOFTMAX, "lse"),
    "sigmoid": (_core.SIGMOID, "prob"),
    "log_sigmoid": (_core.SIGMOID, "log_prob"),
}
# function, case, number of the instruction set, dtype of the results (None: that of the logits) -> results
Subject = Callable[[str, Case, int, str | None], dict[str, Array]]


@dataclass(frozen=True)
class Options:
    """What to measure; an empty tuple of instruction sets means all that this machine has."""

    quick: bool = False
    seed: int | None = None
    isas: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = DTYPES


def call_transform(function: str, case: Case, isa: int, dtype: str | None) -> dict[str, Array]:
    """Return {output: result} of a function of the logits alone; another dtype is that of an array to write."""
    kind, output = TRANSFORMS[function]
    shape = case.logits.shape[:-1] if output == "lse" else case.logits.shape
    out = None if dtype is None else np.empty(shape, dtype)
    axis = -1 if isinstance(case, Rows) else None
    return {output: np.asarray(_core.transform(kind, output, case.logits, axis, out, None, isa))}


def call_pyce(function: str, case: Case, isa: int, dtype: str | None) -> dict[str, Array]:
    """Return {output: result} of one function of pyce; loss and gradient are asked for alone, as most callers do."""
    if function in TRANSFORMS:
        return call_transform(function, case, isa, dtype)
    axis = -1 if isinstance(case, Rows) else None
    pos_weight = case.pos_weight if function.startswith("weighted") and isinstance(case, Elements) else None
    if isinstance(case, Elements):
        labels = case.labels
    else:
        labels = case.index_labels if function.startswith("sparse") else case.soft_labels

    def compute(returns: tuple[str, ...]) -> Any:
        arguments = (LOSSES[function], (), labels, None, case.logits, pos_weight, axis, None, returns)
        return zip(returns, _core.compute(*arguments, None, dtype, None, isa), strict=True)

    others = ("hess", "lse") if isinstance(case, Rows) else ("hess",)
    return {name: np.asarray(value) for returns in (("loss",), ("grad",), others) for name, value in compute(returns)}


def available_isas(names: tuple[str, ...] = ()) -> dict[str, int]:
    """Return the numbers of the instruction sets named, or of all; ValueError for one that cannot run here."""
    numbers = {name: number for name, (number, _, available) in _core.isas().items() if available}
    for name in names:
        if name not in numbers:
            raise ValueError(f"instruction set '{name}' is not available here; there are {', '.join(numbers)}")
    return {name: numbers[name] for name in names or numbers}


def collect(options: Options, seed: int, subject: Subject = call_pyce) -> tuple[dict[Key, Statistics], float]:
    """Return the statistics, and the greatest distance of the reference from the definitions, in ulps."""
    isas = available_isas(options.isas)
    makers = list(plan_cases(QUICK if options.quick else FULL, options.dtypes, seed))
    results: dict[Key, Statistics] = {}
    reference_error = 0.0
    for turn, make in enumerate(tqdm(makers, desc="pyce verify", unit="case", leave=False)):
        case = make()
        references = find_references(case)
        if case.logits.shape[-1] < LONG_ROW or isinstance(case, Elements) or turn % LONG_SHARE == 0:
            reference_error = max(reference_error, check_reference(case, references, 2 if options.quick else 3))
        measure_case(results, case, references, isas, subject)
    return results, reference_error


def measure_case(
    results: dict[Key, Statistics], case: Case, references: Outputs, isas: dict[str, int], subject: Subject
) -> None:
    """Add the errors of one case by every function and instruction set."""
    own = case.logits.dtype.name
    kinds = result_kinds(own)
    for function, outputs in references.items():
        for isa, number in isas.items():
            found = {
                kind: subject(function, case, number, None if kind == own else dtype) for kind, dtype in kinds.items()
            }
            for kind, output in ((kind, output) for kind, values in found.items() for output in values):
                result = found[kind][output]
                if result.dtype.name != kinds[kind]:
                    raise TypeError(f"{function} {output} must have dtype {kinds[kind]}, got {result.dtype}")
                statistics = results.setdefault((function, output, kind, isa), Statistics())
                statistics.add(function, case, result, outputs[output])
                if kind in HALVES:
                    statistics.compare(function, case, result, found[f"float32 from {kind}"][output])


def verify(options: Options, subject: Subject = call_pyce) -> int:
    """Measure, print the tables and the verdict; return the exit status: 0, or 1 if something is beyond a bound."""
    try:
        available_isas(options.isas)
    except ValueError as error:
        print(f"pyce verify: {error}", file=sys.stderr)
        return 2
    seed = secrets.randbits(32) if options.seed is None else options.seed
    library = _core.library()
    form = "quick" if options.quick else "full"
    print(f"pyce {library['version']}, {library['compiler']}, {form} run, seed {seed}", flush=True)
    results, reference_error = collect(options, seed, subject)
    print("\nErrors in ulps of the dtype:\n")
    print("\n".join([*table_lines(results), "", *worst_lines(results), ""]))
    count = sum(statistics.count for statistics in results.values())
    print(f"The largest over the instruction sets, of {count / 1e6:.1f} million results:\n")
    print("\n".join([*summary_lines(results), ""]))
    print(f"The reference is within {reference_error:.1e} ulp of the definitions evaluated by mpmath, on samples.")
    wrong = verdict_lines(results)
    if not reference_error <= REFERENCE_BOUND:
        wrong.append(f"  the reference is off by more than {REFERENCE_BOUND:g} ulp: nothing above can be trusted")
    if wrong:
        print("\n".join([f"FAILED (seed {seed}):", *wrong]))
        return 1
    print("\n".join(passed_lines(results)))
    return 0
