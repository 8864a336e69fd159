"""What is drawn, against what was estimated."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from liq import formatting
from liq.app import chart_cache
from liq.charts import liquidation_map
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import image, layers, readout
from liq.charts.heatmap.leverage import dominant_bands
from liq.charts.heatmap.strips.bars import LOG_STEPS, LOG_UNIT
from liq.charts.heatmap.window import MAX_COLUMNS, MAX_ROWS, Window, column_closes, window
from liq.export import files
from liq.model.as_of import heatmap_up_to
from liq.model.estimate import estimate
from liq.model.leverage_bands import BANDS
from liq.sources.files import market_file
from liq.zones.ranking import side_totals, top_zones
from tests.served import write_recording


@pytest.fixture(scope="module", params=["3d", "7d", "1M"])
def heatmap(request, tmp_path_factory):
    file = write_recording(tmp_path_factory.mktemp("charts") / "btcusdt_5m.csv")
    return estimate(market_file.read_market(file, lookback=request.param))


@pytest.fixture(scope="module")
def drawn(heatmap):
    return window(heatmap)


def test_the_window_holds_the_heatmaps_own_dollars(heatmap, drawn):
    assert drawn.long.shape == drawn.short.shape
    assert len(drawn.long) <= MAX_COLUMNS
    assert drawn.long.shape[1] <= MAX_ROWS
    ratio = drawn.edges[1:] / drawn.edges[:-1]
    assert np.allclose(ratio, ratio[0])
    visible = heatmap.market.visible
    assert drawn.edges[0] <= visible["low"].min()
    assert drawn.edges[-1] >= visible["high"].max()
    inside = (heatmap.edges[:-1] >= drawn.edges[0] * (1 - 1e-9)) & (heatmap.edges[1:] <= drawn.edges[-1] * (1 + 1e-9))
    for side in ("long", "short"):
        assert np.isclose(getattr(drawn, side)[-1].sum(), getattr(heatmap, side)[-1][inside].sum())
    last = formatting.epoch_milliseconds(heatmap.times)[-1] + heatmap.market.bar.total_seconds() * 1000
    assert np.isclose(drawn.end, last)


def test_the_whole_range_is_whole(heatmap):
    everything = window(heatmap, whole=True)
    size = (len(heatmap.edges) - 1) // everything.long.shape[1]
    assert heatmap.edges[-1] / everything.edges[-1] < (heatmap.edges[1] / heatmap.edges[0]) ** (size + 1)
    assert everything.edges[0] <= heatmap.edges[size]


def test_turning_tiers_off_keeps_prices_and_colours(heatmap, drawn):
    fewer = heatmap.reweigh(np.where(heatmap.tiers > 20, heatmap.weights, 0))
    dimmed = window(fewer, like=heatmap)
    assert np.array_equal(dimmed.edges, drawn.edges)
    assert dimmed.top == drawn.top
    assert dimmed.total.sum() < drawn.total.sum()


def test_a_bar_that_is_missing_repeats_the_one_before(heatmap):
    market = heatmap.market
    gone = market.visible.index[100]
    kept = market.candles.index != gone
    from dataclasses import replace

    holed = estimate(
        replace(market, candles=market.candles[kept], open_interest=market.open_interest[kept], as_of=market.as_of)
    )
    full, holey = window(heatmap), window(holed)
    assert holey.end == full.end
    assert holey.step == full.step
    assert len(holey.long) == len(full.long)


@pytest.fixture(scope="module")
def changes(heatmap, drawn):
    return readout.encode(drawn, column_closes(heatmap), dominant_bands(heatmap))


def decoded(changes, columns: int) -> dict[tuple[int, int], np.ndarray]:
    """Return each line's steps by column."""
    code = {sign: (gap, by) for sign, gap, by in changes.codes.itertuples(index=False)}
    found = {}
    for kind, row, text in changes.lines.itertuples(index=False):
        gap, by = np.array([code[sign] for sign in text]).T
        found[kind, row] = np.cumsum(np.bincount(np.cumsum(gap), by, columns))[:columns]
    return found


def test_readout_keeps_every_cell(heatmap, drawn, changes):
    lines = decoded(changes, len(drawn.long))
    nothing = np.zeros(len(drawn.long))
    least, unit = changes.constants["least"], changes.constants["unit"]
    for kind, true in (
        (readout.LONG, drawn.long),
        (readout.SHORT, drawn.short),
        (readout.LONGS, readout._blocks(drawn.long)),
        (readout.SHORTS, readout._blocks(drawn.short)),
    ):
        steps = np.stack([lines.get((kind, row), nothing) for row in range(true.shape[1])], axis=1)
        assert ((steps == 0) == (true == 0)).all()  # a row that was swept reads nothing at once
        usd = np.where(steps > 0, least * np.exp((steps - 1) * unit), 0)
        assert (np.abs(usd - true) <= changes.constants["tolerance"] * true * 1.0001 + least).all()
    bands = np.stack([lines.get((readout.BAND, row), nothing) for row in range(drawn.long.shape[1])], axis=1)
    assert np.array_equal(bands, dominant_bands(heatmap))


