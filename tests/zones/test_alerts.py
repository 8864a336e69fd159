"""Alerts: once an approach, quiet in between, and nothing that price jumped over is lost."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from liq.zones.alerts import Alert, AlertRule, check, describe
from tests.markets import candles, market

RULE = AlertRule(within=0.01, usd=1e6, release=2.0, cool_down=pd.Timedelta(minutes=15))
START = pd.Timestamp("2026-01-01", tz="UTC")
ABOVE = ("above", 104.0, 105.0, 5e6)

steady = settings(deadline=None, max_examples=60)


def zones(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    """Return zones of (side, low, high, usd)."""
    frame = pd.DataFrame(list(rows), columns=["side", "low", "high", "usd"])
    return frame.assign(peak=np.sqrt(frame["low"] * frame["high"]))


def follow(path, watched, rule=RULE, minutes=1.0, symbol="BTC") -> list[list[Alert]]:
    """Return what each step tells on a path of prices; seen : zones by step, or one for all. State goes by JSON."""
    tracked, reported = {}, []
    for row, price in enumerate(path):
        now = START + pd.Timedelta(minutes=minutes * row)
        at = watched[row] if isinstance(watched, list) else watched
        alerts, tracked = check(json.loads(json.dumps(tracked)), symbol, at, price, now, rule)
        reported.append(alerts)
    return reported


def counts(reported: list[list[Alert]]) -> list[int]:
    return [len(alerts) for alerts in reported]


steps = st.lists(st.tuples(st.floats(95.0, 115.0), st.floats(0.1, 20.0)), min_size=1, max_size=30)
runs_near = st.lists(
    st.tuples(st.sampled_from(["above", "below"]), st.floats(96, 114), st.floats(0.05, 2), st.floats(0, 5e6)),
    max_size=5,
).map(lambda rows: zones(*((side, low, low + wide, usd) for side, low, wide, usd in rows)))


@steady
@given(steps, st.lists(runs_near, min_size=30, max_size=30))
def test_no_zone_is_reported_twice_within_the_cool_down(path, watched):
    now, tracked, past = START, {}, []
    for (price, minutes), at in zip(path, watched, strict=False):
        now += pd.Timedelta(minutes=minutes)
        alerts, tracked = check(tracked, "BTC", at, price, now, RULE)
        for alert in alerts:
            for before in past:
                same = before.side == alert.side and before.low < alert.high and alert.low < before.high
                assert not (same and now - before.time < RULE.cool_down)
            past.append(alert)
            assert alert.usd >= RULE.usd


@steady
@given(st.lists(st.floats(104 / 1.0199, 104.0), min_size=1, max_size=40), st.floats(0.1, 60))
def test_price_oscillating_around_the_threshold_is_reported_once(path, minutes):
    reported = counts(follow([100.0, *path], zones(ABOVE), minutes=minutes))
    assert sum(reported) == any(price * 1.01 >= 104 for price in path)


def test_another_approach_is_reported_after_leaving_and_cooling_down():
    path = [100.0, 103.5, 101.0, 103.5, 103.5, 101.0, 103.5]
    assert counts(follow(path, zones(ABOVE), minutes=4)) == [0, 1, 0, 0, 0, 0, 1]
    assert counts(follow(path, zones(ABOVE), minutes=20)) == [0, 1, 0, 1, 0, 0, 1]
    near = [100.0, 103.5, 102.5, 103.5, 102.5, 103.5]  # never further than the release
    assert counts(follow(near, zones(ABOVE), minutes=20)) == [0, 1, 0, 0, 0, 0]
    # back within the cool-down and still there when it ends
    assert counts(follow([100.0, 103.5, 101.0, *[103.5] * 5], zones(ABOVE), minutes=5)) == [0, 1, 0, 0, 1, 0, 0, 0]


@steady
@given(st.floats(95, 102.9), st.floats(105.1, 130), st.booleans())
def test_a_jump_over_a_zone_is_reported_even_if_the_estimate_has_cleared_it(before, after, cleared):
    watched = [zones(ABOVE), zones() if cleared else zones(ABOVE)]
    quiet, reported = follow([before, after], watched)
    assert quiet == []
    (alert,) = reported
    assert (alert.side, alert.low, alert.high, alert.usd) == ("above", 104.0, 105.0, 5e6)
    assert alert.peak == pytest.approx(104.5, abs=0.01)
    assert reported[0].through
    assert reported[0].distance == pytest.approx(105 / after - 1)


@steady
@given(st.lists(st.floats(90, 120), min_size=2, max_size=30))
def test_no_approach_is_lost(path):
    """With steps further apart than the cool-down, each way that comes near after having been away is told."""
    reported = counts(follow(path, zones(ABOVE), minutes=60))
    off = [abs(np.log(price / np.clip(price, 104, 105))) for price in path]
    expected, armed = [], True
    for row, price in enumerate(path):
        near = off[row] <= np.log(1.01) and price <= 105
        if row and path[row - 1] < 104 / 1.01:  # it came from the zone's own side
            near = near or price > 105
        armed = armed or off[row] > np.log(1.02)
        expected.append(int(armed and near))
        armed = off[row] > np.log(1.02) or (armed and not near)
    assert reported == expected


@steady
@given(steps, runs_near, st.sampled_from([2.0**-20, 0.5, 4.0, 1024.0]))
def test_the_scale_of_prices_does_not_matter(path, at, scale):
    prices = [price for price, _ in path]
    larger = at.assign(low=at["low"] * scale, high=at["high"] * scale, peak=at["peak"] * scale)
    ours, theirs = follow(prices, at), follow([price * scale for price in prices], larger)
    assert [[(a.low * scale, a.usd, a.distance) for a in alerts] for alerts in ours] == [
        [(a.low, a.usd, a.distance) for a in alerts] for alerts in theirs
    ]


@steady
@given(steps, runs_near)
def test_in_a_mirror_above_and_below_swap(path, at):
    prices, other = [round(price, 2) for price, _ in path], {"above": "below", "below": "above"}
    turned = at.assign(side=at["side"].map(other), low=1e4 / at["high"], high=1e4 / at["low"], peak=1e4 / at["peak"])
    ours, theirs = follow(prices, at), follow([1e4 / price for price in prices], turned)
    for mine, back in zip(ours, theirs, strict=True):
        assert [(other[a.side], a.usd, a.through) for a in mine] == [(a.side, a.usd, a.through) for a in back]
        for a, b in zip(mine, back, strict=True):
            assert np.log1p(a.distance) == pytest.approx(-np.log1p(b.distance), abs=1e-9)


def test_a_zone_that_drifts_is_the_same_and_one_beside_it_is_another():
    drifting = [zones(("above", 104 + 0.05 * row, 105 + 0.05 * row, 5e6)) for row in range(8)]
    assert counts(follow([103.5] * 8, drifting)) == [1] + [0] * 7
    beside = [zones(ABOVE), zones(ABOVE, ("above", 103.2, 104.0, 2e6))]
    assert counts(follow([102.5, 102.5], beside)) == [0, 1]
    assert counts(follow([103.5, 103.5], beside)) == [1, 1]


def test_small_zones_are_silent_and_symbols_do_not_mix():
    assert counts(follow([100.0, 103.5, 104.5, 106.0], zones(("above", 104.0, 105.0, 9e5)))) == [0] * 4
    tracked = {}
    for symbol in ("BTC", "ETH"):
        alerts, tracked = check(tracked, symbol, zones(ABOVE), 103.5, START, RULE)
        assert [alert.symbol for alert in alerts] == [symbol]
    assert check(tracked, "BTC", zones(ABOVE), 103.5, START, RULE)[0] == []


def test_a_step_leaves_what_it_was_given_alone():
    _, tracked = check({}, "BTC", zones(ABOVE), 103.5, START, RULE)
    before = json.dumps(tracked)
    check(tracked, "BTC", zones(ABOVE), 90.0, START + pd.Timedelta(hours=1), RULE)
    assert json.dumps(tracked) == before


def test_it_works_on_the_zones_of_an_estimate():
    heatmap = liq.estimate(market(candles([100 + np.sin(row / 3) for row in range(60)]), np.linspace(1e5, 2e5, 60)))
    zones_found = liq.top_zones(heatmap)
    zone = zones_found[zones_found["side"] == "below"].iloc[0]
    alerts, _ = check({}, "BTC", zones_found, float(zone["high"]) * 1.0001, START, AlertRule(within=0.0002, usd=1))
    assert ("below", zone["low"]) in [(alert.side, alert.low) for alert in alerts]


def test_an_alert_reads_as_one_line():
    near = follow([103.5], zones(ABOVE))[0][0]
    assert describe(near) == (
        "price 103.500 is 0.48 % from 104.000 to 105.000, where an estimated $5.00M of shorts stands."
    )
    inside = follow([104.5], zones(ABOVE))[0][0]
    assert "is inside 104.000 to 105.000" in describe(inside)
    through = follow([100.0, 90.0], [zones(("below", 94.0, 95.0, 5e6)), zones()])[1][0]
    assert "went through 94.0000 to 95.0000, where an estimated $5.00M of longs stood" in describe(through)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"within": 0.0}, "within"),
        ({"within": float("nan")}, "within"),
        ({"usd": -1.0}, "usd"),
        ({"release": 0.5}, "release"),
        ({"cool_down": pd.Timedelta(minutes=-1)}, "cool_down"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong, word):
    with pytest.raises(liq.InputError, match=word):
        AlertRule(**wrong)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_makes_no_sense_is_refused(price):
    with pytest.raises(liq.InputError, match="price"):
        check({}, "BTC", zones(ABOVE), price, START)
