#!/usr/bin/env python3
"""Compares the bits of the results of several builds of the C tests, pair by pair.

    python .ci/same_bits.py BUILD_DIRECTORY[=EMULATOR ...] ...

Every build's test_digest prints, for each of its instruction sets with fused multiply-add that this machine has, one
digest for each loss, type, shape and output. All must print the same.
"""

import subprocess
import sys
from itertools import combinations
from pathlib import Path

ISAS = ("baseline", "avx2", "avx512")
UNAVAILABLE = 2  # test_digest's exit status for an instruction set that has no FMA, or is not here
MOST_LINES = 5


def digests(build, emulator, isa):
    """{"loss type shape output": digest}; None if there is nothing to compare."""
    command = [*emulator, str(build / "tests/c/test_digest"), isa]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == UNAVAILABLE:
        return None
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())


def compare(first, second):
    """Lines that say where the two differ."""
    if first.keys() != second.keys():
        return [f"only in one of the two: {what}" for what in sorted(first.keys() ^ second.keys())]
    return [f"{what}: {first[what]}, {second[what]}" for what in first if first[what] != second[what]]


def main():
    found, problems = {}, 0
    for argument in sys.argv[1:]:
        path, _, emulator = argument.partition("=")
        build, of_build = Path(path), {}
        for isa in ISAS:
            listing = digests(build, emulator.split(), isa)
            if listing is not None:
                of_build[f"{build.name} {isa}"] = listing
        if not of_build:
            print(f"{build.name}: no instruction set with fused multiply-add")
            problems += 1
        found |= of_build
    if len(found) < 2:
        sys.exit("fewer than two listings: nothing was compared")
    print(f"{len(next(iter(found.values())))} digests each: {', '.join(found)}")
    for (first, a), (second, b) in combinations(found.items(), 2):
        different = compare(a, b)
        if different:
            problems += 1
            print(f"{first} and {second} differ in {len(different)} of {len(a)}:")
            print("".join(f"    {line}\n" for line in different[:MOST_LINES]), end="")
    print(f"{len(found) * (len(found) - 1) // 2} pairs compared, {problems} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
