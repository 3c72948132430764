"""Half-precision tensors of PyTorch, and what half types cost: no copy of the logits, no import of ml_dtypes."""

import subprocess
import sys

import data
import numpy as np
import pytest
from helpers import LOSSES, assert_same_bits, compute

import pyce
from pyce import _core

SPARSE = pyce.sparse_softmax_cross_entropy_with_logits
losses = pytest.mark.parametrize("loss", LOSSES)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def bfloat16():
    return np.dtype(pytest.importorskip("ml_dtypes").bfloat16)


def bits_of(tensor):
    """The memory of a bfloat16 tensor as an array of ml_dtypes' dtype."""
    import torch

    return tensor.view(torch.int16).numpy().view(bfloat16())


def tensor_of(array):
    """A bfloat16 tensor on the memory of such an array; other arrays as the tensors of their dtype."""
    import torch

    if array.dtype.name != "bfloat16":
        return torch.from_numpy(array)
    return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)


def problem(loss, rows, classes, dtype):
    arguments = data.problem(loss, "random", rows, classes, np.float32)
    return {key: value.astype(dtype) if value.dtype.kind == "f" else value for key, value in arguments.items()}


def tensors(arguments):
    return {key: tensor_of(value) for key, value in arguments.items()}


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@losses
def test_half_tensors_give_the_bits_of_their_arrays(loss, half, torch):
    for rows, classes in ((9, 7), (3, 300)):
        arguments = problem(loss, rows, classes, bfloat16() if half == "bfloat16" else np.float16)
        reference = compute(loss, arguments, data.outputs(loss))
        for name, value in compute(loss, tensors(arguments), data.outputs(loss)).items():
            assert_same_bits(value, reference[name])
        exact = compute(loss, arguments, data.outputs(loss), dtype=np.float32)
        for name, value in compute(loss, tensors(arguments), data.outputs(loss), dtype=np.float32).items():
            assert_same_bits(value, exact[name])


@losses
def test_bfloat16_tensors_may_have_any_strides(loss, torch):
    arguments = problem(loss, 12, 9, bfloat16())
    reference = compute(loss, arguments, ("loss", "grad"))
    wide = torch.full((24, 11), torch.nan, dtype=torch.bfloat16)
    for view in (wide[::2, 1:10], torch.zeros(9, 12, dtype=torch.bfloat16).T):
        view[...] = tensor_of(arguments["logits"])
        grad = torch.zeros_like(wide)[::2, 2:]
        results = compute(loss, tensors(arguments) | {"logits": view}, ("loss", "grad"), out={"grad": grad})
        assert results["grad"] is grad
        assert_same_bits(bits_of(grad), reference["grad"])
        assert_same_bits(results["loss"], reference["loss"])


@losses
def test_grad_overwrites_a_bfloat16_tensor(loss, torch):
    arguments = problem(loss, 12, 300, bfloat16())
    reference = compute(loss, arguments, ("loss", "grad"))
    x = tensor_of(arguments["logits"].copy())
    results = compute(loss, tensors(arguments) | {"logits": x}, ("loss", "grad"), out={"grad": x})
    assert results["grad"] is x
    assert_same_bits(bits_of(x), reference["grad"])


@losses
def test_bfloat16_tensors_of_nine_axes(loss, torch):
    shape = (2, 1, 3, 1, 2, 1, 1, 1, 5)
    flat = problem(loss, 12, 5, bfloat16())
    reference = compute(loss, flat, ("loss", "grad"))
    arguments = {
        key: tensor_of(value if value.shape == (5,) else value.reshape(shape[: 9 if value.ndim == 2 else 8]))
        for key, value in flat.items()
    }
    grad = torch.zeros(shape, dtype=torch.bfloat16)
    results = compute(loss, arguments, ("loss", "grad"), out={"grad": grad})
    assert results["grad"] is grad
    assert_same_bits(bits_of(grad).ravel(), reference["grad"].ravel())
    assert_same_bits(results["loss"].ravel(), reference["loss"].ravel())


def test_bfloat16_tensors_of_no_elements_and_of_no_axes(torch):
    empty = torch.zeros((0, 3), dtype=torch.bfloat16)
    assert SPARSE(labels=np.zeros(0, int), logits=empty, dtype="float32").shape == (0,)
    one = torch.tensor(1.0, dtype=torch.bfloat16)
    assert pyce.sigmoid(one, out=np.empty((), np.float32)) == pytest.approx(1 / (1 + np.exp(-1)))
    assert type(pyce.sigmoid(one)) is bfloat16().type


def test_bfloat16_tensor_that_requires_grad_is_told_to_detach(torch):
    x = torch.ones((4, 3), dtype=torch.bfloat16, requires_grad=True)
    with pytest.raises(TypeError, match=r"logits\.detach\(\)"):
        SPARSE(labels=[0] * 4, logits=x, dtype="float32")
    with pytest.raises(TypeError, match="detach"):
        SPARSE(labels=[0] * 4, logits=np.ones((4, 3)), returns="grad", out=x)


def test_bfloat16_tensor_of_index_labels_is_refused(torch):
    with pytest.raises(TypeError, match="labels must have an integer dtype, got bfloat16"):
        SPARSE(labels=torch.zeros(4, dtype=torch.bfloat16), logits=np.ones((4, 3)))


def test_misaligned_bfloat16_tensor_is_read_but_not_written(torch):
    x = torch.frombuffer(bytearray(25), dtype=torch.bfloat16, offset=1, count=12).reshape(4, 3)
    x[...] = torch.arange(12).reshape(4, 3)
    expected = pyce.softmax(x.clone(), out=np.empty((4, 3)))
    assert_same_bits(pyce.softmax(x, out=np.empty((4, 3))), expected)
    with pytest.raises(ValueError, match="aligned"):
        pyce.softmax(np.ones((4, 3)), out=x)


