"""What `import pyce` costs beside `import numpy`."""

import subprocess
import sys

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


def test_importing_pyce_imports_nothing_but_its_few_modules(tmp_path):
    run = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)
    modules = {
        name
        for name in run.stdout.split()
        if name.split(".")[0] != "numpy" and not name.startswith(("_cython_", "cython_runtime"))
    }
    assert modules - {"__future__"} == OWN
