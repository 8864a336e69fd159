"""Maps out of real positions: what stands when, held against a slow copy of the rules, and against small examples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from liq.charts.heatmap.window import column_closes, usual_by_side, window
from liq.model.as_of import first_bars, heatmap_up_to
from liq.model.choice import MAPS, choose_map
from liq.model.snapshots import MAX_AGE, MAX_LAG, coverage, first_reached
from liq.positions import Positions
from liq.wording import ESTIMATE, REAL
from liq.zones.liquidation_map import open_interest_usd
from liq.zones.ranking import top_zones
from liq.zones.relief import SMOOTHED, zone_relief
from liq.zones.scenario import scenario

START = pd.Timestamp("2026-01-10", tz="UTC")
BARS = 48


def market(prices, *, hours=1.0, source="hyperliquid", interest=1000.0) -> liq.Market:
    """Return a market of hourly bars, each (low, close, high); the first opens at START."""
    low, close, high = np.array(prices, dtype=float).T
    index = pd.date_range(START, periods=len(low), freq=pd.Timedelta(hours=hours))
    opens = np.clip(np.append(close[:1], close[:-1]), low, high)
    frame = pd.DataFrame({"open": opens, "high": high, "low": low, "close": close, "volume": 1.0}, index=index)
    coins = None if interest is None else pd.Series(interest, index=index)
    return liq.Market("BTC/USDC:USDC", source, frame, open_interest=coins)


def still(count: int = BARS) -> liq.Market:
    return market([(99.0, 100.0, 101.0)] * count)


def positions(*rows, source="hyperliquid") -> Positions:
    """Return positions of rows (hour of the snapshot, side, level, account, and what differs from the usual)."""
    usual = {"coin": "BTC", "coins": 1.0, "entry": 100.0, "leverage": 10.0, "margin": "cross"}
    records = [
        {**usual, "time": START + pd.Timedelta(hours=hour), "side": side, "liquidation_price": level, "account": who}
        | more
        for hour, side, level, who, more in ((*row, {})[:5] for row in rows)
    ]
    frame = pd.DataFrame(records)
    return Positions(
        frame.assign(answered=frame["answered"].fillna(frame["time"])) if "answered" in frame else frame, source
    )


def standing(heatmap: liq.Heatmap, side: str = "long") -> np.ndarray:
    """Return USD by photographed bar."""
    return getattr(heatmap, side).sum(axis=1)


def test_a_level_stands_from_its_snapshot_until_the_next_one():
    seen = positions((2.5, "long", 90.0, "a"), (5.5, "long", 88.0, "b"))
    usd = standing(liq.observe(still(8), seen))
    assert usd.tolist() == [0, 0, 90, 90, 90, 88, 88, 88]


@pytest.mark.parametrize(
    ("side", "level", "bar"), [("long", 90.0, (89.0, 100.0, 101.0)), ("short", 110.0, (99.0, 100.0, 111.0))]
)
def test_a_level_is_gone_from_the_bar_in_which_price_reached_it(side, level, bar):
    prices = [(99.0, 100.0, 101.0)] * 4 + [bar] + [(99.0, 100.0, 101.0)] * 3
    heatmap = liq.observe(market(prices), positions((1.5, side, level, "a")))
    assert standing(heatmap, side).tolist() == [0, level, level, level, 0, 0, 0, 0]
    assert heatmap.swept[side].tolist() == [0, 0, 0, 0, level, 0, 0, 0]
    assert heatmap.swept.sum().sum() == level


def test_price_before_the_account_was_asked_takes_nothing():
    prices = [(80.0, 100.0, 101.0)] + [(99.0, 100.0, 101.0)] * 3
    assert standing(liq.observe(market(prices), positions((1.0, "long", 90.0, "a"))))[-1] == 90


def test_of_the_bar_in_which_the_account_was_asked_only_the_close_counts():
    dip = [(99.0, 100.0, 101.0), (80.0, 100.0, 101.0), (99.0, 100.0, 101.0)]
    fall = [(99.0, 100.0, 101.0), (80.0, 85.0, 101.0), (84.0, 85.0, 86.0)]
    seen = positions((1.5, "long", 90.0, "a"))
    assert standing(liq.observe(market(dip), seen)).tolist() == [0, 90, 90]
    assert standing(liq.observe(market(fall), seen)).tolist() == [0, 0, 0]


def test_a_state_that_was_carried_over_is_followed_from_when_it_was_answered():
    prices = [(99.0, 100.0, 101.0)] * 2 + [(85.0, 100.0, 101.0)] + [(99.0, 100.0, 101.0)] * 3
    old = {"answered": START + pd.Timedelta(hours=1)}
    seen = positions((4.0, "long", 90.0, "a", old), (4.0, "long", 75.0, "b"))
    assert standing(liq.observe(market(prices), seen)).tolist() == [0, 0, 0, 75, 75, 75]


def test_a_snapshot_holds_for_a_day_and_what_follows_is_a_hole():
    heatmap = liq.observe(still(40), positions((0.5, "long", 90.0, "a"), (39.5, "long", 88.0, "a")))
    hours = int(MAX_AGE / pd.Timedelta(hours=1))
    usd = standing(heatmap)
    assert (usd[:hours] == 90).all()
    assert (usd[hours:39] == 0).all()
    assert usd[39] == 88
    assert heatmap.known.tolist() == [*[True] * hours, *[False] * (39 - hours), True]
    assert heatmap.anchored == pytest.approx((hours + 1) / 40)


def test_a_hole_is_never_filled_by_the_estimate():
    heatmap = liq.observe(still(40), positions((35.0, "long", 90.0, "a")))
    assert not heatmap.long[:34].any()
    assert not heatmap.known[:34].any()


@st.composite
def worlds(draw):
    """Return a market of 30 hourly bars on a random path, and snapshots at random minutes."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, 30)))
    opens = np.append(100.0, close[:-1])
    low = np.minimum(opens, close) * np.exp(-np.abs(rng.normal(0, 0.02, 30)))
    high = np.maximum(opens, close) * np.exp(np.abs(rng.normal(0, 0.02, 30)))
    rows = []
    for hour in np.sort(rng.choice(np.arange(0, 30 * 4), draw(st.integers(1, 6)), replace=False)) / 4:
        for _ in range(draw(st.integers(1, 6))):
            side = rng.choice(["long", "short"])
            level = 100 * np.exp(rng.normal(-0.1 if side == "long" else 0.1, 0.1))
            answered = START + pd.Timedelta(hours=max(hour - rng.integers(0, 5), -3.0))
            rows.append(
                (hour, side, level, f"a{rng.integers(5)}", {"answered": answered, "coins": float(rng.integers(1, 9))})
            )
    return market(np.stack([low, close, high], axis=1)), positions(*rows)


