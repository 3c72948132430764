"""Every check of the project, each a session: `nox -l` lists them, `nox -s NAME` runs one, .ci/run most of them.

Words after `--` go to the session's script: `nox -s fuzz -- --executions 10000000`. The programs that a session needs
beside Python (compilers, emulators) are listed in .ci/run, which installs them on a Debian-like machine.
"""

import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4"
nox.options.sessions = ["lint", "tests"]
nox.options.error_on_missing_interpreters = True

# The two commands of the README. A session runs the very text, in its new virtual environment.
INSTALL_AND_DEMO = "pip install . && pyce demo"
INSTALL_AND_TEST = "pip install '.[test]' && pytest"

PEERS = ["torch==2.13.0", "tensorflow-cpu", "jax", "optax", "onnx", "onnxruntime", "matplotlib", "ml_dtypes"]
BOOSTING = ["xgboost-cpu", "lightgbm", "catboost"]


def share_objects(session):
    """What one session has compiled serves the others that compile the same by the same path."""
    if shutil.which("ccache"):
        session.env.update(CMAKE_C_COMPILER_LAUNCHER="ccache", CCACHE_NOHASHDIR="1")


def run_readme_command(session, command):
    share_objects(session)
    if f"    {command}\n" not in Path("README.md").read_text():
        session.error(f"README.md does not have the command {command}")
    session.run("bash", "-c", command, external=True)


def run_script(session, name, *arguments):
    session.run("python3", f".ci/{name}.py", *arguments, *session.posargs, external=True)


@nox.session
def demo(session):
    """The README's first command: install, show worked examples."""
    run_readme_command(session, INSTALL_AND_DEMO)


@nox.session
def tests(session):
    """The README's second command, without the optional peers: install, run the tests."""
    run_readme_command(session, INSTALL_AND_TEST)


@nox.session
def tests_with_peers(session):
    """The README's second command beside every library that pyce is compared with."""
    session.install(*PEERS, *BOOSTING)
    run_readme_command(session, INSTALL_AND_TEST)


@nox.session
def lint(session):
    """Python: ruff and mypy --strict."""
    session.install("ruff", "mypy", "numpy")
    session.run("ruff", "check", ".")
    session.run("mypy")


@nox.session(python=False)
def header(session):
    """The header alone: C99 and C++11, gcc and clang, no warnings."""
    program = Path(session.create_tmp()) / "header.c"
    program.write_text('#include "pyce.h"\nint main(void) { return pyce_abi_version() != PYCE_ABI_VERSION; }\n')
    for compiler in (["gcc", "-x", "c", "-std=c99"], ["clang", "-x", "c", "-std=c99"],
                     ["g++", "-x", "c++", "-std=c++11"], ["clang++", "-x", "c++", "-std=c++11"]):  # fmt: skip
        flags = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-Ic_src/include", "-fsyntax-only"]
        session.run(*compiler, *flags, str(program), external=True)


@nox.session(python=False)
def platforms(session):
    """C tests and bits: gcc, clang, no OpenMP, emulated platforms and processors; the recorded ABI."""
    share_objects(session)
    builds = session.create_tmp()
    run_script(session, "platforms", "--keep", builds)
    session.run("python3", ".ci/check_abi.py", f"{builds}/gcc", external=True)


@nox.session(python=False)
def vectorised(session):
    """Every marked loop of the kernels is vectorised, by gcc and clang."""
    run_script(session, "check_vectorised")


@nox.session(python=False)
def static_analysis(session):
    """clang-tidy and cppcheck."""
    run_script(session, "static_analysis")


@nox.session(python=False)
def sanitizers(session):
    """The C tests under sanitizers; `-- --full asan-gcc asan-clang tsan valgrind`: the Python tests, too."""
    run_script(session, "sanitizers", *([] if session.posargs else ["asan-clang", "tsan"]))


@nox.session(python=False)
def fuzz(session):
    """pyce_compute on random calls, beside guard pages and under sanitizers."""
    run_script(session, "fuzz")


@nox.session(python=False)
def coverage(session):
    """Branches of c_src that the tests take; docs/coverage.md explains the others."""
    run_script(session, "branch_coverage")


@nox.session(python=False)
def wheel(session):
    """sdist, wheel, repaired wheel; its tests without a compiler. `-- PYTHON...`: for these interpreters."""
    run_script(session, "wheel", *([] if session.posargs else [sys.executable]))


@nox.session
def free_threaded(session):
    """The tests of threads on a free-threaded Python: `nox -s free_threaded --force-python 3.14t`."""
    session.install("--only-binary", "numpy,ml_dtypes", "numpy", "ml_dtypes", "pytest", "hypothesis", "mpmath")
    session.install("--no-deps", ".")
    session.run("python", "-c", "import sys, pyce; assert not sys._is_gil_enabled()")
    names = ("free_threaded", "threads", "returns_out", "layouts", "edges", "special_table", "import")
    session.run("pytest", *(f"tests/test_{name}.py" for name in names))


@nox.session
@nox.parametrize("cmake", ["3.25", "4"])
def consumers(session, cmake):
    """Programs that use pyce, built by the oldest CMake that serves and by the newest."""
    session.install(".[test]")
    session.install(f"cmake=={cmake}.*")
    session.run("cmake", "--version")
    session.run("pytest", "tests/test_consumers.py", *session.posargs)
