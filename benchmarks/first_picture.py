"""What a person waits for a venue's first picture: `python -m benchmarks.first_picture [venue ...] [--log]`.

Every row starts a server of its own with an empty cache folder, behind the local venue server, which answers each
request after 150 ms, as across an ocean. The browser opens 7d, then chooses 3d; then the server is started again
with what the first one left on disk. ``something`` is the first canvas, ``picture`` the canvas with the map.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from liq.sources.venues.table import VENUES
from tests.served import CHROMIUM, FLAGS, served_process
from tests.venue_server import VenueServer

LATENCY = 0.15
RUNS = 2
CANVAS = '[data-testid="stVegaLiteChart"] canvas'
DONE = '[data-testid="stDownloadButton"]'
"""Drawn by the page after the map."""


def refused(server: VenueServer) -> None:
    """Let Binance and Bybit refuse, as they do a host in the United States."""
    server.fail("binanceusdm", "451")
    server.fail("bybit", "403")


def silent(server: VenueServer) -> None:
    """Let Binance take ten seconds for each answer."""
    server.fail("binanceusdm", "slow")


CASES: dict[str, tuple[str, Callable[[VenueServer], None] | None]] = {
    **{name: (name, None) for name in VENUES},
    "simulated": ("simulated", None),
    "auto": ("auto", None),
    "auto, Binance and Bybit refuse": ("auto", refused),
    "auto, Binance is silent": ("auto", silent),
    "all": ("all", None),
}


def opened(browser: Browser, address: str, source: str) -> tuple[Page, dict[str, float]]:
    """Open the page and return it with the seconds to its first canvas and to its map."""
    page = browser.new_page(viewport={"width": 1500, "height": 900})
    page.set_default_timeout(60_000)
    began = time.perf_counter()
    page.goto(f"{address}/?source={source}&live=false")
    page.wait_for_selector(CANVAS)
    something = time.perf_counter() - began
    page.wait_for_selector(DONE)
    page.wait_for_selector(CANVAS)
    return page, {"something": something, "picture": time.perf_counter() - began}


def other_timeframe(page: Page) -> float:
    """Choose 3d and return the seconds until its map is drawn."""
    began = time.perf_counter()
    page.get_by_role("radio", name="3d", exact=True).click()
    page.get_by_text("in 3d").first.wait_for()
    page.wait_for_selector(DONE)
    page.wait_for_function("!document.querySelector('[data-stale=\"true\"]')")
    page.wait_for_selector(CANVAS)
    return time.perf_counter() - began


def measure(
    browser: Browser, source: str, faults: Callable[[VenueServer], None] | None, log: bool
) -> dict[str, float]:
    """Return one row's figures."""
    with VenueServer(latency=LATENCY) as server, tempfile.TemporaryDirectory() as kept:
        if faults is not None:
            faults(server)
        environment = {"LIQ_GATEWAY": server.url, "LIQ_CACHE": kept}
        with served_process(**environment) as (address, _):
            page, figures = opened(browser, address, source)
            figures["requests"] = server.calls.total()
            if log:
                print_log(server.log)
            server.forget()
            figures["3d"] = other_timeframe(page)
            page.wait_for_timeout(1500)
            figures["requests, 3d"] = server.calls.total()
            page.close()
        with served_process(**environment) as (address, _):
            page, again = opened(browser, address, source)
            figures["after restart"] = again["picture"]
            page.close()
    return figures


def print_log(log: list[tuple[str, str]]) -> None:
    """Print what the venues were asked, in order."""
    for venue, asked in log:
        print(f"    {venue:<14}{asked[:110]}")


def main() -> None:
    """Print the table, medians of RUNS."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_picture", description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="rows to measure; all without")
    parser.add_argument("--log", action="store_true", help="print what each venue is asked, in order")
    parser.add_argument("--runs", type=int, default=RUNS)
    chosen = parser.parse_args()
    with sync_playwright() as play:
        browser: Any = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in chosen.cases or CASES:
            runs = [measure(browser, *CASES[name], chosen.log and not run) for run in range(chosen.runs)]
            figures = {figure: median(run[figure] for run in runs) for figure in runs[0]}
            print(f"{name:<32}" + "  ".join(f"{figure} {value:.1f}" for figure, value in figures.items()), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
