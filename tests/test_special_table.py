"""The table of special values, cell by cell: every type, every instruction set, rows of few and of many classes.

A cell is a row (or an element) and its results, written out. All cells of a loss stand in one call, each between two
ordinary rows: a cell must have its results there, the same bits alone, and the ordinary rows the bits that they have
among themselves. test_special_values.py has the same rules in words, and compares them with the oracle.
"""

from itertools import product
from typing import Any, NamedTuple

import data
import numpy as np
import pytest
from half import dtype_of
from helpers import BINARY_LOSSES, LOSSES, ROW_LOSSES, assert_same_bits

from pyce import _core

INF, NAN = np.inf, np.nan
LOG2 = np.log(2)
ISAS = {name: number for name, (number, compiled, available) in _core.isas().items() if compiled and available}
DTYPES = ("float32", "float64", "float16", "bfloat16")
CLASS_COUNTS = (4, 64, 127, 300, 5000)
SHARED = 70001  # classes of a row that threads share
PLACES = ("first", "middle", "last")


class Row(NamedTuple):
    """Logits at first, middle and last class, the others being `rest`, and labels likewise (0 elsewhere); results at
    the same places and elsewhere, or one value for all. hess and grad: (first, middle, last, elsewhere)."""

    name: str
    logits: tuple
    rest: Any  # a number, or "finite" for ordinary logits
    labels: tuple
    loss: float
    grad: Any
    hess: Any
    lse: float | None  # None: finite


def nan_row(name, logits, rest, labels, lse):
    return Row(name, logits, rest, labels, NAN, NAN, NAN, lse)


HOT = {"first": (1, 0, 0), "middle": (0, 1, 0), "last": (0, 0, 1)}
SOFT, NONE = (0.5, 0.25, 0.125), (0, 0, 0)
FAR = -2000.0  # finite, and exp is 0 in every type


def at(place, value, other=0.5):
    return tuple(value if name == place else other for name in PLACES)


def index_rows():
    """Labels of one class: also rows of the sparse loss."""
    for place, label in product(PLACES, PLACES):
        yield nan_row(f"b: NaN {place}, label {label}", at(place, NAN), "finite", HOT[label], NAN)
    for infinity, label in product((INF, -INF), PLACES):
        yield nan_row(f"b: NaN before {infinity}, label {label}", (NAN, infinity, 1), "finite", HOT[label], NAN)
        yield nan_row(f"b: NaN after {infinity}, label {label}", (1, infinity, NAN), "finite", HOT[label], NAN)
    for label in PLACES:
        yield nan_row(f"b: NaN and two +inf, label {label}", (INF, NAN, INF), "finite", HOT[label], NAN)
        yield nan_row(f"b: NaN among -inf, label {label}", (-INF, NAN, -INF), -INF, HOT[label], NAN)
        yield nan_row(f"b: all NaN, label {label}", (NAN,) * 3, NAN, HOT[label], NAN)
        yield nan_row(f"c: two +inf, label {label}", (INF, 1, INF), "finite", HOT[label], INF)
        yield nan_row(f"c: two +inf among -inf, label {label}", (-INF, INF, INF), -INF, HOT[label], INF)
        yield nan_row(f"c: all +inf, label {label}", (INF,) * 3, INF, HOT[label], INF)
        yield nan_row(f"c: all -inf, label {label}", (-INF,) * 3, -INF, HOT[label], -INF)
    for place, label, (rest, other) in product(PLACES, PLACES, (("finite", 0.5), (-INF, -INF))):
        name = f"e: +inf {place}, others {rest}, label {label}"
        right = place == label
        grad = (*(int(p == place) - int(p == label) for p in PLACES), 0)
        yield Row(name, at(place, INF, other), rest, HOT[label], 0 if right else INF, grad, 0, INF)
    for place, label in product(PLACES, PLACES):
        name = f"e: one finite {place}, others -inf, label {label}"
        grad = (*(int(p == place) - int(p == label) for p in PLACES), 0)
        yield Row(name, at(place, 3, -INF), -INF, HOT[label], 0 if place == label else INF, grad, 0, 3)
    for place, label, rest in product(PLACES, PLACES, (-INF, FAR)):
        name = f"e: -inf {place}, two finite, others {rest}, label {label}"
        probability = tuple(0 if p == place else 0.5 for p in PLACES)
        grad = (*(p - t for p, t in zip(probability, HOT[label], strict=True)), 0)
        hess = (*(p / 2 for p in probability), 0)
        yield Row(name, at(place, -INF, 0), rest, HOT[label], INF if place == label else LOG2, grad, hess, LOG2)


