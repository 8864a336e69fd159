"""The app in a real browser: what the controls change, and what stays quiet."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import expect

from liq.charts import colors
from liq.charts.heatmap.window import window
from liq.model.estimate import estimate
from liq.sources.files import market_file
from liq.zones.ranking import top_zones
from tests.browser import CANVAS, open_chart, pixels, read, wait_until_redrawn
from tests.charts.test_png import color_near
from tests.served import needs_browser, served
from tests.venue_server import VenueServer

pytestmark = needs_browser


def test_readout_is_where_the_pointer_is(app, page):
    box = open_chart(page, f"{app}/?source=file&timeframe=7d")
    label = [item for item in page.evaluate("window.written") if re.fullmatch(r"[\d,]+\.\d", item[0])][-1]
    ys = np.linspace(0.2, 0.7, 8)
    readings = [read(page, box["x"] + box["width"] * 0.5, box["y"] + box["height"] * y) for y in ys]
    at = box["height"] * ys
    slope, start = np.polyfit(at, np.log([point["price"] for point in readings]), 1)
    assert slope < 0
    assert np.abs(np.log([point["price"] for point in readings]) - start - slope * at).max() < 2e-4
    # the last price is written on the axis at its line; Vega centres text by lowering it 0.3 of its size
    line = (np.log(float(label[0].replace(",", ""))) - start) / slope
    assert abs(line - (label[2] - 0.3 * 11)) < 1.5


def test_every_control_changes_the_picture_and_stays_in_the_address(app, page):
    open_chart(page, f"{app}/?source=file&timeframe=1d&prior=retail&threshold=40")
    readings = [pixels(page)]
    for change, address in (
        (lambda: page.get_by_text("Klines", exact=True).click(), "klines=false"),
        (lambda: page.get_by_text("All prices", exact=True).click(), "whole=true"),
        (lambda: page.get_by_role("button", name="11-25x").click(), "leverage=1-5x"),
        (lambda: page.get_by_role("slider").nth(1).press("End"), "heat=100"),
        (lambda: page.get_by_role("slider").nth(0).press("Home"), "prior=retail"),
    ):
        change()
        page.mouse.move(5, 5)
        page.wait_for_url(lambda url, part=address: part in url)
        wait_until_redrawn(page, readings[-1])
        page.wait_for_timeout(500)  # the pointer's mark is gone, and whatever else is drawn after the first change
        readings.append(pixels(page))
    assert "threshold" not in page.url  # a default leaves the address
    assert len(set(readings)) == len(readings)
    assert page.complaints == []


def test_realised_liquidations_are_marked_if_switched_on(app, page):
    open_chart(page, f"{app}/?source=simulated&timeframe=1d&live=false")
    marked = pixels(page)
    page.get_by_role("button", name="Layers").click()
    page.get_by_text("Realised liquidations", exact=True).click()
    page.wait_for_url(lambda url: "realised=false" in url)
    page.mouse.move(5, 5)
    wait_until_redrawn(page, marked)
    assert page.complaints == []


def test_downloads_hold_what_is_on_screen(app, page, file):
    heatmap = estimate(market_file.read_market(file, lookback="1d"))
    drawn = window(heatmap)
    open_chart(page, f"{app}/?source=file&timeframe=1d&klines=false")
    taken = {}
    for name in ("Heat CSV", "Heat JSON", "Zones JSON", "Estimate PNG"):
        with page.expect_download(timeout=60_000) as waiting:
            page.get_by_role("button", name=name).click()
        taken[name] = Path(waiting.value.path()).read_bytes()
    table = pd.read_csv(io.BytesIO(taken["Heat CSV"]), parse_dates=["time"])
    assert np.isclose(table[["long", "short"]].sum().sum(), drawn.total.sum(), rtol=1e-3)
    assert str(table["time"].dtype.tz) == "UTC"
    matrix = json.loads(taken["Heat JSON"])
    assert np.abs(np.array(matrix["long"]) - drawn.long).max() <= 0.5
    assert len(json.loads(taken["Zones JSON"])["zones"]) == len(top_zones(heatmap))
    saved = np.asarray(Image.open(io.BytesIO(taken["Estimate PNG"])).convert("RGB")).astype(int)
    shown = Image.open(io.BytesIO(base64.b64decode(pixels(page).split(",")[1])))
    ground = Image.new("RGB", shown.size, colors.GROUND)
    ground.paste(shown.convert("RGB"), mask=shown.split()[3] if shown.mode == "RGBA" else None)
    # the two are of unlike size: each is asked for the colour at the same places of the heat
    where = np.random.default_rng(3).uniform([0.02, 0.08], [0.98, 0.98], (300, 2))
    readings = [at(np.asarray(part).astype(int), where) for part in (saved, ground)]
    alike = np.abs(readings[0] - readings[1]).max(axis=1) <= 24
    assert alike.mean() > 0.85, alike.mean()
    assert np.ptp(readings[1], axis=0).min() > 60  # and not one colour everywhere


def at(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the colours of a picture of the chart at shares of the heat's width and height."""
    drawn = ~color_near(picture, colors.GROUND)
    across = np.flatnonzero(drawn.mean(axis=0) > 0.5)
    across = across[: int(np.argmax(np.append(np.diff(across), 9) > 3)) + 1]  # the book follows after a gap
    down = np.flatnonzero(drawn[:, across].mean(axis=1) > 0.5)
    down = down[: int(np.argmax(np.append(np.diff(down), 99) > 40)) + 1]  # the axis follows after the strip
    x, y = (where * [np.ptp(across), np.ptp(down)] + [across[0], down[0]]).astype(int).T
    return picture[y, x]


