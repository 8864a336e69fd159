"""What some benchmarks need of Linux: /proc, and peak memory as it counts it."""

from __future__ import annotations

import sys


def require_linux() -> None:
    """End the process with one sentence on another system."""
    if sys.platform != "linux":
        sys.exit("This benchmark reads /proc, or peak memory as Linux counts it; run it on Linux.")


def peak_memory() -> float:
    """Return this process's peak memory so far, in MB."""
    import resource  # Windows has none, and macOS counts bytes

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