def test_the_band_that_dominates_holds_the_most(heatmap, drawn):
    found = dominant_bands(heatmap)
    shares = [window(heatmap.with_bands([band]), like=heatmap).total for band in BANDS]
    assert np.allclose(sum(shares), drawn.total, rtol=1e-9, atol=1e-3)
    assert np.array_equal(found, np.where(drawn.total > 0, np.argmax(shares, axis=0) + 1, 0))
    assert len(np.unique(found)) >= 4


def test_pointer_sums_from_the_price_of_any_bar(heatmap, drawn, changes):
    mid, close = np.sqrt(drawn.edges[:-1] * drawn.edges[1:]), column_closes(heatmap)
    assert close[-1] == heatmap.market.candles["close"].iloc[-1]
    rng = np.random.default_rng(4)
    for column, row in zip(rng.integers(len(drawn.long), size=40), rng.integers(len(mid), size=40), strict=True):
        picture, below = readout.read(changes, row, column), int((mid < close[column]).sum())
        reach = drawn.long[column, row:below] if row < below else drawn.short[column, below : row + 1]
        least = changes.constants["least"]
        assert (
            abs(picture["reach"] - reach.sum())
            <= changes.constants["tolerance"] * reach.sum() + least * (reach > 0).sum()
        )
        assert (
            abs(picture["long"] - drawn.long[column, row])
            <= changes.constants["tolerance"] * drawn.long[column, row] + least
        )


def test_readout_survives_gaps_and_jumps():
    long = np.zeros((700, 3))
    long[250:251, 1], long[600:, 2], long[:, 0] = 9e6, 3.0, 1e6
    tricky = Window(0.0, 1.0, np.exp(np.arange(4) / 100), long, long * 0, 1e6)
    changes = readout.encode(tricky, np.full(700, 2.0), np.where(long > 0, 6, 0))
    share = changes.constants["tolerance"]
    for column, row in ((0, 0), (699, 0), (249, 1), (250, 1), (251, 1), (599, 2), (600, 2)):
        picture = readout.read(changes, row, column)
        assert np.isclose(picture["long"], long[column, row], rtol=share, atol=1e6 * readout.FAINTEST)
        assert picture["band"] == (6 if long[column, row] else 0)
        assert np.isclose(picture["reach"], long[column, row:].sum(), rtol=share, atol=2e3)


