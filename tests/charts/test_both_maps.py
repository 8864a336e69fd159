"""Everything that reads a map reads both kinds, and says of each what it is and not what the other is."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

import liq
from liq.charts import liquidation_map, zone_detail
from liq.charts.heatmap import data, leverage, readout, window
from liq.charts.tables.track_record import zone_table
from liq.charts.tables.zones import side_table
from liq.export import files, pine
from liq.model.as_of import heatmap_at, heatmap_up_to
from liq.positions import Positions
from liq.sources.order_book import order_book
from liq.sources.simulation.market import simulate
from liq.sources.simulation.positions import simulated_positions
from liq.validation.track_record import track_record
from liq.wording import ESTIMATE, REAL, WORDS
from liq.zones import alerts, events
from liq.zones.cascade import cascade_table
from liq.zones.desk_notes import desk_notes
from liq.zones.liquidation_map import extend_book
from liq.zones.relief import zones_by_relief
from liq.zones.scenario import scenario
from liq.zones.summary import summarize

MARKET = simulate("BTC", "3d", now="2026-09-01")


def unseen() -> Positions:
    """Return positions of which no snapshot is of the market's window."""
    seen = simulated_positions(MARKET)
    rows = seen.rows[seen.rows["time"] == seen.times[0]]
    long_ago = pd.Timestamp("2026-01-01", tz="UTC")
    return Positions(rows.assign(time=long_ago, answered=long_ago), seen.source)


MAPS = {
    ESTIMATE: liq.estimate(MARKET),
    REAL: liq.observe(MARKET, simulated_positions(MARKET)),
    "no snapshot": liq.observe(MARKET, unseen()),
}


@pytest.fixture(params=list(MAPS))
def heatmap(request) -> liq.Heatmap:
    return MAPS[request.param]


def texts(value) -> str:
    """Return all text in frames, rows and containers, joined."""
    if isinstance(value, pd.DataFrame):
        return " ".join([*map(str, value.columns), *(texts(column.tolist()) for _, column in value.items())])
    if isinstance(value, dict):
        return " ".join(texts(part) for part in [*value, *value.values()])
    if isinstance(value, (list, tuple, set)):
        return " ".join(map(texts, value))
    return "" if str(value).startswith("data:") else str(value)


def everything_said(heatmap: liq.Heatmap) -> str:
    """Return what pages, pictures, files and alerts say of a map."""
    market, zones = heatmap.market, liq.top_zones(heatmap)
    drawn = window.window(heatmap)
    bar = events.finished_bars(heatmap)[-1][0]
    built, _ = events.detect({"BTC": {"time": 0.0, "zones": []}}, "BTC", zones, bar, map_kind=heatmap.kind)
    row = dict(zip(alerts.ZONE_COLUMNS, (alerts.zone_rows(zones) or [("above", 1.0, 2.0, 1.5, 9.0)])[0], strict=True))
    near = alerts.Alert(**row, symbol="BTC", price=1.0, time=market.as_of, distance=0.1, map_kind=heatmap.kind)
    bands = leverage.dominant_bands(heatmap)
    parts = [
        data.datasets(heatmap, drawn, readout.encode(drawn, window.column_closes(heatmap), bands)),
        data.description(heatmap),
        liquidation_map.datasets(extend_book(heatmap, 0.3), reach=0.3),
        liquidation_map.spec(("a",), heatmap.kind),
        zone_detail.spec(heatmap.kind),
        [zone_detail.zone_panel(heatmap, zones, row) for row in range(min(2, len(zones)))],
        side_table(heatmap, zones, "above"),
        zone_table(heatmap, track_record(heatmap)),
        scenario(heatmap, zones=zones),
        [note.sentence for note in desk_notes(heatmap, zones=zones)],
        files.zones_json(heatmap, zones),
        files.zones_csv(heatmap, zones),
        files.heat_json(heatmap, drawn),
        pine.indicator(heatmap, zones),
        heatmap.levels_sentence,
        heatmap.dollars_sentence,
        [events.describe(event) for event in built],
        alerts.describe(near),
        list(WORDS[heatmap.kind]),
    ]
    return texts(parts)


def test_what_is_said_of_a_map_never_mixes_the_two_words(heatmap):
    said = everything_said(heatmap).lower()
    other = "real position" if heatmap.kind == ESTIMATE else "estimat"
    assert other not in said, said[max(0, said.index(other) - 80) : said.index(other) + 40]


def test_every_reader_reads_it(heatmap):
    zones = liq.top_zones(heatmap)
    assert summarize(heatmap, zones).price == MARKET.price
    assert zones_by_relief(heatmap).columns.tolist()[:4] == ["side", "low", "high", "peak"]
    target = MARKET.price * 1.03
    table = cascade_table(heatmap, target, order_book(MARKET), zones)
    standing = heatmap.standing("short")
    forced = standing.loc[standing["price"].between(MARKET.price, target), "usd"].sum()
    assert table["forced"].iloc[0] >= forced - 1
    then = heatmap_at(heatmap, 100)
    assert len(then.times) == 1
    assert liq.top_zones(then)["side"].isin(["above", "below"]).all()
    np.testing.assert_allclose(then.long[0], heatmap.long[100])


def test_zones_hold_what_stands_in_them(heatmap):
    for zone in liq.top_zones(heatmap).itertuples():
        standing = heatmap.standing("short" if zone.side == "above" else "long")
        inside = standing[standing["price"].between(zone.low, zone.high, inclusive="left")]
        assert inside["usd"].sum() == pytest.approx(zone.usd, rel=1e-3, abs=50)


def test_columns_without_a_snapshot_are_hatched_and_read_as_such():
    heatmap = MAPS["no snapshot"]
    drawn = window.window(heatmap)
    assert drawn.known is not None
    assert not drawn.known.any()
    full = data.datasets(MAPS[REAL], window.window(MAPS[REAL]))
    empty = data.datasets(heatmap, drawn)
    assert empty["candles"]["hole"].all()
    assert "hole" not in data.datasets(MAPS[ESTIMATE], window.window(MAPS[ESTIMATE]))["candles"]
    assert empty["picture"]["url"].item() != full["picture"]["url"].item()


def test_the_past_of_a_map_holds_nothing_from_later():
    whole = MAPS[REAL]
    then = heatmap_up_to(whole, 300)
    end = then.market.as_of
    assert (pd.DatetimeIndex(then.standing("long")["answered"]) <= end).all()
    assert then.snapshot_time <= end
    again = liq.observe(then.market, whole.positions, edges=whole.edges)
    np.testing.assert_allclose(then.long[-1], again.long[-1])


def test_files_of_real_positions_say_so_in_every_row_and_files_of_estimates_are_as_they_were():
    tables = {}
    for kind in (REAL, ESTIMATE):
        tables[kind] = pd.read_csv(io.StringIO(files.zones_csv(MAPS[kind], liq.top_zones(MAPS[kind]))))
    real, guess = tables[REAL], tables[ESTIMATE]
    assert (real["map"] == REAL).all()
    assert "map" not in guess
    assert json.loads(files.zones_json(MAPS[REAL], liq.top_zones(MAPS[REAL])))["map"] == REAL
