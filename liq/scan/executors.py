"""Where estimates run: threads or processes of this machine, or a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

from liq.errors import InputError

PATIENCE = 10
"""Seconds that a cluster's scheduler is waited for."""


def thread_pool(count: int) -> Executor:
    """Return threads; estimates share the processor's first core for much of their time."""
    return ThreadPoolExecutor(count, thread_name_prefix="scan")


def process_pool(count: int) -> Executor:
    """Return processes, which start afresh rather than as copies: this one may hold connections and threads."""
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _settle)


def dask_cluster(address: str) -> tuple[Executor, int]:
    """Return a Dask cluster, and how many of its threads work; raise InputError where it does not answer."""
    try:
        from distributed import Client  # an extra: pip install dask distributed
    except ImportError:
        raise InputError("--scheduler needs Dask: pip install dask distributed.") from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {address} ({type(error).__name__}).") from None
    executor: Executor = client.get_executor()
    return executor, sum(client.nthreads().values())


def _settle() -> None:
    """Leave an interrupt to the process that started this one, and do not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
