"""What every measuring program here prints: one JSON object a line, and how it times."""

import json
import os
import sys
import time


def row(case, value, unit, **more):
    """One measured figure; `more` holds what belongs to it (CPU figure, error rate, version).

    `per_cpu_second`, where given, is the same amount of work per second of CPU: it stays true on a busy machine, where
    the wall clock does not.
    """
    print(json.dumps({"case": case, "value": value, "unit": unit, **more}, ensure_ascii=False), flush=True)


def best(work, seconds_min=1.0, runs_min=3, runs_max=200):
    """The shortest wall and CPU seconds of one run of `work`: of the runs that other work disturbed least.

    Runs at least `runs_min` times and until `seconds_min` have passed; one run before it warms up.
    """
    work()
    wall, cpu, began, runs = float("inf"), float("inf"), time.perf_counter(), 0
    while runs < runs_min or (time.perf_counter() - began < seconds_min and runs < runs_max):
        start, start_cpu = time.perf_counter(), time.process_time()
        work()
        wall, cpu = min(wall, time.perf_counter() - start), min(cpu, time.process_time() - start_cpu)
        runs += 1
    return wall, cpu


def child_cpu_seconds():
    """CPU seconds of the children that this process has waited for."""
    t = os.times()
    return t.children_user + t.children_system


def fail(message):
    """One line that says what is missing, and an exit status that the caller sees."""
    print(message, file=sys.stderr)
    raise SystemExit(1)
