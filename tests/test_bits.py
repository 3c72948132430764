"""The bits of a result depend on the numbers of its own row (or element) alone.

`PROBLEMS` are computed plainly once: contiguous arrays, class axis last, one thread, all outputs in one call, the best
instruction set. `WAYS` are other ways to compute the same, which give the same bits. How a build was compiled is no
matter either: .ci/platforms.py compares builds.
"""

from functools import cache
from itertools import chain, combinations

import data
import numpy as np
import pytest
from environment import ENVIRONMENTS
from half import dtype_of, in_layout
from helpers import FUNCTIONS, LOSSES, assert_same_bits
from layouts import LAYOUTS, STRIDED

import pyce
from pyce import _core

OUTPUTS = ("loss", "grad", "hess", "lse", "prob", "log_prob")
DTYPES = ("float32", "float64", "float16", "bfloat16")
ISAS = {name: number for name, (number, compiled, available) in _core.isas().items() if compiled and available}
WITH_FMA = {name: number for name, number in ISAS.items() if name != "baseline"}
MOST_THREADS = 8

# Few classes, where a vector lane is a row; many, in one tile and in several.
SMALL = ((1, 1), (37, 3), (45, 10), (17, 64), (19, 127), (9, 128), (21, 300), (3, 5000))
# Enough for threads: many short rows, long ones, and two rows that the threads share.
LARGE = ((12000, 3), (120, 300), (9, 4100), (2, 70001))
SHARED = LARGE[-1]
MIXTURE = (
    "random", "vanishing exponentials", "uniform 80", "ties", "two far groups", "winner leads by 50", "subnormal",
    "mixed magnitudes", "offset -150", "lse near zero",
)  # fmt: skip


def outputs(loss):
    return [name for name in OUTPUTS if data.is_row_loss(loss) or name != "lse"]


def per_row(loss, name):
    return data.is_row_loss(loss) and name in ("loss", "lse")


