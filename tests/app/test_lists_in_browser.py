"""Lists in a real browser: the watchlist leads to the heatmap, a zone opens, and the map reads anywhere."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from liq.model.estimate import estimate
from liq.sources.files import market_file
from liq.zones.ranking import top_zones
from liq.zones.relief import zones_by_relief
from tests.served import needs_browser

pytestmark = needs_browser

GRID = '[data-testid="stDataFrame"]'
HEAD, ROW = 35, 35
"""Pixels of a table's heading and of a row."""


def cells(page, table: int = 0) -> list[list[str]]:
    """Return what a table says, by row; it is drawn as pixels, but written beside them for those who cannot see."""
    page.wait_for_selector(f"{GRID} canvas td", state="attached")
    return (
        page.locator(GRID)
        .nth(table)
        .locator("table tbody tr")
        .evaluate_all("rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))")
    )


def click(page, row: int) -> None:
    box = page.locator(f"{GRID} canvas").first.bounding_box()
    page.mouse.click(box["x"] + 120, box["y"] + HEAD + ROW * (row + 0.5))


def test_the_watchlist_is_sorted_by_address_and_leads_to_the_heatmap(app, page):
    chosen = "&".join(f"watch={name}" for name in ("BTC", "N0SUCH", "ETH", "LTC"))
    page.goto(f"{app}/watchlist?source=simulated&timeframe=1d&{chosen}&near=2.5&live=false")
    page.get_by_text("has no 'N0SUCH'").wait_for()
    rows = cells(page)
    assert {row[0] for row in rows} == {"BTC", "ETH", "LTC", "N0SUCH"}
    assert rows[-1][0] == "N0SUCH"
    closest = [min(abs(float(cell.strip("+ %"))) for cell in row[2:4]) for row in rows[:-1]]
    assert closest == sorted(closest)
    assert page.get_by_text("2.5 %", exact=True).count() == 1
    slider = page.locator('[data-testid="stSlider"]').filter(has_text="Alert from").get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**size=1M**")
    names = [row[0] for row in cells(page)]
    chosen = next(name for name in names if name != "BTC")  # the ticker that an address need not name
    click(page, names.index(chosen))
    page.wait_for_url(f"**ticker={chosen}**")
    page.wait_for_selector('[data-testid="stVegaLiteChart"] canvas')
    kept = page.url.split("?")[1].split("&")
    assert "/watchlist" not in page.url
    assert {"source=simulated", "timeframe=1d", f"ticker={chosen}"} <= set(kept)
    page.get_by_text(re.compile(rf"^{chosen}, ")).first.wait_for()
    page.get_by_role("link", name="Watchlist").click()
    page.wait_for_url("**watch=BTC&watch=N0SUCH&watch=ETH&watch=LTC**")
    assert {row[0] for row in cells(page)} == {"BTC", "ETH", "LTC", "N0SUCH"}
    # the same address in another browser, on a phone
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(page.url)
    page.get_by_text("has no 'N0SUCH'").wait_for()
    assert [row[0] for row in cells(page)][-1] == "N0SUCH"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.complaints == []


def test_a_zone_opens_and_the_map_reads_anywhere(app, page, file):
    # a recording: which zones both rankings name would depend on the time of day in a market that goes on
    heatmap = estimate(market_file.read_market(file, lookback="3d"))
    by_dollars, by_relief = top_zones(heatmap), zones_by_relief(heatmap)
    kept = by_dollars[by_dollars["low"].isin(by_relief["low"])].index  # those above price are the first table's
    chosen = int(next(row for row in kept if row > 0))
    assert by_dollars["side"][chosen] == "above"
    page.goto(f"{app}/top_zones?source=file&timeframe=3d")
    rows = cells(page)
    click(page, chosen)
    page.get_by_text("trapped if price").wait_for()
    opened = page.locator("strong").get_by_text(rows[chosen][0], exact=True)  # its heading, not its row of the table
    expect(opened).to_be_visible()
    page.wait_for_selector('[data-testid="stVegaLiteChart"]')
    page.get_by_role("radio", name="relief").or_(page.get_by_role("button", name="relief")).first.click()
    page.get_by_text("Ranked by relief").wait_for()
    page.wait_for_timeout(1000)
    expect(opened).to_be_visible()  # the same zone stays open, wherever it stands now
    page.goto(f"{app}/liquidation_map?source=simulated&timeframe=3d&reach=20")
    page.get_by_text("Shorts to +20 %").wait_for()
    chart = page.locator('[data-testid="stVegaLiteChart"]')
    chart.locator("svg, canvas").first.wait_for()
    page.wait_for_timeout(1000)
    box = chart.bounding_box()
    said = []
    for x, y in ((0.8, 0.3), (0.8, 0.8), (0.2, 0.3)):  # over bars, and over nothing
        page.mouse.move(box["x"] + box["width"] * (x - 0.02), box["y"] + box["height"] * y)
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        page.wait_for_timeout(300)
        words = re.findall(r"to [\d,.]+: \$[\d.]+[KMB]? of (?:shorts|longs)", chart.inner_text())
        assert len(words) == 1
        said += words
    assert said[0] == said[1]
    assert said[0].endswith("shorts")
    assert said[2].endswith("longs")
    assert page.complaints == []
