"""`pyce verify`: the library passes its short form, and wrong results do not."""

import re
import secrets
import subprocess
import sys

import numpy as np
import pytest

from pyce import _core, _verify
from pyce.__main__ import VERIFIED_DTYPES, main
from pyce._verify import cases, definition, formats, measure, reference, regimes, report, rounding
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
    for dtype in (*_verify.DTYPES, "float32 from float16", "float32 from bfloat16"):
        for name in (*_verify.LOSSES, *_verify.TRANSFORMS):
            assert re.search(rf"\| {name} +\| \w+ +\| {dtype} +\|", done.stdout), (name, dtype)
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

    def subject(name, case, isa, dtype):
        results = _verify.call_pyce(name, case, isa, dtype)
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

    def flush(name, case, isa, dtype):
        results = _verify.call_pyce(name, case, isa, dtype)
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
    assert not report.faults("float32", statistics)
    statistics.total += 0.5 * statistics.count
    assert ["mean" in fault for fault in report.faults("float32", statistics)] == [True]


def test_wrong_reference_is_seen(capsys, monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({3: 20}, {}, 100, 1))
    exact = reference.log1p

    def wrong(x):
        return exact(x).times(Wide.of(1.0, 2.0**-60))

    monkeypatch.setattr(reference, "log1p", wrong)
    assert quick(FIXED_SEED, dtypes=("float64",)) == 1
    assert "the reference is off" in capsys.readouterr().out


@pytest.mark.parametrize("dtype, name", [(dtype, n) for dtype in _verify.DTYPES for n in regimes.row_regimes(dtype)])
def test_reference_of_rows_agrees_with_the_definitions(dtype, name):
    for classes in (2, 3, 17):
        case = cases.make_rows(FIXED_SEED, name, (12, classes), dtype, 0)
        assert definition.check_reference(case, reference.find_references(case), 12) < 1e-9


@pytest.mark.parametrize(
    "dtype, name", [(dtype, n) for dtype in _verify.DTYPES for n in regimes.element_regimes(dtype)]
)
def test_reference_of_elements_agrees_with_the_definitions(dtype, name):
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


# half types

halves = pytest.mark.parametrize("half", formats.HALVES)


def toward_zero(wide, half):
    result = wide.astype(half)
    beyond = np.abs(result.astype(np.float64)) > np.abs(wide)
    return np.where(beyond, np.nextafter(result, np.zeros((), half)), result)


def ties_away(wide, half):
    low = toward_zero(wide, half).astype(np.float64)
    high = np.nextafter(toward_zero(wide, half), np.copysign(np.inf, wide).astype(half)).astype(np.float64)
    is_tie = (wide - low == high - wide) & (low != high)
    return np.where(is_tie, high, wide).astype(half)


def twice(wide, half):
    form = formats.FORMATS[half]
    return rounding.round_to_even(wide, form._replace(nmant=form.nmant + 2)).astype(half)


def without_subnormals(wide, half):
    return np.where(np.abs(wide) < 2.0 ** formats.FORMATS[half].minexp, 0, wide).astype(half)


def saturated(wide, half):
    largest = np.nextafter(np.asarray(np.inf, half), np.zeros((), half)).astype(np.float32)
    return np.clip(wide, -largest, largest).astype(half)


ROUNDED_WRONGLY = {
    "toward zero": (toward_zero, {"worst error", "rounded once"}),
    "twice": (twice, {"worst error", "rounded once"}),
    "ties away from zero": (ties_away, {"rounded once"}),
    "without subnormals": (without_subnormals, {"worst error", "rounded once", "0 where the exact value"}),
    "saturated": (saturated, {"worst error", "rounded once"}),
}
FAULTS = ("worst error", "rounded once", "0 where the exact value")


@halves
@pytest.mark.parametrize("wrong", ROUNDED_WRONGLY)
def test_wrong_rounding_is_seen(wrong, half, capsys, monkeypatch):
    change, expected = ROUNDED_WRONGLY[wrong]
    if (wrong, half) == ("saturated", "bfloat16"):
        expected = set()  # whose range is that of float32: no case leads beyond it

    def subject(name, case, isa, dtype):
        results = _verify.call_pyce(name, case, isa, dtype or "float32")
        if dtype is None:
            with np.errstate(over="ignore", under="ignore"):
                results = {output: np.asarray(change(value, half)) for output, value in results.items()}
        return results

    monkeypatch.setattr(_verify, "QUICK", cases.Plan({3: 100}, {}, 1000, 1))
    assert quick(FIXED_SEED, subject, (half,)) == bool(expected)
    out = capsys.readouterr().out
    failed = out.split("FAILED")[1] if expected else ""
    assert {fault for fault in FAULTS if fault in failed} == expected
    assert not re.search(r"from b?float16 \(.*\): .*(above|0 where)", failed)


@halves
@pytest.mark.parametrize("function, output", OUTPUTS)
def test_one_half_result_one_unit_too_high_is_seen(function, output, half, capsys, monkeypatch):
    one_unit = spoiled(lambda value: np.nextafter(value, np.asarray(np.inf, half)), function, output)

    def subject(name, case, isa, dtype):
        return (one_unit if dtype is None else _verify.call_pyce)(name, case, isa, dtype)

    monkeypatch.setattr(_verify, "QUICK", cases.Plan({3: 50}, {}, 100, 1))
    assert quick(FIXED_SEED, subject, (half,)) == 1
    failed = capsys.readouterr().out.split("FAILED")[1]
    assert re.search(rf"{function} {output} {half} .*: worst error [01]\.\d+ ulp, above 0\.5000?[23]", failed)
    assert re.search(rf"{function} {output} {half} .*: 1 results are not the float32 result rounded once", failed)
    assert "float32 from" not in failed


