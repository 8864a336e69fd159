"""The book as deep as asked: the same where both cover, by leverage as by venue, and against open interest."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import liq
from liq.charts import liquidation_map, zone_detail
from liq.formatting import money
from liq.sources.simulation.market import simulate
from liq.zones.desk_notes import WATCHED_HOURS, DeskNote, desk_notes
from liq.zones.details import zone_details
from liq.zones.liquidation_map import extend_book, open_interest_usd
from liq.zones.ranking import book_on_side
from tests.markets import market


@pytest.fixture(scope="module")
def heatmap():
    return liq.estimate(simulate("BTC", "7d", now="2026-11-01"))


@pytest.fixture(scope="module")
def several(heatmap):
    one = heatmap.market
    other = replace(one, source="okx", open_interest=one.open_interest * 2)
    return liq.estimate(replace(one, source="bybit", parts=(replace(one, source="bybit"), other)))


@pytest.mark.parametrize("reach", [0.02, 0.15, 0.5])
def test_deeper_is_the_same_where_both_cover(heatmap, several, reach):
    for shallow in (heatmap, several):
        found = extend_book(shallow, reach)
        price = shallow.market.price
        assert found.edges[0] <= max(shallow.edges[0], price * (1 - reach))
        assert found.edges[0] <= price * (1 - reach)
        assert found.edges[-1] >= price * (1 + reach)
        at = int(np.searchsorted(found.edges, shallow.edges[0] * (1 - 1e-9)))
        part = slice(at, at + len(shallow.edges) - 1)
        np.testing.assert_allclose(found.edges[at : at + len(shallow.edges)], shallow.edges)
        for side in ("long", "short"):
            np.testing.assert_allclose(getattr(found, side)[-1][part], getattr(shallow, side)[-1], atol=1e-3)
    again = liq.estimate(heatmap.market, edges=extend_book(heatmap, reach).edges, columns=1)
    np.testing.assert_allclose(again.long[-1], extend_book(heatmap, reach).long[-1], atol=1e-3)


def test_nothing_is_lost_or_counted_twice_by_venue_or_leverage(several):
    found = extend_book(several, 0.3)
    by_leverage, by_venue = (liquidation_map.datasets(found, by, 0.3) for by in ("Leverage", "Venue"))
    assert by_leverage["bars"]["usd"].sum() == pytest.approx(by_venue["bars"]["usd"].sum())
    assert liquidation_map.cumulative_ends(by_leverage["sums"]) == pytest.approx(
        liquidation_map.cumulative_ends(by_venue["sums"])
    )
    assert set(by_venue["bars"]["group"]) == {"Bybit", "OKX"}
    assert by_venue["bars"]["usd"].sum() == pytest.approx(sum(liquidation_map.cumulative_ends(by_venue["sums"])))
    price = found.market.price
    inside = (found.edges[1:] > price) & (found.edges[:-1] < price * 1.3)
    assert liquidation_map.cumulative_ends(by_venue["sums"])[0] == pytest.approx(
        book_on_side(found, price, "above")[inside].sum(), rel=0.02
    )
    assert list(liquidation_map.groupings(heatmap := several.parts[0])) == ["Leverage"]
    assert heatmap.parts == ()


def test_the_readout_says_what_adds_up_to_each_price(heatmap):
    sums = liquidation_map.datasets(extend_book(heatmap, 0.1), reach=0.1)["sums"]
    above = sums[sums["side"] == liquidation_map.ABOVE]
    assert above["at"].is_monotonic_increasing
    assert above["usd"].is_monotonic_increasing
    below = sums[sums["side"] == liquidation_map.BELOW]
    assert below["at"].is_monotonic_increasing
    assert below["usd"].is_monotonic_decreasing
    for row in sums.itertuples():
        who = "shorts" if row.side == liquidation_map.ABOVE else "longs"
        assert re.match(rf"to {row.at:,.1f}: {re.escape(money(row.usd))} of {who}", row.words)
    last = above.iloc[-1]
    gained = above["usd"].iloc[-1] - above["usd"].iloc[-2]
    assert last["words"].endswith(f": {money(gained)}")


def test_open_interest_is_all_venues_or_unknown(heatmap, several):
    last = heatmap.market.open_interest.dropna().iloc[-1] * heatmap.market.price
    assert open_interest_usd(heatmap) == pytest.approx(last)
    assert open_interest_usd(several) == pytest.approx(3 * last)
    blind = liq.estimate(market(heatmap.market.candles))
    assert np.isnan(open_interest_usd(blind))
    unknown = replace(heatmap.market, open_interest=heatmap.market.open_interest * np.nan)
    assert np.isnan(open_interest_usd(liq.estimate(unknown)))


def test_a_zone_opened_says_what_it_is_made_of(several):
    zones = liq.top_zones(several)
    row = int(np.flatnonzero(zones["side"] == "below")[1])
    shown, detail = zone_detail.zone_panel(several, zones, row), zone_details(several, zones)[row]
    figures = {label: value for label, value, _ in shown.figures}
    assert figures["Through it"] == money(detail.through)
    assert figures["In the last day"].lstrip("+") == money(detail.change_day)
    assert shown.sentences[0].startswith("Longs trapped if price falls there")
    assert f"{detail.entry_low:,.1f}" in shown.sentences[0]
    assert "Bybit" in shown.sentences[2]
    assert "OKX" in shown.sentences[2]
    history = shown.data["history"]
    assert history["usd"].iloc[-1] == pytest.approx(zones["usd"].iloc[row])
    assert set(shown.data) == {"history", "zone"}
    assert len(history) == len(several.times)


def test_a_note_leads_to_when_its_event_was_over(heatmap):
    time = pd.Timestamp("2026-01-01 10:00", tz="UTC")
    hour = DeskNote("absorption", "above", "", "", time, 1.0, {"hours": float(WATCHED_HOURS)})
    assert hour.completed == time + pd.Timedelta(hours=1 + WATCHED_HOURS)
    assert DeskNote("confluence", "above", "", "", time, 1.0).completed == time
    for note in desk_notes(heatmap):
        assert note.completed >= note.time
