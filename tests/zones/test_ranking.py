"""Zones: what is one, what each says, and that neither the grid, the scale nor the side decides it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

import liq
from liq.model.heatmap import Heatmap
from liq.sources.simulation.market import simulate
from liq.zones.details import zone_details, zone_history
from liq.zones.peaks import PROMINENCE, peaks, smooth
from liq.zones.ranking import COLUMNS, NEAR, REACH, SIDES, buckets_in_range, side_totals
from tests.markets import candles, market, markets

slow = settings(deadline=None, max_examples=25)


def wander(seed: int, bars: int, known: bool) -> liq.Market:
    """Return a market that wanders, with or without open interest; no two levels of it are alike by accident."""
    chance = np.random.default_rng(seed)
    moves, wicks = chance.normal(0, 0.01, bars), chance.exponential(0.004, bars)
    frame = candles((50_000 * np.exp(np.cumsum(moves))).tolist(), wicks.tolist())
    frame["volume"] = chance.uniform(10, 1e4, bars)
    return market(frame, chance.uniform(5e4, 1e5, bars) if known else None)


wanderings = st.builds(wander, st.integers(0, 10**6), st.integers(3, 80), st.booleans())


def bumps(*middles: float, heights: tuple[float, ...] = (), width: float = 0.002) -> tuple[np.ndarray, np.ndarray]:
    """Return edges around 100 and a profile with a Gaussian bump at each log price."""
    edges = 100 * np.exp(np.arange(-0.1, 0.1, 5e-4))
    at = np.log(np.sqrt(edges[:-1] * edges[1:]) / 100)
    heights = heights or (1e6,) * len(middles)
    return edges, sum(h * np.exp(-0.5 * ((at - m) / width) ** 2) for m, h in zip(middles, heights, strict=True))


def mirror(heatmap: Heatmap) -> Heatmap:
    """Return the heatmap in a mirror: every price p becomes o * o / p, with o the first open; longs become shorts.

    Made from the heatmap and not from a mirrored market, since exchanges' formulas are not mirrors of each other.
    """
    origin = float(heatmap.market.candles["open"].iloc[0])
    turned = {"open": "open", "high": "low", "low": "high", "close": "close"}
    frame = pd.DataFrame({new: origin**2 / heatmap.market.candles[old] for new, old in turned.items()})
    frame["volume"] = heatmap.market.candles["volume"]
    walk = heatmap.walk
    prices = origin**2 / walk.entries.price
    other = {"long": "short", "short": "long"}
    return replace(
        heatmap,
        market=replace(heatmap.market, candles=frame, price=origin**2 / heatmap.market.price),
        edges=(origin**2 / heatmap.edges)[::-1],
        long=heatmap.short[:, ::-1],
        short=heatmap.long[:, ::-1],
        swept=heatmap.swept.rename(columns=other),
        walk=walk._replace(
            entries=walk.entries._replace(price=prices, share=walk.entries.share * walk.entries.price / prices),
            reached={other[side]: bar for side, bar in walk.reached.items()},
            factor={other[side]: 1 / factor for side, factor in walk.factor.items()},
        ),
    )


def test_two_bumps_are_two_zones_and_a_ripple_is_none():
    assert len(peaks(*bumps(-0.03, 0.03))) == 2
    assert len(peaks(*bumps(0.0))) == 1
    near = bumps(-0.0025, 0.0025)  # so near that the valley between them is shallow
    heights = smooth(*near)
    tops = np.flatnonzero((heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])) + 1
    assert len(tops) == 2
    assert 0 < 1 - heights[tops[0] : tops[1]].min() / heights[tops].min() < PROMINENCE
    assert len(peaks(*near)) == 1
    assert peaks(bumps(0.0)[0], np.zeros(len(bumps(0.0)[1]))) == []


def test_a_zone_is_where_the_bump_is():
    edges, usd = bumps(-0.03, 0.04, heights=(1e6, 3e6))
    low, high = peaks(edges, usd)
    for found, middle in ((low, -0.03), (high, 0.04)):
        assert np.log(edges[found.top] / 100) == pytest.approx(middle, abs=1e-3)
        assert np.log(edges[found.first] / 100) < middle < np.log(edges[found.last + 1] / 100)
        assert np.log(edges[found.last + 1] / edges[found.first]) == pytest.approx(0.0034, abs=0.0015)


@slow
@given(hn.arrays(float, 120, elements=st.floats(0, 1e9)))
def test_no_two_peaks_overlap_whatever_the_profile(usd):
    edges = 100 * np.exp(np.arange(121) * 5e-4)
    found = peaks(edges, usd)
    assert (len(found) > 0) == (usd.sum() > 1e-6)
    for one in found:
        assert 0 <= one.first <= one.top <= one.last < len(usd)
    assert all(one.last < after.first for one, after in pairwise(found))


@slow
@given(markets(), st.integers(1, 12))
def test_a_zones_dollars_are_its_buckets_and_none_overlap(subject, n):
    heatmap = liq.estimate(subject)
    zones = liq.top_zones(heatmap, n=n)
    assert tuple(zones.columns) == COLUMNS
    for side, of in SIDES.items():
        mine = zones[zones["side"] == side]
        assert len(mine) <= n
        assert mine["usd"].is_monotonic_decreasing
        assert mine["share"].sum() <= 1 + 1e-9
        book = getattr(heatmap, of)[-1]
        for zone in mine.itertuples():
            part = buckets_in_range(heatmap, zone.low, zone.high)
            assert heatmap.edges[part.start] == zone.low
            assert heatmap.edges[part.stop] == zone.high
            assert zone.usd == pytest.approx(book[part].sum())
            assert zone.low <= zone.peak <= zone.high
            assert zone.distance >= 0 if side == "above" else zone.distance <= 0
            assert abs(zone.distance) <= REACH
        ordered = mine.sort_values("low")
        assert (ordered["high"].to_numpy()[:-1] <= ordered["low"].to_numpy()[1:] * (1 + 1e-12)).all()


@pytest.mark.parametrize("step", [2e-3, 5e-3, 1e-2])
def test_zones_that_meet_inside_a_coarse_bucket_share_nothing(step):
    for seed in range(8):
        edges = 50_000 * np.exp(np.arange(-0.3, 0.3, step))
        zones = liq.top_zones(liq.estimate(wander(seed, 80, True), edges=edges), n=50)
        for side in SIDES:
            mine = zones[zones["side"] == side].sort_values("low")
            assert (mine["high"].to_numpy()[:-1] <= mine["low"].to_numpy()[1:]).all()
            assert mine["share"].sum() <= 1 + 1e-9


@slow
@given(wanderings)
def test_in_a_mirror_above_and_below_swap(subject):
    # distances that are alike to both sides in log price: to a half below and to the double above
    heatmap = liq.estimate(subject, replace(liq.PRIORS["calibrated"], tested={"long": 0.5, "short": 1.0}))
    origin = float(subject.candles["open"].iloc[0])
    ours, theirs = liq.top_zones(heatmap), liq.top_zones(mirror(heatmap))
    assert len(ours) == len(theirs)
    for side, other in (("above", "below"), ("below", "above")):
        mine, turned = ours[ours["side"] == side], theirs[theirs["side"] == other]
        for column, back in (("low", "high"), ("high", "low")):
            np.testing.assert_allclose(mine[column], origin**2 / turned[back], rtol=1e-9)
        np.testing.assert_allclose(mine["usd"], turned["usd"], rtol=1e-6)
        np.testing.assert_allclose(mine["share"], turned["share"], rtol=1e-6)
        np.testing.assert_allclose(np.log1p(mine["distance"]), -np.log1p(turned["distance"]), rtol=1e-6, atol=1e-12)
        assert mine["status"].tolist() == turned["status"].tolist()


@slow
@given(wanderings, st.sampled_from([0.25, 2.0, 1024.0]))
def test_scaling_all_prices_moves_nothing(subject, scale):
    prices = ["open", "high", "low", "close"]
    frame = subject.candles.copy()
    frame[prices] *= scale
    larger = replace(subject, candles=frame, price=subject.price * scale)
    ours, theirs = liq.top_zones(liq.estimate(subject)), liq.top_zones(liq.estimate(larger))
    for column in ("low", "high", "peak", "usd"):
        np.testing.assert_allclose(theirs[column], ours[column] * scale, rtol=1e-9)
    same = ["side", "share", "distance", "opened", "leverage", "status"]
    pd.testing.assert_frame_equal(theirs[same], ours[same])


@pytest.mark.parametrize("regime", ["calm", "trending", "crash"])
@pytest.mark.parametrize("lookback", ["1d", "7d", "1M"])
def test_halving_the_step_moves_no_top_five_zone_by_more_than_a_bucket(regime, lookback):
    subject = simulate("BTC", lookback, seed=5, now="2026-11-01", regime=regime)
    coarse = liq.estimate(subject, columns=2)
    log = np.log(coarse.edges)
    finer = liq.estimate(subject, columns=2, edges=np.exp(np.linspace(log[0], log[-1], 2 * len(log) - 1)))
    step = (log[1] - log[0]) * (1 + 1e-9)
    found = liq.top_zones(finer)
    for zone in liq.top_zones(coarse).groupby("side").head(5).itertuples():
        same = found[found["side"] == zone.side]
        off = np.maximum(np.abs(np.log(same["low"] / zone.low)), np.abs(np.log(same["high"] / zone.high)))
        assert (off <= step).any()


def resting(*closes: float) -> liq.Market:
    """Return a market that trades at 99.8 to 100.2 for two days, every bar as busy, then walks through the closes."""
    frame = candles([100.0 + 0.2 * np.sin(row) for row in range(48)] + list(closes), freq="1h")
    return market(frame, np.linspace(1e5, 2e5, len(frame)))


def nearest(zones: pd.DataFrame, side: str) -> pd.Series:
    mine = zones[zones["side"] == side]
    return mine.loc[mine["distance"].abs().idxmin()]


def test_status_says_what_price_did_since_the_zone_was_opened():
    before = liq.estimate(resting())
    zone = nearest(liq.top_zones(before), "below")
    assert zone["status"] == "fresh"
    # Seen from a price a little way into it, half-way, and nearly through it, before any bar has been there.
    part = buckets_in_range(before, zone["low"], zone["high"])
    held = np.cumsum(before.long[-1][part][::-1]) / zone["usd"]
    seen = set()
    for row, gone in enumerate(held[:-1], 1):
        found = liq.top_zones(before, price=float(before.edges[part.stop - row]) * 0.99999)
        found = found[(found["side"] == "below") & (found["low"] == zone["low"])].iloc[0]
        assert found["usd"] == pytest.approx(zone["usd"] * (1 - gone))
        assert found["status"] == ("touched" if gone < 0.1 else "part-swept" if gone <= 0.5 else "spent")
        seen.add(found["status"])
    assert {"part-swept", "spent"} <= seen


def test_a_zone_that_price_went_through_is_no_zone_any_more():
    zone = nearest(liq.top_zones(liq.estimate(resting())), "below")
    after = liq.estimate(resting(zone["low"] * 0.999, 100.0))
    mine = liq.top_zones(after)
    mine = mine[mine["side"] == "below"]
    old = after.market.candles.index[47]
    assert (mine[mine["low"] > zone["low"] * 0.999]["opened"] > old).all()


def test_details_say_which_positions_would_be_closed():
    heatmap = liq.estimate(resting())
    zones = liq.top_zones(heatmap)
    for zone, detail in zip(zones.itertuples(), zone_details(heatmap, zones), strict=True):
        assert 99.8 <= detail.entry_low <= detail.entry_high <= 100.2
        assert sum(detail.leverage.values()) == pytest.approx(1)
        assert sum(detail.venues.values()) == pytest.approx(1)
        assert detail.opened_from <= zone.opened <= detail.opened_to
        assert detail.through >= zone.usd * (1 - 1e-9)
        history = zone_history(heatmap, zone.side, zone.low, zone.high)
        assert history.index.equals(heatmap.times)
        assert history["usd"].iloc[-1] == pytest.approx(zone.usd)
        assert detail.change_hour == pytest.approx(history["usd"].iloc[-1] - history["usd"].iloc[-2])
        assert detail.change_day == pytest.approx(history["usd"].iloc[-1] - history["usd"].iloc[-25])
        assert history["price"].tolist() == heatmap.market.candles["close"].tolist()
    order = zones[zones["side"] == "above"].sort_values("distance").index
    through = [zone_details(heatmap, zones.loc[[row]])[0].through for row in order]
    assert through == sorted(through)


def test_totals_are_what_stands_on_each_side():
    heatmap = liq.estimate(resting())
    price = heatmap.market.price
    both = side_totals(heatmap)
    assert both.above == pytest.approx(heatmap.short[-1][heatmap.edges[1:] > price].sum())
    assert both.below == pytest.approx(heatmap.long[-1][heatmap.edges[:-1] < price].sum())
    assert 0 < both.near_above < both.above
    levels = heatmap.standing("short")
    near = levels["price"].between(price, price * (1 + NEAR))
    assert both.near_above == pytest.approx(levels["usd"][near].sum(), rel=0.1)
    assert both.balance == pytest.approx(both.near_above / (both.near_above + both.near_below))


def test_several_venues_are_named_with_their_shares():
    frame = candles([100.0 + 0.2 * np.sin(row) for row in range(48)])
    small = market(frame, np.full(48, 1e5))
    large = liq.Market("BTC/USDT:USDT", "other", frame, pd.Series(3e5, frame.index))
    heatmap = liq.estimate(replace(small, parts=(small, large)))
    zones = liq.top_zones(heatmap)
    assert len(zones)
    for detail in zone_details(heatmap, zones):
        assert set(detail.venues) == {"test", "other"}


def test_bad_arguments_get_one_sentence():
    heatmap = liq.estimate(resting())
    for bad in (0, -1, 2.5, True, "3"):
        with pytest.raises(liq.InputError, match="n must be a whole number"):
            liq.top_zones(heatmap, n=bad)
    for price in (0.0, -5.0, float("nan"), float("inf")):
        with pytest.raises(liq.InputError, match="price must be a positive number"):
            liq.top_zones(heatmap, price=price)


def test_an_empty_book_has_no_zones():
    frame = candles([100.0, 101.0, 102.0], volume=0.0)
    zones = liq.top_zones(liq.estimate(market(frame)))
    assert zones.empty
    assert tuple(zones.columns) == COLUMNS
    assert str(zones["opened"].dtype).startswith("datetime64")
