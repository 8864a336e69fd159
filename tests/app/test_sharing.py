"""Sharing a view, and being told while one looks: link, pictures, the chart alone, alerts on the live price."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from liq.app import chart_cache, session_cache
from liq.charts import liquidation_map
from liq.market import Quote
from liq.sources import fetch, market_cache
from liq.zones.liquidation_map import extend_book
from tests.app.test_pages import start
from tests.browser import CANVAS, open_chart
from tests.served import needs_browser


@pytest.mark.parametrize("page", ["heatmap", "liquidation_map"])
def test_the_link_is_the_view(page):
    app = start(page, timeframe="3d", ticker="ETH")
    assert not app.exception
    [code] = app.code
    assert "timeframe=3d" in code.value
    assert "ticker=ETH" in code.value


def test_the_map_is_a_picture_with_title_and_disclaimer():
    heatmap = session_cache.estimated_heatmap(fetch.fetch("BTC", "1d", "simulated"), "calibrated")
    book = extend_book(heatmap, 0.15)
    data = liquidation_map.datasets(book, "Leverage", 0.15, True, None)
    spec = liquidation_map.spec(tuple(liquidation_map.groupings(book)["Leverage"]))
    bare, titled = (
        chart_cache.chart_png(data, {**spec, **title})
        for title in ({}, {"title": {"text": "BTC", "subtitle": "Estimated structure"}})
    )
    pictures = [Image.open(io.BytesIO(picture)) for picture in (bare, titled)]
    assert {picture.size for picture in pictures} == {(1600, 860)}
    assert bare != titled


@needs_browser
def test_embedded_is_the_chart_alone(app, page):
    open_chart(page, f"{app}/?source=file&timeframe=1d&embed=true")
    assert page.locator(CANVAS).count() == 1
    assert page.get_by_test_id("stMetric").count() == 0
    assert page.get_by_role("button", name="Play").count() == 0
    assert page.get_by_text("education and entertainment").last.is_visible()
    assert page.complaints == []


def test_price_near_a_strong_zone_of_the_market_on_screen_is_said_once():
    def script() -> None:
        import streamlit as st

        from liq.app import live_price as module
        from liq.app.view import View
        from liq.model.leverage_bands import BANDS
        from liq.sources import fetch as source

        market = source.fetch("BTC", "1d", "simulated")
        view = View("BTC", "simulated", "1d", 0, 20, True, True, tuple(BANDS), "calibrated", False, True)
        module._alert(market, view, st.session_state.quote_now)

    market = fetch.fetch("BTC", "1d", "simulated")
    heatmap = session_cache.estimated_heatmap(market, "calibrated")
    zones = session_cache.strongest_zones(heatmap)
    strong = zones[zones["usd"] >= 2.5e6].iloc[0]
    away, near = float(market.price), float(strong["low"] if strong["side"] == "above" else strong["high"])
    app, now = AppTest.from_function(script), market_cache.utc_now()
    said = []
    for minute, price in enumerate((away, near, near)):
        app.session_state.quote_now = Quote(market.symbol, price, now + pd.Timedelta(minutes=minute), "simulated")
        app.run()
        assert not app.exception
        said.append(len(app.toast))
    assert said[0] == said[2] == 0
    assert said[1] >= 1, "a jump over several zones tells of each"
