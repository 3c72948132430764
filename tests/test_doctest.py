"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import pyce

MODULES = [pyce.__name__] + [
    f"pyce.{module.name}" for module in pkgutil.iter_modules(pyce.__path__) if module.name != "__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    with np.printoptions(precision=8, floatmode="maxprec", linewidth=75):
        results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


def test_every_public_function_has_an_example():
    finder = doctest.DocTestFinder(recurse=False)
    without = [
        name
        for name in pyce.__all__
        if callable(getattr(pyce, name)) and not any(test.examples for test in finder.find(getattr(pyce, name)))
    ]
    assert without == []
