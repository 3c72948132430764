#!/usr/bin/env python3
"""Runs the tests under sanitizers and valgrind; fails on any finding.

    python .ci/sanitizers.py [--full] [--directory DIRECTORY] TOOL...

TOOL   asan-gcc, asan-clang   AddressSanitizer with LeakSanitizer, UndefinedBehaviorSanitizer
       tsan                   ThreadSanitizer: clang, libomp and its tool archer (gcc's libgomp is not instrumented, so
                              that every region of threads looks like a race)
       valgrind               memcheck

The C tests. --full: the Python tests too, with extension and library built the same way (two to four times the time
that pytest takes); for tsan those about threads, for valgrind a few, as one process there is 50 times slower. The
libraries that pyce is compared with are not installed for them.

DIRECTORY keeps the builds. PYTEST_ARGUMENTS (environment) replaces the selection of Python tests.
"""

import argparse
import os
import re
import shlex
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from tools import SOURCE, install_instrumented, run

ASAN = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
# Under valgrind the others take minutes each: many class counts, rows of forty million classes, and threads, of which
# one runs at a time.
VALGRIND_SHORT = ("basic", "status", "crowd")
# test_stack reads the stacks of threads that have ended, which is what valgrind is there to find; test_digest sets
# rounding modes, which valgrind does not know, and compares bits.
NOT_FOR_VALGRIND = ("stack", "digest")
# Of Python tests: CPython keeps memory until its end, and some ask for more memory than there is.
ASAN_OPTIONS = "detect_leaks=0:allocator_may_return_null=1"
UBSAN_OPTIONS = {"UBSAN_OPTIONS": "print_stacktrace=1"}
VALGRIND = [
    *("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full"),
    *("--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"),
]
BUILD_TYPE = "RelWithDebInfo"
TOOLS = {  # compiler, flags
    "asan-gcc": ("gcc", ASAN),
    "asan-clang": ("clang", f"{ASAN} -shared-libasan -Wno-unused-command-line-argument"),
    "tsan": ("clang", "-fsanitize=thread -fno-omit-frame-pointer"),
    "valgrind": ("gcc", "-g"),
}
# These link programs to the library without the sanitizer's run-time, or load another library before it.
OWN_PROGRAMS = [
    *(f"--ignore=tests/test_{name}.py" for name in ("consumers", "growth", "native_examples")),
    "--deselect=tests/test_import.py::test_a_library_of_another_abi_is_refused",
    "--deselect=tests/test_processes.py::test_the_library_allocates_nothing",
    "--deselect=tests/test_processes.py::test_an_allocation_that_fails_is_a_memory_error_and_nothing_else",
    "--deselect=tests/test_readme.py::test_c_example_compiles_with_the_flags_of_config_and_prints_its_losses",
]
PYTEST = {  # of --full
    "asan-gcc": OWN_PROGRAMS,
    "asan-clang": OWN_PROGRAMS,
    "tsan": ["tests/test_threads.py", "tests/test_returns_out.py"],
    "valgrind": ["tests/test_edges.py", "tests/test_dtypes.py"],
}


def file_of(compiler, name):
    """A file of the compiler's own, the one that links lead to."""
    return Path(run(compiler, f"-print-file-name={name}").strip()).resolve()


def archer():
    """A shared library that uses OpenMP does not find archer by itself."""
    tools = Path(run("clang", "-print-prog-name=llvm-symbolizer").strip()).resolve().parent
    library = tools.parent / "lib" / "libarcher.so"
    if not library.exists():
        sys.exit(f"{library} is not installed: a part of libomp-dev")
    return {"OMP_TOOL_LIBRARIES": str(library), "TSAN_OPTIONS": "ignore_noninstrumented_modules=1 exitcode=66"}


def build_library(directory, compiler, flags):
    options = {"CMAKE_BUILD_TYPE": BUILD_TYPE, "CMAKE_C_COMPILER": compiler, "CMAKE_C_FLAGS": flags}
    run(
        "cmake", "-S", SOURCE, "-B", directory, "-G", "Ninja", *(f"-D{name}={value}" for name, value in options.items())
    )
    run("cmake", "--build", directory)


