"""The track record: named from the past alone, and each outcome is what the bars say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import liq
from liq.charts.tables.track_record import outcome_table
from liq.charts.zone_boxes import zone_boxes
from liq.model.as_of import heatmap_up_to
from liq.sources.simulation.market import simulate
from liq.validation.track_record import DECAYED, OUTCOMES, track_record
from liq.validation.zone_touches import PASS
from liq.zones.ranking import SIDES, buckets_in_range


@pytest.fixture(scope="module")
def heatmap() -> liq.Heatmap:
    return liq.estimate(simulate("BTC", "1M", now="2026-11-20 10:00"))


@pytest.fixture(scope="module")
def record(heatmap):
    return track_record(heatmap)


def utc(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return times aware in UTC, naive ones taken as UTC."""
    return times.tz_localize("UTC") if times.tz is None else times


def test_each_outcome_is_what_the_bars_say(heatmap, record):
    candles = heatmap.market.candles
    ends = utc(candles.index + heatmap.market.bar)
    photos = utc(heatmap.times + heatmap.market.bar)
    assert set(record.zones["outcome"]) >= {"passed", "turned", "decayed", "still there"}
    for zone in record.zones.itertuples():
        later = candles[ends > zone.named]
        up = zone.side == "above"
        level = zone.low if up else zone.high
        came = later["high"] >= level if up else later["low"] <= level
        assert came.any() == np.isfinite(zone.hours)
        part = buckets_in_range(heatmap, zone.low, zone.high)
        standing = getattr(heatmap, SIDES[zone.side])[photos >= zone.named, part].sum(axis=1)
        if zone.outcome == "still there":
            assert not came.any()
            assert (standing >= DECAYED * zone.usd).all()
        elif zone.outcome == "decayed":
            assert (standing < DECAYED * zone.usd).any()
        else:
            beyond = (later["close"][came.to_numpy().argmax() :] / level - 1) * (1 if up else -1)
            width = max(zone.high / zone.low - 1, PASS)
            decided = beyond[(beyond.abs() >= width)]
            expected = {"passed": True, "turned": False}.get(zone.outcome)
            if expected is not None:
                assert (decided.iloc[0] > 0) == expected


def test_what_comes_later_names_nothing(heatmap, record):
    """Double every price in the second half: what was named in the first half stays."""
    market = heatmap.market
    half = market.visible.index[len(market.visible) // 2]
    candles = market.candles.copy()
    candles.loc[half:, ["open", "high", "low", "close"]] *= 2
    changed = liq.estimate(replace(market, candles=candles, price=None, liquidations=None), edges=heatmap.edges)
    again = track_record(changed)
    moment = utc(pd.DatetimeIndex([half]))[0]
    columns = ["named", "side", "low", "high", "usd", "price"]
    first, second = (
        found.zones.loc[found.zones["named"] <= moment, columns].reset_index(drop=True) for found in (record, again)
    )
    assert len(first) > 10
    # a zone that ends later in one of them may be named anew in the other, never at another price
    pd.testing.assert_frame_equal(first, second)


def test_shares_add_up_and_placebos_are_levels_of_their_own(record):
    table = outcome_table(record)
    assert table["Zones"].iloc[: len(OUTCOMES)].astype(int).sum() == len(record.zones)
    assert 0 < record.levels_came < 1
    assert record.came == pytest.approx(record.zones["hours"].notna().mean())


def test_in_the_time_machine_nothing_later_is_told(heatmap):
    then = heatmap_up_to(heatmap, len(heatmap.times) // 2)
    record = track_record(then)
    moment = utc(pd.DatetimeIndex([then.market.as_of]))[0]
    assert (record.zones["ended"] <= moment).all()
    boxes = zone_boxes(record, heatmap.edges[0], heatmap.edges[-1])
    assert len(boxes)
    assert (boxes["to"] - boxes["from"] >= 0.01 * (boxes["to"].max() - boxes["from"].min())).all()  # none like a wick
    assert boxes["to"].max() <= moment.timestamp() * 1000
