"""Error in ulps of pyce and its peers, as Markdown tables: every library by its own functions, on the same inputs.

Inputs, exact results and errors are those of `pyce verify` (pyce/_verify): its regimes, its reference in double-double
numbers, a sample of which is compared with mpmath, and its ulp, which is that of the result or, in the gradient of soft
labels and in the log-sum-exp, of the larger of the two terms subtracted. Zeros are counted where the exact value is not
below the smallest subnormal. Only the labels differ: they have the dtype of the logits, and rows of soft labels add up
to exactly 1, because some of the peers take both for granted. The functions called: libraries.py.
"""

import argparse
import importlib.metadata
import sys
import warnings
from collections.abc import Iterator

import numpy as np

try:
    from libraries import RUNNERS, find_installed
    from tqdm import tqdm

    import pyce._core
    from pyce._verify import LONG_ROW, LOSSES, TRANSFORMS
    from pyce._verify.cases import Case, Rows, make_elements, make_rows
    from pyce._verify.definition import check_reference
    from pyce._verify.measure import Statistics
    from pyce._verify.reference import find_references
    from pyce._verify.regimes import ELEMENT_REGIMES, ROW_REGIMES
except ModuleNotFoundError as error:
    sys.exit(f"accuracy.py needs {error.name}; in a checkout: pip install '.[verify,peers]'")

DTYPES = "float32", "float64"
CLASSES = 2, 3, 10, 100, 1000, 50_000
REGIMES = tuple(dict.fromkeys((*ROW_REGIMES, *ELEMENT_REGIMES)))
PACKAGES = {"tensorflow": "tensorflow-cpu", "sklearn": "scikit-learn"}  # where the distribution has another name
Table = dict[tuple[str, str, str], dict[str, Statistics]]  # by function, output, dtype; by library


def make_distributions(labels: np.ndarray, places: np.ndarray, dtype: str) -> np.ndarray:
    """Scale rows of labels to sums of exactly 1; rows without labels get the one at their place."""
    rows, unit = np.arange(len(labels)), 2.0 ** (np.finfo(dtype).nmant + 1)
    labels = labels.astype(np.float64)
    labels[rows[labels.sum(-1) == 0], places[labels.sum(-1) == 0]] = 1
    units = np.floor(labels / labels.sum(-1, keepdims=True) * unit)
    largest = labels.argmax(-1)
    units[rows, largest] += unit - units.sum(-1)
    return (units / unit).astype(dtype)


def make_cases(dtype: str, options: argparse.Namespace) -> Iterator[Case]:
    """Make the cases of `pyce verify`, with labels that every library takes."""
    for name in options.regimes:
        for classes in options.classes if name in ROW_REGIMES else ():
            case = make_rows(options.seed, name, (max(1, options.elements // classes), classes), dtype, 0)
            yield case._replace(soft_labels=make_distributions(case.soft_labels, case.index_labels, dtype))
        if name in ELEMENT_REGIMES:
            elements = make_elements(options.seed, name, options.elements, dtype, 0)
            yield elements._replace(labels=elements.labels.astype(dtype))


def measure(options: argparse.Namespace, libraries: list[str]) -> tuple[Table, float]:
    """Return the statistics, and the greatest distance of the reference from the definitions, in ulps."""
    table: Table = {}
    reference_error = 0.0
    for case in tqdm([case for dtype in DTYPES for case in make_cases(dtype, options)], unit="case", leave=False):
        dtype, references = case.logits.dtype.name, find_references(case)
        if not isinstance(case, Rows) or case.logits.shape[1] < LONG_ROW:
            reference_error = max(reference_error, check_reference(case, references, 2))
        for library in libraries:
            for function, outputs in RUNNERS[library](case).items():
                for output, result in outputs.items():
                    assert result.dtype == dtype, (library, function, output)
                    row = table.setdefault((function, output, dtype), {})
                    row.setdefault(library, Statistics()).add(function, case, result, references[function][output])
    return table, reference_error


def format_ulps(error: float) -> str:
    """Write an error with the digits that matter: 0.62, 511, 3e9."""
    if error > 1e6:
        return f"{error:.0e}".replace("e+0", "e").replace("e+", "e")
    return f"{error:.0f}" if error >= 100 else f"{error:.2f}"


def print_table(title: str, table: Table, libraries: list[str], means: bool) -> None:
    """Print a table of the worst errors with the zeros, or one of the mean errors."""
    print(f"\n{title}:\n\n| function | output | dtype | values | {' | '.join(libraries)} |")
    print("|---|---|---|---:|" + "---:|" * len(libraries))
    functions = [*LOSSES, *TRANSFORMS]
    for key in sorted(table, key=lambda key: (DTYPES.index(key[2]), functions.index(key[0]))):
        row, cells = table[key], []
        for name in libraries:
            if name not in row:
                cells.append("-")
            elif means:
                cells.append(format_ulps(row[name].mean()))
            else:
                cells.append(f"{format_ulps(row[name].worst.error)} / {row[name].zeros}")
        print(f"| {' | '.join(key)} | {row[libraries[0]].count} | {' | '.join(cells)} |")


def main() -> None:
    """Measure, and print the versions and the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=16_000, help="logits per case, at least a row (default 16000)")
    parser.add_argument("--classes", type=int, nargs="+", default=CLASSES, help=f"default {CLASSES}")
    parser.add_argument("--regimes", nargs="+", choices=REGIMES, default=REGIMES, metavar="REGIME", help="default all")
    parser.add_argument("--libraries", nargs="+", choices=RUNNERS, default=[*RUNNERS], help="default all installed")
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (default 0)")
    options = parser.parse_args()
    libraries = find_installed(options.libraries)
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # the textbook's overflows are what is measured
        warnings.simplefilter("ignore")
        table, reference_error = measure(options, libraries)
    names = [name for library in libraries for name in library.split("/")]
    print(", ".join(f"{name} {importlib.metadata.version(PACKAGES.get(name, name))}" for name in names), end="; ")
    print(f"pyce's instruction set: {pyce._core.library()['isa']}; seed {options.seed}.")
    print(f"The reference is within {reference_error:.1e} ulp of the definitions evaluated by mpmath, on samples.")
    print_table("Worst error in ulps / zeros returned for representable values", table, libraries, means=False)
    print_table("Mean error in ulps", table, libraries, means=True)


if __name__ == "__main__":
    main()
