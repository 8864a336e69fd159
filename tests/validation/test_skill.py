"""Scores and fits: what they say where the truth is known, and that nothing leaks back from later bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import liq
from benchmarks import recordings
from liq.model.prior import TIERS
from liq.validation.alignment import align, r_squared, spearman
from tests.markets import candles, market, needs_recordings

TRUTH = liq.Prior(
    "truth",
    "Truth",
    (125.0, 100.0, 50.0, 25.0, 10.0),
    (0.002, 0.004, 0.01, 0.02, 0.03),
    kappa=0.2,
    origin="made up",
)


def random_walk_market(days: int = 40, freq: str = "15min", seed: int = 7) -> liq.Market:
    """Return a market whose price wanders, with open interest that breathes."""
    n = days * int(pd.Timedelta("1D") / pd.Timedelta(freq))
    chance = np.random.default_rng(seed)
    scale = 0.0025 * np.exp(0.6 * np.sin(np.arange(n) / 90))
    frame = candles((50_000 * np.exp(np.cumsum(chance.normal(0, scale)))).tolist(), (scale * 0.5).tolist(), freq=freq)
    frame["volume"] = 500 * np.exp(chance.normal(0, 0.5, n)) * scale / 0.0025
    return market(frame, 80_000 + 4_000 * np.sin(np.arange(n) / 200))


def test_a_right_map_scores_high_and_adds_to_range_and_volume(world):
    subject, real = world
    report = liq.skill(liq.estimate(subject, TRUTH, columns=1), real)
    assert report.spearman > 0.95
    assert report.r2 > 0.95
    assert report.ratio == pytest.approx(1.0, abs=0.15)
    assert report.gain > 0.1
    assert abs(report.placebo_day) < 0.05
    assert report.intervals["gain"][0] > 0
    assert "points more" in report.sentence
    assert report.bars == len(real) - len(real) // 2
    assert all(low <= getattr(report, name) <= high for name, (low, high) in report.intervals.items())


def test_shuffled_liquidations_leave_no_skill(world):
    subject, real = world
    order = np.random.default_rng(1).permutation(len(real))
    shuffled = pd.DataFrame(real.to_numpy()[order], real.index, real.columns)
    report = liq.skill(liq.estimate(subject, TRUTH, columns=1), shuffled)
    assert abs(report.spearman) < 0.15
    assert report.r2 < 0.0
    assert report.gain < 0.01
    assert "nothing" in report.sentence


def test_a_later_value_cannot_reach_the_baseline_or_the_fit(world):
    """Plant a huge value after the scored period's start: what was fitted before must not move."""
    subject, real = world
    since = real.index[len(real) // 2]
    planted = real.copy()
    planted.loc[planted.index >= since] = 1e12
    estimated = liq.estimate(subject, TRUTH, columns=1)
    a, b = liq.skill(estimated, real, since=since), liq.skill(estimated, planted, since=since)
    pd.testing.assert_frame_equal(a.scored["baseline"], b.scored["baseline"])
    early = replace(subject, candles=subject.candles[:since], open_interest=subject.open_interest[:since])
    before = since - pd.Timedelta(hours=1)
    assert liq.calibrate(early, planted[planted.index < before]) == liq.calibrate(early, real[real.index < before])


def test_unrecorded_bars_are_left_out_not_scored_as_zero(world):
    subject, real = world
    holes = real.copy()
    holes.iloc[100:200] = np.nan
    bars = align(subject, holes.drop(holes.index[300:310]))
    assert len(bars.times) == len(real) - 110
    assert not bars.times.isin(real.index[100:200]).any()
    assert not bars.times.isin(real.index[300:310]).any()


@pytest.mark.parametrize("freq", ["15min", "1h", "4h", "1D"])
def test_scores_at_the_resolution_given(world, freq):
    subject, _real = world
    swept = liq.estimate(subject, TRUTH, columns=1).swept
    bars = align(subject, swept.resample(freq).sum())
    np.testing.assert_allclose(bars.add_up(swept["long"].to_numpy()).sum(), swept["long"].sum())
    assert bars.hours == pd.Timedelta(freq) / pd.Timedelta("1h")


def test_candles_coarser_than_the_liquidations_set_the_resolution(world):
    _, real = world
    coarse = random_walk_market(freq="4h")
    bars = align(coarse, real)
    assert bars.hours == 4
    np.testing.assert_allclose(bars.realised.sum(axis=0), real[: bars.times[-1] + pd.Timedelta(hours=3)].sum())


def test_too_little_is_said_so(world):
    subject, real = world
    with pytest.raises(liq.InputError, match="need"):
        liq.skill(liq.estimate(subject, columns=1), real[:40])
    with pytest.raises(liq.InputError, match="share"):
        liq.calibrate(subject, real[:20])
    with pytest.raises(liq.InputError, match="share no bar"):
        align(subject, real.shift(freq="1000D"))
    with pytest.raises(liq.InputError, match="'short'"):
        liq.skill(liq.estimate(subject, columns=1), real[["long"]])


def test_figures_by_hand():
    assert spearman(np.array([1.0, 2, 2, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(0.9486833)
    assert r_squared(np.array([1.0, 2, 3]), np.array([1.0, 2, 4])) == pytest.approx(0.5)
    assert np.isnan(r_squared(np.ones(3), np.ones(3)))


def test_shipped_priors_say_where_they_come_from():
    for name, prior in liq.PRIORS.items():
        assert prior.name == name
        assert len(prior.origin) > 20
        assert prior.leverages == TIERS
    assert sum(liq.PRIORS["retail"].weights) == pytest.approx(1.0)
    assert sum(liq.PRIORS["hyperliquid"].weights) == pytest.approx(0.99)
    calibrated = liq.PRIORS["calibrated"]
    assert 0.003 < sum(calibrated.weights) < 0.05
    assert calibrated.data["from"] < calibrated.data["to"] <= "2026-02-01 00:00"
    assert [row["leverage"] for row in calibrated.data["evidence"]] == list(TIERS)
    assert set(calibrated.tested) == {"long", "short"}


@needs_recordings
def test_the_shipped_prior_scores_well_on_the_later_days():
    """Three venues' dollars on Binance's flow are no worse than fifteen free weights were (0.844, 0.139)."""
    heatmap = liq.estimate(recordings.market(), columns=1, venues=recordings.THREE)
    report = liq.skill(heatmap, recordings.liquidations(), since=recordings.SINCE)
    assert report.r2 >= 0.842
    assert 0.7 <= report.ratio <= 1.4
    assert report.gain >= 0.138
    later = liq.PRIORS["calibrated"].scores["later"]
    assert later["from"] >= recordings.SINCE
    assert later["r2"]["value"] >= 0.84


@needs_recordings
@pytest.mark.parametrize("coin", recordings.COINS)
def test_one_law_holds_on_every_coin_of_binance_alone(coin):
    real = recordings.binance_liquidations(coin)
    heatmap = liq.estimate(recordings.market_2025(coin), columns=1)
    report = liq.skill(heatmap, real, since=real.index[len(real) // 6])
    assert 0.6 <= report.ratio <= 1.6
    assert report.spearman >= 0.85
    assert liq.skill(heatmap, real).gain >= 0.06
    without = liq.PRIORS["calibrated"].scores["coins"][coin.upper()]
    assert 0.6 <= without["ratio"] <= 1.6


@needs_recordings
@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_without_open_interest_the_dollars_stay_in_reach(coin):
    subject = recordings.market(coin)
    anchored, blind = (
        liq.estimate(replace(subject, open_interest=interest), columns=1).swept[recordings.SINCE :].sum().sum()
        for interest in (subject.open_interest, None)
    )
    assert 0.5 < blind / anchored < 2.0


@needs_recordings
def test_the_standing_book_is_one_in_every_lookback():
    """One moment seen through 1d to 1M: totals within 15 %, ranks above 0.9, within ±10 % of price."""
    subject = recordings.market()
    end = subject.candles.index[-1] + pd.Timedelta(minutes=5)
    edges = subject.price * np.exp(np.arange(-0.105, 0.0955, 0.0025))
    books = {}
    for name in ("1d", "3d", "7d", "14d", "1M"):
        row = liq.LOOKBACKS[name]
        estimated = liq.estimate(at_bar_length(subject, end, row), columns=1, edges=edges)
        books[name] = np.concatenate([estimated.long[-1], estimated.short[-1]])
    for name, book in books.items():
        assert book.sum() == pytest.approx(books["7d"].sum(), rel=0.15), name
        assert spearman(book, books["7d"]) > 0.9, name


def at_bar_length(subject: liq.Market, end: pd.Timestamp, row) -> liq.Market:
    """Return the same market as a lookback shows it: coarse warm-up bars, then the window's own."""
    start = end - row.window
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "open_interest": "last"}
    frame = subject.candles.assign(open_interest=subject.open_interest)
    warm = frame[start - row.warmup : start - pd.Timedelta("1ns")].resample(row.warmup_bar).agg(how).dropna()
    estimated = frame[start:].resample(row.bar_length).agg(how)
    both = pd.concat([warm, estimated])
    return liq.Market(subject.symbol, "test", both, both["open_interest"], start=start, bar=row.bar_length)
