"""The examples in C, C++ and Fortran: built without warnings against the installed package, run, and right."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import WARNINGS, compiler, config, run

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# mpmath, 20 digits; logits [[2, 0.5, 1], [0.1, 1, 3]], the second row's 0.1 in double and in single precision
LOSSES, SINGLE = (1.9643687841079448, 0.17425452502421608), (1.9643687841079448, 0.17425452509309532)


def build(command, source, program, *options):
    run(*command, *options, EXAMPLES / source, *config("--cflags", "--libs"), "-lm", "-o", program)
    return program


def test_tutorial_in_c_is_the_program_of_the_readme_and_prints_its_losses(tmp_path):
    readme = re.search(r"^```c\n(.*?)^```", (EXAMPLES.parent / "README.md").read_text(), re.DOTALL | re.MULTILINE)[1]
    assert (EXAMPLES / "c" / "tutorial.c").read_text().split("*/\n", 1)[1] == readme
    program = build(compiler("c"), "c/tutorial.c", tmp_path / "tutorial", "-std=c99", *WARNINGS)
    for found, exact in zip(map(float, run(program).split()), SINGLE, strict=True):
        assert abs(found - exact) <= 2 * np.spacing(np.float32(exact))


def test_perceptron_in_c_learns_handwritten_digits(tmp_path):
    pytest.importorskip("sklearn")
    program = build(compiler("c"), "c/perceptron.c", tmp_path / "perceptron", "-std=c99", "-O2", *WARNINGS)
    run(sys.executable, EXAMPLES / "c" / "digits.py", tmp_path / "digits.bin")
    printed = run(program, tmp_path / "digits.bin")
    assert float(re.search(r"held-out accuracy (\S+)", printed)[1]) >= 0.95
    losses = [float(loss) for loss in re.findall(r"mean loss (\S+)", printed)]
    assert len(losses) == 6 and losses[-1] < losses[0] / 5


def test_perceptron_refuses_a_file_that_is_none_of_its_own(tmp_path):
    program = build(compiler("c"), "c/perceptron.c", tmp_path / "perceptron", "-std=c99", *WARNINGS)
    (tmp_path / "text").write_text("not the digits at all, but long enough for a head")
    done = subprocess.run([program, tmp_path / "text"], capture_output=True, text=True)
    assert done.returncode == 2 and "digits.py" in done.stderr


def test_tutorial_in_cpp_prints_losses_and_the_exception(tmp_path):
    program = build(compiler("cpp"), "cpp/tutorial.cpp", tmp_path / "tutorial", "-std=c++17", *WARNINGS)
    words = run(program).split(maxsplit=5)
    assert words[0] == "loss" and words[3] == "mean"
    for found, exact in zip(map(float, words[1:3]), SINGLE, strict=True):
        assert abs(found - exact) <= 2 * np.spacing(np.float32(exact))
    assert abs(float(words[4]) - sum(SINGLE) / 2) <= 4 * np.spacing(1.0)
    assert words[5].strip() == "labels: the value at index 1 is 3, outside the range 0 to 2"


CPP_CHECKS = r"""
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>
#include "pyce.hpp"

static void check(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}

template <class F> static std::string message_of(F call) {
    try {
        call();
    } catch (const std::invalid_argument& e) {
        return e.what();
    } catch (const pyce::error& e) {
        return "pyce: " + std::to_string(e.argument()) + " " + std::to_string(e.index());
    }
    return "none";
}

