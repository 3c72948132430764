"""The objectives of pyce.boosting: their numbers by the formulas, and each library's own objective beside them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import pyce
from pyce import boosting

ROUNDS = 12
WEIGHTED = pytest.mark.parametrize("weighted", [False, True])
pytestmark = pytest.mark.filterwarnings("error:.*optim:UserWarning")  # CatBoost, trying to compile an objective


class DataSet:
    """What XGBoost and LightGBM hand over beside predictions."""

    def __init__(self, labels: Any, weights: Any) -> None:
        self.get_label, self.get_weight = lambda: labels, lambda: weights


def no_data(weights: Any, library: str) -> Any:
    return np.empty(0, np.float32) if weights is None and library == "XGBoost" else weights


def both_forms(objective: Any, labels: Any, logits: np.ndarray, weights: Any) -> Any:
    """Gradient and second derivatives, the same by either form."""
    library = type(objective).__name__[:7]
    native = objective(logits, DataSet(labels, no_data(weights, library)))
    learn = objective(labels, logits) if weights is None else objective(labels, logits, sample_weight=weights)
    for a, b in zip(native, learn, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    return native


def random_rows(classes: int | None, dtype: Any, weighted: bool) -> tuple[np.ndarray, np.ndarray, Any]:
    """Logits in the layout of LightGBM if they are float64, labels as floats, and weights, one of them 0."""
    rng = np.random.default_rng(7)
    shape = (40,) if classes is None else (40, classes)
    logits = np.asarray(rng.normal(0.0, 3.0, shape), dtype, order="F" if dtype == np.float64 else "C")
    labels = rng.integers(0, classes or 2, 40).astype(np.float32)
    weights = rng.uniform(0.2, 3.0, 40).astype(np.float32)
    weights[3] = 0.0
    return logits, labels, weights if weighted else None


def softmax_by_formula(logits: np.ndarray, labels: np.ndarray, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Weighted gradient and p (1 - p) in float64."""
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    scale = np.ones((len(p), 1)) if weights is None else weights[:, None].astype(np.float64)
    return scale * (p - np.eye(p.shape[1])[labels.astype(int)]), scale * p * (1.0 - p)


def binary_by_formula(
    logits: np.ndarray, labels: np.ndarray, weights: Any, pos_weight: float
) -> tuple[np.ndarray, np.ndarray]:
    p = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    scale = np.where(labels == 1.0, pos_weight, 1.0) * (1.0 if weights is None else weights)
    return scale * (p - labels), scale * p * (1.0 - p)


def assert_float32_like(arrays: Any, logits: np.ndarray) -> None:
    for array in arrays:
        assert array.dtype == np.float32 and array.shape == logits.shape and array.strides == tuple(
            4 * n // logits.itemsize for n in logits.strides
        )


# --- layout, sign, dtype, diagonal -----------------------------------------------------------------------------------


@WEIGHTED
@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("name", ["XGBoost", "LightGBM"])
def test_softmax_by_the_formulas(name: str, classes: int, weighted: bool) -> None:
    logits, labels, weights = random_rows(classes, np.float32 if name == "XGBoost" else np.float64, weighted)
    grad, hess = both_forms(getattr(boosting, f"{name}Softmax")(), labels, logits, weights)
    expected_grad, diagonal = softmax_by_formula(logits, labels, weights)
    factor = 2.0 if name == "XGBoost" else classes / (classes - 1)
    floor = 1e-16 if name == "XGBoost" else 0.0
    assert_float32_like((grad, hess), logits)
    np.testing.assert_allclose(grad, expected_grad, rtol=3e-7, atol=1e-15)
    np.testing.assert_allclose(hess, np.maximum(factor * diagonal, floor), rtol=3e-7)