def test_the_picture_is_the_matrix(drawn):
    indices = image.color_indices(drawn.total, drawn.top, 20)
    decoded = Image.open(io.BytesIO(base64.b64decode(image.heat_image(indices).split(",")[1])))
    assert decoded.size == drawn.total.shape
    assert np.array_equal(np.asarray(decoded)[::-1].T, indices)
    assert ((indices == 0) == (drawn.total == 0)).all()
    order = np.argsort(drawn.total, axis=None)
    assert (np.diff(indices.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("threshold", [1, 50, 99, 100])
def test_threshold_hides_by_rank_and_never_all(drawn, threshold):
    floor = image.hidden_below_usd(drawn.total, threshold)
    shown = image.color_indices(drawn.total, drawn.top, 0, floor) > 0
    held = drawn.total > 0
    assert shown.any()
    assert abs((held & ~shown).sum() / held.sum() - threshold / 100) < 0.02
    assert formatting.money(floor) in image.threshold_text(drawn.total, threshold, drawn.total[-1])


def test_more_heat_lifts_the_faint_and_keeps_the_ends(drawn):
    cool, hot = (image.color_indices(drawn.total, drawn.top, heat) for heat in (0, 100))
    assert (hot >= cool).all()
    assert (hot > cool).any()
    ends = np.array([[0.0, drawn.top]])
    assert all(image.color_indices(ends, drawn.top, heat).tolist() == [[0, image.LEVELS - 1]] for heat in (0, 100))


def test_chart_data_say_what_stands(heatmap, drawn, changes):
    data = heatmap_data.datasets(heatmap, drawn, changes, title="A", watermark="B")
    assert set(data) == set(_named(layers.spec()))
    assert chart_cache.chart_spec() == layers.spec(), "python -m liq.charts.heatmap.layers writes it anew"
    profile = data["profile"]
    assert np.isclose(profile["usd"].sum(), drawn.total[-1].sum(), rtol=1e-4)
    bars, visible = data["candles"], heatmap.market.visible
    assert np.allclose(bars["close"], visible["close"], rtol=1e-6)
    gone = LOG_UNIT * np.expm1(bars["est_long"].to_numpy(float) / LOG_STEPS)
    assert np.allclose(gone, heatmap.swept.loc[visible.index, "long"], rtol=2e-3, atol=1)
    assert np.array_equal(profile["band"], dominant_bands(heatmap)[-1][profile["row"]])
    assert heatmap.market.symbol in heatmap_data.description(heatmap)


def test_a_moment_of_the_past_is_drawn_as_it_stood_and_what_came_later_is_dimmed(heatmap, drawn, changes):
    row = len(heatmap.times) // 2
    then = heatmap_up_to(heatmap, row)
    now, past = (heatmap_data.datasets(heatmap, drawn, changes, then=moment) for moment in (None, then))
    total = then.long[-1] + then.short[-1]
    shown = (heatmap.edges[:-1] >= drawn.edges[0]) & (heatmap.edges[1:] <= drawn.edges[-1])
    assert np.isclose(past["profile"]["usd"].sum(), total[shown].sum(), rtol=1e-4)
    frame, later = past["frame"].iloc[0], now["frame"].iloc[0]
    assert frame["price"] == heatmap.market.candles["close"].loc[heatmap.times[row]]
    assert frame["start"] < frame["since"] < frame["end"]
    assert later["since"] == later["end"]
    for name in ("candles", "cells"):
        assert past[name].equals(now[name])  # the pointer reads everywhere, before and after


def test_the_map_adds_up(heatmap):
    data = liquidation_map.datasets(heatmap)
    assert set(data) == set(_named(liquidation_map.spec(tuple(BANDS))))
    stands, sums = side_totals(heatmap), data["sums"]
    ends = sums.groupby("side")["usd"].max()
    shown = data["bars"]["usd"].sum()
    assert np.isclose(ends.sum(), shown, rtol=0.02)
    assert ends["Shorts above"] <= stands.above * 1.001
    assert ends["Longs below"] <= stands.below * 1.001


def test_exports_can_be_read_back(heatmap, drawn):
    table = pd.read_csv(io.StringIO(files.heat_csv(heatmap, drawn)), parse_dates=["time"])
    assert list(table) == ["symbol", "source", "time", "low", "high", "long", "short"]
    assert set(table["source"]) == {heatmap.market.source}
    np.testing.assert_allclose(np.unique(np.append(table["low"], table["high"])), drawn.edges, rtol=1e-7)
    assert (table["low"] < table["high"]).all()
    pd.testing.assert_frame_equal(
        pd.read_parquet(io.BytesIO(files.heat_parquet(heatmap, drawn))).drop(columns=["symbol", "source"]),
        table.drop(columns=["symbol", "source"]),
        check_dtype=False,
    )
    assert np.isclose(table[["long", "short"]].sum().sum(), drawn.total.sum(), rtol=1e-3)
    matrix = json.loads(files.heat_json(heatmap, drawn))
    assert np.abs(np.array(matrix["long"]) - drawn.long).max() <= 0.5
    assert len(matrix["edges"]) == drawn.long.shape[1] + 1
    zones = top_zones(heatmap)
    assert len(pd.read_csv(io.StringIO(files.zones_csv(heatmap, zones)))) == len(zones)
    assert len(json.loads(files.zones_json(heatmap, zones))["zones"]) == len(zones)


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "$0"), (999.6, "$1.00K"), (1234, "$1.23K"), (42_120_000, "$42.1M"), (999_960, "$1.00M"), (2.5e9, "$2.50B")],
)
def test_money_is_short(usd, text):
    assert formatting.money(usd) == text


@pytest.mark.parametrize(
    ("price", "tick", "places"),
    [(84_000, 0.1, 1), (3_000, 0.01, 2), (1.5e-5, 1e-8, 8), (84_000, 0, 1), (0.02, 1e-5, 5), (0.15, 0.1, 6)],
)
def test_prices_are_written_at_their_tick(price, tick, places):
    assert formatting.decimals(price, tick) == places


def _named(spec: dict) -> set[str]:
    found = set()

    def visit(node):
        if isinstance(node, dict):
            if isinstance(node.get("data"), dict) and "name" in node["data"]:
                found.add(node["data"]["name"])
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    visit(spec)
    return found
