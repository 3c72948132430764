"""The table that `pyce verify` prints, as Markdown, and its verdict."""

from __future__ import annotations

from collections.abc import Iterator

from pyce._verify.formats import BOUND, HALVES, WIDENED, bound_of, kinds
from pyce._verify.measure import Statistics

Key = tuple[str, str, str, str]  # function, output, kind of the result, instruction set

MEAN_BOUND = 0.5
HEADER = ("function", "output", "dtype", "instruction sets", "values", "worst", "99.9 %", "mean", "zeros", "worst in")


def format_ulps(error: float, digits: int = 3) -> str:
    """Write an error with the digits that matter."""
    return f"{error:.{digits}f}" if error < 100 else f"{error:.3g}"


def format_worst(error: float, kind: str) -> str:
    """Write the worst error of a kind of result; that of a half type is half an ulp and a little."""
    return format_ulps(error, 6 if kind in HALVES else 3)


def format_errors(kind: str, statistics: Statistics) -> tuple[str, str, str]:
    """Write the worst error, the percentile and the mean."""
    percentile = statistics.percentile(0.999)
    if kind in HALVES:  # which lies within the last step of the histogram
        percentile = min(percentile, statistics.worst.error)
    return format_worst(statistics.worst.error, kind), format_ulps(percentile), format_ulps(statistics.mean())


def merge_equal(results: dict[Key, Statistics]) -> Iterator[tuple[Key, Statistics]]:
    """Join the instruction sets whose numbers are all the same."""
    merged: dict[tuple[object, ...], tuple[Key, Statistics]] = {}
    places = {key: place for place, key in enumerate(results)}
    for (function, output, kind, isa), statistics in results.items():
        group = (function, output, kind, statistics.summary())
        names = f"{merged[group][0][3]}, {isa}" if group in merged else isa
        merged[group] = (function, output, kind, names), statistics
    yield from sorted(merged.values(), key=lambda pair: (kinds().index(pair[0][2]), places[first_key(pair[0])]))


def first_key(key: Key) -> Key:
    """Return the key with the first of its instruction sets."""
    return (*key[:3], key[3].split(",")[0])


def faults(kind: str, statistics: Statistics) -> list[str]:
    """Return what is wrong with one line of the table."""
    found = []
    bound = bound_of(kind)
    if not statistics.worst.error <= bound:
        found.append(f"worst error {format_worst(statistics.worst.error, kind)} ulp, above {bound:g}")
    if not statistics.mean() <= MEAN_BOUND:
        found.append(f"mean error {format_ulps(statistics.mean())} ulp, above {MEAN_BOUND:g}")
    if statistics.zeros:
        found.append(f"{statistics.zeros} results are 0 where the exact value can be represented")
    if statistics.misrounded:
        found.append(
            f"{statistics.misrounded} results are not the float32 result rounded once to nearest even; "
            f"the first: {statistics.misrounded_text}"
        )
    return found


def table_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return the table."""
    rows: list[tuple[str, ...]] = [HEADER]
    for key, statistics in merge_equal(results):
        errors = format_errors(key[2], statistics)
        rows.append((*key, str(statistics.count), *errors, str(statistics.zeros), statistics.worst.regime))
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
    """Return the short tables: the largest numbers over the instruction sets, the kinds of results side by side.

    The second table is that of half types; what nothing was measured of is left out.
    """
    present = {kind for _, _, kind, _ in results}
    half = [kind for kind in kinds() if kind in present and kind in (*HALVES, *WIDENED)]
    ordinary = [kind for kind in kinds() if kind in present and kind not in half]
    lines = short_table(results, ordinary, ("worst", "99.9 %", "mean")) if ordinary else []
    if half:
        lines += [""] * bool(ordinary) + short_table(results, half, ("worst", "mean"))
    return lines


def short_table(results: dict[Key, Statistics], columns: list[str], names: tuple[str, ...]) -> list[str]:
    """Return a table with the numbers named for each kind of result."""
    largest: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for (function, output, kind, _), statistics in results.items():
        if kind in columns:
            numbers = largest.setdefault((function, output), {}).setdefault(kind, {})
            found = statistics.worst.error, statistics.percentile(0.999), statistics.mean()
            for name, number in zip(("worst", "99.9 %", "mean"), found, strict=True):
                numbers[name] = max(number, numbers.get(name, number))
    header = " | ".join(f"{kind} " + " | ".join(names) for kind in columns)
    lines = [f"| function | output | {header} |", "|---|---|" + "---:|" * (len(names) * len(columns))]
    for (function, output), by_kind in largest.items():
        cells = [
            format_worst(by_kind[kind][name], kind) if name == "worst" else format_ulps(by_kind[kind][name])
            for kind in columns
            for name in names
        ]
        lines.append(f"| {function} | {output} | {' | '.join(cells)} |")
    return lines


def worst_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return the input of the worst case of every output, whichever instruction set it is of."""
    worst: dict[tuple[str, str, str], tuple[Key, Statistics]] = {}
    for key, statistics in merge_equal(results):
        if key[:3] not in worst or statistics.worst.error > worst[key[:3]][1].worst.error:
            worst[key[:3]] = key, statistics
    lines = ["Worst cases:"]
    for key, statistics in worst.values():
        lines += case_lines(key, statistics, f"{format_worst(statistics.worst.error, key[2])} ulp")
    return lines


def case_lines(key: Key, statistics: Statistics, remark: str) -> list[str]:
    """Return a remark on one line of the table, and the input of its worst case."""
    function, output, kind, isas = key
    return [f"  {function} {output} {kind} ({isas}): {remark}", f"    {statistics.worst.text}"]


def verdict_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return what is wrong, line by line; empty if nothing is."""
    lines = []
    for key, statistics in merge_equal(results):
        for fault in faults(key[2], statistics):
            lines += case_lines(key, statistics, fault)
    return lines


def passed_lines(results: dict[Key, Statistics]) -> list[str]:
    """Return what a run without faults has shown."""
    present = {kind for _, _, kind, _ in results}
    halves = ", ".join(f"{kind}: {bound_of(kind):g}" for kind in HALVES if kind in present)
    bound = f"{BOUND:g} ulp" + (f" ({halves})" if halves else "")
    lines = [f"Passed: errors at most {bound}, their means at most {MEAN_BOUND:g}, and nothing is flushed to 0."]
    return lines + ["Every half-precision result is the float32 result rounded once to nearest even."] * bool(halves)