def soft_rows():
    for place in PLACES:
        labels = at(place, NAN, 0.25)
        yield nan_row(f"b: NaN label {place}", (0, 0.5, 1), "finite", labels, None)
        yield nan_row(f"b: NaN label {place}, all -inf", (-INF,) * 3, -INF, labels, -INF)
        yield nan_row(f"b: NaN label {place}, +inf first", (INF, 0.5, 1), "finite", labels, INF)
        yield nan_row(f"b: NaN label {place}, -inf first", (-INF, 0.5, 1), "finite", labels, None)
        yield nan_row(f"b: NaN label {place}, others 0", (0, 0.5, 1), "finite", at(place, NAN, 0), None)
        yield nan_row(f"b: NaN {place}, labels 0", at(place, NAN), "finite", NONE, NAN)
    yield nan_row("c: two +inf, labels 0", (INF, 1, INF), "finite", NONE, INF)
    yield nan_row("c: two +inf, soft", (INF, 1, INF), "finite", SOFT, INF)
    yield nan_row("c: all -inf, soft", (-INF,) * 3, -INF, SOFT, -INF)
    yield nan_row("c: all -inf, S negative", (-INF,) * 3, -INF, (0.5, -1, 0), -INF)
    yield Row("d: all -inf, labels 0", (-INF,) * 3, -INF, NONE, 0, 0, 0, -INF)
    yield Row("d: all -inf, labels cancel", (-INF,) * 3, -INF, (1, -0.5, -0.5), 0, 0, 0, -INF)
    for rest, other in (("finite", 0.5), (-INF, -INF)):
        name = f"others {rest}"
        yield Row(f"e: +inf, {name}, soft", (INF, other, -INF), rest, SOFT, INF, (0.375, -0.25, -0.125, 0), 0, INF)
        yield Row(f"e: +inf, {name}, labels 0", (INF, other, -INF), rest, NONE, 0, 0, 0, INF)
        yield Row(f"e: +inf, {name}, label off it negative", (INF, other, -INF), rest, (1, -0.5, 0), -INF,
                  (-0.5, 0.5, 0, 0), 0, INF)  # fmt: skip
        yield Row(f"e: +inf, {name}, S = 0", (INF, other, -INF), rest, (-1, 1, 0), INF, (1, -1, 0, 0), 0, INF)
    yield Row("e: -inf, labels 0", (-INF, 0, 0), FAR, NONE, 0, 0, 0, LOG2)
    yield Row("e: -inf, soft", (-INF, 0, 0), FAR, (0.5, 0.25, 0.25), INF, (-0.5, 0.25, 0.25, 0), (0, 0.25, 0.25, 0),
              LOG2)  # fmt: skip
    yield Row("e: -inf, soft beside it", (-INF, 0, 0), -INF, (0, 0.5, 0.5), LOG2, 0, (0, 0.25, 0.25, 0), LOG2)
    yield Row("e: -inf, label on it negative", (-INF, 0, 0), FAR, (-1, 0, 0), -INF, (1, -0.5, -0.5, 0),
              (0, -0.25, -0.25, 0), LOG2)  # fmt: skip
    yield Row("e: -inf, S = 0", (-INF, 0, 0), FAR, (1, -1, 0), INF, (-1, 1, 0, 0), 0, LOG2)


ROWS = {"sparse_softmax": tuple(index_rows()), "softmax": (*index_rows(), *soft_rows())}


def elements():
    """(x, z, q) -> (loss, grad, hess) by the rules; q is 1 where there is no positive weight."""
    weights, labels = (1, 2, 0.5, 0, -0.5, NAN), (0, 1, 0.25, 0.5, 1.5, -0.5, NAN)
    for x, z, q in product((NAN, INF, -INF), labels, weights):
        u, v = 1 - z, 0 if z == 0 or q == 0 else q * z
        if np.isnan(x + z + q if np.isnan(x) else z + q):
            yield (x, z, q), (NAN, NAN, NAN)
        elif x == INF:
            yield (x, z, q), (0 if u == 0 else np.sign(u) * INF, u, 0)
        else:
            yield (x, z, q), (0 if v == 0 else np.sign(v) * INF, -v, 0)
    for z, q in product((0, 1, 0.5), (NAN,)):
        yield (0, z, q), (NAN, NAN, NAN)
    for x, q in product((0, 2, -2, FAR), (1, 2, 0)):
        yield (x, NAN, q), (NAN, NAN, NAN)
    yield (3, 1, 0), (0, 0, 0)
    yield (FAR, 1, 0), (0, 0, 0)
    yield (0, 0, INF), (LOG2, 0.5, 0.25)
    yield (-INF, 0, INF), (0, 0, 0)


ELEMENTS = {
    "sigmoid": tuple(cell for cell in elements() if cell[0][2] == 1),
    "weighted": tuple(elements()),
}


def dtype_named(name):
    return dtype_of(name) if name in ("float16", "bfloat16") else np.dtype(name)


