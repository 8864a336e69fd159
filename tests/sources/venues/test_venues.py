"""Each venue through real ccxt and real sockets: what comes out is what the formula says, in coins and USD."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import liq
from liq.errors import InputError, SourceError
from liq.market import LOOKBACKS, Market
from liq.sources import market_cache
from liq.sources.fetch import fetch, quote, tickers
from liq.sources.venues.table import VENUES
from tests.venue_server import VenueServer, formula
from tests.venue_server.fixtures import expire_caches

NAMES = tuple(VENUES)

FIRST_CALLS = {
    "binanceusdm": 7,
    "bybit": 13,
    "okx": 10,
    "gate": 6,
    "krakenfutures": 7,
    "hyperliquid": 4,
    "lighter": 6,
}
"""Calls of a first 7d view. Bybit's open interest comes by 200 rows, OKX's candles by 300 and interest by 100."""


def ms(index: pd.DatetimeIndex) -> np.ndarray:
    return index.as_unit("ms").asi8


def closes(market: Market) -> np.ndarray:
    opened = ms(market.candles.index)
    return np.append(opened[1:], opened[-1] + market.bar // pd.Timedelta(milliseconds=1))


@pytest.mark.parametrize("coin", ["BTC", "DOGE"])
@pytest.mark.parametrize("name", NAMES)
def test_candles_are_in_usd_and_coins(venues: VenueServer, name: str, coin: str) -> None:
    market = fetch(coin, "7d", name)
    times, ends = ms(market.candles.index)[:-1], closes(market)[:-1]
    np.testing.assert_allclose(market.candles["open"][:-1], formula.price(name, coin, times), rtol=1e-6)
    np.testing.assert_allclose(market.candles["close"][:-1], formula.price(name, coin, ends), rtol=1e-6)
    # Gate rounds to whole contracts; a forgotten contract size is off by 0.0001 to 1000
    np.testing.assert_allclose(market.candles["volume"][:-1], formula.volume(name, coin, times, ends), rtol=2e-3)
    assert market.symbol.startswith(f"{coin}/")
    assert market.source == name
    assert market.forming


@pytest.mark.parametrize("coin", ["BTC", "DOGE"])
@pytest.mark.parametrize("name", [name for name in NAMES if VENUES[name].interest != "present"])
def test_open_interest_is_in_coins_at_bar_close(venues: VenueServer, name: str, coin: str) -> None:
    market = fetch(coin, "7d", name)
    known = market.open_interest[:-1].dropna()
    at = closes(market)[market.candles.index.get_indexer(known.index)]
    np.testing.assert_allclose(known, formula.interest(name, coin, at), rtol=1e-3)
    assert len(known) > 100


@pytest.mark.parametrize(("window", "days"), [("7d", 29), ("1M", 29), ("3M", 170)])
def test_okxs_older_open_interest_is_the_coins_scaled_and_said(venues: VenueServer, window: str, days: int) -> None:
    market = fetch("ETH", window, "okx")
    known = market.open_interest[:-1].dropna()
    at = closes(market)[market.candles.index.get_indexer(known.index)]
    np.testing.assert_allclose(known, formula.interest("okx", "ETH", at), rtol=1e-3)
    assert market.as_of - known.index[0] > pd.Timedelta(days=days)
    said = [note for note in market.notes if "scaled to this one" in note]
    assert len(said) == 1
    assert "all ETH contracts" in said[0]
    venues.fail("okx", "503", only="open-interest-volume")
    market_cache.clear()
    without = fetch("ETH", window, "okx")
    assert without.open_interest.notna().sum() < market.open_interest.notna().sum()
    assert without.open_interest.notna().any(), "what the contract itself gives is kept"


@pytest.mark.parametrize("name", [name for name in NAMES if VENUES[name].interest == "present"])
def test_open_interest_without_history_is_the_last_bars_alone(venues: VenueServer, name: str) -> None:
    market = fetch("ETH", "7d", name)
    assert market.open_interest.notna().sum() == 1
    now = market.as_of.value / 1e6
    assert market.open_interest.iloc[-1] == pytest.approx(formula.interest(name, "ETH", now), rel=1e-3)


def test_gates_liquidations_are_usd_by_side(venues: VenueServer) -> None:
    market = fetch("BTC", "7d", "gate")
    got = market.liquidations[market.liquidations.index >= market.start][:-1]
    begin = ms(got.index)
    long, short = formula.liquidated("gate", "BTC", begin, begin + 15 * formula.MINUTE)
    np.testing.assert_allclose(got["long"], long, rtol=1e-6)
    np.testing.assert_allclose(got["short"], short, rtol=1e-6)


def test_krakens_liquidations_are_totals_without_sides(venues: VenueServer) -> None:
    market = fetch("BTC", "7d", "krakenfutures")
    fine = market.candles.index[np.flatnonzero(np.diff(ms(market.candles.index)) == 15 * formula.MINUTE)[0]]
    got = market.liquidations[market.liquidations.index >= fine][:-1]  # from where the warm-up's longer bars end
    assert got[["long", "short"]].isna().all(axis=None)
    begin = ms(got.index)
    both = formula.liquidated("krakenfutures", "BTC", begin, begin + 15 * formula.MINUTE)
    np.testing.assert_allclose(got["total"], sum(both), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("okx", [(0, 1000 * 0.01, 0.004, 100), (1000 * 0.01, 5000 * 0.01, 0.008, 50)]),
        ("bybit", [(0, 2e6, 0.005, 100), (2e6, 4e6, 0.01, 50)]),
        ("gate", [(0, 1e6, 0.004, 125), (1e6, 2e6, 0.008, 62)]),
        ("krakenfutures", [(0, 5e5, 0.01, 50), (5e5, np.inf, 0.02, 25)]),
        ("hyperliquid", [(0, np.inf, 0.0125, 40)]),
        ("lighter", [(0, np.inf, 0.012, 50)]),
    ],
)
def test_brackets_are_in_usd_and_continuous(
    venues: VenueServer, name: str, steps: list[tuple[float, float, float, float]]
) -> None:
    market = fetch("BTC", "7d", name)
    scale = market.price if name == "okx" else 1.0
    for got, (floor, cap, rate, leverage) in zip(market.brackets, steps, strict=False):
        assert got[:4] == pytest.approx((floor * scale, cap * scale, rate, leverage), rel=1e-3)
    for before, after in zip(market.brackets, market.brackets[1:], strict=False):
        upto = after.floor * before.rate - before.amount
        assert after.floor * after.rate - after.amount == pytest.approx(upto)


def test_binances_brackets_need_a_key_so_the_dated_table_is_used(venues: VenueServer) -> None:
    assert fetch("BTC", "7d", "binanceusdm").brackets is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("window", list(LOOKBACKS))
def test_every_window_is_whole(venues: VenueServer, name: str, window: str) -> None:
    market = fetch("BTC", window, name)
    row = LOOKBACKS[window]
    spacing = np.diff(market.candles.index.as_unit("ns").asi8)
    coarse, fine = pd.Timedelta(row.warmup_bar if row.warmup_bar != "1d" else "24h").value, row.bar_length.value
    assert set(spacing) <= {coarse, fine}
    assert (np.diff(spacing) <= 0).all(), "the warm-up's bars come first, then only fine ones"
    assert len(market.visible) == row.window // row.bar_length
    assert market.visible.index[-1] == market.as_of.floor(row.bar_length)
    assert market.start - market.candles.index[0] >= row.warmup
    assert market.candles.index[0] == market.candles.index[0].floor("1D")
    assert all("scaled to this one" in note for note in market.notes)


@pytest.mark.parametrize("name", NAMES)
def test_calls_are_counted(venues: VenueServer, name: str) -> None:
    progress: list[tuple[str, int, int]] = []
    fetch("BTC", "7d", name, on_progress=lambda *news: progress.append(news))
    assert venues.calls[name] == FIRST_CALLS[name]
    assert [at for _, at, _ in progress] == list(range(1, len(progress) + 1))
    assert all(at <= total for _, at, total in progress)
    assert progress[0][0] == f"{VENUES[name].title} candles"
    fetch("BTC", "7d", name)
    assert venues.calls[name] == FIRST_CALLS[name], "within seconds the same answer is given out again"
    expire_caches()
    venues.forget()
    fetch("BTC", "7d", name)
    assert 1 <= venues.calls[name] <= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_refresh_ends_where_a_first_fetch_does(
    venues: VenueServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = market_cache.utc_now()
    bar = pd.Timedelta(minutes=15)
    moved = (now.floor(bar) + bar).floor("1D") - bar  # the window's first day is the same since
    earlier = max(now - pd.Timedelta(minutes=40), moved)
    monkeypatch.setattr(market_cache, "utc_now", lambda: earlier)
    before = fetch("BTC", "7d", name)
    monkeypatch.setattr(market_cache, "utc_now", lambda: now)
    venues.forget()
    for _ in range(2):  # Kraken's liquidations and open interest take turns
        expire_caches()
        after = fetch("BTC", "7d", name)
    assert venues.calls[name] <= 4, venues.log
    market_cache.clear()
    cold = fetch("BTC", "7d", name)
    pd.testing.assert_frame_equal(after.candles[:-1], cold.candles[:-1])
    assert after.candles.index.equals(cold.candles.index)
    # the older answer may reach back a bar further, and the venue's clock has gone on since `now`
    known = cold.open_interest[:-1].notna() & (closes(cold)[:-1] < now.value / 1e6 - 60_000)
    pd.testing.assert_series_equal(after.open_interest[:-1][known], cold.open_interest[:-1][known])
    assert before.candles.index[0] == after.candles.index[0], "the first candle anchors the price lattice"
    if cold.liquidations is not None:
        pd.testing.assert_frame_equal(after.liquidations[:-1], cold.liquidations[:-1], check_freq=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_window_longer_than_the_cached_one_is_fetched_again(
    venues: VenueServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = market_cache.utc_now()
    monkeypatch.setattr(market_cache, "utc_now", lambda: now - pd.Timedelta(days=2))
    fetch("BTC", "3d", name)
    monkeypatch.setattr(market_cache, "utc_now", lambda: now)
    expire_caches()
    after = fetch("BTC", "3d", name)
    assert len(after.visible) == 864
    assert not any("missing" in note for note in after.notes)


@pytest.mark.parametrize("name", NAMES)
def test_tickers_come_by_dollars_traded(venues: VenueServer, name: str) -> None:
    found = tickers(name)
    assert found[:5] == ["BTC", "ETH", "SOL", "DOGE", "WIF"]
    assert "OLD" not in found
    assert not any("26" in ticker for ticker in found), "dated futures are not perpetuals"


@pytest.mark.parametrize("name", NAMES)
def test_tickers_load_without_their_volumes(venues: VenueServer, name: str) -> None:
    venues.fail(name, "503", only="ticker")
    assert set(tickers(name)) >= {"BTC", "ETH", "SOL", "DOGE", "WIF"}


@pytest.mark.parametrize("name", NAMES)
def test_quotes_are_live(venues: VenueServer, name: str) -> None:
    got = quote("DOGE", name)
    at = got.time.value / 1e6
    assert got.price == pytest.approx(formula.price(name, "DOGE", at), rel=1e-4)
    assert got.change == pytest.approx(got.price / formula.price(name, "DOGE", at - formula.DAY) - 1, abs=1e-3)
    assert got.source == name
    count = venues.calls[name]
    quote("DOGE", name)
    assert venues.calls[name] == count


@pytest.mark.parametrize("spelling", ["BTC", "btc", "BTCUSDT", "BTC/USDT", "BTC-USDT", "BTC/USDT:USDT", " btc "])
@pytest.mark.parametrize("name", ["binanceusdm", "krakenfutures"])
def test_tickers_are_understood(venues: VenueServer, name: str, spelling: str) -> None:
    quoted = "USDT" if name == "binanceusdm" else "USD"
    assert quote(spelling, name).symbol == f"BTC/{quoted}:{quoted}"


def test_another_quote_is_another_contract(venues: VenueServer) -> None:
    assert "BTC/USDC:USDC" in tickers("binanceusdm")


def test_an_unknown_ticker_names_its_neighbours(venues: VenueServer) -> None:
    with pytest.raises(InputError, match=r"^Binance has no perpetual 'DOGGE'; near it: DOGE"):
        fetch("DOGGE", "7d", "binanceusdm")


@pytest.mark.parametrize("name", ["bybit", "hyperliquid"])
def test_an_answer_about_another_symbol_is_refused(venues: VenueServer, name: str) -> None:
    venues.knobs.wrong_symbol = True
    with pytest.raises(SourceError, match="answered about ETH"):
        fetch("BTC", "7d", name)


@pytest.mark.parametrize("name", ["binanceusdm", "okx", "gate"])
def test_candles_that_contradict_open_interest_are_refused(venues: VenueServer, name: str) -> None:
    """These venues' candles name no symbol; ETH's under BTC's name show against the dollars of open interest."""
    venues.knobs.wrong_symbol = True
    with pytest.raises(SourceError, match="do not belong together"):
        fetch("BTC", "7d", name)
    venues.knobs.wrong_symbol = False
    assert fetch("BTC", "7d", name).price > 10_000
    venues.knobs.wrong_symbol = True
    expire_caches()
    assert fetch("BTC", "7d", name).price > 10_000