class Elsewhere:
    dtype = "torch.bfloat16"

    def __dlpack_device__(self):
        return 2, 0  # CUDA

    def __dlpack__(self, **options):
        raise AssertionError("memory of a GPU was asked for")


def test_bfloat16_tensor_of_a_gpu_is_told_to_come_over():
    with pytest.raises(TypeError, match=r"logits must be in the memory of the CPU; pass logits\.cpu\(\)"):
        SPARSE(labels=[0], logits=Elsewhere())


class Exporter:
    """DLPack alone, of the version before 1 if `options` is not taken."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack__(self, **options):
        return self.tensor.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()


class OldExporter(Exporter):
    def __dlpack__(self):
        return self.tensor.__dlpack__()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_exporters_of_dlpack_are_read_and_the_older_kind_never_written(dtype, torch):
    x = torch.arange(12).reshape(4, 3).to(getattr(torch, dtype))
    expected = pyce.softmax(x, out=np.empty((4, 3)))
    for exporter in (Exporter(x), OldExporter(x)):
        assert_same_bits(pyce.softmax(exporter, out=np.empty((4, 3))), expected)
    out = torch.zeros_like(x)
    with pytest.raises(ValueError, match="read-only"):
        pyce.softmax(x, out=OldExporter(out))
    assert (out == 0).all()
    pyce.softmax(x, out=Exporter(out))
    assert (out != 0).all()


def test_only_the_capsule_is_relabelled(torch):
    x = torch.ones(3, dtype=torch.bfloat16)
    assert _core.relabel_bfloat16(x.__dlpack__(max_version=(1, 0))) == (True, True)
    assert _core.relabel_bfloat16(x.__dlpack__()) == (True, False)
    for other in (x.float(), x.half(), x.view(torch.int16)):
        assert _core.relabel_bfloat16(other.__dlpack__()) == (False, False)
    assert x.dtype == torch.bfloat16
    assert torch.from_dlpack(x).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="PyCapsule"):
        _core.relabel_bfloat16(object())


# the cost


def run(script, directory):
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


MEMORY = """
import sys
import numpy as np, pyce

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

bits = np.full((64, 262144), 0x3c00, np.uint16)   # 34 MB; 67 MB as float32
labels = np.zeros(64, np.int64)
grad = np.ones((64, 262143), np.float32)
{prepare}
x = x[:, :-1]
call = pyce.sparse_softmax_cross_entropy_with_logits
call(labels=[0, 1], logits=x[:2, :3], dtype=np.float32, num_threads=2)
with open("/proc/self/clear_refs", "w") as reset:
    reset.write("5")
before = peak()
loss, _ = call(labels=labels, logits=x, dtype=np.float32, returns=("loss", "grad"), out={{"grad": grad}})
assert loss.dtype == grad.dtype == np.float32 and abs(loss[0] - np.log(262143)) < 1e-3
call(labels=labels, logits=x, returns="grad", out=x)
print(peak() - before)
"""
SOURCES = {
    "float16": "x = bits.view(np.float16)",
    "bfloat16": "import ml_dtypes; x = bits.view(ml_dtypes.bfloat16)",
    "torch": "import torch; x = torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("source", SOURCES)
def test_float32_results_of_half_logits_need_no_converted_copy(source, tmp_path):
    if source != "float16":
        pytest.importorskip("torch" if source == "torch" else "ml_dtypes")
    assert float(run(MEMORY.format(prepare=SOURCES[source]), tmp_path)) < 8e6


def test_ml_dtypes_is_imported_only_to_make_an_array_of_it(tmp_path):
    bfloat16()
    script = """
import sys
import numpy as np, pyce
x = np.ones((4, 3), np.float16)
pyce.softmax(x, out=np.empty((4, 3), np.float32))
pyce.sparse_softmax_cross_entropy_with_logits(labels=[0] * 4, logits=x, returns=("loss", "grad"), dtype="float16")
assert "ml_dtypes" not in sys.modules
assert pyce.sigmoid_cross_entropy_with_logits(labels=x, logits=x, dtype="bfloat16").dtype.name == "bfloat16"
assert "ml_dtypes" in sys.modules
"""
    run(script, tmp_path)


def test_without_ml_dtypes_only_a_bfloat16_array_cannot_be_made(tmp_path, torch):
    script = """
import sys
import numpy as np, pyce, torch
assert "ml_dtypes" not in sys.modules
sys.modules["ml_dtypes"] = None  # importing it fails now
x = torch.ones((4, 3), dtype=torch.bfloat16)
call, labels = pyce.sparse_softmax_cross_entropy_with_logits, torch.tensor([0, 1, 2, 0])
assert call(labels=labels, logits=x, dtype=np.float32).dtype == np.float32
loss, grad = torch.zeros(4, dtype=torch.bfloat16), torch.zeros_like(x)
call(labels=labels, logits=x, returns=("loss", "grad"), out={"loss": loss, "grad": grad})
assert loss[0] == torch.tensor(np.log(3)).to(torch.bfloat16) and (grad != 0).all()
call(labels=labels, logits=x, returns="grad", out=x)
for options in ({}, {"returns": ("loss", "grad"), "out": {"grad": x}}, {"dtype": "bfloat16"}):
    try:
        call(labels=labels, logits=x, **options)
    except TypeError as error:
        assert all(word in str(error) for word in ("dtype=", "out=", "install ml_dtypes")), error
    else:
        raise AssertionError(options)
"""
    run(script, tmp_path)
