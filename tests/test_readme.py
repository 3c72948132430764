"""The README's programs run as they stand, and its first table is what the demo prints."""

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[1]


def script(name):
    return shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)


def test_python_example_runs():
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", block("python")], check=True)


def test_c_example_compiles_with_the_flags_of_config_and_prints_its_losses(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    (tmp_path / "app.c").write_text(block("c"))
    config = subprocess.run(
        [script("pyce"), "config", "--cflags", "--libs"], check=True, capture_output=True, text=True
    )
    subprocess.run([compiler, "app.c", *shlex.split(config.stdout), "-o", "app"], check=True, cwd=tmp_path)
    printed = subprocess.run(tmp_path / "app", check=True, capture_output=True, text=True).stdout.split()
    assert [float(word) for word in printed] == pytest.approx([1.9643688, 0.1742545], rel=1e-6)


def test_table_of_small_losses_is_what_the_demo_prints():
    demo = subprocess.run([script("pyce"), "demo"], check=True, capture_output=True, text=True).stdout
    table = {words[0]: words[1:] for words in map(str.split, demo.splitlines()) if words and words[0].isdigit()}
    rows = re.findall(r"^\| (\d+) \| \**([^ *]+)\** \| (\S+) \| \S+ \|$", README, re.MULTILINE)
    assert len(rows) == 6
    for margin, textbook, loss in rows:
        assert table[margin] == [textbook, loss]
