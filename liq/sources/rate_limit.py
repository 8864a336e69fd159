"""Rate limit of a venue, as the venue states it: so much weight within so many seconds, over all connections."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple


class Limit(NamedTuple):
    """At most `weight` within `seconds`, counted as ccxt weighs requests.

    path : the limit counts requests whose path contains it; each : every path has the limit for itself.
    """

    weight: float
    seconds: float
    path: str = ""
    each: bool = False


class RateLimit:
    """Delay requests so that no limit of a venue is exceeded within any of its windows; safe between threads.

    >>> limit = RateLimit([Limit(2, 10.0)])
    >>> [round(limit.delay("candles", 1.0, now=0.0)) for _ in range(3)]
    [0, 0, 10]
    """

    def __init__(self, limits: Sequence[Limit]) -> None:
        self.limits = tuple(limits)
        self._sent: dict[tuple[int, str], deque[tuple[float, float]]] = {}
        self._lock = threading.Lock()

    def wait(self, path: str, weight: float) -> None:
        """Sleep until a request of that weight may be sent."""
        time.sleep(self.delay(path, weight, time.monotonic()))

    def delay(self, path: str, weight: float, now: float) -> float:
        """Return the seconds from `now` after which a request may be sent, and count it as sent then.

        >>> RateLimit([]).delay("candles", 1.0, now=0.0)
        0.0
        """
        with self._lock:
            logs, start = [], now
            for number, limit in enumerate(self.limits):
                if limit.path in path:
                    log = self._sent.setdefault((number, path if limit.each else ""), deque())
                    while log and log[0][0] <= now - limit.seconds:
                        log.popleft()
                    start = max(start, _earliest(log, limit, weight))
                    logs.append(log)
            for log in logs:
                log.append((start, weight))
            return start - now


def _earliest(log: deque[tuple[float, float]], limit: Limit, weight: float) -> float:
    """Return the time from which a request fits into the limit's window; one that never fits has the window alone."""
    total = 0.0
    for sent, sent_weight in reversed(log):
        total += sent_weight
        if total + weight > limit.weight:
            return sent + limit.seconds
    return float("-inf")