def slow_columns(market: liq.Market, seen: Positions, edges: np.ndarray, side: str) -> np.ndarray:
    """Return what `observe` photographs, by the rules one position and one bar at a time."""
    hour = pd.Timedelta(hours=1)
    candles, out = market.candles, np.zeros((len(market.candles), len(edges) - 1))
    for bar, opened in enumerate(candles.index):
        times = [time for time in seen.times if time <= opened + hour]
        if not times or opened + hour - times[-1] > MAX_AGE:
            continue
        for row in seen.rows[seen.rows["time"] == times[-1]].itertuples():
            if row.side != side or not edges[0] <= row.liquidation_price < edges[-1]:
                continue
            gone = False
            for other, began in enumerate(candles.index[: bar + 1]):
                low, high, close = candles.iloc[other][["low", "high", "close"]]
                if began < row.answered:
                    if began + hour > row.answered:  # asked during this bar
                        low = high = close
                    else:
                        continue
                gone |= low <= row.liquidation_price if side == "long" else high >= row.liquidation_price
            if not gone:
                out[bar, np.searchsorted(edges, row.liquidation_price, side="right") - 1] += (
                    row.coins * row.liquidation_price
                )
    return out


@given(worlds())
@settings(max_examples=25, deadline=None)
def test_what_stands_follows_the_rules_one_position_at_a_time(world):
    market, seen = world
    heatmap = liq.observe(market, seen)
    for side in ("long", "short"):
        np.testing.assert_allclose(
            getattr(heatmap, side), slow_columns(market, seen, heatmap.edges, side), atol=0.02 * len(seen.rows)
        )


