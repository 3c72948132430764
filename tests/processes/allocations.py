"""`python allocations.py`, under allocations.c and with PYTHONMALLOC=malloc: the first allocation of a call fails, then
the second, and so on until one succeeds. A call gives its result or a MemoryError; an output is as it was or complete
(where it was the object to return that found no memory); nothing is leaked or reported behind the caller's back."""

import ctypes
import gc
import operator
import signal
import sys

import ml_dtypes
import numpy as np

import pyce

signal.alarm(100)

allocator = ctypes.CDLL(None)
fail_allocations, end_allocations = allocator.fail_allocations, allocator.end_allocations
fail_allocations.argtypes, fail_allocations.restype = [ctypes.c_long, ctypes.c_long], None
SENTINEL = 99.0
# NumPy forgets to set the MemoryError here and there, for which CPython has a SystemError; these are pyce's own.
OURS = ("disagree", "was converted")
MOST = 3000  # allocations of a call

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(4, 3)
Z = np.full((4, 3), 0.25, np.float32)
INDICES = np.array([0, 2, 1, 0])
DEEP = np.linspace(-3, 3, 12).reshape((1,) * 7 + (4, 3))
HALF = X.astype(ml_dtypes.bfloat16)

sigmoid = pyce.sigmoid_cross_entropy_with_logits
weighted = pyce.weighted_cross_entropy_with_logits
softmax = pyce.softmax_cross_entropy_with_logits
sparse = pyce.sparse_softmax_cross_entropy_with_logits

# name: (function, arguments, the outputs that the caller gives)
CASES = {
    "arrays": (sigmoid, {"labels": Z, "logits": X}, ()),
    "lists": (softmax, {"labels": Z.tolist(), "logits": X.tolist()}, ()),
    "several outputs": (sparse, {"labels": INDICES, "logits": X, "returns": ("loss", "grad", "lse", "correct")}, ()),
    "own outputs": (sparse, {"labels": INDICES, "logits": X, "returns": ("loss", "grad")}, ("loss", "grad")),
    "one own output": (weighted, {"labels": Z, "logits": X, "pos_weight": [1, 2, 3], "returns": ("loss", "grad")},
                       ("grad",)),
    "other dtypes": (weighted, {"labels": Z.astype(np.int64), "logits": X.astype(">f8"), "pos_weight": True}, ()),
    "options": (sparse, {"labels": INDICES.tolist(), "logits": X, "reduction": "mean", "sample_weight": [1, 2, 3, 4],
                         "where": [True, True, False, True], "class_weight": [1, 2, 3], "label_smoothing": 0.1,
                         "ignore_index": 1, "returns": ("loss", "grad")}, ("grad",)),
    "bfloat16": (softmax, {"labels": HALF, "logits": HALF, "returns": ("loss", "grad")}, ("grad",)),
    "nine axes": (softmax, {"labels": DEEP, "logits": DEEP, "sample_weight": 2.0, "returns": ("loss", "grad")},
                  ("grad",)),
    "companion": (lambda x: pyce.log_softmax(x), {"x": X}, ()),
    "second order": (lambda **arguments: pyce.hessian_vector_product("softmax", **arguments),
                     {"labels": Z, "logits": X, "vector": X[::-1]}, ()),
}  # fmt: skip


def call(function, arguments, given):
    single = isinstance(arguments.get("returns", "loss"), str)
    if not given:
        return function(**arguments)
    return function(**arguments, out=given["loss"] if single else given)


def outputs_for(function, arguments, names):
    """Arrays for the outputs, of the dtype and shape that the call would give them."""
    returns = arguments.get("returns", "loss")
    results = function(**arguments)
    return {name: np.full_like(results if isinstance(returns, str) else getattr(results, name), SENTINEL)
            for name in names}  # fmt: skip


def bits(result):
    return [np.asarray(part).tobytes() for part in (result if isinstance(result, tuple) else (result,))]


def sweep(case, width):
    """How many allocations had failed, one call each, before a call met none of the failing ones."""
    function, arguments, names = CASES[case]
    given = outputs_for(function, arguments, names)
    expected = bits(call(function, arguments, given))
    complete = {name: array.tobytes() for name, array in given.items()}
    for first in range(1, MOST):
        for array in given.values():
            array.fill(SENTINEL)
        result = None
        try:
            fail_allocations(first, first + width)
            result = call(function, arguments, given)
        except MemoryError:
            pass
        except SystemError as error:
            if any(words in str(error) for words in OURS):
                raise
        finally:
            count = end_allocations()
        if result is None:
            for name, array in given.items():
                whole = (array == SENTINEL).all() or array.tobytes() == complete[name]
                assert whole, f"{case}: {name} is half-written at {first}"
        else:
            assert bits(result) == expected, f"{case}: wrong at {first}"
        if count < first:
            assert result is not None
            return first - 1
    raise AssertionError(f"{case}: no end")


def living():
    gc.collect()
    return allocator.living_allocations()


def growth_of(case, width):
    """Blocks, and references to each watched object, that one more sweep leaves behind."""
    references, blocks = list(map(sys.getrefcount, WATCHED)), living()
    sweep(case, width)
    blocks = living() - blocks
    return [blocks, *map(operator.sub, map(sys.getrefcount, WATCHED), references)]


# What a lost reference would take away: the arrays, and the names of the outputs.
WATCHED = (X, Z, INDICES, DEEP, HALF, "loss", "grad")
# CPython itself loses the arguments of a Python function (np.moveaxis, for one) when it finds no memory for the cell of
# a variable that an inner function uses; 3.12 and 3.13 crash then, and when several allocations fail in a row.
OLD = sys.version_info < (3, 12)
WIDTHS = (1, 4) if OLD else (1,)
CPYTHON_LOSES = ("nine axes",)
reports = []
sys.unraisablehook = lambda report: reports.append(f"{report.exc_type.__name__} in {report.object}")

for case in CASES:
    if case in CPYTHON_LOSES and not OLD:
        continue
    for width in WIDTHS:
        failures = sweep(case, width)
        assert failures > 0
        if case in CPYTHON_LOSES:
            continue
        # Caches grow, by blocks and by names, for some twenty sweeps, now and then; a leak grows by every one. One or
        # two blocks are the measurement's own.
        most = [2] + [0] * len(WATCHED)
        least, rounds = growth_of(case, width), 1
        while rounds < 5 or (rounds < 50 and any(map(operator.gt, least, most))):
            least, rounds = list(map(min, least, growth_of(case, width))), rounds + 1
        print(f"{case}: {failures} failures of {width}, blocks and references more by each of {rounds} sweeps: {least}")
        assert not any(map(operator.gt, least, most)), case
assert not reports, reports
