"""Rate limit of a venue, as the venue states it: so much weight within so many seconds, over all connections."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

COLLECT = "LIQ_COLLECT"
"""Environment variable with the venues whose positions are collected beside the app, by another process."""

COLLECTOR_SHARE = 2 / 3
"""Share of a venue's limits that a collector beside the app takes; the app keeps to the rest, since the venue counts
both by their one internet address. The app's live price of one coin alone takes a fifth of Hyperliquid's limit."""

MINUTE = 60
"""Seconds in which the app may use up its share: a page's first requests go at once."""


class Limit(NamedTuple):
    """At most `weight` within `seconds`, counted as ccxt weighs requests.

    path : the limit counts requests whose path contains it; each : every path has the limit for itself.
    """

    weight: float
    seconds: float
    path: str = ""
    each: bool = False


def limits_within(seconds: float, limits: Sequence[Limit], share: float = 1.0) -> tuple[Limit, ...]:
    """Return a share of a venue's limits, as so much within so many seconds.

    A short time spreads requests out, a long one lets many go at once.

    >>> limits_within(60, (Limit(290, 15),), 0.5)
    (Limit(weight=580.0, seconds=60, path='', each=False),)
    """
    return tuple(
        limit._replace(weight=limit.weight * share * seconds / limit.seconds, seconds=seconds) for limit in limits
    )


def app_limits(venue: str, limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """Return the limits that this process keeps to: less than the venue's where another collects beside it.

    >>> app_limits("nobody", [Limit(290, 15)])
    (Limit(weight=290, seconds=15, path='', each=False),)
    """
    is_shared = venue in os.environ.get(COLLECT, "").split(",")
    return limits_within(MINUTE, limits, 1 - COLLECTOR_SHARE) if is_shared else tuple(limits)


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
