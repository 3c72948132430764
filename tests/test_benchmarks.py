"""The benchmarks of accuracy and of speed run with every library there is, and say what they need."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
ACCURACY = BENCHMARKS / "accuracy.py"
BOUND = 2.0  # ulp
SMALL = "--quick", "--threads", "1", "--seconds", "0.02", "--rounds", "2", "--shape", "5x3"


def run(*command, cwd):
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=900, check=False)


@pytest.mark.parametrize("library", ["numpy", "scipy", "sklearn", "torch", "tensorflow", "jax/optax"])
def test_accuracy_measures_a_library_beside_pyce(library, tmp_path):
    for module in library.split("/"):
        pytest.importorskip(module)
    options = ["--elements", "30", "--classes", "3", "--regimes", "random", "--libraries", "pyce", library]
    done = run(ACCURACY, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"| pyce | {library} |" in done.stdout
    worst = re.findall(r"^\| \w+ \| (\w+) \| float(?:32|64) \| \d+ \| (\S+) / (\d+) \| (.+) \|$", done.stdout, re.M)
    assert len(worst) == 26
    assert all(float(error) <= BOUND and zeros == "0" for _, error, zeros, _ in worst)
    # on ordinary logits a library agrees with the reference to some digits; else it was given another problem
    errors = [float(cell.split(" / ")[0]) for *_, cell in worst[13:] if cell != "-"]
    assert errors and max(errors) < 1e13


def test_accuracy_says_which_package_it_needs(tmp_path):
    block = f"import runpy, sys; sys.modules['mpmath'] = None; sys.path.insert(0, {str(ACCURACY.parent)!r}); "
    done = run("-c", block + f"runpy.run_path({str(ACCURACY)!r}, run_name='__main__')", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "accuracy.py needs mpmath; in a checkout: pip install '.[verify,peers]'\n"


def run_speed(*options, cwd):
    pytest.importorskip("matplotlib")
    done = run(BENCHMARKS, *options, cwd=cwd)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def read_cells(folder, name="performance.json"):
    return json.loads((folder / name).read_text())["cells"]


def table_rows(path):
    return re.findall(r"^\| (\w+ loss.*?) \| \(5, 3\) \| (.+) \|$", path.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def speed(tmp_path_factory):
    """The folder of a run of two cells, and the libraries that it timed."""
    folder = tmp_path_factory.mktemp("speed")
    peers = ["numpy", *(["torch"] if importlib.util.find_spec("torch") else [])]
    out = run_speed(*SMALL, "--loss", "sparse", "sigmoid", "--outputs", "grad", "--peers", *peers, cwd=folder)
    assert "2 cells, 2 measured." in out
    return folder, ["pyce", *peers]


def test_speed_writes_the_times_of_every_round(speed):
    folder, libraries = speed
    results = json.loads((folder / "performance.json").read_text())
    assert results["libraries"] == libraries and results["versions"].keys() == set(libraries)
    assert {"processor", "cpus", "isa", "pyce_compiler"} <= results["machine"].keys()
    for cell, loss, moved in zip(results["cells"], ("sparse", "sigmoid"), (2 * 60, 4 * 60), strict=True):
        part = {"loss": loss, "outputs": "grad", "dtype": "float32", "shape": [5, 3], "axis": -1, "threads": 1}
        assert part.items() <= cell.items()
        assert cell["failed"] == {} and cell["bytes"] == moved
        assert list(cell["seconds"]) == libraries and "floor" in cell["limits"]
        assert len(cell["seconds"]["pyce"]) == len(cell["limits"]["floor"]) == 2
        # a peer that is far behind has one time
        assert all(len(times) in (1, 2) and min(times) > 0 for times in (*cell["seconds"].values(),))


def test_speed_writes_a_table_and_a_picture(speed):
    folder, libraries = speed
    rows = table_rows(folder / "performance.md")
    assert [row[0] for row in rows] == ["sparse loss + grad", "sigmoid loss + grad"]
    for _, row in rows:
        times, best, fraction = row.split(" | ")[:-2], *row.split(" | ")[-2:]
        assert len(times) == len(libraries) and all(re.fullmatch(r"[\d.]+ (us|ms|s)", time) for time in times)
        assert re.fullmatch(rf"[\d.]+ \(({'|'.join(libraries[1:])})\)", best) and re.fullmatch(r"[\d.]+|-", fraction)
    assert (folder / "performance.png").read_bytes().startswith(b"\x89PNG")


def test_speed_draws_again_what_was_measured(speed, tmp_path):
    folder, _ = speed
    options = "--redraw", "--json", folder / "performance.json", "--table", "some.md", "--picture", "some.svg"
    run_speed(*options, cwd=tmp_path)
    assert (tmp_path / "some.md").read_text() == (folder / "performance.md").read_text()
    assert "<svg" in (tmp_path / "some.svg").read_text()
    run_speed(*options, *SMALL, "--loss", "sigmoid", cwd=tmp_path)
    assert table_rows(tmp_path / "some.md") == table_rows(folder / "performance.md")[1:]


def test_speed_goes_on_with_a_file(speed, tmp_path):
    folder, _ = speed
    kept = json.loads((folder / "performance.json").read_text())
    del kept["cells"][0]
    (tmp_path / "performance.json").write_text(json.dumps(kept))
    run_speed(*SMALL, "--resume", "--loss", "sparse", "sigmoid", "--outputs", "grad", cwd=tmp_path)
    cells = read_cells(tmp_path)
    assert cells[0] == kept["cells"][0] and [cell["loss"] for cell in cells] == ["sigmoid", "sparse"]


def test_speed_skips_a_cell_that_would_take_too_much_memory(tmp_path):
    options = "--loss", "softmax", "--outputs", "loss", "--peers", "numpy", "--memory", "1e-12"
    assert "1 cells, 0 measured." in run_speed(*SMALL, *options, cwd=tmp_path)
    assert read_cells(tmp_path)[0]["skipped"].startswith("would take")
    assert "skipped: would take" in (tmp_path / "performance.md").read_text()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_every_peer_agrees_with_pyce_in_every_cell(dtype):
    """In one process, without timing; peers that are not installed are left out."""
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
from cells import LOSSES, OUTPUTS, plan_cells
from peers import LIBRARIES, find_missing, start_libraries
from problem import Problem
from timing import prepare_libraries
names = [name for name in LIBRARIES if name != "torch.compile" and not find_missing(name)]
start_libraries(names, 1)
for cell in plan_cells(LOSSES, OUTPUTS, [{dtype!r}], ["5x3", "2x3x4x4@1"], [1]):
    ready, failed = prepare_libraries(Problem.draw(cell), names, lambda name: None)
    assert not failed, (cell, failed)
    assert {{"pyce", "numpy", "scipy"}} <= ready.keys(), cell
"""
    done = run("-c", code, cwd=BENCHMARKS.parent / "tests")
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_wrong_result_is_not_timed():
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import peers, timing
from cells import plan_cells
from problem import Prepared
wrong = lambda p: Prepared(lambda: (p.loss + 1,))
timing.LIBRARIES["numpy"] = peers.LIBRARIES["numpy"]._replace(make=wrong)
[cell] = plan_cells(["sigmoid"], ["loss"], ["float32"], ["5x3"], [1])
result = timing.measure_cell(cell, ["pyce", "numpy"], None, 1, 0.01, lambda name: None)
assert list(result["seconds"]) == ["pyce"] and result["failed"]["numpy"].startswith("loss: off by 1"), result
"""
    done = run("-c", code, cwd=BENCHMARKS.parent / "tests")
    assert done.returncode == 0, done.stderr[-2000:]


def test_speed_says_which_package_it_needs(tmp_path):
    block = "import runpy, sys; sys.modules['matplotlib'] = None; "
    done = run("-c", block + f"runpy.run_path({str(BENCHMARKS)!r}, run_name='__main__')", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "python benchmarks needs matplotlib; in a checkout: pip install '.[bench]'\n"
