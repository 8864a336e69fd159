"""Place: the map against real positions, and inside the ranges that price swept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import liq
from benchmarks import recordings
from liq.sources.simulation.market import simulate
from liq.validation.place import SLICES, place_score
from tests.markets import needs_recordings


@pytest.fixture(scope="module")
def heatmap() -> liq.Heatmap:
    return liq.estimate(simulate("BTC", "1M", now="2026-09-01"))


def snapshots(heatmap: liq.Heatmap, change=lambda usd, _: usd) -> pd.DataFrame:
    """Return the heatmap's own book, once a day, as real buckets; `change` alters its dollars."""
    frames = []
    for photo in range(24 * 8, len(heatmap.times), 24):
        for side in ("long", "short"):
            usd = change(getattr(heatmap, side)[photo], photo)
            frames.append(
                pd.DataFrame(
                    {
                        "time": heatmap.times[photo] + pd.Timedelta(minutes=30),
                        "side": side,
                        "low": heatmap.edges[:-1],
                        "high": heatmap.edges[1:],
                        "usd": usd,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def test_a_map_compared_with_itself_is_perfect_and_its_placebo_is_not(heatmap):
    own = liq.compare(heatmap, snapshots(heatmap))
    assert own.overlap == pytest.approx(1.0, abs=1e-6)
    assert own.rank == pytest.approx(1.0)
    assert own.rank_beyond_distance == pytest.approx(1.0)
    assert own.top_ten == pytest.approx(1.0)
    assert own.placebo["overlap"] < 0.97
    assert own.placebo["rank_beyond_distance"] < 0.8
    assert own.trend_real == pytest.approx(own.trend_estimated)
    assert "more often than distance alone" in own.sentence


def test_positions_without_structure_have_no_rank_beyond_distance(heatmap):
    rng = np.random.default_rng(3)
    noise = liq.compare(heatmap, snapshots(heatmap, lambda usd, _: rng.exponential(1e6, len(usd))))
    low, high = noise.intervals["rank_beyond_distance"]
    assert low < 0.05
    assert abs(noise.rank_beyond_distance) < 0.15
    assert low <= noise.rank_beyond_distance <= high


def test_a_scale_changes_nothing_and_known_prices_count_as_ranges(heatmap):
    rows = snapshots(heatmap)
    twice = liq.compare(heatmap, rows.assign(usd=2 * rows["usd"]))
    assert twice.rank == pytest.approx(liq.compare(heatmap, rows).rank)
    middle = np.sqrt(rows["low"] * rows["high"])
    points = liq.compare(heatmap, rows.assign(low=middle, high=middle))
    assert points.overlap > 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side": "up"}, "side must be long or short"),
        ({"usd": -1.0}, "none negative"),
        ({"low": float("nan")}, "must be numbers"),
        ({"time": "2020-01-01"}, "share no moment"),
    ],
)
def test_real_positions_that_make_no_sense_are_refused(heatmap, change, words):
    with pytest.raises(liq.InputError, match=words):
        liq.compare(heatmap, snapshots(heatmap).assign(**change))
    with pytest.raises(liq.InputError, match="lack the column"):
        liq.compare(heatmap, snapshots(heatmap).drop(columns="usd"))


@needs_recordings
@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_dollars_fall_with_distance_as_those_of_real_accounts_do(coin):
    report = liq.compare(liq.estimate(recordings.market(coin), columns=3000), recordings.observed(coin))
    assert report.snapshots == 25
    assert report.trend_real < 0
    assert report.trend_estimated < 0
    low, high = report.intervals["rank_beyond_distance"]
    assert low < report.rank_beyond_distance < high


def events_of(heatmap: liq.Heatmap, place) -> pd.DataFrame:
    """Return liquidations of longs in every bar that fell far; `place` says where in the swept range, 0 to 1."""
    candles = heatmap.market.candles
    before = candles["close"].shift().bfill()
    fell = np.log(before / candles["low"]) > 0.006
    frames = []
    for time in candles.index[fell]:
        at = place(time)
        price = before[time] * (candles["low"][time] / before[time]) ** at
        frames.append(pd.DataFrame({"time": time, "side": "long", "price": price, "usd": 1e5}))
    return pd.concat(frames, ignore_index=True)


def test_liquidations_where_the_map_has_its_levels_score_and_even_ones_do_not(heatmap):
    rng = np.random.default_rng(5)
    even = place_score(heatmap, events_of(heatmap, lambda _: rng.uniform(0, 1, 40)))
    assert even.bits < 0.02
    walk, candles = heatmap.walk, heatmap.market.candles
    before = candles["close"].shift().bfill()

    def own(time: pd.Timestamp) -> np.ndarray:
        """Return the places of the levels that this bar swept, drawn by their dollars."""
        bar = candles.index.get_loc(time)
        row, tier = np.nonzero(np.append(walk.bar == bar, False)[walk.reached["long"]])
        leg = walk.reached["long"][row, tier]
        log = walk.flow.log_survival
        usd = heatmap.notional[row] * heatmap.weights[tier]
        usd = usd * np.exp(heatmap.paces[tier] * (log[leg - 1] - log[walk.entries.leg[row]]))
        level = walk.entries.price[row] * walk.factor["long"][tier]
        drawn = rng.choice(level, 40, p=usd / usd.sum())
        return np.clip(np.log(before[time] / drawn) / np.log(before[time] / candles["low"][time]), 0, 1)

    right = place_score(heatmap, events_of(heatmap, own))
    assert even.bits + 0.05 < right.bits < np.log2(SLICES)
    assert right.low > 0
    assert "better than chance" in right.sentence


def test_events_without_a_swept_range_are_refused(heatmap):
    rows = pd.DataFrame({"time": [pd.Timestamp("2020-01-01", tz="UTC")], "side": "long", "price": 1.0, "usd": 1.0})
    with pytest.raises(liq.InputError, match="share no swept range"):
        place_score(heatmap, rows)
    with pytest.raises(liq.InputError, match="lack the column"):
        place_score(heatmap, rows.drop(columns="price"))
