"""The operator SoftmaxCrossEntropyLoss of ONNX: every case that the onnx package tests its own backends with."""

import importlib
import pkgutil

import numpy as np
import pytest

import pyce

onnx = pytest.importorskip("onnx")
nodes = pytest.importorskip("onnx.backend.test.case.node")

OPERATOR = "SoftmaxCrossEntropyLoss"


def cases():
    """The operator's own cases; each comes once more with the operator expanded into others, on the same data."""
    for module in pkgutil.iter_modules(nodes.__path__):  # importing one generates its cases: only what is needed
        if module.name.replace("_", "").startswith("softmaxcrossentropy"):
            importlib.import_module(f"{nodes.__name__}.{module.name}")
    found = {case.name: case for case in nodes._NodeTestCases if case.model.graph.node[0].op_type == OPERATOR}
    return [found[name] for name in sorted(found)]


CASES = cases()


def test_no_case_is_missing():
    assert len(CASES) >= 34  # as many as onnx 1.23 has
    assert all(case.name.startswith("test_sce_") for case in CASES)
    assert sum(len(case.model.graph.node[0].output) == 2 for case in CASES) == len(CASES) / 2  # with log_prob


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_loss_and_log_prob_are_those_of_onnx(case):
    (node,) = case.model.graph.node
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    assert attributes.keys() <= {"reduction", "ignore_index"}
    ((inputs, expected),) = case.data_sets
    logits, labels, *weights = inputs
    results = pyce.sparse_softmax_cross_entropy_with_logits(
        labels=labels,
        logits=logits,
        axis=1,
        reduction=attributes.get("reduction", b"mean").decode(),
        ignore_index=attributes.get("ignore_index"),
        class_weight=weights[0] if weights else None,
        returns=("loss", "log_prob")[: len(expected)],
    )
    for result, right in zip(results, expected, strict=True):
        assert result.dtype == right.dtype == np.float32
        assert result.shape == right.shape
        np.testing.assert_allclose(result, right, rtol=2e-6, atol=0)