@cache
def problem(loss, dtype, shape):
    """Rows of every sort of logits in turn, a few of them with infinities and NaN."""
    rows, classes = shape
    working = np.float64 if dtype == "float64" else np.float32
    arguments = data.problem(loss, "random", rows, classes, working)
    x = arguments["logits"]
    for first, name in enumerate(MIXTURE):
        x[first :: len(MIXTURE)] = data.logits(name, rows, classes, working)[first :: len(MIXTURE)]
    x[7::29, 0], x[11::31, -1], x[13::37, classes // 2] = np.inf, -np.inf, np.nan
    x[16::41], x[18::43, :2] = -np.inf, np.inf
    with np.errstate(over="ignore"):
        return {
            key: value if value.dtype.kind == "i" else value.astype(dtype_of_name(dtype))
            for key, value in arguments.items()
        }


def dtype_of_name(name):
    return dtype_of(name) if name in ("float16", "bfloat16") else np.dtype(name)


def call(loss, arguments, names=None, axis=-1, num_threads=1, isa=0, out=None):
    """{output: array}, any of the six outputs, by the function that all public ones end in."""
    names = outputs(loss) if names is None else names
    kind, places = _core.losses().index(loss) + 1, tuple(OUTPUTS.index(name) for name in names)
    given = None if out is None else tuple(out.get(name) for name in names)
    values = _core.evaluate(
        kind, arguments["labels"], arguments["logits"], arguments.get("pos_weight"), axis, places, given, None,
        num_threads, isa, None,
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


@cache
def plain(loss, dtype, shape):
    return call(loss, problem(loss, dtype, shape))


def of_rows(arguments, rows):
    """The arguments of these rows; pos_weight is of the classes."""
    return {key: value if key == "pos_weight" else value[rows] for key, value in arguments.items()}


# Ways. A way gets (loss, arguments, plain results) and yields pairs of results to be compared.


def with_options(**options):
    def way(loss, arguments, reference):
        yield call(loss, arguments, **options), reference

    return way


def by_the_public_functions(loss, arguments, reference):
    names = [name for name in outputs(loss) if name not in ("prob", "log_prob")]
    yield dict(zip(names, FUNCTIONS[loss](**arguments, returns=names), strict=True)), reference
    functions = {"prob": pyce.softmax, "log_prob": pyce.log_softmax, "lse": pyce.logsumexp}
    if not data.is_row_loss(loss):
        functions = {"prob": pyce.sigmoid, "log_prob": pyce.log_sigmoid}
    yield {name: function(arguments["logits"]) for name, function in functions.items()}, reference


def in_environment(name):
    def way(loss, arguments, reference):
        for num_threads in (1, 2):
            with ENVIRONMENTS[name]():
                results = call(loss, arguments, num_threads=num_threads)
            yield results, reference

    return way


def grad_in_place(loss, arguments, reference):
    for num_threads in (1, 3):
        x = arguments["logits"].copy()
        results = call(loss, arguments | {"logits": x}, out={"grad": x}, num_threads=num_threads)
        assert results["grad"] is x
        yield results, reference
    x = arguments["logits"].copy()
    yield call(loss, arguments | {"logits": x}, ["grad"], out={"grad": x}), reference


def rows_alone(loss, arguments, reference):
    rows = len(arguments["logits"])
    for row in range(0, rows, 1 + rows // 50):
        alone = slice(row, row + 1)
        yield call(loss, of_rows(arguments, alone)), {name: value[alone] for name, value in reference.items()}


def parts_of_the_batch(loss, arguments, reference):
    rows = len(arguments["logits"])
    for part in (slice(1, None), slice(None, -1), slice(rows // 2, None), slice(3, 19), slice(-16, None)):
        yield call(loss, of_rows(arguments, part)), {name: value[part] for name, value in reference.items()}


def other_orders_of_the_batch(loss, arguments, reference):
    rows = len(arguments["logits"])
    for order in (np.arange(rows)[::-1], np.roll(np.arange(rows), 5), np.zeros(rows, int)):
        yield call(loss, of_rows(arguments, order)), {name: value[order] for name, value in reference.items()}


def inside_a_larger_batch(loss, arguments, reference):
    rows, classes = arguments["logits"].shape
    around = data.problem(loss, "near overflow", 50, classes, np.float32)
    around["logits"][::3], around["logits"][::7] = np.nan, np.inf
    for before in (1, 37):
        larger = dict(arguments)
        for key in ("logits", "labels"):
            with np.errstate(over="ignore"):
                more = around[key].astype(arguments[key].dtype)
            larger[key] = np.concatenate([more[:before], arguments[key], more[before:]])
        results = call(loss, larger)
        yield {name: value[before : before + rows] for name, value in results.items()}, reference


def class_axis(place):
    """(rows, classes) as three axes with the classes first, in the middle or last."""

    def way(loss, arguments, reference):
        rows, classes = arguments["logits"].shape
        split = next(n for n in (5, 3, 1) if rows % n == 0)

        def placed(value, reduced=False):
            if reduced:
                return value.reshape(split, rows // split)
            return np.ascontiguousarray(np.moveaxis(value.reshape(split, rows // split, classes), -1, place))

        moved = {"logits": placed(arguments["logits"])}
        moved["labels"] = placed(arguments["labels"], loss == "sparse_softmax")
        if "pos_weight" in arguments:
            moved["pos_weight"] = placed(np.repeat(arguments["pos_weight"][None], rows, axis=0))
        expected = {name: placed(value, per_row(loss, name)) for name, value in reference.items()}
        yield call(loss, moved, axis=place), expected

    return way


def inputs_in(layout):
    def way(loss, arguments, reference):
        yield call(loss, {key: in_layout(layout, value) for key, value in arguments.items()}), reference

    return way


def outputs_in(layout):
    def way(loss, arguments, reference):
        out = {name: in_layout(layout, np.zeros_like(value)) for name, value in reference.items()}
        results = call(loss, arguments, out=out)
        assert all(results[name] is out[name] for name in out)
        yield results, reference

    return way


def any_outputs(loss, arguments, reference):
    names = outputs(loss)
    subsets = chain.from_iterable(combinations(names, k) for k in range(1, len(names)))
    for subset in subsets if arguments["logits"].size < 7000 else ([name] for name in names):
        yield call(loss, arguments, list(subset)), reference


def elements_alone(loss, arguments, reference):
    """Of the binary losses: columns, and pieces that begin anywhere."""
    if data.is_row_loss(loss):
        return
    classes = arguments["logits"].shape[1]
    for part in (slice(0, 1), slice(classes // 2, classes // 2 + 1), slice(1, None, 3), slice(17, 17 + 37)):
        pieces = {key: value[..., part] for key, value in arguments.items()}
        yield call(loss, pieces), {name: value[:, part] for name, value in reference.items()}


# For problems of any size, and those whose time grows with the problem.
WAYS = (
    {f"{threads} threads": with_options(num_threads=threads) for threads in range(2, MOST_THREADS + 1)}
    | {"threads by default": with_options(num_threads=None)}
    | {name: with_options(isa=number) for name, number in WITH_FMA.items()}
    | {f"{name}, 3 threads": with_options(isa=number, num_threads=3) for name, number in WITH_FMA.items()}
    | {name: in_environment(name) for name in ENVIRONMENTS}
    | {"grad in place": grad_in_place, "rows alone": rows_alone, "the public functions": by_the_public_functions}
)
SMALL_WAYS = (
    {"parts of the batch": parts_of_the_batch, "other orders of the batch": other_orders_of_the_batch}
    | {"inside a larger batch": inside_a_larger_batch, "elements alone": elements_alone, "any outputs": any_outputs}
    | {f"class axis {name}": class_axis(place) for place, name in enumerate(("first", "in the middle", "last"))}
    | {f"inputs {layout}": inputs_in(layout) for layout in LAYOUTS}
    | {f"outputs {layout}": outputs_in(layout) for layout in STRIDED if layout != "read-only"}
)


def assert_way_changes_no_bit(way, loss, dtype, shapes):
    for shape in shapes:
        for results, reference in way(loss, problem(loss, dtype, shape), plain(loss, dtype, shape)):
            for name, value in results.items():
                try:
                    assert_same_bits(value, reference[name])
                except AssertionError as error:
                    raise AssertionError(f"{loss} {name} of {dtype} {shape}: {error}") from None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("way", WAYS)
def test_way_changes_no_bit(way, loss, dtype):
    assert_way_changes_no_bit(WAYS[way], loss, dtype, SMALL + LARGE)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("way", SMALL_WAYS)
def test_way_changes_no_bit_of_small_problems(way, loss, dtype):
    assert_way_changes_no_bit(SMALL_WAYS[way], loss, dtype, SMALL)


def test_problems_are_large_enough_for_threads_and_small_ones_are_not():
    """The driver's SERIAL_ELEMENTS, and the tiles of a row that make more than one segment."""
    assert all(rows * classes > 32768 for rows, classes in LARGE)
    assert all(rows * classes < 32768 for rows, classes in SMALL)
    assert SHARED[1] > 32 * 2048


# Beyond these a reference is subtracted from the logits before the exponential: kernels' EXACT_FROM.
EXACT_FROM = {"float32": 264, "float64": 2160}


@pytest.mark.parametrize("classes", [2049, 5000, 30000])
@pytest.mark.parametrize("dtype", EXACT_FROM)
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if data.is_row_loss(loss)])
def test_rows_of_several_tiles_whose_references_differ(loss, dtype, classes):
    """What one pass over a row leaves to the next belongs to a tile's own maximum: each has another one here."""
    level = EXACT_FROM[dtype]
    arguments = dict(problem(loss, dtype, (9, classes)))
    x = data.logits("random", 9, classes, np.dtype(dtype))
    x[0] += 1.5 * level
    x[1] -= 5 * level
    x[2] += level  # some maxima on either side
    x[3] *= level / 3
    x[4] = np.where(np.arange(classes) < classes // 2, x[4], x[4] - level)
    x[5, : classes // 2] = -np.inf
    x[5] -= 2 * level
    x[6, -1] = np.inf
    x[7] -= np.linspace(0, 20, classes).astype(dtype) + 2 * level
    arguments["logits"] = x
    reference = call(loss, arguments)
    for way in (any_outputs, grad_in_place, rows_alone, with_options(num_threads=2)):
        for results, expected in way(loss, arguments, reference):
            for name, value in results.items():
                assert_same_bits(value, expected[name])
    for names in (["loss", "grad"], ["grad", "lse"]):
        for name, value in call(loss, arguments, names).items():
            assert_same_bits(value, reference[name])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_plain_results_are_of_every_kind(loss, dtype):
    """Comparing bits would show little if all were NaN or 0: finite, infinite, NaN and tiny ones are among them."""
    for shape in ((45, 10), (21, 300)):
        results = plain(loss, dtype, shape)
        assert shape != (45, 10) or np.isinf(results["loss"].astype(np.float64)).any()
        for name in ("loss", "grad"):
            value = results[name].astype(np.float64)
            assert np.isnan(value).any()
            assert np.mean(np.isfinite(value)) > 0.5
            assert np.unique(value[np.isfinite(value)]).size > 0.1 * value.size
