"""What a scan costs: `python -m benchmarks.scan` times 300 simulated markets in processes and adds up their memory;
`python -m benchmarks.scan dask` sets one Dask worker against two, in turns.

A worker is a process with one thread. Memory is what stays resident of the command and all it started, added up, so
what they share is counted more than once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import pandas as pd

from liq.scan import scan
from liq.sources import simulated

MARKETS = 300
LOOKBACK = "7d"
TURNS, EACH = 3, 60
ALONE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def resident(pid: int) -> int:
    """Return bytes resident in a process and everything it started (Linux)."""
    total = 0
    for one in [pid, *descendants(pid)]:
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue  # it has ended meanwhile
    return total


def descendants(pid: int) -> list[int]:
    """Return the numbers of all processes under one."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def whole(workers: int) -> None:
    """Time the command on MARKETS markets, and print its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        words = (
            f"scan --source simulated --top {MARKETS} --lookback {LOOKBACK} --workers {workers} --to {folder}/scan"
        )
        began = time.perf_counter()
        command = [sys.executable, "-m", "liq", *words.split()]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        rows = len(pd.read_parquet(f"{folder}/scan"))
    print(f"{rows} markets, {workers} processes: {seconds:.1f} s, peak {peak / 2**20:.0f} MiB", flush=True)


def timed(executor: Executor, workers: int, first: int) -> float:
    """Return seconds for EACH made-up markets, beginning with one no worker has seen."""
    names = simulated.NAMES[first : first + EACH]
    get = partial(simulated.simulate, lookback=LOOKBACK)
    began = time.perf_counter()
    rows = list(scan(names, get, lambda: executor, at_once=2 * workers, apart=True))
    assert sorted(row.ticker for row in rows) == sorted(names)
    assert not any(row.error for row in rows)
    return time.perf_counter() - began


def dask() -> None:
    """Print the seconds of one worker and of two, and their ratio, turn by turn."""
    from distributed import Client, LocalCluster

    os.environ |= ALONE
    ratios = []
    for turn in range(TURNS):
        seconds = {}
        for count in (1, 2):
            with (
                LocalCluster(
                    n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None
                ) as cluster,
                Client(cluster, set_as_default=False) as client,
            ):
                for future in client.map(simulated.simulate, ["SIM900"] * count, pure=False):
                    future.result()  # the package is loaded
                seconds[count] = timed(client.get_executor(), count, turn * EACH)
        ratios.append(seconds[1] / seconds[2])
        print(
            f"turn {turn + 1}: {EACH} markets, 1 worker {seconds[1]:.1f} s, 2 workers {seconds[2]:.1f} s, "
            f"ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"median ratio {sorted(ratios)[len(ratios) // 2]:.2f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["dask"]:
        dask()
    else:
        for count in (2, 1):
            whole(count)
