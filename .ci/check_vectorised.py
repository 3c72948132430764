#!/usr/bin/env python3
"""Checks, from the compilers' own records, that every loop marked PYCE_SIMD in the kernels is vectorised.

Compiles c_src/kernels.c with gcc and clang for every instruction set that CMakeLists.txt lists, by the very commands
that CMake uses, each with -fsave-optimization-record. A loop passes where every function that holds it (the templates
are instantiated per type) has it vectorised; a function that reports a failure for it, or no report at all, fails.

clang unrolls short loops of a fixed length before the loop vectoriser sees them and makes vectors of the straight code
afterwards, for which it reports no place. Such a loop passes, in brackets in the table, where the loop vectoriser takes
it in a build with -fno-unroll-loops, and the function that holds it has at least half the vector instructions of each
sort that it has there (a loop turned scalar loses all of its own). The second does not hold for the baseline, where
two lanes of double may rightly not be worth it to clang.

    python .ci/check_vectorised.py [SOURCE_DIRECTORY] [--isa NAME] [--compiler NAME]
"""

import argparse
import gzip
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MARK = "PYCE_SIMD"
TYPES = ("f32", "f64")
YES, NO, UNROLLED = "yes", "no", "unrolled"


class Loop(NamedTuple):
    file: str
    first: int  # the line of the mark
    last: int  # the last line of the loop

    def __str__(self):
        return f"{self.file}:{self.first + 1}"


class Remark(NamedTuple):
    places: tuple  # (file, line), the innermost first
    function: str
    outcome: str  # YES, NO or UNROLLED


def marked_loops(directory):
    """Every marked loop of the kernels' sources; a mark that does not stand right above a `for` is an error."""
    loops = []
    for path in sorted([*directory.glob("*.h"), *directory.glob("*.c")]):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip() == MARK:
                if number == len(lines) or not lines[number].lstrip().startswith("for ("):
                    sys.exit(f"{path}:{number}: {MARK} must stand on the line above a `for`")
                loops.append(Loop(path.name, number, end_of_loop(lines, number)))
            elif MARK in line and "define" not in line:
                sys.exit(f"{path}:{number}: {MARK} must stand on a line of its own")
    return loops


def end_of_loop(lines, start):
    """The number of the last line of the loop whose `for` is lines[start]."""
    depth = 0
    for number in range(start, len(lines)):
        for character in lines[number]:
            depth += (character in "({") - (character in ")}")
            if depth == 0 and character in ";}":
                return number + 1
    return len(lines)


def gcc_remarks(record):
    """What gcc's vectoriser recorded. Its place for a loop is the first statement of the body, be it in a function
    inlined there: then the loop is where that was called from."""
    _, passes, remarks = json.loads(gzip.decompress(record.read_bytes()))
    names = {}

    def collect(tree):
        for node in tree:
            names[node["id"]] = node["name"]
            collect(node.get("children", []))

    collect(passes)
    for remark in remarks:
        text = "".join(part for part in remark["message"] if isinstance(part, str))
        if names.get(remark.get("pass")) == "vect" and "location" in remark:
            calls = [call["site"] for call in remark.get("inlining_chain", []) if "site" in call]
            places = tuple((Path(place["file"]).name, place["line"]) for place in [remark["location"], *calls])
            if "loop vectorized" in text:
                yield Remark(places, remark["function"], YES)
            elif "couldn't vectorize loop" in text:
                yield Remark(places, remark["function"], NO)


def clang_remarks(record):
    """What clang's vectoriser and unroller recorded. Their place for a loop is the pragma. The record is YAML, where
    clang breaks the line within the braces if the path of the file is long."""
    pattern = re.compile(
        r"^--- !(Passed|Missed|Failure)\nPass: +(loop-vectorize|transform-warning|loop-unroll)\nName: +(\w+)\n"
        r"DebugLoc:\s+\{\s*File:\s+'?([^',]+)'?,\s+Line:\s+(\d+),[^}]*\}\nFunction: +(\S+)\n",
        re.MULTILINE,
    )
    for outcome, by, name, file, line, function in pattern.findall(record.read_text()):
        if by != "loop-unroll":
            yield Remark(((Path(file).name, int(line)),), function, YES if outcome == "Passed" else NO)
        elif name == "FullyUnrolled":
            yield Remark(((Path(file).name, int(line)),), function, UNROLLED)


class Compiler(NamedTuple):
    flags: list
    record: str  # the file it writes
    remarks: Callable


COMPILERS = {
    # the vectoriser of straight code, which comes after that of loops, would fill the record: 1 GB
    "gcc": Compiler(["-fsave-optimization-record", "-fno-tree-slp-vectorize"], "*.opt-record.json.gz", gcc_remarks),
    "clang": Compiler(
        [
            "-fsave-optimization-record",
            "-foptimization-record-passes=loop-vectorize|loop-unroll|transform-warning",
        ],
        "*.opt.yaml",
        clang_remarks,
    ),
}


