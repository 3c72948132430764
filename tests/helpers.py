"""How the tests call the library and compare its results."""

import numpy as np
import oracle

import pyce
from pyce import _core

BOUND = 2.0  # ulp

# The public function of every loss that the C table reports.
FUNCTIONS = {loss: getattr(pyce, f"{loss}_cross_entropy_with_logits") for loss in _core.losses()}
LOSSES = tuple(FUNCTIONS)
ROW_LOSSES = tuple(loss for loss in LOSSES if loss.endswith("softmax"))
BINARY_LOSSES = tuple(loss for loss in LOSSES if not loss.endswith("softmax"))


def compute(loss, arguments, returns, **options):
    """{output: array} of one call."""
    names = (returns,) if isinstance(returns, str) else tuple(returns)
    return dict(zip(names, FUNCTIONS[loss](**arguments, returns=names, **options), strict=True))


def exact(loss, arguments, returns):
    return oracle.ORACLES[loss](tuple(returns), **arguments)


def assert_within(result, expected, arguments, what="", bound=BOUND):
    """Fails with the input of the worst element: its row, or the element itself for a result without a class axis."""
    errors = oracle.ulp_error(result, expected)
    if errors.size == 0 or not errors.max() > bound:
        return
    worst = np.unravel_index(errors.argmax(), errors.shape)
    logits = np.asarray(arguments["logits"])
    place = worst if errors.ndim < logits.ndim else worst[:-1]
    with np.printoptions(precision=17, threshold=40):
        row = "\n".join(
            f"  {name}{list(place)} = {np.asarray(value)[place] if np.ndim(value) >= len(place) + 1 else value!r}"
            for name, value in arguments.items()
        )
    raise AssertionError(
        f"{what}: {errors.max():.4g} ulp at {[int(i) for i in worst]}: got {np.asarray(result)[worst]!r}, "
        f"exactly {oracle.mp.nstr(expected.value[worst], 20)}; {(errors > bound).sum()} of {errors.size} above {bound}"
        f"\n{row}"
    )


def assert_right(loss, arguments, returns, **options):
    """The outputs named in `returns` are within the bound of the oracle."""
    results = compute(loss, arguments, returns, **options)
    expected = exact(loss, arguments, returns)
    for name, result in results.items():
        assert_within(result, expected[name], arguments, f"{loss} {name} {result.dtype} {options or ''}")
    return results


def assert_same_bits(result, reference):
    result, reference = np.asarray(result), np.asarray(reference)
    assert result.dtype == reference.dtype
    assert result.shape == reference.shape
    if result.tobytes() == reference.tobytes():
        return
    different = (result != reference) & ~(np.isnan(result) & np.isnan(reference))
    different |= (np.signbit(result) != np.signbit(reference)) & (result == reference)
    count = int(different.sum())
    if count:
        worst = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(different)))
        pair = np.atleast_1d(result)[worst], np.atleast_1d(reference)[worst]
        raise AssertionError(
            f"{count} of {result.size} elements differ, the first at {worst}: {pair[0]!r}, {pair[1]!r}"
        )


def assert_same_results(results, references):
    assert results.keys() == references.keys()
    for name, result in results.items():
        assert_same_bits(result, references[name])
