"""What a process does around calls: it forks, is interrupted, changes what a call reads, ends, is short of threads or
memory. Each program runs beside this one, and an alarm of its own ends it if it hangs."""

import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import data
import pytest
from helpers import LOSSES, assert_same_results, compute
from programs import PROCESSES, WARNINGS, compiler, config, run, run_process

import pyce

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork and no signals on Windows")
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the failing allocator stands on glibc's")


@pytest.mark.parametrize(
    "case",
    ["fork", "fork from a thread", "fork while threads compute", "child that ends as programs do", "workers by fork",
     "workers by spawn", "workers by forkserver"],
)  # fmt: skip
def test_children_compute_with_the_bits_of_their_parent(case):
    run_process("forks.py", case, PYTHONWARNINGS="ignore::DeprecationWarning")  # of forks beside threads


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("case", ["keyboard interrupt", "handler", "call in another thread"])
def test_an_interrupted_call_ends_as_if_it_had_not_been(case, threads):
    assert run_process("interrupts.py", case, threads) == ""


def test_labels_that_change_during_a_call_reach_no_memory_but_that_of_the_arrays():
    assert run_process("changing_labels.py") == ""


@pytest.mark.parametrize(
    "case",
    ["daemons in long calls", "daemons in small calls", "atexit", "deletion", "thread that outlives main"],
)
def test_calls_while_the_interpreter_ends(case):
    assert run_process("endings.py", case) == "right\n"


def test_sixteen_threads_at_once_have_the_results_of_calls_in_turn():
    """Every loss, both types, sizes for one and for many threads; shared inputs, outputs of their own."""
    problems = [
        (loss, data.problem(loss, "random", rows, classes, dtype))
        for loss in LOSSES
        for dtype in data.FLOATS
        for rows, classes in ((3, 5), (300, 200), (2, 40000))
    ]
    references = [compute(loss, arguments, data.outputs(loss), num_threads=1) for loss, arguments in problems]

    def call(number):
        loss, arguments = problems[number % len(problems)]
        out = {name: value * 0 for name, value in references[number % len(problems)].items()}
        return compute(loss, arguments, data.outputs(loss), num_threads=number % 5, out=out)

    with ThreadPoolExecutor(16) as pool:
        for number, results in enumerate(pool.map(call, range(10 * len(problems)))):
            assert_same_results(results, references[number % len(problems)])


SECOND_INTERPRETER = """
import pyce
try:
    import _interpreters as interpreters
    second = interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters as interpreters
    second = interpreters.create(isolated=False)
code = '''
try:
    import pyce
except ImportError as error:
    print("interpreter" in str(error), flush=True)
'''
interpreters.run_string(second, code)
print(float(pyce.sigmoid_cross_entropy_with_logits(labels=1.0, logits=0.0)))
"""


def test_a_second_interpreter_is_refused_and_leaves_the_first_alone():
    """NumPy does not support them either, and warns on its own."""
    command = [sys.executable, "-P", "-W", "ignore", "-c", SECOND_INTERPRETER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n0.6931471805599453\n"), done.stderr


@pytest.mark.parametrize("limit", ["processes", "memory"])
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_where_no_thread_can_be_started_a_call_uses_its_own(limit):
    assert run_process("starved.py", limit) == ""
    assert run_process("starved.py", limit, 8, 2) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="how a library is kept in memory is the linker's business")
def test_an_unloaded_library_leaves_its_threads_their_code(tmp_path):
    program = tmp_path / "unload"
    run(*compiler("c"), "-std=c99", *WARNINGS, *config("--cflags"), PROCESSES / "unload.c", "-o", program, "-ldl")
    run(program, pyce.get_library())


@pytest.fixture(scope="module")
def allocator(tmp_path_factory):
    """An allocator that fails when asked to."""
    library = tmp_path_factory.mktemp("allocations") / "liballocations.so"
    run(*compiler("c"), "-shared", "-fPIC", "-O1", *WARNINGS, PROCESSES / "allocations.c", "-o", library)
    return library


@glibc
def test_the_library_allocates_nothing(allocator, tmp_path):
    program = tmp_path / "no_allocation"
    flags = config("--cflags", "--libs")
    sources = [PROCESSES / "no_allocation.c", f"-I{PROCESSES.parent / 'c'}", allocator]
    run(*compiler("c"), "-std=c99", "-O1", *WARNINGS, *sources, *flags, "-lm", "-o", program)
    assert " 0 failed" in run(program, LD_LIBRARY_PATH=str(allocator.parent))


@glibc
def test_an_allocation_that_fails_is_a_memory_error_and_nothing_else(allocator):
    run_process("allocations.py", LD_PRELOAD=str(allocator), PYTHONMALLOC="malloc", OMP_NUM_THREADS="1")
