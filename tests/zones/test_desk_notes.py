"""Scenario, landmarks and desk notes: each where its rule says so, and nowhere else."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from benchmarks import recordings
from liq.sources.files import market_file
from liq.sources.simulation.market import simulate
from liq.zones import desk_notes
from liq.zones.landmarks import ROUND_STEP, landmark_kinds, landmarks, round_numbers, swings
from liq.zones.ranking import NEAR, REACH
from liq.zones.scenario import LEAN, scenario
from tests.markets import candles, market, markets, needs_recordings


def recorded(coin: str, at: str) -> liq.Heatmap:
    file = recordings.FOLDER / f"{coin}usdt_binance_5m_2025-12_2026-01.csv.gz"
    return liq.estimate(market_file.read_market(file, lookback="7d", as_of=at))


def oscillating_market(hours: int = 240, last: float = 0.0) -> liq.Market:
    """Return a market that swings by half a percent every twelve hours around 100, all bars alike."""
    closes = 100 + 0.5 * np.sin(np.arange(hours) * 2 * np.pi / 12)
    frame = candles([*closes, *([100 + last] if last else [])])
    return market(frame, np.full(len(frame), 1e5), start=frame.index[0])


def only(heatmap: liq.Heatmap, long: float, short: float) -> liq.Heatmap:
    """Return the heatmap with its standing book weighed anew, USD multiplied on each side."""
    return replace(heatmap, long=heatmap.long * long, short=heatmap.short * short)


# Scenario


def test_the_near_book_decides_the_scenario_and_its_place_breaks_the_tie():
    heatmap = liq.estimate(oscillating_market())
    assert scenario(only(heatmap, 1, 9)).name == "squeeze"
    assert scenario(only(heatmap, 9, 1)).name == "flush"
    middle = scenario(heatmap, 100.0)
    assert 1 - LEAN < middle.balance < LEAN
    assert middle.name == "range"
    top, bottom = (float(heatmap.market.visible[name].agg(how)) for name, how in (("high", "max"), ("low", "min")))
    for price, name, position in ((top, "squeeze", 1.0), (bottom, "flush", 0.0)):
        found = scenario(heatmap, price)
        balanced = scenario(only(heatmap, found.balance / (1 - found.balance), 1), price)
        assert balanced.balance == pytest.approx(0.5, abs=1e-6)
        assert balanced.position == pytest.approx(position)
        assert balanced.name == name


def test_conditions_are_conditions_with_dollars():
    found = scenario(liq.estimate(oscillating_market()))
    assert len(found.conditions) == 2
    for sentence in found.conditions:
        assert sentence.startswith("If price ")
        assert "an estimated $" in sentence
        assert "would be" in sentence
        assert not any(word in sentence.lower() for word in (" will ", "expect", "likely", "should", "target", "!"))
    assert found.above["distance"] <= NEAR
    assert found.below["distance"] >= -NEAR
    with pytest.raises(FrozenInstanceError):
        found.name = "squeeze"


def test_an_empty_book_has_a_scenario_too():
    found = scenario(liq.estimate(market(candles([100.0, 101.0, 100.5], volume=0.0))))
    assert found.name == "range"
    assert found.conditions == ()
    assert "Nothing" in found.why


@settings(deadline=None, max_examples=25)
@given(markets(least=3), st.floats(0.9, 1.1))
def test_every_market_has_a_scenario_and_notes(subject, away):
    heatmap = liq.estimate(subject)
    price = subject.price * away
    found = scenario(heatmap, price)
    assert found.name in ("squeeze", "flush", "range")
    assert 0 <= found.position <= 1
    for note in desk_notes.desk_notes(heatmap, price):
        assert note.kind in ("absorption", "migration", "confluence")
        assert note.side in ("above", "below")
        assert note.sentence.endswith(".")
        assert note.rule
        assert np.isfinite(note.price)
        assert note.time is not pd.NaT
        assert all(np.isfinite(value) for value in note.numbers.values())


# Landmarks


def test_a_swing_is_the_furthest_bar_for_a_while_to_both_sides():
    closes = np.concatenate([np.linspace(100, 110, 40), np.linspace(110, 104, 30), np.linspace(104, 108, 30)])
    subject = market(candles(closes.tolist()))
    assert [(mark.kind, round(mark.price, 6)) for mark in swings(subject)] == [
        ("swing high", 110.0),
        ("swing low", 104.0),
    ]
    assert swings(subject)[0].time == subject.candles.index[39]


def test_a_swing_is_known_only_when_its_time_has_passed_and_never_taken_back():
    for after, known in ((2, False), (3, True), (9, True)):  # 42 to 49 bars, so a swing reaches three to both sides
        closes = [*np.linspace(100, 110, 40), *np.linspace(109.9, 109, after)]
        highs = [mark.price for mark in swings(market(candles(closes))) if mark.kind == "swing high"]
        assert highs == ([110.0] if known else [])


@given(st.floats(1e-6, 1e6))
def test_round_numbers_are_round_and_far_enough_apart(price):
    found = np.array(round_numbers(price * 0.5, price * 1.5, price))
    steps = np.diff(found)
    assert len(found) >= 3
    assert (steps >= ROUND_STEP * price * (1 - 1e-6)).all()
    assert (steps <= 2.5 * ROUND_STEP * price * (1 + 1e-6)).all()
    digit = steps[0] / 10 ** np.floor(np.log10(steps[0] * (1 + 1e-9)))
    assert min(abs(digit - known) for known in (1.0, 2.5, 5.0)) < 1e-6


def test_the_previous_day_is_the_last_whole_one():
    frame = candles([100.0 + row // 24 for row in range(24 * 10 + 5)])  # ten days, each a dollar higher, and a bit
    marks = {mark.kind: mark.price for mark in landmarks(market(frame), 1, 1000)}
    assert marks["previous day low"] == 108.0  # the day opens at the close before
    assert marks["previous day high"] == 109.0
    assert "previous week low" not in marks or marks["previous week low"] < 109


def test_a_week_that_the_candles_do_not_cover_is_left_out():
    marks = landmarks(market(candles([100.0] * 30)), 1, 1000)
    assert not any("week" in mark.kind for mark in marks)


# Notes


def run(after: list[float]) -> liq.Heatmap:
    """Return a market of waves, then a fall through all that stood just below, then the given closes."""
    closes = 100 + 0.5 * np.sin(np.arange(240) * 2 * np.pi / 12)
    frame = candles([*closes, 97.0, *after])
    return liq.estimate(market(frame, np.full(len(frame), 1e5)))


def test_absorption_is_a_fall_that_took_much_and_then_nothing():
    quiet = [97.05, 97.0, 97.1, 97.05]
    found = [note for note in desk_notes.absorption(run(quiet)) if note.side == "below"]
    assert found[0].price == 97.0
    assert found[0].time == run(quiet).market.candles.index[240]
    heatmap = run(quiet)
    assert found[0].numbers["taken"] == pytest.approx(heatmap.swept["long"].iloc[240])
    assert found[0].numbers["after"] < desk_notes.CALM_RANGE * found[0].numbers["usual"]
    assert "may be spent" in found[0].sentence


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ([97.05, 97.0, 97.1], "its hours are not over"),
        ([97.05, 97.0, 96.9, 97.05], "price went beyond the extreme"),
        ([97.5, 98.5, 97.5, 98.0], "price moved as much as ever"),
    ],
)
def test_it_is_none_where(after, why):
    heatmap = run(after)
    fall = heatmap.market.candles.index[240]
    assert not [note for note in desk_notes.absorption(heatmap) if note.time == fall], why


def test_migration_says_from_where_to_where():
    still = liq.estimate(oscillating_market())
    assert desk_notes.migration(still) == []
    closes = [*(100 + 0.5 * np.sin(np.arange(240) * 2 * np.pi / 12)), *np.linspace(100, 92, 20)]
    frame = candles(closes)
    heatmap = liq.estimate(market(frame, np.linspace(1e5, 3e5, len(frame))))
    found = {note.side: note for note in desk_notes.migration(heatmap)}
    below = found["below"].numbers
    assert below["moved"] < -desk_notes.MIN_SHIFT
    middle = np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:])
    near = np.abs(np.log(middle / heatmap.market.price)) <= np.log1p(REACH)
    then = np.where(near, heatmap.long[-25], 0)
    assert below["from"] == pytest.approx(np.exp(np.log(middle) @ then / then.sum()))
    assert below["before"] == pytest.approx(then.sum())
    assert f"{below['to']:,.1f}"[:4] in found["below"].sentence


def test_migration_needs_a_day_in_view():
    frame = candles([100.0 + row for row in range(20)])
    assert desk_notes.migration(liq.estimate(market(frame))) == []


def test_confluence_needs_two_kinds_at_the_zone():
    heatmap = liq.estimate(oscillating_market())
    zones = liq.top_zones(heatmap)
    found = desk_notes.confluence(heatmap, zones)
    for note in found:
        low, high = (
            note.numbers["low"] * (1 - desk_notes.LANDMARK_MARGIN),
            note.numbers["high"] * (1 + desk_notes.LANDMARK_MARGIN),
        )
        assert len(landmark_kinds(landmarks(heatmap.market, low, high))) >= desk_notes.MIN_KINDS
    # A zone laid over the range's own edge and the previous day's must be noted; one in the void must not.
    low = float(heatmap.market.visible["low"].min())
    zone = zones[zones["side"] == "below"].head(1)
    laid = zone.assign(low=low * 0.999, high=low * 1.001, peak=low)
    assert [note.side for note in desk_notes.confluence(heatmap, laid)] == ["below"]
    assert "range low" in desk_notes.confluence(heatmap, laid)[0].sentence
    assert desk_notes.confluence(heatmap, zone.assign(low=low * 0.97, high=low * 0.971, peak=low * 0.97)) == []


@pytest.mark.parametrize("regime", ["calm", "trending", "crash"])
def test_notes_are_few_where_nothing_is_behind_them(regime):
    """In the simulated market price does not care where positions stand, so every absorption is a false alarm."""
    maps = [liq.estimate(simulate("BTC", "7d", seed=seed, now="2026-11-01", regime=regime)) for seed in range(3)]
    assert np.mean([len(desk_notes.absorption(heatmap)) for heatmap in maps]) <= 3
    zones = sum(
        min(desk_notes.MAX_ZONES, n) for heatmap in maps for n in liq.top_zones(heatmap).groupby("side").size()
    )
    assert sum(len(desk_notes.confluence(heatmap, liq.top_zones(heatmap))) for heatmap in maps) <= 0.3 * zones


@needs_recordings
def test_notes_of_recorded_weeks():
    crash = {(note.kind, note.side): note for note in desk_notes.desk_notes(recorded("btc", "2026-01-31 23:55"))}
    # The low of the crash is the range's and the day's; the 75,000 beside it is round; the zone below begins there.
    note = crash["confluence", "below"]
    assert "range low 75,500.0" in note.sentence
    assert "round number 75,000.0" in note.sentence
    assert note.numbers["low"] < 75_000 < 75_500 <= note.numbers["high"] * (1 + desk_notes.LANDMARK_MARGIN)
    # Longs were sold from 84k to 75.5k in that day, so what is left of them lies lower than the day before.
    assert crash["migration", "below"].numbers["moved"] < -0.02
    # The crash itself was not absorbed: price came back from 75.5k to 79k within the hour's four hours.
    assert not [one for one in crash.values() if one.kind == "absorption" and one.price == 75_500]
    # On the 14th price dipped to 94,413.4 by 06:35 through levels opened since the squeeze, and then lay still.
    dip = [one for one in desk_notes.absorption(recorded("btc", "2026-01-18 00:00")) if one.price == 94_413.4]
    assert [one.side for one in dip] == ["below"]


@needs_recordings
def test_scenario_of_recorded_moments():
    eth = scenario(recorded("eth", "2026-01-31 23:55"))  # after the crash nearly all longs within 5 % are gone
    assert eth.name == "squeeze"
    assert eth.balance >= LEAN
    jump = scenario(recorded("btc", "2026-01-14 00:00"))  # up 5 % in a day: longs opened before it are out of reach
    assert jump.name == "squeeze"
    assert jump.balance >= LEAN
    assert jump.conditions[0].startswith("If price runs into 97,")
    assert "on the way" in jump.conditions[0]
    still = scenario(recorded("btc", "2025-12-24 00:00"))  # the middle of a quiet week before Christmas
    assert still.name == "range"
    assert 0.4 < still.position < 0.6
