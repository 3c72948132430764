"""hessian_vector_product: against its definition, the full matrix, finite differences of the gradient, and itself."""

import data
import numpy as np
import option_oracle
import oracle
import pytest
from helpers import BINARY_LOSSES, FUNCTIONS, LOSSES, ROW_LOSSES, assert_same_bits, compute
from layouts import LAYOUTS
from option_cases import REDUCTIONS, case, cases_of, masked

import pyce

losses = pytest.mark.parametrize("loss", LOSSES)
dtypes = pytest.mark.parametrize("dtype", data.FLOATS)
# The product is S p_j (v_j - c), c the mean of v under p. In ulps of S p_j (|v_j - l| + sum_k p_k |v_k - l|), l being v
# at the greatest logit, where p_j is a normal number: a subnormal one has lost digits that the product would need.
BOUND = 6.0  # 5.5 found by a long search


def product(loss, arguments, vector, **options):
    return pyce.hessian_vector_product(loss, **arguments, vector=vector, **options)


def vector_of(arguments, kind="random"):
    x = arguments["logits"]
    return data.logits(kind, x.shape[0], x.shape[1] + 1, x.dtype.type)[:, 1:].copy()


def assert_right(loss, arguments, vector, **options):
    result = product(loss, arguments, vector, **options)
    expected = option_oracle.exact(loss, arguments, ("hvp",), vector=vector, **options)["hvp"]
    errors = oracle.ulp_error(result, expected)
    if loss in ROW_LOSSES:
        prob = compute(loss, arguments, "prob")["prob"]
        errors = errors[prob >= np.finfo(prob.dtype).smallest_normal]
    assert not errors.size or errors.max() <= BOUND, errors.max()
    return result


@pytest.mark.parametrize("reduction", REDUCTIONS[::2], ids=str)
@dtypes
@losses
def test_products_with_every_option(loss, dtype, reduction):
    for name in cases_of(loss):
        arguments, options = case(loss, name, data.problem(loss, "random", 6, 5, dtype))
        assert_right(loss, arguments, vector_of(arguments), **options, **reduction)


@pytest.mark.parametrize("name", ["uniform 80", "winner leads by 20", "near ties", "offset 1e6", "all equal"])
@dtypes
@losses
def test_products_at_hostile_logits(loss, dtype, name):
    for classes in (1, 2, 3, 70, 300) if loss in ROW_LOSSES else (3, 70):
        arguments = data.problem(loss, name, 3, classes, dtype)
        assert_right(loss, arguments, vector_of(arguments))


@pytest.mark.parametrize("lead", [5, 20, 50, 100])
@dtypes
@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_unit_vectors_give_the_diagonal_also_where_a_winner_leads(loss, dtype, lead):
    """p (1 - p) at a winner: 1 - sum p_k v_k would be 0 there."""
    for classes in (3, 70, 3000):
        arguments = data.problem(loss, f"winner leads by {lead}", 4, classes, dtype)
        if loss == "softmax":
            arguments["labels"] = np.full_like(arguments["logits"], 1 / classes)
        top = arguments["logits"] == arguments["logits"].max(axis=1, keepdims=True)
        result = product(loss, arguments, top.astype(dtype))[top]
        expected = compute(loss, arguments, "hess")["hess"][top]
        tiny = 16 * np.finfo(dtype).smallest_subnormal * classes
        np.testing.assert_allclose(result, expected, rtol=8 * np.finfo(dtype).eps, atol=tiny)
        assert (result > 0).all()


