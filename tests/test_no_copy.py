"""The logits are never copied: measured as the growth of the largest resident size of a process of its own."""

import subprocess
import sys

import numpy as np
import pytest

import pyce

MEASURE = """
import sys
import numpy as np, pyce

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

big = np.full((16, 65, 16384), 0.5, np.float32)   # 68 MB
labels = np.zeros((16, 64), np.int64)
{prepare}
for _ in range(2):
    small = np.ones((2, 3), np.float32)
    pyce.sparse_softmax_cross_entropy_with_logits(labels=[0, 1], logits=small, num_threads=2)
with open("/proc/self/clear_refs", "w") as reset:
    reset.write("5")  # the largest size so far is forgotten: an import may have been larger than what follows
before = peak()
{call}
print(peak() - before)
"""

SPARSE = "loss = pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x); assert loss.shape == (16, 64)"
CALLS = {
    "shifted view": ("x = big[:, :-1]", SPARSE),
    "negative strides": ("x = big[:, :-1][:, :, ::-1]", SPARSE),
    "class axis first": (
        "x = big[:, :-1].T",
        "pyce.sparse_softmax_cross_entropy_with_logits(labels=labels.T, logits=x, axis=0)",
    ),
    "sigmoid of a view": (
        "x = big[:, 1:]; z = np.broadcast_to(np.float32(1), x.shape); out = x",
        "pyce.sigmoid_cross_entropy_with_logits(labels=z, logits=x, returns='grad', out={'grad': out})",
    ),
    "in place": (
        "x = big[:, :-1]",
        "pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x, returns='grad', out={'grad': x})",
    ),
    "torch tensor": ("import torch; x = torch.from_numpy(big)[:, :-1]", SPARSE),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("case", CALLS)
def test_logits_are_not_copied(case, tmp_path):
    if case == "torch tensor":
        pytest.importorskip("torch")
    prepare, call = CALLS[case]
    script = MEASURE.format(prepare=prepare, call=call)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8e6, f"{int(done.stdout) / 1e6:.0f} MB more for logits of 68 MB"


def test_torch_tensors_give_the_bits_of_their_arrays():
    torch = pytest.importorskip("torch")
    x = np.linspace(-3, 5, 60, dtype=np.float32).reshape(5, 4, 3)
    labels = np.arange(20).reshape(5, 4) % 3
    tensor = torch.from_numpy(x.copy())[:, :-1]
    result = pyce.sparse_softmax_cross_entropy_with_logits(labels=torch.from_numpy(labels)[:, :-1], logits=tensor)
    expected = pyce.sparse_softmax_cross_entropy_with_logits(labels=labels[:, :-1], logits=x[:, :-1])
    assert isinstance(result, np.ndarray)
    assert result.tolist() == expected.tolist()


def test_grad_is_written_into_a_torch_tensor():
    torch = pytest.importorskip("torch")
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    grad = torch.zeros_like(x)
    result = pyce.sparse_softmax_cross_entropy_with_logits(labels=[0, 1], logits=x, returns="grad", out=grad)
    assert result is grad
    expected = pyce.sparse_softmax_cross_entropy_with_logits(labels=[0, 1], logits=x.numpy(), returns="grad")
    assert grad.tolist() == expected.tolist()


class OnlyArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class OnlyDLPack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("wrap", [memoryview, OnlyArray, OnlyDLPack])
def test_every_array_protocol_is_accepted(wrap):
    x = np.linspace(-1, 1, 12).reshape(4, 3)
    labels = np.array([0, 1, 2, 0])
    result = pyce.sparse_softmax_cross_entropy_with_logits(labels=wrap(labels), logits=wrap(x))
    assert result.tolist() == pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x).tolist()