@given(worlds(), st.integers(1, 29))
@settings(max_examples=20, deadline=None)
def test_later_bars_and_snapshots_change_no_finished_column(world, n):
    market, seen = world
    whole = liq.observe(market, seen)
    then = liq.observe(first_bars(market, n), seen, edges=whole.edges)
    np.testing.assert_allclose(then.long, whole.long[:n], atol=0.01)
    cut = heatmap_up_to(whole, n - 1)
    np.testing.assert_array_equal(cut.long, whole.long[:n])
    for side in ("long", "short"):
        pd.testing.assert_frame_equal(
            cut.standing(side).drop(columns="opened"), then.standing(side).drop(columns="opened"), check_exact=False
        )


@given(worlds())
@settings(max_examples=20, deadline=None)
def test_levels_bands_and_splits_add_up_to_what_stands(world):
    market, seen = world
    heatmap = liq.observe(market, seen)
    for side in ("long", "short"):
        last = getattr(heatmap, side)[-1]
        levels = heatmap.standing(side)
        assert levels["usd"].sum() == pytest.approx(last.sum(), abs=0.1)
        np.testing.assert_allclose(sum(heatmap.by_band(side).values()), last, atol=0.1)
        for groups in heatmap.splits().values():
            np.testing.assert_allclose(sum(sides[side] for sides in groups.values()), last, atol=0.1)
        assert (heatmap.swept[side] >= 0).all()
    far = heatmap.with_bands(["1-5x", "6-10x"])
    near = heatmap.with_bands(["11-25x", "26-50x", "51-100x", "101x+"])
    np.testing.assert_allclose(far.long + near.long, heatmap.long, atol=0.1)
    np.testing.assert_allclose(far.swept + near.swept, heatmap.swept, atol=0.1)


def test_leverage_is_the_effective_one_and_the_nominal_stands_beside_it():
    heatmap = liq.observe(still(4), positions((1.0, "long", 90.0, "a", {"leverage": 40.0, "margin": "isolated"})))
    row = heatmap.standing("long").iloc[0]
    assert (row["leverage"], row["nominal"], row["margin"]) == (pytest.approx(10.0), 40.0, "isolated")
    assert heatmap.by_band("long")["6-10x"].sum() == 90
    assert heatmap.splits()["Nominal leverage"]["26-50x"]["long"].sum() == 90


def test_a_position_is_as_old_as_the_first_of_the_snapshots_that_all_held_it():
    seen = positions(
        *((hour, "long", 90.0, "a") for hour in (1, 5, 6, 7)),
        *((hour, "long", 88.0, "b") for hour in (1, 2, 3, 4, 5, 6, 7)),
    )
    since = liq.observe(still(9), seen).standing("long").set_index("account")["opened"]
    assert since["a"] == START + pd.Timedelta(hours=5)
    assert since["b"] == START + pd.Timedelta(hours=1)


def test_other_edges_hold_the_same_levels_and_further_ones():
    heatmap = liq.observe(still(4), positions((1.0, "long", 90.0, "a"), (1.0, "long", 40.0, "b")))
    assert standing(heatmap)[-1] == 90
    assert heatmap.last_on(np.exp(np.linspace(np.log(20), np.log(200), 100))).long[-1].sum() == 130


