"""Status of the venues: which one answered last, which refused this location, and when all failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from cachetools import TTLCache

from liq.sources.single_flight import without_frames
from liq.sources.venues import client
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.table import HOME_ORDER, REFUSED_ORDER, VENUES

MEMORY_SECONDS = 600
"""Seconds for which the venue that answered is tried first, and one that refused this location is not tried."""

_lock = threading.Lock()
_last_answering: TTLCache[str, str] = TTLCache(4, ttl=MEMORY_SECONDS)
_refusals: TTLCache[tuple[str, str], VenueFailure] = TTLCache(4 * len(VENUES), ttl=MEMORY_SECONDS)
_all_failed_until: TTLCache[str, tuple[float, dict[str, str]]] = TTLCache(4, ttl=60)


class AllVenuesFailed(Exception):
    """No venue answered; `reasons` gives the reason by venue."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("no venue answered")
        self.reasons = reasons


def last_answering_venue() -> str | None:
    """Return the venue that answered last, in the last ten minutes, or None.

    >>> clear(); last_answering_venue() is None
    True
    """
    with _lock:
        return _last_answering.get(client.gateway())


def venue_order() -> list[str]:
    """Return the venues in the order to try: the one that answered last, then by which venues refused this location.

    >>> clear(); venue_order()[0]
    'binanceusdm'
    """
    gateway = client.gateway()
    with _lock:
        answering = _last_answering.get(gateway)
        refused = any((gateway, name) in _refusals for name in ("binanceusdm", "bybit"))
    rest = REFUSED_ORDER if refused else HOME_ORDER
    return [*([answering] if answering else []), *(name for name in rest if name != answering)]


def known_refusal(name: str) -> VenueFailure | None:
    """Return the failure with which a venue refused this location in the last ten minutes, or None.

    >>> clear(); known_refusal("binanceusdm") is None
    True
    """
    with _lock:
        return _refusals.get((client.gateway(), name))


def remember_outcome(name: str, failure: VenueFailure | None) -> None:
    """Remember that a venue answered, or that it refused this location; other failures are not remembered.

    >>> remember_outcome("okx", None); venue_order()[0]
    'okx'
    >>> clear()
    """
    gateway = client.gateway()
    with _lock:
        if failure is None:
            _last_answering[gateway] = name
            _all_failed_until.pop(gateway, None)
        else:
            if failure.blocked:
                _refusals[(gateway, name)] = without_frames(failure)
            if _last_answering.get(gateway) == name:
                del _last_answering[gateway]


def untried_venues(tried: dict[str, str]) -> Iterator[str]:
    """Yield venues until all are tried; the order is looked up each time, as a refusal changes it.

    >>> clear(); next(untried_venues({"binanceusdm": "is out of order"}))
    'bybit'
    """
    while remaining := [name for name in venue_order() if name not in tried]:
        failure = known_refusal(remaining[0])
        if failure is None:
            yield remaining[0]
        else:
            tried[remaining[0]] = failure.reason


def raise_if_all_failed_recently() -> None:
    """Raise AllVenuesFailed while the pause after the last failure of all venues lasts.

    >>> clear(); raise_if_all_failed_recently()
    """
    with _lock:
        until, reasons = _all_failed_until.get(client.gateway(), (0.0, {}))
    if time.monotonic() < until:
        raise AllVenuesFailed(reasons)


def remember_all_failed(reasons: dict[str, str], started: float) -> AllVenuesFailed:
    """Remember that no venue answered, and return the exception that says so.

    Asking six dead venues at every rerun would freeze the page, so the pause is five times as long as it took.

    >>> remember_all_failed({"okx": "is out of order"}, time.monotonic()).reasons
    {'okx': 'is out of order'}
    >>> clear()
    """
    pause = min(30.0, max(3.0, 5 * (time.monotonic() - started)))
    with _lock:
        _all_failed_until[client.gateway()] = (time.monotonic() + pause, reasons)
    return AllVenuesFailed(reasons)


def clear_failure(name: str) -> None:
    """Note that a venue answered, which ends the pause after a failure of all.

    >>> clear_failure("okx"); venue_order()[0]
    'okx'
    >>> clear()
    """
    with _lock:
        _all_failed_until.pop(client.gateway(), None)
        _last_answering.setdefault(client.gateway(), name)


def clear() -> None:
    """Forget which venues answered, refused or failed.

    >>> clear()
    """
    with _lock:
        _last_answering.clear()
        _refusals.clear()
        _all_failed_until.clear()
