"""The heatmap page over time, in a real browser: what a moment of the past shows, and what outlives a refresh."""

from __future__ import annotations

from tests.browser import open_chart, pixels, read
from tests.served import needs_browser

pytestmark = needs_browser


def zoom(page, box, by: int = -500) -> None:
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4)
    page.keyboard.down("Control")
    page.mouse.wheel(0, by)
    page.keyboard.up("Control")
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)


def seen(page, box) -> list[tuple]:
    """Return times and prices under fixed points of the chart: where it looks."""
    points = [read(page, box["x"] + box["width"] * at, box["y"] + box["height"] * at) for at in (0.3, 0.5)]
    page.mouse.move(5, 5)
    page.wait_for_timeout(200)
    return [(point["time"], point["price"]) for point in points if point]


def test_zoom_survives_new_data_of_the_same_market(app, page):
    box = open_chart(page, f"{app}/?source=file&timeframe=7d")
    fitted = seen(page, box)
    zoom(page, box)
    zoomed, before = seen(page, box), pixels(page)
    assert len(fitted) == len(zoomed) == 2
    assert zoomed != fitted
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(60):
        slider.press("ArrowRight")
    page.wait_for_timeout(2500)
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    assert pixels(page) != before
    assert seen(page, box) == zoomed
    assert page.complaints == []
