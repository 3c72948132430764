"""What a JSON file of the benchmark says: ratios, fractions of the limit, the Markdown table and its heading."""

import itertools
import math
import statistics
from typing import Any, NamedTuple

from cells import OUTPUTS, Cell, format_shape, format_threads

Line = dict[str, Any]  # a cell of the JSON file


class Rating(NamedTuple):
    """How a cell stands: the best peer, its time over that of pyce, and the time at the limit over that of pyce."""

    peer: str | None
    ratio: float
    fraction: float


def is_measured(line: Line) -> bool:
    """Return whether the cell was measured, not skipped."""
    return "seconds" in line


def median_ratio(times: list[float], base: list[float]) -> float:
    """Return the median over the rounds of the ratio within a round; a peer that was too slow has no rounds."""
    if len(times) < len(base):
        return times[0] / statistics.median(base)
    return statistics.median(time / other for time, other in zip(times, base, strict=True))


def limit_seconds(line: Line) -> list[float]:
    """Return the seconds of a round that nothing can go below: the loop's, or those of the smallest call."""
    floor = line["limits"]["floor"]
    return [max(pair) for pair in zip(floor, line["limits"].get("loop", floor), strict=True)]


def rate(line: Line) -> Rating:
    """Compare pyce with its best peer and with the limit; NaN for what was not measured."""
    if not is_measured(line):
        return Rating(None, math.nan, math.nan)
    own = line["seconds"]["pyce"]
    ratios = {name: median_ratio(times, own) for name, times in line["seconds"].items() if name != "pyce"}
    peer = min(ratios, key=ratios.__getitem__, default=None)
    fraction = median_ratio(limit_seconds(line), own) if "loop" in line["limits"] else math.nan
    return Rating(peer, ratios[peer] if peer else math.nan, fraction)


def format_seconds(seconds: float) -> str:
    """Write a time with 3 digits in the unit that suits it."""
    value, unit = next(
        (seconds * f, u) for f, u in ((1e6, "us"), (1e3, "ms"), (1, "s")) if seconds * f < 999.5 or u == "s"
    )
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f} {unit}"


def format_number(number: float) -> str:
    """Write a ratio, or a dash for NaN."""
    return "-" if math.isnan(number) else f"{number:.2f}"


def head_lines(results: dict[str, Any]) -> list[str]:
    """Return the machine, the versions and the bandwidths."""
    machine = results["machine"]
    lines = [
        f"- {machine['processor']}, {machine['cpus']} CPUs, {machine['memory_bytes'] / 2**30:.0f} GiB; "
        f"{machine['system']}; pyce with {machine['isa']}, by {machine['pyce_compiler']}; "
        f"the loops by {machine['loop_compiler'] or 'no compiler'}",
        f"- Python {machine['python']}, " + ", ".join(f"{name} {text}" for name, text in results["versions"].items()),
        f"- at most {results['rounds']} rounds, {results['seconds']:g} s for a cell",
    ]
    for threads, bandwidths in results["bandwidths"].items():
        text = ", ".join(f"{kind} {value / 1e9:.1f} GB/s" for kind, value in bandwidths.items())
        lines.append(f"- memory with {format_threads(int(threads))}: {text or 'not measured'}")
    return lines


def time_cell(line: Line, name: str) -> str:
    """Write the time of a library: with a star if its gradient is not in place, "wrong" if it did not agree."""
    if name not in line["seconds"]:
        return "fails" if name in line["failed"] else "-"
    star = " *" if line["outputs"] == "inplace" and name not in line["in_place"] else ""
    return format_seconds(statistics.median(line["seconds"][name])) + star


def row(line: Line, libraries: list[str]) -> str:
    """Return the row of a cell."""
    start = f"| {line['loss']} {OUTPUTS[line['outputs']]} | {format_shape(line['shape'], line['axis'])} | "
    if not is_measured(line):
        return start + " | ".join([f"skipped: {line['skipped']}", *[""] * (len(libraries) + 1)]) + " |"
    rating = rate(line)
    best = f"{format_number(rating.ratio)} ({rating.peer})" if rating.peer else "-"
    times = [time_cell(line, name) for name in libraries]
    return start + " | ".join([*times, best, format_number(rating.fraction)]) + " |"


def table_lines(results: dict[str, Any], lines: list[Line]) -> list[str]:
    """Return a table for each dtype and number of threads."""
    libraries, text = results["libraries"], []
    for (threads, dtype), group in itertools.groupby(lines, key=lambda line: (line["threads"], line["dtype"])):
        text += ["", f"### {dtype}, {format_threads(threads)}", ""]
        text += [f"| loss | shape | {' | '.join(libraries)} | best peer / pyce | of the limit |"]
        text += ["|---|---|" + "---:|" * (len(libraries) + 2)]
        text += [row(line, libraries) for line in group]
    return text


def failure_lines(lines: list[Line]) -> list[str]:
    """Return what went wrong, once for each library and message, with the number of cells."""
    counts: dict[str, int] = {}
    for line in filter(is_measured, lines):
        for name, message in line["failed"].items():
            key = f"{name}, {line['dtype']}: {message.partition(': off by')[0]}"
            counts[key] = counts.get(key, 0) + 1
    return [f"- {key} ({count} cells)" for key, count in counts.items()]


def summary_lines(lines: list[Line]) -> list[str]:
    """Return in how many cells pyce is the fastest, by how much on average, and the cells where it is not."""
    ratings = {str(Cell.from_json(line)): rate(line) for line in lines}
    ratios = {name: rating for name, rating in ratings.items() if rating.peer}
    text = [f"{len(lines)} cells, {sum(map(is_measured, lines))} measured."]
    if ratios:
        mean = statistics.geometric_mean(rating.ratio for rating in ratios.values())
        ahead = sum(rating.ratio >= 1 for rating in ratios.values())
        text[0] += f" pyce is as fast as the best peer or faster in {ahead} of {len(ratios)}; "
        text[0] += f"geometric mean of best peer / pyce {mean:.2f}."
    behind = sorted((rating.ratio, name, rating.peer) for name, rating in ratios.items() if rating.ratio < 1)
    return text + [f"- behind, {ratio:.2f} ({peer}): {name}" for ratio, name, peer in behind]


def report_lines(results: dict[str, Any], plan: list[Cell]) -> list[str]:
    """Return the whole report on the cells of a plan that were measured or skipped."""
    lines = choose_lines(results, plan)
    text = [*head_lines(results), "", *summary_lines(lines), *table_lines(results, lines)]
    failures = failure_lines(lines)
    return [*text, "", "Not timed, because the result was not that of pyce or there was none:", "", *failures] * bool(
        failures
    ) or text


def choose_lines(results: dict[str, Any], plan: list[Cell]) -> list[Line]:
    """Return the cells of the plan that the results have, in its order, those of a dtype and thread count together."""
    have = {Cell.from_json(line): line for line in results["cells"]}
    lines = [have[cell] for cell in plan if cell in have]
    groups = list(dict.fromkeys((line["threads"], line["dtype"]) for line in lines))
    return sorted(lines, key=lambda line: groups.index((line["threads"], line["dtype"])))
