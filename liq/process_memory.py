"""What Linux, macOS and Windows do differently about a process's memory and priority, each behind one name."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

HEAPS = 2
"""Heaps that glibc's malloc may open. By default it is eight a core, one for each thread that allocates at the same
time, and what the threads of many sessions have freed stays in them: `benchmarks.sessions` took 609 MB, not 440."""

M_ARENA_MAX = -8
"""Number of that parameter, from glibc's malloc.h."""

NICENESS = 5
"""How far a process stands back (man 2 setpriority); at 5 it gets a quarter of a processor that another wants too."""


@cache
def use_few_heaps() -> None:
    """Let glibc's malloc open no more than HEAPS heaps from now on; with another C library nothing happens.

    >>> use_few_heaps()
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, HEAPS)


def return_freed_memory() -> None:
    """Return memory that was freed to the system where the C library is glibc; others do so themselves or cannot.

    >>> return_freed_memory()
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def stand_back() -> None:
    """Let the system prefer every other process to this one, for the processor and, where memory runs out, for life.

    >>> stand_back.__name__  # it would hold for the rest of this process
    'stand_back'
    """
    import psutil  # only where a process is bounded

    with suppress(psutil.Error, OSError):
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if psutil.WINDOWS else NICENESS)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # Linux alone has it
        score.write("1000")


def resident_memory(process: int) -> int:
    """Return the bytes of memory that a process holds, 0 where it has ended.

    >>> import os
    >>> resident_memory(os.getpid()) > 1_000_000
    True
    """
    import psutil

    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0


def limit_memory(process: int, resident: int) -> None:
    """Let the system refuse a process more than so many bytes of resident memory, where it can: on Linux.

    The limit is on what the process may write to (RLIMIT_DATA): what it has so far, and what is left to `resident`.

    >>> limit_memory(0, 400_000_000)  # there is no such process
    """
    import psutil

    if not hasattr(psutil.Process, "rlimit"):
        return
    with suppress(psutil.Error, OSError, ValueError):
        known = psutil.Process(process)
        memory = known.memory_info()
        most = memory.data + resident - memory.rss
        known.rlimit(psutil.RLIMIT_DATA, (most, most))
