"""Arguments of any kind, right and wrong: a result of the right shape, or one of the documented exceptions, and no byte
of any array written but those of outputs, on success. PYCE_FUZZ_EXAMPLES=100000 runs that many examples of each test
instead of the few here, and other ones in each run."""

import os
import sys

import hypothesis
import layouts
import ml_dtypes
import numpy as np
from helpers import FUNCTIONS, ROW_LOSSES
from hypothesis import strategies as st

import pyce

EXAMPLES = int(os.environ.get("PYCE_FUZZ_EXAMPLES", "0"))
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES or 400,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)

FLOATS = [np.dtype(name) for name in ("f4", "f8", "f2")] + [np.dtype(ml_dtypes.bfloat16)]
INTEGERS = [np.dtype(name) for name in ("i8", "i4", "u1", "i1", "i2", "u2", "u4", "u8")]
ODD = [np.dtype(name) for name in ("?", "c8", "g", "O", "U3", "M8[s]", "V5")]
JUNK = [None, "junk", 3, -1, 0.5, float("nan"), float("inf"), 1j, [], [[1.0], [2.0, 3.0]], {}, object(), b"ab", 2**70]
COMPANIONS = [pyce.softmax, pyce.log_softmax, pyce.logsumexp, pyce.sigmoid, pyce.log_sigmoid]
NAMES = ["loss", "grad", "hess", "labels_grad", "lse", "prob", "log_prob", "correct"]


def seldom(draw):
    return draw(st.integers(0, 15)) == 15


def values(draw, shape, dtype, classes):
    """An array in C order; hostile numbers among the floats, labels out of range among the integers."""
    random = np.random.default_rng(draw(st.integers(0, 255)))
    if dtype in INTEGERS:
        most = classes + seldom(draw)
        return random.integers(0, max(most, 1), shape).astype(dtype)
    if dtype in FLOATS:
        array = random.normal(0, 5, shape)
        if draw(st.booleans()):
            array = random.choice([0.0, 1.0, np.inf, -np.inf, np.nan, 1e-40, 0.25], shape)
        return np.asarray(array).astype(dtype)
    return np.zeros(shape, dtype)


@st.composite
def arrays(draw, shape, dtypes, classes=1):
    """Mostly of that shape and one of these dtypes, in some layout; else of another shape, another dtype, or junk."""
    if seldom(draw):
        return draw(st.sampled_from(JUNK))
    if seldom(draw):
        shape = draw(st.lists(st.integers(0, 4), max_size=9).map(tuple))
    dtype = draw(st.sampled_from(ODD + FLOATS + INTEGERS if seldom(draw) else dtypes))
    array = values(draw, shape, dtype, classes)
    layout = draw(st.sampled_from(["plain", "plain", "broadcast", "list", *layouts.LAYOUTS]))
    if layout == "list":
        return array.tolist() if dtype in FLOATS + INTEGERS else array
    if layout == "broadcast":
        return np.broadcast_to(array[tuple(slice(0, 1) for _ in array.shape)], array.shape) if array.size else array
    if layout in ("every other", "reversed") and (dtype not in FLOATS[:3] + INTEGERS or not array.ndim):
        return array
    try:
        return layouts.LAYOUTS.get(layout, lambda a: a)(array)
    except (TypeError, ValueError, IndexError):  # a dtype that has no such layout
        return array


def outputs(draw, name, shape, logits):
    """Where to write: of the right kind, or of the wrong one, on the logits, read-only, overlapping itself."""
    if isinstance(logits, np.ndarray) and draw(st.integers(0, 5)) == 5:
        return logits if draw(st.booleans()) else logits[::-1] if logits.ndim else logits
    return draw(arrays(shape, [np.dtype(bool)] if name == "correct" else FLOATS))


def shape_of(value):
    try:
        return np.shape(value)
    except ValueError:  # of a list that is no array
        return ()


def reduced(shape, axis):
    return shape[: axis % len(shape)] + shape[axis % len(shape) + 1 :] if shape else ()


OPTIONS = {
    "reduction": st.sampled_from(["none", "sum", "mean", "Mean", None]),
    "denominator": st.sampled_from(["weights", "rows", "batch", 2.5, 0, -1.0, "all"]),
    "label_smoothing": st.sampled_from([0.0, 0.1, 1.0, 1, 1.5, -0.1, float("nan"), "x"]),
    "dtype": st.sampled_from([None, "float32", "float64", "float16", "bfloat16", "int32", "c8", 5]),
    "num_threads": st.sampled_from([None, 0, 1, 2, 7, -1, 2**40, 1.5]),
    "axis": st.sampled_from([-1, 0, 1, -2, 5, 1.0, "a", 2**80]),
    "ignore_index": st.sampled_from([0, 1, -100, 2**70, 1.0]),
    "name": st.just("a name"),
    "nonsense": st.none(),
}


