"""Measuring all cells, in a process for each number of threads and dtype, with the results written after each cell."""

import contextlib
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cells import Cell
from limits import BEYOND_CACHE, find_compiler
from peers import find_versions
from tqdm import tqdm

import pyce._core

WORKER = Path(__file__).with_name("worker.py")


def describe_machine() -> dict[str, Any]:
    """Return what the times depend on: processor, system, compilers."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    compiler = find_compiler()
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout if compiler else ""
    library = pyce._core.library()
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "isa": library["isa"],
        "pyce_compiler": library["compiler"],
        "loop_compiler": version.partition("\n")[0],
    }


def worker_environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker: the libraries read their number of threads from it at their start."""
    settings = {
        "OMP_NUM_THREADS": str(threads),
        "NPROC": str(threads),  # of XLA
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
    }
    return {**os.environ, **settings}


@contextlib.contextmanager
def start_worker(task: dict[str, Any], log: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a worker on a task, with what it prints in a log, and end it in any case."""
    worker = subprocess.Popen(
        [sys.executable, str(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=worker_environment(task["threads"]),
    )
    try:
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(task) + "\n")
        worker.stdin.flush()
        yield worker
    finally:
        worker.kill()
        worker.wait()


def save(path: Path, results: dict[str, Any]) -> None:
    """Write the file whole or not at all; one line for each cell."""
    head = {name: value for name, value in results.items() if name != "cells"}
    text = json.dumps(head, indent=1)[:-2] + ',\n "cells": [\n'
    text += ",\n".join(json.dumps(cell) for cell in results["cells"]) + "\n ]\n}\n"
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


class Run:
    """The measurement of a plan; `results` is what the JSON file holds."""

    def __init__(self, path: Path, results: dict[str, Any], options: dict[str, Any]) -> None:
        self.path, self.results, self.options = path, results, options

    def keep(self, cell: dict[str, Any]) -> None:
        """Add a cell, and write the file."""
        self.results["cells"].append(cell)
        save(self.path, self.results)

    def follow(self, cells: list[Cell], bar: Any) -> int:
        """Measure cells in one worker; return how many are done, all but those behind one that ends the worker."""
        task = {**self.options, "threads": cells[0].threads, "cells": [cell.to_json() for cell in cells]}
        done, started = 0, False
        with tempfile.TemporaryFile("w+", errors="replace") as log, start_worker(task, log) as worker:
            assert worker.stdout is not None
            for line in worker.stdout:
                event = json.loads(line)
                if "bandwidths" in event:
                    self.results["bandwidths"][str(cells[0].threads)] = event["bandwidths"]
                elif "started" in event:
                    started = True
                    bar.set_description(str(cells[done]))
                elif "doing" in event:
                    bar.set_postfix_str(event["doing"])
                else:
                    self.keep(event["cell"])
                    done, started = done + 1, False
                    bar.update()
                    if done == len(cells):
                        return done
            status = worker.wait()
            log.seek(0)
            tqdm.write(log.read()[-2000:])
        if not started:
            raise SystemExit(f"the worker ended with status {status} before it began to measure")
        self.keep({**cells[done].to_json(), "skipped": f"the worker ended with status {status}"})
        bar.update()
        return done + 1

    def measure(self, plan: list[Cell]) -> None:
        """Measure the cells of the plan, with a progress bar."""
        with tqdm(total=len(plan), unit="cell", dynamic_ncols=True) as bar:
            for _, group in itertools.groupby(plan, key=lambda cell: (cell.threads, cell.dtype)):
                cells = list(group)
                while cells:
                    cells = cells[self.follow(cells, bar) :]


def begin_results(libraries: list[str], rounds: int, seconds: float) -> dict[str, Any]:
    """Return what the JSON file holds before the first cell."""
    return {
        "pyce_benchmark": 1,
        "machine": describe_machine(),
        "versions": find_versions(libraries),
        "libraries": libraries,
        "rounds": rounds,
        "seconds": seconds,
        "bandwidths": {},
        "cells": [],
    }


def run_plan(path: Path, results: dict[str, Any], plan: list[Cell], memory: float, quick: bool) -> bool:
    """Measure what the results do not have yet; return False if the user has interrupted it."""
    have = {Cell.from_json(cell) for cell in results["cells"]}
    options = {name: results[name] for name in ("libraries", "rounds", "seconds")}
    options |= {"memory": memory, "bandwidth_bytes": BEYOND_CACHE // 16 if quick else BEYOND_CACHE}
    try:
        Run(path, results, options).measure([cell for cell in plan if cell not in have])
    except KeyboardInterrupt:
        return False
    return True