def test_moving_a_slider_redraws_and_sends_little(app, page):
    open_chart(page, f"{app}/?source=file&timeframe=7d")
    before = pixels(page)
    page.received.clear()
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(12):
        slider.press("ArrowRight")
    page.wait_for_url(lambda url: "threshold=12" in url)
    wait_until_redrawn(page, before)
    assert max(page.received) < 150_000
    assert page.complaints == []


def test_a_plain_wheel_scrolls_the_page_and_only_control_zooms(app, page):
    box = open_chart(page, f"{app}/?source=file&timeframe=1d")
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(300)
    moved = page.query_selector(CANVAS).bounding_box()["y"]
    assert moved < box["y"]
    page.mouse.move(5, 5)
    page.wait_for_timeout(200)
    before = pixels(page)
    page.mouse.move(middle[0], middle[1] - 100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    assert pixels(page) != before
    page.mouse.dblclick(middle[0], middle[1] - 100)
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    assert pixels(page) == before
    assert page.complaints == []


def test_cold_link_to_a_page_works_and_back_leads_back(file, page):
    with served(LIQ_FILE=str(file)) as address:
        page.goto(f"{address}/top_zones?source=file&timeframe=14d")
        page.get_by_text("Above price (potential squeeze zones)").wait_for()
        assert page.get_by_role("dialog").count() == 0
        page.get_by_text("Prior", exact=True).wait_for()
        assert page.get_by_text("Liquidity threshold").count() == 0  # it does nothing here
        page.get_by_role("link", name="Liquidation map").click()
        page.get_by_test_id("stVegaLiteChart").wait_for()
        page.wait_for_url(lambda url: "timeframe=14d" in url)  # the address follows value by value
        page.go_back()
        page.get_by_text("Above price (potential squeeze zones)").wait_for()
        page.wait_for_url(lambda url: "timeframe=14d" in url)
        for patience in (0, 150, 300):  # a click before the page is drawn loses nothing either
            page.goto(f"{address}/top_zones?source=file&timeframe=14d")
            page.get_by_role("link", name="Liquidation map").wait_for()
            page.wait_for_timeout(patience)
            page.get_by_role("link", name="Liquidation map").click()
            page.wait_for_url(lambda url: "/liquidation_map" in url and "timeframe=14d" in url)
            page.wait_for_selector('[role="radio"][aria-checked="true"]:has-text("14d")')
    assert page.complaints == []


def test_through_real_wire_formats_from_ticker_to_drawn_heatmap(page):
    with VenueServer() as venues, served(LIQ_GATEWAY=venues.url) as address:
        open_chart(page, f"{address}/?timeframe=1d")
        assert page.get_by_text("Simulated market").count() == 0
        before, bitcoin = pixels(page), page.get_by_test_id("stMetricValue").first.inner_text()
        ticker = page.get_by_role("combobox", name="Ticker")
        ticker.click()
        ticker.fill("ETH")
        page.get_by_role("option", name="ETH", exact=True).click()
        wait_until_redrawn(page, before)
        page.wait_for_url(lambda url: "ticker=ETH" in url)
        expect(page.get_by_test_id("stMetricValue").first).not_to_have_text(bitcoin, timeout=20_000)
        assert page.get_by_test_id("stException").count() == 0
        assert page.complaints == []


def test_price_ticks_and_the_chart_keeps_its_zoom(app, page):
    open_chart(page, f"{app}/?source=simulated&timeframe=7d")
    box = page.query_selector(CANVAS).bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 250)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -500)
    page.keyboard.up("Control")
    page.mouse.move(5, 5)
    page.wait_for_timeout(400)
    zoomed, price = pixels(page), page.get_by_test_id("stMetricValue").first.inner_text()
    page.received.clear()
    page.wait_for_function(
        f"document.querySelector('[data-testid=stMetricValue]').innerText !== {price!r}", timeout=20_000
    )
    assert pixels(page) == zoomed
    assert max(page.received) < 10_000
    assert page.complaints == []


def test_fits_a_phone(app, chromium):
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    for name in ("", "top_zones", "liquidation_map", "side_by_side", "background"):
        page.goto(f"{app}/{name}?source=file&timeframe=1d")
        page.get_by_text("education and entertainment").last.wait_for()
        page.wait_for_timeout(600)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.close()
