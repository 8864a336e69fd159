"""What happens to zones is stated once, alike on both sides, in any currency, and as seen from any later bar."""

from __future__ import annotations

import json
from operator import attrgetter

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from liq.sources.simulation.market import simulate
from liq.zones import events
from liq.zones.events import Bar, Event, detect, finished_bars

START = pd.Timestamp("2026-01-01", tz="UTC")
SPANS = [(f, f * 1.01) for f in (1.02, 1.04, 1.06, 1.08)]


def table(rows: list[tuple]) -> pd.DataFrame:
    """Return zones from rows of side, low, high, usd; the peak in the middle unless a fifth number says otherwise."""
    frame = pd.DataFrame(
        [(row[0], row[1], row[2], row[4] if len(row) > 4 else (row[1] * row[2]) ** 0.5, row[3]) for row in rows],
        columns=["side", "low", "high", "peak", "usd"],
    )
    return frame.astype({"low": float, "high": float, "peak": float, "usd": float})


def bar(number: int, low: float = 99.9, high: float = 100.1, close: float = 100.0) -> Bar:
    return Bar(START + pd.Timedelta(minutes=15 * number), low, high, close)


def reported(steps: list[tuple[Bar, pd.DataFrame]], usd: float = 10e6) -> list[Event]:
    """Return all that is told of a run, holding it as text in between."""
    tracked: dict = {}
    found_events: list[Event] = []
    for moment, zones in steps:
        new, tracked = detect(json.loads(json.dumps(tracked)), "BTC", zones, moment, usd)
        again, same = detect(tracked, "BTC", zones, moment, usd)
        assert again == []
        assert same == tracked
        found_events += new
    return found_events


@st.composite
def runs(draw) -> list[tuple[Bar, pd.DataFrame]]:
    """Draw a run of bars: price wanders, zones of both sides come, go, shift and change their dollars."""
    price, steps = 100.0, []
    for number in range(draw(st.integers(2, 12))):
        before = price
        price *= 1 + draw(st.floats(-0.03, 0.03))
        rows = []
        for side, sign in (("above", 1), ("below", -1)):
            for low, high in SPANS:
                if draw(st.booleans()):
                    shift = 1 + draw(st.sampled_from([0.0, 0.002, 0.006]))
                    ends = sorted([100 * (low * shift) ** sign, 100 * (high * shift) ** sign])
                    near = max(ends[0], price) if sign > 0 else ends[0]
                    far = ends[1] if sign > 0 else min(ends[1], price)
                    if near < far:
                        rows.append((side, near, far, draw(st.sampled_from([4e6, 6e6, 11e6, 30e6]))))
        steps.append((bar(number, min(before, price), max(before, price), price), table(rows)))
    return steps


@given(runs())
@settings(max_examples=30, deadline=None)
def test_a_mirrored_market_has_the_mirrored_events(steps):
    turned = []
    for moment, zones in steps:
        frame = zones.assign(
            side=zones["side"].map({"above": "below", "below": "above"}),
            low=1e4 / zones["high"],
            high=1e4 / zones["low"],
            peak=1e4 / zones["peak"],
        )
        turned.append((Bar(moment.end, 1e4 / moment.high, 1e4 / moment.low, 1e4 / moment.close), frame))
    plain = sorted((event.time, event.kind, event.side == "above", round(event.usd)) for event in reported(steps))
    assert plain == sorted((e.time, e.kind, e.side == "below", round(e.usd)) for e in reported(turned))


@given(runs(), st.sampled_from([0.001, 7.0]))
@settings(max_examples=20, deadline=None)
def test_dollars_count_against_the_least_only(steps, scale):
    scaled = [(moment, zones.assign(usd=zones["usd"] * scale)) for moment, zones in steps]
    place = attrgetter("kind", "symbol", "side", "low", "high", "peak")
    assert list(map(place, reported(steps))) == list(map(place, reported(scaled, 10e6 * scale)))


@given(runs())
@settings(max_examples=30, deadline=None)
def test_reported_events_are_true_of_the_bar(steps):
    found_events = reported(steps)
    by_time = {moment.end: (moment, zones) for moment, zones in steps}
    assert len(found_events) == len({(e.time, e.kind, e.side, e.low) for e in found_events}), "twice"
    assert all(event.time != steps[0][0].end for event in found_events), "the first bar is only taken note of"
    for event in found_events:
        moment, zones = by_time[event.time]
        mine = zones[zones["side"] == event.side]
        assert event.price == moment.close
        if event.kind == "swept":
            assert moment.high >= event.low if event.side == "above" else moment.low <= event.high
            assert event.usd > 0
        else:
            assert event.usd in list(mine["usd"])
        if event.kind == "built":
            assert event.usd >= 10e6
        if event.kind == "moved":
            assert abs(np.log(event.peak / event.before)) >= events.MOVED
            assert not event.low <= event.before <= event.high