@given(
    st.lists(st.floats(1.0, 100.0), min_size=1, max_size=40),
    st.floats(0.0, 110.0),
    st.integers(0, 39),
    st.integers(0, 40),
)
def test_the_first_bar_that_reaches_a_level_is_found_as_by_looking_at_each(lows, level, start, until):
    extreme, start, until = np.array(lows), min(start, len(lows)), min(until, len(lows))
    until = max(start, until)
    expected = next((bar for bar in range(start, until) if extreme[bar] <= level), until)
    assert first_reached(extreme, np.array([level]), np.array([start]), np.array([until])).tolist() == [expected]


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({}, ""),
        ({"interest": 20.0}, "under 20 %"),
        ({"interest": 0.5}, "more than all of open interest"),
        ({"source": "binanceusdm"}, "another venue"),
        ({"interest": None}, "unknown"),
        ({"count": 120}, "under 50 %"),
    ],
)
def test_auto_shows_real_positions_where_they_cover_enough_and_says_what_lacks(change, lacks):
    count = change.pop("count", BARS)
    made = market([(99.0, 100.0, 101.0)] * count, **{"interest": 3.0, **change})
    hours = range(count - BARS + 1, count, 4)
    levels = {"long": 90.0, "short": 110.0}
    seen = positions(*((hour, side, level, side) for hour in hours for side, level in levels.items()))
    choice = choose_map(made, seen)
    assert (choice.positions is None) == bool(lacks)
    assert lacks in choice.sentence
    assert choose_map(made, seen, REAL).positions is seen
    assert choose_map(made, seen, ESTIMATE).positions is None


def test_an_old_snapshot_is_not_shown_unasked():
    seen = positions(*((hour, "long", 90.0, "a", {"coins": 9.0}) for hour in range(1, 36, 4)))
    made = market([(99.0, 100.0, 101.0)] * BARS, interest=10.0)
    found = coverage(made, seen)
    assert found.lag is not None
    assert found.lag > MAX_LAG
    assert "old" in choose_map(made, seen).sentence


def test_the_simulated_market_shows_real_positions_only_where_they_are_asked_for():
    from liq.sources.simulation.market import simulate
    from liq.sources.simulation.positions import simulated_positions

    made = simulate("BTC", "1d", now="2026-09-01")
    seen = simulated_positions(made)
    assert [choose_map(made, seen, wanted).positions is not None for wanted in MAPS] == [False, True, False]


def test_positions_of_another_coin_or_several_venues_are_refused_in_one_sentence():
    with pytest.raises(liq.InputError, match="hold no BTC"):
        liq.observe(still(4), positions((1.0, "long", 90.0, "a", {"coin": "ETH"})))


def test_dollars_are_a_share_of_the_open_interest_of_the_venue_that_they_are_of():
    seen = positions((1.5, "long", 90.0, "a"))
    stated = Positions(
        seen.rows, "hyperliquid", open_interest=pd.DataFrame({"BTC": [50.0]}, index=pd.DatetimeIndex(seen.times))
    )
    prices = [(99.0, 100.0, 101.0)] * 4
    assert open_interest_usd(liq.observe(market(prices), seen)) == pytest.approx(1000.0 * 100)
    assert open_interest_usd(liq.observe(market(prices, source="binanceusdm"), stated)) == pytest.approx(50.0 * 100)
    assert np.isnan(open_interest_usd(liq.observe(market(prices, source="binanceusdm"), seen)))


@pytest.mark.parametrize("last", [99.1, 100.0, 100.9])
def test_where_nothing_stands_near_the_price_no_share_of_it_is_said(last):
    heatmap = liq.observe(
        market([(99.0, 100.0, 101.0)] * 3 + [(99.0, last, 101.0)]), positions((1.5, "long", 80.0, "a"))
    )
    said = scenario(heatmap)
    assert said.why.startswith("Nothing real is seen to stand within 5 % of price; price is at")
    assert "n/a" not in " ".join([said.why, *said.conditions])


def test_positions_of_a_venue_are_not_drawn_on_the_invented_market():
    invented = market([(99.0, 100.0, 101.0)] * 4, source="simulated")
    choice = choose_map(invented, positions((1.5, "long", 90.0, "a")), REAL)
    assert choice.positions is None
    assert "not of this invented market" in choice.sentence


def test_what_is_usual_is_taken_from_moments_that_a_snapshot_covers():
    seen = positions(*((hour, "short", 103.0, "a") for hour in range(30, 48, 2)))
    heatmap = liq.observe(still(), seen)
    assert not heatmap.known.all()
    around = 2 * SMOOTHED + 1  # one level alone is all that stands in so many rows
    assert zone_relief(heatmap, top_zones(heatmap)).tolist() == [pytest.approx(around)]
    drawn, closes = window(heatmap), column_closes(heatmap)
    usual = usual_by_side(drawn, closes)
    assert np.nanmax(usual["short"]) == pytest.approx(drawn.short.max() / around)