@WEIGHTED
@pytest.mark.parametrize("pos_weight", [1.0, 3.0])
@pytest.mark.parametrize("name", ["XGBoost", "LightGBM"])
def test_binary_by_the_formulas(name: str, pos_weight: float, weighted: bool) -> None:
    logits, labels, weights = random_rows(None, np.float32 if name == "XGBoost" else np.float64, weighted)
    results = both_forms(getattr(boosting, f"{name}Binary")(pos_weight=pos_weight), labels, logits, weights)
    assert_float32_like(results, logits)
    for result, expected in zip(results, binary_by_formula(logits, labels, weights, pos_weight), strict=True):
        np.testing.assert_allclose(result, expected, rtol=3e-7)


@WEIGHTED
def test_catboost_softmax_is_the_negated_gradient_and_the_full_matrix(weighted: bool) -> None:
    logits, labels, weights = random_rows(5, np.float64, weighted)
    grads, diagonals = softmax_by_formula(logits, labels, weights)
    for i, row in enumerate(logits):
        weight = 1.0 if weights is None else float(weights[i])
        ders, matrix = boosting.CatBoostSoftmax().calc_ders_multi(row, float(labels[i]), weight)
        p = np.exp(row) / np.exp(row).sum()
        expected = weight * (np.outer(p, p) - np.diag(p))
        assert type(ders) is type(matrix) is type(matrix[0]) is list and type(ders[0]) is type(matrix[0][0]) is float
        np.testing.assert_allclose(ders, -grads[i], rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(np.diag(matrix), -diagonals[i], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(np.sum(matrix, axis=1), 0.0, atol=1e-15)


@WEIGHTED
@pytest.mark.parametrize("pos_weight", [1.0, 3.0])
def test_catboost_binary_is_negated_pairs(pos_weight: float, weighted: bool) -> None:
    logits, labels, weights = random_rows(None, np.float64, weighted)
    pairs = boosting.CatBoostBinary(pos_weight=pos_weight).calc_ders_range(logits, labels, weights)
    assert type(pairs) is list and type(pairs[0]) is tuple and type(pairs[0][0]) is float
    expected = binary_by_formula(logits, labels, weights, pos_weight)
    np.testing.assert_allclose(np.transpose(pairs), np.negative(expected), rtol=1e-13)


def test_catboost_takes_plain_lists() -> None:
    assert boosting.CatBoostBinary().calc_ders_range([0, 0.0], [1, 0], [2, 1]) == [(1.0, -0.5), (-0.5, -0.25)]
    assert boosting.CatBoostSoftmax().calc_ders_multi([0.0, 0.0], 0, 2) == ([1.0, -1.0], [[-0.5, 0.5], [0.5, -0.5]])


def test_floor_of_xgboost_is_over_a_weighted_softmax_and_under_a_weighted_binary_diagonal() -> None:
    logits = np.array([[60.0, 0.0], [60.0, 0.0], [30.0, 0.0]], np.float32)
    weights = np.array([1.0, 8.0, 0.0], np.float32)
    _, hess = boosting.XGBoostSoftmax()([0, 0, 0], logits, weights)
    np.testing.assert_array_equal(hess, np.full((3, 2), np.float32(1e-16)))
    _, hess = boosting.XGBoostBinary(pos_weight=3.0)([1, 0, 1], np.full(3, 60.0, np.float32), weights)
    np.testing.assert_allclose(hess, [3e-16, 8e-16, 0.0], rtol=1e-6)


def test_diagonal_of_lightgbm_is_rounded_once() -> None:
    """Rounded twice, ties between splits break the other way, and the trees are not LightGBM's."""
    logits, labels, _ = random_rows(10, np.float64, False)
    exact = pyce.sparse_softmax_cross_entropy_with_logits(labels=labels.astype(int), logits=logits, returns="hess")
    _, hess = boosting.LightGBMSoftmax()(labels, logits)
    np.testing.assert_array_equal(hess, (exact * (10 / 9)).astype(np.float32))


def test_lightgbm_has_no_floor() -> None:
    _, hess = boosting.LightGBMBinary()([1], np.array([80.0]))
    assert hess[0] == pytest.approx(np.exp(-80.0), rel=1e-6)


def test_xgboost_takes_several_labels_and_one_weight_for_a_row() -> None:
    logits, weights = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.0]], np.float32), np.array([1, 2, 3], np.float32)
    labels = np.array([[0, 1], [1, 1], [0, 0]], np.float32)
    results = boosting.XGBoostBinary(pos_weight=2.0)(logits, DataSet(labels, weights))
    for result, expected in zip(results, binary_by_formula(logits, labels, weights[:, None], 2.0), strict=True):
        np.testing.assert_allclose(result, expected, rtol=3e-7)


