#!/usr/bin/env python3
"""clang-tidy (checks in .clang-tidy) and cppcheck over the library, the C tests and the examples: no finding is left.

python .ci/static_analysis.py
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
C_FILES = ["c_src/*.c", "tests/c/*.c", "tests/consumers/*.c", "examples/c/*.c"]
CPP_FILES = ["tests/consumers/*.cpp", "examples/cpp/*.cpp"]
INCLUDE = "-Ic_src/include"
LIBRARY = ["-DPYCE_BUILDING", "-DPYCE_HAVE_BASELINE", "-DPYCE_HAVE_AVX2", "-DPYCE_HAVE_AVX512"]
KERNELS = ["-mavx2", "-mfma", "-mf16c", "-DPYCE_KERNELS=pyce_kernels_avx2"]
CPPCHECK = [
    *("cppcheck", "--quiet", "--error-exitcode=1", "--enable=warning,style,performance,portability", "--inline-suppr"),
    # What cppcheck is told, as it has no compiler to ask; its preprocessor cannot expand HORNER.
    *("-D__GNUC__=12", "-D__x86_64__", "-D__unix__", "-D__ELF__", "-D_OPENMP=201511", "-UHORNER", INCLUDE),
    # It looks at one file at a time: what another file uses counts as unused.
    "--suppress=unusedStructMember",
]
# pyce.hpp is made of views, which are passed by value and made from containers without a word, as std::span is.
CPPCHECK_CPP = ["--suppress=noExplicitConstructor", "--suppress=passedByValue", "--suppress=memsetClassFloat"]


def files(patterns):
    return sorted(str(path.relative_to(SOURCE)) for pattern in patterns for path in SOURCE.glob(pattern))


def tidy(file):
    flags = ["-std=c++17" if file.endswith(".cpp") else "-std=c99", "-fopenmp", INCLUDE]
    if file.startswith("c_src/"):
        flags += LIBRARY
    if file == "c_src/kernels.c":
        flags += KERNELS
    return ["clang-tidy", "--quiet", file, "--", *flags]


def main():
    c_files, cpp_files = files(C_FILES), files(CPP_FILES)
    commands = [tidy(file) for file in c_files + cpp_files]
    library = [file for file in c_files if file.startswith("c_src/")]
    others = [file for file in c_files if file not in library]
    commands.append([*CPPCHECK, "--std=c99", *LIBRARY, "-DPYCE_KERNELS=pyce_kernels_avx2", *library])
    commands.append([*CPPCHECK, "--std=c99", *others])
    commands.append([*CPPCHECK, "--std=c++17", "--language=c++", *CPPCHECK_CPP, *cpp_files])

    def run(command):
        return subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [done for done in pool.map(run, commands) if done.returncode]
    for done in failed:
        print(done.stdout, done.stderr if done.args[0] == "cppcheck" else "", sep="")
    print(
        f"{len(c_files) + len(cpp_files)} files, clang-tidy and cppcheck: {len(failed)} of {len(commands)} runs failed"
    )
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
