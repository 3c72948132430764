"""The floating-point environment of the calling thread, set for a while: `ENVIRONMENTS` maps a name to a context."""

import ctypes
import ctypes.util
import platform
from contextlib import contextmanager
from functools import partial

import pytest

# FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO of <fenv.h>
ROUNDING = {"x86_64": (0x800, 0x400, 0xC00), "aarch64": (0x400000, 0x800000, 0xC00000)}.get(platform.machine(), ())


@contextmanager
def rounding(place):
    name = ctypes.util.find_library("m")
    if name is None or not ROUNDING:
        pytest.skip("no fesetround that this test knows")
    libm = ctypes.CDLL(name)
    before = libm.fegetround()
    libm.fesetround(ROUNDING[place])
    try:
        yield
        after = libm.fegetround()
    finally:
        libm.fesetround(before)
    assert after == ROUNDING[place], "the rounding mode was not restored"


@contextmanager
def flush_to_zero():
    torch = pytest.importorskip("torch")
    tiny = torch.tensor([torch.finfo(torch.float32).smallest_normal])
    if not torch.set_flush_denormal(True):
        pytest.skip("torch cannot set flush to zero here")
    try:
        yield
        halved = float((tiny / 2)[0])
    finally:
        torch.set_flush_denormal(False)
    assert halved == 0, "flush to zero was not restored"


ENVIRONMENTS = {
    "rounding up": partial(rounding, 0),
    "rounding down": partial(rounding, 1),
    "rounding to zero": partial(rounding, 2),
    "flush to zero": flush_to_zero,
}
