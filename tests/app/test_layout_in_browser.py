"""The page in a real browser at the sizes people have: theme, heights, and what a phone shows."""

from __future__ import annotations

import pytest

from liq.app.parts.context import NAMES
from tests.browser import CANVAS, open_chart, read
from tests.served import needs_browser, served
from tests.venue_server import VenueServer, formula

pytestmark = needs_browser


def test_dark_is_the_default_and_light_a_choice_that_stays(app, chromium):
    context = chromium.new_context(viewport={"width": 1500, "height": 900}, color_scheme="light")
    page, ground = (
        context.new_page(),
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor",
    )
    page.goto(f"{app}/?source=file&timeframe=1d")
    page.wait_for_function(f"document.querySelector('[data-testid=stApp]') && {ground} === 'rgb(11, 14, 20)'")
    page.wait_for_selector(CANVAS)
    page.get_by_test_id("stMainMenuButton").click()
    page.get_by_role("menuitemradio", name="Light").or_(page.get_by_role("radio", name="Light")).first.click()
    page.wait_for_function(f"{ground} === 'rgb(255, 255, 255)'")
    page.reload()
    page.wait_for_selector(CANVAS)
    page.wait_for_function(f"{ground} === 'rgb(255, 255, 255)'")
    corner = f"document.querySelector('{CANVAS}').getContext('2d').getImageData(2, 2, 1, 1).data"
    page.wait_for_function(f"[...{corner}].slice(0, 3).every(part => part === 255)")  # the chart is made for it
    context.close()


@pytest.mark.parametrize(("width", "height", "least"), [(390, 844, 480), (1500, 900, 480), (2560, 1440, 1000)])
def test_the_chart_takes_the_height_of_the_window(app, chromium, width, height, least):
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme="dark")
    page = context.new_page()
    box = open_chart(page, f"{app}/?source=file&timeframe=1d")
    assert least <= box["height"] < height
    assert page.get_by_test_id("stMetric").first.is_visible() == (width > 640)
    assert page.locator(".st-key-phone_figures").is_visible() == (width < 640)
    assert page.locator(".st-key-phone_controls").is_visible() == (width < 640)
    if width < 640:
        page.locator(".st-key-phone_controls").get_by_role("combobox").nth(1).click()
        page.get_by_role("option", name="3d", exact=True).click()
        page.wait_for_url("**timeframe=3d**")
    context.close()


def test_context_panels_stand_under_the_heat_and_read_at_the_pointer(page):
    with VenueServer() as venues, served(LIQ_GATEWAY=venues.url) as address:
        before = open_chart(page, f"{address}/?source=binanceusdm&timeframe=1d&live=false")
        page.get_by_role("button", name="Layers").click()
        for name in NAMES:
            page.get_by_role("button", name=name).click()
            page.wait_for_url(f"**panels={name.replace(' ', '+').replace(':', '')}**")
            page.wait_for_timeout(1200)
        page.keyboard.press("Escape")
        box = page.query_selector(CANVAS).bounding_box()
        assert box["height"] == before["height"]
        reading = read(page, box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
        words = {text: (x, y) for text, x, y in page.evaluate("window.written")}
        moment = reading["time"].tz_localize("UTC")
        settled = moment.floor("8h").value // 1_000_000
        rate = float(formula.funding("binanceusdm", "BTC", settled))
        shown = next(text for text in words if text.endswith("%") and text[0] in "+−" and "." in text)
        assert abs(float(shown.replace("−", "-")[:-1]) / 100 - rate) <= 0.006 * abs(rate) + 1e-6
        ms = moment.value // 1_000_000
        bought = float(formula.taker_share("binanceusdm", "BTC", ms)) - 0.5
        delta = next(text for text in words if "$" in text and text[0] in "+−")
        assert delta.startswith("+" if bought > 0 else "−")
        assert page.get_by_text("Funding rate: Binance, last of").count() == 1
        assert page.complaints == []


def test_a_drag_with_shift_and_a_click_on_the_map_say_where_price_goes(app, page):
    box = open_chart(page, f"{app}/?source=file&timeframe=1d")
    x, top, bottom = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.35, box["y"] + box["height"] * 0.75
    aimed = read(page, x, bottom)["price"]
    page.mouse.move(x, top)
    page.keyboard.down("Shift")
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x, top + (bottom - top) * step / 8)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.get_by_text("On the way to").wait_for()
    page.wait_for_url("**goes_to=**")
    taken = float(page.url.split("goes_to=")[1].split("&")[0])
    now = float(page.get_by_test_id("stMetricValue").first.inner_text().replace(",", ""))
    drawn = read(page, x, top)["price"]
    assert now - aimed > 2 * abs(drawn - now)  # the farther end is taken
    assert abs(taken / aimed - 1) < 2e-3
    page.goto(f"{app}/liquidation_map?source=file&timeframe=1d")
    chart = page.locator('[data-testid="stVegaLiteChart"]')
    chart.locator("svg, canvas").first.wait_for()
    page.wait_for_timeout(1200)
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.wait_for_url("**goes_to=**")
    assert float(page.url.split("goes_to=")[1].split("&")[0]) < now
    page.get_by_text("of longs sold").wait_for()
    assert page.complaints == []
