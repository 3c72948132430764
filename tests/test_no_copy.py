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
# Every option, every output given: nothing of the logits' size is made on the way. Views of one row serve as inputs of
# that size. `weight` and `mask` are an array for each loss, which for the binary losses has the logits' size itself.
FULL = """
x = big[:, :-1]
row, vector = np.full(16384, 0.5, np.float32), np.broadcast_to(np.float32(0.25), x.shape)
dense, weight, mask = np.broadcast_to(row, x.shape), np.full((16, 64), 2.0), np.ones((16, 64), bool)
labels[::3] = -100
out = {name: np.zeros_like(x) for name in ("grad", "hess", "prob", "log_prob", "labels_grad")}
out |= {"loss": np.zeros(()), "lse": np.zeros((16, 64), np.float32), "correct": np.zeros((16, 64), bool)}
options = dict(reduction="mean", denominator="rows", sample_weight=weight, where=mask, label_smoothing=0.1)
classes = dict(class_weight=row)
elements = dict(options, sample_weight=np.broadcast_to(np.float64(2), x.shape), where=np.broadcast_to(True, x.shape))
def only(*names):
    return dict(returns=names, out={name: out[name] for name in names})
"""
OPTIONS = {
    "softmax": ("pyce.softmax_cross_entropy_with_logits(labels=dense, logits=x, **options, **classes, **only(*out))"),
    "sparse softmax": (
        "names = [name for name in out if name != 'labels_grad']\n"
        "pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x, ignore_index=-100, **options, "
        "**classes, **only(*names))"
    ),
    "class axis first": (
        "options.update(sample_weight=weight.T, where=mask.T)\n"
        "pyce.sparse_softmax_cross_entropy_with_logits(labels=labels.T, logits=x.T, axis=0, ignore_index=-100, "
        "**options, **classes, returns='grad', out=out['grad'].T)"
    ),
    "sigmoid": (
        "names = ('loss', 'grad', 'hess', 'prob', 'log_prob', 'labels_grad')\n"
        "pyce.sigmoid_cross_entropy_with_logits(labels=dense, logits=x, **elements, **only(*names))"
    ),
    "weighted": (
        "names = ('loss', 'grad', 'hess', 'prob', 'log_prob', 'labels_grad')\n"
        "pyce.weighted_cross_entropy_with_logits(labels=dense, logits=x, pos_weight=row, **elements, **only(*names))"
    ),
    "in place": (
        "pyce.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x, ignore_index=-100, **options, "
        "**classes, returns=('loss', 'grad'), out={'loss': out['loss'], 'grad': x})"
    ),
    "Hessian product": (
        "pyce.hessian_vector_product('softmax', labels=dense, logits=x, vector=vector, **options, **classes, "
        "out=out['grad'])"
    ),
    "sigmoid product": (
        "pyce.hessian_vector_product('sigmoid', labels=dense, logits=x, vector=vector, **elements, out=out['grad'])"
    ),
}


def growth(prepare, call, tmp_path):
    """Bytes that `call` adds to the largest resident size."""
    script = MEASURE.format(prepare=prepare, call=call)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@on_linux
@pytest.mark.parametrize("case", CALLS)
def test_logits_are_not_copied(case, tmp_path):
    if case == "torch tensor":
        pytest.importorskip("torch")
    grown = growth(*CALLS[case], tmp_path)
    assert grown < 8e6, f"{grown / 1e6:.0f} MB more for logits of 68 MB"


@on_linux
@pytest.mark.parametrize("case", OPTIONS)
def test_options_make_no_array_of_the_logits_size(case, tmp_path):
    touch = "\nfor array in out.values(): array.fill(1)"  # np.zeros has no memory yet
    grown = growth(FULL + touch, OPTIONS[case], tmp_path)
    assert grown < 8e6, f"{grown / 1e6:.0f} MB more for logits of 68 MB"


@on_linux
def test_an_output_that_is_not_given_is_seen(tmp_path):
    grown = growth(FULL, "pyce.softmax_cross_entropy_with_logits(labels=dense, logits=x, returns='grad')", tmp_path)
    assert grown > 60e6


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