@st.composite
def calls(draw, name, outputs_too=True):
    """The keywords of a call of a loss, and the shape of its logits."""
    shape = draw(st.lists(st.sampled_from([1, 2, 3, 4, 7, 0, 130]), max_size=3).map(tuple))
    if int(np.prod(shape)) > 2000:
        shape = shape[:1]
    rows = name in ROW_LOSSES
    axis = draw(st.integers(-len(shape), len(shape) - 1)) if rows and shape else -1
    classes, losses = (shape[axis] if shape else 1), reduced(shape, axis) if rows else shape
    sparse = name == "sparse_softmax"
    keywords = {"logits": draw(arrays(shape, FLOATS))}
    keywords["labels"] = draw(arrays(losses if sparse else shape, INTEGERS if sparse else FLOATS, classes))
    if name == "weighted":
        keywords["pos_weight"] = draw(arrays(draw(st.sampled_from([shape, ()])), FLOATS))
    if rows:
        keywords["axis"] = axis
    for option in draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=2)):
        keywords[option] = draw(OPTIONS[option])
    for option, dtypes, own in [
        ("sample_weight", FLOATS, losses),
        ("where", [np.dtype(bool)], losses),
        ("class_weight", FLOATS, (classes,)),
    ]:
        if draw(st.integers(0, 5)) == 5 and (rows or option != "class_weight"):
            keywords[option] = draw(arrays(own, dtypes))
    if not outputs_too:
        return keywords
    names = NAMES if rows else [n for n in NAMES if n not in ("lse", "correct")]
    returns = draw(st.lists(st.sampled_from(NAMES if seldom(draw) else names), min_size=1, max_size=3, unique=True))
    keywords["returns"] = tuple(returns) if not seldom(draw) else draw(st.sampled_from([*returns, "junk", (), 3]))
    if draw(st.booleans()):
        full = {n: losses if n in ("loss", "lse", "correct") else shape for n in returns}
        keywords["out"] = {n: outputs(draw, n, full[n], keywords["logits"]) for n in full if not seldom(draw)}
    return keywords


def everything(value):
    """The arrays in the arguments."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, np.ndarray):
            yield item
        elif isinstance(item, (dict, tuple)):
            yield from everything(item)


def memory_of(array):
    """The bytes that an array lies in, all of its owner's."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    if array.base is not None or array.dtype.hasobject or not (array.flags.c_contiguous or array.flags.f_contiguous):
        return None
    return array, array.tobytes("A")


def put(owner, before, out):
    """The bytes of an owner with what an output has been given."""
    buffer = bytearray(before)
    offset = out.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    np.ndarray(out.shape, out.dtype, buffer, offset, out.strides)[...] = out
    return bytes(buffer)


def check(function, positional, keywords, expected_shape):
    arguments = list(everything([keywords, tuple(positional)]))
    out = keywords.get("out")
    written = list(everything([out])) if isinstance(out, (dict, np.ndarray)) else []
    memories = [memory for memory in map(memory_of, arguments) if memory is not None]
    references = [sys.getrefcount(array) for array in arguments]
    refused = False
    try:
        result = function(*positional, **keywords)
    except (TypeError, ValueError) as error:
        assert str(error)
        refused = True
    else:
        expected_shape(result)
        del result
    assert [sys.getrefcount(array) for array in arguments] == references
    for owner, before in memories:
        for array in [] if refused else written:
            if np.may_share_memory(array, owner) and array.size:
                before = put(owner, before, array)
        assert owner.tobytes("A") == before


@SETTINGS
@hypothesis.given(st.data(), st.sampled_from(sorted(FUNCTIONS)))
def test_losses_compute_or_refuse(data, name):
    keywords = data.draw(calls(name))
    returns = keywords["returns"]

    def expected(result):
        shape = np.shape(keywords["logits"])
        losses = reduced(shape, keywords["axis"]) if name in ROW_LOSSES else shape
        is_reduced = keywords.get("reduction", "none") != "none"
        results = dict(zip(returns, result, strict=True)) if isinstance(returns, tuple) else {returns: result}
        for which, value in results.items():
            own = losses if which in ("loss", "lse", "correct") else shape
            assert np.shape(value) == (() if which == "loss" and is_reduced else own)

    check(FUNCTIONS[name], (), keywords, expected)


@SETTINGS
@hypothesis.given(st.data(), st.sampled_from(sorted(FUNCTIONS)))
def test_hessian_products_compute_or_refuse(data, name):
    keywords = data.draw(calls(name, outputs_too=False))
    shape = shape_of(keywords["logits"])
    keywords["vector"] = data.draw(arrays(shape, FLOATS))
    if data.draw(st.booleans()):
        keywords["out"] = outputs(data.draw, "hvp", shape, keywords["logits"])
    loss = data.draw(st.sampled_from([name, name, FUNCTIONS[name], "junk", 5])) if seldom(data.draw) else name

    def expected(result):
        assert np.shape(result) == np.shape(keywords["logits"])

    check(pyce.hessian_vector_product, (loss,), keywords, expected)


@SETTINGS
@hypothesis.given(st.data(), st.sampled_from(COMPANIONS))
def test_companions_compute_or_refuse(data, function):
    shape = data.draw(st.lists(st.sampled_from([1, 2, 3, 5, 0, 130]), max_size=3).map(tuple))
    x = data.draw(arrays(shape, FLOATS))
    keywords = {}
    with_axis = function not in (pyce.sigmoid, pyce.log_sigmoid)
    if with_axis:
        keywords["axis"] = data.draw(OPTIONS["axis"]) if seldom(data.draw) else data.draw(st.integers(-1, len(shape)))
    is_reduced = function is pyce.logsumexp and isinstance(keywords["axis"], int) and abs(keywords["axis"]) <= 1
    own = reduced(shape, keywords["axis"]) if is_reduced else shape
    if data.draw(st.booleans()):
        keywords["out"] = outputs(data.draw, "prob", own, x)
    if seldom(data.draw):
        keywords["num_threads"] = data.draw(OPTIONS["num_threads"])

    def expected(result):
        whole = np.shape(x)
        assert np.shape(result) == (reduced(whole, keywords["axis"]) if function is pyce.logsumexp else whole)

    check(function, (x,), keywords, expected)