@halves
@pytest.mark.parametrize("function, output", OUTPUTS)
def test_one_wrong_float32_result_of_half_logits_is_seen(function, output, half, capsys, monkeypatch):
    three_units = spoiled(move_by_three_ulp, function, output)

    def subject(name, case, isa, dtype):
        return (three_units if dtype == "float32" else _verify.call_pyce)(name, case, isa, dtype)

    monkeypatch.setattr(_verify, "QUICK", cases.Plan({3: 50}, {}, 100, 1))
    assert quick(FIXED_SEED, subject, (half,)) == 1
    failed = capsys.readouterr().out.split("FAILED")[1]
    assert re.search(rf"{function} {output} float32 from {half} .*: worst error", failed)
    assert not re.search(rf" {half} \(.*worst error", failed.replace(f"from {half}", ""))


def test_result_of_another_dtype_is_refused(monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({2: 4}, {}, 10, 1))

    def subject(name, case, isa, dtype):
        return _verify.call_pyce(name, case, isa, None)

    with pytest.raises(TypeError, match="must have dtype float32, got float16"):
        quick(FIXED_SEED, subject, ("float16",))


@halves
def test_bound_is_half_a_unit_and_two_of_float32(half):
    form = formats.FORMATS[half]
    assert form.bound - 0.5 == 2 * np.spacing(np.float32(1)) / 2.0**-form.nmant
    assert form.bound == {"float16": 0.500244140625, "bfloat16": 0.500030517578125}[half]
    assert formats.bound_of(f"float32 from {half}") == formats.bound_of("float32") == 2


@halves
def test_infinity_is_right_where_rounding_leads_beyond_the_range_and_nowhere_else(half):
    form = formats.FORMATS[half]
    unit = 2.0 ** (form.maxexp - 1 - form.nmant)
    limit, largest = 2.0**form.maxexp, 2.0**form.maxexp - unit
    tie = limit - unit / 2
    far, near = unit / 2**10, unit / 2**20  # from the tie: on which side the float32 result lies is certain, or not
    given = {
        np.inf: ([tie, tie - near, tie + far, limit, 8 * limit, 2.0**400], [largest, tie - far, 1.0, -limit]),
        largest: ([largest, tie, tie - far, tie + near], [tie + far, limit, 8 * limit, 2.0**400, -largest]),
    }
    for result, (right, wrong) in given.items():
        for sign in (1, -1):
            for exact, is_right in [(value, True) for value in right] + [(value, False) for value in wrong]:
                size = reference.Exact(Wide.of(np.array([sign * exact])))
                error = measure.ulp_errors(np.array([sign * result], half), size)
                assert (error <= form.bound)[0] == is_right, (result, exact)
    not_a_number = measure.ulp_errors(np.array([np.nan], half), reference.Exact(Wide.of([8 * limit])))
    assert np.isinf(not_a_number).all()


@halves
def test_rounding_agrees_with_the_conversions_of_the_dtypes(half):
    """At every number of the half type, halfway to the next one, and beside both."""
    form = formats.FORMATS[half]
    numbers = np.arange(2**16, dtype=np.uint16).view(half).astype(np.float32)
    numbers = np.sort(numbers[np.isfinite(numbers)])
    middles = (numbers[1:].astype(np.float64) + numbers[:-1]) / 2
    beyond = np.float32(2.0**form.maxexp - 2.0 ** (form.maxexp - 2 - form.nmant))
    points = np.concatenate([numbers, middles.astype(np.float32), [beyond, -beyond]])
    for direction in (-np.inf, np.inf):
        for wide in (points, np.nextafter(points, np.float32(direction))):
            with np.errstate(over="ignore", under="ignore"):
                result = wide.astype(half)
                other = np.nextafter(result, np.asarray(-direction, half))
            assert not rounding.misrounded(result, wide).any()
            assert rounding.misrounded(other, wide)[np.isfinite(result)].all()


# options


@pytest.mark.parametrize("package", ["ml_dtypes", "mpmath", "tqdm"])
def test_missing_extra_is_said_in_words(package, tmp_path):
    block = f"import sys; sys.modules['{package}'] = None; from pyce.__main__ import main; sys.exit(main(['verify']))"
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert f"needs {package}: pip install 'pyce[verify]'" in done.stderr
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
    assert "float16" not in out
    table = [line.split("|") for line in out.splitlines() if "| float64 |" in line]
    assert {cells[4].strip() for cells in table} == set(ONE_ISA)


def test_every_dtype_may_be_asked_for(capsys, monkeypatch):
    monkeypatch.setattr(_verify, "QUICK", cases.Plan({2: 4}, {}, 10, 1))
    assert VERIFIED_DTYPES == _verify.DTYPES
    for dtype in _verify.DTYPES:
        assert main(["verify", "--quick", "--seed", "5", "--dtype", dtype]) == 0
        table = [line.split("|")[3].strip() for line in capsys.readouterr().out.splitlines() if line.count("|") == 11]
        assert set(table[2:]) == set(formats.result_kinds(dtype))
    assert main(["verify", "--quick", "--seed", "5", "--dtype", "float32", "--dtype", "bfloat16"]) == 0
    out = capsys.readouterr().out
    assert "| function | output | float32 worst | 99.9 % | mean |" in out
    assert "| function | output | bfloat16 worst | mean | float32 from bfloat16 worst | mean |" in out
    assert "Passed: errors at most 2 ulp (bfloat16: 0.500031)" in out