def compile_commands(compiler, source, build):
    """{instruction set: command that compiles kernels.c for it}, as CMake has it."""
    subprocess.run(
        ["cmake", "-S", source, "-B", build, f"-DCMAKE_C_COMPILER={compiler}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if found := re.search(r"-DPYCE_KERNELS=pyce_kernels_(\w+)", entry["command"]):
            commands[found[1]] = shlex.split(entry["command"])
    return commands


def by_loop(loops, remarks):
    """{loop: {function: its outcomes there}}"""
    found = {loop: defaultdict(set) for loop in loops}
    for remark in remarks:
        for file, line in remark.places:
            around = [loop for loop in loops if loop.file == file and loop.first <= line <= loop.last]
            if around:
                found[max(around)][remark.function].add(remark.outcome)
                break
    return found


def vector_operations(object_file):
    """{function: {sort of vector arithmetic: how many instructions}}, from the disassembly (x86)."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", object_file], capture_output=True, text=True)
    counts, function = defaultdict(Counter), None
    for line in listing.stdout.splitlines():
        if found := re.match(r"[0-9a-f]+ <(\S+)>:", line):
            function = found[1]
        elif found := re.search(r"\tv?(add|sub|mul|div|max|min|fn?m(?:add|sub)|cmp)\w*p([sd])\b", line):
            counts[function][found[1] + found[2]] += 1
    return counts


def compile_kernels(command, output, compiler, loops):
    """Compiles into the directory `output`; what was recorded of the loops, and the object file."""
    output.mkdir()
    command = list(command)
    command[command.index("-o") + 1] = str(output / "kernels.o")
    subprocess.run([*command, "-w", *COMPILERS[compiler].flags], check=True, cwd=output)
    (record,) = output.glob(COMPILERS[compiler].record)
    remarks = list(COMPILERS[compiler].remarks(record))
    if not remarks:
        sys.exit(f"{compiler}: no remark was understood in its optimisation record: {shlex.join(command)}")
    return by_loop(loops, remarks), output / "kernels.o"


def settle_unrolled(isa, found, object_file, rolled, rolled_object):
    """Turns UNROLLED into NO where a build without unrolling shows that the loop is, or should be, something else."""
    mine, theirs = vector_operations(object_file), vector_operations(rolled_object)
    for loop, functions in found.items():
        for function, outcomes in functions.items():
            if outcomes == {UNROLLED}:
                holders = [name for name in rolled[loop] if type_of(name) == type_of(function)]
                in_loops = holders and all(rolled[loop][name] == {YES} for name in holders)
                in_code = all(2 * mine[name][sort] >= n for name in holders for sort, n in theirs[name].items())
                if not (in_loops and (in_code or isa == "baseline")):
                    outcomes.add(NO)


def type_of(function):
    """The instance, f32 or f64, that a function belongs to; None if its name does not say."""
    found = re.search(r"_(f32|f64)\b", function)
    return found and found[1]


def verdicts(functions):
    """{type: what became of a loop in that type's functions}; a function of no one type counts for both."""
    result = {}
    for name in TYPES:
        mine = {function: said for function, said in functions.items() if type_of(function) in (name, None)}
        # gcc also records the vector sizes that it tried and gave up, clang copies that it unrolled after all
        bad = sorted(function for function, said in mine.items() if NO in said and YES not in said)
        good = {outcome for said in mine.values() for outcome in said}
        result[name] = "NOT in " + ", ".join(bad) if bad else YES if YES in good else UNROLLED if good else "no report"
    return result


def examine(compiler, isa, command, folder, loops):
    """[(loop, verdicts)] of one build."""
    found, object_file = compile_kernels(command, folder / isa, compiler, loops)
    if compiler == "clang":
        rolled = compile_kernels([*command, "-fno-unroll-loops"], folder / f"{isa}-rolled", compiler, loops)
        settle_unrolled(isa, found, object_file, *rolled)
    return [(loop, verdicts(functions)) for loop, functions in found.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--isa", help="this instruction set alone")
    parser.add_argument("--compiler", choices=COMPILERS, help="this compiler alone")
    options = parser.parse_args()
    loops = marked_loops(options.source / "c_src")
    if not loops:
        sys.exit(f"no loop is marked {MARK}")
    builds = {}
    with tempfile.TemporaryDirectory() as name:  # one build at a time: gcc takes 10 GB for its record
        for compiler in [options.compiler] if options.compiler else COMPILERS:
            folder = Path(name, compiler)
            for isa, command in compile_commands(compiler, options.source, folder).items():
                if options.isa in (None, isa):
                    builds[f"{compiler} {isa}"] = examine(compiler, isa, command, folder, loops)
    if not builds:
        sys.exit("no kernel is built for that: nothing was checked")
    table = defaultdict(list)
    for build in builds.values():
        for loop, types in build:
            table[loop].append(types)
    failures = report(list(builds), table)
    print(f"{len(loops)} marked loops, {len(builds)} builds, {failures} not vectorised")
    return failures != 0


def report(columns, table):
    """Prints the table, loops against builds, then each failure; how many there are. Unrolled loops are in brackets."""
    failures = []
    print(f"{'loop':24}" + "".join(f"{column:>18}" for column in columns))
    for loop, row in table.items():
        cells = []
        for column, types in zip(columns, row, strict=True):
            # A loop that only one type's instance holds (an `if` on a constant) has no report from the other.
            bad = [f"{name}: {word}" for name, word in types.items() if word.startswith("NOT")]
            if all(word == "no report" for word in types.values()):
                bad = ["no report: optimised away, unrolled, or not compiled"]
            words = {YES: "{}", UNROLLED: "({})"}
            good = [words[word].format(name) for name, word in types.items() if word in words]
            cells.append("MISSED" if bad else "+".join(good))
            failures += [f"{loop} ({column}) {word}" for word in bad]
        print(f"{loop!s:24}" + "".join(f"{cell:>18}" for cell in cells))
    print("\n".join(failures))
    return len(failures)


if __name__ == "__main__":
    sys.exit(main())
