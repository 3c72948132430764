"""Options by name for the tests: `case(loss, name, arguments)` gives the keyword arguments of a call.

`arguments` are those of data.problem: (rows, classes) logits whatever the loss, the class axis last.
"""

import data
import numpy as np
from helpers import ROW_LOSSES

IGNORED = -100
REDUCTIONS = (
    {},
    {"reduction": "sum"},
    {"reduction": "mean"},
    {"reduction": "mean", "denominator": "rows"},
    {"reduction": "mean", "denominator": "batch"},
    {"reduction": "mean", "denominator": 7.25},
)
CASES = ("weights", "mask", "classes", "smooth", "ignore", "all")


def has(loss, option):
    if option == "ignore_index":
        return loss == "sparse_softmax"
    return option != "class_weight" or loss in ROW_LOSSES


def cases_of(loss):
    """Names of `CASES` that the loss has options for."""
    return [name for name in CASES if has(loss, {"classes": "class_weight", "ignore": "ignore_index"}.get(name, ""))]


def outputs(loss):
    """Every output that `returns` may ask for."""
    if loss in ROW_LOSSES:
        names = ("loss", "grad", "hess", "lse", "prob", "log_prob", "correct", "labels_grad")
        return names if loss == "softmax" else names[:-1]
    return ("loss", "grad", "hess", "prob", "log_prob", "labels_grad")


def loss_shape(loss, arguments):
    shape = np.shape(arguments["logits"])
    return shape[:-1] if loss in ROW_LOSSES else shape


def case(loss, name, arguments, dtype=np.float64):
    """(arguments, options); the labels are copied if rows are to be ignored."""
    x = np.asarray(arguments["logits"])
    rng = data.generator(loss, name, *x.shape)
    shape = loss_shape(loss, arguments)
    options = {}
    if name in ("weights", "all"):
        weight = 10 ** rng.uniform(-2, 2, shape)
        weight.ravel()[::5] = 0
        options["sample_weight"] = weight.astype(dtype)
    if name in ("mask", "all"):
        options["where"] = rng.random(shape) < 0.7
    if name in ("classes", "all") and has(loss, "class_weight"):
        factors = rng.uniform(0.1, 3, x.shape[-1])
        factors[::7] = 0
        options["class_weight"] = factors.astype(dtype)
    if name in ("smooth", "all"):
        options["label_smoothing"] = 0.1
    if name in ("ignore", "all") and has(loss, "ignore_index"):
        labels = np.array(arguments["labels"])
        labels.ravel()[1::4] = IGNORED
        arguments = arguments | {"labels": labels}
        options["ignore_index"] = IGNORED
    return arguments, options


def masked(loss, arguments, options):
    """Whether each loss is masked or has the sample weight 0."""
    shape = loss_shape(loss, arguments)
    result = np.zeros(shape, bool)
    if options.get("where") is not None:
        result |= ~np.broadcast_to(options["where"], shape)
    if options.get("sample_weight") is not None:
        result |= np.broadcast_to(options["sample_weight"], shape) == 0
    if options.get("ignore_index") is not None:
        result |= np.asarray(arguments["labels"]) == options["ignore_index"]
    return result
