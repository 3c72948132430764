"""docs/losses.md: its blocks run, both cells of every line of its tables of code are equal, and no option is missing.

The part under a library's heading continues from the blocks before "The same thing elsewhere"; it is skipped where a
module that its own block imports is missing.
"""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from helpers import FUNCTIONS

from pyce import _core

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "losses.md").read_text()
COMMON, ELSEWHERE = PAGE.split("\n## The same thing elsewhere\n")
LIBRARIES = {part.partition("\n")[0]: part for part in ELSEWHERE.split("\n### ")[1:]}


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(code, names):
    exec(compile(code, "docs/losses.md", "exec"), names)


@pytest.fixture
def names():
    """What the first block defines."""
    names = {}
    run(blocks(COMMON)[0], names)
    return names


def test_blocks_run(names):
    for block in blocks(COMMON)[1:]:
        run(block, names)


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize("library", LIBRARIES)
def test_both_sides_of_a_line_are_equal(library, names, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    (block,) = blocks(LIBRARIES[library])
    for module in re.findall(r"^import (\w+)", block, re.MULTILINE):
        pytest.importorskip(module)
    run(block, names)
    lines = re.findall(r"^\| ?(.*?) \| `(.+)` \| `(.+)` \|$", LIBRARIES[library], re.MULTILINE)
    assert len(lines) == len(re.findall(r"^\|", LIBRARIES[library], re.MULTILINE)) - 2  # none but head and rule is left
    for what, theirs, ours in lines:
        expected, result = np.asarray(eval(theirs, names)), np.asarray(eval(ours, names))
        assert result.shape == expected.shape, what
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-7, err_msg=f"{what}: {theirs} and {ours}")


def test_no_option_and_no_output_is_missing():
    first_cells = " ".join(re.findall(r"^\| (`[^|]*) \|", COMMON, re.MULTILINE))
    described = set(re.findall(r"`\"?(\w+)\"?`", first_cells)) | {"targets", "dim"}  # in the lines of labels and axis
    for loss, function in FUNCTIONS.items():
        parameters = inspect.signature(function).parameters.values()
        named = {parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY}
        assert named <= described
        assert set(_core.returns(loss)) <= described