int main() {
    const std::array<double, 6> x{2.0, 0.5, 1.0, 0.1, 1.0, 3.0};
    const float soft[6] = {0.25f, 0.5f, 0.25f, 0.0f, 0.0f, 1.0f};
    std::vector<unsigned char> labels{1, 2};
    std::vector<double> loss(2), grad(6, 7.0), lse(2), prob(6), log_prob(6), hess(6), more(6);
    pyce::outputs all(loss, grad);
    all.lse = lse, all.prob = prob, all.log_prob = log_prob, all.hess = hess;
    pyce::sparse_softmax_cross_entropy(x, labels, all);
    for (int i = 0; i < 6; i++) {
        std::printf("%.17g %.17g %.17g %.17g\n", grad[i], hess[i], prob[i], log_prob[i]);
    }
    std::printf("%.17g %.17g %.17g %.17g\n", loss[0], loss[1], lse[0], lse[1]);
    pyce::softmax_cross_entropy(x, soft, 3, {loss, grad});
    std::printf("%.17g %.17g\n", loss[0], loss[1]);
    pyce::sigmoid_cross_entropy(x, soft, {more});
    for (double v : more) std::printf("%.17g\n", v);
    pyce::weighted_cross_entropy(x, soft, 2.5, {more});
    for (double v : more) std::printf("%.17g\n", v);
    double mean = 0.0;
    pyce::options options;
    const std::vector<float> weights{1.0f, 3.0f}, class_weights{1.0f, 2.0f, 4.0f};
    options.sample_weight = weights;
    options.class_weight = class_weights;
    options.label_smoothing = 0.1;
    options.reduction = PYCE_REDUCTION_MEAN;
    pyce::sparse_softmax_cross_entropy(x, labels, {{&mean, 1}}, options);
    std::printf("%.17g\n", mean);

    std::vector<double> three(3), none;
    std::vector<int> bad{1, 3}, no_labels;
    grad.assign(6, 7.0);
    check(message_of([&] { pyce::sparse_softmax_cross_entropy(x, labels, {three}); }) ==
              "loss has 3 elements, expected 2", "loss");
    check(message_of([&] { pyce::sparse_softmax_cross_entropy(x, labels, {loss, three}); }) ==
              "grad has 3 elements, expected 6", "grad");
    check(message_of([&] { pyce::sparse_softmax_cross_entropy(x, lse, {loss}); }) == "pyce: 2 -1", "float labels");
    check(message_of([&] { pyce::sparse_softmax_cross_entropy(x, bad, {loss, grad}); }) == "pyce: 2 1", "label 3");
    check(message_of([&] { pyce::sparse_softmax_cross_entropy(x, std::vector<int>(4), {loss}); }) ==
              "logits have 6 elements, which do not make 4 rows", "rows");
    check(message_of([&] { pyce::softmax_cross_entropy(x, soft, 4, {loss}); }) ==
              "logits have 6 elements, which do not make rows of 4 classes", "classes");
    check(message_of([&] { pyce::sigmoid_cross_entropy(x, three, {more}); }) == "labels has 3 elements, expected 6",
          "labels");
    check(grad == std::vector<double>(6, 7.0), "written in spite of an error");
    pyce::sparse_softmax_cross_entropy(none, no_labels, {none, none});
    return 0;
}
"""


def test_cpp_header_gives_what_python_gives_and_refuses_what_does_not_fit(tmp_path):
    import pyce

    (tmp_path / "checks.cpp").write_text(CPP_CHECKS)
    program = build(
        compiler("cpp"),
        tmp_path / "checks.cpp",
        tmp_path / "checks",
        "-std=c++17",
        *WARNINGS,
        f"-I{EXAMPLES / 'cpp'}",
    )
    found = [float(word) for word in run(program).split()]
    x = np.array([[2, 0.5, 1], [0.1, 1, 3]])
    soft = np.array([[0.25, 0.5, 0.25], [0, 0, 1]], np.float32)
    labels = np.array([1, 2])
    sparse = pyce.sparse_softmax_cross_entropy_with_logits
    names = ("grad", "hess", "prob", "log_prob")
    parts = sparse(labels=labels, logits=x, returns=("loss", "lse", *names))
    expected = [*np.stack([getattr(parts, name).ravel() for name in names], axis=1).ravel(), *parts.loss, *parts.lse]
    expected += [*pyce.softmax_cross_entropy_with_logits(labels=soft, logits=x)]
    expected += [*pyce.sigmoid_cross_entropy_with_logits(labels=soft, logits=x).ravel()]
    expected += [*pyce.weighted_cross_entropy_with_logits(labels=soft, logits=x, pos_weight=2.5).ravel()]
    expected.append(
        sparse(
            labels=labels,
            logits=x,
            sample_weight=np.float32([1, 3]),
            class_weight=np.float32([1, 2, 4]),
            label_smoothing=0.1,
            reduction="mean",
        )
    )
    assert found == [float(number) for number in expected]


def test_tutorial_in_fortran_prints_losses_and_gradient(tmp_path):
    program = build(
        [*compiler("fortran"), "-std=f2018", "-J", str(tmp_path)],
        "fortran/tutorial.f90",
        tmp_path / "tutorial",
        "-Wall",
        "-Wextra",
        "-Werror",
    )
    numbers = [float(word) for word in run(program).split()]
    for found, exact in zip(numbers[:2], LOSSES, strict=True):
        assert abs(found - exact) <= 2 * np.spacing(exact)
    grad = np.array(numbers[2:]).reshape(2, 3)
    logits = np.array([[2, 0.5, 1], [0.1, 1, 3]])
    prob = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert grad == pytest.approx(prob - np.eye(3)[[1, 2]], rel=1e-14)
