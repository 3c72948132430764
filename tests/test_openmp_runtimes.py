"""pyce in one process with libraries that bring OpenMP run-time libraries, or pools of threads, of their own: results
are right and nothing hangs in every order of import; threadpoolctl sees pyce's runtime and sets its threads."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from pyce import _core

pytest.importorskip("threadpoolctl")
pytestmark = pytest.mark.skipif(not _core.library()["openmp"], reason="pyce was built without OpenMP")

# Work of each library that gives e, keeps its threads busy, and leaves them spinning for a while when it is over.
PEERS = {
    "torch": "ones = torch.ones(1000, 1000)\n"
    "torch.set_num_threads(2)\n"
    "works.append(lambda: float(torch.exp(ones).mean()))",
    "jax": "import jax.numpy as jnp\n"
    "works.append(lambda: float(jnp.exp(jnp.ones((1000, 1000))).mean()))",
    "sklearn": "from sklearn.metrics import pairwise_distances_argmin\n"
    "points = np.eye(600)\n"
    "works.append(lambda: np.e * (pairwise_distances_argmin(points, points) == np.arange(600)).all())",
}  # fmt: skip
ORDERS = [("pyce",), *(order for peer in PEERS for order in (("pyce", peer), (peer, "pyce")))]
ORDERS += [("pyce", *PEERS), (*reversed(PEERS), "pyce")]

SCRIPT = """
import json
import numpy as np
works = []
{imports}
import threadpoolctl

x = np.linspace(-9, 9, 300000, dtype=np.float32).reshape(300, 1000)
labels = np.arange(300)

def results(threads=None):
    return pyce.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=x, returns=("loss", "grad"), num_threads=threads
    )

alone = results(1)
wide = x.astype(np.float64)
loss = np.log(np.exp(wide - 9).sum(axis=1)) + 9 - wide[labels, labels]
right = np.allclose(alone.loss, loss, rtol=1e-6, atol=0)
same = working = True
for _ in range(10):
    for work in works:
        working = working and abs(work() - np.e) < 1e-4
        for threads in (None, 2, 3):
            same = same and all(a.tobytes() == b.tobytes() for a, b in zip(results(threads), alone))

def most_threads():
    return pyce._core.library()["threads"]

threads = [most_threads()]
with threadpoolctl.threadpool_limits(1, user_api="openmp"):
    threads.append(most_threads())
threads.append(most_threads())
found = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "openmp"]
print(json.dumps(dict(right=right, same=bool(same), working=bool(working), threads=threads, runtimes=found)))
"""


@pytest.fixture(scope="module", params=ORDERS, ids=" then ".join)
def told(request, tmp_path_factory):
    """What the script tells of a process with this order of import, and with two threads, be it on one core."""
    for name in request.param:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    imports = "\n".join(f"import {name}\n{PEERS.get(name, '')}" for name in request.param)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(imports=imports)],
        cwd=tmp_path_factory.mktemp("elsewhere"), env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_results_are_right_beside_other_libraries_whose_threads_run(told):
    assert told["right"], "the loss"
    assert told["same"], "the bits, on several threads"
    assert told["working"], "the other library"


def test_threadpoolctl_sets_the_threads_of_pyce(told):
    assert told["threads"] == [2, 1, 2]


def test_threadpoolctl_sees_the_runtime_that_pyce_has_loaded(told):
    package = os.path.dirname(os.path.realpath(_core.__file__))
    grafted = os.path.join(os.path.dirname(package), "pyce.libs")
    folders = [os.path.dirname(os.path.realpath(runtime["filepath"])) for runtime in told["runtimes"]]
    assert folders
    if os.path.isdir(grafted):  # a repaired wheel brings its own, which another library's cannot stand in for
        assert grafted in folders
