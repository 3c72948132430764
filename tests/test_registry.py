"""One list of losses in the header, the C table, Python and the oracle; the same for outputs and instruction sets."""

import re
from pathlib import Path

import data
import oracle
import pytest
from c_header import header_text
from helpers import LOSSES

import pyce
from pyce import _core

SUFFIX = "_cross_entropy_with_logits"


def enum(prefix_of_first):
    """The names and numbers of the enumeration in the header whose first name is this."""
    body = re.search(r"enum\s*\{([^}]*\b" + prefix_of_first + r"\s*=[^}]*)\}", header_text()).group(1)
    return {name: int(value) for name, value in re.findall(r"(PYCE_\w+)\s*=\s*(\d+)", body)}


def test_losses_of_the_header_are_those_of_the_library():
    numbers = {f"PYCE_{name.upper()}": number for number, name in enumerate(_core.losses(), 1)}
    assert enum("PYCE_SIGMOID") == numbers


def test_losses_of_the_library_are_those_of_python():
    public = {name.removesuffix(SUFFIX) for name in pyce.__all__ if name.endswith(SUFFIX)}
    assert public == set(_core.losses())


def test_losses_of_the_library_are_those_of_the_oracle():
    assert set(oracle.ORACLES) == set(_core.losses())


@pytest.mark.parametrize("loss", LOSSES)
def test_outputs_of_every_loss_are_those_the_tests_know(loss):
    more = ("prob", "log_prob") + (() if loss == "sparse_softmax" else ("labels_grad",))
    more += ("correct",) if data.is_row_loss(loss) else ()
    assert sorted(_core.returns(loss)) == sorted(data.outputs(loss) + more)


def test_instruction_sets_of_the_header_are_those_of_the_library():
    numbers = {f"PYCE_ISA_{name.upper()}": number for name, (number, _, _) in _core.isas().items()}
    assert enum("PYCE_ISA_AUTO") == {"PYCE_ISA_AUTO": 0} | numbers


def test_version_of_the_header_is_that_of_the_library_and_of_the_package():
    parts = re.findall(r"#define PYCE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header_text())
    assert _core.library()["version"] == ".".join(parts)
    assert pyce.__version__ == ".".join(parts)


def test_every_public_name_exists_and_is_documented():
    for name in pyce.__all__:
        assert getattr(pyce, name).__doc__, name


def test_header_of_the_package_is_where_it_says():
    assert (Path(pyce.get_include()) / "pyce.h").is_file()
    assert Path(pyce.get_library()).exists()
