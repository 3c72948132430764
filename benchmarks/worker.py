"""The process that measures the cells of one number of threads; `measure.py` starts it.

It reads one line of JSON, the task, and writes a line of JSON for everything that happens. It may use as many CPUs as
it has threads, each on a core of its own where there are enough, so that no library can take more.
"""

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any


def choose_cpus(count: int) -> list[int]:
    """Return CPUs that this process may use, those on different cores first."""
    allowed = sorted(os.sched_getaffinity(0))
    cores: dict[str, list[int]] = {}
    for cpu in allowed:
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        cores.setdefault(siblings.read_text().strip() if siblings.exists() else str(cpu), []).append(cpu)
    chosen = [cpus[0] for cpus in cores.values()]
    return (chosen + [cpu for cpu in allowed if cpu not in chosen])[:count]


def main() -> None:
    """Measure the cells of the task."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not part of the answer

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=out, flush=True)

    task = json.loads(sys.stdin.readline())
    threads = task["threads"]
    os.sched_setaffinity(0, choose_cpus(threads))
    from cells import Cell
    from limits import compile_loops, measure_bandwidths
    from peers import start_libraries
    from problem import available_memory, needed_memory
    from timing import measure_cell

    start_libraries(task["libraries"], threads)
    gc.freeze()  # so that looking for garbage between the turns takes no time
    loops = compile_loops()
    answer(bandwidths=measure_bandwidths(loops, threads, task["bandwidth_bytes"]))
    allowed = task["memory"] * available_memory()
    for fields in task["cells"]:
        cell = Cell.from_json(fields)
        answer(started=cell.to_json())
        needed = needed_memory(cell, task["libraries"])
        if needed > allowed:
            text = f"would take about {needed / 1e9:.1f} GB, more than {allowed / 1e9:.1f}"
            answer(cell={**cell.to_json(), "skipped": text})
            continue
        say = lambda library: answer(doing=library)  # noqa: E731
        answer(cell=measure_cell(cell, task["libraries"], loops, task["rounds"], task["seconds"], say))


if __name__ == "__main__":
    main()
