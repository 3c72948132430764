"""`pyce verify`: the library passes its short form, and wrong results do not."""

import re
import secrets
import subprocess
import sys

import numpy as np
import pytest

from pyce import _core, _verify
from pyce.__main__ import main
from pyce._verify import cases, definition, measure, reference, report
from pyce._verify.double_double import Wide

FIXED_SEED = 1
ONE_ISA = tuple(name for name, (_, _, available) in _core.isas().items() if available)[:1]


def quick(seed, subject=_verify.call_pyce, dtypes=("float32",)):
    """The exit status of the short form with one instruction set; what it prints is captured."""
    return _verify.verify(_verify.Options(quick=True, seed=seed, isas=ONE_ISA, dtypes=dtypes), subject)


@pytest.mark.parametrize("seed", [FIXED_SEED, None], ids=["fixed seed", "fresh seed"])
def test_quick_form_passes(seed, tmp_path):
    seed = secrets.randbits(32) if seed is None else seed
    print(f"seed {seed}")
    command = [sys.executable, "-m", "pyce", "verify", "--quick", "--seed", str(seed)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert f"seed {seed}" in done.stdout
    for dtype in _verify.DTYPES:
        for name in (*_verify.LOSSES, *_verify.TRANSFORMS):
            assert re.search(rf"\| {name} +\| \w+ +\| {dtype}", done.stdout), (name, dtype)
    for name, (_, _, available) in _core.isas().items():
        assert (name in done.stdout) == available
    assert "Worst cases:" in done.stdout


def test_fresh_seed_is_drawn_and_printed(capsys, monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({2: 4}, {}, 10, 1))
    shown = []
    for _ in range(2):
        assert quick(None) == 0
        shown += re.findall(r"seed (\d+)", capsys.readouterr().out)
    assert len(set(shown)) == 2


def spoiled(change, function, output):
    """pyce, but for one value of one output of one function."""

    def subject(name, case, isa):
        results = _verify.call_pyce(name, case, isa)
        if name == function and case.name == "random":
            results[output] = results[output].copy()
            values = results[output].reshape(-1)
            i = np.abs(values).argmax()
            values[i] = change(values[i])
        return results

    return subject


def move_by_three_ulp(value):
    return value + 3 * np.spacing(value)


WRONG = {
    "3 ulp": move_by_three_ulp,
    "zero": lambda value: value * 0,
    "nan": lambda value: value * np.nan,
    "inf": lambda value: value * np.inf,
    "sign": lambda value: -value,
}
OUTPUTS = [
    ("sigmoid_cross_entropy", "grad"),
    ("weighted_cross_entropy", "hess"),
    ("softmax_cross_entropy", "loss"),
    ("sparse_softmax_cross_entropy", "lse"),
    ("log_softmax", "log_prob"),
]


@pytest.mark.parametrize("dtype", _verify.DTYPES)
@pytest.mark.parametrize("function, output", OUTPUTS)
@pytest.mark.parametrize("wrong", WRONG)
def test_one_wrong_value_is_seen(wrong, function, output, dtype, capsys, monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({3: 50}, {}, 100, 1))
    assert quick(FIXED_SEED, dtypes=(dtype,)) == 0
    capsys.readouterr()
    assert quick(FIXED_SEED, spoiled(WRONG[wrong], function, output), dtypes=(dtype,)) == 1
    failed = capsys.readouterr().out.split("FAILED")[1]
    assert re.search(rf"{function} {output} {dtype} .*: worst error", failed)


def test_zero_for_the_smallest_subnormals_is_seen_though_it_is_within_two_ulp(capsys, monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({2: 20}, {}, 4000, 1))

    def flush(name, case, isa):
        results = _verify.call_pyce(name, case, isa)
        smallest = np.finfo(case.logits.dtype).smallest_subnormal
        return {output: np.where(np.abs(value) <= smallest, 0, value) for output, value in results.items()}

    assert quick(FIXED_SEED, flush) == 1
    failed = capsys.readouterr().out.split("FAILED")[1]
    assert "0 where the exact value can be represented" in failed
    assert "worst error" not in failed


def test_mean_above_half_an_ulp_is_seen(monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({2: 20}, {}, 1000, 1))

    everything = _verify.collect(_verify.Options(quick=True, isas=ONE_ISA, dtypes=("float32",)), FIXED_SEED)
    statistics = everything[0]["sigmoid", "prob", "float32", ONE_ISA[0]]
    assert not report.faults(statistics)
    statistics.total += 0.5 * statistics.count
    assert ["mean" in fault for fault in report.faults(statistics)] == [True]


def test_wrong_reference_is_seen(capsys, monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({3: 20}, {}, 100, 1))
    exact = reference.log1p

    def wrong(x):
        return exact(x).times(Wide.of(1.0, 2.0**-60))

    monkeypatch.setattr(reference, "log1p", wrong)
    assert quick(FIXED_SEED, dtypes=("float64",)) == 1
    assert "the reference is off" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", _verify.DTYPES)
@pytest.mark.parametrize("name", cases.ROW_REGIMES)
def test_reference_of_rows_agrees_with_the_definitions(name, dtype):
    for classes in (2, 3, 17):
        case = cases.make_rows(FIXED_SEED, name, (12, classes), dtype, 0)
        assert definition.check_reference(case, reference.find_references(case), 12) < 1e-9


@pytest.mark.parametrize("dtype", _verify.DTYPES)
@pytest.mark.parametrize("name", cases.ELEMENT_REGIMES)
def test_reference_of_elements_agrees_with_the_definitions(name, dtype):
    case = cases.make_elements(FIXED_SEED, name, 60, dtype, 0)
    assert definition.check_reference(case, reference.find_references(case), 60) < 1e-9


@pytest.mark.parametrize("dtype", _verify.DTYPES)
def test_inputs_are_spread(dtype):
    for make in cases.plan_cases(cases.QUICK, (dtype,), FIXED_SEED):
        case = make()
        assert np.isfinite(case.logits).all()
        assert len(np.unique(case.logits)) > 1 or case.name == "ties"


def test_ulp_is_that_of_the_binade_of_the_exact_value_and_of_subnormals():
    tiny = np.finfo(np.float32).smallest_subnormal
    exact = np.array([1.0, 1.0, 1.5, float(tiny), 0.0])
    below_one = reference.Exact(Wide.of(exact, [0.0, -1e-20, 0.0, 0.0, 0.0]))
    result = np.array([1 + 2**-23, 1 - 2**-24, 1.5 - 2**-23, 3 * tiny, tiny], np.float32)
    assert measure.ulp_errors(result, below_one).round(6).tolist() == [1, 1, 1, 2, 1]
    not_finite = np.array([np.nan, np.inf, -np.inf], np.float32)
    assert np.isinf(measure.ulp_errors(not_finite, reference.Exact(Wide.of([1.0, 1.0, 1.0])))).all()


def test_missing_extra_is_said_in_words(tmp_path):
    block = "import sys; sys.modules['mpmath'] = None; from pyce.__main__ import main; sys.exit(main(['verify']))"
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "pip install 'pyce[verify]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_instruction_set_that_is_not_there_is_refused(capsys):
    assert _verify.verify(_verify.Options(isas=("abacus",))) == 2
    assert "abacus" in capsys.readouterr().err


def test_options_restrict_what_is_measured(capsys, monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({2: 4}, {}, 10, 1))
    assert main(["verify", "--quick", "--seed", "5", "--dtype", "float64", "--isa", *ONE_ISA]) == 0
    out = capsys.readouterr().out
    assert "seed 5" in out
    assert "float32" not in out
    table = [line.split("|") for line in out.splitlines() if "| float64 |" in line]
    assert {cells[4].strip() for cells in table} == set(ONE_ISA)
