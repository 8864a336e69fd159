"""Executors of a scan: threads or processes of this machine, or a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

from liq import system
from liq.errors import InputError

CONNECT_TIMEOUT = 10
"""Seconds to wait for a cluster's scheduler."""


def thread_pool(count: int) -> Executor:
    """Return an executor of threads; estimates hold Python's global lock for part of their time.

    >>> with thread_pool(2) as pool:
    ...     pool.submit(pow, 2, 3).result()
    8
    """
    return ThreadPoolExecutor(count, thread_name_prefix="scan")


def process_pool(count: int) -> Executor:
    """Return an executor of processes, started afresh: a fork would copy this one's connections and threads.

    On Windows it has 61 processes at most, however many are asked for.

    >>> process_pool(2)._max_workers
    2
    """
    count = min(count, system.max_workers() or count)
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _start_worker)


def dask_cluster(address: str) -> tuple[Executor, int]:
    """Return a Dask cluster's executor and its number of threads; raise InputError where it does not answer."""
    try:
        from distributed import Client  # an extra: pip install dask distributed
    except ImportError:
        raise InputError("--scheduler needs Dask: pip install dask distributed.") from None
    try:
        client = Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {address} ({type(error).__name__}).") from None
    executor: Executor = client.get_executor()
    return executor, sum(client.nthreads().values())


def _start_worker() -> None:
    """Ignore interrupts, which are for the parent process, and end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """End this process as soon as its parent has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
