"""Survival of positions and of levels apart, by age, side and distance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from benchmarks import recordings
from liq.validation.positions.pairs import MAX_PAIRS, later_snapshots, positions_later
from liq.validation.positions.survival import ALL, DAY, survival, survival_table
from tests.markets import needs_recordings
from tests.validation.positions.test_realised import recorded
from tests.validation.positions.worlds import HOUR, START, market, positions, row


def shares(table: pd.DataFrame, age: pd.Timedelta = DAY, group: str = ALL) -> pd.Series:
    """Return the row of an age and group."""
    return table[(table["age"] == age) & (table["group"] == group)].iloc[0]


def a_day(*later: dict, **more) -> liq.Positions:
    """Return positions a, b, c and what is there of them a day later."""
    before = [row(0, account=name, **more) for name in "abc"]
    return positions(*before, *later, snapshots=(0, 24))


def test_positions_and_levels_are_followed_apart():
    seen = a_day(row(24, account="a"), row(24, account="b", coins=0.5, liquidation_price=80.0))
    found = shares(survival(seen, market([99.0] * 30)))
    assert found["positions"] == 3
    assert found["held"] == pytest.approx(1.5 / 3)
    assert found["level"] == pytest.approx(1 / 1.5), "of what is held, a's level is where it was"
    assert found["level_by_count"] == pytest.approx(1 / 2)


def test_more_coins_than_before_are_no_more_than_all():
    seen = a_day(*(row(24, account=name, coins=5.0) for name in "abc"))
    assert shares(survival(seen, market([99.0] * 30)))["held"] == 1


def test_without_a_level_before_and_after_nothing_moved():
    none = {"liquidation_price": np.nan}
    seen = a_day(row(24, account="a", **none), row(24, account="b"), **none)
    found = shares(survival(seen, market([99.0] * 30)))
    assert np.isnan(found["level"]), "no dollars with a level"
    assert found["level_by_count"] == pytest.approx(1 / 2)


def test_groups_by_side_and_distance():
    near = row(0, account="b", side="short", liquidation_price=101.0)
    seen = positions(row(0), near, row(24), snapshots=(0, 24))
    table = survival(seen, market([99.0] * 30))
    day = table[table["age"] == DAY].set_index("group")["held"]
    assert day.to_dict() == {ALL: 0.5, "long": 1.0, "short": 0.0, "0 to 2 %": 0.0, "5 to 10 %": 1.0}


def test_candles_that_do_not_reach_leave_distances_out():
    table = survival(a_day(row(24)), market([99.0] * 30, start=START - 900 * HOUR))
    assert table["group"].tolist() == [ALL, "long"]
    assert shares(table)["held"] == pytest.approx(1 / 3)
    with pytest.raises(liq.InputError, match="no two snapshots"):
        survival_table(a_day(row(24)), market([99.0] * 30, start=START - 900 * HOUR))


def test_one_snapshot_has_no_survival():
    one = positions(row(0))
    assert survival(one, market([99.0] * 30)).empty
    with pytest.raises(liq.InputError, match="no two snapshots"):
        survival_table(one, market([99.0] * 30))


def test_fates_within_a_day_need_no_estimate():
    lows = [99.0] * 10 + [89.0] + [99.0] * 19
    seen = a_day(row(24, account="b", liquidation_price=80.0), row(24, account="c"))
    table = survival_table(seen, market(lows))
    assert table.index.tolist() == ["5 to 10 %"]
    assert table.iloc[0].round(3).to_dict() == {
        **{"positions": 3, "liquidated": 0.333, "closed": 0.0, "moved": 0.333, "kept": 0.333}
    }
    assert survival_table(seen, market([99.0] * 30)).iloc[0]["closed"] == pytest.approx(1 / 3)


def test_an_account_carried_over_is_not_taken_for_one_that_stayed():
    carried = row(24, account="a", answered=START)
    later = positions_later(a_day(carried, row(24, account="b")), "BTC", DAY)
    assert sorted(later["account"]) == ["b", "c"]


def test_pairs_are_as_near_to_the_age_as_they_can_be():
    times = START + pd.to_timedelta([0, 23, 24.5, 50, 75], unit="h")
    assert later_snapshots(times, DAY).tolist() == [2, -1, 3, 4, -1]
    many = pd.date_range(START, periods=500, freq="1h")
    assert (later_snapshots(many, DAY) >= 0).sum() == MAX_PAIRS


@settings(max_examples=100, deadline=None)
@given(recorded(), st.floats(0.1, 10))
def test_shares_are_bounded_and_do_not_depend_on_the_unit_of_price(world, factor):
    seen, prices = world
    table = survival(seen, prices)
    for name in ("held", "level", "level_by_count"):
        values = table[name].dropna().astype(float)
        assert ((values >= 0) & (values <= 1 + 1e-9)).all()
    scaled = seen.rows.assign(
        entry=factor * seen.rows["entry"], liquidation_price=factor * seen.rows["liquidation_price"]
    )
    columns = ("open", "high", "low", "close")
    candles = prices.candles.assign(**{name: factor * prices.candles[name] for name in columns})
    other = survival(
        liq.Positions(scaled, "hyperliquid", seen.passes), liq.Market(prices.symbol, prices.source, candles)
    )
    assert other[table.columns[:4].tolist()].equals(table[table.columns[:4].tolist()])
    np.testing.assert_allclose(other["held"].astype(float), table["held"].astype(float))


@needs_recordings
@pytest.mark.parametrize(
    ("coin", "held", "levels", "in_dollars"),
    [
        ("eth", (0.90, 0.82, 0.86), (0.48, 0.35, 0.30), (0.41, 0.26, 0.15)),
        ("sol", (0.84, 0.66, 0.59), (0.55, 0.46, 0.42), (0.26, 0.16, 0.15)),
    ],
)
def test_recorded_positions_live_for_days_and_their_levels_for_about_one(coin, held, levels, in_dollars):
    """The recordings' own figures; that of levels counts positions, those without a level among them."""
    table = survival(recordings.positions(), recordings.market_2026(coin))
    found = table[(table["group"] == ALL) & (table["age"] >= DAY)]
    np.testing.assert_allclose(found["held"], held, atol=0.025)
    np.testing.assert_allclose(found["level_by_count"], levels, atol=0.055)
    np.testing.assert_allclose(found["level"], in_dollars, atol=0.01)
