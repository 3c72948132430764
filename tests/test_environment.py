"""The floating-point environment of the calling thread neither reaches a result nor is it changed."""

import ctypes
import ctypes.util
import platform

import data
import numpy as np
import pytest
from helpers import LOSSES, assert_same_results, compute

# FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO of <fenv.h>
ROUNDING = {"x86_64": (0x800, 0x400, 0xC00), "aarch64": (0x400000, 0x800000, 0xC00000)}.get(platform.machine(), ())


@pytest.fixture
def libm():
    name = ctypes.util.find_library("m")
    if name is None or not ROUNDING:
        pytest.skip("no fesetround that this test knows")
    library = ctypes.CDLL(name)
    before = library.fegetround()
    yield library
    library.fesetround(before)


@pytest.mark.parametrize("mode", range(3))
@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("loss", LOSSES)
def test_rounding_mode_of_the_caller_changes_no_bit_and_is_restored(libm, loss, num_threads, mode):
    arguments = data.problem(loss, "random", 700, 300, np.float32)
    reference = compute(loss, arguments, data.outputs(loss), num_threads=num_threads)
    libm.fesetround(ROUNDING[mode])
    results = compute(loss, arguments, data.outputs(loss), num_threads=num_threads)
    after = libm.fegetround()
    libm.fesetround(0)
    assert after == ROUNDING[mode]
    assert_same_results(results, reference)


@pytest.mark.parametrize("dtype", data.FLOATS)
@pytest.mark.parametrize("loss", LOSSES)
def test_flush_to_zero_of_the_caller_changes_no_bit_and_is_restored(loss, dtype):
    torch = pytest.importorskip("torch")
    arguments = data.problem(loss, "vanishing exponentials", 60, 20, dtype)
    reference = compute(loss, arguments, data.outputs(loss))
    tiny = torch.tensor([torch.finfo(torch.float32).smallest_normal])
    if not torch.set_flush_denormal(True):
        pytest.skip("torch cannot set flush to zero here")
    try:
        results = compute(loss, arguments, data.outputs(loss))
        halved = float((tiny / 2)[0])
    finally:
        torch.set_flush_denormal(False)
    assert halved == 0
    assert_same_results(results, reference)
