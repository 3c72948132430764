"""The table that `pyce verify` prints, as Markdown, and its verdict."""

from __future__ import annotations

from collections.abc import Iterator

from pyce._verify.measure import Statistics

Key = tuple[str, str, str, str]  # function, output, dtype, instruction set

BOUND = 2.0
MEAN_BOUND = 0.5
HEADER = ("function", "output", "dtype", "instruction sets", "values", "worst", "99.9 %", "mean", "zeros", "worst in")


def format_ulps(error: float) -> str:
    """Write an error with the digits that matter."""
    return f"{error:.3f}" if error < 100 else f"{error:.3g}"


def merge_equal(results: dict[Key, Statistics]) -> Iterator[tuple[Key, Statistics]]:
    """Join the instruction sets whose numbers are all the same."""
    merged: dict[tuple[object, ...], tuple[Key, Statistics]] = {}
    for (function, output, dtype, isa), statistics in results.items():
        group = (function, output, dtype, statistics.summary())
        names = f"{merged[group][0][3]}, {isa}" if group in merged else isa
        merged[group] = (function, output, dtype, names), statistics
    yield from sorted(merged.values(), key=lambda pair: (pair[0][2], list(results).index(first_key(pair[0]))))


def first_key(key: Key) -> Key:
    """Return the key with the first of its instruction sets."""
    return (*key[:3], key[3].split(",")[0])


def faults(statistics: Statistics) -> list[str]:
    """Return what is wrong with one line of the table."""
    found = []
    if not statistics.worst.error <= BOUND:
        found.append(f"worst error {format_ulps(statistics.worst.error)} ulp, above {BOUND:g}")
    if not statistics.mean() <= MEAN_BOUND:
        found.append(f"mean error {format_ulps(statistics.mean())} ulp, above {MEAN_BOUND:g}")
    if statistics.zeros:
        found.append(f"{statistics.zeros} results are 0 where the exact value can be represented")
    return found


def table_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return the table."""
    rows: list[tuple[str, ...]] = [HEADER]
    for key, statistics in merge_equal(results):
        errors = statistics.worst.error, statistics.percentile(0.999), statistics.mean()
        cells = str(statistics.count), *(format_ulps(error) for error in errors), str(statistics.zeros)
        rows.append((*key, *cells, statistics.worst.regime))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    is_number = [4 <= column <= 8 for column in range(len(HEADER))]
    lines = []
    for row in rows:
        cells = tuple(
            f"{cell:>{width}}" if right else f"{cell:{width}}"
            for cell, width, right in zip(row, widths, is_number, strict=True)
        )
        lines.append("| " + " | ".join(cells) + " |")
    rule = "|".join("-" * (width + 1) + (":" if right else "-") for width, right in zip(widths, is_number, strict=True))
    return [lines[0], f"|{rule}|", *lines[1:]]


def summary_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return the short table: the largest numbers over the instruction sets, the dtypes side by side."""
    dtypes = sorted({dtype for _, _, dtype, _ in results})
    largest: dict[tuple[str, str], dict[str, tuple[float, ...]]] = {}
    for (function, output, dtype, _), statistics in results.items():
        errors = statistics.worst.error, statistics.percentile(0.999), statistics.mean()
        columns = largest.setdefault((function, output), {})
        columns[dtype] = tuple(max(pair) for pair in zip(errors, columns.get(dtype, errors), strict=True))
    header = " | ".join(f"{dtype} worst | 99.9 % | mean" for dtype in dtypes)
    lines = [f"| function | output | {header} |", "|---|---|" + "---:|---:|---:|" * len(dtypes)]
    for (function, output), columns in largest.items():
        cells = " | ".join(format_ulps(error) for dtype in dtypes for error in columns[dtype])
        lines.append(f"| {function} | {output} | {cells} |")
    return lines


def worst_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return the input of the worst case of every output, whichever instruction set it is of."""
    worst: dict[tuple[str, str, str], tuple[Key, Statistics]] = {}
    for key, statistics in merge_equal(results):
        if key[:3] not in worst or statistics.worst.error > worst[key[:3]][1].worst.error:
            worst[key[:3]] = key, statistics
    lines = ["Worst cases:"]
    for key, statistics in worst.values():
        lines += case_lines(key, statistics, f"{format_ulps(statistics.worst.error)} ulp")
    return lines


def case_lines(key: Key, statistics: Statistics, remark: str) -> list[str]:
    """Return a remark on one line of the table, and the input of its worst case."""
    function, output, dtype, isas = key
    return [f"  {function} {output} {dtype} ({isas}): {remark}", f"    {statistics.worst.text}"]


def verdict_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return what is wrong, line by line; empty if nothing is."""
    lines = []
    for key, statistics in merge_equal(results):
        for fault in faults(statistics):
            lines += case_lines(key, statistics, fault)
    return lines
