"""The heatmap page over time: what a moment of the past shows, what outlives a refresh, and that nothing jumps."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from playwright.sync_api import expect

import liq
from liq import formatting
from liq.charts.heatmap.window import PAGE_ROWS, window
from liq.model import as_of
from liq.sources.files import market_file
from liq.zones.ranking import side_totals
from liq.zones.scenario import scenario
from tests.app.test_pages import no_network, start
from tests.browser import open_chart, pixels, read, wait_until_redrawn
from tests.served import needs_browser

__all__ = ["no_network"]

SHIFTS = """
window.shifts = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => { window.shifts += entry.value; }))
  .observe({type: "layout-shift", buffered: true});
"""


def dataset(app, name: str) -> pd.DataFrame:
    data = next(each for each in app.get("vega_lite_chart")[0].proto.datasets if each.name == name)
    return pa.ipc.open_stream(io.BytesIO(data.data.data)).read_pandas()


def truncated(market: liq.Market, end: pd.Timestamp) -> liq.Market:
    """Return what was known of a market at the end of a bar, by dropping rows; the window is as long as it was."""
    known = market.candles.index < end
    candles = market.candles[known]
    bar = end - candles.index[-1]
    interest = market.open_interest[known]
    start = max(candles.index[0], end - (market.as_of - market.start))
    return liq.Market(market.symbol, market.source, candles, interest, start=start, as_of=end, bar=bar)


@pytest.mark.parametrize("steps", [7, 90, 10_000])
def test_playing_comes_to_an_end_in_so_many_equal_steps(file, steps):
    market = market_file.read_market(file, lookback="1d")
    ends = as_of.bar_closes(market)
    moment, readouts = ends[0], []
    while moment is not None:
        readouts.append(moment)
        moment = as_of.later_close(market, moment, steps)
    assert len(readouts) <= min(steps, len(ends))
    assert len(set(np.diff(readouts))) == 1
    assert ends[-1] - readouts[-1] < readouts[1] - readouts[0]


@pytest.mark.parametrize(("lookback", "share"), [("7d", 0.1), ("7d", 0.7), ("1d", 0.4)])
def test_the_page_shows_what_an_estimate_made_then_would_have_said(monkeypatch, file, lookback, share):
    monkeypatch.setenv("LIQ_FILE", str(file))
    whole = liq.estimate(market_file.read_market(file, lookback=lookback))
    end = whole.times[int(len(whole.times) * share)]
    then = liq.estimate(truncated(whole.market, end), edges=whole.edges)
    app = start(source="file", timeframe=lookback, as_of=f"{end:%Y-%m-%dT%H:%M}")
    assert not app.exception
    zones = liq.top_zones(then)
    now, stands = scenario(then, zones=zones), side_totals(then)
    price, *strong, balance, anchored = app.metric
    assert (price.value, price.label) == (formatting.price(then.market.price, 1), f"BTC, {end:%d %b %H:%M}")
    for shown, zone in zip(strong, (now.above, now.below), strict=True):
        assert shown.value == formatting.price(zone["peak"], 1)
        way = formatting.percent(zone["peak"] / then.market.price - 1)
        assert shown.delta == f"{way} · {formatting.money(zone['usd'])}"
    assert balance.value == f"{formatting.percent(stands.balance, 0, sign=False)} shorts"
    assert anchored.value == formatting.percent(then.anchored, 0, sign=False)
    part = window(whole, max_rows=PAGE_ROWS)
    rows = window(then, like=whole, max_rows=PAGE_ROWS).total[-1]
    profile = dataset(app, "profile")
    drawn = np.zeros(len(rows))
    drawn[profile["row"]] = profile["usd"]
    np.testing.assert_allclose(drawn, rows, rtol=1e-5, atol=1e-3)
    assert len(rows) == part.long.shape[1]
    frame = dataset(app, "frame").iloc[0]
    assert frame["price"] == then.market.price
    assert frame["since"] == formatting.epoch_milliseconds(pd.DatetimeIndex([end]))[0]
    assert formatting.timestamp(end) in frame["foot"]
    assert any("A moment of the past" in caption.value for caption in app.caption)
    for page in ("top_zones", "liquidation_map"):
        other = start(page, source="file", timeframe=lookback, as_of=f"{end:%Y-%m-%dT%H:%M}")
        assert not other.exception
        assert other.metric[0].value == formatting.price(then.market.price, 1)


def test_zones_keep_their_history_in_the_past(file):
    whole = liq.estimate(market_file.read_market(file, lookback="7d"))
    row = 350
    then, market = as_of.heatmap_up_to(whole, row), truncated(whole.market, whole.times[row + 1])
    fresh = liq.estimate(liq.Market(**{**vars(market), "start": whole.market.start}), edges=whole.edges)
    shown_zones, expected = liq.top_zones(then), liq.top_zones(fresh)
    assert shown_zones["status"].tolist() == expected["status"].tolist()
    assert len(set(shown_zones["status"])) > 1
    np.testing.assert_allclose(shown_zones["usd"], expected["usd"])


@pytest.mark.parametrize("moment", ["banana", "2020-01-01T00:00", "2031-01-01T00:00", ""])
def test_a_moment_that_is_not_in_the_window_is_now(monkeypatch, file, moment):
    monkeypatch.setenv("LIQ_FILE", str(file))
    app = start(source="file", as_of=moment)
    assert not app.exception
    frame = dataset(app, "frame").iloc[0]
    assert frame["since"] == frame["end"]
    assert app.metric[0].label == "BTC, end of file"


def test_the_first_and_the_last_bar(file):
    market = market_file.read_market(file, lookback="1d")
    times, end = market.visible.index, market.as_of
    assert as_of.last_closed_bar(market, times[0]) is None
    assert as_of.last_closed_bar(market, times[1] - pd.Timedelta(seconds=1)) is None
    assert as_of.last_closed_bar(market, times[1]) == 0
    assert as_of.last_closed_bar(market, times[-1]) == len(times) - 2
    assert as_of.last_closed_bar(market, end) is None


def zoom(page, box, by: int = -500) -> None:
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4)
    page.keyboard.down("Control")
    page.mouse.wheel(0, by)
    page.keyboard.up("Control")
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)


def readouts(page, box) -> list[tuple]:
    """Return times and prices under fixed points of the chart: where it looks."""
    points = [read(page, box["x"] + box["width"] * at, box["y"] + box["height"] * at) for at in (0.3, 0.5)]
    page.mouse.move(5, 5)
    page.wait_for_timeout(200)
    return [(point["time"], point["price"]) for point in points if point]


@needs_browser
def test_zoom_survives_new_data_of_the_same_market_and_not_another(app, page):
    box = open_chart(page, f"{app}/?source=file&timeframe=7d")
    fitted = readouts(page, box)
    zoom(page, box)
    zoomed, before = readouts(page, box), pixels(page)
    assert len(fitted) == len(zoomed) == 2
    assert zoomed != fitted
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(20):
        slider.press("ArrowRight")
    page.wait_for_url(lambda url: "threshold=20" in url)
    wait_until_redrawn(page, before)
    assert readouts(page, box) == zoomed
    before = pixels(page)
    page.get_by_text("12h", exact=True).click()  # begins after what is looked at has ended
    wait_until_redrawn(page, before)
    page.wait_for_timeout(1000)
    assert all(time >= pd.Timestamp("2026-02-03 12:00") for time, _ in readouts(page, box))
    assert page.complaints == []


@needs_browser
def test_time_travels_plays_and_pauses_and_the_address_reopens_it(app, page, file):
    page.add_init_script(SHIFTS)
    whole = liq.estimate(market_file.read_market(file, lookback="7d"))
    box = open_chart(page, f"{app}/?source=file&timeframe=7d")
    zoom(page, box, -200)
    readouts_before, now = readouts(page, box), pixels(page)
    label = page.get_by_test_id("stMetricLabel").first
    page.evaluate("window.shifts = 0")
    bar = page.get_by_role("slider").last
    bar.focus()
    bar.press("Home")
    page.get_by_text(f"BTC, {whole.times[1]:%d %b %H:%M}").wait_for()
    page.wait_for_url(lambda url: "as_of=2026-01-28T00" in url)
    wait_until_redrawn(page, now)
    assert (
        readouts(page, box) == readouts_before
    )  # the pointer reads on both sides of the moment, and the zoom is kept
    page.get_by_role("button", name="Play").click()
    moments = set()
    for _ in range(3):
        moments.add(label.inner_text())
        expect(label).not_to_have_text(label.inner_text(), timeout=20_000)
    assert len(moments) > 2
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    page.wait_for_timeout(1500)
    stopped, address = label.inner_text(), page.url
    page.wait_for_timeout(2000)
    assert label.inner_text() == stopped
    assert stopped not in ("BTC, end of file", f"BTC, {whole.times[1]:%d %b %H:%M}")
    assert readouts(page, box) == readouts_before
    assert page.evaluate("window.shifts") < 0.02
    page.goto(address)
    page.get_by_text(stopped).wait_for()
    bar = page.get_by_role("slider").last
    bar.focus()
    bar.press("End")
    page.get_by_text("BTC, end of file").wait_for()
    page.wait_for_url(lambda url: "as_of" not in url)
    page.goto(f"{app}/?source=file&timeframe=7d&as_of={whole.times[-30]:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Play").click()
    page.get_by_text("BTC, end of file").wait_for()  # it ends at present, and stops
    page.get_by_role("button", name="Play").wait_for()
    assert page.complaints == []


@needs_browser
def test_nothing_jumps_while_the_price_ticks(app, page):
    page.add_init_script(SHIFTS)
    open_chart(page, f"{app}/?source=simulated&timeframe=1d")
    page.wait_for_timeout(1000)
    page.evaluate("window.shifts = 0")
    price = page.get_by_test_id("stMetricValue").first.inner_text()
    page.wait_for_function(f"document.querySelector('[data-testid=stMetricValue]').innerText !== {price!r}")
    page.wait_for_timeout(500)
    assert page.evaluate("window.shifts") < 0.02
    assert page.complaints == []
