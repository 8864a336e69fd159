"""A scan's rows: what they say, how they are ranked, and what has no score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import liq
from liq.scan.ranking import (
    COLUMNS,
    ScanRow,
    daily_volatility,
    hourly_volume,
    proximity_score,
    ranking_table,
    scan,
    summarize_market,
)
from liq.sources.simulation import coins
from liq.zones.summary import summarize
from tests.markets import candles
from tests.scan.scan_markets import NAMES, in_this_process, markets_by_ticker


def test_a_row_needs_the_last_bar_only():
    for name in NAMES[:4]:
        market = markets_by_ticker(name)
        whole, row = summarize(liq.estimate(market)), summarize_market(name, market)
        assert row.summary[:3] == whole[:3]
        np.testing.assert_allclose(row.summary[3:], whole[3:], rtol=1e-9)


def test_nearer_and_bigger_rank_higher_and_units_do_not_matter():
    market = markets_by_ticker("C1")
    seen = summarize(liq.estimate(market))._replace(below_usd=np.nan, below_distance=np.nan)
    base = proximity_score(seen._replace(above_usd=1e6, above_distance=0.02), market)
    assert base > 0
    assert proximity_score(seen._replace(above_usd=2e6, above_distance=0.02), market) == pytest.approx(2 * base)
    assert proximity_score(seen._replace(above_usd=1e6, above_distance=0.01), market) > base
    # The better side counts, and a fall is as near as the rise that is as long in logs.
    mirrored = seen._replace(above_usd=np.nan, below_usd=1e6, below_distance=1 / 1.02 - 1)
    assert proximity_score(mirrored, market) == pytest.approx(base)
    # At one daily move away, a walk without drift gets there with 2 Φ(-1) = 0.3173.
    sigma = daily_volatility(market)
    away = seen._replace(above_usd=hourly_volume(market), above_distance=float(np.expm1(sigma)))
    assert proximity_score(away, market) == pytest.approx(0.31731, abs=1e-5)
    # Ten times the price of everything is another unit, not another market.
    frame = market.candles.copy()
    frame[["open", "high", "low", "close"]] *= 10
    dearer = liq.Market(market.symbol, market.source, frame, None, start=market.start)
    assert proximity_score(seen._replace(above_usd=1e7, above_distance=0.02), dearer) == pytest.approx(base)


def test_a_market_that_does_not_trade_or_move_has_no_score():
    still = liq.Market("X/USDT:USDT", "test", candles([100.0] * 50, volume=0.0))
    assert summarize_market("X", still).score == 0
    seen = summarize(liq.estimate(markets_by_ticker("C1")))
    assert proximity_score(seen, still) == 0


def test_volatility_and_trade_are_read_from_the_visible_window():
    # bars of an hour whose range is r: Parkinson's daily sigma is sqrt(24 r² / 4 log 2)
    frame = candles([100.0] * 48, [0.01] * 48, volume=5.0)
    market = liq.Market("X/USDT:USDT", "test", frame)
    reach = np.log(1.01 / 0.99)
    assert daily_volatility(market) == pytest.approx(np.sqrt(24 * reach**2 / (4 * np.log(2))))
    assert hourly_volume(market) == pytest.approx(500.0)


def test_the_table_ranks_and_puts_failures_last(expected):
    rows = [*scan(NAMES[:3], markets_by_ticker, in_this_process), ScanRow("BAD", None, float("nan"), "no.")]
    for order in (rows, rows[::-1]):
        scanned = ranking_table(order, "test")
        assert list(scanned.columns) == list(COLUMNS)
        assert scanned["rank"].tolist()[:3] == [1, 2, 3]
        assert scanned["rank"].isna().tolist() == [False, False, False, True]
        assert scanned["score"].iloc[:3].is_monotonic_decreasing
        assert (scanned["symbol"].iloc[-1], scanned["error"].iloc[-1]) == ("BAD", "no.")
    assert expected["score"].nunique() == len(NAMES)


def test_the_simulated_source_has_hundreds_of_markets_of_its_own():
    from liq.sources.simulation import market as simulation

    names = coins.coins_to_simulate(300)
    assert len(set(names)) == 300
    assert names[:12] == [ticker.split("/")[0] for ticker in coins.TICKERS]
    now = "2026-11-22T10:00:30Z"
    one, same, other = (simulation.simulate(name, "12h", now=now) for name in ("SIM001", "sim001usdt", "SIM002"))
    pd.testing.assert_frame_equal(one.candles, same.candles)
    assert one.symbol == "SIM001/USDT:USDT"
    assert not np.isclose(one.price, other.price, rtol=0.05)
    with pytest.raises(liq.InputError, match="1011 coins"):
        coins.coins_to_simulate(2000)
