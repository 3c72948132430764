"""Times of pyce beside its peers and beside the limit of the machine: a JSON file, a table and a picture.

`python benchmarks` measures every cell, which takes hours; the options choose cells, --quick a few of them in some
minutes. Each cell is written to the JSON file as it is measured: an interrupted run keeps what it has, and --resume
goes on with it. --redraw makes the table and the picture from the file alone. docs/performance.md says how it measures.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cells import DTYPES, LOSSES, OUTPUTS, QUICK, SHAPES, THREADS, Cell, parse_shape, plan_cells


def positive(text: str) -> int:
    """Return the positive integer that is written."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def shape(text: str) -> str:
    """Return the text if it is a shape."""
    try:
        parse_shape(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def make_parser(peers: tuple[str, ...]) -> argparse.ArgumentParser:
    """Return the parser of the options; those that are not given are None."""
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__)
    some: dict[str, Any] = {"nargs": "+"}
    parser.add_argument("--loss", choices=LOSSES, **some, help="default all, and so for the other parts of a cell")
    parser.add_argument("--outputs", choices=OUTPUTS, **some)
    parser.add_argument("--dtype", choices=DTYPES, **some)
    parser.add_argument(
        "--shape", type=shape, **some, metavar="SHAPE", help="1024x1000; 8x21x64x64@1: classes on axis 1"
    )
    parser.add_argument("--threads", type=positive, **some, help=f"default {' '.join(map(str, THREADS))}")
    parser.add_argument("--peers", choices=peers, **some, help="default all that are installed")
    parser.add_argument("--rounds", type=positive, help="turns of every library at most (default 9; quick 3)")
    parser.add_argument("--seconds", type=float, help="for the turns of a cell, about (default 3; quick 0.5)")
    parser.add_argument("--memory", type=float, default=0.6, help="share of the memory that a cell may take (0.6)")
    parser.add_argument("--quick", action="store_true", help="three shapes in float32, few rounds")
    parser.add_argument("--json", type=Path, default=Path("performance.json"), help="default performance.json")
    parser.add_argument("--table", type=Path, help="default: the name of the JSON file with .md")
    parser.add_argument("--picture", type=Path, help="default: that name with .png; .svg and .pdf serve as well")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="keep the cells that the JSON file has")
    again.add_argument("--redraw", action="store_true", help="measure nothing: table and picture from the JSON file")
    return parser


def plan(options: argparse.Namespace) -> list[Cell]:
    """Return the cells that the options choose."""
    every = {"loss": LOSSES, "outputs": tuple(OUTPUTS), "dtype": DTYPES, "shape": SHAPES, "threads": THREADS}
    if options.quick:
        every |= QUICK
    return plan_cells(*(getattr(options, name) or every[name] for name in every))


def choose_libraries(options: argparse.Namespace, peers: tuple[str, ...]) -> list[str]:
    """Return pyce and the peers to be measured, and say which are not installed."""
    from peers import find_missing

    chosen = ["pyce"]
    for name in options.peers or peers:
        missing = find_missing(name)
        if missing:
            print(f"{' and '.join(missing)} not installed: {name} is left out")
        else:
            chosen.append(name)
    return chosen


def measure(options: argparse.Namespace, cells: list[Cell], peers: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    """Measure; return what the JSON file holds, and whether it is all."""
    from measure import begin_results, run_plan

    rounds, seconds = options.rounds or (3 if options.quick else 9), options.seconds or (0.5 if options.quick else 3)
    if options.resume and options.json.exists():
        results = json.loads(options.json.read_text())
    else:
        results = begin_results(choose_libraries(options, peers), rounds, seconds)
    complete = run_plan(options.json, results, cells, options.memory, options.quick)
    if not complete:
        print(f"\ninterrupted: {options.json} has {len(results['cells'])} of {len(cells)} cells; --resume goes on")
    return results, complete


def main() -> None:
    """Measure, unless it is to be redrawn, and write the table and the picture."""
    try:
        from peers import PEERS
        from picture import draw
        from report import choose_lines, report_lines, summary_lines

        options = make_parser(PEERS).parse_args()
        cells = plan(options)
        if options.redraw:
            results, complete = json.loads(options.json.read_text()), True
        else:
            results, complete = measure(options, cells, PEERS)
    except ModuleNotFoundError as error:
        sys.exit(f"python benchmarks needs {error.name}; in a checkout: pip install '.[bench]'")
    if options.redraw and not any(getattr(options, name) for name in ("loss", "outputs", "dtype", "shape", "threads")):
        cells = [Cell.from_json(line) for line in results["cells"]]
    lines = choose_lines(results, cells)
    table = options.table or options.json.with_suffix(".md")
    picture = options.picture or options.json.with_suffix(".png")
    table.write_text("\n".join(report_lines(results, cells)) + "\n")
    draw(lines, picture)
    print("\n".join([*summary_lines(lines), f"written: {options.json}, {table}, {picture}"]))
    if not complete:
        sys.exit(130)


if __name__ == "__main__":
    main()
