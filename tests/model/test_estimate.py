"""What must always hold for the estimate, and a slow walk, level by level, that it must equal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from liq.model import walk
from liq.model.flow import flow
from liq.model.legs import price_legs
from liq.model.levels import first_reach, spread_entries
from liq.model.margin import brackets, liquidation_factors
from liq.sources.simulation.market import simulate
from tests.markets import START, candles, market, markets

WIDE = np.geomspace(100.0, 1e7, 4000)
"""Edges that no level of the drawn markets lies outside of."""

PRIOR = liq.PRIORS["calibrated"]


def slow_walk(subject: liq.Market, prior: liq.Prior):
    """Sweep, close, open, photograph with one Python object a level: the model as written down, nothing clever."""
    legs = price_legs(subject)
    low, high = legs.low, legs.high
    order_flow, entries = flow(legs, prior), spread_entries(low, high)
    survival = np.exp(np.diff(order_flow.log_survival, prepend=0.0))
    paces = prior.paces or (1.0,) * len(prior.weights)
    swept = {side: np.zeros(len(subject.candles)) for side in ("long", "short")}
    books, columns = {"long": [], "short": []}, {"long": [], "short": []}
    factors = {side: liquidation_factors(side, np.array(prior.leverages), brackets(subject.symbol)) for side in books}
    for leg, bar in enumerate(legs.bar):
        for side, book in books.items():
            standing = []
            for level, usd, pace in book:
                if (low[leg] <= level * (1 + 1e-12)) if side == "long" else (high[leg] >= level * (1 - 1e-12)):
                    swept[side][bar] += usd
                else:
                    standing.append([level, usd * survival[leg] ** pace, pace])
            for row in np.flatnonzero(entries.leg == leg):
                opened = order_flow.opened[leg] * entries.share[row] * entries.price[row]
                for factor, weight, pace in zip(factors[side], prior.weights, paces, strict=True):
                    standing.append([entries.price[row] * factor, opened * weight, pace])
            books[side] = standing
            if leg + 1 < len(legs.bar) and legs.bar[leg + 1] == bar:
                continue
            levels = np.array([level for level, _, _ in standing])
            usd = np.array([usd for _, usd, _ in standing])
            columns[side].append(np.histogram(levels, WIDE, weights=usd)[0])
    return swept, {side: np.array(photos) for side, photos in columns.items()}


@settings(max_examples=40)
@given(markets(most=25))
def test_equals_the_slow_walk(subject):
    fast = liq.estimate(subject, PRIOR, edges=WIDE)
    swept, columns = slow_walk(subject, PRIOR)
    for side in ("long", "short"):
        np.testing.assert_allclose(fast.swept[side], swept[side], rtol=1e-9, atol=1e-3)
        np.testing.assert_allclose(getattr(fast, side), columns[side], rtol=1e-9, atol=1e-3)


@settings(max_examples=60)
@given(markets())
def test_nothing_appears_or_vanishes(subject):
    heatmap = liq.estimate(subject, edges=WIDE)
    for side in ("long", "short"):
        side_balance = heatmap.balance_sheet[side]
        accounted = (side_balance["swept"] + side_balance["closed"]).cumsum() + side_balance["standing"]
        np.testing.assert_allclose(accounted, side_balance["opened"].cumsum(), rtol=1e-9, atol=1e-3)
        np.testing.assert_allclose(getattr(heatmap, side).sum(axis=1), side_balance["standing"], rtol=1e-7, atol=1e-2)
        assert (side_balance["closed"] > -1e-6 * (1 + side_balance["opened"].cumsum())).all()


@settings(max_examples=40)
@given(markets())
def test_both_sides_receive_the_same(subject):
    balance = liq.estimate(subject).balance_sheet
    np.testing.assert_array_equal(balance["long"]["opened"], balance["short"]["opened"])


@settings(max_examples=60)
@given(markets(least=6), st.integers(1, 5))
def test_a_finished_column_never_changes(subject, later):
    n = len(subject.candles) - later
    interest = subject.open_interest
    before = market(subject.candles[:n], None if interest is None else interest[:n])
    old, new = liq.estimate(before), liq.estimate(subject)
    assert (new.times[:n] == old.times).all()
    first = int(np.abs(new.edges - old.edges[0]).argmin())
    np.testing.assert_allclose(new.edges[first : first + len(old.edges)], old.edges, rtol=1e-12)
    for side in ("long", "short"):
        same = getattr(new, side)[:n, first : first + len(old.edges) - 1]
        np.testing.assert_allclose(same, getattr(old, side), rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(new.swept[:n], old.swept, rtol=1e-9, atol=1e-5)


@settings(max_examples=40)
@given(markets(), st.sampled_from([0.001, 0.5, 2.0, 1024.0]))
def test_scaling_prices_scales_the_edges_and_nothing_else(subject, scale):
    frame = subject.candles.copy()
    frame[["open", "high", "low", "close"]] *= scale
    frame["volume"] /= scale
    interest = None if subject.open_interest is None else subject.open_interest / scale
    a, b = liq.estimate(subject), liq.estimate(market(frame, interest))
    np.testing.assert_allclose(b.edges, a.edges * scale, rtol=1e-9)
    np.testing.assert_allclose(b.swept, a.swept, rtol=1e-6, atol=1e-3)
    # a level that lies on an edge may fall to either side of it by rounding: the sums between two prices show it that
    # are so far away that no level is near them
    ends = np.array([subject.candles["low"].min() / 1e4, subject.candles["high"].max() * 1e4])
    a, b = liq.estimate(subject, edges=ends), liq.estimate(market(frame, interest), edges=ends * scale)
    for side in ("long", "short"):
        np.testing.assert_allclose(getattr(b, side), getattr(a, side), rtol=1e-6, atol=1e-3)


@settings(max_examples=30)
@given(markets(), st.permutations(range(len(PRIOR.leverages))))
def test_the_order_of_tiers_does_not_matter(subject, order):
    pick = lambda values: tuple(values[row] for row in order)  # noqa: E731
    mixed = replace(PRIOR, leverages=pick(PRIOR.leverages), weights=pick(PRIOR.weights), paces=pick(PRIOR.paces))
    a, b = liq.estimate(subject, PRIOR), liq.estimate(subject, mixed)
    np.testing.assert_allclose(b.long, a.long, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(b.short, a.short, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(b.swept, a.swept, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(b.by_tier("long"), a.by_tier("long")[list(order)], rtol=1e-9, atol=1e-6)


@settings(max_examples=30)
@given(markets())
def test_the_map_is_linear_in_the_weights(subject):
    whole = liq.estimate(subject, PRIOR)
    weights = np.array(PRIOR.weights)
    odd = np.where(np.arange(len(weights)) % 2, weights, 0.0)
    halves = whole.reweigh(odd), whole.reweigh(weights - odd)
    np.testing.assert_allclose(halves[0].long + halves[1].long, whole.long, rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(halves[0].swept + halves[1].swept, whole.swept, rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(
        sum(whole.swept_by_tier("short")[:, row] * weights[row] for row in range(len(weights))),
        whole.swept["short"],
        rtol=1e-9,
        atol=1e-5,
    )
    np.testing.assert_allclose(whole.by_tier("long").sum(axis=0), whole.long[-1], rtol=1e-9, atol=1e-4)


@settings(max_examples=30)
@given(markets(least=4), st.integers(1, 12))
def test_fewer_columns_are_the_same_photographs(subject, columns):
    every, few = liq.estimate(subject), liq.estimate(subject, columns=columns)
    assert few.times[-1] == every.times[-1]
    assert len(few.times) <= columns
    rows = every.times.get_indexer(few.times)
    np.testing.assert_allclose(few.long, every.long[rows], rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(few.swept, every.swept)


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("leverage", [5.0, 25.0, 100.0, 250.0])
def test_a_level_is_swept_exactly_when_price_reaches_it(side, leverage):
    """One flat bar opens; a later bar that stops one part in a million short takes nothing, one that touches all."""
    prior = liq.Prior("one", "One", (leverage,), (1.0,), phi=1.0, half_life=1e9)
    level = 100.0 * liquidation_factors(side, np.array([leverage]), brackets("BTC/USDT:USDT"))[0]
    for miss, taken in ((1e-6, False), (0.0, True), (-1e-6, True)):
        touch = level * (1 + miss if side == "long" else 1 - miss)
        frame = candles([100.0, 100.0, 100.0])
        frame.loc[frame.index[1], "low" if side == "long" else "high"] = touch
        frame.loc[frame.index[1:], "volume"] = 0.0
        swept = liq.estimate(market(frame), prior).swept[side]
        assert swept.iloc[1] == pytest.approx(100.0 * 100.0 if taken else 0.0)
        assert swept.iloc[[0, 2]].sum() == 0.0


def test_a_bar_does_not_sweep_what_it_opened_itself():
    frame = candles([100.0, 90.0, 90.0])
    frame["volume"] = [0.0, 100.0, 0.0]
    swept = liq.estimate(market(frame)).swept
    assert swept["long"].iloc[1] == 0.0
    assert swept["long"].iloc[2] > 0.0


@settings(max_examples=60)
@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=700),
    st.lists(st.floats(-30, 30), min_size=1, max_size=5),
    st.data(),
)
def test_first_reach_equals_looking_through_all_bars(extreme, shift, data):
    n = len(extreme)
    bar = np.sort(np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=20))))
    entry = np.array(data.draw(st.lists(st.floats(-30, 30), min_size=len(bar), max_size=len(bar))))
    stops = np.array(extreme)
    reached = first_reach(stops, entry, np.array(shift), bar)
    for row in range(len(bar)):
        for tier, offset in enumerate(shift):
            later = np.flatnonzero(stops[bar[row] + 1 :] <= entry[row] + offset + 1e-9)
            assert reached[row, tier] == (bar[row] + 1 + later[0] if len(later) else n)


def test_open_interest_that_vanishes_leaves_nothing_standing():
    frame = candles([100.0] * 4, volume=10.0)
    estimated = liq.estimate(market(frame, [1000.0, 1000.0, 0.0, 0.0]))
    assert estimated.long[1].sum() > 0
    assert estimated.long[2:].sum() == pytest.approx(0.0, abs=1e-5)


def test_anchoring_may_begin_in_the_middle_of_the_window():
    frame = candles([100.0] * 6, volume=10.0)
    estimated = liq.estimate(market(frame, [np.nan, np.nan, 500.0, 510.0, 505.0, np.nan]))
    assert estimated.anchored == pytest.approx(2 / 6)
    assert np.isfinite(estimated.long).all()
    assert estimated.balance_sheet["long"]["opened"].iloc[3] == pytest.approx(
        (10.0 + PRIOR.kappa * 10.0) * 100.0 * sum(PRIOR.weights)
    )


def test_very_long_decay_stays_exact():
    """Twenty half-lives a bar, for three hundred bars: far more than a double could hold as one product."""
    frame = candles([1000.0 + 10 * (row % 7) for row in range(300)], volume=10.0)
    prior = replace(PRIOR, half_life=0.05, paces=())
    estimated = liq.estimate(market(frame), prior, edges=WIDE)
    np.testing.assert_allclose(
        estimated.long.sum(axis=1), estimated.balance_sheet["long"]["standing"], rtol=1e-9, atol=1e-3
    )


def test_chunks_make_no_difference(monkeypatch):
    subject = market(candles([100.0 + 3 * np.sin(row / 5) for row in range(200)]))
    whole = liq.estimate(subject)
    monkeypatch.setattr(walk, "CHUNK", 64)
    monkeypatch.setattr(walk, "BLOCK", 32)
    parts = whole.reweigh(whole.weights)
    np.testing.assert_allclose(parts.long, whole.long, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(parts.swept, whole.swept, rtol=1e-9, atol=1e-6)


def test_several_venues_add_up_in_any_order():
    frame = candles([100.0 + 2 * np.sin(row / 3) for row in range(60)])
    parts = [
        liq.Market("BTC/USDT:USDT", name, frame, pd.Series(size, frame.index))
        for name, size in (("one", 500.0), ("two", 1500.0), ("three", 90.0))
    ]
    sums = [liq.estimate(replace(parts[0], parts=tuple(order))) for order in (parts, parts[::-1])]
    alone = [liq.estimate(part, edges=sums[0].edges) for part in parts]
    for side in ("long", "short"):
        np.testing.assert_allclose(
            getattr(sums[0], side), sum(getattr(heatmap, side) for heatmap in alone), rtol=1e-9
        )
        np.testing.assert_allclose(getattr(sums[0], side), getattr(sums[1], side), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(sums[0].by_tier(side), sum(heatmap.by_tier(side) for heatmap in alone), rtol=1e-9)
    np.testing.assert_allclose(sums[0].swept, sum(heatmap.swept for heatmap in alone), rtol=1e-9, atol=1e-9)
    lighter = sums[0].reweigh(sums[0].weights / 2)
    np.testing.assert_allclose(lighter.long, sums[0].long / 2, rtol=1e-9, atol=1e-6)


def test_when_what_stands_was_opened():
    frame = candles([100.0] * 10, volume=0.0)
    frame.loc[frame.index[4], "volume"] = 10.0
    heatmap = liq.estimate(market(frame))
    opened = heatmap.opened("long")
    occupied = heatmap.long[-1] > 0
    assert occupied.any()
    assert (opened[occupied] == np.datetime64((START + pd.Timedelta(hours=4)).tz_localize(None), "s")).all()
    assert np.isnat(opened[~occupied]).all()


def test_no_weight_at_all_is_an_empty_map():
    heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=10)
    empty = heatmap.reweigh(np.zeros(len(heatmap.tiers)))
    assert not empty.long.any()
    assert not empty.short.any()
    assert not empty.swept.to_numpy().any()
