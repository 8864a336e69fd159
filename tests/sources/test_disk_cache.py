"""What outlives the process: fewer requests after a restart, the same market, nothing stale, nothing torn."""

from __future__ import annotations

import pandas as pd
import pytest

from liq.sources import disk_cache
from liq.sources.fetch import clear_caches, fetch, known_tickers, tickers
from liq.sources.venues.table import VENUES
from tests.venue_server import VenueServer


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LIQ_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", VENUES)
def test_a_restart_asks_less_and_shows_the_same(venues: VenueServer, name: str):
    before = fetch("BTC", "7d", name)
    first = venues.calls[name]
    clear_caches()
    venues.forget()
    after = fetch("BTC", "7d", name)
    assert venues.calls[name] < first
    asked = [path for _, path in venues.log]
    lists = ("exchangeInfo", "instruments-info", "futures/usdt/contracts?")
    assert not any(word in path for path in asked for word in lists)
    shared = before.candles.index.intersection(after.candles.index)[:-1]
    pd.testing.assert_frame_equal(before.candles.loc[shared], after.candles.loc[shared])
    assert before.brackets == after.brackets or name == "okx"  # OKX's are counted in contracts, so follow the price
    assert before.tick == after.tick


def test_tickers_are_known_without_a_request_after_a_restart(venues: VenueServer):
    listed = tickers("bybit")
    clear_caches()
    venues.forget()
    assert known_tickers("bybit") == listed
    assert not venues.calls


def test_what_is_too_old_is_not_served(folder):
    disk_cache.write(("a", 1), [1.5, None], seconds=60)
    assert disk_cache.read(("a", 1)) == [1.5, None]
    disk_cache.write(("a", 1), [1.5, None], seconds=-1)
    assert disk_cache.read(("a", 1)) is None


def test_it_can_be_turned_off(folder, monkeypatch):
    monkeypatch.setenv("LIQ_CACHE", "off")
    disk_cache.write(("a",), 1, seconds=60)
    assert disk_cache.read(("a",)) is None
    assert not list(folder.iterdir())


def test_a_torn_file_or_a_folder_that_cannot_be_written_is_no_reason_to_fail(venues, folder, monkeypatch):
    fetch("BTC", "7d", "gate")
    disk_cache._opened.cache_clear()
    for file in folder.glob("cache.db*"):
        file.write_bytes(b"nonsense")
    clear_caches()
    assert fetch("BTC", "7d", "gate").source == "gate"
    monkeypatch.setenv("LIQ_CACHE", "/proc/nowhere")
    clear_caches()
    assert fetch("BTC", "7d", "gate").source == "gate"


@pytest.mark.parametrize("nonsense", [7, "text", [[1, -5]], [["a", None, {}, [], 1, 2]] * 5, [["a"] * 4], [None], {}])
def test_nonsense_on_disk_is_not_shown(venues: VenueServer, nonsense):
    fetch("BTC", "7d", "gate")
    store = disk_cache._opened(disk_cache.folder())
    for key in list(store):
        store.set(key, nonsense, expire=60)
    clear_caches()
    market = fetch("BTC", "7d", "gate")
    assert (market.candles[["open", "high", "low", "close"]] > 0).all(axis=None)
