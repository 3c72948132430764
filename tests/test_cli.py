"""The console script, and the same as python -m pyce, from another directory."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import oracle
import pytest
from mpmath import mpf

import pyce
from pyce import _core

SCRIPT = Path(sysconfig.get_path("scripts")) / ("pyce.exe" if sys.platform == "win32" else "pyce")
COMMANDS = {"script": [str(SCRIPT)], "module": [sys.executable, "-m", "pyce"]}


def run(command, *arguments, cwd):
    return subprocess.run(
        [*COMMANDS[command], *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(params=COMMANDS)
def command(request):
    if request.param == "script" and not SCRIPT.exists():
        pytest.skip("the package is not installed with its script")
    return request.param


def numbers(text):
    return [float(match) for match in re.findall(r"-?\d+\.\d+(?:e[-+]?\d+)?", text)]


def worked_values():
    f32 = np.float32
    x = np.array([[0.5, 0.7, 0.3], [0.8, 0.2, 0.9]], f32)
    rows = np.array([[2, 0.5, 1], [0.1, 1, 3]], f32)
    labels = np.array([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]], f32)
    exact = [oracle.sigmoid(("loss",), x, np.ones_like(x))["loss"].value]
    exact += [oracle.weighted(("loss",), x, np.ones_like(x), np.array(q))["loss"].value for q in (0.2, -0.2)]
    exact += [oracle.softmax(("loss",), rows, labels)["loss"].value]
    exact += [oracle.sparse_softmax(("loss",), rows, np.array([1, 2]))["loss"].value]
    return np.concatenate([array.ravel() for array in exact])


def test_demo_shows_every_worked_value(command, tmp_path):
    done = run(command, "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = numbers(done.stdout)
    for exact in worked_values():
        distance = min(oracle.ulp_error(np.float32(value), exact) for value in shown)
        assert distance <= 2, f"{exact} is not in the output"


def test_demo_shows_small_losses_that_the_textbook_formula_loses(command, tmp_path):
    shown = numbers(run(command, "demo", cwd=tmp_path).stdout)
    for margin in (20, 50, 100):
        exact = oracle.mp.log1p(oracle.mp.exp(-mpf(margin)))
        assert min(oracle.ulp_error(np.float32(value), exact) for value in shown) <= 2, margin


def test_info_says_what_is_running(command, tmp_path):
    done = run(command, "info", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    library = _core.library()
    expected = [library["version"], library["compiler"], library["isa"], *_core.isas(), pyce.get_include(), "OpenMP"]
    for part in expected:
        assert str(part) in done.stdout, part


def test_unknown_command_fails_and_says_which_there_are(command, tmp_path):
    done = run(command, "dance", cwd=tmp_path)
    assert done.returncode != 0
    assert "demo" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
