"""Programs that tests build and run: where the tools are, what they print."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

COMPILERS = {"c": ("CC", "cc"), "cpp": ("CXX", "c++"), "fortran": ("FC", "gfortran")}
PROCESSES = Path(__file__).parent / "processes"
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]


def tool(name):
    """Where a program is: beside this Python (cmake and ninja come from the `test` extra) or on the PATH."""
    path = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def compiler(language):
    variable, default = COMPILERS[language]
    command = shlex.split(os.environ.get(variable, default))
    return [tool(command[0]), *command[1:]]


def run(*command, **environment):
    """What a command prints; its messages if it fails."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def words(*command, **environment):
    return run(*command, **environment).split()


def config(*options):
    """The words of `pyce config`."""
    return words(tool("pyce"), "config", *options)


def run_process(name, *arguments, **environment):
    """What a program of tests/processes prints, on either stream; it must end well and in time."""
    # what scikit-learn sets where it is imported: with it, a forked child of any program with libomp hangs at its exit
    inherited = {name: value for name, value in os.environ.items() if name != "KMP_INIT_AT_FORK"}
    done = subprocess.run(
        [sys.executable, "-P", PROCESSES / name, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, env={**inherited, **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{name} {arguments}: status {done.returncode}\n{done.stdout}"
    return done.stdout
