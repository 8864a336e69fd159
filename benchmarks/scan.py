"""Measure what a scan costs in time and memory.

`python -m benchmarks.scan` times 300 simulated markets in processes and adds up their memory;
`python -m benchmarks.scan dask` compares one Dask worker with two, in turns on a few markets each.

A worker is a process with one thread. Memory is what stays resident of the command and all it started, added up, so
what they share is counted more than once. Seconds of CPU stand beside the wall time, which says little while the
machine is busy with other things.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmarks.linux import require_linux
from liq.scan.ranking import scan
from liq.sources.simulation import market as simulation

if TYPE_CHECKING:
    from distributed import Client

MARKETS = 300
LOOKBACK = "7d"
TURNS, EACH = 9, 16
SETTINGS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# Dask has the C library hand every freed array back, so that each is paged in anew: twice the work.
SETTINGS |= {"MALLOC_TRIM_THRESHOLD_": "134217728", "MALLOC_MMAP_THRESHOLD_": "33554432"}


def resident(pid: int) -> int:
    """Return bytes resident in a process and everything it started (Linux)."""
    total = 0
    for one in [pid, *descendants(pid)]:
        try:
            pages = Path(f"/proc/{one}/statm").read_text(encoding="utf-8").split()[1]
            total += int(pages) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue  # it has ended meanwhile
    return total


def descendants(pid: int) -> list[int]:
    """Return the numbers of all processes under one."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text(encoding="utf-8").split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def whole(workers: int) -> None:
    """Time the command on MARKETS markets, and print its peak memory."""
    require_linux()
    import resource  # Windows has none

    with tempfile.TemporaryDirectory() as folder:
        words = f"scan --source simulated --top {MARKETS} --lookback {LOOKBACK} --workers {workers}".split()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        before, began = used.ru_utime + used.ru_stime, time.perf_counter()
        command = [sys.executable, "-m", "liq", *words, "--to", f"{folder}/scan"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        rows = len(pd.read_parquet(f"{folder}/scan"))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = used.ru_utime + used.ru_stime - before
    peaked = f"peak {peak / 2**20:.0f} MiB"
    print(f"{rows} markets, {workers} processes: {seconds:.1f} s, {spent:.1f} s of CPU, {peaked}", flush=True)


def timed(client: Client, workers: int, names: Sequence[str]) -> float:
    """Return seconds for made-up markets that no worker has seen."""
    began = time.perf_counter()
    get = partial(simulation.simulate, lookback=LOOKBACK)
    rows = list(scan(names, get, client.get_executor, max_submitted=2 * workers, fetch_in_worker=True))
    seconds = time.perf_counter() - began
    assert sorted(row.ticker for row in rows) == sorted(names)
    assert not any(row.error for row in rows)
    return seconds


def dask() -> None:
    """Print the seconds of one worker and of two, and their ratio, turn by turn; both clusters stand all the time."""
    from distributed import Client, LocalCluster  # not installed with the app

    os.environ |= SETTINGS
    ratios = []
    with ExitStack() as stack:
        clients = {}
        for count in (1, 2):
            cluster = LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None)
            client = Client(stack.enter_context(cluster), set_as_default=False)
            clients[count] = stack.enter_context(client)
            client.run(simulation.simulate, "SIM999", LOOKBACK)  # the package is loaded
        for turn in range(TURNS):
            names = simulation.NAMES[turn * EACH : (turn + 1) * EACH]
            took = {count: timed(client, count, names) for count, client in clients.items()}
            ratios.append(took[1] / took[2])
            print(
                f"{EACH} markets: 1 worker {took[1]:.1f} s, 2 workers {took[2]:.1f} s, ratio {ratios[-1]:.2f}",
                flush=True,
            )
    print(f"median ratio of {TURNS} turns: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["dask"]:
        dask()
    else:
        for count in (2, 1):
            whole(count)