def compute(loss, arguments, isa, num_threads=1):
    names = data.outputs(loss)
    values = _core.compute(
        _core.losses().index(loss) + 1, (), arguments["labels"], None, arguments["logits"],
        arguments.get("pos_weight"), -1, None, names, None, None, num_threads, isa=ISAS[isa],
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


def places(classes):
    return [0, classes // 2, classes - 1]


def spread(values, classes, rest):
    row = np.full(classes, rest, float)
    row[places(classes)] = values
    return row


def ordinary(loss, dtype, rows, classes):
    working = np.float64 if dtype == "float64" else np.float32
    arguments = data.problem(loss, "random", rows, classes, working)
    if "pos_weight" in arguments:
        arguments["pos_weight"] = np.repeat(arguments["pos_weight"][None], rows, axis=0)
    return {
        key: value if value.dtype.kind == "i" else value.astype(dtype_named(dtype)) for key, value in arguments.items()
    }


def put_row(arguments, row, cell):
    """The cell over an ordinary row."""
    classes = arguments["logits"].shape[1]
    if cell.rest == "finite":
        arguments["logits"][row, places(classes)] = cell.logits
    else:
        arguments["logits"][row] = spread(cell.logits, classes, cell.rest)
    labels = spread(cell.labels, classes, 0)
    arguments["labels"][row] = labels if arguments["labels"].ndim == 2 else labels.argmax()


def put_element(arguments, row, cell):
    for key, value in zip(("logits", "labels", "pos_weight"), cell[0], strict=True):
        if key in arguments:
            arguments[key][row] = value


def expected_of(loss, cell, classes):
    if loss not in ROW_LOSSES:
        return {name: np.full(classes, value) for name, value in zip(("loss", "grad", "hess"), cell[1], strict=True)}
    results = {"loss": cell.loss, "lse": cell.lse}
    for name in ("grad", "hess"):
        value = getattr(cell, name)
        results[name] = spread(value[:3], classes, value[3]) if isinstance(value, tuple) else np.full(classes, value)
    return results


def assert_is(result, expected, what):
    """Equal where the value is special or a small binary fraction; log(2) and the like within 2 ulp."""
    wide = np.asarray(result).astype(np.float64)
    if expected is None:
        assert np.isfinite(wide).all(), f"{what}: {wide!r} is not finite"
        return
    name = np.asarray(result).dtype.name
    tolerance = 2 * (2.0**-8 if name == "bfloat16" else float(np.finfo(name).eps))
    right = (wide == expected) | (np.isnan(wide) & np.isnan(expected))
    right |= (expected == LOG2) & (abs(wide - LOG2) <= tolerance * LOG2)
    assert right.all(), f"{what}: {wide[~right][:4]}, not {np.broadcast_to(expected, wide.shape)[~right][:4]}"


def of_rows(arguments, rows):
    return {key: value[rows] for key, value in arguments.items()}


@pytest.mark.parametrize("classes", CLASS_COUNTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_cell_of_the_table_beside_ordinary_rows_and_alone(loss, isa, dtype, classes):
    cells, put = (ROWS[loss], put_row) if loss in ROW_LOSSES else (ELEMENTS[loss], put_element)
    arguments = ordinary(loss, dtype, 2 * len(cells) + 1, classes)
    for row, cell in enumerate(cells):
        put(arguments, 2 * row + 1, cell)
    together = compute(loss, arguments, isa)
    for row, cell in enumerate(cells):
        what, at = f"{cell.name if loss in ROW_LOSSES else cell[0]}, {classes} classes", 2 * row + 1
        alone = compute(loss, of_rows(arguments, slice(at, at + 1)), isa)
        for name, expected in expected_of(loss, cell, classes).items():
            assert_is(together[name][at], expected, f"{name} of {what}")
            assert_same_bits(alone[name][0], together[name][at])
    plain = compute(loss, of_rows(arguments, slice(None, None, 2)), isa)
    for name, value in plain.items():
        assert np.isfinite(value.astype(np.float64)).all()
        assert_same_bits(together[name][::2], value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_cells_of_a_row_that_threads_share(loss, isa, dtype):
    """Every eighth cell, others for each type; first, middle and last place are in other threads' parts."""
    arguments = ordinary(loss, dtype, 1, 300)
    arguments["logits"] = np.resize(arguments["logits"], (1, SHARED))
    if loss == "softmax":
        arguments["labels"] = np.zeros_like(arguments["logits"])
    for cell in ROWS[loss][DTYPES.index(dtype) :: 2 * len(DTYPES)]:
        one = {key: value.copy() for key, value in arguments.items()}
        put_row(one, 0, cell)
        results = compute(loss, one, isa, num_threads=3)
        for name, expected in expected_of(loss, cell, SHARED).items():
            assert_is(results[name][0], expected, f"{name} of {cell.name}")


def test_every_rule_has_cells():
    rules = [row.name[0] for row in ROWS["softmax"]]
    assert {rule: rules.count(rule) > 1 for rule in "bcde"} == dict.fromkeys("bcde", True)
    assert all(len({cell[0][0] for cell in ELEMENTS[loss] if not np.isnan(cell[0][0])}) > 3 for loss in BINARY_LOSSES)
