"""docs/errors.md has every text of an error that the source has, and no other."""

import re
from pathlib import Path

from error_texts import c_texts, python_texts

DOC = (Path(__file__).resolve().parents[1] / "docs" / "errors.md").read_text()
C, PYTHON = DOC.split("\n## ")[1:]


def rows(section):
    """(first column, text) of a table's rows; a text may hold backticks of its own."""
    return {(name.strip("`"), text) for name, text in re.findall(r"^\| (\S+) \| `(.*?)` \| ", section, re.MULTILINE)}


def test_every_error_of_c_is_listed():
    assert rows(C) == c_texts()
    assert len(c_texts()) >= 33


def test_every_error_of_python_is_listed():
    assert rows(PYTHON) == python_texts()
    assert len(python_texts()) >= 55


def test_every_status_of_the_header_is_listed():
    header = (Path(__file__).resolve().parents[1] / "c_src" / "include" / "pyce.h").read_text()
    assert {name for name, _ in rows(C)} == set(re.findall(r"\bPYCE_ERROR_[A-Z_]+\b(?= =)", header))