def test_gradient_keeps_what_a_difference_of_probabilities_loses() -> None:
    grad, _ = boosting.XGBoostSoftmax()([0], np.array([[30.0, 0.0]], np.float32))
    np.testing.assert_allclose(grad, [[-np.exp(-30.0), np.exp(-30.0)]], rtol=3e-7)


# --- what users meet -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [[0.5, 1.0], [np.nan, 1.0], [np.inf, 0.0], [3.0, 0.0], [-1.0, 0.0]])
def test_labels_that_are_no_classes_are_refused(labels: list[float]) -> None:
    for objective in (boosting.XGBoostSoftmax(), boosting.LightGBMSoftmax()):
        with pytest.raises(ValueError, match="label"):
            objective(labels, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="label"):
        boosting.CatBoostSoftmax().calc_ders_multi([0.0, 0.0, 0.0], labels[0], 1.0)


@pytest.mark.parametrize("labels", [[-1.0, 1.0], [0.0, 2.0], [np.nan, 1.0]])
def test_labels_that_are_no_probabilities_are_refused(labels: list[float]) -> None:
    for objective in (boosting.XGBoostBinary(), boosting.LightGBMBinary()):
        with pytest.raises(ValueError, match=r"labels must lie in \[0, 1\]"):
            objective(labels, np.zeros(2))
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 1\]"):
        boosting.CatBoostBinary().calc_ders_range([0.0, 0.0], labels, None)


@pytest.mark.parametrize("objective", [boosting.XGBoostSoftmax(), boosting.LightGBMSoftmax()])
def test_softmax_of_one_column_names_num_class(objective: Any) -> None:
    with pytest.raises(ValueError, match="num_class"):
        objective(np.zeros(6), DataSet(np.zeros(6), None))


@pytest.mark.parametrize("objective", [
    boosting.XGBoostSoftmax(), boosting.XGBoostBinary(pos_weight=2.0), boosting.LightGBMSoftmax(),
    boosting.LightGBMBinary(pos_weight=2.0), boosting.CatBoostSoftmax(), boosting.CatBoostBinary(pos_weight=2.0),
])  # fmt: skip
def test_objectives_can_be_pickled_and_compared(objective: Any) -> None:
    assert pickle.loads(pickle.dumps(objective)) == objective
    assert "pos_weight" not in vars(objective) or type(objective)() != objective


def test_pos_weight_has_a_name() -> None:
    """So that a class handed over in place of an object fails at its first call."""
    with pytest.raises(TypeError):
        boosting.XGBoostBinary(np.zeros(2), DataSet([0, 1], None))


def test_pyce_imports_neither_the_module_nor_a_library() -> None:
    libraries = "{'xgboost', 'lightgbm', 'catboost'}"
    code = (
        "import sys, pyce; assert 'pyce.boosting' not in sys.modules; import pyce.boosting; "
        f"assert not {libraries} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


# --- beside the built-in objectives, on real data --------------------------------------------------------------------


class Problem(NamedTuple):
    """Training and held-out rows; classes is None for a binary problem."""

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None
    held_out: np.ndarray
    held_out_labels: np.ndarray
    classes: int | None


def problem(name: str, weighted: bool) -> Problem:
    datasets = pytest.importorskip("sklearn.datasets")
    features, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))[:600]
    features, labels = features[order], labels[order]
    half = len(labels) // 2
    weights = np.random.default_rng(1).uniform(0.3, 3.0, half) if weighted else None
    classes = None if name == "breast_cancer" else int(labels.max()) + 1
    return Problem(features[:half], labels[:half], weights, features[half:], labels[half:], classes)


