"""What the scripts beside it share: commands that must succeed, and pyce installed with instrumented code."""

import os
import shlex
import subprocess
import venv
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
SHOWN = 8000  # of what a failed command printed, the last characters; of the command itself, the first tenth


class Failure(SystemExit):
    """Ends the script with exit status 1 and what it says, unless somebody catches it."""


def run(*command, variables=None, show=False, **options):
    """Run a command, in the source folder unless `options` have a `cwd`; what it prints on its standard output.

    `variables` are added to the environment. With `show` it prints for itself, and nothing is returned.
    """
    words = [str(word) for word in command]
    options = {"cwd": SOURCE, "env": {**os.environ, **(variables or {})}, **options}
    done = subprocess.run(words, capture_output=not show, text=True, check=False, **options)
    if done.returncode:
        printed = f"{done.stdout or ''}\n{done.stderr or ''}".strip()[-SHOWN:]
        raise Failure(f"{printed}\n{shlex.join(words)[: SHOWN // 10]}: exit status {done.returncode}")
    return done.stdout


def install_instrumented(build, environment, compiler, flags, build_type="Release"):
    """pyce and its tests' needs in a new virtual environment, extension and library compiled with `flags`; the build
    folder has the C tests. The folder of the environment's programs."""
    venv.create(environment, with_pip=True)
    settings = {
        "build-dir": build,
        "install.strip": "false",
        "cmake.build-type": build_type,
        "cmake.define.PYCE_BUILD_TESTS": "ON",
        "cmake.define.CMAKE_C_COMPILER": compiler,
        "cmake.define.CMAKE_C_FLAGS": flags,
    }
    run(environment / "bin/pip", "install", *(f"-C{name}={value}" for name, value in settings.items()), ".[test]")
    return environment / "bin"
