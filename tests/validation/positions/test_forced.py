"""Share of swept dollars that was really forced, against worlds in which it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import liq
from benchmarks import recordings
from liq.validation.positions.forced import SHARES, forced_share
from tests.markets import needs_recordings
from tests.validation.positions.test_realised import FALL, recorded
from tests.validation.positions.worlds import HOUR, START, market, positions, row


def planted(pace: float, moved: float, days: int = 12, seed: int = 1) -> tuple[liq.Positions, liq.Market, float]:
    """Return snapshots every four hours of positions that close at a pace an hour and, where price comes, are forced
    unless their level had been moved (share `moved`); and the share that was forced."""
    rng = np.random.default_rng(seed)
    frame = []
    crossed = forced = 0
    bars = 24 * days
    price = np.full(bars, 100.0)
    price[::6] = 97.0  # every six hours a wick
    for hour in range(0, bars - 4, 4):
        for number in range(60):
            level = rng.uniform(90, 99.5)
            name = f"{hour}-{number}"
            frame.append(row(hour, account=name, liquidation_price=level))
            wicks = [bar for bar in range(hour, hour + 4) if bar % 6 == 0]
            closes = rng.exponential(1 / pace)
            reached = bool(wicks) and level >= 97
            gone = closes < 4
            if reached:
                crossed += level
                if closes > wicks[0] - hour:
                    gone = rng.uniform() > moved
                    forced += level * gone
            if not gone:
                frame.append(row(hour + 4, account=name, liquidation_price=80.0))
    seen = positions(*frame, snapshots=tuple(range(0, bars, 4)))
    return seen, market(price.tolist(), [100.5] * bars), forced / crossed


@pytest.mark.parametrize(("pace", "moved"), [(0.02, 0.0), (0.05, 0.3), (0.3, 0.5)])
def test_what_was_closed_by_hand_and_what_had_moved_is_told_from_what_was_forced(pace, moved):
    seen, prices, truth = planted(pace, moved)
    share = forced_share(seen, prices)
    assert share.forced == pytest.approx(truth, abs=0.03)
    assert share.interval[0] <= share.forced <= share.interval[1]
    assert share.days == 12
    assert share.unknown == 0
    assert f"{100 * share.forced:.0f} % were forced" in share.sentence


def test_sides_and_distances_add_up_to_the_whole():
    seen, prices, _ = planted(0.05, 0.3)
    share = forced_share(seen, prices)
    for table in (share.by_side, share.by_distance):
        assert table["usd"].sum() == pytest.approx(share.usd)
        assert table["positions"].sum() == share.positions
        parts = table[table["usd"] > 0]
        np.testing.assert_allclose(parts[list(SHARES)].sum(axis=1), 1.0)
    assert share.by_side.loc["short", "positions"] == 0


def test_too_little_is_said_so():
    short = forced_share(positions(row(0), snapshots=(0, 4)), market(FALL))
    assert short.sentence.startswith("Less than a day of snapshots")
    calm = forced_share(positions(row(0), row(30), snapshots=(0, 30)), market([99.0] * 40))
    assert calm.sentence.startswith("Price crossed no level")
    assert np.isnan(calm.forced)
    lists = positions(row(0), row(30, account="b"), snapshots=(0, 20, 30), complete=False)
    left = forced_share(lists, market(FALL * 6))
    assert "were not asked again" in left.sentence
    few = forced_share(positions(row(0), snapshots=(0, 4, 30)), market(FALL * 6))
    assert "100 % were forced (1 position on 1 day, too few for an interval)" in few.sentence


@settings(max_examples=100, deadline=None)
@given(recorded())
def test_shares_lie_between_nothing_and_all_and_add_up(world):
    share = forced_share(*world)
    values = [getattr(share, name) for name in SHARES]
    if share.positions:
        assert sum(values) == pytest.approx(1.0)
        assert all(-1e-9 <= value <= 1 + 1e-9 for value in values)
    else:
        assert np.isnan(values).all()
    assert share.sentence.endswith(".")


@needs_recordings
def test_on_the_recording_most_of_what_was_crossed_was_not_asked_again():
    share = forced_share(recordings.positions(), recordings.market_2026("eth"))
    assert share.positions == 2
    assert share.unknown > 4e7
    assert "is not known" in share.sentence


def test_a_crossing_that_may_have_come_after_the_answer_does_not_count():
    """The third hour's fall lies only half between the answers; and the position, which is there, proves nothing."""
    seen = positions(row(0), row(2.5), snapshots=(0, 2.5, 30))
    assert forced_share(seen, market(FALL * 6)).positions == 0
    assert pd.Timestamp(seen.times[0]) == START
    assert seen.times[1] - START == 2.5 * HOUR
