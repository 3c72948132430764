"""What `import pyce` costs beside `import numpy`, and when it is refused (also test_error_rows.py)."""

import os
import subprocess
import sys

import pytest
from programs import compiler, run

SCRIPT = """
import sys
import numpy
before = set(sys.modules)
import pyce
print(*sorted(set(sys.modules) - before))
"""

OWN = {
    "pyce", "pyce._core", "pyce._fold", "pyce._intake", "pyce._result", "pyce.companions", "pyce.install",
    "pyce.losses", "pyce.second_order",
}  # fmt: skip


def test_the_module_for_boosting_is_imported_when_it_is_asked_for(tmp_path):
    script = "import pyce, sys; assert 'pyce.boosting' not in sys.modules; print(pyce.boosting.XGBoostSoftmax())"
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == "XGBoostSoftmax()\n"


def test_importing_pyce_imports_nothing_but_its_few_modules(tmp_path):
    run = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)
    modules = {
        name
        for name in run.stdout.split()
        if name.split(".")[0] != "numpy" and not name.startswith(("_cython_", "cython_runtime"))
    }
    assert modules - {"__future__"} == OWN


@pytest.mark.skipif(sys.platform != "linux", reason="puts another library first by LD_PRELOAD")
def test_a_library_of_another_abi_is_refused(tmp_path):
    (tmp_path / "other.c").write_text("int pyce_abi_version(void) { return 99; }\n")
    run(*compiler("c"), "-shared", "-fPIC", tmp_path / "other.c", "-o", tmp_path / "other.so")
    done = subprocess.run(
        [sys.executable, "-c", "import pyce"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "LD_PRELOAD": str(tmp_path / "other.so")},
    )  # fmt: skip
    assert done.returncode == 1
    assert "built for ABI 0 of libpyce, but the library found at run time has ABI 99; another libpyce" in done.stderr
