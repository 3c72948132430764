#!/usr/bin/env python3
"""Fuzzes pyce_compute: the corpus in tests/fuzz/corpus and random inputs, beside guard pages and under sanitizers.

    python .ci/fuzz.py [--executions N] [--seed S] [--build DIRECTORY] [--libfuzzer SECONDS]

N random inputs run in a fast build, a tenth of them in one with address and undefined-behaviour sanitizers; both
replay the corpus first. An input that crashes, hangs or breaks a promise of the header ends the run, and is kept beside
the program that it ended. With --libfuzzer (clang), inputs are also bred for that long by what they reach, from the
corpus, and those that reach something new are left in DIRECTORY/found; to add them to the corpus:

    DIRECTORY/libfuzzer/fuzz_compute -set_cover_merge=1 -use_counters=0 tests/fuzz/corpus DIRECTORY/found
"""

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

from tools import SOURCE, run

CORPUS = SOURCE / "tests/fuzz/corpus"
PLAIN_PER_SANITIZED = 10


def build(work, name, *options):
    begun = time.monotonic()
    directory = work / name
    run("cmake", "-S", SOURCE / "tests/fuzz", "-B", directory, "-G", "Ninja", *options)
    run("cmake", "--build", directory)
    print(f"{name}: built in {time.monotonic() - begun:.0f} s", flush=True)
    return directory / "fuzz_compute"


def has_fma():
    """Whether this x86-64 processor has FMA. Where the baseline uses it too, its bits are compared
    with those of the other instruction sets."""
    info = Path("/proc/cpuinfo")
    return platform.machine() == "x86_64" and info.exists() and " fma " in info.read_text()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--executions", type=int, default=200_000, help="random inputs in the fast build")
    parser.add_argument("--seed", type=int, default=1, help="of the random inputs: the same seed gives the same inputs")
    parser.add_argument("--build", type=Path, help="where to build, kept; a temporary folder without it")
    parser.add_argument("--libfuzzer", type=int, default=0, metavar="SECONDS", help="how long to breed inputs")
    options = parser.parse_args()
    if options.executions < PLAIN_PER_SANITIZED:
        sys.exit(f"fewer than {PLAIN_PER_SANITIZED} executions: none would be under sanitizers")
    corpus = sorted(CORPUS.iterdir())
    if not corpus:
        sys.exit(f"no corpus in {CORPUS}")
    # one instruction set under sanitizers: each takes a minute to compile
    only_one = ["-DPYCE_X86_64=OFF", *(["-DCMAKE_C_FLAGS=-mavx2 -mfma"] if has_fma() else [])]
    with tempfile.TemporaryDirectory() as temporary:
        work = options.build.resolve() if options.build else Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        plain = build(work, "plain", *(["-DCMAKE_C_FLAGS=-mfma"] if has_fma() else []))
        sanitized = build(work, "sanitized", "-DFUZZ_SANITIZERS=ON", *only_one)
        for program, runs in (plain, options.executions), (sanitized, options.executions // PLAIN_PER_SANITIZED):
            print(f"\n{program.parent.name}: {len(corpus)} files, then {runs} random inputs", flush=True)
            run(program, "--runs", runs, "--seed", options.seed, *corpus, cwd=program.parent, show=True)
        if options.libfuzzer:
            clang = ["-DCMAKE_C_COMPILER=clang", "-DFUZZ_LIBFUZZER=ON", "-DFUZZ_SANITIZERS=ON"]
            program, found = build(work, "libfuzzer", *clang, *only_one), work / "found"
            found.mkdir(exist_ok=True)
            limits = ["-max_len=512", "-timeout=60", f"-max_total_time={options.libfuzzer}", "-print_final_stats=1"]
            # pyce allocates nothing (tests/test_processes.py), and libomp does not free what it has of its threads
            quiet = {"ASAN_OPTIONS": "detect_leaks=0"}
            run(program, *limits, "-verbosity=0", found, CORPUS, cwd=program.parent, show=True, variables=quiet)


if __name__ == "__main__":
    main()