@given(
    st.lists(st.lists(st.sampled_from([0.0, 4e6, 6e6, 12e6, 50e6]), min_size=4, max_size=4), min_size=2, max_size=40)
)
@settings(max_examples=30, deadline=None)
def test_a_zone_that_price_does_not_reach_is_built_once_and_never_swept(dollars):
    steps = [
        (
            bar(n),
            table(
                [("above", 100 * low, 100 * high, usd) for (low, high), usd in zip(SPANS, row, strict=True) if usd]
            ),
        )
        for n, row in enumerate(dollars)
    ]
    found_events = reported(steps)
    assert all(event.kind == "built" for event in found_events)
    assert len({event.low for event in found_events}) == len(found_events)
    for number, (low, _) in enumerate(SPANS):
        crossed = [n for n, row in enumerate(dollars) if row[number] >= 10e6]
        named = [event for event in found_events if event.low == 100 * low]
        assert len(named) == (1 if crossed and crossed[0] > 0 else 0)


def test_each_kind_by_hand():
    far = ("above", 104.0, 105.0, 20e6)
    first = (bar(0), table([far]))
    built = reported([first, (bar(1), table([far, ("below", 95.0, 96.0, 12e6)]))])
    assert [(e.kind, e.side, e.usd) for e in built] == [("built", "below", 12e6)]
    assert reported([first, (bar(1), table([far, ("below", 85.0, 86.0, 12e6)]))]) == [], "came into view"
    assert reported([first, (bar(1), table([]))]) == [], "closed by choice"

    drift = [(bar(n), table([("above", 104 + 0.2 * n, 105 + 0.2 * n, 20e6)])) for n in range(12)]
    moved = reported(drift)
    assert [e.kind for e in moved] == ["moved"] * 3
    assert moved[0].before == drift[0][1]["peak"].iloc[0]
    assert [b.before for b in moved[1:]] == [a.peak for a in moved[:-1]]
    twin = [(bar(n), table([("above", 104.0, 106.0, 20e6, 104.5 if n % 2 else 105.5)])) for n in range(6)]
    assert reported(twin) == [], "of two peaks in one zone now one is higher and now the other"

    swept = reported([first, (bar(1, high=106, close=105.5), table([]))])
    assert [(e.kind, e.usd, e.low) for e in swept] == [("swept", 20e6, 104.0)]
    bites = [first, (bar(1, high=104.2, close=103), table([("above", 104.2, 105.0, 14e6)]))]
    assert reported(bites) == []
    bites.append((bar(2), table([("above", 104.2, 105.0, 13e6)])))  # closed by choice, price was elsewhere
    bites.append((bar(3, high=104.6, close=103), table([("above", 104.6, 105.0, 6e6)])))
    bites.append((bar(4, high=104.7, close=103), table([("above", 104.7, 105.0, 5.5e6)])))
    assert [(e.kind, e.usd, e.time) for e in reported(bites)] == [("swept", 13e6, bites[3][0].end)]

    back = [first, (bar(1), table([])), (bar(90), table([far])), (bar(91), table([])), (bar(200), table([far]))]
    assert [(e.kind, e.time) for e in reported(back)] == [("built", back[-1][0].end)], (
        "forgotten after a day, not before"
    )
    parted = [first, (bar(1), table([("above", 104.0, 104.4, 11e6), ("above", 104.6, 105.0, 11e6)]))]
    assert reported(parted) == [], "a part of what was stated is not built"
    for event in (*built, *moved, *swept):
        assert "estimated $" in events.describe(event)


def test_later_bars_change_no_reported_event():
    market = simulate("BTC", "7d", now="2026-11-19 16:24", regime="crash")
    steps = finished_bars(liq.estimate(market), market.as_of - pd.Timedelta(hours=4))
    assert len(steps) == 16
    assert steps[-1][0].end == pd.Timestamp("2026-11-19 16:15", tz="UTC"), "the forming bar is not finished"
    for moment, zones in steps[::5]:
        known = market.candles.index + market.bar <= moment.end
        then = liq.Market(
            market.symbol,
            market.source,
            market.candles[known],
            market.open_interest[known],
            start=market.start,
            bar=market.bar,
            brackets=market.brackets,
        )
        (_, _), (same, as_seen_then) = finished_bars(liq.estimate(then))
        assert same == moment
        assert list(as_seen_then["side"]) == list(zones["side"])
        np.testing.assert_allclose(as_seen_then[["low", "high", "peak"]], zones[["low", "high", "peak"]], rtol=1e-9)
        np.testing.assert_allclose(as_seen_then["usd"], zones["usd"], rtol=1e-6)
    assert {event.kind for event in reported(steps, 2.5e6)} >= {"built", "swept"}