@pytest.mark.parametrize("refuses", [True, False])
def test_gates_page_size_is_detected(venues: VenueServer, refuses: bool) -> None:
    venues.knobs.gate_cap, venues.knobs.gate_refuses = 100, refuses
    market = fetch("BTC", "7d", "gate")
    assert market.open_interest[market.open_interest.index >= market.start].notna().all()


@pytest.mark.parametrize("name", NAMES)
def test_impossible_rows_are_dropped_and_counted(venues: VenueServer, name: str) -> None:
    venues.fail(name, "spoiled")
    market = fetch("BTC", "7d", name)
    times = ms(market.candles.index)[:-1]
    np.testing.assert_allclose(market.candles["open"][:-1], formula.price(name, "BTC", times), rtol=1e-6)
    said = " ".join(market.notes)
    for words in ("without a positive price", "with high below low", "far off the bars around", "bars missing"):
        assert words in said


@pytest.mark.parametrize("path", ["openInterestHist", "contract_stats", "analytics"])
def test_a_market_without_its_open_interest_says_so_and_gets_it_later(venues: VenueServer, path: str) -> None:
    name = {"openInterestHist": "binanceusdm", "contract_stats": "gate", "analytics": "krakenfutures"}[path]
    venues.fail(name, "503", only=path)
    market = fetch("BTC", "7d", name)
    assert market.open_interest is None
    assert any(note.startswith("Open interest is left out") and "HTTP 503" in note for note in market.notes)
    venues.heal()
    for _ in range(2):
        expire_caches()
        market = fetch("BTC", "7d", name)
    assert market.open_interest.notna().sum() > 1000
    assert market.notes == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_map_can_be_estimated(venues: VenueServer, name: str) -> None:
    heatmap = liq.estimate(fetch("BTC", "7d", name))
    assert np.isfinite(heatmap.long).all()
    assert heatmap.long.sum() > 0
