"""Fixtures for tests that fetch from the stand-in; `tests/conftest.py` offers them to every test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from liq.sources import fetch, market_cache, venue_status
from liq.sources.venues import client, failures
from liq.sources.venues.failures import RetryPolicy
from tests.venue_server import VenueServer

QUICK = RetryPolicy(timeout=4.0, tries=3, backoff=0.01, budget=6.0, spaced=False)
"""Patience for tests: as many tries as in earnest, without the waiting."""


@pytest.fixture(scope="module")
def server() -> Iterator[VenueServer]:
    """One stand-in for a module's tests; its slow answers take longer than `QUICK` waits."""
    with VenueServer(slow=0.9) as running:
        yield running


@pytest.fixture
def venues(server: VenueServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[VenueServer]:
    """The stand-in without faults, in front of a process that remembers nothing."""
    stop_clock(monkeypatch)
    monkeypatch.setenv("LIQ_GATEWAY", server.url)
    monkeypatch.delenv("LIQ_FILE", raising=False)
    monkeypatch.setattr(failures, "RETRY_POLICY", QUICK)
    restart(server)
    yield server
    restart(server)


@pytest.fixture
def kept(server: VenueServer, monkeypatch: pytest.MonkeyPatch) -> VenueServer:
    """The stand-in without faults, in front of a process that still holds what the tests before fetched."""
    stop_clock(monkeypatch)
    monkeypatch.setenv("LIQ_GATEWAY", server.url)
    monkeypatch.setattr(failures, "RETRY_POLICY", QUICK)
    server.heal()
    server.forget()
    venue_status.clear()
    return server


def stop_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test take place in one moment: a bar that closes meanwhile would be fetched, and counted, once more."""
    now = market_cache.utc_now()
    monkeypatch.setattr(market_cache, "utc_now", lambda: now)


def restart(server: VenueServer) -> None:
    """Take back faults and knobs, wait for venues still being asked, forget counts and everything held."""
    for thread in threading.enumerate():
        if thread.name.startswith(("auto", "one", "fetch")):
            thread.join()
    server.heal()
    server.forget()
    server.knobs.__init__()  # type: ignore[misc]
    fetch.clear_caches()


def expire_caches() -> None:
    """Let every held answer be due for a refresh, as after `FRESH` seconds, and end every rest."""
    market_cache._fetch.cache_clear()
    fetch._cached_quote.cache_clear()
    with market_cache._lock:
        market_cache._retry_after.clear()


def forget_venue(name: str) -> None:
    """Forget one venue: its connection, markets, views and refusals; the other venues stay as they are."""
    for cache in (
        market_cache._last_good,
        market_cache._retry_after,
        market_cache._fetch.cache,
        fetch._cached_quote.cache,
        fetch._cached_tickers.cache,
    ):
        for key in [key for key in cache if name in (key[0], key[0][0])]:
            del cache[key]
    client.contracts.cache.pop(id(client.connect(name)), None)
    client._connect.cache.pop(client._connect.cache_key(name, client.gateway()), None)
    venue_status.clear()


def hang_up(name: str) -> None:
    """Point a venue's connection at a port where nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        lead(name, f"http://127.0.0.1:{nobody.getsockname()[1]}")


def lead(name: str, front: str) -> None:
    """Point a venue's connection at an address."""
    venue = client.connect(name).exchange
    venue.urls["api"] = client.behind_gateway(front, type(venue)().urls["api"])
