#!/usr/bin/env python3
"""Measures which branches of c_src the tests take, and checks that docs/coverage.md explains each that they do not.

    python .ci/branch_coverage.py [DIRECTORY]       (for the build; kept. Without one, a temporary one)

Builds with clang's coverage, runs the C tests and the Python tests named below, and counts the outcomes of every
condition: each `if`, loop, `?:`, operand of && and ||, and `case` can be true or false. Constants are left out. A place
in a source file counts once, whatever it is compiled into: kernels.c is compiled for each instruction set and each
template for each type, so an outcome counts as seen if any of them has had it. The stricter number, for which every
function that a template or a header becomes must have had it by itself (for any instruction set), is printed too.

Fails if fewer than 95 % of the outcomes are seen, if one that is not has no row in docs/coverage.md, or if a row there
speaks of one that is seen or is not in the source any more.
"""

import json
import os
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tools import SOURCE, install_instrumented, run

TABLE = SOURCE / "docs" / "coverage.md"
LEAST = 95.0
FLAGS = "-fprofile-instr-generate -fcoverage-mapping"
# What reaches the rest of the library from Python, in the least time.
PYTHON_TESTS = [
    f"tests/test_{name}.py"
    for name in (
        *("option_errors", "errors", "layouts", "edges", "dtypes", "half_memory", "half", "hessian_products"),
        *("companions", "reductions", "special_table", "options", "special_values"),
    )
]


def run_tests(directory, programs):
    for test in sorted((directory / "build/tests/c").glob("test_*")):
        if test.is_file() and os.access(test, os.X_OK):
            run(test, variables={"LLVM_PROFILE_FILE": str(directory / "c-%2m.profraw")})
    pytest = [programs / "pytest", "-q", "-p", "no:cacheprovider", *PYTHON_TESTS]
    print(run(*pytest, variables={"LLVM_PROFILE_FILE": str(directory / "python-%2m.profraw")}).splitlines()[-1])


def read_counts(directory):
    """llvm-cov's export for the library."""
    tools = Path(run("clang", "-print-prog-name=llvm-cov").strip()).resolve().parent
    profile = directory / "all.profdata"
    run(tools / "llvm-profdata", "merge", "-sparse", "-o", profile, *directory.glob("*.profraw"))
    (library,) = (path for path in (directory / "build").glob("libpyce.so*") if not path.is_symlink())
    return json.loads(run(tools / "llvm-cov", "export", f"-instr-profile={profile}", library))["data"][0]


def find_branches(export):
    """Two counters of times seen: by place and outcome, and by function, place and outcome."""
    by_place, by_function = Counter(), Counter()
    for function in export["functions"]:
        for line, column, end_line, end_column, true, false, file, *_ in function["branches"]:
            place = (Path(function["filenames"][file]).name, line, column, end_line, end_column)
            for outcome, times in (("true", true), ("false", false)):
                by_place[(*place, outcome)] += times
                by_function[(function["name"], *place, outcome)] += times
    return by_place, by_function


def describe(place):
    """A place and its outcome as a row of the table has them: no line numbers, which change."""
    file, line, column, end_line, end_column, outcome = place
    path = next(path for path in (SOURCE / "c_src" / file, SOURCE / "c_src/include" / file) if path.exists())
    lines = path.read_text().splitlines()
    last = end_column - 1 if end_line == line else None
    return file, lines[line - 1].strip().removesuffix("\\").strip(), lines[line - 1][column - 1 : last].strip(), outcome


def read_table():
    """The rows, and those of them that another machine may see."""
    pattern = r"^\| `(.+)` \| `(.+)` \| `(.+)` \| (true|false|both) \| (never|elsewhere) \| .+ \|$"
    explained, elsewhere = Counter(), Counter()
    for file, line, condition, outcome, seen in re.findall(pattern, TABLE.read_text(), re.MULTILINE):
        place = (file, line.replace("\\|", "|"), condition.replace("\\|", "|"))
        rows = [(*place, each) for each in ("true", "false") if outcome in (each, "both")]
        explained.update(rows)
        elsewhere.update(rows if seen == "elsewhere" else ())
    return explained, elsewhere


def absent(rows, by_place):
    """Those that are no place in the source any more."""
    return rows - Counter(describe(place) for place in by_place)


def share(seen):
    return f"{sum(map(bool, seen.values()))} of {len(seen)}, {100 * sum(map(bool, seen.values())) / len(seen):.1f} %"


def main():
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob("*.profraw"):
            old.unlink()
        run_tests(directory, install_instrumented(directory / "build", directory / "venv", "clang", FLAGS))
        export = read_counts(directory)
    by_place, by_function = find_branches(export)
    unseen = Counter(describe(place) for place, times in by_place.items() if not times)
    explained, elsewhere = read_table()
    problems = [f"not explained in {TABLE.name}: {' | '.join(row)}" for row in sorted((unseen - explained).elements())]
    stale = (explained - unseen) - (elsewhere - absent(elsewhere, by_place))
    problems += [f"{TABLE.name} explains what is seen or gone: {' | '.join(row)}" for row in sorted(stale.elements())]
    if 100 * sum(map(bool, by_place.values())) < LEAST * len(by_place):
        problems.append(f"fewer than {LEAST} % of the branches are seen")
    lines = export["totals"]["lines"]
    print("\n".join(problems))
    print(f"lines: {lines['covered']} of {lines['count']}, {lines['percent']:.1f} %")
    print(f"outcomes of branches, a place once: {share(by_place)}; each function by itself: {share(by_function)}")
    print(f"{sum(explained.values())} explained, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
