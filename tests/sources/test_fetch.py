"""The public face of fetching: choice, sharing among sessions, ages, and the sources that need no network."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import liq
from liq.errors import InputError, SourceError
from liq.sources import failover, market_cache, venue_status
from liq.sources.fetch import SOURCES, fetch, quote, tickers
from liq.sources.venues import client, failures
from liq.sources.venues.failures import RetryBudget, VenueFailure, retry
from liq.sources.venues.table import HOME_ORDER, VENUES
from tests.venue_server import VenueServer
from tests.venue_server.fixtures import QUICK, expire_caches


def _quiet(name: str) -> None:
    with contextlib.suppress(SourceError):
        fetch("BTC", "6M", name)


def test_auto_remembers_who_answered(venues: VenueServer) -> None:
    venues.fail("binanceusdm", "503")
    assert fetch("BTC", "6M", "auto").source == "bybit"
    venues.heal()
    venues.forget()
    assert fetch("ETH", "6M", "auto").source == "bybit"
    assert venues.calls["binanceusdm"] == 0
    assert tickers("auto")[0] == "BTC"
    assert quote("BTC", "auto").source == "bybit"


def test_auto_does_not_wait_long_for_one_venue(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "HEDGE_DELAY", 0.1)
    venues.fail("binanceusdm", "slow")
    market = fetch("BTC", "6M", "auto")
    assert market.source != "binanceusdm"
    assert market.left_out["binanceusdm"] == "had not answered yet"


def test_a_refusal_by_region_changes_the_order_of_venues(venues: VenueServer) -> None:
    venues.fail("binanceusdm", "451")
    venues.fail("bybit", "403")
    market = fetch("BTC", "6M", "auto")
    assert market.source == "okx"
    assert market.left_out == {"binanceusdm": "does not serve this location (HTTP 451)"}
    assert venue_status.venue_order()[0] == "okx"


def test_a_venue_without_the_ticker_is_passed_over(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = market_cache.find_contract

    def unlisted(name: str, ticker: str, budget: RetryBudget) -> Any:
        if name == "binanceusdm":
            raise InputError("Binance has no perpetual 'WIF'; near it: BTC.")
        return asked(name, ticker, budget)

    monkeypatch.setattr(market_cache, "find_contract", unlisted)
    market = fetch("WIF", "6M", "auto")
    assert (market.source, market.left_out) == ("bybit", {"binanceusdm": "does not list it"})


@pytest.mark.parametrize("source", ["auto", "all"])
def test_a_ticker_that_nobody_lists_is_the_users_to_mend(venues: VenueServer, source: str) -> None:
    with pytest.raises(InputError, match="Binance has no perpetual 'NOPE'"):
        fetch("NOPE", "6M", source)


def test_auto_leaves_a_venue_whose_candles_are_old(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = market_cache.utc_now()
    monkeypatch.setattr(market_cache, "utc_now", lambda: now - pd.Timedelta(minutes=30))
    fetch("BTC", "6M", "auto")
    monkeypatch.setattr(market_cache, "utc_now", lambda: now)
    venues.fail("binanceusdm", "503")
    expire_caches()
    market = fetch("BTC", "6M", "auto")
    assert market.source == "bybit", market.left_out
    venues.fail("*", "503")
    venue_status.clear()
    expire_caches()
    with market_cache._lock:
        for key in [key for key in market_cache._last_good if key[0] != "binanceusdm"]:
            del market_cache._last_good[key]
    market = fetch("BTC", "6M", "auto")
    assert market.source == "binanceusdm", "old but real comes before simulated"
    assert market.notes[0] == "These data are 30 min old: Binance is out of order (HTTP 503)."


def test_all_has_the_same_bars(venues: VenueServer) -> None:
    market = fetch("BTC", "7d", "all")
    assert [part.source for part in market.parts] == list(HOME_ORDER)
    assert market.source == "binanceusdm"
    assert market.left_out == {}
    assert all(part.visible.index.equals(market.visible.index) for part in market.parts)
    assert all(part.start == market.start and part.bar == market.bar for part in market.parts)


def test_all_accepts_bars_that_one_venue_lacks(venues: VenueServer) -> None:
    venues.fail("gate", "spoiled")
    market = fetch("BTC", "6M", "all")
    gate = next(part for part in market.parts if part.source == "gate")
    assert len(gate.visible) < len(market.visible)
    assert any("left out" in note for note in gate.notes)
    heatmap = liq.estimate(market)
    assert len(heatmap.parts) == len(HOME_ORDER)
    assert np.isfinite(heatmap.long).all()


def test_all_leaves_out_a_venue_that_is_a_bar_behind(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = market_cache.utc_now()
    monkeypatch.setattr(market_cache, "utc_now", lambda: now - pd.Timedelta(minutes=30))
    fetch("BTC", "7d", "all")
    monkeypatch.setattr(market_cache, "utc_now", lambda: now)
    venues.fail("gate", "503")
    expire_caches()
    market = fetch("BTC", "7d", "all")
    assert "gate" not in [part.source for part in market.parts]
    assert market.left_out["gate"].startswith("did not answer since ")


def test_progress_of_all_is_reported_in_the_callers_thread(venues: VenueServer) -> None:
    progress: list[tuple[str, int, int, int]] = []
    fetch("BTC", "6M", "all", on_progress=lambda *news: progress.append((*news, threading.get_ident())))
    assert {ident for *_, ident in progress} == {threading.get_ident()}
    assert {what.split(" ")[0] for what, *_ in progress} == {
        row.title.split(" ")[0] for row in VENUES.values() if row.in_auto
    }
    assert all(0 < at <= total for _, at, total, _ in progress)


def test_an_exception_in_the_progress_callback_is_no_failure_of_a_venue(venues: VenueServer) -> None:
    class Rerun(Exception):
        """As a page raises to begin again."""

    def leave(*_: object) -> None:
        raise Rerun

    with pytest.raises(Rerun):
        fetch("BTC", "6M", "okx", on_progress=leave)
    assert fetch("BTC", "6M", "okx").source == "okx"


def test_when_no_venue_answers_reruns_do_not_wait(venues: VenueServer) -> None:
    venues.fail("*", "503")
    fetch("BTC", "6M", "simulated")
    first = fetch("BTC", "6M", "auto")
    calls = sum(venues.calls.values())
    again = fetch("BTC", "6M", "auto")
    assert sum(venues.calls.values()) == calls
    assert again.source == first.source == "simulated"
    pd.testing.assert_frame_equal(again.candles, first.candles)


def test_the_simulated_market_of_an_unknown_coin_says_so(venues: VenueServer) -> None:
    venues.fail("*", "451")
    market = fetch("NOSUCHCOIN", "6M", "auto")
    assert (market.source, market.base) == ("simulated", "BTC")
    assert "this is BTC" in market.notes[1]
    assert quote("NOSUCHCOIN", "auto").source == "simulated"
    assert "BTC" in tickers("auto")


def test_the_simulated_market_needs_no_venue(venues: VenueServer) -> None:
    market = fetch("BTC", "7d", "simulated")
    assert market.source == "simulated"
    assert fetch("BTC", "7d", "simulated") is market, "made once a bar"
    assert "BTC" in tickers("simulated")
    assert quote("BTC", "simulated").source == "simulated"
    assert not venues.calls


def test_a_file_that_is_not_named_or_not_there(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="LIQ_FILE"):
        fetch("BTC", "7d", "file")
    monkeypatch.setenv("LIQ_FILE", str(Path("no") / "such.csv"))
    with pytest.raises(InputError, match="cannot be read"):
        fetch("BTC", "7d", "file")


@pytest.mark.parametrize("source", SOURCES)
def test_an_unknown_lookback_names_the_known(venues: VenueServer, source: str) -> None:
    with pytest.raises(InputError, match="lookback must be one of 12h, 1d"):
        fetch("BTC", "8d", source)
    assert not venues.calls


def test_an_unknown_source_names_the_known(venues: VenueServer) -> None:
    for question in (lambda: fetch("BTC", "7d", "mtgox"), lambda: quote("BTC", "mtgox"), lambda: tickers("mtgox")):
        with pytest.raises(InputError, match="source must be one of auto, all, binanceusdm"):
            question()


def test_a_venue_before_the_ticker_chooses_it_and_what_was_found_is_said(venues: VenueServer) -> None:
    market = fetch("OKX:BTCUSDT.P", "1d")
    assert market.source == "okx"
    assert not venues.calls["binanceusdm"]
    assert quote("OKX:BTCUSDT.P").source == "okx"
    other = fetch("BINANCE:BTC", "1d", "okx")
    assert other.source == "okx"
    assert any("names another venue" in note for note in other.notes)
    assert fetch("BTC", "1d", "okx").notes == fetch("BTCUSDT.P", "1d", "okx").notes


def test_requests_have_a_time_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(failures.time, "sleep", pauses.append)

    def fails() -> None:
        raise VenueFailure("is out of order", passing=True)

    with pytest.raises(VenueFailure):
        retry(fails, RetryBudget(0.7, 9), failures.RetryPolicy(backoff=0.1))
    assert pauses == [0.1, 0.2], "a third pause of 0.4 s would exceed what is left"


def test_the_gateway_carries_the_original_host(venues: VenueServer) -> None:
    fetch("BTC", "6M", "gate")
    assert {path.split("?")[0] for _, path in venues.log} >= {"api/v4/futures/usdt/contracts"}


@pytest.mark.parametrize("name", list(VENUES))
def test_the_usual_proxy_settings_are_honoured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIQ_GATEWAY", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(failures, "RETRY_POLICY", QUICK)
    client._connect.cache_clear()
    settings: dict[str, str] = {}

    def send(request: Any, **sent: Any) -> None:
        settings.update(sent["proxies"])
        raise ConnectionResetError

    connection = client.connect(name)
    monkeypatch.setattr(connection.exchange.session, "send", send)
    with pytest.raises(VenueFailure):
        client.contracts(connection, RetryBudget(1, 1))
    client._connect.cache_clear()
    assert settings["https"] == "http://127.0.0.1:9"
