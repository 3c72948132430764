"""docs/errors.md has every text of an error that the source has, and no other."""

import re

from error_texts import C_ROWS, PYTHON_ROWS, SOURCE, c_texts, python_texts


def test_every_error_of_c_is_listed():
    assert c_texts() == C_ROWS
    assert len(c_texts()) >= 33


def test_every_error_of_python_is_listed():
    assert python_texts() == PYTHON_ROWS
    assert len(python_texts()) >= 55


def test_every_status_of_the_header_is_listed():
    header = (SOURCE / "c_src" / "include" / "pyce.h").read_text()
    assert {name for name, _ in C_ROWS} == set(re.findall(r"\bPYCE_ERROR_[A-Z_]+\b(?= =)", header))