def xgboost_logits(data: Problem, objective: Any, pos_weight: float) -> list[np.ndarray]:
    xgboost = pytest.importorskip("xgboost")
    parameters: dict[str, Any] = {"max_depth": 4, "eta": 0.3, "nthread": 1, "base_score": 0.5}
    parameters |= {"objective": "binary:logistic"} if data.classes is None else {
        "objective": "multi:softprob", "num_class": data.classes,
    }  # fmt: skip
    if objective is None and pos_weight != 1.0:
        parameters["scale_pos_weight"] = pos_weight
    training = xgboost.DMatrix(data.features, data.labels, weight=data.weights)
    booster = xgboost.train(parameters, training, ROUNDS, obj=objective)
    held_out = xgboost.DMatrix(data.held_out)
    return [booster.predict(held_out, output_margin=True, iteration_range=(0, n + 1)) for n in range(ROUNDS)]


def lightgbm_logits(data: Problem, objective: Any, pos_weight: float) -> list[np.ndarray]:
    lightgbm = pytest.importorskip("lightgbm")
    parameters: dict[str, Any] = {
        "num_leaves": 8, "learning_rate": 0.3, "num_threads": 1, "verbose": -1, "boost_from_average": False,
        "objective": objective or ("binary" if data.classes is None else "multiclass"),
        "num_class": data.classes or 1,
    }  # fmt: skip
    if objective is None and pos_weight != 1.0:
        parameters["scale_pos_weight"] = pos_weight
    booster = lightgbm.train(parameters, lightgbm.Dataset(data.features, data.labels, weight=data.weights), ROUNDS)
    return [booster.predict(data.held_out, raw_score=True, num_iteration=n + 1) for n in range(ROUNDS)]


def catboost_logits(data: Problem, objective: Any, pos_weight: float) -> list[np.ndarray]:
    catboost = pytest.importorskip("catboost")
    name = "Logloss" if data.classes is None else "MultiClass"
    parameters: dict[str, Any] = {
        "iterations": ROUNDS, "depth": 4, "learning_rate": 0.3, "thread_count": 1, "random_seed": 0,
        "bootstrap_type": "No", "random_strength": 0, "boosting_type": "Plain", "boost_from_average": False,
        "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1, "logging_level": "Silent",
        "allow_writing_files": False, "eval_metric": name, "loss_function": objective or name,
    }  # fmt: skip
    if pos_weight != 1.0:  # the weight is CatBoost's in both; see the docstring of CatBoostBinary
        parameters["class_weights"] = [1.0, pos_weight]
    model = catboost.CatBoostClassifier(**parameters).fit(data.features, data.labels, sample_weight=data.weights)
    return list(model.staged_predict(data.held_out, prediction_type="RawFormulaVal"))


LOGITS: dict[str, Callable[[Problem, Any, float], list[np.ndarray]]] = {
    "XGBoost": xgboost_logits, "LightGBM": lightgbm_logits, "CatBoost": catboost_logits,
}  # fmt: skip


def curve(data: Problem, logits: list[np.ndarray]) -> np.ndarray:
    """The mean loss on the held-out rows after every round."""
    function = pyce.sigmoid_cross_entropy_with_logits
    if data.classes is not None:
        function = pyce.sparse_softmax_cross_entropy_with_logits
    return np.array([
        np.mean(function(labels=data.held_out_labels, logits=np.asarray(x, np.float64))) for x in logits
    ])  # fmt: skip


def assert_same_curve(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert len(ours) == ROUNDS and theirs[-1] < 0.6 * theirs[0]  # it learns
    np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=1e-5)


@WEIGHTED
@pytest.mark.parametrize("name", ["iris", "digits"])
@pytest.mark.parametrize("library", LOGITS)
def test_softmax_trains_as_the_built_in(library: str, name: str, weighted: bool) -> None:
    data = problem(name, weighted)
    objective = getattr(boosting, f"{library}Softmax")()
    ours, theirs = (curve(data, LOGITS[library](data, o, 1.0)) for o in (objective, None))
    assert_same_curve(ours, theirs)


