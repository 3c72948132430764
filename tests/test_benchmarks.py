"""The benchmark of accuracy runs with every library, holds pyce to its bound, and says what it needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ACCURACY = Path(__file__).resolve().parents[1] / "benchmarks" / "accuracy.py"
BOUND = 2.0  # ulp


def run(*command, cwd):
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("library", ["numpy", "scipy", "sklearn", "torch", "tensorflow", "jax/optax"])
def test_accuracy_measures_a_library_beside_pyce(library, tmp_path):
    for module in library.split("/"):
        pytest.importorskip(module)
    options = ["--elements", "30", "--classes", "3", "--regimes", "random", "--libraries", "pyce", library]
    done = run(ACCURACY, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"| pyce | {library} |" in done.stdout
    worst = re.findall(r"^\| \w+ \| (\w+) \| float(?:32|64) \| \d+ \| (\S+) / (\d+) \| (.+) \|$", done.stdout, re.M)
    assert len(worst) == 26
    assert all(float(error) <= BOUND and zeros == "0" for _, error, zeros, _ in worst)
    # on ordinary logits a library agrees with the reference to some digits; else it was given another problem
    errors = [float(cell.split(" / ")[0]) for *_, cell in worst[13:] if cell != "-"]
    assert errors and max(errors) < 1e13


def test_accuracy_says_which_package_it_needs(tmp_path):
    block = f"import runpy, sys; sys.modules['mpmath'] = None; sys.path.insert(0, {str(ACCURACY.parent)!r}); "
    done = run("-c", block + f"runpy.run_path({str(ACCURACY)!r}, run_name='__main__')", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "accuracy.py needs mpmath; in a checkout: pip install '.[verify,peers]'\n"
