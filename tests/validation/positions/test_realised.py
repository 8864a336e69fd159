"""Realised liquidations out of snapshots: who was followed, what price crossed, and what became of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from benchmarks import recordings
from liq.validation.positions.followed import followed_positions
from liq.validation.positions.realised import (
    FATES,
    crossed_positions,
    realised_liquidations,
    with_crossings,
)
from tests.markets import needs_recordings
from tests.validation.positions.worlds import HOUR, START, market, positions, row

CALM, FALL = [99.0] * 6, [99.0, 99.0, 88.0, 99.0, 99.0, 99.0]
"""Lows of six hours: price reaches a level of 90 in none, or in the third."""


@pytest.mark.parametrize(
    ("lows", "later", "fate", "forced"),
    [
        (FALL, None, "liquidated", 90.0),
        (FALL, {"coins": 0.25}, "reduced", 67.5),
        (FALL, {}, "kept", 0.0),
        (FALL, {"coins": 0.995}, "kept", 0.0),  # venues round
        (FALL, {"coins": 3.0, "liquidation_price": 70.0}, "kept", 0.0),
        (FALL, {"side": "short", "liquidation_price": 110.0}, "liquidated", 90.0),
        (CALM, None, "", 90.0),  # closed by its owner: price did not come
    ],
)
def test_what_became_of_a_position(lows, later, fate, forced):
    rows = [row(0)] if later is None else [row(0), row(4, **later)]
    table = with_crossings(followed_positions(positions(*rows, snapshots=(0, 4)), "BTC"), market(lows))
    first = table[table["begin"] == START].iloc[0]
    assert first["fate"] == fate
    assert first["forced"] == pytest.approx(forced)
    assert first["usd"] == pytest.approx(90.0)
    if fate:
        assert first["bar"] == START + 2 * HOUR
        assert first["hours"] == 2


def test_the_dollars_stand_in_the_bar_of_the_crossing_on_their_side():
    short = row(0, account="b", side="short", liquidation_price=110.0, coins=2.0)
    seen = positions(row(0), short, snapshots=(0, 4))
    table = realised_liquidations(seen, market(FALL, [101.0, 111.0, 101.0, 101.0, 101.0, 101.0]))
    assert table["long"].tolist()[:4] == [0, 0, 90.0, 0]
    assert table["short"].tolist()[:4] == [0, 220.0, 0, 0]
    assert table[4:].isna().all(axis=None), "after the last snapshot nothing is known"


def test_an_account_that_leaves_a_list_is_not_one_that_closed():
    lists = positions(row(0), snapshots=(0, 4), complete=False)
    assert crossed_positions(lists, market(FALL))["fate"].tolist() == ["unknown"]
    assert realised_liquidations(lists, market(FALL))["long"].dropna().sum() == 0
    elsewhere = positions(row(0), row(4, coin="ETH"), snapshots=(0, 4), complete=False)
    assert crossed_positions(elsewhere, market(FALL))["fate"].tolist() == ["liquidated"], "it was asked: it holds ETH"


def test_an_account_that_did_not_answer_is_followed_to_its_next_answer():
    carried = row(2, answered=START)
    again = positions(row(0, answered=START), carried, row(4, coins=0.5, answered=START + 4 * HOUR))
    table = followed_positions(again, "BTC")
    assert table["begin"].tolist() == [START, START + 4 * HOUR]
    assert table["end"].iloc[0] == START + 4 * HOUR
    silent = positions(row(0, answered=START), carried, row(4, answered=START), snapshots=(0, 2, 4))
    assert crossed_positions(silent, market(FALL))["fate"].tolist() == ["unknown"]


def test_one_that_went_and_came_back_was_gone_in_between():
    back = positions(row(0), row(6, entry=95.0), snapshots=(0, 3, 6))
    first = followed_positions(back, "BTC").iloc[0]
    assert first["end"] == START + 3 * HOUR
    assert first["next_coins"] == 0


def test_answers_more_than_a_day_apart_say_nothing():
    far = positions(row(0), row(30, coins=0.1), snapshots=(0, 30))
    assert followed_positions(far, "BTC")["next_coins"].isna().all()


def test_a_position_in_parts_is_one():
    parts = [row(0, coins=1.0, entry=100.0), row(0, coins=3.0, entry=104.0)]
    table = followed_positions(positions(*parts, row(1, coins=2.0), snapshots=(0, 1)), "BTC")
    assert table["coins"].tolist() == [4.0, 2.0]
    assert table["entry"].iloc[0] == pytest.approx(103.0)


def test_a_level_that_price_had_crossed_before_it_was_stated_is_left_out():
    stale = positions(row(0, liquidation_price=101.0), snapshots=(0, 4))
    assert crossed_positions(stale, market(FALL)).empty


@pytest.mark.parametrize(
    ("asked", "certain"),
    [((1.5, 2.5), False), ((1.5, 3.0), True), ((2.0, 3.0), True), ((2.5, 4.5), False), ((1.0, 4.0), True)],
)
def test_a_bar_that_lies_only_partly_between_two_answers_is_not_certain(asked, certain):
    seen = positions(row(asked[0]), snapshots=asked)
    table = crossed_positions(seen, market(FALL))
    assert table["certain"].tolist() == [certain]


def test_candles_that_do_not_cover_the_snapshots_give_nothing():
    seen = positions(row(0), snapshots=(0, 4))
    early = market(FALL, start=START - 100 * HOUR)
    assert crossed_positions(seen, early).empty
    assert realised_liquidations(seen, early).isna().all(axis=None)
    other = liq.Positions(pd.DataFrame([row(0, coin="ETH")]), "hyperliquid")
    assert crossed_positions(other, market(FALL)).empty
    assert realised_liquidations(other, market(FALL)).isna().all(axis=None)


@st.composite
def recorded(draw):
    """Draw accounts over some snapshots, complete or lists, and prices."""
    bars = draw(st.integers(4, 30))
    moves = draw(st.lists(st.floats(-0.06, 0.06), min_size=bars, max_size=bars))
    close = 100 * np.exp(np.cumsum(moves))
    opens = np.append(100.0, close[:-1])
    wick = 1 + np.array(draw(st.lists(st.floats(0, 0.05), min_size=bars, max_size=bars)))
    frame = pd.DataFrame({"open": opens, "close": close, "volume": 1.0})
    frame["high"], frame["low"] = np.maximum(opens, close) * wick, np.minimum(opens, close) / wick
    frame.index = pd.date_range(START, periods=bars, freq="1h")
    hours = sorted(draw(st.sets(st.integers(0, 4 * bars), min_size=1, max_size=6)))
    rows = []
    for hour in hours:
        for account in draw(st.sets(st.sampled_from("abcd"))):
            side = draw(st.sampled_from(["long", "short"]))
            coins, away = draw(st.floats(0.1, 5)), draw(st.one_of(st.none(), st.floats(0.001, 0.4)))
            level = np.nan if away is None else 100 * (1 - away if side == "long" else 1 + away)
            late = draw(st.integers(0, 8))
            rows.append(
                row(
                    hour / 4,
                    **{"account": account, "side": side, "coins": coins, "liquidation_price": level},
                    answered=START + (hour - late) / 4 * HOUR,
                )
            )
    complete = draw(st.booleans())
    seen = positions(*rows, complete=complete, snapshots=tuple(hour / 4 for hour in hours))
    return seen, liq.Market("BTC/USDT:USDT", "hyperliquid", frame)


@settings(max_examples=150, deadline=None)
@given(recorded())
def test_fates_part_what_was_crossed_and_the_dollars_add_up(world):
    seen, prices = world
    table = with_crossings(followed_positions(seen, "BTC"), prices)
    crossed = table[table["bar"].notna()]
    assert set(crossed["fate"]) <= set(FATES)
    assert (table["fate"] == "").eq(table["bar"].isna()).all()
    assert (crossed["fate"] == "unknown").eq(crossed["next_coins"].isna()).all()
    known = table[table["next_coins"].notna()]
    assert ((known["forced"] >= 0) & (known["forced"] <= known["usd"] * (1 + 1e-12))).all()
    assert (known["forced"][known["fate"] == "liquidated"] == known["usd"][known["fate"] == "liquidated"]).all()
    assert (known["end"] > known["begin"]).all()
    assert (~table["certain"] | table["bar"].notna()).all()
    realised = realised_liquidations(seen, prices)
    gone = crossed[crossed["fate"].isin(["liquidated", "reduced"])]
    assert realised.sum().sum() <= gone["forced"].sum() * (1 + 1e-9)
    assert (realised.fillna(0) >= 0).all(axis=None)


@settings(max_examples=100, deadline=None)
@given(recorded())
def test_the_first_bar_that_comes_to_a_level_is_the_one_that_a_loop_finds(world):
    seen, prices = world
    table = with_crossings(followed_positions(seen, "BTC"), prices)
    ends = prices.times + HOUR
    for _, one in table.iterrows():
        until = one["end"] if one["end"] is not pd.NaT else one["begin"] + pd.Timedelta(days=1)
        between = (ends > one["begin"]) & (prices.times < until)
        low, high = prices.candles["low"], prices.candles["high"]
        hit = between & np.asarray(low <= one["level"] if one["side"] == "long" else high >= one["level"])
        expected = prices.times[hit][0] if hit.any() else pd.NaT
        assert one["bar"] is expected or one["bar"] == expected


@settings(max_examples=100, deadline=None)
@given(recorded())
def test_another_unit_of_price_changes_no_fate(world):
    seen, prices = world
    scaled = seen.rows.assign(entry=4 * seen.rows["entry"], liquidation_price=4 * seen.rows["liquidation_price"])
    candles = prices.candles.assign(**{name: 4 * prices.candles[name] for name in ("open", "high", "low", "close")})
    moved = liq.Market(prices.symbol, prices.source, candles)
    ours = crossed_positions(seen, prices)
    theirs = crossed_positions(liq.Positions(scaled, "hyperliquid", seen.passes), moved)
    assert ours["fate"].tolist() == theirs["fate"].tolist()
    assert ours["bar"].tolist() == theirs["bar"].tolist()
    np.testing.assert_allclose(4 * ours["usd"], theirs["usd"])


@settings(max_examples=60, deadline=None)
@given(recorded(), st.integers(1, 8))
def test_a_snapshot_repeated_is_no_liquidation(world, quarters):
    """Listing every account once more, at its size, adds nothing that is gone."""
    seen, _ = world
    last = seen.rows[seen.rows["time"] == seen.times[-1]]
    again = last.assign(time=last["time"] + quarters / 4 * HOUR, answered=last["time"] + quarters / 4 * HOUR)
    passes = pd.DataFrame({"time": [*seen.times, again["time"].iloc[0]], "asked": 2, "answered": 2, "failed": 0})
    both = liq.Positions(pd.concat([seen.rows, again]), "hyperliquid", passes)
    table = followed_positions(both, "BTC")
    answers = last.rename(columns={"answered": "begin"})[["begin", "account", "side"]]
    repeated = table.merge(answers, on=["begin", "account", "side"])
    repeated = repeated[repeated["end"] == again["time"].iloc[0]]
    assert (repeated["next_coins"] > 0).all()


def test_a_market_without_a_time_zone_is_taken_as_utc():
    seen, prices = positions(row(0), snapshots=(0, 4)), market(FALL)
    naive = liq.Market(prices.symbol, prices.source, prices.candles.tz_localize(None))
    ours, theirs = realised_liquidations(seen, prices), realised_liquidations(seen, naive)
    np.testing.assert_array_equal(ours.to_numpy(), theirs.to_numpy())


@needs_recordings
def test_recorded_accounts_are_followed_only_where_they_are_listed_again():
    seen = recordings.positions()
    crossed = crossed_positions(seen, recordings.market_2026("eth"))
    assert len(crossed) == 15
    assert (crossed["fate"] == "unknown").sum() == 13, "those that were liquidated left the lists"
    assert crossed["certain"].all()