@WEIGHTED
@pytest.mark.parametrize("pos_weight", [1.0, 3.0])
@pytest.mark.parametrize("library", LOGITS)
def test_binary_trains_as_the_built_in(library: str, pos_weight: float, weighted: bool) -> None:
    data = problem("breast_cancer", weighted)
    own = {} if library == "CatBoost" else {"pos_weight": pos_weight}
    objective = getattr(boosting, f"{library}Binary")(**own)
    ours, theirs = (curve(data, LOGITS[library](data, o, pos_weight)) for o in (objective, None))
    assert_same_curve(ours, theirs)


@pytest.mark.parametrize("library", ["XGBoost", "LightGBM"])
def test_another_diagonal_gives_another_curve(library: str) -> None:
    """The comparison above would see the difference."""
    other = {"XGBoost": boosting.LightGBMSoftmax(), "LightGBM": boosting.XGBoostSoftmax()}[library]
    data = problem("digits", False)
    ours, theirs = (curve(data, LOGITS[library](data, o, 1.0)) for o in (other, None))
    assert np.abs(ours - theirs).max() > 1e-2


@WEIGHTED
@pytest.mark.parametrize("name", ["breast_cancer", "digits"])
def test_xgboost_classifier_trains_as_the_built_in(name: str, weighted: bool) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = problem(name, weighted)
    objective = boosting.XGBoostBinary() if data.classes is None else boosting.XGBoostSoftmax()
    options = {"n_estimators": ROUNDS, "max_depth": 4, "n_jobs": 1, "base_score": 0.5}
    ours, theirs = (
        xgboost.XGBClassifier(**options, **own).fit(data.features, data.labels, sample_weight=data.weights)
        for own in ({"objective": objective}, {})
    )
    restored = pickle.loads(pickle.dumps(ours))
    np.testing.assert_allclose(
        restored.predict_proba(data.held_out), theirs.predict_proba(data.held_out), rtol=0.0, atol=1e-5
    )


@WEIGHTED
@pytest.mark.parametrize("name", ["breast_cancer", "digits"])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_lightgbm_classifier_trains_as_the_built_in(name: str, weighted: bool) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    data = problem(name, weighted)
    objective = boosting.LightGBMBinary() if data.classes is None else boosting.LightGBMSoftmax()
    options = {"n_estimators": ROUNDS, "num_leaves": 8, "n_jobs": 1, "verbose": -1, "boost_from_average": False}
    ours, theirs = (
        lightgbm.LGBMClassifier(**options, **own).fit(data.features, data.labels, sample_weight=data.weights)
        for own in ({"objective": objective}, {})
    )
    restored = pickle.loads(pickle.dumps(ours))
    np.testing.assert_allclose(
        restored.predict(data.held_out, raw_score=True), theirs.predict(data.held_out, raw_score=True), atol=1e-5
    )


def test_pos_weight_in_catboost_is_that_of_the_loss() -> None:
    """Where there is one possible split and no penalty, counting a row q times and weighting its loss are the same."""
    catboost = pytest.importorskip("catboost")
    data = problem("breast_cancer", False)
    feature = (data.features[:, :1] > np.median(data.features[:, 0])).astype(float)
    options = {
        "iterations": 5, "depth": 1, "l2_leaf_reg": 0, "learning_rate": 0.3, "thread_count": 1, "bootstrap_type": "No",
        "random_strength": 0, "boost_from_average": False, "leaf_estimation_method": "Newton",
        "leaf_estimation_iterations": 1, "logging_level": "Silent", "allow_writing_files": False,
    }  # fmt: skip
    objective = boosting.CatBoostBinary(pos_weight=3.0)
    ours, theirs = (
        catboost.CatBoostClassifier(**options, **own).fit(feature, data.labels)
        .predict(feature, prediction_type="RawFormulaVal")
        for own in ({"loss_function": objective, "eval_metric": "Logloss"}, {"scale_pos_weight": 3.0})
    )  # fmt: skip
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
