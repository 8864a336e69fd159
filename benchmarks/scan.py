"""What a scan costs: `python -m benchmarks.scan` times 300 simulated markets in processes and adds up their memory;
`python -m benchmarks.scan dask` sets one Dask worker against two, in turns.

A worker is a process with one thread. Memory is what stays resident of the command and all it started, added up, so
what they share is counted more than once. On a machine that is busy with other things wall time says little, so
what the processor gave stands beside it: seconds of CPU for the whole, and for a Dask worker the seconds that its
thread was ready to run and had to wait for a core (Linux's schedstat), which the second ratio leaves out.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from liq.scan import scan
from liq.sources import simulated

if TYPE_CHECKING:
    from distributed import Client

MARKETS = 300
LOOKBACK = "7d"
TURNS, EACH = 3, 40
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
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        before, began = used.ru_utime + used.ru_stime, time.perf_counter()
        command = [sys.executable, "-m", "liq", *words.split()]
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


def waited(pid: int) -> float:
    """Return the seconds that the busiest thread of a process was ready to run and had no core (Linux)."""
    ran, wait = 0, 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        run, delay, _ = map(int, file.read_text().split())
        ran, wait = max((ran, wait), (run, delay))
    return wait / 1e9


def timed(client: Client, workers: int, first: int) -> tuple[float, float]:
    """Return seconds for EACH made-up markets that no worker has seen, and of these the longest wait for a core."""
    names = simulated.NAMES[first : first + EACH]
    get = partial(simulated.simulate, lookback=LOOKBACK)
    for future in client.map(get, ["SIM900"] * workers, pure=False):
        future.result()  # the package is loaded
    pids = client.run(os.getpid).values()
    before, began = {pid: waited(pid) for pid in pids}, time.perf_counter()
    rows = list(scan(names, get, client.get_executor, at_once=2 * workers, apart=True))
    seconds = time.perf_counter() - began
    assert sorted(row.ticker for row in rows) == sorted(names)
    assert not any(row.error for row in rows)
    return seconds, max(waited(pid) - before[pid] for pid in pids)


def dask() -> None:
    """Print the seconds of one worker and of two, and their ratio, turn by turn."""
    from distributed import Client, LocalCluster  # not installed with the app

    os.environ |= ALONE
    ratios, fair = [], []
    for turn in range(TURNS):
        took = {}
        for count in (1, 2):
            with (
                LocalCluster(
                    n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None
                ) as cluster,
                Client(cluster, set_as_default=False) as client,
            ):
                took[count] = timed(client, count, turn * EACH)
        ratios.append(took[1][0] / took[2][0])
        fair.append((took[1][0] - took[1][1]) / (took[2][0] - took[2][1]))
        print(
            f"turn {turn + 1}: {EACH} markets, "
            + ", ".join(
                f"{count} workers {seconds:.1f} s ({wait:.1f} s without a core)"
                for count, (seconds, wait) in took.items()
            )
            + f", ratio {ratios[-1]:.2f} ({fair[-1]:.2f} without the waiting)",
            flush=True,
        )
    print(f"median ratio {sorted(ratios)[TURNS // 2]:.2f} ({sorted(fair)[TURNS // 2]:.2f} without the waiting)")


if __name__ == "__main__":
    if sys.argv[1:] == ["dask"]:
        dask()
    else:
        for count in (2, 1):
            whole(count)