def run_c_tests(tool, directory, full):
    prefix = VALGRIND if tool == "valgrind" else []
    suppressions = directory / "leaks"
    suppressions.write_text("leak:libomp.so\n")  # what libomp keeps of its threads, after a fork for instance
    leaks = {"ASAN_OPTIONS": "detect_leaks=1", "LSAN_OPTIONS": f"suppressions={suppressions}:print_suppressions=0"}
    environment = archer() if tool == "tsan" else {**UBSAN_OPTIONS, **leaks}
    if tool == "asan-clang":
        environment["LD_LIBRARY_PATH"] = str(file_of("clang", "libclang_rt.asan-x86_64.so").parent)
    programs = sorted(path for path in (directory / "tests/c").glob("test_*") if os.access(path, os.X_OK))
    if tool == "valgrind":
        names = {program.name.removeprefix("test_"): program for program in programs}
        programs = [names[name] for name in names if name not in NOT_FOR_VALGRIND and (full or name in VALGRIND_SHORT)]
    if len(programs) < len(VALGRIND_SHORT):
        sys.exit(f"{directory} holds {len(programs)} tests: too few")
    for program in programs:
        start = time.monotonic()
        last = run(*prefix, program, variables=environment).splitlines()[-1]
        print(f"{tool}: {program.name}: {last} ({time.monotonic() - start:.0f} s)", flush=True)


def preloaded(tool):
    """What a Python that is not instrumented itself needs before it loads libraries that are; see also tsan_python."""
    if tool == "asan-gcc":
        return [file_of("gcc", "libasan.so"), file_of("gcc", "libubsan.so")]
    if tool == "asan-clang":
        return [file_of("clang", "libclang_rt.asan-x86_64.so")]
    return []


def tsan_python(programs):
    """A Python whose main program is built for ThreadSanitizer: its run-time library cannot be loaded beforehand."""
    source = "#include <Python.h>\nint main(int count, char **words) { return Py_BytesMain(count, words); }\n"
    (programs / "main.c").write_text(source)
    variables = sysconfig.get_config_vars()
    library = f"-L{variables['LIBDIR']}", f"-Wl,-rpath,{variables['LIBDIR']}", f"-lpython{variables['LDVERSION']}"
    include = f"-I{sysconfig.get_path('include')}"
    run(
        "clang",
        "-fsanitize=thread",
        "-rdynamic",
        include,
        programs / "main.c",
        "-o",
        programs / "python-tsan",
        *library,
    )
    return programs / "python-tsan"


def run_python_tests(tool, environment):
    """Leaks are looked for in the C tests alone."""
    variables = {"LD_PRELOAD": " ".join(map(str, preloaded(tool))), "ASAN_OPTIONS": ASAN_OPTIONS, **UBSAN_OPTIONS}
    prefix = []
    if tool == "tsan":
        variables.update(archer())
    if tool == "valgrind":
        findings = environment / "findings"
        prefix = ["valgrind", "--quiet", "--leak-check=no", "--fullpath-after=", f"--log-file={findings}"]
        variables["PYTHONMALLOC"] = "malloc"
    selection = shlex.split(os.environ.get("PYTEST_ARGUMENTS", "")) or PYTEST[tool]
    python = tsan_python(environment / "bin") if tool == "tsan" else environment / "bin/python"
    pytest = [python, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *selection]
    print(f"{tool}: pytest: {run(*prefix, *pytest, variables=variables).splitlines()[-1]}", flush=True)
    if tool == "valgrind":  # which has much to say of CPython and NumPy
        own = [text for text in re.split(r"==\d+== *\n", findings.read_text()) if re.search(r"pyce|c_src", text)]
        if own:
            sys.exit("\n".join(own))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tools", nargs="+", choices=TOOLS, metavar="TOOL")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for tool in options.tools:
            directory = (options.directory or Path(temporary)).resolve() / tool
            start = time.monotonic()
            if options.full:
                install_instrumented(directory / "build", directory / "venv", *TOOLS[tool], BUILD_TYPE)
            else:
                build_library(directory / "build", *TOOLS[tool])
            print(f"{tool}: built ({time.monotonic() - start:.0f} s)", flush=True)
            run_c_tests(tool, directory / "build", options.full)
            if options.full:
                run_python_tests(tool, directory / "venv")
    print(f"no findings: {', '.join(options.tools)}")


if __name__ == "__main__":
    main()
