"""Many sessions at once: one request each for what they share, one failure, bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from liq.errors import InputError, SourceError
from liq.market import LOOKBACKS, Market
from liq.sources import market_cache
from liq.sources.fetch import fetch
from liq.sources.venues import client
from liq.sources.venues.table import VENUES
from tests.sources.test_fetch import _quiet
from tests.venue_server import VenueServer
from tests.venue_server.fixtures import QUICK, expire_caches

SESSIONS = 50


def run_concurrently(work: Callable[[int], Any], count: int = SESSIONS) -> list[Any]:
    """Run work(0) to work(count - 1) in as many threads, all let loose together; return results and errors."""
    gate = threading.Barrier(count)

    def run(number: int) -> Any:
        gate.wait()
        try:
            return work(number)
        except (InputError, SourceError) as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize("name", list(VENUES))
def test_fifty_sessions_make_one_fetch(venues: VenueServer, name: str) -> None:
    alone = fetch("BTC", "7d", name)
    once = venues.calls[name]
    market_cache.clear()
    client.contracts.cache_clear()
    venues.forget()
    markets = run_concurrently(lambda _: fetch("BTC", "7d", name))
    assert venues.calls[name] == once
    assert all(market is markets[0] for market in markets)
    assert markets[0].candles.index.equals(alone.candles.index)


def test_fifty_sessions_share_one_failure(venues: VenueServer) -> None:
    venues.fail("okx", "503")
    errors = run_concurrently(lambda _: fetch("BTC", "7d", "okx"))
    assert all(isinstance(error, SourceError) for error in errors)
    assert venues.calls["okx"] == QUICK.tries
    venues.heal()
    assert fetch("BTC", "7d", "okx").source == "okx"


@pytest.mark.parametrize("source", ["auto", "all"])
def test_fifty_sessions_in_every_mode(venues: VenueServer, source: str) -> None:
    fetch("BTC", "6M", source)
    once = dict(venues.calls)
    from liq.sources import fetch as room

    room.clear_caches()
    venues.forget()
    markets = run_concurrently(lambda _: fetch("BTC", "6M", source))
    assert {market.source for market in markets} == {"binanceusdm"}
    assert venues.calls == once


def test_fifty_sessions_with_many_views(venues: VenueServer) -> None:
    coins, windows = ["BTC", "ETH", "SOL", "DOGE", "WIF"], ["1M", "3M"]
    views = [(coin, window, name) for coin in coins for window in windows for name in ("gate", "hyperliquid")]
    answers = run_concurrently(lambda number: fetch(*views[number % len(views)]))
    assert all(isinstance(answer, Market) for answer in answers)
    each = {(answer.base, answer.bar, answer.source) for answer in answers}
    assert len(each) == len(views)
    assert venues.calls["hyperliquid"] == 1 + 10 * 3


def test_a_slow_venue_does_not_hold_up_another(venues: VenueServer) -> None:
    fetch("BTC", "6M", "gate")
    expire_caches()
    venues.fail("hyperliquid", "slow")
    done: list[str] = []
    threads = [
        threading.Thread(target=lambda name=name: (_quiet(name), done.append(name)))
        for name in ("hyperliquid", "gate")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == ["gate", "hyperliquid"]


def test_memory_is_bounded(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert market_cache._last_good.maxsize == market_cache.MAX_VIEWS
    for window in LOOKBACKS:
        fetch("BTC", window, "hyperliquid")
    assert len(market_cache._last_good) == len(LOOKBACKS)