@losses
def test_the_full_matrix(loss):
    """Products with the unit vectors are the columns: symmetric, with "hess" as diagonal and, for a softmax, rows that
    sum to 0 and the quadratic form of a variance."""
    arguments, options = case(loss, "all", data.problem(loss, "random", 5, 6, np.float64))
    rows, classes = arguments["logits"].shape
    columns = []
    for j in range(classes):
        unit = np.zeros((rows, classes))
        unit[:, j] = 1
        columns.append(product(loss, arguments, unit, **options))
    matrix = np.stack(columns, axis=-1)
    hess = compute(loss, arguments, "hess", **options)["hess"]
    np.testing.assert_allclose(matrix, matrix.transpose(0, 2, 1), rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(np.einsum("rjj->rj", matrix), hess, rtol=1e-14)
    off = masked(loss, arguments, options)
    assert off.any()
    assert (matrix[off] == 0).all()
    assert np.any(matrix[~off] != 0)
    assert (np.linalg.eigvalsh(matrix) >= -1e-13).all()
    if loss in BINARY_LOSSES:
        assert (matrix * (1 - np.eye(classes)) == 0).all()
    else:
        np.testing.assert_allclose(matrix.sum(axis=-1), 0, atol=1e-13)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@losses
def test_finite_differences_of_the_gradient(loss, reduction):
    """(grad(x + h v) - grad(x - h v)) / 2h, extrapolated to h = 0."""
    for name in cases_of(loss):
        arguments, options = case(loss, name, data.problem(loss, "random", 6, 5, np.float64))
        options["reduction"] = reduction
        v = vector_of(arguments)

        def slope(h, arguments=arguments, options=options, v=v):
            x = arguments["logits"]
            ahead, behind = (
                compute(loss, arguments | {"logits": x + sign * h * v}, "grad", **options)["grad"] for sign in (1, -1)
            )
            return (ahead - behind) / (2 * h)

        expected = (4 * slope(1e-3) - slope(2e-3)) / 3
        np.testing.assert_allclose(product(loss, arguments, v, **options), expected, rtol=1e-7, atol=1e-8)


@losses
def test_a_product_with_hess_if_the_vector_is_one_class(loss):
    arguments, options = case(loss, "all", data.problem(loss, "random", 6, 5, np.float64))
    if loss in ROW_LOSSES:
        same = np.ones_like(arguments["logits"])
        assert abs(product(loss, arguments, same, **options)).max() < 1e-14
    else:
        v = vector_of(arguments)
        expected = compute(loss, arguments, "hess", **options)["hess"] * v
        np.testing.assert_allclose(product(loss, arguments, v, **options), expected, rtol=1e-15)


@pytest.mark.parametrize("classes", [1, 3, 70, 300, 3000])
@dtypes
@losses
def test_rows_without_a_softmax(loss, dtype, classes):
    """NaN and infinite logits: NaN where "hess" is, 0 where it is 0, and no row reaches another."""
    x = data.logits("random", 8, classes, dtype)
    clean = product(loss, with_labels(loss, x), vector_of({"logits": x}))
    x[0, -1], x[1, 0], x[2], x[3, :2], x[4, 0] = np.nan, np.inf, -np.inf, np.inf, -np.inf
    arguments = with_labels(loss, x)
    v = vector_of(arguments)
    result = product(loss, arguments, v)
    hess = compute(loss, arguments, "hess")["hess"]
    assert np.array_equal(np.isnan(result), np.isnan(hess))
    assert (result[hess == 0] == 0).all()
    assert_same_bits(result[5:], clean[5:])
    keep = np.arange(8) > 4
    rows = keep if loss in ROW_LOSSES else keep[:, None]
    zeroed = product(loss, arguments, v, where=rows if loss in ROW_LOSSES else np.broadcast_to(rows, x.shape))
    assert (zeroed[:5] == 0).all()
    assert_same_bits(zeroed[5:], clean[5:])
    if loss == "softmax":
        arguments["labels"] = np.zeros_like(x)
        hess = compute(loss, arguments, "hess")["hess"]
        assert np.array_equal(np.isnan(product(loss, arguments, v)), np.isnan(hess))


def with_labels(loss, x):
    if loss == "sparse_softmax":
        return {"logits": x, "labels": np.arange(len(x)) % x.shape[1]}
    labels = np.full_like(x, 1 / x.shape[1])
    return {"logits": x, "labels": labels} | ({"pos_weight": 2.0} if loss == "weighted" else {})


@dtypes
@losses
def test_a_nan_in_the_vector_reaches_its_own_row_only(loss, dtype):
    arguments = data.problem(loss, "random", 4, 6, dtype)
    if loss == "softmax":
        arguments["labels"] = np.full_like(arguments["logits"], 0.25)
    v = vector_of(arguments)
    clean = product(loss, arguments, v)
    v[1, 2] = np.nan
    result = product(loss, arguments, v)
    assert_same_bits(np.delete(result, 1, axis=0), np.delete(clean, 1, axis=0))
    assert np.isnan(result[1]).all() if loss in ROW_LOSSES else np.isnan(result[1]).sum() == 1


# the call


@losses
def test_every_spelling_of_the_loss(loss):
    arguments = data.problem(loss, "random", 4, 6, np.float32)
    v = vector_of(arguments)
    expected = product(loss, arguments, v)
    for spelling in (FUNCTIONS[loss], f"{loss}_cross_entropy_with_logits"):
        assert_same_bits(product(spelling, arguments, v), expected)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("classes", [3, 70])
@losses
def test_every_layout_gives_the_same_bits(loss, classes, layout):
    arguments = data.problem(loss, "random", 6, classes, np.float32)
    v = vector_of(arguments)
    expected = product(loss, arguments, v)
    arranged = {key: LAYOUTS[layout](np.asarray(value)) for key, value in arguments.items()}
    assert_same_bits(product(loss, arranged, LAYOUTS[layout](v)), expected)
    out = np.full((6, 2 * classes), 9, np.float32)
    assert product(loss, arguments, v, out=out[:, ::2]).base is out
    assert_same_bits(out[:, ::2].copy(), expected)
    assert (out[:, 1::2] == 9).all()


@pytest.mark.parametrize("loss", ROW_LOSSES)
def test_every_class_axis_and_more_than_eight_axes(loss):
    arguments = data.problem(loss, "random", 6, 5, np.float64)
    v = vector_of(arguments)
    expected = product(loss, arguments, v)
    first = {key: value.T if value.ndim == 2 else value for key, value in arguments.items()}
    assert_same_bits(product(loss, first, v.T, axis=0), np.ascontiguousarray(expected.T))
    shape = (1, 2, 1, 1, 3, 1, 1, 1)
    wide = {key: value.reshape(*shape, *value.shape[1:]) for key, value in arguments.items()}
    assert_same_bits(product(loss, wide, v.reshape(*shape, 5)).reshape(6, 5), expected)
    moved = {key: np.moveaxis(value, -1, 1) if value.ndim == 9 else value for key, value in wide.items()}
    result = product(loss, moved, np.moveaxis(v.reshape(*shape, 5), -1, 1), axis=1)
    assert_same_bits(np.moveaxis(result, 1, -1).reshape(6, 5), expected)


@pytest.mark.parametrize("shape", [(20000, 3), (300, 300), (2, 140001)], ids=str)
@dtypes
@losses
def test_threads_change_no_bit(loss, dtype, shape):
    arguments = data.problem(loss, "random", *shape, dtype)
    v = vector_of(arguments)
    reference = product(loss, arguments, v, num_threads=1)
    for threads in (2, 3, 8):
        assert_same_bits(product(loss, arguments, v, num_threads=threads), reference)


@losses
def test_dtypes(loss):
    arguments = data.problem(loss, "random", 6, 5, np.float32)
    v = vector_of(arguments)
    expected = product(loss, arguments, v)
    assert expected.dtype == np.float32
    assert_same_bits(product(loss, arguments, v, dtype=np.float16), expected.astype(np.float16))
    assert product(loss, arguments, v, dtype=np.float64).dtype == np.float64
    np.testing.assert_allclose(product(loss, arguments, v.astype(np.float64)), expected, rtol=1e-5, atol=1e-7)
    assert_same_bits(
        product(loss, arguments, np.ones((6, 5), np.int8)), product(loss, arguments, np.ones((6, 5), "f4"))
    )
    assert_same_bits(
        product(loss, arguments, v.astype(np.float16)), product(loss, arguments, v.astype("f2").astype("f4"))
    )


@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_scalars(loss):
    arguments = {"logits": 0.5, "labels": 1.0} | ({"pos_weight": 3.0} if loss == "weighted" else {})
    hess = compute(loss, arguments, "hess")["hess"]
    assert product(loss, arguments, 2.0) == 2 * hess
    assert product(loss, arguments, 2.0, sample_weight=0.5, reduction="mean", denominator=4) == hess / 4


@pytest.mark.parametrize("shape", [(0, 3), (0, 0), (2, 0, 300)])
@losses
def test_empty_batches(loss, shape):
    labels = np.zeros(shape[:-1] if loss == "sparse_softmax" else shape, np.int64)
    arguments = {"logits": np.zeros(shape), "labels": labels} | ({"pos_weight": 2.0} if loss == "weighted" else {})
    assert product(loss, arguments, np.zeros(shape), reduction="mean").shape == shape
