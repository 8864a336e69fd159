"""One false value neither empties the book nor blows it up in silence; real bars pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import liq
from benchmarks import recordings
from liq.market_quality import checked_open_interest, quality_sentences
from liq.sources.files.market_file import read_market
from liq.sources.simulation.market import simulate
from liq.validation.book_losses import book_losses
from tests.markets import needs_recordings
from tests.sources.files.test_kinds import named


@pytest.fixture(scope="module")
def market():
    return simulate("BTC", "7d", now="2026-09-01")


def book(market: liq.Market) -> float:
    heatmap = liq.estimate(market, columns=1)
    return float(heatmap.long[-1].sum() + heatmap.short[-1].sum())


@pytest.mark.parametrize("factor", [0.0, 1e-3, 0.4, 3.0, 1e3])
def test_an_isolated_open_interest_is_left_out_and_said(market, factor):
    spoilt = market.open_interest.copy()
    spoilt.iloc[900] *= factor
    cleaned, notes = checked_open_interest(spoilt)
    assert np.isnan(cleaned.iloc[900])
    assert cleaned.notna().sum() == len(cleaned) - 1
    assert "1 value of open interest" in notes[0]
    assert book(replace(market, open_interest=cleaned)) == pytest.approx(book(market), rel=0.2)


@pytest.mark.parametrize("factor", [1e3, 68_000.0, 1e-3])
def test_a_change_of_unit_is_refused_with_its_bar(market, factor):
    spoilt = market.open_interest.copy()
    spoilt.iloc[900:] *= factor
    with pytest.raises(liq.InputError, match=f"{market.times[900]:%Y-%m-%d %H:%M} on: its unit changes"):
        checked_open_interest(spoilt)


def test_a_wick_at_half_the_price_is_named(market):
    candles = market.candles.copy()
    candles.iloc[-100, candles.columns.get_loc("low")] *= 0.5
    (note,) = book_losses(liq.estimate(replace(market, candles=candles), columns=1))
    assert "of the longs that stood, at usual volume" in note
    assert f"{market.times[-100]:%Y-%m-%d %H:%M}" in note
    fallen = market.open_interest.copy()
    fallen.iloc[-50:] *= 0.3
    (note,) = book_losses(liq.estimate(replace(market, open_interest=fallen), columns=1))
    assert note.startswith("Open interest fell by 70%")


def test_oddities_of_candles_are_said(market):
    bars, bar = market.visible, market.bar
    now = bars.index[-1] + bar
    assert quality_sentences(bars, bar, now, now) == []
    assert "no volume" in quality_sentences(bars.assign(volume=0.0), bar, now, now)[0]
    frozen = bars.copy()
    frozen.iloc[100:130, :4] = frozen.iloc[100, 3]
    assert "stands still for 30 bars" in quality_sentences(frozen, bar, now, now)[0]
    assert "in the future" in quality_sentences(bars, bar, now + pd.Timedelta("24h"), now)[0]


def test_a_file_with_false_values_says_so(market):
    frame = (
        market.candles[-800:].reset_index(names="time").assign(open_interest=market.open_interest[-800:].to_numpy())
    )
    frame.loc[400, "open_interest"] = 0.0
    read = read_market(named(frame.to_csv(index=False), "BTCUSDT.csv"), lookback="3d")
    assert any("far from both neighbours" in note for note in read.notes)
    frame.loc[500:, "open_interest"] *= 1000
    with pytest.raises(liq.InputError, match="its unit changes"):
        read_market(named(frame.to_csv(index=False), "BTCUSDT.csv"), lookback="3d")


@given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=60), st.floats(1.0, 1e9))
def test_ordinary_changes_are_never_touched(moves, level):
    series = pd.Series(level * np.exp(np.cumsum(moves)), pd.date_range("2026-01-01", periods=len(moves), freq="5min"))
    cleaned, notes = checked_open_interest(series)
    pd.testing.assert_series_equal(cleaned, series)
    assert notes == []


@needs_recordings
def test_real_bars_pass_and_a_real_crash_is_named():
    for coin in ("btc", "eth"):
        recorded = recordings.market(coin)
        cleaned, notes = checked_open_interest(recorded.open_interest)
        assert notes == []
        assert cleaned.equals(recorded.open_interest)
        assert quality_sentences(recorded.candles, recorded.bar, recorded.as_of, recorded.as_of) == []
        assert book_losses(liq.estimate(recorded, columns=1)) == []
    (note,) = book_losses(liq.estimate(recordings.market_2025("xrp"), columns=1))
    assert "2025-03-02" in note
